"""What a training says before it begins: what it found, and what can hardly be meant."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cli import NETWORK, VIEW, run

if TYPE_CHECKING:
    from pathlib import Path

STEP = ("--iterations", "1", "--batch-size", "8")


def train(images: Path, tmp_path: Path, *options: str) -> str:
    return run("train", "--folder", images, *STEP, *options, "--out", tmp_path / "model.h5")


def test_what_was_found(images: Path, tmp_path: Path) -> None:
    said = train(images, tmp_path, *NETWORK, *VIEW)
    assert "\n24 images of 2 classes to train on, 12 to evaluate on\n" in said
    said = train(images, tmp_path, *NETWORK, *VIEW, "--hold-out", "4")
    assert "\n20 images of 2 classes to train on, 4 to evaluate on\n" in said
    assert "warning" not in said


def test_what_is_passed_over(images: Path, tmp_path: Path) -> None:
    (images / "train" / "red" / "more").mkdir()
    (images / "train" / "notes.txt").touch()
    (images / "val" / "blue" / "0.webp").touch()
    (images / "val" / "blue" / ".hidden").touch()
    said = train(images, tmp_path, *NETWORK, *VIEW)
    end = ": expected CLASS/*.jpg, *.jpeg or *.png\n"
    assert f"warning: 2 entries beside the images are passed over, such as notes.txt{end}" in said
    assert f"warning: 1 entry beside the images is passed over, such as blue/0.webp{end}" in said


def test_one_class(images: Path, tmp_path: Path) -> None:
    for part in ("train", "val"):
        shutil.rmtree(images / part / "red")
    message = "warning: all images are of one class, so there is nothing to tell apart\n"
    assert message in train(images, tmp_path, *NETWORK, *VIEW)
    base = tmp_path / "base.h5"
    (tmp_path / "model.h5").rename(base)
    assert message in train(images, tmp_path, "--from", str(base), "--threads", "1")


def test_more_classes_than_there_are(images: Path, tmp_path: Path) -> None:
    said = train(images, tmp_path, *NETWORK, *VIEW, "--classes", "5")
    assert "warning: resnet8 has 5 classes, the images 2: its other outputs have no images" in said
    assert "class names: none" in run("inspect", tmp_path / "model.h5")


@pytest.mark.parametrize(
    ("network", "crop", "is_said"),
    [("resnet8", "96", True), ("resnet8", "64", False), ("resnet18", "96", False)],
)
def test_images_for_another_network(
    images: Path, tmp_path: Path, network: str, crop: str, *, is_said: bool
) -> None:
    said = train(images, tmp_path, "--network", network, "--base-width", "4", "--crop", crop)
    message = f"warning: {network} is made for images of 32x32, these are {crop}x{crop}, 9 times"
    assert (message in said) == is_said
    assert ("warning" in said) == is_said


def test_images_for_the_network_of_a_given_model(images: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.h5"
    train(images, tmp_path, *NETWORK, *VIEW, "--normalize", "channels")
    (tmp_path / "model.h5").rename(base)
    said = train(images, tmp_path, "--from", str(base), "--crop", "96", "--threads", "1")
    # Another network is no choice.
    assert "these are 96x96, 9 times the work; --crop and --resize see them smaller\n" in said
