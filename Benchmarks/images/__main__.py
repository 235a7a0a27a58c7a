"""Images/s on one core: decoding, and the published ImageNet augmentation, to float32 batches.

The images are made here: 500x375, JPEG of quality 90 with 4:2:0 chroma, with a spectrum like a
photograph's. All contestants take turns in one process, and each has its best time of several.
torchvision has two ways, by Pillow and by tensors. Its own decoder needs a torch of the kind that
it was built with; where it cannot be loaded, which is said, Pillow's takes its place.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

import resnet
from resnet._header import FILTERS
from resnet.images import _Image

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

CROP = 224
COLOURS = resnet.Colours()
VALUES = np.asarray(COLOURS.eigenvalues)
VECTORS = np.asarray(COLOURS.eigenvectors)


def make(folder: Path, count: int, quality: int) -> list[Path]:
    """Files with a 1/f spectrum."""
    rng = np.random.default_rng(0)
    height, width = 375, 500
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    paths = []
    for index in range(count):
        shared = rng.normal(size=(height, width))
        pixels = np.empty((height, width, 3))
        for channel in range(3):
            noise = np.fft.rfft2(shared + 0.4 * rng.normal(size=(height, width)))
            plane = np.fft.irfft2(noise / frequency, s=(height, width))
            pixels[..., channel] = (plane - plane.mean()) / plane.std() * 60 + 120
        path = folder / f"{index:04}.jpg"
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        image.save(path, quality=quality, subsampling=2)
        paths.append(path)
    return paths


def shape(width: int, height: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Width, height, left and top of a draw."""
    side = int(rng.integers(256, 481))
    short = min(width, height)
    wide, high = side * width // short, side * height // short
    return wide, high, int(rng.integers(wide - CROP + 1)), int(rng.integers(high - CROP + 1))


def pillow(paths: list[Path], batch: npt.NDArray[Any], rng: np.random.Generator) -> None:
    """Decoded, resized and cropped by Pillow; the rest by numpy."""
    for index, path in enumerate(paths):
        with Image.open(path) as file:
            image = file.convert("RGB")
        wide, high, left, top = shape(*image.size, rng)
        image = image.resize((wide, high), Image.Resampling.BILINEAR)
        image = image.crop((left, top, left + CROP, top + CROP))
        if rng.integers(2):
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        offset = 255 * (VECTORS.T @ (VALUES * rng.normal(0, 0.1, 3)))
        batch[index] = (np.asarray(image, np.float32) + offset.astype(np.float32)).transpose(
            2, 0, 1
        )


def decoded_by_pillow(path: Path) -> torch.Tensor:
    """Bytes, (channels, height, width)."""
    with Image.open(io.BytesIO(path.read_bytes())) as file:
        return torch.from_numpy(np.array(file.convert("RGB"))).permute(2, 0, 1)


def decoder() -> tuple[str, Callable[[Path], torch.Tensor]]:
    """torchvision's, if there is one."""
    try:
        from torchvision import io as images  # noqa: PLC0415 (it may not load)

        file = io.BytesIO()
        Image.new("RGB", (1, 1)).save(file, "png")
        images.decode_image(torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8))
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()[-1]
        sys.stdout.write(f"torchvision's decoder cannot be loaded: {reason}\n")
        return "Pillow's decoder, torch", decoded_by_pillow
    rgb = images.ImageReadMode.RGB
    return "torchvision", lambda path: images.decode_image(images.read_file(str(path)), mode=rgb)


def tensors(
    paths: list[Path],
    batch: npt.NDArray[Any],
    rng: np.random.Generator,
    decode: Callable[[Path], torch.Tensor],
) -> None:
    """As torchvision's transforms do it on tensors of bytes."""
    for index, path in enumerate(paths):
        image = decode(path)
        wide, high, left, top = shape(image.shape[2], image.shape[1], rng)
        resized = torch.nn.functional.interpolate(
            image[None], (high, wide), mode="bilinear", antialias=True
        )[0]
        part = resized[:, top : top + CROP, left : left + CROP]
        if rng.integers(2):
            part = part.flip(-1)
        offset = 255 * (VECTORS.T @ (VALUES * rng.normal(0, 0.1, 3)))
        batch[index] = (part.float() + torch.from_numpy(offset).float()[:, None, None]).numpy()


def resizing(path: Path, reps: int) -> None:
    """Prints how long resizing alone takes, by libresnet and by Pillow, to the same pixels."""
    with Image.open(path) as file:
        theirs = file.convert("RGB")
    ours = _Image.copy(np.ascontiguousarray(np.asarray(theirs).transpose(2, 0, 1)))
    for name in ("bilinear", "bicubic"):
        for width, height in ((341, 256), (640, 480)):
            best = [float("inf")] * 2
            for _ in range(10 * reps):
                start = time.perf_counter()
                ours.derive("rn_image_resize", height, width, FILTERS[name])
                middle = time.perf_counter()
                theirs.resize((width, height), Image.Resampling[name.upper()])
                end = time.perf_counter()
                best = [min(best[0], middle - start), min(best[1], end - middle)]
            sys.stdout.write(
                f"{name} to {width}x{height}: {1e3 * best[0]:.2f} ms, Pillow {1e3 * best[1]:.2f}\n"
            )


def main() -> None:
    """Prints a line for each contestant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--quality", type=int, default=90)
    parser.add_argument("--reps", type=int, default=7)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "class"
        folder.mkdir()
        paths = make(folder, options.count, options.quality)
        data = resnet.ImageFolder(temporary, variation=resnet.PUBLISHED)
        batch = np.empty((len(paths), 3, CROP, CROP), np.float32)
        rng = np.random.default_rng(1)
        name, decode = decoder()
        contestants: dict[str, Callable[[int], object]] = {
            "libresnet": lambda rep: data.read(vary=(1, rep)),
            "Pillow": lambda _: pillow(paths, batch, rng),
            name: lambda _: tensors(paths, batch, rng, decode),
        }
        best = dict.fromkeys(contestants, float("inf"))
        for rep in range(options.reps):
            for contestant, run in contestants.items():
                start = time.perf_counter()
                run(rep)
                best[contestant] = min(best[contestant], time.perf_counter() - start)
        resizing(paths[0], options.reps)
    for contestant, seconds in best.items():
        sys.stdout.write(f"{contestant:<26}{len(paths) / seconds:8.0f} images/s\n")
    ours = best.pop("libresnet")
    sys.stdout.write(f"libresnet is {min(best.values()) / ours:.2f} times as fast as the next\n")


if __name__ == "__main__":
    main()
