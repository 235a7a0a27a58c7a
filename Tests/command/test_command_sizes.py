"""How image files are resized and cropped: as in training, wherever a model goes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from cli import NETWORK, SHORT, run

if TYPE_CHECKING:
    from pathlib import Path

SEEN = ("--crop", "20", "--resize", "24")


def test_images_are_seen_as_in_training(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.h5"
    said = train(images, out)
    error = re.search(r"test error (\S+)% of 12 images", said)
    assert error
    assert figures(out, images) == figures(out, images, *SEEN)
    assert figures(out, images) != figures(out, images, "--crop", "32")
    right = re.search(r"test accuracy (\S+)% of 12 images", figures(out, images)[0])
    assert right
    assert float(right[1]) + float(error[1]) == pytest.approx(100, abs=0.02)


def test_images_are_resized_in_proportion_to_the_crop(images: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.h5"
    run("train", "--folder", images, *SHORT, "--normalize", "none", "--out", model)

    # As 256 is to 224; and with a size of its own.
    assert figures(model, images, "--crop", "28") == figures(
        model, images, "--crop", "28", "--resize", "32"
    )
    assert figures(model, images, "--crop", "28") != figures(
        model, images, "--crop", "28", "--resize", "28"
    )
    said = run("train", "--folder", images, "--recipe", "imagenet", "--crop", "28",
               *SHORT[:-4], "--hold-out", "0", "--out", model)  # fmt: skip
    assert "side = 32,60" in said


def test_the_sizes_go_with_the_model(images: Path, tmp_path: Path) -> None:
    model, graph, back = (tmp_path / name for name in ("model.h5", "model.onnx", "back.h5"))
    train(images, model)
    said = run("convert", model, graph)
    assert "left out" not in said
    run("convert", graph, back)
    assert figures(back, images) == figures(model, images)
    assert figures(back, images) != figures(model, images, "--resize", "40")
    for path in (model, graph, back):
        said = run("inspect", path)
        assert "image files: resized to a shorter side of 24, the middle 20x20 of them\n" in said
        assert json.loads(run("inspect", path, "--json"))["image_files"] == {
            "crop": 20,
            "resize": 24,
        }
        assert "network = resnet8\n" in run("inspect", path, "--metadata", "resnet.training")
    # With a classifier of its own, too.
    run("convert", model, back, "--classes", "5")
    assert "a shorter side of 24" in run("inspect", back)
    # Weights have no place for it, so that it is said.
    said = run("convert", model, tmp_path / "model.pth")
    assert "the sizes of image files, which --crop 20 --resize 24 say" in said


def test_calibration_keeps_the_sizes(images: Path, tmp_path: Path) -> None:
    model, weights, bare, whole = (
        tmp_path / name for name in ("model.h5", "model.pth", "bare.h5", "whole.h5")
    )
    train(images, model)
    run("convert", model, weights)
    said = run("convert", weights, bare)
    assert f"--model {bare} --normalize channels --out OUT`, or pixels, do it" in said
    said = run("calibrate", images / "train", "--model", bare, "--normalize", "channels", *SEEN,
               "--out", whole)  # fmt: skip
    assert figures(whole, images) == figures(model, images)
    # A new normalisation is of images as the model sees them, if nothing else is said.
    run("calibrate", images / "train", "--model", whole, "--normalize", "channels", "--out", bare)
    assert bare.read_bytes() == whole.read_bytes()
    run("train", "--folder", images, "--from", whole, "--iterations", "1", "--batch-size", "8",
        "--out", bare)  # fmt: skip
    assert "a shorter side of 24" in run("inspect", bare)


def test_sizes_of_images_before_are_not_kept(images: Path, cifar10: Path, tmp_path: Path) -> None:
    model, tuned, calibrated = (
        tmp_path / name for name in ("model.h5", "tuned.h5", "calibrated.h5")
    )
    train(images, model)
    # CIFAR-10's images are in no files.
    run("train", "--cifar10", cifar10, "--from", model, "--iterations", "1", "--batch-size", "8",
        "--threads", "1", "--out", tuned)  # fmt: skip
    run("calibrate", "--cifar10", cifar10, "--model", model, "--normalize", "channels", "--out",
        calibrated)  # fmt: skip
    for path in (tuned, calibrated):
        assert json.loads(run("inspect", path, "--json"))["image_files"] is None
    # Statistics alone say nothing of sizes.
    run("convert", model, tuned, "--classes", "10")
    run("calibrate", "--cifar10", cifar10, "--model", tuned, "--statistics", "--out", calibrated)
    assert json.loads(run("inspect", calibrated, "--json"))["image_files"] == {
        "crop": 20,
        "resize": 24,
    }


def test_sizes_that_cannot_be(images: Path, model: Path) -> None:
    for given, message in (
        (("--crop", "0"), "--crop is 0, expected 1 pixel or more"),
        (("--resize", "-1"), "--resize is -1, expected a number of pixels, or 0 to leave"),
        (("--crop", str(2**63 - 1)), "crop must be 1 to 65500"),
    ):
        assert message in run("evaluate", model, "--folder", images, *given, ok=False)


def train(images: Path, out: Path) -> str:
    """A model of which nothing but its metadata says it: it has no mean per pixel."""
    return run("train", "--folder", images, *NETWORK, "--normalize", "channels", *SEEN,
               "--iterations", "1", "--batch-size", "8", "--out", out)  # fmt: skip


def figures(model: Path, images: Path, *options: str) -> list[str]:
    """All that an evaluation comes to but its speed."""
    return run("evaluate", model, "--folder", images, *options).split(", ")[:3]
