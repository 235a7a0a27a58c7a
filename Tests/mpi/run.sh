#!/bin/bash
# Trains with 2 and 4 ranks on this machine: from C, from Python and by the command, with each of Debian's MPIs.
#
# usage: run.sh PYTHON
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=$(realpath -s "$1")
path=$PATH

# More ranks than cores is what is meant, and so is being root in a container.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
export PYTHONPATH="$root/bindings/python" LIBRESNET="$root/build/libresnet.so"
ranks() { timeout 120 mpirun -n "$@"; }

for mpi in openmpi mpich; do
  here=$work/$mpi
  mkdir "$here"
  # `mpicc` and `mpirun`, in whatever runs them, are this one's.
  for program in mpicc mpirun; do
    printf '#!/bin/sh\nexec %s "$@"\n' "$(PATH=$path command -v $program.$mpi)" >"$here/$program"
    chmod +x "$here/$program"
  done
  export PATH="$here:$path" LD_LIBRARY_PATH="$here:$root/build" MPI4PY_MPIABI=$mpi
  # mpi4py looks for MPICH's ABI by the name that MPICH itself gives its library, and Debian does not.
  [ $mpi = openmpi ] || ln -s "$(gcc -print-file-name=libmpich.so.12)" "$here/libmpi.so.12"
  make --silent -C "$root" mpi MPI_FOLDER="$here"

  build=(mpicc -std=c99 -Wall -Wextra -pedantic -Werror -O1 "-I$root/include" "-I$root/bindings/mpi")
  link=("-L$here" "-L$root/build" -lresnet-mpi -lresnet -lm)
  "${build[@]}" "$root/Tests/mpi/ranks_test.c" "${link[@]}" -o "$here/ranks_test"
  "${build[@]}" "$root/Examples/c/train_mpi.c" "${link[@]}" -o "$here/train_mpi"

  for count in 1 2 4; do
    ranks $count "$here/ranks_test" same
  done
  ranks 2 "$here/ranks_test" same funnelled
  ranks 4 "$here/ranks_test" communicators
  ranks 4 "$here/ranks_test" cancel
  ranks 2 "$here/ranks_test" refused
  for count in 2 4; do
    ranks $count "$python" "$root/Tests/mpi/ranks.py"
  done
  # After a signal to mpirun the ranks finish their step: it waits for so long, however soon they end.
  OMPI_MCA_odls_base_sigkill_timeout=4 "$python" "$root/Tests/mpi/command.py" "$root/build/resnet"

  # A rank that dies ends the others, and one that does not answer, within the seconds given.
  for way in die stall late; do
    begin=$SECONDS
    if ranks 2 "$here/ranks_test" $way >"$here/log" 2>&1; then
      cat "$here/log"
      echo "run.sh: the ranks went on without one that did $way" >&2
      exit 1
    fi
    took=$((SECONDS - begin))
    [ $took -le 20 ] || { cat "$here/log" && echo "run.sh: $way took $took seconds" >&2 && exit 1; }
    [ $way = die ] || grep -q 'has waited 2 seconds for the others' "$here/log" || { cat "$here/log" && exit 1; }
    echo "$way: all ended after $took seconds"
  done
  echo "run.sh: all passed with $mpi"
done
