"""libresnet, through its Python package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import resnet

from .engine import LEARNING_RATE, MOMENTUM, WEIGHT_DECAY

if TYPE_CHECKING:
    import numpy.typing as npt

    from .case import Case
    from .engine import Job
    from .rows import Row


def versions() -> dict[str, str]:
    """Of the library, and what it picked."""
    kernels, threads = resnet.instruction_set(), resnet.get_threads()
    return {"libresnet": f"{resnet.library_version()}, {kernels}, {threads} threads"}


class Inference:
    """A batch to scores."""

    at_once = 1

    def __init__(self, case: Case) -> None:
        """Loads model and batch."""
        self.versions = versions()
        self._model, self._images = resnet.load(case.libresnet), np.load(case.images)

    def answer(self) -> npt.NDArray[np.float32]:
        """The scores."""
        return self._model.logits(self._images)

    def run(self, times: int) -> None:
        """Runs the batch `times` times."""
        for _ in range(times):
            self._model.logits(self._images)


class Training:
    """SGD steps on one batch."""

    at_once = 1

    def __init__(self, case: Case) -> None:
        """Loads model and batch."""
        self.versions = versions()
        self._images = np.load(case.images)
        self._labels = np.load(case.labels).astype(np.int32)
        self._trainer = resnet.Trainer(
            resnet.load(case.libresnet),
            lr=LEARNING_RATE,
            momentum=MOMENTUM,
            weight_decay=WEIGHT_DECAY,
        )

    def answer(self) -> npt.NDArray[np.float32]:
        """The losses of the first two steps."""
        losses = [self._trainer.step(self._images, self._labels) for _ in range(2)]
        return np.array(losses, np.float32)

    def run(self, times: int) -> None:
        """Takes `times` steps."""
        for _ in range(times):
            self._trainer.step(self._images, self._labels)


def job(_engine: str, row: Row, case: Case, threads: int) -> Job:
    """Sets up libresnet for a row."""
    resnet.set_threads(threads)
    return Training(case) if row.kind == "train" else Inference(case)
