"""Training from Python on the ranks of MPI gives what one process does."""

from __future__ import annotations

import contextlib

import numpy as np
from mpi4py import MPI

import resnet
import resnet.mpi


def main() -> None:
    """Trains alone, then with the other ranks."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 96)
    images = random.integers(0, 256, (96, 3, 8, 8)).astype(np.uint8)
    resnet.set_threads(1)

    def trainer(seed: int) -> resnet.Trainer:
        model = resnet.Model("resnet8", family="cifar", classes=4, seed=seed)
        return resnet.Trainer(model, lr=0.02)

    for seconds in (0, -1, float("nan")):
        with contextlib.suppress(ValueError):
            resnet.mpi.Communicator(timeout=seconds)
            print(f"a timeout of {seconds} seconds was taken")
            MPI.COMM_WORLD.Abort(1)
    alone = trainer(1)
    alone.fit((images, labels), epochs=2, batch_size=24)
    communicator = resnet.mpi.Communicator()
    shared = trainer(communicator.rank + 1)
    shared.distribute(communicator, synchronize_bn=True, check_interval=1, bucket_bytes=5000)
    shared.fit((images, labels), epochs=2, batch_size=24)

    expected, scores = (own.model.logits(images[:8]) for own in (alone, shared))
    difference = np.abs(scores - expected).max() / np.abs(expected).max()
    if difference > 1e-5:  # noqa: PLR2004
        print(f"rank {communicator.rank} differs by {difference:.1e}")
        MPI.COMM_WORLD.Abort(1)
    shared.distribute(None)
    communicator.close()
    # The program's own messages go over the same ranks.
    total = MPI.COMM_WORLD.allreduce(communicator.rank)
    if communicator.rank == 0:
        print(f"Python on {communicator.ranks} ranks: differs by {difference:.1e}, {total} in all")


main()
