#!/bin/bash
# Generates the misuse test from the header, builds it and runs it on a library.
#
# usage: run.sh [DIRECTORY of libresnet.so (default: build) [COMMAND to run it under ...]]
# CFLAGS in the environment are added to those of the program.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
library=$(cd "${1:-$root/build}" && pwd)
shift || true
python=$root/build/venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

generate=("$python" "$root/Tests/misuse/generate.py")
"${generate[@]}" "$root/include/resnet.h" "$work"
# What is new in the header must not go untested.
{ cat "$root/include/resnet.h" && echo 'rn_status rn_model_new(rn_model *model, int32_t novelty);'; } \
  >"$work/new.h"
if "${generate[@]}" "$work/new.h" "$work" 2>"$work/log"; then
  echo "run.sh: a parameter without a rule was passed over" && exit 1
fi
grep -q 'rn_model_new' "$work/log"
read -ra flags <<<"-std=c11 -Wall -Wextra -Werror -O1 -g ${CFLAGS:-}"
clang "${flags[@]}" -I"$root/include" -I"$root/Tests/misuse" -I"$work" \
  "$root"/Tests/misuse/*.c "$work/misuse.c" -L"$library" -lresnet -o "$work/misuse"
mkdir "$work/files"
"$python" "$root/Tests/misuse/files.py" "$work/files"
cd "$work/files"
LD_LIBRARY_PATH=$library "$@" "$work/misuse" >"$work/log" 2>"$work/errors" && status=0 || status=$?
cat "$work/log"
# The library has nothing to say on the host's standard error.
if [ -s "$work/errors" ]; then cat "$work/errors" >&2; status=1; fi
exit $status
