"""Labelled images to train and evaluate on."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, SupportsIndex, TypeAlias

import numpy as np

from . import _header, _pixels, _values
from ._errors import InvalidArgumentError
from ._handle import Owner
from ._library import library
from ._progress import steps_shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import numpy.typing as npt

    from ._pixels import Images, Layout
    from .batches import Batches
    from .views import Sight


class DamagedFile(NamedTuple):
    """A file that could not be read, and why."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What is to be known of a training set's pixels, in the unit of the pixels.

    Attributes:
        count: Images that it was computed from.
        mean: Of each channel, (channels,).
        standard_deviation: Of each channel, (channels,).
        per_pixel_mean: (channels, height, width), the paper's normalisation.
        eigenvalues: Of the covariance of RGB, for pixels from 0 to 1, the largest first; None if
            there are not 3 channels. With `eigenvectors`, what `resnet.Colours` takes.
        eigenvectors: One in each row.
    """

    count: int
    mean: npt.NDArray[np.float64]
    standard_deviation: npt.NDArray[np.float64]
    per_pixel_mean: npt.NDArray[np.float32]
    eigenvalues: npt.NDArray[np.float64] | None
    eigenvectors: npt.NDArray[np.float64] | None


class Dataset(Owner):
    """Images with their labels, copied out of arrays."""

    # How whole images become those that are read, where they are in files.
    _sight: Sight | None = None

    def __init__(
        self,
        x: Images,
        y: npt.ArrayLike,
        *,
        classes: SupportsIndex | None = None,
        channels: SupportsIndex | None = None,
        layout: Layout = "NCHW",
    ) -> None:
        """Copies images and labels.

        Args:
            x: Images, (images, channels, height, width), uint8 or floats, also PyTorch's
                tensors; or Pillow's images, all of one size, which become RGB, or grey if all are.
            y: Labels, (images,) integers from 0 to classes - 1.
            classes: How many classes there are; None for one more than the largest label.
            channels: How many channels the images must have, 1 or 3 of Pillow's, which are
                converted; None for what they have.
            layout: "NHWC" for an array of (images, height, width, channels).

        Raises:
            ShapeError: An array has the wrong number of dimensions, or the counts differ.
            InvalidArgumentError: A label is out of range, or an array of the wrong type.
            NotFiniteError: A pixel is NaN or infinite.
        """
        wanted = None if channels is None else _values.integer(channels, "channels")
        images, pixels = _pixels.images(x, layout, wanted)
        labels = _values.labels(y, len(pixels))
        if classes is None:
            classes = int(labels.max(initial=-1)) + 1
        made = ctypes.c_void_p()
        library().rn_dataset_create(
            ctypes.byref(images),
            _values.label_pointer(labels),
            _values.integer(classes, "the number of classes"),
            ctypes.byref(made),
        )
        super().__init__(made, "rn_dataset_free")

    def __len__(self) -> int:
        """The number of images."""
        return int(self._info().count)

    def _line(self) -> str:
        channels, height, width = self.shape
        return f": {len(self)} images of {channels}x{height}x{width} in {self.classes} classes"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every image."""
        info = self._info()
        return info.channels, info.height, info.width

    @property
    def classes(self) -> int:
        """The number of classes: labels are 0 to one less."""
        return int(self._info().classes)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes; empty if they have none."""
        names = [
            _values.read_text(library().rn_dataset_class_name, self._handle, index)
            for index in range(self.classes)
        ]
        return names if any(names) else []

    def calibrate(
        self,
        images: SupportsIndex | None = None,
        *,
        seed: SupportsIndex = 0,
        progress: bool = False,
    ) -> Calibration:
        """Computes what normalises the pixels of a training set, without random variation.

        Args:
            images: How many images, drawn at random; None for all.
            seed: Of that choice.
            progress: As for `Model.evaluate`.

        Raises:
            InvalidArgumentError: The number of images is out of range.
        """
        channels, height, width = self.shape
        mean, deviation = np.empty(channels), np.empty(channels)
        pixels = np.empty((channels, height, width), np.float32)
        result = _header.Calibration(
            mean=mean.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
            standard_deviation=deviation.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
            channel_capacity=channels,
            per_pixel_mean=_values.floats(pixels),
            pixel_capacity=pixels.size,
        )
        wanted = 0 if images is None else _values.integer(images, "images", bits=64)
        if images is not None and wanted < 1:
            raise InvalidArgumentError(f"images is {wanted}, expected at least 1, or None")
        with steps_shown(progress):
            library().rn_dataset_calibrate(
                self._handle,
                wanted,
                _values.integer(seed, "seed", bits=64, signed=False),
                ctypes.byref(result),
            )
        return Calibration(
            count=result.count,
            mean=mean,
            standard_deviation=deviation,
            per_pixel_mean=pixels,
            eigenvalues=np.array(result.eigenvalues) if result.has_colour else None,
            eigenvectors=(
                np.array(result.eigenvectors).reshape(3, 3) if result.has_colour else None
            ),
        )

    def read(
        self,
        first: SupportsIndex = 0,
        count: SupportsIndex | None = None,
        *,
        vary: tuple[SupportsIndex, SupportsIndex] | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Copies images and labels out.

        Args:
            first: Index of the first image.
            count: How many; None for all that follow.
            vary: A seed and an epoch, from 0, to read image files as training on them varies them;
                None to read them as they are.

        Returns:
            Images, (count, channels, height, width) float32 in raw pixel units, and their labels,
            (count,) int32.

        Raises:
            InvalidArgumentError: The range goes beyond the dataset.
        """
        total = len(self)
        begin = _values.integer(first, "the first image", bits=64)
        wanted = total - begin if count is None else _values.integer(count, "the count", bits=64)
        if not (0 <= begin <= total and 0 <= wanted <= total - begin):
            raise InvalidArgumentError(
                f"{wanted} images from image {begin} on were asked for; there are {total}"
                if count is not None
                else f"the images from image {begin} on were asked for; there are {total}"
            )
        pixels = np.empty((wanted, *self.shape), np.float32)
        labels = np.empty(wanted, np.int32)
        if wanted:
            target = (_values.floats(pixels), pixels.size)
            named = (_values.label_pointer(labels), labels.size)
            if vary is None:
                library().rn_dataset_read(self._handle, begin, wanted, *target, *named)
            else:
                seed, epoch = _values.pair(vary, "vary", "(seed, epoch)")
                seed = _values.integer(seed, "the seed", bits=64, signed=False)
                epoch = _values.integer(epoch, "the epoch")
                library().rn_dataset_read_varied(
                    self._handle, begin, wanted, seed, epoch, *target, *named
                )
        return pixels, labels

    def batches(
        self,
        batch_size: SupportsIndex = 128,
        *,
        shuffle: bool = False,
        varied: bool = False,
        drop_last: bool = False,
        seed: SupportsIndex = 0,
    ) -> Batches:
        """The images batch by batch, for a training loop of your own.

        Each `for` statement over the result goes through all images once, and is the next epoch.
        A batch is what `read` returns: images, (batch, channels, height, width) float32 in raw
        pixel units, and labels, (batch,) int32.

        Args:
            batch_size: Images a batch.
            shuffle: Whether each epoch has an order of its own, drawn by the seed. The images are
                then read one by one; in their own order, files are decoded several at once.
            varied: Whether image files are varied as training on them varies them, by the seed and
                the epoch.
            drop_last: Whether images at the end that fill no batch are left out.
            seed: Of the order and the variation.

        Raises:
            InvalidArgumentError: The batch size or the seed is out of range.
        """
        from .batches import Batches  # noqa: PLC0415 (it is made of datasets itself)

        return Batches(
            self, batch_size, shuffle=shuffle, varied=varied, drop_last=drop_last, seed=seed
        )

    def split(self, count: SupportsIndex, *, seed: SupportsIndex = 0) -> tuple[Dataset, Dataset]:
        """Cuts the dataset in two at random: images to train on, and some to evaluate on.

        CIFAR-10's 50,000 training images are cut into 45,000 and 5,000 in the paper. Which image
        goes where depends on the number of images, the count and the seed alone; each part keeps
        the order of the whole. The images are shared, not copied.

        Args:
            count: How many images to evaluate on, at least 1 and fewer than there are.
            seed: Of the choice.

        Returns:
            The images to train on, and those to evaluate on.

        Raises:
            InvalidArgumentError: The count is out of range.
        """
        training, validation = ctypes.c_void_p(), ctypes.c_void_p()
        library().rn_dataset_split(
            self._handle,
            _values.integer(count, "the count", bits=64),
            _values.integer(seed, "seed", bits=64, signed=False),
            ctypes.byref(training),
            ctypes.byref(validation),
        )
        parts = Dataset._adopt(training), Dataset._adopt(validation)
        for part in parts:
            part._sight = self._sight
        return parts

    @property
    def damaged(self) -> list[DamagedFile]:
        """The damaged image files that are known, in the order in which they were found.

        Those of the whole dataset, if this is a part of one. Empty if it has no image files.
        """
        count = ctypes.c_int64()
        library().rn_dataset_damaged_count(self._handle, ctypes.byref(count))
        return [
            DamagedFile(
                _values.read_text(library().rn_dataset_damaged_path, self._handle, index),
                _values.read_text(library().rn_dataset_damaged_reason, self._handle, index),
            )
            for index in range(count.value)
        ]

    def verify(self, *, progress: bool = False) -> list[DamagedFile]:
        """Decodes every image file, and returns those that are damaged.

        Args:
            progress: As for `Model.evaluate`.
        """
        with steps_shown(progress):
            library().rn_dataset_verify(self._handle)
        return self.damaged

    @classmethod
    def _adopt(cls, made: ctypes.c_void_p) -> Dataset:
        """A dataset that the library has made."""
        dataset = cls.__new__(cls)
        Owner.__init__(dataset, made, "rn_dataset_free")
        return dataset

    def _open(self, function: str, *arguments: Any) -> None:  # noqa: ANN401 (ctypes' own)
        """What a subclass that reads files does in place of `__init__`."""
        made = ctypes.c_void_p()
        getattr(library(), function)(*arguments, ctypes.byref(made))
        Owner.__init__(self, made, "rn_dataset_free")

    def _info(self) -> _header.DatasetInfo:
        info = _header.DatasetInfo()
        library().rn_dataset_get_info(self._handle, ctypes.byref(info))
        return info


class CIFAR10(Dataset):
    """CIFAR-10 in its binary version: 32x32 colour images of 10 classes."""

    def __init__(self, directory: str | os.PathLike[str], *, train: bool = True) -> None:
        """Opens the training or the test images.

        Args:
            directory: Holds data_batch_1.bin to data_batch_5.bin or test_batch.bin, and
                batches.meta.txt for the class names if it is there.
            train: The 50,000 training images, or else the 10,000 test images.

        Raises:
            MissingFileError: A file is missing.
            FormatError: A file is damaged.
        """
        self._open("rn_dataset_open_cifar10", _values.path(directory), int(bool(train)))


class CIFAR100(Dataset):
    """CIFAR-100 in its binary version: 32x32 colour images of 100 classes in 20 groups."""

    def __init__(
        self, directory: str | os.PathLike[str], *, train: bool = True, coarse: bool = False
    ) -> None:
        """Opens the training or the test images.

        Args:
            directory: Holds train.bin or test.bin, and fine_label_names.txt or
                coarse_label_names.txt for the class names if it is there.
            train: The 50,000 training images, or else the 10,000 test images.
            coarse: Label the images with the 20 groups, or else with the 100 classes.

        Raises:
            MissingFileError: The file is missing.
            FormatError: A file is damaged.
        """
        self._open(
            "rn_dataset_open_cifar100",
            _values.path(directory),
            int(bool(train)),
            int(bool(coarse)),
        )


class IDX(Dataset):
    """Images and labels from two IDX files, the format of MNIST."""

    def __init__(
        self,
        images: str | os.PathLike[str],
        labels: str | os.PathLike[str],
        *,
        classes: SupportsIndex = 0,
    ) -> None:
        """Opens a file of images and the file of their labels, neither of them compressed.

        Args:
            images: A file of unsigned bytes, count x rows x columns (grey) or count x channels x
                rows x columns.
            labels: A file of as many unsigned bytes, from 0 to classes - 1.
            classes: How many classes there are; 0 for one more than the largest label.

        Raises:
            MissingFileError: A file is missing.
            FormatError: A file is damaged, compressed or something else, the counts differ, or a
                label is out of range.
            InvalidArgumentError: The number of classes is negative.
        """
        self._open(
            "rn_dataset_open_idx",
            _values.path(images),
            _values.path(labels),
            _values.integer(classes, "the number of classes"),
        )


class HDF5Images(Dataset):
    """Labelled images in an HDF5 file, which are read as they are needed."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        images: str = "images",
        labels: str = "labels",
        class_names: str = "class_names",
        layout: Literal["NCHW", "NHWC"] = "NCHW",
        classes: SupportsIndex = 0,
    ) -> None:
        """Opens a file, which may be larger than memory and must stay as it is.

        Datasets may be compressed by gzip. Images are read one by one, so a file is read fastest
        whose chunks hold one: `h5py.Group.create_dataset(..., chunks=(1, *shape))`. The file need
        not be trusted.

        Args:
            path: The file.
            images: Name of the dataset of images in the root group, uint8 or float32, of four
                dimensions, or of three if they are grey.
            labels: Name of the dataset of labels, integers from 0, one an image.
            class_names: Name of the dataset of class names, strings. It need not be there.
            layout: The order of the dimensions of four-dimensional images.
            classes: How many classes there are; 0 for as many as there are names, or else for one
                more than the largest label.

        Raises:
            MissingFileError: There is no such file, or it has no such dataset.
            FormatError: A dataset is damaged or of another form, or a label is out of range.
            InvalidArgumentError: The number of classes is negative, or a name cannot be.
        """
        options = _header.HDF5Options(
            images=_values.text(images, "images"),
            labels=_values.text(labels, "labels"),
            class_names=_values.text(class_names, "class_names"),
            layout=_values.choice(layout, _header.LAYOUTS, "layout"),
            classes=_values.integer(classes, "the number of classes"),
        )
        self._open("rn_dataset_open_hdf5", _values.path(path), ctypes.byref(options))


Data: TypeAlias = "Dataset | tuple[Images, npt.ArrayLike]"


def as_dataset(
    data: Data | Iterable[Any], classes: int, channels: int, what: str = "the data"
) -> Dataset:
    """`data`, or a dataset of that many classes and channels made from its images and labels."""
    if isinstance(data, Dataset):
        return data
    # A list is a list of batches where those are taken.
    if not isinstance(data, tuple) or len(data) != 2:  # noqa: PLR2004
        got = (
            f"a tuple of {len(data)}"
            if isinstance(data, tuple)
            else f"of type {type(data).__name__}"
        )
        raise InvalidArgumentError(
            f"{what} is {got}, expected a resnet.Dataset or a tuple (images, labels)"
        )
    x, y = data
    return Dataset(x, y, classes=classes, channels=channels)
