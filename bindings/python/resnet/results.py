"""What models answer, beside arrays."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _values
from ._errors import InvalidArgumentError, ShapeError
from ._library import library


@dataclasses.dataclass(frozen=True)
class Metrics:
    """How a model does on a dataset, in inference mode.

    Attributes:
        loss: Mean cross-entropy, in nats.
        accuracy: Share of images whose highest score is their label's, 0 to 1.
        top5_accuracy: Share of images whose label is among the five highest scores.
        count: Images.
    """

    loss: float
    accuracy: float
    top5_accuracy: float
    count: int


@dataclasses.dataclass(frozen=True)
class Memory:
    """The memory that a model takes to run or to train, in bytes.

    It holds for the instruction set in use, the number of threads that is set and whether
    Winograd's algorithm is allowed. Arrays of images and scores are not counted.

    Attributes:
        parameters: The model's tensors, which are there already.
        packed_weights: The weights once more, as the kernels read them; 0 for training, which packs
            them layer by layer, in the workspace.
        gradients: Of all trainable tensors; 0 for inference.
        momentum: A trainer's, there once the trainer is; 0 for inference.
        workspace: Activations, their gradients when training, and the scratch of each thread.
        total: The sum.
    """

    parameters: int
    packed_weights: int
    gradients: int
    momentum: int
    workspace: int
    total: int


class Normalization(NamedTuple):
    """How pixels become network inputs: (pixel - mean) * scale.

    Attributes:
        mean: (channels,) or (channels, height, width), in the pixels' unit; None for 0.
        scale: (channels,); None for 1.
    """

    mean: npt.NDArray[np.float32] | None
    scale: npt.NDArray[np.float32] | None


class ClassFigures(NamedTuple):
    """How well each class is recognised.

    Attributes:
        recall: The share of a class's images that were recognised; NaN for a class without images.
        precision: The share of the images taken for a class that are of it; NaN if none was.
    """

    recall: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]


def class_figures(confusion: npt.NDArray[np.int64]) -> ClassFigures:
    """Each class's recall and precision.

    Args:
        confusion: (classes, classes) counts, as `Model.evaluate_by_class` gives them.

    Raises:
        ShapeError: It is no such matrix.
        InvalidArgumentError: It does not hold integers.
    """
    given = _values.array_of(confusion, "the counts")
    if not np.issubdtype(given.dtype, np.integer):
        raise InvalidArgumentError(f"the counts are {given.dtype}, expected integers")
    counts = np.ascontiguousarray(given, dtype=np.int64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:  # noqa: PLR2004 (a matrix)
        raise ShapeError(f"the counts have shape {counts.shape}, expected (classes, classes)")
    if len(counts) == 0:
        raise ShapeError("the counts have shape (0, 0), expected at least 1 class")
    recall, precision = np.empty(len(counts)), np.empty(len(counts))
    doubles = ctypes.POINTER(ctypes.c_double)
    library().rn_class_figures(
        _values.count_pointer(counts),
        len(counts),
        recall.ctypes.data_as(doubles),
        precision.ctypes.data_as(doubles),
    )
    return ClassFigures(recall, precision)
