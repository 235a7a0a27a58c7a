"""The C library: where it is, and its functions."""

from __future__ import annotations

import ctypes
import functools
import os
from ctypes import c_char_p, c_int
from pathlib import Path
from typing import Any

from . import _interrupt
from ._errors import LibraryError, Status, error_for, missing_file
from ._header import LONG_FUNCTIONS, NAME_FUNCTIONS, STATUS_FUNCTIONS, TEXT_FUNCTIONS

SONAME = "libresnet.so.1"
MAJOR_VERSION = 1


@functools.cache
def library() -> ctypes.CDLL:
    """The library, loaded on first use, with every function declared.

    Its functions raise the matching `Error` when they return a status other than OK; the long ones
    can be stopped by signals.

    Raises:
        LibraryError: It is not found, cannot be loaded, or has another major version.
    """
    loaded = _load()

    def check(status: Any, function: Any, arguments: Any) -> Any:  # noqa: ANN401 (ctypes' own)
        if status == Status.OK:
            return status
        message = loaded.rn_last_error().decode(errors="replace")
        # What is not found by a function that looks no name up is a file.
        if status == Status.NOT_FOUND and function.__name__ not in NAME_FUNCTIONS:
            raise missing_file(message, arguments)
        raise error_for(status, message, arguments)

    try:
        for name, arguments in TEXT_FUNCTIONS.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = arguments, c_char_p
        for name, arguments in STATUS_FUNCTIONS.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = arguments, c_int
            function.errcheck = check
        for name in LONG_FUNCTIONS:
            function = getattr(loaded, name)
            setattr(loaded, name, _interrupt.stoppable(function, loaded.rn_set_step_callback))
    except AttributeError as error:
        raise LibraryError(f"{loaded._name} is not the library expected: {error}") from None
    version = loaded.rn_version().decode()
    if version.split(".", maxsplit=1)[0] != str(MAJOR_VERSION):
        raise LibraryError(
            f"{loaded._name} has version {version}; this package needs version {MAJOR_VERSION}.x"
        )
    return loaded


def _load() -> ctypes.CDLL:
    chosen = os.environ.get("LIBRESNET")
    if chosen:
        # Whoever names a library wants that one: nothing else is tried.
        return _open(chosen, "LIBRESNET names")
    found = next((path for path in _places(Path(__file__).resolve()) if path.exists()), None)
    if found is not None:
        return _open(str(found), "found")
    try:
        return ctypes.CDLL(SONAME)
    except OSError as error:
        raise LibraryError(
            f"libresnet is not found: not in {Path(__file__).resolve().parent}, not in the build "
            f"folder of a checkout around it, and not by the system's loader ({error}); build it "
            "with make, or set LIBRESNET to its path"
        ) from None


def _places(module: Path) -> list[Path]:
    """Where a library that belongs to this copy of the package may lie, nearest first."""
    package = module.parent
    checkouts = [folder for folder in package.parents if (folder / "include/resnet.h").is_file()]
    return [
        *(package / name for name in (SONAME, "libresnet.so")),
        *(folder / "build/libresnet.so" for folder in checkouts),
    ]


def _open(path: str, how: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise LibraryError(f"{how} {path}, which cannot be loaded: {error}") from None
