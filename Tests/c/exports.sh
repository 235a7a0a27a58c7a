#!/bin/sh
# Fails unless the library exports exactly the functions that the header declares. (That their
# types agree is checked by the Swift compiler: Sources/ResNetC implements the header's own
# declarations.) The Swift runtime must be inside the library, not among what it needs; and the library must
# stay small.
#
# usage: exports.sh HEADER LIBRARY
set -eu
header=$1 library=$2
declared=$(${CC:-cc} -E -P -x c "$header" | tr '\n' ' ' | grep -oE '\brn_[a-z0-9_]+ *\(' |
  tr -d ' (' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '$2 ~ /[A-Z]/ { print $3 }' | sort -u)
[ -n "$declared" ] || { echo "exports.sh: $header declares nothing" && exit 1; }
if [ "$declared" != "$exported" ]; then
  echo "exports.sh: $header declares (<) other functions than $library exports (>):"
  printf '%s\n' "$declared" >"${TMPDIR:-/tmp}/declared.$$"
  printf '%s\n' "$exported" | diff "${TMPDIR:-/tmp}/declared.$$" - || true
  rm -f "${TMPDIR:-/tmp}/declared.$$"
  exit 1
fi
needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
case $needed in *swift*)
  echo "exports.sh: $library needs the Swift runtime of the machine:" $needed
  exit 1 ;;
esac
soname=libresnet.so.$(sed -n 's/^#define RN_VERSION_MAJOR //p' "$header")
[ "$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')" = "$soname" ] ||
  { echo "exports.sh: the soname of $library is not $soname" && exit 1; }
size=$(wc -c <"$(realpath "$library")") limit=6000000
[ "$size" -le $limit ] || { echo "exports.sh: $library has $size bytes, more than $limit" && exit 1; }
echo "exports.sh: $size bytes, $(echo "$declared" | wc -l) functions, declared and exported"
