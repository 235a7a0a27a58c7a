"""Makes the images of view_cases.py, and scores their views in plain Pillow, numpy and PyTorch.

Prints how much the views of an image differ: if they were all alike, nothing would be tested. Needs
torch, numpy and Pillow; the tests need only the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from make import Network, starts_of, state_of
from PIL import Image, ImageOps
from torch import nn

from cases import spread
from view_cases import DEVIATION, IMAGES, MEAN, NETWORK, OUTCOME, PROTOCOLS, Protocol

if TYPE_CHECKING:
    from pathlib import Path

EXIF_ORIENTATION = 0x0112
TURNED = 6
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def scene(name: str, height: int, width: int) -> Image.Image:
    """A smooth scene with edges in it."""
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    planes = []
    for channel in range(3):
        plane = np.full((height, width), 0.5)
        for wave in range(6):
            a, b, phase, strength = spread(f"{name} {channel} {wave}", (4,), 0, 1)
            plane += 0.15 * strength * np.sin(9 * (a * rows + b * columns) + 3 * phase)
        for disc in range(3):
            x, y, radius, strength = spread(f"{name} {channel % 2} disc {disc}", (4,), 0, 0.5)
            inside = (rows - y - 0.5) ** 2 + (columns - x - 0.5) ** 2 < (0.1 + 0.2 * radius) ** 2
            plane[inside] += strength
        planes.append(plane)
    pixels = np.clip(255 * np.stack(planes, axis=-1), 0, 255).round().astype(np.uint8)
    return Image.fromarray(pixels)


def make_images() -> None:
    """Files of several formats, sizes and orientations."""
    IMAGES.mkdir(exist_ok=True)
    scene("wide", 60, 80).save(IMAGES / "a-wide.jpg", quality=90)
    scene("tall", 97, 66).save(IMAGES / "b-tall.jpg", quality=85)
    scene("square", 48, 48).save(IMAGES / "c-square.png", optimize=True)
    scene("grey", 53, 101).convert("L").save(IMAGES / "d-grey.jpg", quality=90)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = TURNED
    scene("turned", 61, 90).save(IMAGES / "e-turned.jpg", quality=90, exif=exif)


def views(image: Image.Image, protocol: Protocol) -> list[npt.NDArray[np.uint8]]:
    """All views, each (height, width, 3)."""
    sides = protocol.scales if protocol.kind == "multi-scale" else (protocol.resize,)
    found = []
    for side in sides:
        seen = image
        if side is not None:
            short, long = min(image.size), max(image.size)
            # As torchvision's Resize does.
            other = int(side * long / short)
            size = (side, other) if image.width <= image.height else (other, side)
            seen = image.resize(size, FILTERS[protocol.interpolation])
        pixels = np.asarray(seen)
        height, width = pixels.shape[:2]
        if protocol.kind == "multi-scale":
            parts = [pixels]
        else:
            crop = protocol.crop
            bottom, right = height - crop, width - crop
            # As torchvision's CenterCrop does.
            corners = [(round(bottom / 2.0), round(right / 2.0))]
            if protocol.kind == "10-crop":
                corners += [(0, 0), (0, right), (bottom, 0), (bottom, right)]
            parts = [pixels[top : top + crop, left : left + crop] for top, left in corners]
        found += parts
        if protocol.kind == "10-crop" or (protocol.kind == "multi-scale" and protocol.mirror):
            found += [part[:, ::-1] for part in parts]
    return found


def read(path: Path) -> Image.Image:
    """An image file, upright and in colour."""
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def batch_of(view: npt.NDArray[np.uint8]) -> torch.Tensor:
    """A view as the network's input."""
    normalized = (view - np.array(MEAN)) / np.array(DEVIATION)
    return torch.from_numpy(normalized.transpose(2, 0, 1).copy())[None]


def fitting_network(files: list[Path]) -> nn.Module:
    """A network with the images' own BN statistics, so that its scores depend on the images."""
    network = Network(NETWORK)
    starts = {name: torch.from_numpy(value) for name, value in starts_of(network).items()}
    network.load_state_dict(starts, strict=False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1
    network.double().train()
    crops = [view for file in files for view in views(read(file), Protocol("", "10-crop"))]
    with torch.no_grad():
        network(torch.cat([batch_of(crop) for crop in crops]))
    return network.float().double().eval()


def main() -> None:
    """Makes the files."""
    make_images()
    files = sorted(IMAGES.iterdir())
    network = fitting_network(files)
    outcomes = {
        name: value for name, value in state_of(network.float()).items() if "running" in name
    }
    network.double()
    for protocol in PROTOCOLS:
        average = protocol.average or (
            "scores" if protocol.kind == "multi-scale" else "probabilities"
        )
        rows, distances = [], []
        for file in files:
            with torch.no_grad():
                scores = [network(batch_of(view))[0] for view in views(read(file), protocol)]
            stacked = torch.stack(scores)
            probabilities = stacked.softmax(1)
            distances.append(float((probabilities - probabilities.mean(0)).abs().max()))
            mean = stacked.mean(0).softmax(0) if average == "scores" else probabilities.mean(0)
            rows.append(mean.numpy())
        outcomes[protocol.name] = np.stack(rows)
        print(
            f"{protocol.name}: views differ by {max(distances):.1e}, images by "
            f"{np.ptp(outcomes[protocol.name], axis=0).max():.1e}"
        )
    np.savez_compressed(OUTCOME, **outcomes)


if __name__ == "__main__":
    main()
