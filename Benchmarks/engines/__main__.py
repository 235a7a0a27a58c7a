"""Measures rows and writes what they gave.

Usage: python -m engines --out DIR [--rows GLOBS] [--engines NAMES] [--threads N] [--reps N]

DIR holds the programs `peak` and `start`, and receives results.json, results.md and logs.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys

from .engine import ENGINES, takes
from .machine import described
from .measure import Outcome, Setting, measured, note
from .process import FailedError
from .report import as_json, markdown
from .rows import chosen


def options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m engines", description="Compares engines.")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--rows", default="*")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--reps", type=int, default=7)
    given = parser.parse_args()
    if given.threads < 1 or given.reps < 1:
        parser.error("--threads and --reps are 1 or more")
    given.engines = given.engines.split(",")
    for engine in given.engines:
        if engine not in ENGINES:
            parser.error(f"no engine is called {engine}; there are {', '.join(ENGINES)}")
    try:
        given.rows = chosen(given.rows)
    except ValueError as error:
        parser.error(str(error))
    return given


def write(out: pathlib.Path, machine: dict[str, str], outcomes: list[Outcome]) -> str:
    """Writes all that there is so far; returns the Markdown."""
    text = markdown(machine, outcomes)
    rows = [as_json(outcome) for outcome in outcomes]
    (out / "results.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))
    (out / "results.md").write_text(text)
    return text


def main() -> int:
    """Measures row after row."""
    given = options()
    setting = Setting(given.engines, given.threads, given.reps, given.out.resolve())
    machine, outcomes, failed = described(given.threads), list[Outcome](), False
    for row in given.rows:
        if not any(takes(engine, row) for engine in setting.engines):
            continue
        try:
            outcomes.append(measured(row, setting))
        except FailedError as error:
            note(f"{row.name} could not be prepared: {error}\n")
            failed = True
            continue
        machine |= outcomes[-1].versions
        failed |= bool(outcomes[-1].failures)
        write(setting.out, machine, outcomes)
    note("")
    if not outcomes:
        return 1
    print(write(setting.out, machine, outcomes))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
