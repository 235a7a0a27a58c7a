"""The processes that the driver measures by turns: workers, and programs started anew."""

from __future__ import annotations

import array
import dataclasses
import json
import time
from typing import TYPE_CHECKING, Protocol

from .process import FailedError, Process

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Mapping, Sequence

    from .case import Case

SETUP_SECONDS, MEASUREMENT_SECONDS, START_SECONDS = 600.0, 300.0, 60.0
TOLERANCE = 1e-3
FLOAT_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Sample:
    """One measurement of one engine."""

    seconds: float
    """Of one run of the row's job."""
    peak_memory: int
    """The most bytes that its process had resident so far."""


class Contestant(Protocol):
    """An engine that is ready to be measured."""

    versions: dict[str, str]

    def measure(self) -> Sample:
        """Measures once."""


def checked(difference: float) -> None:
    """Refuses an answer that is not PyTorch's.

    Raises:
        FailedError: The relative difference is too large, or NaN.
    """
    if not difference <= TOLERANCE:
        raise FailedError(f"its answer differs from PyTorch's by {difference:.1e} of the largest")


class Worker:
    """An engine in a process of its own that keeps its threads and its memory."""

    def __init__(self, process: Process) -> None:
        """Waits until the engine is set up and has given the right answer.

        Raises:
            FailedError: It did not, or not in time.
        """
        self._process = process
        ready = json.loads(process.read_line(SETUP_SECONDS))
        checked(ready["difference"])
        self.versions: dict[str, str] = ready["versions"]

    def measure(self) -> Sample:
        """Measures once."""
        self._process.send_line("")
        said = json.loads(self._process.read_line(MEASUREMENT_SECONDS))
        return Sample(said["seconds"], said["peak_memory"])


class Starter:
    """A program that is started anew for each answer: from spawn to the last byte of scores."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        case: Case,
        log: pathlib.Path,
    ) -> None:
        """Runs the program once, so that its files are in the page cache, and checks its answer.

        Raises:
            FailedError: It failed, or gave another answer.
        """
        self.versions: dict[str, str] = {}
        self._start: Callable[[], Process] = lambda: Process(command, environment, log)
        self._wanted = array.array("f", case.raw_answer.read_bytes())
        self.measure()

    def measure(self) -> Sample:
        """Starts the program."""
        start = time.perf_counter()
        with self._start() as process:
            data = process.read_bytes(FLOAT_BYTES * len(self._wanted), START_SECONDS)
            seconds = time.perf_counter() - start
            peak_memory = process.wait(START_SECONDS)
        given = array.array("f", data)
        differences = [abs(a - b) for a, b in zip(given, self._wanted, strict=True)]
        checked(max(differences) / max(abs(value) for value in self._wanted))
        return Sample(seconds, peak_memory)
