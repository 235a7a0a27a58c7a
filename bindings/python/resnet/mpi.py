"""Training on the ranks of MPI, by mpi4py.

    # mpirun -n 4 python -m mpi4py train.py
    import resnet, resnet.mpi

    trainer.distribute(resnet.mpi.Communicator())

It takes mpi4py's own communicators, so that a program's other messages can use the same ranks.
"""

from __future__ import annotations

import concurrent.futures
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _values, distributed
from ._errors import InvalidArgumentError

try:
    from mpi4py import MPI
except ImportError as _error:
    raise ImportError(
        "resnet.mpi needs mpi4py, and that an MPI: pip install mpi4py, and Debian's openmpi-bin"
    ) from _error

if TYPE_CHECKING:
    import numpy.typing as npt

# Polls of an operation before it leaves time to others.
_SPINS = 200


class Communicator(distributed.Communicator):
    """The ranks of an MPI communicator.

    Messages go over duplicates of it, so they cannot be taken for the program's own. Gradients are
    summed by a thread of its own while training goes on computing, if MPI was initialised with
    THREAD_MULTIPLE, as mpi4py does unless it is told otherwise; else while training waits for them.
    """

    def __init__(self, comm: Any = None, *, timeout: float = 600) -> None:  # noqa: ANN401
        """Makes one of `comm`, an `mpi4py.MPI.Comm`; all of its ranks do so.

        Args:
            comm: None for `MPI.COMM_WORLD`.
            timeout: Seconds, at least 1, that a rank waits for the others in one operation, this
                one included. MPI cannot take back what it has begun, so a rank that has waited for
                so long says so on standard error and ends all of them by `Abort`.

        Raises:
            InvalidArgumentError: The timeout is less than a second.
        """
        self._timeout = _values.number(timeout, "timeout")
        if not self._timeout >= 1:
            raise InvalidArgumentError(f"timeout must be at least 1 second, got {self._timeout:g}")
        self._comm = MPI.COMM_WORLD if comm is None else comm
        self._rank, self._ranks = self._comm.Get_rank(), self._comm.Get_size()
        # What is waited for at once need not queue behind gradients.
        self._at_once, self._beside = self._duplicate(), self._duplicate()
        self._thread = (
            concurrent.futures.ThreadPoolExecutor(1, "resnet.mpi")
            if MPI.Query_thread() == MPI.THREAD_MULTIPLE
            else None
        )

    def close(self) -> None:
        """Ends its thread and frees its duplicates; all ranks do so, after the training."""
        if self._thread is not None:
            self._thread.shutdown()
        self._at_once.Free()
        self._beside.Free()

    @property
    def rank(self) -> int:
        """This process's number, from 0."""
        return int(self._rank)

    @property
    def ranks(self) -> int:
        """How many processes there are."""
        return int(self._ranks)

    def _duplicate(self) -> Any:  # noqa: ANN401 (mpi4py's own)
        made, request = self._comm.Idup()
        self._finish(request, "duplicate the communicator")
        return made

    def _finish(self, request: Any, what: str) -> None:  # noqa: ANN401 (mpi4py's own)
        """Waits for an operation, for a moment at full speed, then leaving time to others."""
        begin, polls = time.monotonic(), 0
        while not request.Test():
            polls += 1
            if polls > _SPINS:
                time.sleep(1e-4)
            if time.monotonic() - begin > self._timeout:
                print(
                    f"resnet.mpi: rank {self._rank} of {self._ranks} has waited {self._timeout:g} "
                    f"seconds for the others to {what}; the training ends on all ranks, and goes "
                    "on from its last checkpoint if it is resumed",
                    file=sys.stderr,
                    flush=True,
                )
                # MPICH's launcher ends at an abort without reading what was written just before it.
                time.sleep(0.5)
                self._comm.Abort(1)

    def _sum(self, values: npt.NDArray[Any]) -> None:
        self._finish(self._beside.Iallreduce(MPI.IN_PLACE, values), "add up")

    def start_sum(self, values: npt.NDArray[Any]) -> object:
        """See `resnet.distributed.Communicator`."""
        if values.dtype == np.float64:
            self._finish(self._at_once.Iallreduce(MPI.IN_PLACE, values), "add up")
            return None
        return values if self._thread is None else self._thread.submit(self._sum, values)

    def wait(self, request: Any) -> None:  # noqa: ANN401
        """See `resnet.distributed.Communicator`."""
        if isinstance(request, concurrent.futures.Future):
            request.result()
        elif request is not None:
            self._sum(request)

    def broadcast(self, values: npt.NDArray[np.uint8], root: int) -> None:
        """See `resnet.distributed.Communicator`."""
        self._finish(self._at_once.Ibcast(values, root), "hand out the weights")

    def barrier(self) -> None:
        """See `resnet.distributed.Communicator`."""
        self._finish(self._at_once.Ibarrier(), "arrive")
