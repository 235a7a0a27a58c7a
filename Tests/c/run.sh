#!/bin/sh
# Builds the C tests and examples against the shared library, with gcc and clang, and runs them.
#
# usage: run.sh [DIRECTORY of libresnet.so (default: build) [LIBRARY with symbols, for valgrind]]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
library=$(cd "${1:-$root/build}" && pwd)
symbols=$(realpath "${2:-$root/.build/release/libResNetShared.so}")
tests=$root/Tests/c
examples=$root/Examples/c
images=$root/bindings/python/tests/golden/images
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"

flags="-std=c99 -Wall -Wextra -pedantic -Werror -O1 -I$root/include"
link="-L$library -lresnet -lm -lpthread"
export LD_LIBRARY_PATH="$library"
isas=portable
grep -qw avx2 /proc/cpuinfo && isas="$isas avx2"
grep -qw avx512f /proc/cpuinfo && isas="$isas avx512"

"$tests/exports.sh" "$root/include/resnet.h" "$library/libresnet.so"
for function in $(grep -oE '^[a-z][a-z_0-9 *]*\brn_[a-z0-9_]+\(' "$root/include/resnet.h" | grep -oE 'rn_[a-z0-9_]+'); do
  grep -qw "$function" "$root/include/resnet.hpp" ||
    { echo "run.sh: resnet.hpp does not have $function" && exit 1; }
done

# Where numbers have a comma, and where the capital of i is not I.
mkdir locales
for locale in de_DE tr_TR; do localedef -i $locale -f UTF-8 locales/$locale.UTF-8; done

for cc in gcc clang; do
  command -v $cc >/dev/null || { echo "run.sh: there is no $cc here" && exit 1; }
  echo "== $cc"
  $cc $flags -DHDF5_FILES="\"$root/Tests/hdf5\"" "$tests"/api/*.c $link -o api_test
  $cc $flags "$tests/isa_test.c" $link -o isa_test
  $cc $flags "$tests/dlopen_test.c" -lpthread -ldl -o dlopen_test
  $cc $flags "$tests/guest_test.c" $link -o guest_test
  $cc $flags "$examples/train.c" $link -o train
  $cc $flags "$examples/classify.c" $link -o classify
  for standard in 17 20; do
    cxx="$cc -x c++ -std=c++$standard -Wall -Wextra -pedantic -Wconversion -Wshadow -Werror"
    $cxx -I"$root/include" "$tests/header_test.cpp" $link -o header_test
    $cxx -I"$root/include" "$tests/wrapper_test.cpp" $link -lstdc++ -o wrapper_test
    $cxx -I"$root/include" "$examples/../cpp/classify.cpp" $link -lstdc++ -o classify-cpp
    ./header_test
    ./wrapper_test
  done
  ./dlopen_test "$library/libresnet.so.1"
  LOCPATH=$work/locales ./guest_test "$images/a-wide.jpg" de_DE.UTF-8 tr_TR.UTF-8
  RESNET_ISA=nonsense ./isa_test refused
  for isa in $isas; do
    RESNET_ISA=$isa ./isa_test $isa
    count=$(RESNET_ISA=$isa ./api_test | tee api_test.log | tail -n 1)
    echo "$isa: $count"
    case $count in *' passed, 0 failed') ;; *) cat api_test.log && exit 1 ;; esac
  done
done

echo "== without memory"
gcc $flags -std=c11 -I"$root/Sources/CReserve/include" "$tests/reserve_test.c" \
  "$root/Sources/CReserve/reserve.c" -lpthread -o reserve_test
./reserve_test
gcc $flags "$tests"/memory/*.c $link -o memory_test
./memory_test "$images/a-wide.jpg" 97
./memory_test "$images/c-square.png" 211

echo "== faults"
for program in kill_test disk_test; do
  clang -std=c11 -Wall -Wextra -pedantic -Werror -O1 -I"$root/include" "$tests/$program.c" $link \
    -o $program
  ./$program
done

echo "== examples"
./train -o model.h5 | tr '\r' '\n' | tail -n 2 | tee train.log
awk '/^test loss/ { sub("%", "", $5); found = 1; exit !($5 + 0 >= 90) } END { if (!found) exit 1 }' \
  train.log || { echo "run.sh: the example has learned too little" && exit 1; }
# Two grey images of 16x16 whose rows, and columns, alternate two by two.
python3 - <<'END'
import struct, zlib
def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
def grey(pixels):
    header = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(row) for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
rows = [[210 if y // 2 % 2 else 100 for x in range(16)] for y in range(16)]
open("rows.png", "wb").write(grey(rows))
open("columns.png", "wb").write(grey(list(zip(*rows))))
END
for program in classify classify-cpp; do
  ./$program model.h5 rows.png columns.png | tee classify.log
  grep -qE '^rows.png: rows (0\.[0-9]{4}|1\.0000)$' classify.log
  grep -qE '^columns.png: columns (0\.[0-9]{4}|1\.0000)$' classify.log
  for bad in missing.png model.h5; do
    if ./$program model.h5 $bad 2>error.log; then echo "run.sh: $bad was classified" && exit 1; fi
    grep -q "$bad" error.log
  done
done

# qemu knows no AVX-512, and of a Nehalem neither AVX nor FMA: an instruction that the processor
# lacks ends the program, wherever it is executed.
echo "== older processors"
[ "$(uname -m)" = x86_64 ] && olds="Haswell:avx2 Nehalem:portable" || olds=
for old in $olds; do
  for program in "isa_test ${old#*:}" "train -e 1 -n 16 -o old.h5" "classify old.h5 rows.png columns.png"; do
    env -u RESNET_ISA qemu-x86_64 -cpu "${old%:*}" ./$program >qemu.log 2>&1 || { cat qemu.log && exit 1; }
  done
  echo "${old%:*}: runs on ${old#*:}"
done

echo "== valgrind"
# Valgrind knows neither AVX-512 nor the newest debug information, but needs the names of functions.
case $isas in *avx2*) isa=avx2 ;; *) isa=portable ;; esac
mkdir plain
strip --strip-debug -o plain/libresnet.so.1 "$symbols"
for program in "train -e 1 -n 16 -o small.h5" "classify small.h5 rows.png columns.png"; do
  LD_LIBRARY_PATH=$work/plain RESNET_ISA=$isa \
    valgrind -q --error-exitcode=1 --leak-check=full --suppressions="$tests/valgrind.supp" \
    ./$program >valgrind.log 2>&1 || { cat valgrind.log && exit 1; }
  echo "$program: no errors, no leaks"
done
echo "run.sh: all passed"
