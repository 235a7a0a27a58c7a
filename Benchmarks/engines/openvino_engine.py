"""OpenVINO in float32, tuned for latency or for throughput (several batches in flight)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino

if TYPE_CHECKING:
    import numpy.typing as npt

    from .case import Case
    from .engine import Job
    from .rows import Row


class Inference:
    """A batch to scores."""

    def __init__(self, case: Case, threads: int, hint: str) -> None:
        """Compiles the model and loads the batch."""
        self.versions = {"openvino": openvino.__version__}
        compiled = openvino.Core().compile_model(
            str(case.onnx),
            "CPU",
            {
                "PERFORMANCE_HINT": hint,
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": threads,
            },
        )
        self._images = openvino.Tensor(np.load(case.images))
        self._queue = openvino.AsyncInferQueue(compiled)
        for request in self._queue:
            request.set_input_tensor(self._images)
        self.at_once = len(self._queue)

    def answer(self) -> npt.NDArray[np.float32]:
        """The scores."""
        self._queue[0].infer()
        return np.array(self._queue[0].get_output_tensor().data, np.float32)

    def run(self, times: int) -> None:
        """Runs the batch `times` times."""
        for _ in range(times):
            self._queue.start_async()
        self._queue.wait_all()


def job(engine: str, _row: Row, case: Case, threads: int) -> Job:
    """Sets up OpenVINO for a row, with the hint that the engine's name says."""
    return Inference(case, threads, engine.removeprefix("openvino-").upper())
