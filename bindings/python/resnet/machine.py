"""Settings and facts that hold for the whole process."""

from __future__ import annotations

import ctypes
from typing import Literal, SupportsIndex

from . import _header, _logging, _values
from ._library import library


def set_threads(threads: SupportsIndex) -> None:
    """Sets how many threads compute, the calling one included.

    Args:
        threads: 1 or more; 0, the default, for one per core that the process may run on, but no
            more than its control group (such as a container's) has time for, rounded up.
    """
    library().rn_set_threads(_values.integer(threads, "the number of threads"))


def get_threads() -> int:
    """How many threads compute, the calling one included."""
    threads = ctypes.c_int32()
    library().rn_get_threads(ctypes.byref(threads))
    return threads.value


def set_winograd(allowed: bool) -> None:
    """Whether 3x3 convolutions at stride 1 may be computed by Winograd's algorithm.

    It is on by default. Without it they take two to three times as long, and rounding errors are
    about half as large.
    """
    library().rn_set_winograd(int(bool(allowed)))


def get_winograd() -> bool:
    """Whether Winograd's algorithm is allowed."""
    allowed = ctypes.c_int32()
    library().rn_get_winograd(ctypes.byref(allowed))
    return bool(allowed.value)


def instruction_set() -> str:
    """The instruction set whose kernels are in use: "avx512", "avx2" or "portable".

    The environment variable RESNET_ISA, read at first use, forces one.

    Raises:
        InvalidArgumentError: RESNET_ISA names one that is unknown or that this processor lacks.
    """
    isa = ctypes.c_char_p()
    library().rn_get_isa(ctypes.byref(isa))
    return (isa.value or b"").decode()


def library_version() -> str:
    """The version of the C library, e.g. "1.0.0"."""
    version: bytes = library().rn_version()
    return version.decode()


def set_log_level(level: Literal["warning", "info", "debug"] | None) -> None:
    """Hands what the library has to tell to Python's logger "resnet", which else hears nothing.

    The logger's own level and handlers decide what becomes of it, as with
    `logging.basicConfig(level=logging.INFO)`. Messages may come from any thread.

    Args:
        level: "warning" for what was worked around, such as an image that cannot be read; "info"
            for that and what happened, such as a model loaded or an epoch's results; "debug" for
            all, such as the memory of a plan. None for nothing again.
    """
    _logging.set_level(
        None if level is None else _values.choice(level, _header.LOG_LEVELS, "level")
    )
