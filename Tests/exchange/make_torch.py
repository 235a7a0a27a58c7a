"""Writes the small files of PyTorch's that the tests read, with an input and its logits.

usage: make_torch.py DIRECTORY
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from producers import torchvision
from torch_producers import randomize

BasicBlock = torchvision.models.resnet.BasicBlock
Bottleneck = torchvision.models.resnet.Bottleneck


class Narrow(torchvision.models.ResNet):
    """torchvision's own, with two stages, of few channels."""

    def __init__(self, block: type[torch.nn.Module], width: int) -> None:
        """Of that width and the double."""
        super().__init__(block, [1, 1, 1, 1], num_classes=5)
        self.inplanes = width
        self.conv1 = torch.nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.layer1 = self._make_layer(block, width, 2)
        self.layer2 = self._make_layer(block, 2 * width, 1, stride=2)
        self.layer3 = self.layer4 = torch.nn.Identity()
        self.fc = torch.nn.Linear(2 * width * block.expansion, 5)


@torch.no_grad()
def main() -> None:
    """Writes them all."""
    folder = Path(sys.argv[1])
    x = torch.randn(2, 3, 33, 40, generator=torch.Generator().manual_seed(1))
    expected = {"x": x.numpy()}
    for name, block, width in (("basic", BasicBlock, 4), ("bottleneck", Bottleneck, 2)):
        torch.manual_seed(1)
        network = randomize(Narrow(block, width), 1)
        expected[name] = network(x).numpy()
        state = network.state_dict()
        torch.save(state, folder / f"{name}.pth")
        torch.save(
            {"epoch": 1, "state_dict": {f"module.{key}": v for key, v in state.items()}},
            folder / f"{name}-legacy.pth",
            _use_new_zipfile_serialization=False,
        )
        # Not contiguous, and of one storage.
        rows = torch.stack([state["fc.weight"], state["fc.weight"]], dim=-1)
        strided = {**state, "fc.weight": rows[..., 1]}
        strided["conv1.weight"] = state["conv1.weight"].to(memory_format=torch.channels_last)
        torch.save(strided, folder / f"{name}-strided.pth")
        safetensors.torch.save_file(state, folder / f"{name}.safetensors")
    np.savez(folder / "expected.npz", **expected)


if __name__ == "__main__":
    main()
