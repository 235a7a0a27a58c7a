"""What went wrong: one exception class for each status of the C library.

Each also derives from the built-in exception that a Python programmer would expect, so that
`except ValueError` and `except FileNotFoundError` work as they do elsewhere.
"""

from __future__ import annotations

import enum
import errno
import os
import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class Status(enum.IntEnum):
    """The `rn_status` values of resnet.h."""

    OK = 0
    INVALID_ARGUMENT = 1
    INVALID_HANDLE = 2
    SHAPE_MISMATCH = 3
    NOT_FOUND = 4
    IO_ERROR = 5
    BAD_FORMAT = 6
    OUT_OF_MEMORY = 7
    NOT_FINITE = 8
    CANCELLED = 9
    BUFFER_TOO_SMALL = 10
    BUSY = 11
    COMMUNICATION = 12


class Error(Exception):
    """Base of every exception that this package raises on its own account.

    Attributes:
        status: The library's status, or None where the library had no part in it.
    """

    status: ClassVar[Status | None] = None


class LibraryError(Error, ImportError):
    """The shared library cannot be found, or is not one this package can use."""


class InvalidArgumentError(Error, ValueError):
    """A value outside its documented range."""

    status: ClassVar[Status | None] = Status.INVALID_ARGUMENT


class InvalidHandleError(Error, RuntimeError):
    """An object that was closed."""

    status: ClassVar[Status | None] = Status.INVALID_HANDLE


class ShapeError(Error, ValueError):
    """An array whose dimensions are not those expected."""

    status: ClassVar[Status | None] = Status.SHAPE_MISMATCH


class StateDictError(ShapeError):
    """A state dict that does not fit the model. The model is as it was.

    Attributes:
        missing: Names that the model has and the state dict lacks.
        unexpected: Names of the state dict that the model does not have.
        mismatched: Sentences about tensors that have the wrong shape or unusable values.
    """

    def __init__(
        self,
        message: str,
        *,
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
        mismatched: Sequence[str] = (),
    ) -> None:
        """Makes an error with the names that caused it."""
        super().__init__(message)
        self.missing: list[str] = list(missing)
        self.unexpected: list[str] = list(unexpected)
        self.mismatched: list[str] = list(mismatched)


class NotFoundError(Error, LookupError):
    """No preset, tensor or file of that name."""

    status: ClassVar[Status | None] = Status.NOT_FOUND


class _FileError(Error, OSError):
    """What the operating system has to say of a file.

    Attributes:
        errno: Its number, such as `errno.ENOSPC`; None if the library does not tell.
        filename: The path that was given, if the message is of it, else None.
    """

    def __init__(self, message: str, code: int | None = None, filename: str | None = None) -> None:
        """Makes an error that shows as its message."""
        super().__init__(message)
        self.errno = code
        self.strerror: str | None = None if code is None else os.strerror(code)
        self.filename = filename

    def __str__(self) -> str:
        """The message, which has all of it."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Is pickled whole."""
        return type(self), (self.args[0], self.errno, self.filename)


class MissingFileError(NotFoundError, _FileError, FileNotFoundError):
    """No file of that name."""


class InputOutputError(_FileError):
    """The operating system refused to read or write."""

    status: ClassVar[Status | None] = Status.IO_ERROR


class MissingFolderError(InputOutputError, FileNotFoundError):
    """No folder of that name to write to."""


class PermissionDeniedError(InputOutputError, PermissionError):
    """The operating system does not let this user read or write there."""


class FormatError(Error, ValueError):
    """A file that is damaged, or not of the format expected."""

    status: ClassVar[Status | None] = Status.BAD_FORMAT


class OutOfMemoryError(Error, MemoryError):
    """Memory could not be had."""

    status: ClassVar[Status | None] = Status.OUT_OF_MEMORY


class NotFiniteError(Error, ArithmeticError):
    """NaN or infinity in the input, or a loss that diverged."""

    status: ClassVar[Status | None] = Status.NOT_FINITE


class CancelledError(Error):
    """A callback, or a signal's handler, asked to stop."""

    status: ClassVar[Status | None] = Status.CANCELLED


class BufferTooSmallError(Error):
    """A buffer holds less than the result. Only a defect of this package leads here."""

    status: ClassVar[Status | None] = Status.BUFFER_TOO_SMALL


class BusyError(Error, RuntimeError):
    """The object is in use by another thread."""

    status: ClassVar[Status | None] = Status.BUSY


class CommunicationError(Error, ConnectionError):
    """The ranks of a distributed training lost each other, or disagree."""

    status: ClassVar[Status | None] = Status.COMMUNICATION


_CLASSES: dict[int, type[Error]] = {
    kind.status: kind
    for kind in (
        InvalidArgumentError,
        InvalidHandleError,
        ShapeError,
        NotFoundError,
        FormatError,
        OutOfMemoryError,
        NotFiniteError,
        CancelledError,
        BufferTooSmallError,
        BusyError,
        CommunicationError,
    )
    if kind.status is not None
}


# What the system refuses for a reason that programs look for.
_REFUSALS = {
    errno.ENOENT: MissingFolderError,
    errno.EACCES: PermissionDeniedError,
    errno.EPERM: PermissionDeniedError,
}


def error_for(status: int, message: str, arguments: Sequence[object] = ()) -> Error:
    """The exception for a status other than OK of a function that was called with these arguments.

    What is not found is something that has a name; `missing_file` is for files.
    """
    if status == Status.IO_ERROR:
        # The message ends in what the system says.
        reason = message.rpartition(": ")[2]
        code = next((code for code in errno.errorcode if os.strerror(code) == reason), None)
        kind = InputOutputError if code is None else _REFUSALS.get(code, InputOutputError)
        return kind(message, code, _named(message, arguments))
    other = _CLASSES.get(status)
    if other is None:
        return Error(f"{message} (status {status}, unknown to this version of the package)")
    return other(message)


def missing_file(message: str, arguments: Sequence[object]) -> MissingFileError:
    """The exception for a file that a function which was called with these arguments misses."""
    return MissingFileError(message, errno.ENOENT, _named(message, arguments))


def _named(message: str, arguments: Sequence[object]) -> str | None:
    """The path among the arguments that a message is of."""
    for path in (os.fsdecode(value) for value in arguments if isinstance(value, bytes)):
        # Not a part of another.
        if path and re.search(rf"(?<!\S){re.escape(path)}(?![^\s:;,/])", message):
            return path
    return None
