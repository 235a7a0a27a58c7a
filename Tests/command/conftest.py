"""Images and models that the tests of the command share."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from cli import CLASSES, DAMAGED, NETWORK, VIEW, run

if TYPE_CHECKING:
    from pathlib import Path


# Whoever runs the tests in the background has it ignored, which the command would be, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of 64 images each, whose classes differ in brightness."""
    folder = tmp_path_factory.mktemp("cifar10")
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"):
        labels = np.arange(64, dtype=np.uint8) % 10
        pixels = rng.integers(0, 60, (64, 3072), np.uint8) + 19 * labels[:, None]
        np.concatenate([labels[:, None], pixels], axis=1).astype(np.uint8).tofile(
            folder / f"{name}.bin"
        )
    return folder


@pytest.fixture(scope="session")
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


@pytest.fixture
def images(folder: Path, tmp_path: Path) -> Path:
    """A copy without damage, to be changed."""
    copy = tmp_path / "images"
    shutil.copytree(folder, copy)
    (copy / DAMAGED).unlink()
    return copy


@pytest.fixture(scope="session")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of the two classes, `model.h5`, and a checkpoint of it, `step.h5`."""
    top = tmp_path_factory.mktemp("trained")
    run(
        "train", "--folder", folder, "--skip-damaged", "--epochs", "10", "--batch-size", "8",
        "--lr", "0.05", *NETWORK, *VIEW, "--checkpoints", top / "run", "--checkpoint-every", "4",
        "--out", top / "model.h5",
    )  # fmt: skip
    max((top / "run").glob("step-*.h5")).rename(top / "step.h5")
    return top


@pytest.fixture(scope="session")
def model(trained: Path) -> Path:
    """That model."""
    return trained / "model.h5"
