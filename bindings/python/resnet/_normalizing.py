"""How a model reads pixels."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _values
from ._errors import ShapeError
from ._library import library
from ._network import Network
from .results import Normalization

if TYPE_CHECKING:
    import numpy.typing as npt

PIXEL_MEAN_RANK = 3


class Normalizing(Network):
    """A model's input normalisation."""

    @property
    def normalization(self) -> Normalization:
        """How pixels become network inputs: (pixel - mean) * scale."""
        mean_count, scale_count = ctypes.c_size_t(), ctypes.c_size_t()
        height, width = ctypes.c_int32(), ctypes.c_int32()
        mean = scale = None

        def read(mean: Any, scale: Any) -> None:  # noqa: ANN401 (ctypes pointers)
            library().rn_model_get_normalization(
                *(self._handle, mean, mean_count.value, ctypes.byref(mean_count)),
                *(ctypes.byref(height), ctypes.byref(width)),
                *(scale, scale_count.value, ctypes.byref(scale_count)),
            )

        read(None, None)
        if mean_count.value:
            mean = np.empty(mean_count.value, np.float32)
        if scale_count.value:
            scale = np.empty(scale_count.value, np.float32)
        read(
            None if mean is None else _values.floats(mean),
            None if scale is None else _values.floats(scale),
        )
        if mean is not None and height.value:
            return Normalization(mean.reshape(-1, height.value, width.value), scale)
        return Normalization(mean, scale)

    def set_normalization(
        self, mean: npt.ArrayLike | None = None, scale: npt.ArrayLike | None = None
    ) -> None:
        """Sets how every image is read from now on: (pixel - mean) * scale.

        Args:
            mean: (channels,), or (channels, height, width) for images of one size; one number for
                all channels; None for 0.
            scale: (channels,), or one number for all; None for 1. For pixels that are divided by
                a standard deviation, give its inverse.

        Raises:
            ShapeError: The shapes do not fit the model's input.
            NotFiniteError: A value is NaN or infinite.
        """
        channels = self.input_channels
        means, scales = _values.per_channel(mean, channels), _values.per_channel(scale, channels)
        height = width = 0
        if means is not None and means.ndim == PIXEL_MEAN_RANK:
            if means.shape[0] != channels or means.size == 0:
                raise ShapeError(
                    f"the mean has shape {means.shape}, expected ({channels}, height, width)"
                )
            height, width = means.shape[1:]
        elif means is not None and means.ndim != 1:
            raise ShapeError(
                f"the mean has shape {means.shape}, expected ({channels},) or "
                f"({channels}, height, width)"
            )
        if scales is not None and scales.ndim != 1:
            raise ShapeError(f"the scale has shape {scales.shape}, expected ({channels},)")
        for values, what in ((means, "mean"), (scales, "scale")):
            if values is not None and values.size == 0:
                raise ShapeError(f"the {what} is empty; give None for none")
        library().rn_model_set_normalization(
            self._handle,
            None if means is None else _values.floats(means),
            0 if means is None else means.size,
            _values.integer(height, "the mean's height"),
            _values.integer(width, "the mean's width"),
            None if scales is None else _values.floats(scales),
            0 if scales is None else scales.size,
        )
