"""What is to be known of a network before it is run."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
from typing import TYPE_CHECKING, Any, SupportsIndex

from . import _header, _values
from ._handle import Owner
from ._library import library
from ._metadata import Metadata
from .results import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Network(Owner):
    """Sizes, layers and memory of a model."""

    @property
    def name(self) -> str:
        """What the network is called, e.g. "resnet20"."""
        return _values.read_text(library().rn_model_name, self._handle)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self._info.classes)

    @property
    def class_names(self) -> list[str]:
        """One name per class; empty if they have none."""
        read = library().rn_model_class_name
        names = [_values.read_text(read, self._handle, index) for index in range(self.classes)]
        return names if any(names) else []

    @class_names.setter
    def class_names(self, names: Sequence[str]) -> None:
        encoded = [
            _values.text(name, "a class name") for name in _values.sequence(names, "class_names")
        ]
        array = (ctypes.c_char_p * len(encoded))(*encoded)
        library().rn_model_set_class_names(self._handle, array, len(encoded))

    @property
    def metadata(self) -> Metadata:
        """What else is kept with the model and in its file, strings by name.

        Such as its author, its licence, or how it was trained. It is changed as a dict is:
        `model.metadata["licence"] = "MIT"`. Names that begin with "resnet." are libresnet's own.
        Values that are refused leave the old ones.
        """
        return Metadata(self)

    @metadata.setter
    def metadata(self, values: Mapping[str, str]) -> None:
        new = dict(values)
        old = dict(self.metadata)
        try:
            _replace(self.metadata, new)
        except BaseException:
            _replace(self.metadata, old)
            raise

    @property
    def input_channels(self) -> int:
        """Channels of the images."""
        return int(self._info.input_channels)

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the images that its family is published for; others work too."""
        info = self._info
        return info.input_height, info.input_width

    @property
    def parameter_count(self) -> int:
        """Number of learned values."""
        return int(self._info.parameters)

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with its addition, for one image of `input_size`."""
        return int(self._info.multiply_adds)

    @property
    def weighted_layers(self) -> int:
        """Layers with weights, as the paper counts them: 20 for ResNet-20."""
        return int(self._info.weighted_layers)

    def summary(self, height: SupportsIndex = 0, width: SupportsIndex = 0) -> str:
        """A table of layers, output sizes, parameters and multiply-adds.

        Args:
            height: Of the images, in pixels; 0 (with width 0) for `input_size`.
            width: Of the images, in pixels.

        Raises:
            ShapeError: Images of that size are too small for the network.
        """
        rows, columns = _values.integer(height, "height"), _values.integer(width, "width")
        table = _values.read_text(library().rn_model_summary, self._handle, rows, columns)
        return table.rstrip("\n")

    # ---- Memory

    def inference_memory(
        self, count: SupportsIndex, height: SupportsIndex, width: SupportsIndex
    ) -> Memory:
        """What running the network takes, and the model keeps for its next call.

        Nothing is allocated.

        Args:
            count: Images of a call.
            height: Of the images, in pixels.
            width: Of the images, in pixels.

        Raises:
            ShapeError: The network cannot take such images.
        """
        return self._memory(library().rn_model_inference_memory, count, height, width)

    def training_memory(
        self, batch: SupportsIndex, height: SupportsIndex, width: SupportsIndex
    ) -> Memory:
        """What a trainer's steps take, and the trainer keeps for its next step.

        Nothing is allocated.

        Args:
            batch: Images of a step.
            height: Of the images, in pixels.
            width: Of the images, in pixels.

        Raises:
            ShapeError: The network cannot take such images.
            InvalidArgumentError: The batch is too small to train on.
        """
        return self._memory(library().rn_model_training_memory, batch, height, width)

    def _memory(
        self,
        function: Any,  # noqa: ANN401 (ctypes' own)
        count: SupportsIndex,
        height: SupportsIndex,
        width: SupportsIndex,
    ) -> Memory:
        memory = _header.Memory()
        function(
            self._handle,
            _values.integer(count, "count", bits=64),
            _values.integer(height, "height"),
            _values.integer(width, "width"),
            ctypes.byref(memory),
        )
        return Memory(
            **{field.name: getattr(memory, field.name) for field in dataclasses.fields(Memory)}
        )

    # ---- Layers

    @functools.cached_property
    def layers(self) -> list[str]:
        """The names of the layers, in the order in which they are computed."""
        read = library().rn_model_layer_name
        return [_values.read_text(read, self._handle, index) for index in range(self._info.layers)]

    def feature_shape(
        self, layer: str, height: SupportsIndex, width: SupportsIndex
    ) -> tuple[int, ...]:
        """The shape of a layer's output for one image: (channels, height, width) or (values,).

        Args:
            layer: As for `features`.
            height: Of the image, in pixels.
            width: Of the image, in pixels.

        Raises:
            NotFoundError: There is no such layer.
            ShapeError: The images are too small for it.
        """
        shape = _header.FeatureShape()
        library().rn_model_feature_shape(
            self._handle,
            _values.text(layer, "layer"),
            _values.integer(height, "height"),
            _values.integer(width, "width"),
            ctypes.byref(shape),
        )
        return (shape.channels, shape.height, shape.width)[: shape.rank]

    @functools.cached_property
    def _info(self) -> _header.ModelInfo:
        """Nothing of it changes."""
        info = _header.ModelInfo()
        library().rn_model_get_info(self._handle, ctypes.byref(info))
        return info


def _replace(metadata: Metadata, values: Mapping[str, str]) -> None:
    """Takes away those that are not among the values, so that there is room, and sets these."""
    for name in metadata.keys() - values.keys():
        del metadata[name]
    metadata.update(values)
