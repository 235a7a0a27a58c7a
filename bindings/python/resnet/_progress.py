"""What `fit(progress=True)` shows: a line for each epoch, and a bar where one can be seen."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trainer import Progress

MINUTE, HOUR = 60, 3600


class ProgressDisplay:
    """Writes a line about every epoch to standard error, below which a bar of tqdm's goes on.

    The bar is there on a terminal and in a notebook, if tqdm is installed.
    """

    def __init__(self) -> None:
        """Begins to count the time."""
        self._start = time.monotonic()
        self._tqdm = _tqdm()
        self._bar: Any = None
        self._steps = 0
        """Of an epoch that is not the last, which may have fewer."""

    def update(self, progress: Progress) -> None:
        """Shows where training is."""
        if progress.epoch == 1:
            self._steps = progress.steps
        if self._tqdm is not None:
            self._move(progress)
        if progress.epoch_ended:
            self._write(_line(progress, time.monotonic() - self._start))

    def close(self) -> None:
        """Takes the bar away, which leaves the lines."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _move(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = self._tqdm(unit="step", dynamic_ncols=True, leave=False)
        last = progress.epoch == progress.epochs
        self._bar.total = self._steps * (progress.epochs - 1) + (
            progress.steps if last else self._steps
        )
        self._bar.set_description(f"epoch {progress.epoch}/{progress.epochs}", refresh=False)
        self._bar.set_postfix_str("  ".join(_figures(progress)), refresh=False)
        self._bar.update(self._steps * (progress.epoch - 1) + progress.step - self._bar.n)

    def _write(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def _tqdm() -> Any:  # noqa: ANN401 (a class that need not be there)
    """The kind of bar that can be shown here, if any."""
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 (an optional package)
    except ImportError:
        return None
    # `auto` takes the notebook's bar where there is a notebook that can show it.
    notebook = sys.modules.get("tqdm.notebook")
    if notebook is not None and issubclass(tqdm, notebook.tqdm):
        return tqdm
    return tqdm if sys.stderr.isatty() else None


def _line(progress: Progress, elapsed: float) -> str:
    """What is said of an epoch that has ended."""
    done = progress.epoch / progress.epochs
    return "  ".join(
        (
            f"epoch {progress.epoch:{len(str(progress.epochs))}}/{progress.epochs}",
            f"step {progress.step}/{progress.steps}",
            *_figures(progress),
            f"{_clock(elapsed * (1 - done) / done)} left",
        )
    )


def _figures(progress: Progress) -> list[str]:
    figures = [f"loss {progress.loss:.4f}", f"error {1 - progress.accuracy:.2%}"]
    if progress.validation_accuracy is not None:
        figures.append(f"held-out error {1 - progress.validation_accuracy:.2%}")
    return [*figures, f"{progress.images_per_second:.0f} images/s"]


def _clock(seconds: float) -> str:
    """Seconds as h:mm:ss, or m:ss below an hour."""
    whole = round(seconds)
    hours, minutes, rest = whole // HOUR, whole % HOUR // MINUTE, whole % MINUTE
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
