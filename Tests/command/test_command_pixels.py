"""What is said where a model is given pixels that it was not made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import resnet
from cli import SHORT, VIEW, run

if TYPE_CHECKING:
    from pathlib import Path


def said_of(model: Path, images: Path, tmp_path: Path) -> list[str]:
    """By all that run a model on pictures."""
    return [
        run("predict", model, images / "val", *VIEW),
        run("evaluate", model, "--folder", images, *VIEW),
        run("features", model, images / "val", "--out", tmp_path / "features.npy", *VIEW),
    ]


@pytest.fixture
def raw(model: Path, tmp_path: Path) -> Path:
    """The model as another program's, converted without saying what its pixels are to be."""
    path = tmp_path / "raw.h5"
    resnet.load(model).export(tmp_path / "w.safetensors")
    run("convert", tmp_path / "w.safetensors", path)
    return path


def test_weights_whose_pixels_were_not_said(raw: Path, images: Path, tmp_path: Path) -> None:
    for said in said_of(raw, images, tmp_path):
        (line,) = [line for line in said.splitlines() if "warning" in line]
        assert line.startswith(f"warning: {raw} does not normalise images")
        assert "convert them anew with --preprocessing torch or caffe" in line


def test_what_is_normalised(raw: Path, model: Path, images: Path, tmp_path: Path) -> None:
    calibrated = tmp_path / "calibrated.h5"
    run(
        "calibrate", images / "train", "--model", raw, "--normalize", "channels", "--out",
        calibrated, *VIEW,
    )  # fmt: skip
    for path in (model, calibrated):
        assert not any("warning" in said for said in said_of(path, images, tmp_path))


@pytest.mark.parametrize("network", ["resnet8", "fitnet19"])
def test_what_was_trained_on_pixels_as_they_are(images: Path, tmp_path: Path, network: str) -> None:
    """By BN's statistics; without BN, nothing is known."""
    path = tmp_path / "as-they-are.h5"
    rate = ("--lr", "0.01") if network == "resnet8" else ("--lr", "0")
    width = ("--base-width", "4") if network == "resnet8" else ()
    run(
        "train", "--folder", images, "--normalize", "none", "--network", network, *width,
        "--epochs", "8", "--batch-size", "8", *rate, *VIEW, "--out", path,
    )  # fmt: skip
    assert not any("warning" in said for said in said_of(path, images, tmp_path))
    # Nor are pictures that are darker or brighter than those in training a reason.
    for name, value in (("black", 0), ("white", 255)):
        Image.fromarray(np.full((40, 50, 3), value, np.uint8)).save(tmp_path / f"{name}.png")
        assert "warning" not in run("predict", path, tmp_path / f"{name}.png", *VIEW)


def test_training_as_long_as_a_step(images: Path, tmp_path: Path) -> None:
    """Running statistics that are hardly begun say nothing wrong."""
    path = tmp_path / "begun.h5"
    run("train", "--folder", images, "--normalize", "none", *SHORT, "--out", path)
    assert not any("warning" in said for said in said_of(path, images, tmp_path))
