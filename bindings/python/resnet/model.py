"""Networks with their weights."""

from __future__ import annotations

import ctypes
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from . import _description, _exchange, _header, _state_dict, _values
from ._errors import FormatError, NotFiniteError, ShapeError, StateDictError
from ._evaluating import Evaluating
from ._handle import Owner
from ._library import library
from ._normalizing import Normalizing
from ._running import Running

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from ._description import Layer, Stage
    from ._exchange import ImportReport


Format: TypeAlias = Literal["safetensors", "torch", "onnx", "keras", "keras-weights", "caffe"]


class Model(Running, Evaluating, Normalizing):
    """A residual network (He et al., 2015) with its weights, input normalisation and class names.

    Images are arrays (images, channels, height, width), uint8 or floats of any width, of any size
    that the network can take; with `layout="NHWC"`, (images, height, width, channels); or PyTorch's
    tensors; or Pillow's images, one or several of one size. The model applies its own normalisation
    to them, so they come in the unit of the pixels that it was trained on. Contiguous NCHW arrays
    of uint8 and float32 are read where they are; others are copied once.

    >>> model = resnet.Model("resnet20", classes=10, seed=0)  # or resnet.load("model.h5")
    >>> resnet.Trainer(model, lr=0.1).fit((images, labels), epochs=10, progress=True)
    >>> model.predict(new_images)  # one class an image
    >>> model.probabilities(Image.open("cat.png"))  # (1, classes)
    >>> model.evaluate((test_images, test_labels)).accuracy
    >>> model.save("model.h5")

    A model can be pickled and copied, and closed by a `with` statement. One thread at a time uses
    it; Python's lock is released meanwhile.
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
        stem_pool: Literal["padded", "ceil"] | None = None,
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
            stem_pool: Where the windows of that max-pooling lie: "padded" by one pixel as in
                torchvision and Keras, which None means too, or "ceil", from the first pixel on and
                the last ones cut at the edge, as in Caffe.
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
            stem_pool=_values.optional_choice(stem_pool, _header.STEM_POOLS, "stem_pool"),
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
        stem_pool: Literal["padded", "ceil"] | None = None,
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
            stem_pool: As for a preset.
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
            stem_pool=stem_pool,
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
        bit. It has no class names, and of the metadata all but libresnet's own, whose names begin
        with "resnet.". This model, which may be an opened one, stays as it is.

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

    # Whether its weights are in its file.
    _opened = False

    @classmethod
    def _adopt(cls, handle: ctypes.c_void_p) -> Model:
        """A model around a handle that it will own."""
        model = cls.__new__(cls)
        Owner.__init__(model, handle, "rn_model_free")
        return model

    def __reduce__(self) -> tuple[Callable[[bytes], Model], tuple[bytes]]:  # type: ignore[override]
        """Is copied and pickled as the file that `save` writes, so an opened model cannot be."""
        if self._opened:
            raise TypeError(
                "a model of `resnet.open` cannot be copied or pickled, as its weights are in its "
                "file; one of `resnet.load` can"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.h5"
            self.save(path)
            return _unpickled, (path.read_bytes(),)

    def _line(self) -> str:
        info = self._info
        return (
            f" {self.name}: {info.input_channels} channels to {info.classes} classes, "
            f"{info.parameters:,} parameters"
        )

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
        `shortcut`, names that begin with `module.`, and `num_batches_tracked` are understood. What
        tensors do not show is not compared: the stride of a bottleneck is on the first 1x1
        convolution here, as published, and on the 3x3 in torchvision, whose weights belong into
        `Model("resnet50", stride_on="3x3")`.

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

        The network stays what it is, also where tensors do not show it: torchvision's bottleneck
        networks have `stride_on="3x3"`, those of Keras and Caffe "1x1", and Caffe's first pooling
        is `stem_pool="ceil"`. `import_model` makes the network that the file is of.

        Args:
            path: A file of any format that `export` writes; its contents say which.
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
        format: Format | None = None,  # noqa: A002
    ) -> None:
        """Writes the weights for another program.

        Args:
            path: Replaced only once the new file is complete and on disk.
            format: "safetensors"; "torch" for what `torch.load` reads; "onnx" for a graph; "keras"
                for weights as Keras 2 has them, "keras-weights" as Keras 3 has; "caffe"; None for
                that of the extension (.safetensors, .pth, .pt, .onnx, .h5, .weights.h5,
                .caffemodel.h5).

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

        Args:
            path: The name of the file, such as "model.h5". Files for other programs are written by
                `export`: their extensions, such as .pth, are refused here.

        Raises:
            InputOutputError: The system refuses to write there: a `MissingFolderError` or
                `PermissionDeniedError` where it is that.
            InvalidArgumentError: The extension is that of another program's files.
        """
        library().rn_model_save(self._handle, _values.path(path))


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
    model = _from_file(library().rn_model_open, path)
    model._opened = True
    return model


def import_model(
    path: str | os.PathLike[str],
    *,
    partial: bool = False,
    preprocessing: Literal["none", "torch", "caffe"] = "none",
    stride_on: Literal["1x1", "3x3"] | None = None,
    stem_pool: Literal["padded", "ceil"] | None = None,
    zero_channels: Literal["after", "split"] | None = None,
    plain: bool = False,
) -> Model:
    """Makes a model from a file of another program, whose network is found from its tensors.

    The graph of an ONNX file says itself what `stride_on`, `stem_pool`, `zero_channels` and
    `plain` are for: there they may not say another thing, or be for what its network lacks.

    Args:
        path: A file of any format that `Model.export` writes, or Keras's `.keras`; its contents
            say which. It need not be trusted. The external data of an ONNX file must be in its
            folder.
        partial: Ignore what is not understood, and draw what is missing anew, convolutions apart;
            `Model.import_report` names it.
        preprocessing: What the model does to its images before the network sees them: nothing;
            or, of RGB pixels from 0 to 255, what torchvision's or Caffe's ImageNet models were
            trained with. Only of a network that does not normalise its images itself.
        stride_on: The convolution of a bottleneck that has the stride; None for the 3x3, as
            torchvision has it.
        stem_pool: Where the windows of the ImageNet stem's max-pooling lie; None for "ceil" in
            Caffe's files and "padded" in other files of tensors.
        zero_channels: Where shortcut A puts its zeros; None for where the ports have them whose
            names the file has.
        plain: Without projections it is a plain network, not one of shortcut A.

    Raises:
        FormatError: The file is damaged, or holds what is not understood, which it names.
        ShapeError: Tensors are missing, unexpected or of other shapes.
        InvalidArgumentError: Preprocessing or an option is for another network than the file's.
        MissingFileError: There is no such file.
    """
    options = _exchange.options(
        partial=partial,
        preprocessing=preprocessing,
        stride_on=stride_on,
        stem_pool=stem_pool,
        zero_channels=zero_channels,
        plain=plain,
    )
    made = ctypes.c_void_p()
    library().rn_model_import(_values.path(path), ctypes.byref(options), ctypes.byref(made))
    return Model._adopt(made)


def load(path: str | os.PathLike[str]) -> Model:
    """Reads a model that `Model.save` wrote, whatever language it was written from.

    Weights of other programs are read by `import_model`.

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
