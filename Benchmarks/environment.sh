#!/bin/sh
# Makes a Python environment, or adds to it, so that it has what a file of requirements names.
# Instant when it has: a copy of the file is kept in the environment once all is installed.
#
# usage: environment.sh DIRECTORY REQUIREMENTS
set -eu
environment=$1 requirements=$2
stamp=$environment/requirements/$requirements

if cmp -s "$requirements" "$stamp"; then exit 0; fi
if [ ! -e "$environment" ]; then
  python3 -m venv "$environment"
elif [ ! -x "$environment/bin/pip" ]; then
  echo "$environment is not a Python environment; remove it or set RESNET_BENCH_ENV" >&2
  exit 1
fi
echo "installing $requirements in $environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
mkdir -p "${stamp%/*}"
cp "$requirements" "$stamp"
