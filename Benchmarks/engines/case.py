"""The files that all engines work on for one row, and what they hold."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib


@dataclasses.dataclass(frozen=True)
class Case:
    """A folder with one network's weights in every engine's form, and a batch.

    Images are float32 (batch, 3, size, size), labels int64 (batch,).
    """

    folder: pathlib.Path

    @property
    def torch_weights(self) -> pathlib.Path:
        """A `state_dict`."""
        return self.folder / "weights.pt"

    @property
    def onnx(self) -> pathlib.Path:
        """The network in inference mode for this batch size; input "images", output "scores"."""
        return self.folder / "model.onnx"

    @property
    def optimised_onnx(self) -> pathlib.Path:
        """The same after ONNX Runtime's optimisations for this machine; of the row of starts."""
        return self.folder / "optimised.onnx"

    @property
    def libresnet(self) -> pathlib.Path:
        """The model as libresnet saves it."""
        return self.folder / "model.h5"

    @property
    def images(self) -> pathlib.Path:
        """The batch, as an .npy file."""
        return self.folder / "images.npy"

    @property
    def raw_images(self) -> pathlib.Path:
        """The batch, as nothing but floats."""
        return self.folder / "images.f32"

    @property
    def labels(self) -> pathlib.Path:
        """The batch's labels, as an .npy file."""
        return self.folder / "labels.npy"

    @property
    def answer(self) -> pathlib.Path:
        """PyTorch's answer, as an .npy file: the scores, or the losses of the first two steps."""
        return self.folder / "answer.npy"

    @property
    def raw_answer(self) -> pathlib.Path:
        """The same, as nothing but floats."""
        return self.folder / "answer.f32"

    @property
    def flop(self) -> pathlib.Path:
        """Floating-point operations of the row's job by the direct method, as text."""
        return self.folder / "flop.txt"
