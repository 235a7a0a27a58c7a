"""Networks with their weights."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

import numpy as np
import numpy.typing as npt

from . import _description, _exchange, _header, _state_dict, _values
from ._errors import (
    FormatError,
    InvalidArgumentError,
    NotFiniteError,
    ShapeError,
    StateDictError,
)
from ._handle import Owner
from ._library import library
from .data import as_dataset
from .results import Memory, Metrics, Normalization
from .views import as_options

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from ._description import Layer, Stage
    from ._exchange import ImportReport
    from .data import Data, Dataset
    from .views import Kind, Views

PIXEL_MEAN_RANK = 3


class Model(Owner):
    """A residual network (He et al., 2015) with its weights, input normalisation and class names.

    Images are (images, channels, height, width), float32 or uint8, of any size that the network
    can take. The model applies its own normalisation to them.
    """

    def __init__(
        self,
        preset: str,
        *,
        classes: SupportsIndex | None = None,
        shortcut: Literal["A", "B", "C", "none", "gate"] | None = None,
        stride_on: Literal["1x1", "3x3"] | None = None,
        family: Literal["imagenet", "cifar"] | None = None,
        stem: Literal["imagenet", "cifar"] | None = None,
        zero_channels: Literal["after", "split"] = "after",
        input_channels: SupportsIndex | None = None,
        base_width: SupportsIndex | None = None,
        seed: SupportsIndex = 0,
    ) -> None:
        """Makes a network of the paper with fresh weights (He's method).

        What is None is as the paper has it.

        Args:
            preset: "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain18",
                "plain34" (ImageNet), or "resnetN", "plainN" with N = 6n + 2 (CIFAR). Of what the
                paper compares with, "vgg16", "vgg19", "vgg16-bn", "vgg19-bn" (ImageNet),
                "highway19", "highway32" and "fitnet19" (CIFAR), of which only classes and
                input_channels can be changed.
            classes: Number of classes; None for 1000 (ImageNet) or 10 (CIFAR).
            shortcut: "A" (identity, new channels zero), "B" (projection where dimensions change),
                "C" (projection on every block), "none" (a plain network) or "gate" (highway
                layers); None for B (ImageNet), A (CIFAR) or none (plain networks).
            stride_on: The convolution of a bottleneck that has the stride: "1x1" as published,
                which None means too, or "3x3" as in torchvision.
            family: Which network a name means that both families have, such as "resnet50"; None
                for the ImageNet one.
            stem: One 3x3 convolution ("cifar"), or a 7x7 at stride 2 and max-pooling
                ("imagenet"); None for the family's own.
            zero_channels: Where shortcut A puts its zero channels: "after" the old ones, or
                "split" half before and half after.
            input_channels: Channels of the images; None for 3.
            base_width: Channels of the first stage; None for 64 (ImageNet) or 16 (CIFAR).
            seed: Of the weights. The same seed gives the same weights.

        Raises:
            NotFoundError: There is no such preset.
            InvalidArgumentError: A value is out of range.
        """
        options = _header.ModelOptions(
            family=_values.optional_choice(family, _header.FAMILIES, "family"),
            stem=_values.optional_choice(stem, _header.STEMS, "stem"),
            shortcut=_values.optional_choice(shortcut, _header.SHORTCUTS, "shortcut"),
            stride_on=_values.optional_choice(stride_on, _header.STRIDES_ON, "stride_on"),
            zero_channels=_values.choice(zero_channels, _header.ZERO_CHANNELS, "zero_channels"),
            classes=_values.optional_count(classes, "classes"),
            input_channels=_values.optional_count(input_channels, "input_channels"),
            base_width=_values.optional_count(base_width, "base_width"),
            seed=_values.integer(seed, "seed", bits=64, signed=False),
        )
        made = ctypes.c_void_p()
        library().rn_model_create(
            _values.text(preset, "preset"), ctypes.byref(options), ctypes.byref(made)
        )
        super().__init__(made, "rn_model_free")

    @classmethod
    def described(
        cls,
        *,
        stem: Literal["imagenet", "cifar", "vector", "none"],
        stem_width: SupportsIndex,
        block: Literal["basic", "bottleneck"] | Sequence[Layer],
        stages: Sequence[Stage],
        shortcut: Literal["A", "B", "C", "none", "gate"],
        classes: SupportsIndex,
        input_channels: SupportsIndex = 3,
        stride_on: Literal["1x1", "3x3"] | None = None,
        stride_layer: SupportsIndex = 0,
        zero_channels: Literal["after", "split"] = "after",
        affine: Literal["bn", "bias", "bias_and_bn"] = "bn",
        maxout: SupportsIndex = 0,
        window: SupportsIndex = 1,
        hidden: SupportsIndex | Sequence[SupportsIndex] = (),
        name: str = "custom",
        seed: SupportsIndex = 0,
    ) -> Model:
        """Makes a network of your own with fresh weights.

        Args:
            stem: As for a preset; or "vector", which makes all layers fully connected, of images
                of 1x1 pixels; or "none".
            stem_width: Channels of the stem's layer; 0 without a stem.
            block: "basic" (two 3x3 convolutions), "bottleneck" (1x1, 3x3, 1x1 to 4 times the
                width), or for each layer of a block its kernel (1, 3, 5 or 7) or a tuple of that
                and of its channels as a multiple of the width: [1, 3, (1, 4)].
            stages: For each stage its number of blocks, the width of their convolutions, the
                spatial stride (1 or 2) of the first block and, if not 0, the side and stride of a
                max-pooling at the end.
            shortcut: As for a preset.
            classes: Number of classes.
            input_channels: Channels of the images.
            stride_on: As for a preset.
            stride_layer: Index of the layer of a block of your own that has the stride.
            zero_channels: As for a preset.
            affine: What follows a convolution: BN, a bias, or both.
            maxout: 0 for ReLU, else the channels that a maxout unit takes the largest of.
            window: Side of the patches of the last map that the head reads.
            hidden: Width or widths of the head's fully connected layers before the classifier.
            name: What summaries and files call it.
            seed: Of the weights.

        Raises:
            InvalidArgumentError: A value is out of range.
        """
        description = _description.described(
            stem=stem,
            stem_width=stem_width,
            block=block,
            stages=stages,
            shortcut=shortcut,
            classes=classes,
            input_channels=input_channels,
            stride_on=stride_on,
            stride_layer=stride_layer,
            zero_channels=zero_channels,
            affine=affine,
            maxout=maxout,
            window=window,
            hidden=hidden,
            name=name,
            seed=seed,
        )
        made = ctypes.c_void_p()
        library().rn_model_create_described(ctypes.byref(description), ctypes.byref(made))
        return cls._adopt(made)

    def replace_classifier(self, classes: SupportsIndex, *, seed: SupportsIndex = 0) -> Model:
        """A copy with another classifier, to be trained on other classes.

        Its last layer is drawn anew; all other tensors and the normalisation are the same, bit for
        bit. It has no class names. This model, which may be an opened one, stays as it is.

        Args:
            classes: How many classes.
            seed: Of the last layer's weights.

        Raises:
            InvalidArgumentError: The number of classes is out of range.
        """
        made = ctypes.c_void_p()
        library().rn_model_replace_classifier(
            self._handle,
            _values.integer(classes, "the number of classes"),
            _values.integer(seed, "seed", bits=64, signed=False),
            ctypes.byref(made),
        )
        return Model._adopt(made)

    @classmethod
    def _adopt(cls, handle: ctypes.c_void_p) -> Model:
        """A model around a handle that it will own."""
        model = cls.__new__(cls)
        Owner.__init__(model, handle, "rn_model_free")
        return model

    def __reduce__(self) -> tuple[Callable[[bytes], Model], tuple[bytes]]:  # type: ignore[override]
        """Is copied and pickled as the file that `save` writes, so an opened model cannot be."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.h5"
            self.save(path)
            return _unpickled, (path.read_bytes(),)

    def __repr__(self) -> str:
        """What it is, in a line."""
        info = self._info
        return (
            f"<resnet.Model {self.name}: {info.input_channels} channels to {info.classes} classes, "
            f"{info.parameters:,} parameters>"
        )

    # ---- What it is

    @property
    def name(self) -> str:
        """What the network is called, e.g. "resnet20"."""
        return _values.read_text(library().rn_model_name, self._handle)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self._info.classes)

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

    # ---- Running

    def logits(self, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Runs the network in inference mode, up to the scores before the softmax.

        Args:
            x: Images, (images, channels, height, width), float32 or uint8.

        Returns:
            Scores, (images, classes).

        Raises:
            ShapeError: The images have the wrong dimensions.
            NotFiniteError: A pixel is NaN or infinite.
        """
        return self._scores("rn_model_logits", x)

    def probabilities(
        self, x: npt.ArrayLike, *, views: Views | Kind | None = None
    ) -> npt.NDArray[np.float32]:
        """As `logits`, after the softmax: each row is non-negative and adds up to 1.

        Args:
            x: As for `logits`.
            views: Over which views of each image is averaged; None for the images as they are.
        """
        if views is None:
            return self._scores("rn_model_probabilities", x)
        images, pixels = _values.images(x)
        probabilities = np.empty((len(pixels), self.classes), np.float32)
        library().rn_model_view_probabilities(
            self._handle,
            ctypes.byref(images),
            ctypes.byref(as_options(views)),
            _values.floats(probabilities),
            probabilities.size,
        )
        return probabilities

    def predict(
        self, x: npt.ArrayLike, *, views: Views | Kind | None = None
    ) -> npt.NDArray[np.int32]:
        """The class of each image's highest score (the first of equals), as (images,) indices.

        Takes and raises what `probabilities` does.
        """
        if views is not None:
            best: npt.NDArray[np.intp] = self.probabilities(x, views=views).argmax(axis=1)
            return best.astype(np.int32)
        images, pixels = _values.images(x)
        labels = np.empty(len(pixels), np.int32)
        library().rn_model_predict(
            self._handle, ctypes.byref(images), _values.label_pointer(labels), labels.size
        )
        return labels

    # ---- Features

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

    def features(self, x: npt.ArrayLike, layer: str = "avgpool") -> npt.NDArray[np.float32]:
        """Runs the network in inference mode up to a layer, and no further.

        Args:
            x: Images, (images, channels, height, width), float32 or uint8.
            layer: One of `layers`, such as "layer1.0.bn2" or "avgpool" (the pooled features, which
                the classifier reads), or a stage or block, such as "layer3" or "layer3.1": its
                output, after the last ReLU.

        Returns:
            The layer's output, (images, channels, height, width), or (images, values) from
            "avgpool" on.

        Raises:
            NotFoundError: There is no such layer.
            ShapeError: The images have the wrong dimensions.
            NotFiniteError: A pixel is NaN or infinite.
        """
        images, pixels = _values.images(x)
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

    def responses(self, dataset: Data) -> dict[str, float]:
        """How strong the layers' responses to a dataset are (the paper's Figure 7).

        Args:
            dataset: A `Dataset`, or a tuple of images and labels.

        Returns:
            The standard deviation of the output of every convolution after BN, before the
            nonlinearity or the addition, over all images, channels and positions, by the name of
            the BN layer, in the order of the layers.
        """
        data = as_dataset(dataset, self.classes)
        count = ctypes.c_size_t()
        library().rn_model_responses(self._handle, data._handle, None, 0, ctypes.byref(count))
        deviations = np.empty(count.value, np.float64)
        library().rn_model_responses(
            self._handle,
            data._handle,
            deviations.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
            deviations.size,
            ctypes.byref(count),
        )
        read = library().rn_model_response_layer
        return {
            _values.read_text(read, self._handle, index): float(deviation)
            for index, deviation in enumerate(deviations)
        }

    # ---- Evaluating

    def evaluate(self, dataset: Data, *, views: Views | Kind | None = None) -> Metrics:
        """Mean loss and accuracy on a dataset, in inference mode.

        Args:
            dataset: A `Dataset`, or a tuple of images and labels.
            views: Over which views of each image is averaged: a protocol of the paper, such as
                "10-crop", by name with the crop, the size and the interpolation of a dataset of
                image files or a part of it, the paper's lengths for "multi-scale" in proportion to
                its `resize`; or `Views` with numbers of your own; None for the one view that the
                dataset gives of each image. The loss is that of the averages.

        Where both have class names, labels are matched by name: the dataset may have some of the
        model's classes, in any order.

        Raises:
            InvalidArgumentError: The dataset has classes that the model does not have.
        """
        data = as_dataset(dataset, self.classes)
        found = _header.Metrics()
        if views is None:
            library().rn_model_evaluate(self._handle, data._handle, ctypes.byref(found))
        else:
            self._test(data, views, found, None)
        return Metrics(found.loss, found.accuracy, found.top5_accuracy, found.count)

    def evaluate_by_class(
        self, dataset: Data, *, views: Views | Kind | None = None
    ) -> tuple[Metrics, npt.NDArray[np.int64]]:
        """The same, and which classes were taken for which.

        Returns:
            The metrics, and counts of images, (classes, classes), in the order of the model's
            classes: a row per true class, a column per predicted one. `class_figures` makes each
            class's recall and precision of them.
        """
        data = as_dataset(dataset, self.classes)
        found = _header.Metrics()
        counts = np.empty((self.classes, self.classes), np.int64)
        if views is None:
            library().rn_model_evaluate_by_class(
                self._handle,
                data._handle,
                ctypes.byref(found),
                _values.count_pointer(counts),
                counts.size,
            )
        else:
            self._test(data, views, found, counts)
        return Metrics(found.loss, found.accuracy, found.top5_accuracy, found.count), counts

    def _test(
        self,
        data: Dataset,
        views: Views | Kind,
        found: _header.Metrics,
        counts: npt.NDArray[np.int64] | None,
    ) -> None:
        library().rn_model_test(
            self._handle,
            data._handle,
            ctypes.byref(as_options(views, data._sight)),
            ctypes.byref(found),
            None if counts is None else _values.count_pointer(counts),
            0 if counts is None else counts.size,
        )

    def recompute_statistics(
        self, dataset: Data, batch_size: int = 128, *, images: int | None = None, seed: int = 0
    ) -> None:
        """Replaces BN's running statistics by exact ones over training images.

        To be called once after training, whose running statistics are averages over the last
        batches only. Images go through the network in batches as in training, not augmented.

        Args:
            dataset: A `Dataset`, or a tuple of images and labels.
            batch_size: Images a batch.
            images: How many images, in full batches; all if None.
            seed: Of their random order.
        """
        data = as_dataset(dataset, self.classes)
        count = 0
        if images is not None:
            count = _values.integer(images, "the number of images", bits=64)
            if count < 1:
                raise InvalidArgumentError(
                    f"images is {count}, expected 1 or more, or None for all"
                )
        library().rn_model_recompute_statistics(
            self._handle,
            data._handle,
            _values.integer(batch_size, "the batch size"),
            count,
            _values.integer(seed, "the seed", bits=64, signed=False),
        )

    def _scores(self, function: str, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
        images, pixels = _values.images(x)
        scores = np.empty((len(pixels), self.classes), np.float32)
        getattr(library(), function)(
            self._handle, ctypes.byref(images), _values.floats(scores), scores.size
        )
        return scores

    # ---- Weights

    def state_dict(self) -> dict[str, npt.NDArray[np.float32]]:
        """Copies of all weights and BN statistics, by torchvision's names and in its order.

        Convolution weights are (out, in, height, width), the last layer's (classes, features), all
        others (channels,).
        """
        state = {}
        for name, shape in self._shapes().items():
            state[name] = np.empty(shape, np.float32)
            library().rn_model_get_tensor(
                self._handle, name.encode(), _values.floats(state[name]), state[name].size
            )
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replaces all weights and BN statistics.

        Takes weights as others store them: a last layer called `linear`, projections called
        `shortcut`, names that begin with `module.`, and `num_batches_tracked` are understood.

        Args:
            state: Arrays or PyTorch tensors by name. `numpy.load` of an .npz file will do.

        Raises:
            StateDictError: Names are missing or unexpected, or tensors do not fit; the error
                names all of them, and the model is as it was.
        """
        content = _state_dict.as_bytes(state)
        buffer = (ctypes.c_char * len(content)).from_buffer(content)
        try:
            library().rn_model_import_weights_bytes(self._handle, buffer, len(content), 0)
        except (ShapeError, FormatError, NotFiniteError) as error:
            report = self.import_report
            raise StateDictError(
                str(error),
                missing=report.names("missing"),
                unexpected=report.names("unexpected"),
                mismatched=[
                    f"{note.name} {note.reason}"
                    for note in report.notes
                    if note.kind == "mismatched"
                ],
            ) from None

    def import_weights(
        self, path: str | os.PathLike[str], *, partial: bool = False
    ) -> ImportReport:
        """Replaces weights and BN statistics by those of another program's file.

        Args:
            path: A .safetensors or .pth file; its contents say which.
            partial: Take what fits, and leave the rest as it is; the report names it.

        Raises:
            ShapeError: Tensors are missing, unexpected or of other shapes; the model is as it was.
            FormatError: The file is damaged, or not understood.
        """
        library().rn_model_import_weights(self._handle, _values.path(path), int(bool(partial)))
        return self.import_report

    @property
    def import_report(self) -> ImportReport:
        """What the last import into this model did, or what was in its way."""
        return _exchange.report(self._handle)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        format: Literal["safetensors", "torch", "keras", "keras-weights", "caffe"] | None = None,  # noqa: A002
    ) -> None:
        """Writes the weights for another program.

        Args:
            path: Replaced only once the new file is complete and on disk.
            format: "safetensors"; "torch" for what `torch.load` reads; "keras" for weights as Keras 2
                has them, "keras-weights" as Keras 3 has; "caffe"; None for that of the extension
                (.safetensors, .pth, .pt, .h5, .weights.h5, .caffemodel.h5).

        Raises:
            InvalidArgumentError: The format cannot be told, or cannot hold the model.
        """
        library().rn_model_export(
            self._handle,
            _values.path(path),
            _values.optional_choice(format, _header.FORMATS, "format"),
        )

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, in the order of a state dict."""
        shapes = {}
        info = _header.TensorInfo()
        for index in range(self._info.tensors):
            library().rn_model_tensor_info(self._handle, index, ctypes.byref(info))
            shapes[info.name.decode()] = tuple(info.shape[: info.rank])
        return shapes

    # ---- Files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an HDF5 file: architecture, weights, BN statistics, normalisation, class names.

        A file of that name is replaced only once the new one is complete and on disk.

        Raises:
            InputOutputError: The system refuses to write there.
        """
        library().rn_model_save(self._handle, _values.path(path))

    # ---- Input normalisation and class names

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

    @functools.cached_property
    def _info(self) -> _header.ModelInfo:
        """Nothing of it changes."""
        info = _header.ModelInfo()
        library().rn_model_get_info(self._handle, ctypes.byref(info))
        return info


def open(path: str | os.PathLike[str]) -> Model:  # noqa: A001 (as PIL.Image.open is)
    """Opens a file that `Model.save` wrote, to run the model: its weights stay there until needed.

    The first answer takes the shortest way from the file to the scores and keeps no weights; the
    second, which takes longer than those that follow, keeps them, once, while `load` has them
    twice. Such a model cannot be trained or saved, nor its weights be changed. The file may be
    replaced or removed meanwhile; what is in it must stay as it is.

    Raises:
        MissingFileError: There is no such file.
        InputOutputError: The system refuses to read it.
        FormatError: It is damaged, or not a model. Damage to weights shows when they are read.
    """
    return _from_file(library().rn_model_open, path)


def import_model(
    path: str | os.PathLike[str],
    *,
    partial: bool = False,
    preprocessing: Literal["none", "torch", "caffe"] = "none",
    stride_on: Literal["1x1", "3x3"] | None = None,
    zero_channels: Literal["after", "split"] | None = None,
    plain: bool = False,
) -> Model:
    """Makes a model from a file of another program, whose network is found from its tensors.

    Args:
        path: A .safetensors or .pth file; its contents say which. It need not be trusted.
        partial: Ignore what is not understood; `Model.import_report` names it.
        preprocessing: What the model does to its images before the network sees them: nothing;
            or, of RGB in [0, 1], what torchvision's or Caffe's ImageNet models were trained with.
        stride_on: The convolution of a bottleneck that has the stride; None for the 3x3, as
            torchvision has it.
        zero_channels: Where shortcut A puts its zeros; None for where the ports have them whose
            names the file has.
        plain: Without projections it is a plain network, not one of shortcut A.

    Raises:
        FormatError: The file is damaged, or holds what is not understood, which it names.
        ShapeError: Tensors are missing, unexpected or of other shapes.
        MissingFileError: There is no such file.
    """
    options = _exchange.options(
        partial=partial,
        preprocessing=preprocessing,
        stride_on=stride_on,
        zero_channels=zero_channels,
        plain=plain,
    )
    made = ctypes.c_void_p()
    library().rn_model_import(_values.path(path), ctypes.byref(options), ctypes.byref(made))
    return Model._adopt(made)


def load(path: str | os.PathLike[str]) -> Model:
    """Reads a model that `Model.save` wrote, whatever language it was written from.

    Raises:
        MissingFileError: There is no such file.
        InputOutputError: The system refuses to read it.
        FormatError: It is damaged, or not a model.
    """
    return _from_file(library().rn_model_load, path)


def _unpickled(content: bytes) -> Model:
    """The model that a file of this content holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.h5"
        path.write_bytes(content)
        return load(path)


def _from_file(read: Callable[..., None], path: str | os.PathLike[str]) -> Model:
    made = ctypes.c_void_p()
    read(_values.path(path), ctypes.byref(made))
    return Model._adopt(made)
