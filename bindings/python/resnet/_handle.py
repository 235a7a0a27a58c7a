"""Ownership of the library's opaque handles."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from ._library import library

if TYPE_CHECKING:
    import ctypes


class Owner:
    """Holds one handle, and frees it once, when the last reference to this object goes.

    At the end of the process nothing is freed: the system takes all memory back at once, and a
    daemon thread that still computes keeps what it computes with.
    """

    def __init__(self, handle: ctypes.c_void_p, free: str) -> None:
        """Takes over a handle, which the library's function `free` frees."""
        self._handle = handle
        self._finalizer = weakref.finalize(self, getattr(library(), free), handle)
        self._finalizer.atexit = False

    def __reduce__(self) -> str:
        """Refuses to be copied or pickled: two owners would free one handle twice."""
        kind = type(self).__name__
        raise TypeError(f"a {kind} cannot be copied or pickled; save a model to a file instead")
