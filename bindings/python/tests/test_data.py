"""Datasets."""

from __future__ import annotations

import gzip
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


def test_splitting() -> None:
    x = np.arange(20, dtype=np.uint8).repeat(16).reshape(20, 1, 4, 4)
    data = resnet.Dataset(x, np.arange(20) % 3)
    training, validation = data.split(6, seed=4)
    assert (len(training), len(validation)) == (14, 6)
    assert training.shape == (1, 4, 4)
    assert training.classes == 3
    parts = [part.read()[0][:, 0, 0, 0].astype(int).tolist() for part in (training, validation)]
    assert sorted(parts[0] + parts[1]) == list(range(20))
    again, other = (data.split(6, seed=seed)[1].read()[0] for seed in (4, 5))
    assert np.array_equal(again, validation.read()[0])
    assert not np.array_equal(other, again)
    for count in (0, 20, -1, 2**63 - 1):
        with pytest.raises(resnet.InvalidArgumentError, match="1 to 19"):
            data.split(count)


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


@pytest.mark.parametrize("coarse", [False, True])
def test_cifar100(tmp_path: Path, *, coarse: bool) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (500, 1 + RECORD), dtype=np.uint8)
    rows[:, 0] %= 20
    rows[:, 1] %= 100
    rows[:400].tofile(tmp_path / "train.bin")
    rows[400:].tofile(tmp_path / "test.bin")
    train = resnet.CIFAR100(tmp_path, coarse=coarse)
    test = resnet.CIFAR100(str(tmp_path), train=False, coarse=coarse)
    assert (len(train), train.shape, train.classes) == (400, (3, 32, 32), 20 if coarse else 100)
    for data, expected in ((train, rows[:400]), (test, rows[400:])):
        pixels, labels = data.read()
        assert np.array_equal(pixels.reshape(len(expected), -1), expected[:, 2:])
        assert np.array_equal(labels, expected[:, 0 if coarse else 1])


def test_cifar100_files_that_are_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train\.bin"):
        resnet.CIFAR100(tmp_path)
    path = tmp_path / "train.bin"
    path.write_bytes(bytes(RECORD))
    with pytest.raises(resnet.FormatError, match=r"train\.bin has 3073 bytes"):
        resnet.CIFAR100(tmp_path)
    path.write_bytes(b"\x14" + bytes(RECORD))
    with pytest.raises(resnet.FormatError, match="coarse label 20"):
        resnet.CIFAR100(tmp_path)
    path.write_bytes(b"\x00\x64" + bytes(RECORD - 1))
    with pytest.raises(resnet.FormatError, match="fine label 100"):
        resnet.CIFAR100(tmp_path, coarse=True)


def write_idx(path: Path, values: np.ndarray) -> Path:
    header = np.array([0x0800 | values.ndim, *values.shape], ">u4")
    path.write_bytes(header.tobytes() + values.astype(np.uint8).tobytes())
    return path


@pytest.mark.parametrize("shape", [(7, 5, 4), (7, 3, 5, 4)])
def test_idx(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    images = write_idx(tmp_path / "images", values)
    labels = write_idx(tmp_path / "labels", np.array([0, 3, 2, 1, 0, 6, 1]))
    data = resnet.IDX(images, str(labels))
    channels = 1 if len(shape) == 3 else 3
    assert (len(data), data.shape, data.classes) == (7, (channels, 5, 4), 7)
    assert "resnet.IDX: 7 images" in repr(data)
    assert resnet.IDX(images, labels, classes=10).classes == 10
    pixels, read = data.read()
    assert np.array_equal(pixels.reshape(shape), values)
    assert read.tolist() == [0, 3, 2, 1, 0, 6, 1]


def test_idx_files_that_are_missing_or_damaged(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "images", np.zeros((2, 5, 4)))
    labels = tmp_path / "labels"
    with pytest.raises(FileNotFoundError, match="labels"):
        resnet.IDX(images, labels)
    write_idx(labels, np.array([1, 4, 0]))
    with pytest.raises(resnet.FormatError, match="3 labels for the 2 images"):
        resnet.IDX(images, labels)
    write_idx(labels, np.array([1, 4]))
    with pytest.raises(resnet.FormatError, match="label 1 is 4"):
        resnet.IDX(images, labels, classes=4)
    for classes in (-1, 2**31, "ten"):
        with pytest.raises(resnet.InvalidArgumentError, match="number of classes"):
            resnet.IDX(images, labels, classes=classes)  # type: ignore[arg-type]
    with pytest.raises(resnet.FormatError, match="begins with 0x00000801"):
        resnet.IDX(labels, images)
    whole = images.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"\0", whole[:9], b"\xff" * 100):
        images.write_bytes(damaged)
        with pytest.raises(resnet.FormatError, match="images"):
            resnet.IDX(images, labels)
    images.write_bytes(gzip.compress(whole))
    with pytest.raises(resnet.FormatError, match="unpack it"):
        resnet.IDX(images, labels)
