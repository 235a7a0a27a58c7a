"""Measures libresnet on one thread and on several, by turns.

Usage: python -m engines.scaling --out DIR [--rows GLOBS] [--threads N] [--reps N]

Prints a table: by how much the threads shorten each row's job. A row's line is told on standard
error as soon as it is known.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from .__main__ import options
from .case import Case
from .engine import LIBRESNET, takes
from .measure import PAUSE_SECONDS, Setting, contestant, note, prepare
from .process import FailedError
from .report import duration, table

if TYPE_CHECKING:
    from .rows import Row


def measured(row: Row, setting: Setting) -> tuple[list[float], list[float]]:
    """Seconds of the row's job on one thread and on `setting.threads`, by repetition."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        case = Case(pathlib.Path(folder))
        prepare(row, case, setting)
        alone = dataclasses.replace(setting, threads=1)
        both = [contestant(LIBRESNET, row, case, each, running) for each in (alone, setting)]
        seconds: tuple[list[float], list[float]] = ([], [])
        for repetition in range(setting.repetitions):
            note(f"{row.name}: repetition {repetition + 1} of {setting.repetitions}")
            for each, times in zip(both, seconds, strict=True):
                time.sleep(PAUSE_SECONDS)
                times.append(each.measure().seconds)
        return seconds


def main() -> int:
    """Measures row after row."""
    given = options()
    setting = Setting([LIBRESNET], given.threads, given.reps, given.out.resolve())
    lines, failed = [], False
    for row in given.rows:
        if not takes(LIBRESNET, row) or row.kind == "start":
            continue
        try:
            one, several = measured(row, setting)
        except FailedError as error:
            note(f"{row.name} failed: {error}\n")
            failed = True
            continue
        ratios = [a / b for a, b in zip(one, several, strict=True)]
        lines.append(
            [
                row.name,
                duration(statistics.median(one)),
                duration(statistics.median(several)),
                f"{statistics.median(ratios):.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
            ]
        )
        note(" | ".join(lines[-1]) + "\n")
    note("")
    print("\n".join(table(f"row|1 thread|{given.threads} threads|ratio|spread", lines)))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
