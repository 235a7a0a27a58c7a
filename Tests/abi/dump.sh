#!/bin/bash
# Writes the ABI that a header declares, in libabigail's XML, to standard output. (The library's own debug
# information is Swift's and knows no C types; so the ABI is taken from a library compiled from the header's
# declarations alone. That libresnet implements them is checked by the Swift compiler, that it exports them
# and nothing else by Tests/c/exports.sh.)
#
# usage: dump.sh HEADER SONAME
set -euo pipefail
header=$(realpath "$1") soname=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every declaration of a function, with a body.
{
  echo "#include \"$header\""
  gcc -E -P "$header" | tr '\n' ' ' | sed 's/;/;\n/g' |
    sed -nE '/typedef|\{/d; s/^ *(.*\brn_[a-z0-9_]+\(.*\));$/\1 { __builtin_trap(); }/p'
} >"$work/abi.c"
grep -q '{ __builtin_trap(); }' "$work/abi.c" || { echo "dump.sh: $header declares nothing" >&2; exit 1; }

# All types, used by a function or not.
(cd "$work" && gcc -std=c11 -Wall -Wextra -Wno-unused-parameter -Werror -g -O0 -shared -fPIC \
  -fno-eliminate-unused-debug-types "-Wl,-soname=$soname" abi.c -o "$soname")
abidw --headers-dir "$(dirname "$header")" --drop-private-types --no-corpus-path --no-comp-dir-path \
  --no-show-locs --type-id-style hash "$work/$soname"
