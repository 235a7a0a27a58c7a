"""Training on several processes at once, which sum their gradients.

    trainer.distribute(resnet.mpi.Communicator())

Each process, a *rank*, has a trainer of the same network; `Trainer.distribute` has them train as
one. `resnet.mpi` brings the ranks of MPI; a subclass of `Communicator` brings those of another
library, such as Ray or torch.distributed.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Communicator(abc.ABC):
    """What the ranks of a training talk through.

    All ranks call the same methods in the same order, with arrays of the same size, on the thread
    that trains. What a method raises ends the training with `CommunicationError`; then only `wait`
    is called any more.
    """

    @property
    @abc.abstractmethod
    def rank(self) -> int:
        """This process's number, from 0."""

    @property
    @abc.abstractmethod
    def ranks(self) -> int:
        """How many processes there are."""

    @abc.abstractmethod
    def start_sum(self, values: npt.NDArray[Any]) -> object:
        """Starts to add up an array over all ranks, in place, without waiting for others.

        The memory belongs to the communicator until `wait` returns. All ranks must receive the same
        bits.

        Args:
            values: (n,) float32 or float64.

        Returns:
            What `wait` is then given.
        """

    @abc.abstractmethod
    def wait(self, request: Any) -> None:  # noqa: ANN401 (a subclass's own)
        """Waits until a sum is there.

        Called once for each that was started, on all ranks in the same order, though perhaps not in
        that of starting.
        """

    @abc.abstractmethod
    def broadcast(self, values: npt.NDArray[np.uint8], root: int) -> None:
        """Gives all ranks the bytes that `root` has, in place."""

    @abc.abstractmethod
    def barrier(self) -> None:
        """Returns when all ranks have called it."""
