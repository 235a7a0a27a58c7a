"""Training on several processes at once, which sum their gradients.

    trainer.distribute(resnet.mpi.Communicator())

Each process, a *rank*, has a trainer of the same network; `Trainer.distribute` has them train as
one. `resnet.mpi` brings the ranks of MPI; a subclass of `Communicator` brings those of another
library, such as Ray or torch.distributed.
"""

from __future__ import annotations

import abc
import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _header
from ._errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

_TYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.float64}


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


class Callbacks:
    """A communicator as the library calls it. It must live as long as the library may do so."""

    def __init__(self, communicator: Communicator) -> None:
        """Wraps the methods."""
        if not isinstance(communicator, Communicator):
            raise InvalidArgumentError(
                f"expected a resnet.distributed.Communicator, got {type(communicator).__name__}"
            )
        self._communicator = communicator
        self._error = b""
        # What `wait` is to be given, by the number that the library has of it.
        self._requests: dict[int, object] = {}
        self._started = 0
        self.struct = _header.Communicator(
            rank=communicator.rank,
            ranks=communicator.ranks,
            start_sum=_header.StartSumCallback(self._start_sum),
            wait=_header.WaitCallback(self._wait),
            broadcast=_header.BroadcastCallback(self._broadcast),
            barrier=_header.BarrierCallback(self._barrier),
            error=_header.ErrorCallback(self._reason),
        )

    def _call(self, body: Callable[[], None]) -> int:
        try:
            body()
        except BaseException as error:  # noqa: BLE001 (the library says it)
            self._error = f"{type(error).__name__}: {error}".encode()
            return 1
        return 0

    def _start_sum(
        self,
        _user: object,
        address: int,
        count: int,
        kind: int,
        request: Any,  # noqa: ANN401
    ) -> int:
        def start() -> None:
            values = _array(address, count, _TYPES[kind])
            self._started += 1
            self._requests[self._started] = self._communicator.start_sum(values)
            request[0] = self._started

        return self._call(start)

    def _wait(self, _user: object, number: int | None) -> int:
        return self._call(lambda: self._communicator.wait(self._requests.pop(number or 0)))

    def _broadcast(self, _user: object, address: int, count: int, root: int) -> int:
        return self._call(
            lambda: self._communicator.broadcast(_array(address, count, np.uint8), root)
        )

    def _barrier(self, _user: object) -> int:
        return self._call(self._communicator.barrier)

    def _reason(self, _user: object) -> int:
        # The library reads it before it calls anything else.
        self._text = ctypes.create_string_buffer(self._error)
        return ctypes.addressof(self._text)


def _array(address: int, count: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """The library's memory as an array."""
    memory = (ctypes.c_ubyte * (count * np.dtype(dtype).itemsize)).from_address(address)
    return np.asarray(memory).view(dtype)
