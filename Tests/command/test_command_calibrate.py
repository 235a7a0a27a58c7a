"""`resnet calibrate`: what is to be known of training images, printed or put into a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import resnet
from cli import VIEW, run

if TYPE_CHECKING:
    from pathlib import Path


def seen(folder: Path) -> np.ndarray:
    """The training images as the command sees them: images x rows x columns x channels."""
    return np.stack(
        [
            np.asarray(Image.open(path).resize((45, 36), Image.Resampling.BILINEAR), float)[
                2:34, 6:38
            ]
            for path in sorted((folder / "train").glob("*/*.jpg"))
        ]
    )


def test_what_is_printed(folder: Path) -> None:
    values = json.loads(run("calibrate", folder / "train", "--json", "--pixels", *VIEW))
    pixels = seen(folder)
    assert values["images"] == len(pixels)
    assert values["mean"] == pytest.approx(pixels.mean((0, 1, 2)), abs=1e-4)
    assert values["standard_deviation"] == pytest.approx(pixels.std((0, 1, 2)), abs=1e-4)
    assert np.array(values["pixel_mean"]).transpose(1, 2, 0) == pytest.approx(
        pixels.mean(0), abs=1e-4
    )
    colours = np.cov(pixels.reshape(-1, 3).T / 255, bias=True)
    for value, vector in zip(values["eigenvalues"], values["eigenvectors"], strict=True):
        assert colours @ vector == pytest.approx(value * np.array(vector), abs=1e-6)


def test_a_training_folder(images: Path) -> None:
    given = run("calibrate", images / "train", *VIEW)
    assert run("calibrate", "--folder", images, *VIEW) == given
    damaged = images / "train" / "red" / "x.png"
    damaged.write_bytes(b"")
    said = run("calibrate", "--folder", images, *VIEW, ok=False)
    assert "--skip-damaged" in said
    said = run("calibrate", "--folder", images, "--skip-damaged", *VIEW)
    assert f"damaged: {damaged}: " in said
    assert given in said


def test_cifar10(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records = rng.integers(0, 10, (5, 4, 1 + 3072), np.uint8)
    for number, part in enumerate(records, 1):
        (tmp_path / f"data_batch_{number}.bin").write_bytes(part.tobytes())
    values = json.loads(run("calibrate", "--cifar10", tmp_path, "--json"))
    planes = records[..., 1:].reshape(-1, 3, 1024)
    assert values["images"] == 20
    assert values["mean"] == pytest.approx(planes.mean((0, 2)))


def test_a_list_of_any_name(folder: Path, tmp_path: Path) -> None:
    """What is no folder is one."""
    paths = sorted((folder / "train").rglob("*.jpg"))
    listed = "".join(f"{path} {path.parent.name == 'red':d}\n" for path in paths)
    said = []
    for name in ("list.txt", "list.lst"):
        (tmp_path / name).write_text(listed)
        said.append(run("calibrate", tmp_path / name, *VIEW))
    assert said[0] == said[1]
    missing = run("calibrate", tmp_path / "none", ok=False)
    assert f"cannot open the directory {tmp_path}/none: No such file or directory" in missing


@pytest.mark.parametrize("normalize", ["pixels", "channels"])
def test_normalisation_is_put_into_a_model(
    folder: Path, model: Path, tmp_path: Path, normalize: str
) -> None:
    out = tmp_path / "out.h5"
    said = run(
        "calibrate", folder / "train", "--model", model, "--normalize", normalize, "--out", out,
        *VIEW,
    )  # fmt: skip
    assert "normalisation by 24 images" in said
    assert f"saved {out}" in said
    found = resnet.load(out)
    mean, scale = found.normalization
    pixels = seen(folder)
    if normalize == "pixels":
        assert mean == pytest.approx(pixels.mean(0).transpose(2, 0, 1), abs=1e-3)
        assert scale == pytest.approx(1 / 255)
    else:
        assert mean == pytest.approx(pixels.mean((0, 1, 2)), abs=1e-3)
        assert scale == pytest.approx(1 / pixels.std((0, 1, 2)), rel=1e-4)
    # Nothing else is another.
    before = resnet.load(model)
    assert found.class_names == before.class_names
    for name, tensor in before.state_dict().items():
        assert np.array_equal(found.state_dict()[name], tensor)


def test_exact_statistics(folder: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    said = run(
        "calibrate", folder / "train", "--model", model, "--statistics", "--batch-size", "24",
        "--out", out, *VIEW,
    )  # fmt: skip
    assert "statistics of 7 BN layers replaced by those of 24 images" in said
    # Without a number they are all, if they are fewer than 128.
    whole = out.read_bytes()
    run("calibrate", folder / "train", "--model", model, "--statistics", "--out", out, *VIEW)
    assert out.read_bytes() == whole
    said = run(
        "calibrate", folder / "train", "--model", model, "--statistics", "--batch-size", "16",
        "--out", out, *VIEW,
    )  # fmt: skip
    assert "those of 16 images" in said
    said = run(
        "calibrate", folder / "train", "--model", model, "--statistics", "--batch-size", "25",
        "--out", out, *VIEW, ok=False,
    )  # fmt: skip
    assert "lower the batch size or take more images" in said
    run(
        "calibrate", folder / "train", "--model", model, "--statistics", "--batch-size", "24",
        "--out", out, *VIEW,
    )  # fmt: skip
    # One batch of all images: a layer's statistics are those of its outputs.
    found = resnet.load(out)
    inputs = np.ascontiguousarray(seen(folder).transpose(0, 3, 1, 2), np.float32)
    state = found.state_dict()
    before = resnet.load(model).state_dict()
    for layer, norm in (("conv1", "bn1"), ("layer1.0.conv1", "layer1.0.bn1")):
        outputs = found.features(inputs, layer)
        mean, variance = outputs.mean((0, 2, 3)), outputs.var((0, 2, 3), ddof=1)
        assert state[f"{norm}.running_mean"] == pytest.approx(mean, rel=1e-3, abs=1e-5)
        assert state[f"{norm}.running_var"] == pytest.approx(variance, rel=1e-3)
        assert before[f"{norm}.running_var"] != pytest.approx(variance, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("calibrate",), "give the images once"),
        (("calibrate", "a", "--folder", "b"), "give the images once"),
        (("calibrate", "--cifar10", "a", "--crop", "32"), "--crop is for image files"),
        (("calibrate", "a", "--pixels"), "--pixels is for --json"),
        (("calibrate", "a", "--statistics"), "give it by --model"),
        (("calibrate", "a", "--out", "b.h5"), "give it by --model"),
        (("calibrate", "a", "--model", "m.h5", "--out", "b.h5"), "--normalize, --statistics"),
        (("calibrate", "a", "--model", "m.h5", "--statistics"), "by --out"),
        (
            ("calibrate", "a", "--model", "m.h5", "--statistics", "--out", "b.npy"),
            "expected the name of a file in .h5",
        ),
        (("calibrate", "a", "--json", "--model", "m.h5", "--statistics", "--out", "b.h5"), "one"),
    ],
)
def test_options_that_have_no_effect(arguments: tuple[str, ...], message: str) -> None:
    assert message in run(*arguments, ok=False)
