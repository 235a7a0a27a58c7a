#!/bin/bash
# Builds the library with coverage, AddressSanitizer and, for C, UndefinedBehaviorSanitizer, and lets
# libFuzzer try its targets (Tests/fuzz/Targets), one after another.
#
# usage: run.sh SECONDS [TARGET ...]   (default: all; SECONDS of processor time are for each)
#
# What it learns is kept in build/fuzz/TARGET. What it finds is in build/fuzz/findings; once mended, it
# belongs into Tests/fuzz/regressions/TARGET, which the Swift tests replay.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=$1
shift
targets=("$@")
cd "$root"
[ ${#targets[@]} -gt 0 ] ||
  mapfile -t targets < <(sed -n 's/^  case \([a-z0-9]*\)$/\1/p' Tests/fuzz/Targets/FuzzTarget.swift)

export RESNET_FUZZ=1
build=(swift build -c release --product fuzz --scratch-path .build/fuzz
  -Xswiftc -sanitize=fuzzer,address
  -Xcc -fsanitize=fuzzer-no-link,address,undefined -Xcc -fno-sanitize-recover=undefined)
"${build[@]}"
fuzz=$("${build[@]}" --show-bin-path)/fuzz

findings=build/fuzz/findings
mkdir -p $findings
# Its files are small and many.
[ -d /dev/shm ] && export TMPDIR=/dev/shm
# The stack that the sanitizers print is enough.
export SWIFT_BACKTRACE=enable=no
status=0
for target in "${targets[@]}"; do
  seeds=("Tests/fuzz/seeds/$target")
  [ -d "${seeds[0]}" ] || seeds=(Tests/hdf5)
  [ -d "Tests/fuzz/regressions/$target" ] && seeds+=("Tests/fuzz/regressions/$target")
  mkdir -p "build/fuzz/$target"
  log=build/fuzz/$target.log
  echo "== $target"
  # A minute is more than any of these inputs may take, however busy the machine is.
  FUZZ_TARGET=$target "$fuzz" -max_len=32768 -timeout=60 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$findings/$target-" \
    "build/fuzz/$target" "${seeds[@]}" >"$log" 2>&1 &
  # libFuzzer can only count the hours of a clock, which on a busy machine are little work.
  used=0
  while [ "$used" -lt "$seconds" ] && now=$(ps -o cputimes= -p $!); do
    used=$((now))
    sleep 0.5
  done
  kill -USR1 $! 2>/dev/null || true
  wait $! || status=1
  grep -E '^(SUMMARY|.*(Fatal error|runtime error|ERROR):)|Test unit written' "$log" || true
  grep '^#' "$log" | tail -n 1
  grep 'number_of_executed_units' "$log" || true
  echo "processor time: $used s"
done
exit $status
