"""Measures a row: all engines by turns, and the processor's peak with them."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from .case import Case
from .contestants import Contestant, Sample, Starter, Worker
from .engine import LIBRESNET, takes
from .process import FailedError, Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rows import Row

# Long enough for the threads of an idle engine to give up spinning.
PAUSE_SECONDS = 0.2
PREPARE_SECONDS = 600.0
ROOT = pathlib.Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What holds for all rows."""

    engines: Sequence[str]
    threads: int
    repetitions: int
    out: pathlib.Path
    """Results and logs go here; the programs in C are here already."""

    @property
    def environment(self) -> dict[str, str]:
        """Of every process."""
        paths = [str(ROOT / "Benchmarks"), str(ROOT / "bindings" / "python")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": str(self.threads),
        }

    def log(self, row: Row, name: str) -> pathlib.Path:
        """Where a process of a row writes its standard error."""
        folder = self.out / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{row.name}-{name}.txt"


@dataclasses.dataclass
class Outcome:
    """What a row gave."""

    row: Row
    flop: float
    peaks: list[float] = dataclasses.field(default_factory=list)
    """GFLOP/s of all threads, one per repetition."""
    samples: dict[str, list[Sample]] = dataclasses.field(default_factory=dict)
    """One per repetition, by engine."""
    failures: dict[str, str] = dataclasses.field(default_factory=dict)
    """Reasons, by engine."""
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    load: list[float] = dataclasses.field(default_factory=list)
    """The system's load average (1 minute) before each repetition."""


def peak(setting: Setting) -> float:
    """GFLOP/s of multiply-adds that touch no memory, on all threads at once."""
    command = [str(setting.out / "peak"), str(setting.threads)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (ours)
    return float(said.stdout.split()[1])


def onnxruntime_library() -> str:
    """Where PyPI's package has its shared library.

    Raises:
        FailedError: It is not installed.
    """
    found = importlib.util.find_spec("onnxruntime")
    for folder in (found and found.submodule_search_locations) or []:
        for path in pathlib.Path(folder).glob("capi/libonnxruntime.so.*"):
            return str(path)
    reason = "onnxruntime has no shared library here"
    raise FailedError(reason)


def prepare(row: Row, case: Case, setting: Setting) -> None:
    """Makes the row's files in a process of its own, which needs much memory."""
    command = [sys.executable, "-m", "engines.prepare", row.name, str(case.folder)]
    with Process(command, setting.environment, setting.log(row, "prepare")) as process:
        process.wait(PREPARE_SECONDS)


def contestant(
    engine: str, row: Row, case: Case, setting: Setting, running: contextlib.ExitStack
) -> Contestant:
    """Sets up an engine; a process that stays ends with `running`."""
    log = setting.log(row, engine)
    if row.kind == "start":
        job = [str(case.raw_images), str(row.size), str(setting.threads)]
        if engine == LIBRESNET:
            program = [str(setting.out / "start"), str(case.libresnet)]
        else:
            program = [str(setting.out / "start-onnxruntime"), onnxruntime_library()]
            program.append(str(case.optimised_onnx))
        return Starter(program + job, setting.environment, case, log)
    command = [sys.executable, "-m", "engines.worker", engine, row.name, str(case.folder)]
    command.append(str(setting.threads))
    process = running.enter_context(Process(command, setting.environment, log))
    return Worker(process)


def measured(row: Row, setting: Setting) -> Outcome:
    """Measures a row. An engine that fails is left out from there on.

    Raises:
        FailedError: The row's files could not be made.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        case = Case(pathlib.Path(folder))
        prepare(row, case, setting)
        outcome = Outcome(row, float(case.flop.read_text()))
        ready: list[tuple[str, Contestant]] = []
        for engine in setting.engines:
            if not takes(engine, row):
                continue
            note(f"{row.name}: setting up {engine}")
            try:
                ready.append((engine, contestant(engine, row, case, setting, running)))
                outcome.versions |= ready[-1][1].versions
            except FailedError as error:
                outcome.failures[engine] = str(error)
        for repetition in range(setting.repetitions):
            note(f"{row.name}: repetition {repetition + 1} of {setting.repetitions}")
            outcome.load.append(os.getloadavg()[0])
            time.sleep(PAUSE_SECONDS)
            outcome.peaks.append(peak(setting))
            first = repetition % max(1, len(ready))
            for engine, each in ready[first:] + ready[:first]:
                if engine in outcome.failures:
                    continue
                time.sleep(PAUSE_SECONDS)
                try:
                    outcome.samples.setdefault(engine, []).append(each.measure())
                except FailedError as error:
                    outcome.failures[engine] = str(error)
        for engine in outcome.failures:
            outcome.samples.pop(engine, None)
        return outcome


def note(text: str) -> None:
    """Tells who waits what is going on."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
    else:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
