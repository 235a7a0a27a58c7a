"""Running the command `resnet`, and what the tests of it have in common."""

from __future__ import annotations

import subprocess
from pathlib import Path

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
