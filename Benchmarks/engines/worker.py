"""One engine's process: sets up a row, then measures it each time that it is told to.

Usage: python -m engines.worker ENGINE ROW FOLDER THREADS

Answers with lines of JSON on standard output: first `Ready`, then for each line of input a
`Measurement`. What the engines print goes to standard error.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import sys
import time
from typing import TextIO

import numpy as np

from .case import Case
from .engine import Job, job
from .rows import row_named

WARM_UP_RUNS, WARM_UP_SECONDS = 2, 0.5
MEASUREMENT_SECONDS = 0.4


@dataclasses.dataclass(frozen=True)
class Ready:
    """An engine is set up and warm."""

    difference: float
    """From PyTorch's answer, relative to its largest value."""
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A few runs in a row."""

    seconds: float
    """Of one run, the mean."""
    runs: int
    peak_memory: int
    """The most bytes that the process has had resident so far."""


def peak_memory() -> int:
    """The most bytes that this program has had resident.

    Not what getrusage says, which counts the parent from before exec.
    """
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("/proc/self/status has no VmHWM")


def timed(work: Job, runs: int) -> float:
    """Seconds of one of `runs` runs."""
    start = time.perf_counter()
    work.run(runs)
    return (time.perf_counter() - start) / runs


def warm_up(work: Job) -> int:
    """Runs until the times are those of a warm engine; returns how many runs to measure."""
    runs, done, start = work.at_once, 0, time.perf_counter()
    while done < WARM_UP_RUNS or time.perf_counter() - start < WARM_UP_SECONDS:
        seconds = timed(work, runs)
        done += 1
    return work.at_once * math.ceil(MEASUREMENT_SECONDS / (seconds * work.at_once))


def serve(engine: str, name: str, case: Case, threads: int, out: TextIO) -> None:
    """Sets up, then measures once for each line of standard input."""

    def reply(value: Ready | Measurement) -> None:
        print(json.dumps(dataclasses.asdict(value)), file=out, flush=True)

    work = job(engine, row_named(name), case, threads)
    wanted, given = np.load(case.answer), work.answer()
    difference = float(np.abs(given - wanted).max() / np.abs(wanted).max())
    runs = warm_up(work)
    reply(Ready(difference, work.versions))
    for _ in sys.stdin:
        reply(Measurement(timed(work, runs), runs, peak_memory()))


def main() -> None:
    """Keeps standard output for the answers, and serves."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine, name, folder, threads = sys.argv[1:]
    serve(engine, name, Case(pathlib.Path(folder)), int(threads), out)


if __name__ == "__main__":
    main()
