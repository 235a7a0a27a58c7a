"""Ctrl-C while the library computes."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextlib.contextmanager
def deferred() -> Iterator[list[int]]:
    """Collects SIGINT in a list, and hands it to the handler it was meant for at the end.

    Python would raise KeyboardInterrupt between any two instructions of a callback, also before
    its first `try`; ctypes can only print such an exception and go on. So while the library runs,
    the signal is noted, and the callback looks at the note. Elsewhere than in the main thread,
    where Python runs no handlers, and where the handler is not Python's, nothing is changed.
    """
    noted: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield noted
        return
    frames: list[FrameType | None] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        frames.append(frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, handler)
        if noted:
            handler(noted[-1], frames[-1])
