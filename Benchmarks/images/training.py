"""Training from JPEG files beside training from memory, by turns.

Usage: python -m images.training [--batch N] [--steps N] [--reps N] [--threads N] [--workers N]

ResNet-18 at 224x224. The files are those of `images`, decoded and varied as published while the
network trains; the memory holds as many images of 224x224 bytes, which are mirrored. Prints, of the
steps, images/s of each and their ratio: 0.95 or more, and the engine does not wait for its images.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import resnet

from .__main__ import CROP, make

CLASSES = 2


def seconds(trainer: resnet.Trainer, data: resnet.Dataset, options: argparse.Namespace) -> float:
    """Of a training of so many steps, without the first, which waits for its batch."""
    times = []
    trainer.fit(
        data,
        iterations=options.steps + 1,
        batch_size=options.batch,
        workers=options.workers,
        augment=None if isinstance(data, resnet.ImageFolder) else (0, True),
        callback=lambda _: times.append(time.perf_counter()),
    )
    return times[options.steps] - times[0]


def main() -> None:
    """Prints a line for each repetition, and the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--reps", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--workers", type=int)
    options = parser.parse_args()
    resnet.set_threads(options.threads)
    with tempfile.TemporaryDirectory() as name:
        for label in range(CLASSES):
            folder = Path(name) / str(label)
            folder.mkdir()
            make(folder, 4 * options.batch, quality=90)
        files = resnet.ImageFolder(name, variation=resnet.PUBLISHED)
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (len(files), 3, CROP, CROP), np.uint8)
        memory = resnet.Dataset(pixels, np.arange(len(files)) % CLASSES)
        trainer = resnet.Trainer(resnet.Model("resnet18", classes=CLASSES), lr=1e-3)
        seconds(trainer, memory, options)
        ratios = []
        images = options.batch * options.steps
        for _ in range(options.reps):
            of_memory = seconds(trainer, memory, options)
            of_files = seconds(trainer, files, options)
            ratios.append(of_memory / of_files)
            sys.stdout.write(
                f"from memory {images / of_memory:6.1f} images/s, "
                f"from files {images / of_files:6.1f}: {ratios[-1]:.3f}\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"median {statistics.median(ratios):.3f} of the speed from memory\n")


if __name__ == "__main__":
    main()
