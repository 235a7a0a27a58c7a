"""Images that look a little like photographs, and files of them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def photo(width: int, height: int, mode: str = "RGB", *, seed: int = 0) -> Image.Image:
    """Smooth shapes of all sizes, and noise."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for scale in (1, 4, 16, 64):
        shape = (max(height // scale, 1), max(width // scale, 1), 3)
        grid = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) * scale**0.5
    low, high = total.min(), total.max()
    pixels = (total - low) / max(high - low, 1e-9) * 255
    return Image.fromarray(pixels.astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:  # noqa: ANN401
    """The bytes of a file, of quality 90 if it is a JPEG and nothing else is said."""
    file = io.BytesIO()
    if kind == "JPEG":
        options = {"quality": 90, **options}
    image.save(file, kind, **options)
    return file.getvalue()


def write_folder(root: Path, classes: dict[str, int], **sizes: int) -> list[Path]:
    """A folder of classes, each of so many JPEG files."""
    paths = []
    width, height = sizes.get("width", 50), sizes.get("height", 40)
    for label, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True)
        for index in range(count):
            path = root / name / f"{index:04}.jpg"
            image = photo(width + index % 7, height + index % 5, seed=1000 * label + index)
            path.write_bytes(encoded(image))
            paths.append(path)
    return paths
