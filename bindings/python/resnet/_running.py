"""A model's answers to images."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np

from . import _pixels, _values
from ._library import library
from ._network import Network
from .views import as_options, explained

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._pixels import Images, Layout
    from .views import Kind, Views


class Running(Network):
    """What runs a model on images."""

    def logits(self, x: Images, *, layout: Layout = "NCHW") -> npt.NDArray[np.float32]:
        """Runs the network in inference mode, up to the scores before the softmax.

        Args:
            x: Images, (images, channels, height, width), uint8 or floats, also PyTorch's
                tensors; or Pillow's, one or several of one size, which become RGB or grey like
                files.
            layout: "NHWC" for an array of (images, height, width, channels).

        Returns:
            Scores, (images, classes).

        Raises:
            ShapeError: The images have the wrong dimensions.
            NotFiniteError: A pixel is NaN or infinite.
        """
        return self._scores("rn_model_logits", x, layout)

    def probabilities(
        self, x: Images, *, views: Views | Kind | None = None, layout: Layout = "NCHW"
    ) -> npt.NDArray[np.float32]:
        """As `logits`, after the softmax: each row is non-negative and adds up to 1.

        Args:
            x: As for `logits`.
            views: Over which views of each image is averaged: a protocol of the paper by name, with
                its numbers (crops of 224x224), or `Views`; None for the images as they are.
            layout: As for `logits`.
        """
        if views is None:
            return self._scores("rn_model_probabilities", x, layout)
        images, pixels = _pixels.images(x, layout, self.input_channels)
        probabilities = np.empty((len(pixels), self.classes), np.float32)
        options = as_options(views)
        with explained(views):
            library().rn_model_view_probabilities(
                self._handle,
                ctypes.byref(images),
                ctypes.byref(options),
                _values.floats(probabilities),
                probabilities.size,
            )
        return probabilities

    def predict(
        self, x: Images, *, views: Views | Kind | None = None, layout: Layout = "NCHW"
    ) -> npt.NDArray[np.int32]:
        """The class of each image's highest score (the first of equals), as (images,) indices.

        Takes and raises what `probabilities` does.
        """
        if views is not None:
            best: npt.NDArray[np.intp] = self.probabilities(x, views=views, layout=layout).argmax(
                axis=1
            )
            return best.astype(np.int32)
        images, pixels = _pixels.images(x, layout, self.input_channels)
        labels = np.empty(len(pixels), np.int32)
        library().rn_model_predict(
            self._handle, ctypes.byref(images), _values.label_pointer(labels), labels.size
        )
        return labels

    def features(
        self, x: Images, layer: str = "avgpool", *, layout: Layout = "NCHW"
    ) -> npt.NDArray[np.float32]:
        """Runs the network in inference mode up to a layer, and no further.

        Args:
            x: Images, (images, channels, height, width), uint8 or floats, also PyTorch's
                tensors; or Pillow's, one or several of one size, which become RGB or grey like
                files.
            layer: One of `layers`, such as "layer1.0.bn2" or "avgpool" (the pooled features, which
                the classifier reads), or a stage or block, such as "layer3" or "layer3.1": its
                output, after the last ReLU.
            layout: As for `logits`.

        Returns:
            The layer's output, (images, channels, height, width), or (images, values) from
            "avgpool" on.

        Raises:
            NotFoundError: There is no such layer.
            ShapeError: The images have the wrong dimensions.
            NotFiniteError: A pixel is NaN or infinite.
        """
        images, pixels = _pixels.images(x, layout, self.input_channels)
        shape = self.feature_shape(layer, *pixels.shape[2:])
        features = np.empty((len(pixels), *shape), np.float32)
        library().rn_model_features(
            self._handle,
            ctypes.byref(images),
            _values.text(layer, "layer"),
            _values.floats(features),
            features.size,
        )
        return features

    def _scores(self, function: str, x: Images, layout: Layout) -> npt.NDArray[np.float32]:
        images, pixels = _pixels.images(x, layout, self.input_channels)
        scores = np.empty((len(pixels), self.classes), np.float32)
        getattr(library(), function)(
            self._handle, ctypes.byref(images), _values.floats(scores), scores.size
        )
        return scores
