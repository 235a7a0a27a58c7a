"""How a training from Python ends when one of its ranks does something else: usage: endings.py WAY.

raise      rank 1 raises where the others train; started by `python -m mpi4py`, all end at once
late       rank 1 waits for something else; the others end within the time that they were given
terminate  rank 1 receives SIGTERM, as by the guide's handler: all stop after the same step
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import numpy as np
from mpi4py import MPI

import resnet
import resnet.mpi


def train(timeout: float, stop: int | None) -> tuple[str, int]:
    """Trains until it is stopped: what fit raised, and how many steps there were.

    stop: The rank that receives SIGTERM in the middle of a step.
    """
    communicator = resnet.mpi.Communicator(timeout=timeout)
    model = resnet.Model("resnet8", family="cifar", classes=4, seed=1)
    trainer = resnet.Trainer(model, lr=0.001)
    trainer.distribute(communicator)
    random = np.random.default_rng(1)
    data = random.random((96, 3, 8, 8), np.float32), np.arange(96) % 4

    def watch(progress: resnet.Progress) -> None:
        if progress.iteration == 5 and communicator.rank == stop:  # noqa: PLR2004
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()

    raised = "nothing"
    try:
        trainer.fit(data, epochs=100_000, batch_size=24, callback=watch)
    except (resnet.CancelledError, KeyboardInterrupt) as error:
        raised = type(error).__name__
    steps = trainer.iterations
    trainer.distribute(None)
    communicator.close()
    return raised, steps


def main(way: str) -> None:
    """One way."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    resnet.set_threads(1)
    comm = MPI.COMM_WORLD
    if way == "raise" and comm.Get_rank() == 1:
        raise RuntimeError("rank 1 cannot train")
    if way == "late" and comm.Get_rank() == 1:
        comm.Barrier()
    if way != "terminate":
        train(2 if way == "late" else 600, None)
        return
    ended = comm.allgather(train(60, 1))
    raised, steps = zip(*ended, strict=True)
    expected = tuple(
        "KeyboardInterrupt" if rank == 1 else "CancelledError" for rank in range(len(ended))
    )
    if raised != expected or len(set(steps)) != 1:
        raise RuntimeError(f"the ranks ended by {raised} after {steps} steps")
    if comm.Get_rank() == 0:
        print(f"SIGTERM to a rank of Python stopped {len(ended)} after {steps[0]} steps")


main(sys.argv[1])
