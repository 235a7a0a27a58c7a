"""Datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import resnet

if TYPE_CHECKING:
    from pathlib import Path

RECORD = 1 + 3 * 32 * 32


def write_cifar(folder: Path, counts: dict[str, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    files = {}
    for name, count in counts.items():
        rows = rng.integers(0, 256, (count, RECORD), dtype=np.uint8)
        rows[:, 0] %= 10
        rows.tofile(folder / name)
        files[name] = rows
    return files


def test_arrays_come_back(tmp_path: Path) -> None:
    del tmp_path
    x = np.random.default_rng(0).standard_normal((5, 2, 4, 6)).astype(np.float32)
    y = [3, 1, 0, 2, 1]
    data = resnet.Dataset(x, y)
    assert (len(data), data.shape, data.classes) == (5, (2, 4, 6), 4)
    assert resnet.Dataset(x, y, classes=9).classes == 9
    pixels, labels = data.read()
    assert np.array_equal(pixels, x)
    assert labels.tolist() == y
    x[:] = 0
    assert data.read(3, 1)[0].any()
    pixels, labels = data.read(1, 2)
    assert pixels.shape == (2, 2, 4, 6)
    assert labels.tolist() == [1, 0]
    assert data.read(5)[0].shape == (0, 2, 4, 6)
    assert "5 images of 2x4x6 in 4 classes" in repr(data)
    for first, count in ((-1, 1), (0, 6), (6, 0), (0, -1), (2**62, 2**62)):
        with pytest.raises(resnet.InvalidArgumentError):
            data.read(first, count)


def test_bytes_are_read_in_their_own_unit() -> None:
    x = np.arange(256, dtype=np.uint8).reshape(4, 1, 8, 8)
    pixels, _ = resnet.Dataset(x, [0] * 4).read()
    assert np.array_equal(pixels, x)


def test_cifar10(tmp_path: Path) -> None:
    names = [f"data_batch_{index}.bin" for index in range(1, 6)]
    files = write_cifar(tmp_path, {**dict.fromkeys(names, 10_000), "test_batch.bin": 10_000})
    train, test = resnet.CIFAR10(tmp_path), resnet.CIFAR10(str(tmp_path), train=False)
    assert (len(train), train.shape, train.classes) == (50_000, (3, 32, 32), 10)
    assert len(test) == 10_000
    pixels, labels = train.read(9_999, 2)
    expected = [files[names[0]][-1], files[names[1]][0]]
    assert np.array_equal(pixels.reshape(2, -1), [row[1:] for row in expected])
    assert labels.tolist() == [int(row[0]) for row in expected]


def test_cifar10_files_that_are_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        resnet.CIFAR10(tmp_path, train=False)
    write_cifar(tmp_path, {"test_batch.bin": 10_000})
    path = tmp_path / "test_batch.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(resnet.FormatError, match="test_batch"):
        resnet.CIFAR10(tmp_path, train=False)
    path.write_bytes(b"\x0b" + whole[1:])
    with pytest.raises(resnet.FormatError, match="test_batch"):
        resnet.CIFAR10(tmp_path, train=False)
