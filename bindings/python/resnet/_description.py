"""Networks of one's own as the library takes them."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, SupportsIndex

from . import _header, _values
from ._errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Stage = (
        tuple[SupportsIndex, SupportsIndex, SupportsIndex]
        | tuple[SupportsIndex, SupportsIndex, SupportsIndex, SupportsIndex]
    )
    Layer = SupportsIndex | tuple[SupportsIndex, SupportsIndex]


def described(
    *,
    stem: str,
    stem_width: SupportsIndex,
    stem_pool: str | None,
    block: str | Sequence[Layer],
    stages: Sequence[Stage],
    shortcut: str,
    classes: SupportsIndex,
    input_channels: SupportsIndex,
    stride_on: str | None,
    stride_layer: SupportsIndex,
    zero_channels: str,
    affine: str,
    maxout: SupportsIndex,
    window: SupportsIndex,
    hidden: SupportsIndex | Sequence[SupportsIndex],
    name: str,
    seed: SupportsIndex,
) -> _header.Description:
    """The arguments of `Model.described`, checked and converted."""
    rows = _rows(stages, "stages", "(blocks, width, stride) or (..., max_pool)", 3, 4)
    layers: list[tuple[int, ...]] = []
    if not isinstance(block, str):
        layers = [
            row if len(row) > 1 else (*row, 1)
            for row in _rows(block, "block", "(kernel, width multiple), or kernels", 1, 2)
        ]
    (widths,) = _rows([hidden], "hidden", "in a sequence", 0, 2**31)
    return _header.Description(
        name=_values.text(name, "name"),
        stem=_values.choice(stem, _header.STEMS, "stem"),
        block=_values.choice(
            block if isinstance(block, str) else "layers", _header.BLOCKS, "block"
        ),
        shortcut=_values.choice(shortcut, _header.SHORTCUTS, "shortcut"),
        stride_on=_values.optional_choice(stride_on, _header.STRIDES_ON, "stride_on"),
        zero_channels=_values.choice(zero_channels, _header.ZERO_CHANNELS, "zero_channels"),
        input_channels=_values.integer(input_channels, "input_channels"),
        stem_width=_values.integer(stem_width, "stem_width"),
        classes=_values.integer(classes, "classes"),
        stage_count=len(rows),
        stages=(_header.Stage * len(rows))(*(_header.Stage(*row) for row in rows)),
        seed=_values.integer(seed, "seed", bits=64, signed=False),
        affine=_values.choice(affine, _header.AFFINES, "affine"),
        maxout=_values.integer(maxout, "maxout"),
        layer_count=len(layers),
        stride_layer=_values.integer(stride_layer, "stride_layer"),
        layers=(_header.Layer * len(layers))(*(_header.Layer(*row) for row in layers)),
        hidden_count=len(widths),
        window=_values.integer(window, "window"),
        hidden=(ctypes.c_int32 * len(widths))(*widths),
        stem_pool=_values.optional_choice(stem_pool, _header.STEM_POOLS, "stem_pool"),
    )


def _rows(
    rows: Sequence[Any], what: str, form: str, least: int, most: int
) -> list[tuple[int, ...]]:
    """Tuples of integers, each of a length asked for. A single integer is a tuple of one."""
    try:
        found = [
            tuple(
                _values.integer(value, f"{what}[{index}]")
                for value in ((row,) if isinstance(row, SupportsIndex) else row)
            )
            for index, row in enumerate(rows)
        ]
    except TypeError as error:
        raise InvalidArgumentError(f"{what} must be tuples of integers {form}: {error}") from None
    for index, row in enumerate(found):
        if not least <= len(row) <= most:
            raise InvalidArgumentError(
                f"{what} must be tuples of integers {form}, but {what}[{index}] is {row}"
            )
    return found
