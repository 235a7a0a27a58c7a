"""Training on the ranks of MPI, by mpi4py.

    # mpirun -n 4 python train.py
    import resnet, resnet.mpi

    trainer.distribute(resnet.mpi.Communicator())

It takes mpi4py's own communicators, so that a program's other messages can use the same ranks.
"""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, Any

import numpy as np

from . import distributed

try:
    from mpi4py import MPI
except ImportError as error:
    raise ImportError(
        "resnet.mpi needs mpi4py, and that an MPI: pip install mpi4py, and Debian's openmpi-bin"
    ) from error

if TYPE_CHECKING:
    import numpy.typing as npt


class Communicator(distributed.Communicator):
    """The ranks of an MPI communicator.

    Messages go over duplicates of it, so they cannot be taken for the program's own. Gradients are
    summed by a thread of its own while training goes on computing, if MPI was initialised with
    THREAD_MULTIPLE, as mpi4py does unless it is told otherwise; else while training waits for them.
    """

    def __init__(self, comm: Any = None) -> None:  # noqa: ANN401 (mpi4py's own)
        """Makes one of `comm`, an `mpi4py.MPI.Comm`; all of its ranks do so.

        Args:
            comm: None for `MPI.COMM_WORLD`.
        """
        comm = MPI.COMM_WORLD if comm is None else comm
        self._rank, self._ranks = comm.Get_rank(), comm.Get_size()
        # What is waited for at once need not queue behind gradients.
        self._at_once, self._beside = comm.Dup(), comm.Dup()
        self._thread = (
            concurrent.futures.ThreadPoolExecutor(1, "resnet.mpi")
            if MPI.Query_thread() == MPI.THREAD_MULTIPLE
            else None
        )

    @property
    def rank(self) -> int:
        """This process's number, from 0."""
        return int(self._rank)

    @property
    def ranks(self) -> int:
        """How many processes there are."""
        return int(self._ranks)

    def start_sum(self, values: npt.NDArray[Any]) -> object:
        """See `resnet.distributed.Communicator`."""
        if values.dtype == np.float64:
            self._at_once.Allreduce(MPI.IN_PLACE, values)
            return None
        if self._thread is None:
            return values
        return self._thread.submit(self._beside.Allreduce, MPI.IN_PLACE, values)

    def wait(self, request: Any) -> None:  # noqa: ANN401
        """See `resnet.distributed.Communicator`."""
        if isinstance(request, concurrent.futures.Future):
            request.result()
        elif request is not None:
            self._beside.Allreduce(MPI.IN_PLACE, request)

    def broadcast(self, values: npt.NDArray[np.uint8], root: int) -> None:
        """See `resnet.distributed.Communicator`."""
        self._at_once.Bcast(values, root)

    def barrier(self) -> None:
        """See `resnet.distributed.Communicator`."""
        self._at_once.Barrier()
