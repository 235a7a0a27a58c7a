#!/bin/bash
# Installs a wheel into a new environment that has nothing else, and trains, saves and predicts with it,
# without a compiler, a checkout or any library of the system's but the C library's own and zlib.
#
# usage: run.sh WHEEL
set -euo pipefail
here=$(realpath "$(dirname "$0")")
wheel=$(realpath "$1")
case $wheel in
  *-py3-none-manylinux_2_*_*.whl) ;;
  *) echo "error: $wheel is not for manylinux" >&2; exit 1 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv environment
environment/bin/pip install --quiet --disable-pip-version-check "$wheel"
packages=$(environment/bin/pip list --format=freeze | cut -d= -f1 | grep -vx 'pip\|setuptools' | paste -sd' ')
[ "$packages" = 'numpy resnet' ] || { echo "error: it brings $packages" >&2; exit 1; }
env -i PATH=/nowhere environment/bin/python -I "$here/use.py"
