"""State dicts as the bytes of a safetensors file, which the library takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _values
from ._errors import InvalidArgumentError, StateDictError

# Types of numpy under the names of the format; the library refuses those that are no floats.
_TYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}


def as_bytes(given: Mapping[str, Any]) -> bytearray:
    """The tensors of a state dict, one after the other, behind a header.

    Args:
        given: Arrays or PyTorch tensors by name.

    Raises:
        InvalidArgumentError: It is no mapping, or holds something that is no array of numbers.
        StateDictError: It is a checkpoint around a state dict.
    """
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"expected a mapping of names to arrays, got {type(given)}")
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if wrapper in given and isinstance(given[wrapper], Mapping):
            raise StateDictError(
                f'this is a checkpoint around a state dict; give its ["{wrapper}"]',
                unexpected=[str(key) for key in given],
            )
    header: dict[str, Any] = {}
    arrays: list[npt.NDArray[Any]] = []
    end = 0
    for key in given:
        array = _array(given[key], str(key))
        offsets = [end, end + array.nbytes]
        header[str(key)] = {
            "dtype": _TYPES[array.dtype.name],
            "shape": array.shape,
            "data_offsets": offsets,
        }
        arrays.append(array)
        end += array.nbytes
    text = json.dumps(header).encode()
    result = bytearray(len(text).to_bytes(8, "little") + text + bytes(end))
    position = 8 + len(text)
    for array in arrays:
        result[position : position + array.nbytes] = array.tobytes()
        position += array.nbytes
    return result


def _array(value: Any, name: str) -> npt.NDArray[Any]:  # noqa: ANN401 (an array of whatever library)
    array = np.asarray(_values.detached(value))
    if array.dtype.name not in _TYPES:
        raise InvalidArgumentError(f"{name} is of type {array.dtype}, expected floats")
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
