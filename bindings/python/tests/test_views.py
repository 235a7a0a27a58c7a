"""Testing by several views of each image, and the figures of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet
from photos import write_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def data(count: int = 40) -> tuple[Any, Any]:
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (count, 3, 14, 18), np.uint8)
    return images, random.integers(0, 6, count)


@pytest.fixture(scope="module")
def model() -> resnet.Model:
    model = resnet.Model("resnet8", base_width=8, classes=6, seed=4)
    model.set_normalization(120, 0.02)
    return model


def ten_crop(images: Any, crop: int) -> list[Any]:  # noqa: ANN401
    height, width = images.shape[2:]
    tops, lefts = (0, height - crop), (0, width - crop)
    corners = [(top, left) for top in tops for left in lefts]
    corners.append((round((height - crop) / 2), round((width - crop) / 2)))
    parts = [images[:, :, top : top + crop, left : left + crop] for top, left in corners]
    return parts + [part[..., ::-1] for part in parts]


def test_ten_crops_are_averaged(model: resnet.Model) -> None:
    x, _ = data()
    expected = np.mean([model.probabilities(view) for view in ten_crop(x, 9)], axis=0)
    views = resnet.Views("10-crop", resize=None, crop=9)
    np.testing.assert_allclose(model.probabilities(x, views=views), expected, atol=1e-6)
    np.testing.assert_array_equal(model.predict(x, views=views), expected.argmax(axis=1))


def test_metrics_are_those_of_the_averages(model: resnet.Model) -> None:
    x, y = data()
    for views in (
        resnet.Views("10-crop", resize=10, crop=9),
        resnet.Views("multi-scale", scales=(9, 14), mirror=True),
    ):
        p = model.probabilities(x, views=views).astype(np.float64)
        metrics, counts = model.evaluate_by_class((x, y), views=views)
        assert metrics == model.evaluate((x, y), views=views)
        assert metrics.loss == pytest.approx(-np.log(p[np.arange(len(y)), y]).mean(), abs=1e-6)
        assert metrics.accuracy == (p.argmax(axis=1) == y).mean()
        assert metrics.top5_accuracy == (p.argmin(axis=1) != y).mean()
        expected = np.zeros((6, 6), np.int64)
        np.add.at(expected, (y, p.argmax(axis=1)), 1)
        np.testing.assert_array_equal(counts, expected)


def test_no_views_are_the_images_as_they_are(model: resnet.Model) -> None:
    x, y = data()
    single = model.probabilities(x, views="single")
    np.testing.assert_allclose(single, model.probabilities(x), atol=1e-6)
    assert model.evaluate((x, y), views="single").accuracy == model.evaluate((x, y)).accuracy


def test_published_numbers_are_the_defaults(model: resnet.Model) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 300, 280), np.uint8)
    crops = resnet.Views("10-crop", resize=256, crop=224)
    np.testing.assert_array_equal(
        model.probabilities(image, views="10-crop"), model.probabilities(image, views=crops)
    )
    scales = resnet.Views("multi-scale", scales=(224, 256, 384, 480, 640), average="scores")
    np.testing.assert_array_equal(
        model.probabilities(image, views="multi-scale"), model.probabilities(image, views=scales)
    )


def test_views_by_name_that_do_not_fit_say_what_they_are() -> None:
    model = resnet.Model("resnet8", classes=2, base_width=4)
    x = np.zeros((2, 3, 32, 32), np.uint8)
    model.set_normalization(np.zeros((3, 32, 32)))
    attempts: list[Callable[[], object]] = [
        lambda: model.evaluate((x, [0, 1]), views="10-crop"),
        lambda: model.predict(x, views="10-crop"),
    ]
    for attempt in attempts:
        with pytest.raises(
            resnet.ShapeError, match=r'224x224: give resnet\.Views\("10-crop", resize=\.\.\., crop'
        ):
            attempt()
    with pytest.raises(resnet.ShapeError, match=r"mean is for 32x32: give images of that size"):
        model.predict(x, views=resnet.Views("10-crop"))


def test_class_figures() -> None:
    counts = np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]])
    recall, precision = resnet.class_figures(counts)
    np.testing.assert_allclose(recall, [0.75, 0.5, np.nan])
    np.testing.assert_allclose(precision, [0.6, 2 / 3, np.nan])
    for wrong in (np.zeros((2, 3)), np.zeros(4), np.zeros((0, 0))):
        with pytest.raises(resnet.ShapeError):
            resnet.class_figures(wrong.astype(np.int64))


@pytest.mark.parametrize(
    ("views", "error"),
    [
        (resnet.Views("10-crop", resize=10, crop=11), resnet.InvalidArgumentError),
        (resnet.Views("centre", crop=0), resnet.InvalidArgumentError),
        (resnet.Views("centre", resize=0, crop=8), resnet.InvalidArgumentError),
        (resnet.Views("multi-scale", scales=()), resnet.InvalidArgumentError),
        (resnet.Views("multi-scale", scales=(0,)), resnet.InvalidArgumentError),
        (resnet.Views("multi-scale", average="sum"), resnet.InvalidArgumentError),  # type: ignore[arg-type]
        ("12-crop", resnet.InvalidArgumentError),
    ],
)
def test_errors(model: resnet.Model, views: Any, error: type[Exception]) -> None:  # noqa: ANN401
    x, y = data(2)
    with pytest.raises(error):
        model.probabilities(x, views=views)
    with pytest.raises(error):
        model.evaluate((x, y), views=views)


def test_folders_are_seen_whole_and_damaged_files_left_out(tmp_path: Path) -> None:
    paths = write_folder(tmp_path, {"a": 3, "b": 4})
    paths[1].write_bytes(b"no image")
    model = resnet.Model("resnet8", base_width=8, classes=2, seed=4)
    model.set_normalization(120, 0.02)
    folder = resnet.ImageFolder(tmp_path, crop=24, resize=28, damage="skip")
    whole = [path for path in paths if path != paths[1]]
    labels = np.array([int(path.parent.name == "b") for path in whole])
    for views in (
        resnet.Views("10-crop", resize=28, crop=24),
        resnet.Views("multi-scale", scales=(24, 30)),
    ):
        p = np.concatenate(
            [model.probabilities(resnet.read_image(path)[None], views=views) for path in whole]
        ).astype(np.float64)
        metrics, counts = model.evaluate_by_class(folder, views=views)
        assert metrics.count == counts.sum() == len(whole)
        assert metrics.accuracy == (p.argmax(axis=1) == labels).mean()
        loss = -np.log(p[np.arange(len(whole)), labels]).mean()
        assert metrics.loss == pytest.approx(loss, abs=1e-5)
    assert [file.path for file in folder.damaged] == [str(paths[1])]
    strict = resnet.ImageFolder(tmp_path, crop=24, resize=28)
    with pytest.raises(resnet.FormatError, match=paths[1].name):
        model.evaluate(strict, views=resnet.Views("10-crop", resize=28, crop=24))
    # The centre crop of a folder is what the folder gives of itself.
    centre = model.evaluate(folder, views=resnet.Views("centre", resize=28, crop=24))
    assert centre.loss == pytest.approx(model.evaluate(folder).loss, abs=1e-5)


def test_responses_of_a_folder_leave_out_damaged_files(tmp_path: Path) -> None:
    paths = write_folder(tmp_path, {"a": 2, "b": 2})
    model = resnet.Model("resnet8", base_width=8, classes=2, seed=4)
    options: dict[str, Any] = {"crop": 24, "resize": 28, "damage": "skip"}
    data = resnet.ImageFolder(tmp_path, **options).read()
    paths[3].write_bytes(b"")
    found = model.responses(resnet.ImageFolder(tmp_path, **options))
    assert found == pytest.approx(model.responses((data[0][:3], data[1][:3])), rel=1e-6)


def test_a_single_view_is_as_good_as_none_where_probabilities_underflow() -> None:
    images, labels = data()
    model = resnet.Model("resnet8", classes=10, base_width=4)
    weights = model.state_dict()
    weights["fc.weight"] = weights["fc.weight"] * 1e5
    model.load_state_dict(weights)
    plain = model.evaluate((images, labels))
    single = model.evaluate((images, labels), views="single")
    assert single.loss == pytest.approx(plain.loss)
    assert single.top5_accuracy == plain.top5_accuracy
    crops = resnet.Views("10-crop", resize=None, crop=12)
    assert np.isfinite(model.evaluate((images, labels), views=crops).loss)
