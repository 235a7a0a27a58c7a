"""Pictures: what is drawn is what was given."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

import resnet
from resnet import plot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def numbers(values: Any) -> np.ndarray:  # noqa: ANN401 (whatever matplotlib has)
    return np.asarray(values, dtype=np.float64)


def small(channels: int = 1) -> resnet.Model:
    return resnet.Model("resnet8", classes=3, input_channels=channels, base_width=4)


def data(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 1, 8, 8), dtype=np.uint8), np.arange(count) % 3


def history() -> dict[str, list[float]]:
    return resnet.Trainer(small()).fit(data(), epochs=3, batch_size=8, validation=data(9))


def test_curves_show_errors_by_iterations() -> None:
    seen = history()
    axes = plot.curves(seen)
    training, held_out = axes.get_lines()
    np.testing.assert_allclose(numbers(training.get_xdata()), [3, 6, 9])
    np.testing.assert_allclose(
        numbers(training.get_ydata()), 100 * (1 - np.array(seen["accuracy"]))
    )
    np.testing.assert_allclose(
        numbers(held_out.get_ydata()), 100 * (1 - np.array(seen["val_accuracy"]))
    )
    assert training.get_linestyle() == "--"
    assert held_out.get_linewidth() > training.get_linewidth()
    assert [line.get_label() for line in axes.get_lines()] == ["training", "held out"]


def test_curves_of_several_on_given_axes() -> None:
    _, given = plt.subplots()
    unvalidated = resnet.Trainer(small()).fit(data(), epochs=2, batch_size=8)
    axes = plot.curves({"plain": history(), "residual": unvalidated}, ax=given)
    assert axes is given
    labels = [line.get_label() for line in axes.get_lines()]
    assert labels == ["plain training", "plain", "residual training"]


@pytest.mark.parametrize(
    "wrong", [{}, {"loss": [1.0]}, {"a": {"loss": [1.0]}}, {"iteration": [], "accuracy": []}]
)
def test_curves_of_something_else(wrong: dict[str, list[float]]) -> None:
    with pytest.raises(resnet.InvalidArgumentError):
        plot.curves(wrong)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_filters(channels: int) -> None:
    model = small(channels)
    weights = model.state_dict()["conv1.weight"]
    weights[0] = 0
    weights[1] = np.linspace(-1, 1, channels * 9).reshape(channels, 3, 3)
    model.load_state_dict({**model.state_dict(), "conv1.weight": weights})
    axes = plot.filters(model)
    sheet = axes.get_images()[0].get_array()
    assert sheet is not None
    assert sheet.shape == (9, 9, 3), "2 x 2 filters of 3x3, and gaps"
    np.testing.assert_allclose(sheet[1:4, 1:4], 0.5)
    shown = weights[1] if channels != 2 else weights[1][:1]
    expected = 0.5 + 0.5 * shown / np.abs(shown).max()
    np.testing.assert_allclose(
        sheet[1:4, 5:8], np.broadcast_to(expected.transpose(1, 2, 0), (3, 3, 3)), atol=1e-6
    )


def test_filters_of_what_is_none() -> None:
    with pytest.raises(resnet.NotFoundError, match="nothing"):
        plot.filters(small(), "nothing")
    with pytest.raises(resnet.ShapeError, match=r"fc\.weight"):
        plot.filters(small(), "fc.weight")


def test_confusion() -> None:
    counts = np.array([[9, 1, 0], [2, 2, 0], [0, 0, 0]])
    axes = plot.confusion(counts, ["cat", "dog", "owl"])
    shares = axes.get_images()[0].get_array()
    np.testing.assert_allclose(numbers(shares), [[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    assert [text.get_text() for text in axes.texts] == ["9", "1", "2", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "owl"]
    assert axes.get_title() == "accuracy 78.6%, worst class dog 50.0%"
    assert plot.confusion(np.zeros((3, 3), int)).get_title() == "no images"


def overlaps(axes: Axes) -> bool:
    """Whether names of neighbours do, or numbers of neighbours in a row."""
    axes.figure.canvas.figure.draw_without_rendering()
    rows = [label.get_window_extent() for label in axes.get_yticklabels()]
    columns = [label.get_window_extent() for label in axes.get_xticklabels()]
    numbers = [(text.get_position(), text.get_window_extent()) for text in axes.texts]
    return (
        any(lower.y1 > upper.y0 for upper, lower in itertools.pairwise(rows))
        or any(left.x1 > right.x0 for left, right in itertools.pairwise(columns))
        or any(
            left[0][1] == right[0][1] and left[1].x1 > right[1].x0
            for left, right in itertools.pairwise(numbers)
        )
    )


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(("classes", "count"), [(3, 5), (20, 12345), (30, 500), (50, 500)])
def test_confusion_is_readable(classes: int, count: int, given: bool) -> None:
    counts = np.full((classes, classes), count)
    names = [f"class {index}" for index in range(classes)]
    axes = plot.confusion(counts, names, ax=plt.subplots()[1] if given else None)
    assert not overlaps(axes)
    shown = classes <= 20 and not (given and classes == 20)
    assert len(axes.texts) == (classes**2 if shown else 0), "five digits need new axes"
    assert len(axes.get_yticklabels()) == (0 if given and classes == 50 else classes)


def test_confusion_with_a_long_name() -> None:
    axes = plot.confusion(np.eye(3, dtype=int), ["cat", "d" * 100, "owl"])
    assert axes.get_yticklabels()[1].get_text() == "d" * 19 + "…"
    axes.figure.canvas.figure.draw_without_rendering()
    matrix, figure = axes.get_window_extent(), axes.figure.bbox
    assert matrix.width * matrix.height > figure.width * figure.height / 4


def test_confusion_of_something_else() -> None:
    with pytest.raises(resnet.ShapeError):
        plot.confusion(np.zeros((2, 3), int))
    with pytest.raises(resnet.ShapeError, match=r"counts have shape \(0, 0\)"):
        plot.confusion(np.zeros((0, 0), int))
    with pytest.raises(resnet.ShapeError, match="2 class names"):
        plot.confusion(np.zeros((3, 3), int), ["cat", "dog"])


def test_responses() -> None:
    model = small()
    axes = plot.responses({"ResNet-8": model}, data())
    deviations = list(model.responses(data()).values())
    np.testing.assert_allclose(numbers(axes.get_lines()[0].get_ydata()), deviations)
    descending = plot.responses({"ResNet-8": model}, data(), sort=True).get_lines()[0]
    np.testing.assert_allclose(numbers(descending.get_ydata()), sorted(deviations, reverse=True))
    with pytest.raises(resnet.InvalidArgumentError):
        plot.responses({}, data())


def test_the_highest_point_is_not_on_the_edge() -> None:
    flat = {"iteration": [1.0, 2.0], "accuracy": [0.1, 0.1001]}
    assert plot.curves(flat).get_ylim()[1] > 94
    perfect = {"iteration": [1.0, 2.0], "accuracy": [1.0, 1.0]}
    assert plot.curves(perfect).get_ylim() == (0, 1)
    axes = plot.responses({"ResNet-8": small()}, data())
    highest = numbers(axes.get_lines()[0].get_ydata()).max()
    np.testing.assert_allclose(axes.get_ylim(), (0, 1.05 * highest))


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "resnet.plot")
    with pytest.raises(ImportError, match="pip install matplotlib"):
        import resnet.plot  # noqa: F401, PLC0415 (which is what is tested)
