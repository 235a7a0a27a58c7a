"""What an engine is to the benchmark, and which there are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .case import Case
    from .rows import Kind, Row

LIBRESNET = "libresnet"
# Training hyperparameters: the paper's, but for a rate at which one batch again and again is safe.
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 1e-4

# The module of each engine and the kinds of rows that it runs. A peer that can be set up in two
# ways is two engines: which is faster depends on the row.
ENGINES: dict[str, tuple[str, tuple[Kind, ...]]] = {
    LIBRESNET: ("libresnet", ("train", "infer", "start")),
    "pytorch-eager": ("pytorch", ("train", "infer")),
    "pytorch-compile": ("pytorch", ("train", "infer")),
    "pytorch-script": ("pytorch", ("infer",)),
    "onnxruntime": ("onnxruntime_engine", ("infer", "start")),
    "openvino-latency": ("openvino_engine", ("infer",)),
    "openvino-throughput": ("openvino_engine", ("infer",)),
}


def takes(engine: str, row: Row) -> bool:
    """Whether an engine runs a row.

    A single image is waited for: to have several in flight would hide how long each one takes.
    """
    if engine == "openvino-throughput" and row.batch == 1:
        return False
    return row.kind in ENGINES[engine][1]


class Job(Protocol):
    """One row's work on one engine, ready to run."""

    versions: dict[str, str]
    """Of the engine, and what else identifies it."""
    at_once: int
    """How many times the work is in flight at once when it is run often enough."""

    def answer(self) -> npt.NDArray[np.float32]:
        """The scores, or the losses of the first two steps; called once, before `run`."""

    def run(self, times: int) -> None:
        """Does the work `times` times."""


def job(engine: str, row: Row, case: Case, threads: int) -> Job:
    """Sets up an engine for a row."""
    module = importlib.import_module(f".{ENGINES[engine][0]}", __package__)
    made: Job = module.job(engine, row, case, threads)
    return made
