"""Python values on their way into C: checked here where ctypes would change them silently."""

from __future__ import annotations

import contextlib
import ctypes
import operator
import os
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex

import numpy as np

from . import _header
from ._errors import BufferTooSmallError, InvalidArgumentError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt


def integer(value: SupportsIndex, what: str, *, bits: int = 32, signed: bool = True) -> int:
    """`value`, if it fits a C integer of that many bits, which ctypes would cut it down to."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgumentError(f"{what} is {value!r}, expected an integer") from None
    low = -(1 << (bits - 1)) if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1
    if number < low:
        # What may be negative is not so by billions.
        raise InvalidArgumentError(f"{what} is {number}, expected at least 0")
    if number > high:
        raise InvalidArgumentError(f"{what} is {number}, expected at most {high}")
    return number


def optional_count(value: SupportsIndex | None, what: str) -> int:
    """A count, or the library's mark for "the preset's own" where it is None."""
    if value is None:
        return _header.DEFAULT
    number = integer(value, what)
    if number < 0:
        # The mark itself is negative, and must not be reached by accident.
        raise InvalidArgumentError(f"{what} is {number}, expected a positive number")
    return number


def sequence(value: Any, what: str) -> tuple[Any, ...]:  # noqa: ANN401 (whatever a caller gives)
    """The values of a list, a tuple or an array."""
    if not isinstance(value, str | bytes | dict):
        with contextlib.suppress(TypeError):
            return tuple(value)
    raise InvalidArgumentError(f"{what} is {value!r}, expected a sequence")


def pair(value: Any, what: str, expected: str) -> tuple[Any, Any]:  # noqa: ANN401 (the same)
    """Two values, of which `expected` tells what they are."""
    if not isinstance(value, str | bytes | dict):
        with contextlib.suppress(TypeError, ValueError):
            first, second = value
            return first, second
    raise InvalidArgumentError(f"{what} is {value!r}, expected {expected}")


def detached(value: Any) -> Any:  # noqa: ANN401 (an array of whatever library)
    """A PyTorch tensor as an array, floats as float32 (numpy has no bfloat16); else itself."""
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    return (value.float() if value.is_floating_point() else value).numpy()


def array_of(value: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    """An array of what numpy makes one of, or PyTorch; rows of different lengths are none."""
    try:
        return np.asarray(detached(value))
    except ValueError as error:
        raise ShapeError(f"{what} are no array: {error}") from None


def number(value: SupportsFloat, what: str) -> float:
    """`value` as a float; its range is the library's to check."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"{what} is {value!r}, expected a number") from None


def choice(value: str, choices: Mapping[str, int], what: str) -> int:
    """The C constant of one of several words."""
    try:
        return choices[value]
    except (KeyError, TypeError):
        words = ", ".join(repr(word) for word in choices)
        raise InvalidArgumentError(f"{what} is {value!r}, expected one of {words}") from None


def optional_choice(value: str | None, choices: Mapping[str, int], what: str) -> int:
    """The C constant of one of several words, 0 (the default) for None."""
    return 0 if value is None else choice(value, choices, what)


def text(value: str, what: str) -> bytes:
    """A string for C, which would end at a zero character."""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what} is {value!r}, expected a string")
    if "\0" in value:
        raise InvalidArgumentError(f"{what} is {value!r}, which holds a zero character")
    return value.encode()


def path(value: str | os.PathLike[str]) -> bytes:
    """A file name for C."""
    try:
        encoded = os.fsencode(value)
    except TypeError:
        raise InvalidArgumentError(f"the path is {value!r}, expected a string or a path") from None
    if b"\0" in encoded:
        raise InvalidArgumentError(f"the path {value!r} holds a zero character")
    return encoded


def floats(array: npt.NDArray[np.float32]) -> Any:  # noqa: ANN401 (a ctypes pointer)
    """A pointer to the values of a contiguous array. The caller keeps the array."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


def per_channel(values: npt.ArrayLike | None, channels: int) -> npt.NDArray[np.float32] | None:
    """A contiguous float32 array; one number becomes one for each channel."""
    if values is None:
        return None
    array = array_of(values, "the normalisation's values")
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise InvalidArgumentError(f"the normalisation is {array.dtype}, expected numbers")
    if array.ndim == 0:
        array = np.full(channels, array)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def labels(array: npt.ArrayLike, count: int) -> npt.NDArray[np.int32]:
    """`count` integer labels. Their range is the library's to check, once they fit an int32."""
    values = array_of(array, "the labels")
    if values.shape != (count,):
        raise ShapeError(f"the labels have shape {values.shape}, expected ({count},), one an image")
    if not np.issubdtype(values.dtype, np.integer):
        raise InvalidArgumentError(
            f"the labels are {values.dtype}, expected integers{_labels_hint(values)}"
        )
    limits = np.iinfo(np.int32)
    if count and not limits.min <= int(values.min()) <= int(values.max()) <= limits.max:
        raise InvalidArgumentError(
            f"the labels go from {values.min()} to {values.max()}, expected 0 to the number of "
            "classes less 1"
        )
    return np.ascontiguousarray(values, dtype=np.int32)


def _labels_hint(values: npt.NDArray[Any]) -> str:
    """How labels of another type become integers from 0."""
    if np.issubdtype(values.dtype, np.floating) or values.dtype == np.bool_:
        return ": y.astype(int), if they are whole numbers"
    for value in values.tolist():
        if isinstance(value, str):
            return ": names, y = np.unique(y, return_inverse=True) numbers strings"
        if not isinstance(value, int):
            return f": {value!r} is none"
    return ": y.astype(int)"


def bytes_pointer(array: npt.NDArray[np.uint8]) -> Any:  # noqa: ANN401 (a ctypes pointer)
    """A pointer to the values of a contiguous array. The caller keeps the array."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def label_pointer(array: npt.NDArray[np.int32]) -> Any:  # noqa: ANN401 (a ctypes pointer)
    """A pointer to the values of a contiguous array. The caller keeps the array."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))


def count_pointer(array: npt.NDArray[np.int64]) -> Any:  # noqa: ANN401 (a ctypes pointer)
    """A pointer to the values of a contiguous array. The caller keeps the array."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))


def read_text(function: Callable[..., int], *arguments: object) -> str:
    """The string that a function writes by the rule of `rn_model_summary`."""
    needed = ctypes.c_size_t(4096)
    while True:
        buffer = ctypes.create_string_buffer(needed.value)
        try:
            function(*arguments, buffer, len(buffer), ctypes.byref(needed))
        except BufferTooSmallError:
            if needed.value <= len(buffer):
                raise
        else:
            return buffer.value.decode()
