"""Measures how much longer a step takes on several ranks than alone, by turns.

Usage: mpirun -n 2 python -m ranks [--preset resnet50] [--batch 16] [--steps 5] [--turns 7]

Started by `make bench-ranks`. Every rank computes on one thread: on one machine they share its
memory, so the step alone is measured on all of them at once, too, and what is left of the
difference is communication. Prints one line for each preset.
"""

from __future__ import annotations

import argparse
import ctypes
import pathlib
import statistics
import time

import numpy as np

import resnet
from resnet import _header
from resnet._library import library

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Ranks:
    """The processes, by libresnet-mpi."""

    def __init__(self) -> None:
        """Initialises MPI."""
        self.library = ctypes.CDLL(str(ROOT / "build/libresnet-mpi.so.1"), mode=ctypes.RTLD_GLOBAL)
        self.communicator = _header.Communicator()
        if self.library.rn_mpi_begin(0, ctypes.byref(self.communicator)) != 0:
            raise RuntimeError("MPI cannot be initialised")

    def barrier(self) -> None:
        """Waits for the others."""
        self.communicator.barrier(self.communicator.user)

    def distribute(self, trainer: resnet.Trainer, *, synchronized: bool, bucket: int) -> None:
        """Has the trainer train with the others."""
        options = _header.DistributedOptions(
            synchronize_bn=int(synchronized), check_interval=0, bucket_bytes=bucket
        )
        library().rn_trainer_distribute(
            trainer._handle, ctypes.byref(self.communicator), ctypes.byref(options)
        )


def main() -> None:
    """Measures one network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="resnet50")
    parser.add_argument("--batch", type=int, default=16, help="images of a rank")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--bucket", type=int, default=4 << 20, help="bytes")
    options = parser.parse_args()
    ranks = Ranks()
    resnet.set_threads(1)

    probe = resnet.Model(options.preset)
    is_cifar = probe.classes == 10  # noqa: PLR2004
    side = 32 if is_cifar else 224
    random = np.random.default_rng(0)
    images = random.standard_normal((options.batch, 3, side, side), dtype=np.float32)
    labels = random.integers(0, probe.classes, options.batch)
    trainers = {"alone": resnet.Trainer(probe, lr=1e-3)}
    for name, synchronized in (("own BN", False), ("sync BN", True)):
        trainers[name] = resnet.Trainer(resnet.Model(options.preset), lr=1e-3)
        ranks.distribute(trainers[name], synchronized=synchronized, bucket=options.bucket)
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for turn in range(options.turns + 1):
        for name, trainer in trainers.items():
            ranks.barrier()
            begin = time.perf_counter()
            for _ in range(options.steps):
                trainer.step(images, labels)
            ranks.barrier()
            if turn > 0:
                seconds[name].append((time.perf_counter() - begin) / options.steps)
    if ranks.communicator.rank == 0:
        alone = seconds["alone"]
        line = (
            f"{options.preset}, {ranks.communicator.ranks} ranks of {options.batch} images, "
            f"{probe.parameter_count * 4 / 1e6:.1f} MB of gradients: alone "
            f"{1000 * statistics.median(alone):.1f} ms"
        )
        for name in ("own BN", "sync BN"):
            exposed = [
                1 - before / after for before, after in zip(alone, seconds[name], strict=True)
            ]
            line += (
                f"; {name} {1000 * statistics.median(seconds[name]):.1f} ms, of which "
                f"{100 * statistics.median(exposed):.1f}% is not hidden "
                f"({100 * min(exposed):.1f} to {100 * max(exposed):.1f})"
            )
        print(line, flush=True)
    ranks.library.rn_mpi_end()


if __name__ == "__main__":
    main()
