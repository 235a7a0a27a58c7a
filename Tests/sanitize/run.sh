#!/bin/bash
# Runs what the sanitizers can see into:
#
#   address   AddressSanitizer, and UndefinedBehaviorSanitizer for C: the Swift tests of the kernels, of
#             images and of damaged files; the C tests; the misuse test
#   thread    ThreadSanitizer: the Swift tests of what threads share
#   valgrind  the misuse test once more, for memory that is used before it is set
#
# usage: run.sh [address] [thread] [valgrind]   (default: all)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- address thread valgrind

export RESNET_SANITIZED=1
export ASAN_OPTIONS=detect_leaks=0 # valgrind looks for them, see Tests/c/run.sh
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
build() { # SANITIZER [OPTION ...]
  flags=(-c release --scratch-path ".build/$1" "--sanitize=$1" -Xswiftc -enable-testing "${@:2}")
  swift build --build-tests "${flags[@]}"
}
tests() { swift test --skip-build --disable-xctest "${flags[@]}" --filter "$1"; }

check_address() {
  local undefined=(-Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=undefined)
  build address "${undefined[@]}"
  tests 'KernelTests|ResNetTests\.(Data|HDF5|Hostile|Storage|Response|View|TrainingStep|Inference)'
  local work library
  work=$(mktemp -d)
  library=$(swift build "${flags[@]}" --show-bin-path)
  mkdir "$work/library"
  cp "$library/libResNetShared.so" "$work/library/libresnet.so.1"
  ln -s libresnet.so.1 "$work/library/libresnet.so"
  clang -std=c99 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -Iinclude \
    -DHDF5_FILES="\"$root/Tests/hdf5\"" Tests/c/api/*.c -L"$work/library" -lresnet -lm -lpthread \
    -Wl,-rpath,"$work/library" -o "$work/api_test"
  (cd "$work" && ./api_test | tail -n 1)
  CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=undefined' \
    Tests/misuse/run.sh "$work/library"
  rm -r "$work"
}

check_thread() {
  build thread
  tests 'ResNetTests\.(ThreadPool|TrainingLoader|TrainingFit|Determinism|Data|View|Storage|HDF5)'
}

check_valgrind() {
  local work
  work=$(mktemp -d)
  env -u RESNET_SANITIZED make -s library
  # Valgrind knows neither AVX-512 nor the newest debug information.
  strip --strip-debug -o "$work/libresnet.so.1" .build/release/libResNetShared.so
  ln -s libresnet.so.1 "$work/libresnet.so"
  RESNET_ISA=avx2 CFLAGS=-gdwarf-4 Tests/misuse/run.sh "$work" valgrind -q --error-exitcode=1 \
    --suppressions=Tests/c/valgrind.supp
  rm -r "$work"
}

for check; do
  echo "== $check"
  time "check_$check"
done
