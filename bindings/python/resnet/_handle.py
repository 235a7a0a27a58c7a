"""Ownership of the library's opaque handles."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from ._errors import BusyError, Error
from ._library import library

if TYPE_CHECKING:
    import ctypes

    from typing_extensions import Self


class Owner:
    """Holds one handle, and frees it once, when the last reference to this object goes.

    At the end of the process nothing is freed: the system takes all memory back at once, and a
    daemon thread that still computes keeps what it computes with.
    """

    def __init__(self, handle: ctypes.c_void_p, free: str) -> None:
        """Takes over a handle, which the library's function `free` frees."""
        self._handle = handle
        self._free = free
        self._register()

    def _register(self) -> None:
        self._finalizer = weakref.finalize(self, getattr(library(), self._free), self._handle)
        self._finalizer.atexit = False

    def close(self) -> None:
        """Frees its memory, and what it has of files, now instead of when the last reference goes.

        What needs it afterwards is an `InvalidHandleError`. Closing twice does nothing.

        Raises:
            BusyError: Another thread is using it. It is as it was.
        """
        try:
            self._finalizer()
        except Error:
            self._register()
            raise

    def __enter__(self) -> Self:
        """Itself: it is closed at the end of the `with` statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    @property
    def _closed(self) -> bool:
        """Whether there is nothing any more, or nothing yet."""
        return "_finalizer" not in vars(self) or not self._finalizer.alive

    def __repr__(self) -> str:
        """What it is, in a line, or that it is closed."""
        kind = f"resnet.{type(self).__name__}"
        if self._closed:
            return f"<{kind}, closed>"
        try:
            return f"<{kind}{self._line()}>"
        except BusyError:
            return f"<{kind}, used by another thread>"

    def _line(self) -> str:
        """What `repr` says after the name of the class."""
        return ""

    def __reduce__(self) -> str:
        """Refuses to be copied or pickled: two owners would free one handle twice."""
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled; only models can")
