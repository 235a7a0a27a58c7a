"""Classifies images: prints the class that a model finds most probable, and how probable it is.

Usage: classify.py model.h5 image.ppm ...

Images are binary PGM (grey) or PPM (colour) files with 8 bits a sample, of any size that the
network can take.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import resnet

if TYPE_CHECKING:
    import numpy.typing as npt

# The magic number, then width, height and maximum value between white space and comments, and
# one white space before the samples.
SPACE = rb"(?:\s|#[^\n]*\n)+"
HEADER = re.compile(rb"P([56])" + 3 * (SPACE + rb"(\d{1,5})") + rb"\s")


def read_image(path: str) -> npt.NDArray[np.uint8]:
    """Reads a file into bytes, (channels, height, width)."""
    content = Path(path).read_bytes()
    header = HEADER.match(content)
    if header is None:
        raise ValueError("is not a binary PGM or PPM file")
    magic, width, height, maximum = (int(part) for part in header.groups())
    channels = 3 if magic == 6 else 1  # noqa: PLR2004 (P6 is colour)
    if maximum != 255:  # noqa: PLR2004 (8 bits a sample)
        raise ValueError("must have a maximum value of 255")
    samples = np.frombuffer(content, np.uint8, offset=header.end())
    if samples.size < width * height * channels:
        raise ValueError("ends too early")
    image = samples[: width * height * channels].reshape(height, width, channels)
    return np.moveaxis(image, -1, 0)


def main() -> int:
    """Classifies the images named on the command line."""
    if len(sys.argv) < 3:  # noqa: PLR2004 (a model and an image)
        print("usage: classify.py MODEL.h5 IMAGE.ppm ...", file=sys.stderr)
        return 1
    what = sys.argv[1]
    try:
        model = resnet.open(what)
        names = model.class_names or [str(index) for index in range(model.classes)]
        for what in sys.argv[2:]:
            probabilities = model.probabilities(read_image(what)[None])[0]
            best = int(probabilities.argmax())
            print(f"{what}: {names[best]} {probabilities[best]:.4f}")
    except (resnet.Error, OSError, ValueError) as error:
        print(f"classify: {what}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
