"""Weights under the names that others gave them, brought to the names of this library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgumentError, StateDictError

# Left by wrappers around a whole network.
_PREFIXES = ("module.", "_orig_mod.")
# BN's count of batches, which PyTorch stores and inference does not need.
_IGNORED_SUFFIX = ".num_batches_tracked"
# How many names of each kind an error shows.
_SHOWN = 6


def canonical_name(name: str) -> str | None:
    """The library's name for a tensor, or None for one that holds nothing it needs."""
    while name.startswith(_PREFIXES):
        name = name.split(".", maxsplit=1)[1]
    if name.endswith(_IGNORED_SUFFIX):
        return None
    if name.startswith("linear."):
        name = "fc." + name.removeprefix("linear.")
    return name.replace(".shortcut.", ".downsample.")


def fit(
    given: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], model: str
) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays of `given` under the library's names, every one of them fit to be set.

    Args:
        given: Arrays or PyTorch tensors by name.
        shapes: The shape of every tensor of the model.
        model: What to call the model in an error.

    Raises:
        StateDictError: Names are missing, unexpected or double, or tensors do not fit. The
            error names all of them.
    """
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"expected a mapping of names to arrays, got {type(given)}")
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if wrapper in given and isinstance(given[wrapper], Mapping):
            raise StateDictError(
                f'this is a checkpoint around a state dict; give its ["{wrapper}"]',
                missing=list(shapes),
                unexpected=[str(key) for key in given],
            )
    found: dict[str, npt.NDArray[np.float32]] = {}
    unexpected: list[str] = []
    problems: list[str] = []
    for key in given:
        name = canonical_name(str(key))
        if name is None:
            continue
        if name not in shapes:
            unexpected.append(str(key))
            continue
        if name in found:
            problems.append(f"{name} is there twice, once as {key}")
            continue
        found[name], problem = _convert(given[key], shapes[name])
        if problem:
            problems.append(f"{key} {problem}")
    missing = [name for name in shapes if name not in found]
    if missing or unexpected or problems:
        parts = (
            _list("missing", missing),
            _list("unexpected", unexpected),
            _list("unusable", problems),
        )
        raise StateDictError(
            f"the state dict does not fit {model}: " + "; ".join(filter(None, parts)),
            missing=missing,
            unexpected=unexpected,
            mismatched=problems,
        )
    return found


def _convert(
    value: Any,  # noqa: ANN401 (an array of whatever library)
    shape: tuple[int, ...],
) -> tuple[npt.NDArray[np.float32], str | None]:
    """A float32 array, and what is wrong with it, if anything."""
    if hasattr(value, "detach"):
        # A PyTorch tensor; float() because numpy has no bfloat16.
        value = value.detach().cpu().float().numpy()
    array = np.asarray(value)
    nothing = np.empty(0, np.float32)
    if not np.issubdtype(array.dtype, np.floating):
        return nothing, f"is of type {array.dtype}, expected floats"
    if array.shape != shape:
        return nothing, f"has shape {array.shape}, expected {shape}"
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype=np.float32)
    return array, None if np.isfinite(array).all() else "has values that are not finite"


def _list(what: str, items: list[str]) -> str:
    shown = ", ".join(items[:_SHOWN])
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return f"{what}: {shown}{more}" if items else ""
