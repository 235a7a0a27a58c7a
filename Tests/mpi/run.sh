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
waited='has waited 2 seconds for the others'

# usage: ends WHAT SAYING COMMAND...; two ranks that must end soon, and not well.
ends() {
  local begin=$SECONDS wrong=
  if ranks 2 "${@:3}" >"$work/log" 2>&1; then wrong+=' the ranks went on;'; fi
  local took=$((SECONDS - begin))
  [ $took -le 45 ] || wrong+=" it took $took seconds;"
  grep -q "$2" "$work/log" || wrong+=" no rank says: $2;"
  [ -z "$wrong" ] || { cat "$work/log" && echo "run.sh: $1:$wrong" >&2 && exit 1; }
  echo "$1: all ended after $took seconds"
}

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
  ranks 3 "$python" "$root/Tests/mpi/endings.py" terminate
  # After a signal to mpirun the ranks finish their step: it waits for so long, however soon they end.
  OMPI_MCA_odls_base_sigkill_timeout=10 "$python" "$root/Tests/mpi/command.py" "$root/build/resnet"

  # A rank that dies or raises ends the others, and one that does not answer, within the seconds given.
  ends die '' "$here/ranks_test" die
  ends stall "$waited" "$here/ranks_test" stall
  ends late "$waited" "$here/ranks_test" late
  endings=("$python" -m mpi4py "$root/Tests/mpi/endings.py")
  ends 'Python, raise' 'RuntimeError: rank 1 cannot train' "${endings[@]}" raise
  ends 'Python, late' "$waited" "${endings[@]}" late
  echo "run.sh: all passed with $mpi"
done
