"""The testing protocols whose outcome is stored, and the images and network that they are for.

Used by make_views.py, which makes the images and scores their views with Pillow, numpy and PyTorch,
and by test_views.py, which has the library do it.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from cases import FOLDER, Case

IMAGES = FOLDER / "images"
OUTCOME = FOLDER / "views.npz"

NETWORK = Case("views", "resnet18", 32, 32, classes=10, base_width=8)
# Of bytes, per channel, as ImageNet's usually are.
MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Views of an image, at a size that a test can afford; see `resnet.Views`."""

    name: str
    kind: Literal["centre", "10-crop", "multi-scale"]
    resize: int | None = 40
    crop: int = 32
    scales: tuple[int, ...] = (32, 37, 48, 64, 80)
    mirror: bool = False
    average: Literal["probabilities", "scores"] | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


PROTOCOLS = [
    Protocol("centre", "centre"),
    Protocol("10-crop", "10-crop"),
    Protocol("10-crop of images as they are", "10-crop", resize=None),
    Protocol("10-crop, bicubic, scores", "10-crop", average="scores", interpolation="bicubic"),
    Protocol("multi-scale", "multi-scale"),
    Protocol("multi-scale, mirrored", "multi-scale", mirror=True),
    Protocol("multi-scale, probabilities", "multi-scale", average="probabilities"),
]
