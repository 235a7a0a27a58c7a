"""Writes the files that the misused functions read.

usage: files.py DIRECTORY
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image


def idx(*dimensions: int) -> bytes:
    """An IDX file of zeros and ones."""
    values = np.arange(np.prod(dimensions)) % 2
    header = struct.pack(f">I{len(dimensions)}I", 0x800 | len(dimensions), *dimensions)
    return header + values.astype(np.uint8).tobytes()


def main() -> None:
    """Writes them all."""
    root = Path(sys.argv[1])
    (root / "images.idx").write_bytes(idx(4, 8, 8))
    (root / "labels.idx").write_bytes(idx(4))
    for folder, name, labels in (("cifar10", "test_batch.bin", 1), ("cifar100", "test.bin", 2)):
        (root / folder).mkdir()
        (root / folder / name).write_bytes(bytes(labels + 3072) * 2)
    image = Image.fromarray(np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3))
    image.save(root / "image.png")
    for label in ("a", "b"):
        (root / "folder" / label).mkdir(parents=True)
        image.save(root / "folder" / label / "image.jpg")
    (root / "list.txt").write_text("image.png 0\nfolder/a/image.jpg 1\n")
    with h5py.File(root / "data.h5", "w") as file:
        file["images"] = np.zeros((4, 1, 8, 8), np.uint8)
        file["labels"] = np.arange(4, dtype=np.uint8) % 2


if __name__ == "__main__":
    main()
