"""What training tells while it goes on, and who is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _header, _interrupt
from ._progress import ProgressDisplay

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

# The figures of an epoch by the names that they have in a history, and its number, "epoch".
Record: TypeAlias = "dict[str, float]"


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where training is. Means and rates are over the epoch so far.

    Attributes:
        epoch: From 1.
        epochs: In all.
        step: Within the epoch, from 1.
        steps: In the epoch; 0 where that is not known, in the first epoch of batches without `len`.
        iteration: Steps of the trainer so far.
        loss: Mean cross-entropy, in nats.
        accuracy: Of the training images as they were trained on, 0 to 1.
        images_per_second: That were trained on.
        learning_rate: Of the last step.
        epoch_ended: True in the last call of an epoch, the only one with validation.
        validation_loss: As `loss`, of the validation data; None but at an epoch's end.
        validation_accuracy: As `accuracy`, of the validation data; None but at an epoch's end.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    iteration: int
    loss: float
    accuracy: float
    images_per_second: float
    learning_rate: float
    epoch_ended: bool
    validation_loss: float | None
    validation_accuracy: float | None


def history_of(epochs: Callable[[Any], object]) -> dict[str, list[float]]:
    """The history of the epochs that a function of the library hands to a progress callback."""
    history = _new_history()

    def keep(pointer: ctypes._Pointer[_header.Progress], _user: object) -> int:
        return _interrupt.in_callback(
            lambda: _append(history, _record(_progress(pointer.contents)))
        )

    epochs(_header.ProgressCallback(keep))
    return history


class Watcher:
    """Keeps the history, shows the progress, and asks the caller's functions."""

    def __init__(
        self,
        *,
        shown: bool,
        callback: Callable[[Progress], object] | None,
        log: Callable[[Record], object] | None,
    ) -> None:
        """Begins to count the time."""
        self.history = _new_history()
        self.stopped = False
        self._display = ProgressDisplay() if shown else None
        self._callback = callback
        self._log = log

    def __call__(self, pointer: ctypes._Pointer[_header.Progress], _user: object) -> int:
        """The C library's progress callback: returns 0 to go on, 1 to stop."""
        return _interrupt.in_callback(lambda: self.note(_progress(pointer.contents)))

    def close(self) -> None:
        """Takes the progress bar away."""
        if self._display is not None:
            self._display.close()

    def note(self, progress: Progress) -> bool:
        """Tells everybody of a step or an epoch's end; returns whether to stop."""
        record = _record(progress) if progress.epoch_ended else None
        if record is not None:
            _append(self.history, record)
        if self._display is not None:
            self._display.update(progress)
        if record is not None and self._log is not None:
            self._log(record)
        if self._callback is not None and self._callback(progress):
            self.stopped = True
        return self.stopped


def _new_history() -> dict[str, list[float]]:
    names = (
        *("iteration", "loss", "accuracy", "val_loss", "val_accuracy"),
        *("lr", "images_per_second"),
    )
    return {name: [] for name in names}


def _append(history: dict[str, list[float]], record: Record) -> None:
    for name, values in history.items():
        if name in record:
            values.append(record[name])


def _record(progress: Progress) -> Record:
    record: Record = {
        "epoch": progress.epoch,
        "iteration": progress.iteration,
        "loss": progress.loss,
        "accuracy": progress.accuracy,
        "lr": progress.learning_rate,
        "images_per_second": progress.images_per_second,
    }
    if progress.validation_loss is not None and progress.validation_accuracy is not None:
        record["val_loss"] = progress.validation_loss
        record["val_accuracy"] = progress.validation_accuracy
    return record


def _progress(raw: _header.Progress) -> Progress:
    """The C struct as a value that outlives the callback."""
    validated = bool(raw.has_validation)
    return Progress(
        epoch=raw.epoch,
        epochs=raw.epochs,
        step=raw.step,
        steps=raw.steps,
        iteration=raw.iteration,
        loss=raw.loss,
        accuracy=raw.accuracy,
        images_per_second=raw.images_per_second,
        learning_rate=raw.learning_rate,
        epoch_ended=bool(raw.epoch_ended),
        validation_loss=raw.validation_loss if validated else None,
        validation_accuracy=raw.validation_accuracy if validated else None,
    )
