"""What the library has to tell, for Python's logging."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from . import _header
from ._library import library

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGER = logging.getLogger("resnet")
_INFO = _header.LOG_LEVELS["info"]
_PYTHON_LEVELS = {1: logging.WARNING, _INFO: logging.INFO, 3: logging.DEBUG}


class _Quiet(threading.local):
    info = False


_quiet = _Quiet()
_level = 0
"""Of the library's messages that are wanted; 0 for none."""


def set_level(level: int | None) -> None:
    """Hands the library's messages of so many levels to the logger "resnet"; None for none."""
    global _level  # noqa: PLW0603 (the log is the process's, as in the library)
    if level is None:
        library().rn_set_log(_header.LOG_LEVELS["warning"], _header.LogCallback(), None)
    else:
        library().rn_set_log(level, _callback, None)
    _level = level or 0


def info(message: str) -> None:
    """Tells what the library would, if that is wanted."""
    if _level >= _INFO:
        _LOGGER.info("%s", message)


@contextlib.contextmanager
def without_info() -> Iterator[None]:
    """Within it, of what this thread does, only warnings and what is for debugging are told."""
    outer, _quiet.info = _quiet.info, True
    try:
        yield
    finally:
        _quiet.info = outer


def _tell(level: int, message: bytes, _user: object) -> None:
    if level != _INFO or not _quiet.info:
        _LOGGER.log(_PYTHON_LEVELS[level], "%s", message.decode(errors="replace"))


_callback = _header.LogCallback(_tell)
