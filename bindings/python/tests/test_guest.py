"""The library beside others in one process: numpy with its BLAS, h5py with its HDF5."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

import resnet

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


class Neighbours:
    """What numpy and h5py do, and whether it comes out as it should."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "neighbour.h5"
        self._missing = folder / "missing.h5"
        values = np.random.default_rng(3).integers(-8, 8, (2, 300, 300))
        self._whole = values.astype(np.float64)
        self._product = (values[0] @ values[1]).astype(np.float64)  # in integers, without BLAS

    def work(self) -> None:
        first, second = self._whole
        assert np.array_equal(first @ second, self._product)
        with h5py.File(self._path, "w") as file:
            file.create_dataset("product", data=self._product, chunks=(50, 50), compression="gzip")
        with h5py.File(self._path) as file:
            assert np.array_equal(file["product"][...], self._product)
        # Its errors are exceptions, and print nothing, as long as its error handler is its own.
        with pytest.raises(FileNotFoundError):
            h5py.File(self._missing)


def guest(folder: Path) -> npt.NDArray[np.float32]:
    """What the library does meanwhile; what it computes."""
    images = np.random.default_rng(1).random((64, 3, 16, 16), np.float32)
    labels = np.arange(64) % 10
    model = resnet.Model("resnet8", seed=1)
    resnet.Trainer(model).fit((images, labels), batch_size=16)
    path = folder / f"{threading.get_ident()}.h5"
    model.save(path)
    with h5py.File(path) as file:
        assert np.array_equal(file["parameters/fc.bias"][...], model.state_dict()["fc.bias"])
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(resnet.FormatError):
        resnet.load(path)
    return model.logits(images)


def test_neighbours_are_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    neighbours = Neighbours(tmp_path)
    neighbours.work()
    scores = guest(tmp_path)
    neighbours.work()
    found: list[npt.NDArray[np.float32]] = []
    threads = [
        threading.Thread(target=lambda: found.append(guest(tmp_path)), name=f"guest {index}")
        for index in range(3)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        neighbours.work()
    for thread in threads:
        thread.join()
    assert len(found) == len(threads)
    assert all(np.array_equal(scores, other) for other in found)
    neighbours.work()
    assert capfd.readouterr() == ("", "")
