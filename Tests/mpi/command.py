"""`mpirun resnet train --mpi`: what it learns, how a signal or a death ends it, how it goes on.

usage: command.py RESNET
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import resnet

if TYPE_CHECKING:
    from collections.abc import Callable

RESNET = str(pathlib.Path(sys.argv[1]).resolve())
DATA = "data"
TRAIN = [
    *("train", "--cifar10", DATA, "--network", "resnet20", "--batch-size", "100", "--lr", "0.01"),
    *("--threads", "1", "--no-winograd", "--epochs", "2"),
]
RANKS = ("--mpi", "--sync-bn")


def write_data() -> None:
    """Images in CIFAR-10's form that can be learned: each class is brighter elsewhere."""
    random = np.random.default_rng(0)
    folder = pathlib.Path(DATA)
    folder.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        records = random.integers(0, 200, (200, 3073), np.uint8)
        records[:, 0] = np.arange(200) % 10
        for row in records:
            place = 1 + 300 * int(row[0])
            row[place : place + 300] += 55
        records.tofile(folder / f"{name}.bin")


def ranks(count: int, *arguments: str) -> subprocess.Popen[str]:
    """The command on so many ranks."""
    return subprocess.Popen(  # noqa: S603
        ["mpirun", "-n", str(count), RESNET, *arguments],  # noqa: S607
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """What it prints, if it ends well."""
    printed, _ = process.communicate(timeout=120)
    if process.returncode != 0:
        raise SystemExit(f"exit {process.returncode}: {printed}")
    return printed


def difference(first: str, second: str) -> float:
    """Of the models' scores, as a part of the largest."""
    images = np.random.default_rng(1).integers(0, 256, (16, 3, 32, 32), np.uint8)
    a, b = (resnet.load(path).logits(images) for path in (first, second))
    return float(np.abs(a - b).max() / np.abs(a).max())


def steps(folder: str) -> int:
    """Of the newest checkpoint."""
    return max((int(path.stem[5:]) for path in pathlib.Path(folder).glob("step-*.h5")), default=0)


def counted(count: int) -> str:
    """As the command says it."""
    return f"{count} step{'s' if count != 1 else ''}"


def write_images() -> None:
    """Files of two classes."""
    random = np.random.default_rng(0)
    for part in ("train", "val"):
        for name in ("a", "b"):
            folder = pathlib.Path("images") / part / name
            folder.mkdir(parents=True)
            for index in range(20):
                pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")


def going_on(count: int, folder: str, *arguments: str) -> subprocess.Popen[str]:
    """A training that writes a checkpoint after every step, and goes on from one that is there."""
    checkpoints = ("--checkpoints", folder, "--checkpoint-every", "1", "--resume")
    return ranks(count, *TRAIN, *RANKS, *checkpoints, *arguments)


def of_rank(parent: int) -> list[int]:
    """The processes below one that are ranks; launchers have others between."""
    children = subprocess.run(  # noqa: S603
        ["pgrep", "-P", str(parent)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    found = []
    for child in map(int, children):
        own = pathlib.Path(f"/proc/{child}/exe").resolve() == pathlib.Path(RESNET)
        found += [child] if own else of_rank(child)
    return found


def ended(
    process: subprocess.Popen[str], by: Callable[[], None], once: Callable[[], bool]
) -> tuple[str, float]:
    """A training that something ends: what it printed, and how many seconds it went on."""
    while not once():
        if process.poll() is not None:
            raise SystemExit(f"it ended before it was to: {process.communicate()[0]}")
        time.sleep(0.02)
    by()
    begin = time.monotonic()
    printed, _ = process.communicate(timeout=60)
    # MPICH's mpirun that gets a signal ends well if its ranks have ended by then.
    if process.returncode == 0 and "stopped by" not in printed:
        raise SystemExit(f"it went on to its end: {printed}")
    return printed, time.monotonic() - begin


def end(
    process: subprocess.Popen[str], number: signal.Signals, to: str, folder: str
) -> tuple[str, float]:
    """By a signal to one rank or to mpirun."""
    later = steps(folder) + 3
    return ended(
        process,
        lambda: os.kill(process.pid if to == "mpirun" else of_rank(process.pid)[-1], number),
        lambda: steps(folder) >= later,
    )


def require(printed: str, *parts: str) -> None:
    """Of what was printed."""
    for part in parts:
        if part not in printed:
            raise SystemExit(f"nobody says {part!r}: {printed}")


def fail() -> None:
    """Images that are gone, and a model that cannot be saved after a signal: both are said."""
    write_images()
    process = ranks(
        *(2, "train", "--folder", "images", "--crop", "32", "--resize", "32", "--network"),
        *("resnet8", "--batch-size", "8", "--threads", "1", "--epochs", "9999", *RANKS),
        *("--checkpoints", "lost", "--checkpoint-every", "1", "--out", "lost.h5"),
    )
    printed, _ = ended(
        process,
        lambda: shutil.move("images/train/a", "aside"),
        lambda: steps("lost") > 2,  # noqa: PLR2004
    )
    require(printed, "cannot be opened", f"saved lost/step-{steps('lost'):09}.h5")

    pathlib.Path("gone").mkdir()
    log = pathlib.Path("log.csv")
    arguments = ("--epochs", "9999", "--log", str(log), "--out", "gone/model.h5")
    process = ranks(2, *TRAIN, *RANKS, *arguments)

    def stop() -> None:
        shutil.rmtree("gone")
        os.kill(of_rank(process.pid)[0], signal.SIGTERM)

    printed, _ = ended(process, stop, lambda: log.exists() and log.read_text().count("\n") > 1)
    require(printed, "cannot save gone/model.h5")


def main() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_data()
        # After one step: rounding grows with each, as it does with the order of images.
        one = [*TRAIN[:-2], "--milestones", "none", "--iterations", "1"]
        finished(ranks(1, *one, "--out", "alone.h5"))
        finished(ranks(2, *one, *RANKS, "--out", "pair.h5"))
        shared = difference("alone.h5", "pair.h5")
        printed = finished(ranks(2, *TRAIN, *RANKS, "--out", "whole.h5"))
        if printed.count("saved whole.h5") != 1:
            raise SystemExit(f"one rank is to speak for all: {printed}")
        for to in ("rank", "mpirun"):
            process = going_on(2, to, "--epochs", "1000")
            printed, _ = end(process, signal.SIGTERM, to, to)
            told = f"after {counted(steps(to))}, saved {to}/step-{steps(to):09}.h5"
            # The first rank, which says so, may hear of it by the other.
            if f"SIGTERM {told}" not in printed:
                require(printed, f"stopped by a signal to another process {told}")
        fail()
        _, lived = end(going_on(2, "run"), signal.SIGKILL, "rank", "run")
        after = steps("run")
        shutil.copytree("run", "run4")
        for count, place in ((2, "run"), (4, "run4")):
            printed = finished(going_on(count, place, "--out", f"resumed{count}.h5"))
            require(printed, f"resuming after {counted(after)} ")
        if shared > 1e-5 or difference("whole.h5", "resumed2.h5") != 0:  # noqa: PLR2004
            raise SystemExit(f"2 ranks differ by {shared:.1e}, or resumed they are not the same")
        print(
            f"the command on 2 ranks differs by {shared:.1e}; one killed, the other ended "
            f"{lived:.1f} s later; resumed on 2 after {after} steps the bits are the same, 4 go on"
        )


main()
