"""The line that `fit(progress=True)` keeps up to date."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from .trainer import Progress

REFRESH_SECONDS = 0.1
MINUTE, HOUR = 60, 3600


class ProgressLine:
    """Writes training progress to a stream: one line an epoch, rewritten on a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to `stream`, or to standard error."""
        self._stream = sys.stderr if stream is None else stream
        self._rewrites = self._stream.isatty()
        self._start = time.monotonic()
        self._written = -REFRESH_SECONDS
        self._width = 0

    def update(self, progress: Progress) -> None:
        """Shows where training is."""
        elapsed = time.monotonic() - self._start
        if progress.epoch_ended:
            self._write(self._describe(progress, elapsed), end="\n")
        elif self._rewrites and elapsed - self._written >= REFRESH_SECONDS:
            self._written = elapsed
            self._write(self._describe(progress, elapsed), end="")

    def close(self) -> None:
        """Ends a line that an error or a stop left open."""
        if self._rewrites and self._width:
            self._write_raw("\n")
            self._width = 0

    def _describe(self, progress: Progress, elapsed: float) -> str:
        done = (progress.epoch - 1 + progress.step / progress.steps) / progress.epochs
        parts = [
            f"epoch {progress.epoch:{len(str(progress.epochs))}}/{progress.epochs}",
            f"step {progress.step}/{progress.steps}",
            f"loss {progress.loss:.4f}",
            f"accuracy {progress.accuracy:.2%}",
        ]
        if progress.validation_accuracy is not None:
            parts.append(f"validation {progress.validation_accuracy:.2%}")
        parts.append(f"{progress.images_per_second:.0f} images/s")
        parts.append(f"{_clock(elapsed * (1 - done) / done)} left")
        return "  ".join(parts)

    def _write(self, line: str, end: str) -> None:
        if self._rewrites:
            self._write_raw("\r" + line.ljust(self._width) + end)
            self._width = 0 if end else len(line)
        else:
            self._write_raw(line + end)

    def _write_raw(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _clock(seconds: float) -> str:
    """Seconds as h:mm:ss, or m:ss below an hour."""
    whole = round(seconds)
    hours, minutes, rest = whole // HOUR, whole % HOUR // MINUTE, whole % MINUTE
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
