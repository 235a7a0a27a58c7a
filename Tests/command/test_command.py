"""The command `resnet` on image files, from training to testing by 10 crops."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("blue", "red")
DAMAGED = "val/red/damaged.jpg"


def run(pytestconfig: pytest.Config, *arguments: str | Path, ok: bool = True) -> str:
    """What the command prints, or says on failing."""
    root = pytestconfig.rootpath
    while not (root / "Package.swift").exists():
        root = root.parent
    command = [str(root / "build" / "resnet"), *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode == 0) == ok, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of two colours, and one that is damaged."""
    top = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("val", 6)):
        for label, name in enumerate(CLASSES):
            (top / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 60, (40, 50, 3), np.uint8)
                pixels[..., 2 - 2 * label] += 150
                Image.fromarray(pixels).save(top / part / name / f"{index}.jpg")
    (top / DAMAGED).write_bytes(b"\xff\xd8\xff")
    return top


NETWORK = ("--network", "resnet8", "--base-width", "4", "--threads", "1")
VIEW = ("--crop", "32", "--resize", "36")


@pytest.mark.parametrize("recipe", [None, "imagenet", "imagenet-common"])
def test_training_and_testing(
    pytestconfig: pytest.Config, folder: Path, tmp_path: Path, recipe: str | None
) -> None:
    model = tmp_path / "model.h5"
    chosen = ("--recipe", recipe) if recipe else ()
    lines = run(
        pytestconfig, "train", "--folder", folder, "--skip-damaged", "--epochs", "2",
        "--batch-size", "8", "--lr", "0.01", "--out", model, *chosen, *NETWORK, *VIEW,
    )  # fmt: skip
    assert "of 12 images, saved" in lines
    assert DAMAGED in lines
    if recipe == "imagenet":
        assert "shorter side is 256 to 480 pixels" in lines
    # The folder of folders, and the folder itself.
    for given in (folder, folder / "val"):
        said = run(
            pytestconfig, "evaluate", model, "--folder", given, "--skip-damaged",
            "--views", "10-crop", *VIEW,
        )  # fmt: skip
        assert "of 12 images" in said
        assert "10 views each" in said
        assert DAMAGED in said
    refused = run(pytestconfig, "evaluate", model, "--folder", folder, *VIEW, ok=False)
    assert DAMAGED in refused


def test_calibration(pytestconfig: pytest.Config, folder: Path) -> None:
    said = run(pytestconfig, "calibrate", folder / "train", "--json", *VIEW)
    values = json.loads(said)
    pixels = [
        np.asarray(Image.open(path).resize((45, 36), Image.Resampling.BILINEAR), float)
        for path in sorted((folder / "train").glob("*/*.jpg"))
    ]
    mean = np.mean([image[2:34, 6:38] for image in pixels], axis=(0, 1, 2))
    assert values["images"] == len(pixels)
    assert values["mean"] == pytest.approx(mean, abs=1e-4)
    assert len(values["eigenvectors"]) == len(mean)


def test_a_recipe_for_files_needs_files(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    said = run(
        pytestconfig, "train", "--recipe", "imagenet", "--cifar10", tmp_path,
        "--out", tmp_path / "model.h5", ok=False,
    )  # fmt: skip
    assert "give them by --folder" in said
