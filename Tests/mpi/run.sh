#!/bin/bash
# Trains with 2 and 4 ranks on this machine: from C, from Python and by the command.
#
# usage: run.sh PYTHON
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LD_LIBRARY_PATH="$root/build"

# More ranks than cores is what is meant, and so is being root in a container.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
ranks() { timeout 120 mpirun --oversubscribe -n "$@"; }

build=(mpicc -std=c99 -Wall -Wextra -pedantic -Werror -O1 "-I$root/include" "-I$root/bindings/mpi")
link=("-L$root/build" -lresnet-mpi -lresnet -lm)
"${build[@]}" "$root/Tests/mpi/ranks_test.c" "${link[@]}" -o "$work/ranks_test"
"${build[@]}" "$root/Examples/c/train_mpi.c" "${link[@]}" -o "$work/train_mpi"

for count in 1 2 4; do
  ranks $count "$work/ranks_test" same
done
ranks 2 "$work/ranks_test" same funnelled
ranks 4 "$work/ranks_test" communicators
ranks 4 "$work/ranks_test" cancel

export PYTHONPATH="$root/bindings/python" LIBRESNET="$root/build/libresnet.so"
python=$(realpath -s "$1")
for count in 2 4; do
  ranks $count "$python" "$root/Tests/mpi/ranks.py"
done
"$python" "$root/Tests/mpi/command.py" "$root/build/resnet"

# A rank that dies ends the others, and one that does not answer, within the seconds given.
for way in die stall; do
  begin=$SECONDS
  if ranks 2 "$work/ranks_test" $way >"$work/log" 2>&1; then
    cat "$work/log"
    echo "run.sh: the ranks went on without one that did $way" >&2
    exit 1
  fi
  took=$((SECONDS - begin))
  [ $took -le 20 ] || { cat "$work/log" && echo "run.sh: $way took $took seconds" >&2 && exit 1; }
  echo "$way: all ended after $took seconds"
done
grep -q 'has waited 2 seconds for the others' "$work/log" || { cat "$work/log" && exit 1; }
