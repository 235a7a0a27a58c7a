"""Labelled images batch by batch: out of a dataset, or out of what a program brings along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np

from . import _values
from ._errors import BusyError, InvalidArgumentError
from .data import Dataset

if TYPE_CHECKING:
    import numpy.typing as npt

    from .data import Data

# Batches of (images, labels), such as a PyTorch DataLoader or `Batches` gives them.
BatchSource: TypeAlias = Iterable[Any]

# What a dataset's `batches` gives.
Batch: TypeAlias = "tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]"


class Batches:
    """The batches of a dataset, for a training loop of your own.

    Each `for` statement goes through all images once. The first is epoch 0, and each that follows
    is the next epoch, with another order and other variations; set `epoch` to resume.

        batches = dataset.batches(128, shuffle=True, varied=True, seed=1)
        for images, labels in batches:
            trainer.step(images, labels)

    Attributes:
        epoch: Number of the epoch that the next `for` statement begins.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: SupportsIndex = 128,
        *,
        shuffle: bool = False,
        varied: bool = False,
        drop_last: bool = False,
        seed: SupportsIndex = 0,
    ) -> None:
        """Reads nothing yet. `Dataset.batches` tells the arguments."""
        self.dataset = dataset
        self.batch_size: int = _values.integer(batch_size, "batch_size", bits=64)
        if self.batch_size < 1:
            raise InvalidArgumentError(f"batch_size is {self.batch_size}, expected at least 1")
        self.shuffle: bool = bool(shuffle)
        self.varied: bool = bool(varied)
        self.drop_last: bool = bool(drop_last)
        self.seed: int = _values.integer(seed, "seed", bits=64, signed=False)
        self.epoch: int = 0

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + int(rest > 0 and not self.drop_last)

    def __repr__(self) -> str:
        """What it gives, in a line."""
        if self.dataset._closed:
            return "<resnet.Batches of a closed dataset>"
        try:
            count = len(self)
        except BusyError:
            return "<resnet.Batches of a dataset that another thread uses>"
        how = [word for word in ("shuffle", "varied", "drop_last") if getattr(self, word)]
        return f"<resnet.Batches: {count} of {self.batch_size} {' '.join(how)}".rstrip() + ">"

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the next epoch, each read when it is asked for."""
        epoch = _values.integer(self.epoch, "epoch")
        if epoch < 0:
            raise InvalidArgumentError(f"epoch is {epoch}, expected at least 0")
        self.epoch = epoch + 1
        return self._read(epoch)

    def _read(self, epoch: int) -> Iterator[Batch]:
        total = len(self.dataset)
        vary = (self.seed, epoch) if self.varied else None
        order = (
            np.random.default_rng((self.seed, epoch)).permutation(total) if self.shuffle else None
        )
        for index in range(len(self)):
            first = index * self.batch_size
            count = min(self.batch_size, total - first)
            if order is None:
                yield self.dataset.read(first, count, vary=vary)
                continue
            images = np.empty((count, *self.dataset.shape), np.float32)
            labels = np.empty(count, np.int32)
            for place, image in enumerate(order[first : first + count]):
                pixels, label = self.dataset.read(image, 1, vary=vary)
                images[place], labels[place] = pixels[0], label[0]
            yield images, labels


def as_batches(data: Data | BatchSource) -> BatchSource | None:
    """`data` if they are batches, rather than a dataset or a tuple of images and labels."""
    if isinstance(data, Dataset | tuple | str | bytes | dict) or not isinstance(data, Iterable):
        return None
    return data


def each_batch(
    source: BatchSource, classes: int, channels: int, class_names: list[str]
) -> Iterator[Dataset]:
    """Every batch as a dataset of that many classes, of images of that many channels.

    Labels of a dataset's `batches` are matched by name with the class names of the model, if both
    have names; those of other batches are taken as they are.

    Raises:
        InvalidArgumentError: A batch is not a pair of images and labels, or a class of the dataset
            is none of the model's.
    """
    numbers = _numbers(source, class_names)
    for index, batch in enumerate(source):
        what = f"batch {index}"
        # An array of two rows would be taken apart, too.
        if not isinstance(batch, tuple | list):
            raise InvalidArgumentError(
                f"{what} is of type {type(batch).__name__}, expected a tuple (images, labels)"
            )
        x, y = _values.pair(batch, what, "(images, labels)")
        if numbers is not None:
            y = numbers[y]
        yield Dataset(x, y, classes=classes, channels=channels)


def _numbers(source: BatchSource, class_names: list[str]) -> npt.NDArray[np.int32] | None:
    """The model's number of each class of the dataset that the batches are of; None for its own."""
    check_class_names(source, class_names)
    names = _class_names(source)
    if not names or not class_names or names == class_names:
        return None
    return np.array([class_names.index(name) for name in names], np.int32)


def _class_names(source: Dataset | BatchSource) -> list[str]:
    if isinstance(source, Batches):
        source = source.dataset
    return source.class_names if isinstance(source, Dataset) else []


def check_class_names(source: Dataset | BatchSource, class_names: list[str]) -> None:
    """Refuses a dataset, or its `batches`, that has a class which is none of those.

    Raises:
        InvalidArgumentError: It has.
    """
    unknown = [name for name in _class_names(source) if name not in class_names]
    if class_names and unknown:
        raise InvalidArgumentError(
            f'the dataset has a class "{unknown[0]}", which is none of the model\'s '
            f"{len(class_names)} classes"
        )
