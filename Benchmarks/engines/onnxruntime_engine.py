"""ONNX Runtime with all graph optimisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    import numpy.typing as npt

    from .case import Case
    from .engine import Job
    from .rows import Row


class Inference:
    """A batch to scores."""

    at_once = 1

    def __init__(self, case: Case, threads: int) -> None:
        """Makes the session and loads the batch."""
        self.versions = {"onnxruntime": onnxruntime.__version__}
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(case.onnx), options, providers=["CPUExecutionProvider"]
        )
        self._feed = {"images": np.load(case.images)}

    def answer(self) -> npt.NDArray[np.float32]:
        """The scores."""
        return np.asarray(self._session.run(None, self._feed)[0], np.float32)

    def run(self, times: int) -> None:
        """Runs the batch `times` times."""
        for _ in range(times):
            self._session.run(None, self._feed)


def job(_engine: str, _row: Row, case: Case, threads: int) -> Job:
    """Sets up ONNX Runtime for a row."""
    return Inference(case, threads)
