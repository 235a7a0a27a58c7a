"""What the tests of the command share: CIFAR-10 files so small that a training takes no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path


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
