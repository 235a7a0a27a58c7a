"""Training on batches that a program brings along, of which each is a step."""

from __future__ import annotations

import ctypes
import dataclasses
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import _header, _interrupt, _logging
from ._errors import InvalidArgumentError
from ._library import library
from ._progress import length
from ._watching import Progress
from .batches import Batches, as_batches, check_class_names, each_batch
from .data import as_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._watching import Watcher
    from .batches import BatchSource
    from .data import Data, Dataset
    from .model import Model
    from .trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long to train, and how the learning rate drops; numbers of steps are of this training."""

    epochs: int
    iterations: int | None
    milestones: Sequence[int]
    gamma: float

    def check(self, source: BatchSource) -> None:
        """Refuses what the library, which sees one batch at a time, would not."""
        if self.epochs < 1:
            raise InvalidArgumentError(f"epochs must be at least 1, got {self.epochs}")
        for before, milestone in zip((0, *self.milestones), self.milestones, strict=False):
            if milestone <= before:
                raise InvalidArgumentError(
                    "the milestones of the learning rate must be increasing and at least 1, got "
                    f"{milestone} after {before}"
                )
        if not (math.isfinite(self.gamma) and self.gamma > 0):
            raise InvalidArgumentError(
                "gamma, the factor of the learning rate at each milestone, must be finite and "
                f"above 0, got {self.gamma}"
            )
        if self.iterations is None and self.epochs > 1 and isinstance(source, Iterator):
            raise InvalidArgumentError(
                f"the batches are of a {type(source).__name__}, which can be gone through once, "
                f"and {self.epochs} epochs are asked for: give a list, a DataLoader or "
                "Dataset.batches(...)"
            )

    def may_repeat(self, source: BatchSource) -> bool:
        """Whether more than one epoch may be asked for."""
        if self.iterations is None:
            return self.epochs > 1
        return not isinstance(source, Iterator) and self.iterations > (length(source) or 0)

    def factor(self, taken: int) -> float:
        """What the learning rate is multiplied by after so many steps."""
        return self.gamma ** sum(milestone <= taken for milestone in self.milestones)

    def goes_on(self, epoch: int, taken: int) -> bool:
        """Whether another epoch follows, after so many epochs and steps."""
        return epoch < self.epochs if self.iterations is None else taken < self.iterations

    def steps(self, usual: int, taken: int) -> int:
        """Steps of the epoch that begins, where there are usually so many; 0 is not known."""
        return usual if self.iterations is None else min(usual, self.iterations - taken)

    def total_epochs(self, epoch: int, usual: int) -> int:
        """Epochs in all, as far as is known in this one."""
        if self.iterations is None:
            return self.epochs
        return -(-self.iterations // usual) if usual else epoch


@dataclasses.dataclass
class _Epoch:
    """Sums over the images of an epoch so far."""

    start: float
    step: int = 0
    rate: float = 0
    images: int = 0
    loss: float = 0
    correct: float = 0

    def add(self, images: int, rate: float, loss: float, accuracy: float) -> None:
        self.step += 1
        self.rate = rate
        self.images += images
        self.loss += loss * images
        self.correct += accuracy * images

    def progress(self, epoch: int, epochs: int, steps: int, iteration: int) -> Progress:
        return Progress(
            epoch=epoch,
            epochs=epochs,
            step=self.step,
            steps=steps,
            iteration=iteration,
            loss=self.loss / self.images,
            accuracy=self.correct / self.images,
            images_per_second=self.images / max(time.monotonic() - self.start, 1e-9),
            learning_rate=self.rate,
            epoch_ended=False,
            validation_loss=None,
            validation_accuracy=None,
        )


def fit(
    trainer: Trainer,
    source: BatchSource,
    validation: Data | BatchSource | None,
    schedule: Schedule,
    watcher: Watcher,
) -> None:
    """Goes through the batches, and tells the watcher of every step, until it wants to stop."""
    schedule.check(source)
    model = trainer.model
    class_names = _class_names(model, source)
    held_out = _held_out(validation, model, class_names, once=not schedule.may_repeat(source))
    if class_names != model.class_names:
        model.class_names = class_names
    rates = _Rates()
    epoch, taken, usual = 0, 0, length(source) or 0
    while schedule.goes_on(epoch, taken):
        epoch += 1
        sums = _Epoch(time.monotonic())
        steps = schedule.steps(usual, taken)
        for batch in each_batch(source, model.classes, model.input_channels, class_names):
            with batch:
                rate = trainer.lr * schedule.factor(taken)
                rates.note(rate, trainer.iterations)
                sums.add(len(batch), rate, *_step(trainer, batch, rate))
            taken += 1
            epochs = schedule.total_epochs(epoch, usual)
            if watcher.note(sums.progress(epoch, epochs, steps, trainer.iterations)):
                return
            if taken == schedule.iterations:
                break
        if sums.step == 0:
            raise InvalidArgumentError(
                f"there were no batches in epoch {epoch}; a generator can be gone through only once"
            )
        if taken != schedule.iterations:
            usual = sums.step
        epochs = schedule.total_epochs(epoch, usual)
        ended = _evaluated(
            sums.progress(epoch, epochs, sums.step, trainer.iterations), model, held_out
        )
        _logging.info(_line(ended))
        if watcher.note(ended):
            return


class _Rates:
    """Tells the log of every new learning rate."""

    def __init__(self) -> None:
        self._last: float | None = None

    def note(self, rate: float, iterations: int) -> None:
        if rate != self._last:
            _logging.info(f"learning rate {rate:g} from iteration {iterations} on")
        self._last = rate


def _evaluated(ended: Progress, model: Model, held_out: Dataset | BatchSource | None) -> Progress:
    """The report that ends an epoch."""
    ended = dataclasses.replace(ended, epoch_ended=True)
    if held_out is None:
        return ended
    metrics = model.evaluate(held_out)
    return dataclasses.replace(
        ended, validation_loss=metrics.loss, validation_accuracy=metrics.accuracy
    )


def _line(ended: Progress) -> str:
    """What the library logs of an epoch."""
    line = (
        f"epoch {ended.epoch} of {ended.epochs}: loss {ended.loss:.4f}, "
        f"accuracy {100 * ended.accuracy:.2f}%"
    )
    if ended.validation_loss is not None and ended.validation_accuracy is not None:
        line += (
            f"; validation loss {ended.validation_loss:.4f}, "
            f"accuracy {100 * ended.validation_accuracy:.2f}%"
        )
    return f"{line}; {ended.images_per_second:.1f} images/s"


def _class_names(model: Model, source: BatchSource) -> list[str]:
    """The model's; if it has none, those of the dataset, which it takes as in `fit`."""
    if isinstance(source, Batches) and not model.class_names:
        names = source.dataset.class_names
        if len(names) == model.classes:
            return names
    return model.class_names


def _held_out(
    validation: Data | BatchSource | None, model: Model, class_names: list[str], *, once: bool
) -> Dataset | BatchSource | None:
    """What to evaluate on, of which is checked what can be before the first epoch."""
    if validation is None:
        return None
    batches = as_batches(validation)
    if isinstance(batches, Iterator) and not once:
        raise InvalidArgumentError(
            f"the validation batches are of a {type(batches).__name__}, which can be gone through "
            "once, and there may be several epochs: give a list, a DataLoader or "
            "Dataset.batches(...)"
        )
    held_out: Dataset | BatchSource = (
        as_dataset(validation, model.classes, model.input_channels, "validation")
        if batches is None
        else batches
    )
    check_class_names(held_out, class_names)
    return held_out


def _step(trainer: Trainer, batch: Dataset, rate: float) -> tuple[float, float]:
    """Takes a step at this learning rate; returns the batch's loss and accuracy before it."""
    figures = (0.0, 0.0)

    def note(pointer: ctypes._Pointer[_header.Progress], _user: object) -> int:
        def keep() -> None:
            nonlocal figures
            figures = pointer.contents.loss, pointer.contents.accuracy

        return _interrupt.in_callback(keep)

    options = _header.FitOptions(
        epochs=1,
        batch_size=len(batch),
        gamma=1,
        normalize=_header.NORMALIZE["keep"],
        workers=0,
        prefetch=1,
        progress=_header.ProgressCallback(note),
    )
    own = trainer.lr
    try:
        trainer.lr = rate
        with _logging.without_info():
            library().rn_trainer_fit(trainer._handle, batch._handle, None, ctypes.byref(options))
    finally:
        trainer.lr = own
    return figures
