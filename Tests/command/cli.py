"""Running the command `resnet`, and what the tests of it have in common."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = ("blue", "red")
DAMAGED = "val/red/damaged.jpg"
NETWORK = ("--network", "resnet8", "--base-width", "4", "--threads", "1")
VIEW = ("--crop", "32", "--resize", "36")
SHORT = ("--epochs", "1", "--batch-size", "8", "--lr", "0.01", *NETWORK, *VIEW)

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str | Path) -> list[str]:
    """The command line."""
    return [str(ROOT / "build" / "resnet"), *(str(argument) for argument in arguments)]


def done(
    *arguments: str | Path, cwd: Path | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The command, after it has ended."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
        input=stdin,
    )


def run(*arguments: str | Path, ok: bool = True) -> str:
    """What the command prints, or says on failing."""
    ended = done(*arguments)
    assert (ended.returncode == 0) == ok, ended.stderr
    return ended.stdout + ended.stderr


def killed_at_random(line: Callable[[int], list[str]]) -> list[str]:
    """A training that is killed at random moments, and begun again until it has ended.

    `line` is of each try's number, from 0. A moment is some time after so many of its epochs, ever
    more of them, so that on any machine the first tries do not come to an end and a later one does.
    Returns what each try printed. One that hangs fails.
    """
    rng = np.random.default_rng(0)
    said: list[str] = []
    while True:
        epochs = rng.integers(8) + 2 * len(said)
        with subprocess.Popen(
            line(len(said)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            limit = threading.Timer(600, process.send_signal, (signal.SIGABRT,))
            limit.start()
            printed = ""
            while printed.count("\nepoch ") < epochs and (row := process.stdout.readline()):
                printed += row
            time.sleep(0.05 * rng.random())
            process.kill()
            said.append(printed + process.stdout.read())
            limit.cancel()
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, said[-1]
            return said
