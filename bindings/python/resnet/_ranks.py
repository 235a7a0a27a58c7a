"""The ranks of a distributed training as the library calls them."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _header
from ._errors import InvalidArgumentError
from .distributed import Communicator

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

_TYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.float64}


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
