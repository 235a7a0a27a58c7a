"""Between the steps of long calls: signals, Ctrl-C above all, and whoever watches the steps.

Python would run a signal's handler, and raise what the handler raises, between any two instructions
of a callback, also before its first `try`; ctypes can only print such an exception and go on. So
during a long call signals are noted, and their handlers run where a callback can catch what they
raise: then the call is stopped, and raises it once the library has returned.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
from typing import TYPE_CHECKING, Any

from . import _header
from ._errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Handler = Callable[[int, FrameType | None], Any]
    # Is told what is being done, how much of it is done and how much there is.
    Watcher = Callable[[str, int, int], object]

# Those that a program has handlers for.
_SIGNALS = [number for number in signal.valid_signals() if number < signal.SIGRTMIN]


class _Call:
    """A long call of this thread, and those that its callbacks make."""

    def __init__(self, set_step_callback: Any) -> None:  # noqa: ANN401 (ctypes' own)
        self._set_step_callback = set_step_callback
        self.exception: BaseException | None = None
        # Whether what a handler raises is caught.
        self.is_open = False
        self._noted: list[tuple[int, FrameType | None]] = []
        self._handlers: dict[int, Handler] = {}

    def begin(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main or _current.watcher is not None:
            self._set_step_callback(_between_steps, None)
        # Elsewhere Python runs no handlers. Those that are not Python's are left alone.
        if not is_main:
            return
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._note)

    def end(self) -> None:
        self._set_step_callback(_NO_CALLBACK, None)
        for number, handler in self._handlers.items():
            # One that a handler has set meanwhile stays.
            if signal.getsignal(number) == self._note:
                signal.signal(number, handler)

    def handle(self) -> None:
        """Runs the handlers of the signals that were noted."""
        while self._noted:
            number, frame = self._noted.pop(0)
            self._handlers[number](number, frame)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted.append((number, frame))
        if self.is_open:
            self.handle()


class _Current(threading.local):
    call: _Call | None = None
    watcher: Watcher | None = None


_current = _Current()


def stoppable(function: Any, set_step_callback: Any) -> Callable[..., Any]:  # noqa: ANN401
    """A long function of the library that signals can stop; it raises what callbacks raise."""

    @functools.wraps(function, assigned=("argtypes", "restype"), updated=())
    def call(*arguments: Any) -> Any:  # noqa: ANN401 (ctypes' own)
        outer = _current.call
        mine = _Call(set_step_callback) if outer is None else outer
        was_open, mine.is_open = mine.is_open, False
        try:
            if outer is None:
                mine.begin()
                _current.call = mine
            return function(*arguments)
        except CancelledError:
            if mine.exception is None:
                raise
        finally:
            if outer is None:
                _current.call = None
                mine.end()
            mine.is_open = was_open
            if outer is None or was_open:
                mine.handle()
        exception, mine.exception = mine.exception, None
        raise exception

    return call


def in_callback(body: Callable[[], object]) -> int:
    """What a callback of a long call does: 1 to stop, if `body` says so or raises; or 0."""
    mine = _current.call
    if mine is None:
        return int(bool(body()))
    try:
        try:
            mine.is_open = True
            mine.handle()
            return int(bool(body()))
        finally:
            mine.is_open = False
    except BaseException as error:  # noqa: BLE001 (raised again once the library has returned)
        mine.exception = error
        return 1


@contextlib.contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Within it, the long calls of this thread tell the watcher each of their steps."""
    outer, _current.watcher = _current.watcher, watcher
    try:
        yield
    finally:
        _current.watcher = outer


def _tell(step: _header.Step) -> bool:
    """Tells the watcher, who cannot stop the call but by what it raises."""
    if _current.watcher is not None:
        _current.watcher(step.what.decode(), step.done, step.total)
    return False


_NO_CALLBACK = _header.StepCallback()

_between_steps = _header.StepCallback(lambda step, _user: in_callback(lambda: _tell(step.contents)))
