"""Datasets of image files."""

from __future__ import annotations

import resource
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from test_images import jpeg_of_size, planes, png

import resnet
from photos import write_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

SMALL: dict[str, Any] = {"crop": 32, "resize": 36}


def centre(image: Image.Image, resize: int, crop: int) -> npt.NDArray[np.uint8]:
    """The testing view, by Pillow."""
    width, height = image.size
    short = min(width, height)
    size = (resize * width // short, resize * height // short)
    left, top = (round((side - crop) / 2) for side in size)
    resized = image.resize(size, Image.Resampling.BILINEAR)
    return planes(resized.crop((left, top, left + crop, top + crop)))


def test_folder(tmp_path: Path) -> None:
    paths = write_folder(tmp_path, {"zebra": 3, "Ape": 2, "cat": 4})
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "readme.txt").write_text("not a class")
    (tmp_path / "cat/.DS_Store").write_text("not an image")
    (tmp_path / "cat/notes.txt").write_text("not an image")
    (tmp_path / "cat/0003.jpg").rename(tmp_path / "cat/0003.JPEG")
    data = resnet.ImageFolder(tmp_path, **SMALL)
    assert data.class_names == ["Ape", "cat", "zebra"]
    assert (len(data), data.shape, data.classes) == (9, (3, 32, 32), 3)
    pixels, labels = data.read()
    assert labels.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2]
    order = [*paths[3:5], *paths[5:8], tmp_path / "cat/0003.JPEG", *paths[:3]]
    for path, image in zip(order, pixels, strict=True):
        with Image.open(path) as file:
            assert np.array_equal(image, centre(file, 36, 32))
    grey = resnet.ImageFolder(tmp_path, channels=1, **SMALL).read(0, 1)[0]
    with Image.open(order[0]) as file:
        assert np.array_equal(grey[0], centre(file.convert("L"), 36, 32))
    assert data.damaged == []
    assert data.verify() == []


def test_own_size(tmp_path: Path) -> None:
    (path,) = write_folder(tmp_path, {"a": 1})
    with Image.open(path) as file:
        left, top = (round((side - 20) / 2) for side in file.size)
        expected = planes(file.crop((left, top, left + 20, top + 20)))
    pixels, _ = resnet.ImageFolder(tmp_path, crop=20, resize=None).read()
    assert np.array_equal(pixels[0], expected)
    with pytest.raises(resnet.FormatError, match=r"0000\.jpg has 40x50 pixels"):
        resnet.ImageFolder(tmp_path, crop=41, resize=None).read()


def test_list(tmp_path: Path) -> None:
    paths = write_folder(tmp_path / "some images", {"a": 2, "b": 1})
    text = "".join(
        f"{path.relative_to(tmp_path)}{gap}{label}\r\n\n"
        for path, gap, label in zip(paths, (" ", "\t", "  "), (2, 0, 1), strict=True)
    )
    (tmp_path / "list.txt").write_text(text)
    data = resnet.ImageList(tmp_path / "list.txt", **SMALL)
    assert (len(data), data.classes, data.class_names) == (3, 3, [])
    pixels, labels = data.read()
    assert labels.tolist() == [2, 0, 1]
    pairs = resnet.ImageList([(paths[0], 2), (str(paths[1]), 0)], classes=9, **SMALL)
    assert (len(pairs), pairs.classes) == (2, 9)
    assert np.array_equal(pairs.read()[0], pixels[:2])
    for line in ("a.jpg", "a.jpg x", "a.jpg 1.5", " 3", "a.jpg -1"):
        (tmp_path / "bad.txt").write_text(f"good.jpg 0\n{line}\n")
        with pytest.raises(resnet.FormatError, match=r"bad\.txt"):
            resnet.ImageList(tmp_path / "bad.txt")
    (tmp_path / "bad.txt").write_text("\n")
    with pytest.raises(resnet.FormatError, match=r"bad\.txt.*at least one"):
        resnet.ImageList(tmp_path / "bad.txt")
    with pytest.raises(resnet.InvalidArgumentError, match=r"0000\.jpg is 2"):
        resnet.ImageList([(paths[0], 2)], classes=2)
    with pytest.raises(resnet.MissingFileError):
        resnet.ImageList(tmp_path / "gone.txt")


def test_what_is_no_folder_of_images(tmp_path: Path) -> None:
    with pytest.raises(resnet.MissingFileError, match="gone"):
        resnet.ImageFolder(tmp_path / "gone")
    with pytest.raises(resnet.MissingFileError, match="no folders"):
        resnet.ImageFolder(tmp_path)
    write_folder(tmp_path, {"full": 1})
    (tmp_path / "empty").mkdir()
    with pytest.raises(resnet.MissingFileError, match="/empty has no"):
        resnet.ImageFolder(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": 0}, "crop"),
        ({"resize": 223}, "shorter side"),
        ({"channels": 2}, "channel"),
        ({"pixel_limit": -1}, "limit"),
        ({"damage": "ignore"}, "damage"),
        ({"interpolation": "box"}, "interpolation"),
        ({"variation": resnet.Variation("all")}, "part"),  # type: ignore[arg-type]
        ({"variation": resnet.Variation(side=(300, 299))}, "most_side"),
        ({"variation": resnet.Variation(side=(223, 299))}, "shorter side"),
        ({"variation": resnet.Variation(side=(0, 0))}, "side is 0"),
        ({"variation": resnet.Variation(side=256)}, r"\(least, most\)"),  # type: ignore[arg-type]
        ({"variation": resnet.Variation("area", area=0.5)}, "area"),  # type: ignore[arg-type]
        ({"variation": resnet.Variation("area", aspect="34")}, "aspect"),  # type: ignore[arg-type]
        ({"variation": "all"}, "published"),
        ({"variation": 3}, "published"),
        ({"variation": resnet.Variation("area", area=(0, 1))}, "area"),
        ({"variation": resnet.Variation("area", area=(0.5, 1.5))}, "area"),
        ({"variation": resnet.Variation("area", aspect=(0, 1))}, "aspect"),
        ({"variation": resnet.Variation("area", aspect=(float("nan"), 1))}, "aspect"),
        ({"variation": resnet.PUBLISHED, "channels": 1}, "3 channels"),
        ({"variation": resnet.Variation(colours=resnet.Colours(deviation=-1))}, "deviation"),
        (
            {"variation": resnet.Variation(colours=resnet.Colours((1, 2, float("inf"))))},
            "eigenvalues",
        ),
    ],
)
def test_options_out_of_range(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    write_folder(tmp_path, {"a": 1})
    with pytest.raises(resnet.InvalidArgumentError, match=message):
        resnet.ImageFolder(tmp_path, **options)


def test_wrong_colours_and_files(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 1})
    for colours in (
        resnet.Colours((1, 2)),
        resnet.Colours(eigenvectors=((1, 2), (3, 4, 5), (6, 7, 8, 9))),
    ):
        with pytest.raises(resnet.ShapeError, match="3 eigenvectors of 3"):
            resnet.ImageFolder(tmp_path, variation=resnet.Variation(colours=colours))
    wrong: Any
    for wrong in (resnet.Colours(3), resnet.Colours(eigenvectors=(1, 2, 3))):  # type: ignore[arg-type]
        with pytest.raises(resnet.InvalidArgumentError, match="expected a sequence"):
            resnet.ImageFolder(tmp_path, variation=resnet.Variation(colours=wrong))
    for wrong in ([tmp_path / "a/0000.jpg"], [("a", 1, 2)], ["ab"]):
        with pytest.raises(resnet.InvalidArgumentError, match=r"\(path, label\)"):
            resnet.ImageList(wrong)


def test_sides_in_proportion_and_names(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 4})

    def pixels(variation: Any, **options: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
        folder = resnet.ImageFolder(tmp_path, variation=variation, **options)
        return folder.read(vary=(3, 1))[0]

    def published(least: int, most: int) -> resnet.Variation:
        return resnet.Variation(side=(least, most), colours=resnet.Colours())

    assert np.array_equal(pixels(resnet.PUBLISHED), pixels(published(256, 480)))
    assert np.array_equal(pixels("published"), pixels(resnet.PUBLISHED))
    assert np.array_equal(pixels("common"), pixels(resnet.COMMON))
    # 36 * 480 / 256 is 67.5.
    assert np.array_equal(pixels("published", **SMALL), pixels(published(36, 68), **SMALL))
    recipe = resnet.recipe("imagenet")
    assert recipe.variation is not None
    assert recipe.variation.side is None
    assert np.array_equal(pixels(recipe.variation), pixels(resnet.PUBLISHED))


def test_views_by_name_have_the_sizes_of_the_dataset(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 6, "b": 6}, width=70, height=60)
    model = resnet.Model("resnet8", base_width=4, classes=2, seed=0)
    options: dict[str, Any] = {"crop": 24, "resize": 36, "interpolation": "bicubic"}
    folder = resnet.ImageFolder(tmp_path, **options)
    files = [(path, 0) for path in sorted(tmp_path.glob("*/*.jpg"))]
    listed = resnet.ImageList(files, classes=2, **options)
    for data in (folder, listed, *folder.split(5)):
        assert model.evaluate(data, views="centre").loss == pytest.approx(
            model.evaluate(data).loss, abs=1e-6
        )
        expected = model.evaluate(data, views=resnet.Views("10-crop", **options))
        assert model.evaluate(data, views="10-crop") == expected
        # 224, 256, ... times 36 / 256, rounded.
        scales = resnet.Views("multi-scale", scales=(32, 36, 54, 68, 90), interpolation="bicubic")
        assert model.evaluate(data, views="multi-scale") == model.evaluate(data, views=scales)
    whole = resnet.ImageFolder(tmp_path, crop=24, resize=None)
    expected = model.evaluate(whole, views=resnet.Views("10-crop", crop=24, resize=None))
    assert model.evaluate(whole, views="10-crop") == expected


def trained(data: resnet.Dataset, **options: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
    model = resnet.Model("resnet8", classes=data.classes, seed=0)
    resnet.Trainer(model, lr=0.02).fit(data, epochs=2, batch_size=8, seed=3, **options)
    return model.state_dict()["fc.weight"]


@pytest.mark.parametrize(
    "variation",
    [
        None,
        resnet.Variation(side=(33, 60), colours=resnet.Colours()),
        resnet.Variation("area"),
    ],
    ids=["none", "scaled", "area"],
)
def test_training_is_the_same_with_any_number_of_workers(
    tmp_path: Path, variation: resnet.Variation | None
) -> None:
    write_folder(tmp_path, {"a": 9, "b": 11}, width=100, height=90)
    data = resnet.ImageFolder(tmp_path, variation=variation, **SMALL)
    weights = trained(data, workers=0)
    for workers in (1, 3):
        assert np.array_equal(trained(data, workers=workers), weights)
    pixels, labels = data.read(3, 4, vary=(3, 1))
    assert np.array_equal(pixels, data.read(vary=(3, 1))[0][3:7])
    assert np.array_equal(labels, data.read(3, 4)[1])
    assert np.array_equal(pixels, data.read(3, 4)[0]) == (variation is None)
    assert np.array_equal(pixels, data.read(3, 4, vary=(3, 0))[0]) == (variation is None)
    plain = trained(resnet.ImageFolder(tmp_path, **SMALL))
    assert np.array_equal(plain, weights) == (variation is None)
    with pytest.raises(resnet.InvalidArgumentError, match="vary"):
        trained(data, augment="cifar")


def damage(paths: list[Path]) -> dict[str, str]:
    """Damages one file in each way; the reasons by path."""
    half = paths[1].read_bytes()
    bombs = png(60000, 60000, 8, 2, zlib.compress(b"\0" * 100_000)), jpeg_of_size(60000, 60000)
    contents = {
        paths[0]: (b"", "empty"),
        paths[1]: (half[: len(half) // 2], "truncated"),
        paths[2]: (b"GIF89a and more", "neither"),
        paths[3]: (bombs[0], "60000 x 60000"),
        paths[4]: (bombs[1], "60000 x 60000"),
    }
    for path, (content, _) in contents.items():
        path.write_bytes(content)
    return {str(path): reason for path, (_, reason) in contents.items()}


def test_damaged_files_are_left_out_and_named(tmp_path: Path) -> None:
    # 1 % of 500 files.
    paths = write_folder(tmp_path, {"a": 250, "b": 250})
    reasons = damage(paths[5::97])
    variation = resnet.Variation(side=(33, 60))
    fatal = resnet.ImageFolder(tmp_path, variation=variation, **SMALL)
    with pytest.raises(resnet.FormatError) as caught:
        trained(fatal)
    assert any(path in str(caught.value) for path in reasons)

    data = resnet.ImageFolder(tmp_path, variation=variation, damage="skip", **SMALL)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    weights = trained(data, workers=2)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    found = {file.path: file.reason for file in data.damaged}
    assert len(data.damaged) == len(found)
    assert found.keys() == reasons.keys()
    for path, reason in found.items():
        assert path not in reason
        assert reasons[path] in reason
    again = resnet.ImageFolder(tmp_path, variation=variation, damage="skip", **SMALL)
    assert np.array_equal(trained(again, workers=0), weights)

    # An evaluation counts what is left, and gives what it would without the damaged files.
    model = resnet.Model("resnet8", classes=2, seed=0)
    metrics = model.evaluate(again)
    assert metrics.count == 495
    part, rest = resnet.ImageFolder(tmp_path, damage="skip", **SMALL).split(100, seed=1)
    assert model.evaluate(part).count + model.evaluate(rest).count == 495
    assert part.damaged == rest.verify()
    assert {file.path for file in part.damaged} == reasons.keys()
    assert resnet.Dataset(*data.read(0, 1)).damaged == []
    with pytest.raises(resnet.FormatError):
        model.evaluate(fatal)
    assert {file.path for file in fatal.verify()} == reasons.keys()
    for path in reasons:
        (tmp_path / path).unlink()
    assert model.evaluate(resnet.ImageFolder(tmp_path, **SMALL)) == metrics


def test_nothing_but_damage(tmp_path: Path) -> None:
    for path in write_folder(tmp_path, {"a": 4, "b": 4}):
        path.write_bytes(b"")
    data = resnet.ImageFolder(tmp_path, damage="skip", **SMALL)
    model = resnet.Model("resnet8", classes=2)
    with pytest.raises(resnet.FormatError, match="none of the 8"):
        model.evaluate(data)
    model.set_normalization(mean=[1, 1, 1])
    with pytest.raises(resnet.FormatError, match="in place of"):
        resnet.Trainer(model).fit(data, batch_size=4, normalize="keep")


BOUNDED = """
import resource, sys, resnet
data = resnet.ImageFolder(sys.argv[1], crop=32, resize=36, damage="skip",
                          variation=resnet.Variation("area"))
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
model = resnet.Model("resnet8", classes=2)
resnet.Trainer(model, lr=0.01).fit(data, batch_size=10, workers=2)
print(len(data.damaged), model.evaluate(data).count)
"""


def test_bombs_take_no_memory(tmp_path: Path) -> None:
    paths = write_folder(tmp_path, {"a": 10, "b": 10})
    damage(paths)
    result = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert result.stdout.split() == ["5", "15"]


def test_calibration(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 12, "b": 8})
    data = resnet.ImageFolder(tmp_path, variation=resnet.Variation(side=(33, 60)), **SMALL)
    for dataset in (data, resnet.Dataset(*data.read())):
        unit = 255 if dataset is data else 1
        pixels = dataset.read()[0].astype(np.float64)
        result = dataset.calibrate()
        assert result.count == 20
        assert np.allclose(result.mean, pixels.mean((0, 2, 3)), rtol=1e-12)
        assert np.allclose(result.standard_deviation, pixels.std((0, 2, 3)), rtol=1e-9)
        assert np.allclose(result.per_pixel_mean, pixels.mean(0), rtol=1e-6)
        covariance = np.cov(pixels.transpose(1, 0, 2, 3).reshape(3, -1) / unit, bias=True)
        values, vectors = np.linalg.eigh(covariance)
        assert result.eigenvalues is not None
        assert result.eigenvectors is not None
        assert np.allclose(result.eigenvalues, values[::-1], rtol=1e-8)
        for found, expected in zip(result.eigenvectors, vectors.T[::-1], strict=True):
            assert abs(found @ expected) == pytest.approx(1, abs=1e-8)
        assert resnet.Colours(result.eigenvalues.tolist(), result.eigenvectors.tolist())
    sample = data.calibrate(7, seed=5)
    assert sample.count == 7
    assert np.array_equal(sample.per_pixel_mean, data.calibrate(7, seed=5).per_pixel_mean)
    assert not np.array_equal(sample.per_pixel_mean, data.calibrate(7, seed=6).per_pixel_mean)
    for images in (0, -1, 21):
        with pytest.raises(resnet.InvalidArgumentError):
            data.calibrate(images)
    grey = resnet.ImageFolder(tmp_path, channels=1, **SMALL).calibrate()
    assert grey.eigenvalues is None


def test_what_replaces_a_damaged_file_is_of_the_same_part(tmp_path: Path) -> None:
    paths = write_folder(tmp_path, {"a": 20, "b": 20})
    for path in paths[::3]:
        path.write_bytes(b"damaged")
    data = resnet.ImageFolder(tmp_path, damage="skip", **SMALL)
    training, validation = data.split(12)
    held_out = set()
    for index in range(len(validation)):
        try:
            held_out.add(validation.read(index, 1)[0].tobytes())
        except resnet.FormatError:
            continue
    assert len(held_out) > 5
    for epoch in range(3):
        seen = {image.tobytes() for image in training.read(vary=(0, epoch))[0]}
        assert len(seen) > 10
        assert not seen & held_out


def test_reading_a_damaged_file_as_it_is_fails(tmp_path: Path) -> None:
    paths = write_folder(tmp_path, {"a": 4, "b": 4})
    paths[1].write_bytes(b"damaged")
    data = resnet.ImageFolder(tmp_path, damage="skip", **SMALL)
    with pytest.raises(resnet.FormatError, match=paths[1].name):
        data.read()
    assert data.read(2, 6)[1].tolist() == [0, 0, 1, 1, 1, 1]
    # Training, and its statistics, do without.
    model = resnet.Model("resnet8", classes=2, base_width=4)
    resnet.Trainer(model, lr=0.01).fit(data, batch_size=8)
    model.recompute_statistics(data, batch_size=7)
    assert [file.path for file in data.damaged] == [str(paths[1])]


def test_a_folder_with_the_name_of_an_image_is_damage(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "b" / "x.png").mkdir()
    data = resnet.ImageFolder(tmp_path, damage="skip", **SMALL)
    assert len(data) == 7
    (damaged,) = data.verify()
    assert damaged.path.endswith("x.png")
    assert "is a directory" in damaged.reason


def test_a_vanished_file_is_missing(tmp_path: Path) -> None:
    paths = write_folder(tmp_path, {"a": 2, "b": 2})
    data = resnet.ImageFolder(tmp_path, **SMALL)
    paths[1].unlink()
    model = resnet.Model("resnet8", base_width=4, classes=2)
    attempts: list[Callable[[], object]] = [
        data.read,
        lambda: data.read(vary=(0, 0)),
        data.calibrate,
        lambda: model.evaluate(data),
        lambda: model.evaluate(data, views="10-crop"),
        lambda: resnet.Trainer(model).fit(data, batch_size=4),
    ]
    for attempt in attempts:
        with pytest.raises(resnet.MissingFileError, match=paths[1].name):
            attempt()
