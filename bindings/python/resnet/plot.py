"""Pictures of training and of networks, in the manner of the paper's figures.

    from resnet import plot

    axes = plot.curves({"ResNet-20": history})
    axes.figure.savefig("curves.png")

Each function draws on the axes that it is given, or on new ones, and returns them. Needs
matplotlib: `pip install resnet[plot]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import InvalidArgumentError, NotFoundError, ShapeError
from .results import class_figures

try:
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator
except ImportError as _cause:
    raise ImportError(
        "resnet.plot needs matplotlib, which is not installed: pip install matplotlib"
    ) from _cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes

    from .data import Data
    from .model import Model

MATRIX_RANK = 2
# Beyond so many classes there are no numbers in the cells, and no names beside them.
MOST_NUMBERED, MOST_NAMED = 20, 50
# Names are cut to so many characters, to leave room for the matrix.
LONGEST_NAME = 20
# In points; what would have to be smaller than the least is left out. And an inch.
USUAL_FONT, LEAST_FONT, INCH = 10, 5, 72
# Of a character as a share of the font's size, and of a line.
CHARACTER, LINE = 0.65, 1.2
# Between filters: a colour that grey filters do not have.
GAP = (0.82, 0.88, 1.0)


def curves(
    histories: Mapping[str, Sequence[float]] | Mapping[str, Mapping[str, Sequence[float]]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draws the error by the steps taken (Figure 6): of training dashed, of held-out images bold.

    Args:
        histories: What `Trainer.fit` returned; or several of them by what the legend calls them.
        ax: Where to draw.

    Raises:
        InvalidArgumentError: It is no history, or no epoch has ended in it.
    """
    named = _named(histories)
    axes = _axes(ax)
    for name, history in named.items():
        steps = np.asarray(history["iteration"])
        (line,) = axes.plot(steps, _error(history["accuracy"]), "--", linewidth=1)
        label = f"{name} training" if name else "training"
        line.set_label(label)
        if history.get("val_accuracy"):
            label = name or "held out"
            axes.plot(
                steps, _error(history["val_accuracy"]), color=line.get_color(), linewidth=2.2,
                label=label,
            )  # fmt: skip
    axes.set(xlabel="iterations", ylabel="error (%)")
    _from_zero(axes)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return axes


def filters(model: Model, tensor: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draws the filters of a convolution side by side, in colour if they read three channels.

    Every filter is scaled by itself: grey is 0, its largest weight is black or white.

    Args:
        model: Whose.
        tensor: Name of the convolution's weight; None for that of the model's first layer. Of one
            that reads neither one nor three channels, the filters' first channel is drawn.
        ax: Where to draw.

    Raises:
        NotFoundError: The model has no such tensor.
        ShapeError: It is not a convolution's.
    """
    state = model.state_dict()
    name = next(iter(state)) if tensor is None else tensor
    if name not in state:
        raise NotFoundError(f"the model has no tensor {name!r}; state_dict() names them all")
    weights = state[name]
    if weights.ndim != 4:  # noqa: PLR2004 (out, in, height, width)
        raise ShapeError(f"{name} has shape {weights.shape}, expected a convolution's of rank 4")
    shown = weights if weights.shape[1] in {1, 3} else weights[:, :1]
    count, _, height, width = shown.shape
    largest = np.abs(shown).max(axis=(1, 2, 3), keepdims=True)
    scaled = 0.5 + 0.5 * shown / np.where(largest > 0, largest, 1)

    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, 3), GAP)
    for index, filter_ in enumerate(scaled):
        top, left = (1 + index // columns * (height + 1), 1 + index % columns * (width + 1))
        sheet[top : top + height, left : left + width] = filter_.transpose(1, 2, 0)
    axes = _axes(ax)
    axes.imshow(sheet)
    axes.set(title=f"{name}: {count} filters of {height}x{width}", xticks=[], yticks=[])
    return axes


def confusion(
    counts: npt.NDArray[np.int64],
    class_names: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draws a confusion matrix: a row per true class, each cell the share of that class's images.

    Names of up to 50 classes are beside it, and of up to 20 classes the counts in the cells, as far
    as the axes have room for them; new axes have.

    Args:
        counts: (classes, classes), as `Model.evaluate_by_class` returns them.
        class_names: What to call the classes; None for their numbers.
        ax: Where to draw.

    Raises:
        ShapeError: It is no such matrix, or the names are not as many.
    """
    matrix = np.asarray(counts)
    if matrix.ndim != MATRIX_RANK or matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"the counts have shape {matrix.shape}, expected (classes, classes)")
    recall = class_figures(matrix).recall
    classes = len(matrix)
    names = [str(index) for index in range(classes)] if class_names is None else class_names
    if len(names) != classes:
        raise ShapeError(f"{len(names)} class names were given for {classes} classes")
    images = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.where(images > 0, images, 1)

    short = [_shortened(name) for name in names]
    digits = len(str(matrix.max()))
    axes = _matrix_axes(short, digits) if ax is None else ax
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.figure.colorbar(shown, ax=axes, label="share of the true class")
    total = max(int(matrix.sum()), 1)
    axes.set(
        xlabel="predicted class",
        ylabel="true class",
        title=f"accuracy {np.trace(matrix) / total:.1%}, "
        f"worst class {short[int(np.nanargmin(recall))]} {np.nanmin(recall):.1%}"
        if np.isfinite(recall).any()
        else "no images",
    )
    if classes <= MOST_NAMED:
        axes.set_xticks(range(classes), short, rotation=90)
        axes.set_yticks(range(classes), short)
    else:
        axes.set(xticks=[], yticks=[])
    _fit_text(axes, matrix, shares, digits)
    return axes


def _shortened(name: object) -> str:
    name = str(name)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _matrix_axes(names: Sequence[str], digits: int) -> Axes:
    """New axes with room for a matrix, names beside it and numbers in it."""
    cell = LINE * USUAL_FONT
    if len(names) <= MOST_NUMBERED:
        cell = max(cell, (digits + 1) * CHARACTER * USUAL_FONT)
    side = max(len(names) * cell if len(names) <= MOST_NAMED else 0, 4 * INCH) / INCH
    beside = CHARACTER * USUAL_FONT * max(map(len, names)) / INCH
    _, axes = plt.subplots(layout="constrained", figsize=(side + beside + 1.6, side + beside + 0.8))
    return axes


def _fit_text(
    axes: Axes, matrix: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], digits: int
) -> None:
    """Gives names a size at which they do not overlap, and writes numbers that fit the cells."""
    # Where the matrix is, and how large, is only known then.
    axes.figure.canvas.figure.draw_without_rendering()
    extent = axes.get_window_extent()
    cell = min(extent.width, extent.height) / len(matrix) * INCH / axes.figure.dpi
    size = min(USUAL_FONT, cell / LINE)
    if size < LEAST_FONT:
        axes.set(xticks=[], yticks=[])
    else:
        axes.tick_params(labelsize=size)
    size = min(USUAL_FONT, cell / LINE, cell / (digits * CHARACTER))
    if size < LEAST_FONT or len(matrix) > MOST_NUMBERED:
        return
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 (half)
            axes.text(
                column, row, str(count), ha="center", va="center", color=colour, fontsize=size
            )


def responses(
    models: Mapping[str, Model], dataset: Data, *, sort: bool = False, ax: Axes | None = None
) -> Axes:
    """Draws the standard deviation of every layer's output after BN (Figure 7).

    Args:
        models: By what the legend calls them.
        dataset: What they look at.
        sort: Whether to show the layers in the order of their responses, the largest first, as in
            the figure's lower half, instead of in their own.
        ax: Where to draw.

    Raises:
        ShapeError: The images do not fit a model.
    """
    if not isinstance(models, Mapping) or not models:
        raise InvalidArgumentError(f"models is {models!r}, expected models by name")
    axes = _axes(ax)
    for name, model in models.items():
        deviations = list(model.responses(dataset).values())
        values = sorted(deviations, reverse=True) if sort else deviations
        axes.plot(range(1, len(values) + 1), values, label=name, linewidth=1.6)
    order = "layer, sorted by its response" if sort else "layer"
    axes.set(xlabel=order, ylabel="standard deviation")
    _from_zero(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return axes


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    _, axes = plt.subplots(layout="constrained")
    return axes


def _from_zero(axes: Axes) -> None:
    """Shows values from 0 to above the highest, which may hardly be higher than the lowest."""
    highest = float(axes.dataLim.y1)
    axes.set_ylim(0, 1.05 * highest if np.isfinite(highest) and highest > 0 else 1)


def _error(accuracy: Sequence[float]) -> npt.NDArray[np.float64]:
    return 100 * (1 - np.asarray(accuracy, dtype=np.float64))


def _named(histories: Any) -> dict[str, Any]:  # noqa: ANN401 (one of two kinds of mapping)
    """Histories by name; the only one has none."""
    named = {"": histories} if "accuracy" in histories else dict(histories)
    for name, history in named.items():
        what = f"the history {name!r}" if name else "the history"
        if "iteration" not in history or "accuracy" not in history:
            raise InvalidArgumentError(f"{what} is not what Trainer.fit returns: {list(history)}")
        if not history["iteration"]:
            raise InvalidArgumentError(f"{what} has no epoch that ended")
    if not named:
        raise InvalidArgumentError("there is no history to draw")
    return named
