"""`resnet features`: what layers make of image files, in files of three kinds."""

from __future__ import annotations

import csv
import shutil
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

import resnet
from cli import DAMAGED, VIEW, done, run

if TYPE_CHECKING:
    from pathlib import Path


def expected(model: Path, paths: list[str], layer: str) -> np.ndarray:
    """By the library."""
    files = resnet.ImageList([(path, 0) for path in paths], crop=32, resize=36)
    return resnet.load(model).features(files.read(0, len(paths))[0], layer)


@pytest.mark.parametrize("layer", ["avgpool", "layer3", "layer1.0.bn2"])
def test_files(model: Path, images: Path, tmp_path: Path, layer: str) -> None:
    comma = images / "val" / "red" / 'a, "b".jpg'
    (images / "val" / "red" / "0.jpg").rename(comma)
    for kind in ("h5", "npy", "csv"):
        said = run(
            "features", model, images / "val", "--layer", layer, "--out", tmp_path / f"f.{kind}",
            *VIEW,
        )  # fmt: skip
        assert f"{layer} of 12 images" in said
    with h5py.File(tmp_path / "f.h5") as file:
        assert file.attrs["layer"].decode() == layer
        paths = [name.decode() for name in file["images"][:]]
        values = file["features"][:]
    assert str(comma) in paths
    assert np.array_equal(values, expected(model, paths, layer))
    assert np.array_equal(np.load(tmp_path / "f.npy"), values)
    with (tmp_path / "f.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["image", *(str(index) for index in range(values[0].size))]
    assert [row[0] for row in rows[1:]] == paths
    read = np.array([row[1:] for row in rows[1:]], np.float32)
    assert np.array_equal(read, values.reshape(len(values), -1))


def test_layers_are_listed(model: Path) -> None:
    lines = run("features", model, "--list").splitlines()
    for line in ("conv1  4x32x32", "layer2.0  8x16x16", "layer3  16x8x8", "avgpool  16", "fc  2"):
        assert line in lines
    library = resnet.load(model)
    pixels = np.zeros((1, 3, 32, 32), np.float32)
    for line in lines:
        name, shape = line.split()
        found = library.features(pixels, name).shape[1:]
        assert "x".join(str(side) for side in found) == shape


def test_damaged_files(model: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "f.npy"
    said = run("features", model, folder / "val", "--out", out, ok=False)
    assert DAMAGED in said
    assert "--skip-damaged" in said
    assert not out.exists()
    said = run("features", model, folder / "val", "--out", out, "--skip-damaged")
    assert "avgpool of 12 images" in said
    assert f"{DAMAGED}: " in said
    assert len(np.load(out)) == 12


def test_a_file_that_is_not_there(model: Path, images: Path, tmp_path: Path) -> None:
    """It is not damaged."""
    out = tmp_path / "features.npy"
    said = run("features", model, tmp_path / "none.jpg", images, "--out", out, ok=False)
    assert f"{tmp_path}/none.jpg cannot be opened: No such file or directory\n" in said
    assert "--skip-damaged" not in said


def test_no_model_is_replaced(model: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "keep.h5"
    shutil.copy(model, out)
    line = ("features", model, images / "val", "--out", out, *VIEW)
    said = run(*line, ok=False)
    assert f"--out is {out}, a model of libresnet, which features would replace" in said
    assert out.read_bytes() == model.read_bytes()
    # But another table is.
    out.unlink()
    run(*line, "--layer", "layer3")
    run(*line)
    with h5py.File(out) as file:
        assert file.attrs["layer"].decode() == "avgpool"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("a.jpg",), 64, "by --out"),
        (("--out", "f.npy"), 64, "give images"),
        (("a.jpg", "--out", "f.txt"), 64, ".h5, .npy or .csv"),
        (("a.jpg", "--list"), 64, "--list names the layers"),
        (("a.jpg", "--out", "f.npy", "--layer", "layer9"), 1, 'no layer "layer9"'),
        (("a.jpg", "--out", "none/f.npy"), 1, "cannot write to none/f.npy"),
    ],
)
def test_what_is_refused(
    model: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    ended = done("features", model, *arguments, cwd=tmp_path)
    assert ended.returncode == status
    assert message in ended.stderr
