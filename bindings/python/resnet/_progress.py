"""What `progress=True` shows: lines about what is done, and a bar where one can be seen."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

from . import _interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._watching import Progress

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
        self._first: int | None = None
        """Steps that were taken before, in a training that is resumed."""

    def update(self, progress: Progress) -> None:
        """Shows where training is."""
        if progress.epoch == 1 or self._steps == 0:
            self._steps = progress.steps
        done = self._steps * (progress.epoch - 1) + progress.step
        if self._first is None:
            # One that was stopped where an epoch ends begins by saying so.
            self._first = done if progress.epoch_ended else done - 1
        # Of batches without a length the total is known once an epoch has ended.
        last = progress.steps if progress.epoch == progress.epochs else self._steps
        total = self._steps * (progress.epochs - 1) + last
        if self._tqdm is not None:
            self._move(progress, done, total)
        if progress.epoch_ended:
            self._write(_line(progress, self._left(done, total)))

    def _left(self, done: int, total: int) -> float | None:
        """Seconds that the rest will take at the rate of this run, if it has one."""
        taken = done - (self._first or 0)
        return (time.monotonic() - self._start) / taken * (total - done) if taken else None

    def close(self) -> None:
        """Takes the bar away, which leaves the lines."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _move(self, progress: Progress, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = self._tqdm(
                total=total or None,
                initial=self._first,
                unit="step",
                dynamic_ncols=True,
                leave=False,
            )
        self._bar.total = total or None
        self._bar.set_description(f"epoch {progress.epoch}/{progress.epochs}", refresh=False)
        self._bar.set_postfix_str("  ".join(_figures(progress)), refresh=False)
        self._bar.update(done - self._bar.n)

    def _write(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


@contextlib.contextmanager
def steps_shown(wanted: object) -> Iterator[None]:
    """Within it, if wanted, the long calls of this thread show how far they are."""
    if not wanted:
        yield
        return
    display = _StepDisplay()
    try:
        with _interrupt.watched(display.update):
            yield
        display.finish()
    finally:
        display.close()


class _CountDisplay:
    """A bar that counts, and a line once all is done."""

    def __init__(self, what: str, unit: str, total: int | None) -> None:
        """Begins to count. Total: None where it is not known."""
        self._what, self._unit = what, unit
        self._done = 0
        self._start = time.monotonic()
        tqdm = _tqdm()
        self._bar: Any = None
        if tqdm is not None:
            self._bar = tqdm(total=total, desc=what, unit=unit, dynamic_ncols=True, leave=False)

    def advance(self, count: int) -> None:
        """Counts so many more."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)

    def finish(self, total: int | None = None) -> None:
        """Says how many there were: `total`, or as many as were counted."""
        self.close()
        elapsed = time.monotonic() - self._start
        count = self._done if total is None else total
        rate = f"{count / max(elapsed, 1e-9):.0f} {self._unit}/s"
        sys.stderr.write(f"{self._what}  {count} {self._unit}  {rate}  {_clock(elapsed)}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _StepDisplay:
    """A display for each thing that a call of the library does in turn."""

    def __init__(self) -> None:
        self._current: _CountDisplay | None = None
        self._what: tuple[str, int] | None = None
        self._done = 0

    def update(self, what: str, done: int, total: int) -> None:
        """Shows where the call is."""
        if (what, total) != self._what or self._current is None:
            self.finish()
            unit = "files" if what == "verifying" else "images"
            self._what, self._current = (what, total), _CountDisplay(what, unit, total)
            self._done = 0
        self._current.advance(done - self._done)
        self._done = done

    def finish(self) -> None:
        """What was begun is done; the library tells of no step after the last."""
        if self._current is not None and self._what is not None:
            self._current.finish(self._what[1])
        self._current = self._what = None

    def close(self) -> None:
        """Takes the bar away."""
        if self._current is not None:
            self._current.close()


@contextlib.contextmanager
def batches_shown(wanted: object, what: str, batches: object) -> Iterator[Callable[[], None]]:
    """Within it, if wanted, it is shown how often what it gives was called: once a batch."""
    if not wanted:
        yield lambda: None
        return
    display = _CountDisplay(what, "batches", length(batches))
    try:
        yield lambda: display.advance(1)
        display.finish()
    finally:
        display.close()


def length(batches: object) -> int | None:
    """How many batches there are, where that is known."""
    try:
        return len(batches)  # type: ignore[arg-type]
    except TypeError:
        return None


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


def _line(progress: Progress, left: float | None) -> str:
    """What is said of an epoch that has ended."""
    parts = (
        f"epoch {progress.epoch:{len(str(progress.epochs))}}/{progress.epochs}",
        f"step {progress.step}/{progress.steps}",
        *_figures(progress),
    )
    return "  ".join(parts if left is None else (*parts, f"{_clock(left)} left"))


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
