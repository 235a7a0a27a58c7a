"""PyTorch: eager, compiled by TorchInductor, or as an optimised TorchScript; channels last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from pytorch_network import resnet

from .engine import LEARNING_RATE, MOMENTUM, WEIGHT_DECAY

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from .case import Case
    from .engine import Job
    from .rows import Row

VERSIONS = {"torch": torch.__version__}


class TrainingStep:
    """Forward, loss, backward and SGD on one batch."""

    def __init__(
        self,
        network: torch.nn.Module,
        images: torch.Tensor,
        labels: torch.Tensor,
        *,
        compiled: bool = False,
    ) -> None:
        """Takes over the network."""
        network = network.train()
        self._images, self._labels = images, labels
        self._sgd = torch.optim.SGD(
            network.parameters(),
            LEARNING_RATE,
            momentum=MOMENTUM,
            weight_decay=WEIGHT_DECAY,
            fused=True,
        )

        def loss(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return functional.cross_entropy(network(images), labels)

        self._loss = torch.compile(loss) if compiled else loss

    def __call__(self) -> float:
        """Takes a step and returns the loss before it."""
        self._sgd.zero_grad(set_to_none=True)
        loss = self._loss(self._images, self._labels)
        loss.backward()
        self._sgd.step()
        return float(loss.item())


class Training:
    """SGD steps on one batch."""

    at_once = 1

    def __init__(self, step: TrainingStep) -> None:
        """Takes over the step."""
        self.versions, self._step = VERSIONS, step

    def answer(self) -> npt.NDArray[np.float32]:
        """The losses of the first two steps."""
        return np.array([self._step() for _ in range(2)], np.float32)

    def run(self, times: int) -> None:
        """Takes `times` steps."""
        for _ in range(times):
            self._step()


class Inference:
    """A batch to scores."""

    at_once = 1

    def __init__(self, network: Callable[[torch.Tensor], torch.Tensor], images: Any) -> None:  # noqa: ANN401 (a tensor)
        """Takes over the network, which is ready to run."""
        self.versions, self._network, self._images = VERSIONS, network, images

    def answer(self) -> npt.NDArray[np.float32]:
        """The scores."""
        with torch.inference_mode():
            return np.asarray(self._network(self._images).numpy(), np.float32)

    def run(self, times: int) -> None:
        """Runs the batch `times` times."""
        with torch.inference_mode():
            for _ in range(times):
                self._network(self._images)


def job(engine: str, row: Row, case: Case, threads: int) -> Job:
    """Sets up PyTorch for a row, in the way that the engine's name says."""
    torch.set_num_threads(threads)
    network = resnet(row.depth)
    network.load_state_dict(torch.load(case.torch_weights))
    network = network.to(memory_format=torch.channels_last)
    images = torch.from_numpy(np.load(case.images)).contiguous(memory_format=torch.channels_last)
    if row.kind == "train":
        labels = torch.from_numpy(np.load(case.labels))
        compiled = engine == "pytorch-compile"
        return Training(TrainingStep(network, images, labels, compiled=compiled))
    network.eval()
    if engine == "pytorch-compile":
        from torch._inductor import config  # noqa: PLC0415 (slow to import)

        config.freezing = True  # folds BN into the convolutions and packs their weights
        return Inference(torch.compile(network), images)
    if engine == "pytorch-script":
        with torch.inference_mode():
            traced = torch.jit.freeze(torch.jit.trace(network, images))
            return Inference(torch.jit.optimize_for_inference(traced), images)
    return Inference(network, images)
