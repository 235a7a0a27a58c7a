"""What a model makes of datasets."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from . import _header, _values
from ._errors import InvalidArgumentError
from ._library import library
from ._network import Network
from ._progress import batches_shown, steps_shown
from .batches import as_batches, each_batch
from .data import as_dataset
from .results import Metrics
from .views import as_options, explained

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from .batches import BatchSource
    from .data import Data, Dataset
    from .views import Kind, Views


class Evaluating(Network):
    """What evaluates a model on datasets."""

    def evaluate(
        self,
        dataset: Data | BatchSource,
        *,
        views: Views | Kind | None = None,
        progress: bool = False,
    ) -> Metrics:
        """Mean loss and accuracy on a dataset, in inference mode.

        Args:
            dataset: A `Dataset`; a tuple of images and labels; or an iterable of batches, each a
                tuple or list of images and labels, such as a PyTorch DataLoader.
            views: Over which views of each image is averaged: a protocol of the paper, such as
                "10-crop", by name with the crop, the size and the interpolation of a dataset of
                image files or a part of it, the paper's lengths for "multi-scale" in proportion to
                its `resize`, and of other data with the paper's numbers, crops of 224x224; or
                `Views` with numbers of your own; None for the one view that the dataset gives of
                each image. The loss is that of the averages.
            progress: Whether to show a bar on a terminal or in a notebook if tqdm is installed,
                and to write a line at the end to standard error.

        Where both have class names, labels are matched by name: the dataset may have some of the
        model's classes, in any order.

        Raises:
            InvalidArgumentError: The dataset has classes that the model does not have, or there
                are no batches.
            ShapeError: The images do not fit the model; the message names both shapes.
        """
        return self._evaluate(dataset, views, progress, None)

    def evaluate_by_class(
        self,
        dataset: Data | BatchSource,
        *,
        views: Views | Kind | None = None,
        progress: bool = False,
    ) -> tuple[Metrics, npt.NDArray[np.int64]]:
        """The same, and which classes were taken for which.

        Returns:
            The metrics, and counts of images, (classes, classes), in the order of the model's
            classes: a row per true class, a column per predicted one. `class_figures` makes each
            class's recall and precision of them.
        """
        counts = np.zeros((self.classes, self.classes), np.int64)
        return self._evaluate(dataset, views, progress, counts), counts

    def _evaluate(
        self,
        given: Data | BatchSource,
        views: Views | Kind | None,
        progress: object,
        counts: npt.NDArray[np.int64] | None,
    ) -> Metrics:
        """The metrics of a dataset or of batches; adds to the counts."""
        batches = as_batches(given)
        if batches is None:
            data = as_dataset(given, self.classes, self.input_channels)
            with steps_shown(progress):
                return self._measure(data, views, counts)
        parts: list[Metrics] = []
        with batches_shown(progress, "evaluating", batches) as count:
            names = self.class_names
            for batch in each_batch(batches, self.classes, self.input_channels, names):
                parts.append(self._measure(batch, views, counts))
                count()
        return _mean(parts)

    def _measure(
        self, data: Dataset, views: Views | Kind | None, counts: npt.NDArray[np.int64] | None
    ) -> Metrics:
        """The metrics of a dataset; adds to the counts."""
        found = _header.Metrics()
        mine = None if counts is None else np.empty_like(counts)
        if views is not None:
            self._test(data, views, found, mine)
        elif mine is None:
            library().rn_model_evaluate(self._handle, data._handle, ctypes.byref(found))
        else:
            library().rn_model_evaluate_by_class(
                self._handle,
                data._handle,
                ctypes.byref(found),
                _values.count_pointer(mine),
                mine.size,
            )
        if counts is not None and mine is not None:
            counts += mine
        return Metrics(found.loss, found.accuracy, found.top5_accuracy, found.count)

    def _test(
        self,
        data: Dataset,
        views: Views | Kind,
        found: _header.Metrics,
        counts: npt.NDArray[np.int64] | None,
    ) -> None:
        options = as_options(views, data._sight)
        with explained(views, data._sight):
            library().rn_model_test(
                self._handle,
                data._handle,
                ctypes.byref(options),
                ctypes.byref(found),
                None if counts is None else _values.count_pointer(counts),
                0 if counts is None else counts.size,
            )

    def recompute_statistics(
        self,
        dataset: Data,
        batch_size: SupportsIndex | None = None,
        *,
        images: SupportsIndex | None = None,
        seed: SupportsIndex = 0,
        progress: bool = False,
    ) -> None:
        """Replaces BN's running statistics by exact ones over training images.

        To be called once after training, whose running statistics are averages over the last
        batches only. Images go through the network in batches as in training, not augmented.

        Args:
            dataset: A `Dataset`, or a tuple of images and labels.
            batch_size: Images a batch; if None, all up to 128, or else the largest of the numbers
                from 64 to 128 that leave the fewest images out.
            images: How many images, in full batches; all if None.
            seed: Of their random order.
            progress: As for `evaluate`.
        """
        data = as_dataset(dataset, self.classes, self.input_channels)
        count = 0
        if images is not None:
            count = _values.integer(images, "the number of images", bits=64)
            if count < 1:
                raise InvalidArgumentError(
                    f"images is {count}, expected 1 or more, or None for all"
                )
        batch = 0
        if batch_size is not None:
            batch = _values.integer(batch_size, "the batch size")
            if batch < 1:
                raise InvalidArgumentError(
                    f"the batch size is {batch}, expected 1 or more, or None"
                )
        with steps_shown(progress):
            library().rn_model_recompute_statistics(
                self._handle,
                data._handle,
                batch,
                count,
                _values.integer(seed, "the seed", bits=64, signed=False),
            )

    def responses(self, dataset: Data, *, progress: bool = False) -> dict[str, float]:
        """How strong the layers' responses to a dataset are (the paper's Figure 7).

        Args:
            dataset: A `Dataset`, or a tuple of images and labels.
            progress: As for `evaluate`.

        Returns:
            The standard deviation of the output of every convolution after BN, before the
            nonlinearity or the addition, over all images, channels and positions, by the name of
            the BN layer, in the order of the layers.
        """
        data = as_dataset(dataset, self.classes, self.input_channels)
        count = ctypes.c_size_t()
        library().rn_model_responses(self._handle, data._handle, None, 0, ctypes.byref(count))
        deviations = np.empty(count.value, np.float64)
        with steps_shown(progress):
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


def _mean(parts: list[Metrics]) -> Metrics:
    """The metrics of all images of several sets."""
    count = sum(part.count for part in parts)
    if count == 0:
        raise InvalidArgumentError(
            "there were no batches to evaluate on; a generator can be gone through only once"
        )

    def mean(values: Iterable[float]) -> float:
        return sum(value * part.count for value, part in zip(values, parts, strict=True)) / count

    return Metrics(
        loss=mean(part.loss for part in parts),
        accuracy=mean(part.accuracy for part in parts),
        top5_accuracy=mean(part.top5_accuracy for part in parts),
        count=count,
    )
