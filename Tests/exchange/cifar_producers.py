"""Ports of the paper's CIFAR networks and of Facebook's to PyTorch: state dicts both ways.

The networks are written anew here, with the names that the originals give to their tensors. Set
RESNET_WEIGHTS to a folder with resnet20-cifar10-torch.npz and resnet32-cifar10-torch.npz, which
others trained, to compare with these, too.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from comparing import compare, refused, summarize
from torch import nn
from torch.nn.functional import max_pool2d, pad, relu
from torch_producers import randomize

import resnet

# Kernels, and channels as multiples of the width.
BASIC = ((3, 1), (3, 1))
BOTTLENECK = ((1, 1), (3, 1), (1, 4))


class Port(NamedTuple):
    """What the networks of a port are, and what it calls their parts."""

    title: str
    blocks: tuple[int, ...]
    width: int = 16
    layers: tuple[tuple[int, int], ...] = BASIC
    # Of projections; None for shortcut A, with zeros on both sides.
    shortcut: Literal["shortcut", "downsample"] | None = None
    classifier: str = "fc"
    # Whether convolutions have biases, too.
    bias: bool = False
    is_imagenet: bool = False
    # What a checkpoint has the state dict under, and what its names begin with.
    wrapper: str | None = None
    prefix: str = ""


PORTS = (
    # akamaster/pytorch_resnet_cifar10
    Port("akamaster resnet20", (3, 3, 3), classifier="linear"),
    Port(
        "akamaster resnet56", (9, 9, 9), classifier="linear", wrapper="state_dict", prefix="module."
    ),
    # chenyaofo/pytorch-cifar-models
    Port("chenyaofo resnet20", (3, 3, 3), shortcut="downsample"),
    Port("chenyaofo resnet56", (9, 9, 9), shortcut="downsample"),
    # kuangliu/pytorch-cifar
    Port("kuangliu ResNet18", (2, 2, 2, 2), 64, shortcut="shortcut", classifier="linear"),
    Port(
        "kuangliu ResNet50",
        (3, 4, 6, 3),
        64,
        BOTTLENECK,
        "shortcut",
        "linear",
        wrapper="net",
        prefix="module.",
    ),
    # bearpaw/pytorch-classification
    Port("bearpaw resnet56", (6, 6, 6), 16, BOTTLENECK, "downsample", prefix="module."),
    # Cadene/pretrained-models.pytorch, from facebook/fb.resnet.torch
    Port(
        "Cadene fbresnet50",
        (3, 4, 6, 3),
        64,
        BOTTLENECK,
        "downsample",
        "last_linear",
        bias=True,
        is_imagenet=True,
    ),
)


class Block(nn.Module):
    """Convolutions, each with BN, and a shortcut."""

    def __init__(self, port: Port, channels: int, width: int, stride: int) -> None:
        """From that many channels; the first 3x3 has the stride."""
        super().__init__()
        self.port, self.stride = port, stride
        outputs = width * port.layers[-1][1]
        self.added = outputs - channels
        if port.shortcut and (stride > 1 or self.added):
            projection = nn.Conv2d(channels, outputs, 1, stride, bias=port.bias)
            setattr(self, port.shortcut, nn.Sequential(projection, nn.BatchNorm2d(outputs)))
        strided = [kernel for kernel, _ in port.layers].index(3)
        for index, (kernel, multiple) in enumerate(port.layers):
            step = stride if index == strided else 1
            convolution = nn.Conv2d(
                channels, width * multiple, kernel, step, kernel // 2, bias=port.bias
            )
            channels = width * multiple
            setattr(self, f"conv{index + 1}", convolution)
            setattr(self, f"bn{index + 1}", nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """ReLU(F(x) + shortcut(x))."""
        y = x
        for index in range(1, len(self.port.layers) + 1):
            y = relu(y) if index > 1 else y
            y = getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(y))
        if self.port.shortcut:
            return relu(y + getattr(self, self.port.shortcut, nn.Identity())(x))
        half = self.added // 2
        return relu(y + pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, half)))


class Network(nn.Module):
    """A network of a port, of 10 classes."""

    def __init__(self, port: Port) -> None:
        """Of random weights."""
        super().__init__()
        self.port = port
        kernel, stride = (7, 2) if port.is_imagenet else (3, 1)
        self.conv1 = nn.Conv2d(3, port.width, kernel, stride, kernel // 2, bias=port.bias)
        self.bn1 = nn.BatchNorm2d(port.width)
        channels = port.width
        for index, count in enumerate(port.blocks):
            width = port.width << index
            blocks = []
            for block in range(count):
                blocks.append(Block(port, channels, width, 2 if index and not block else 1))
                channels = width * port.layers[-1][1]
            setattr(self, f"layer{index + 1}", nn.Sequential(*blocks))
        setattr(self, port.classifier, nn.Linear(channels, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of images (n, 3, height, width)."""
        x = relu(self.bn1(self.conv1(x)))
        if self.port.is_imagenet:
            x = max_pool2d(x, 3, 2, 1)
        for index in range(len(self.port.blocks)):
            x = getattr(self, f"layer{index + 1}")(x)
        scores: torch.Tensor = getattr(self, self.port.classifier)(x.mean((2, 3)))
        return scores

    def renamed(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """An exported state dict under this port's names."""
        names = {"fc.": f"{self.port.classifier}.", "downsample.": f"{self.port.shortcut}."}
        result = {}
        for name, values in state.items():
            new = name
            for ours, theirs in names.items():
                new = new.replace(ours, theirs)
            result[new] = values
        return result


@torch.no_grad()
def check(title: str, network: Network, folder: Path) -> None:
    """A state dict as the port saves it, and back."""
    port = network.port
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    wanted = network.eval()(x).numpy()
    saved: dict[str, object] = {port.prefix + k: v for k, v in network.state_dict().items()}
    if port.wrapper:
        saved = {port.wrapper: saved, "acc": 93.5, "epoch": 7}
    path = folder / "weights.pth"
    torch.save(saved, path)
    model = resnet.import_model(path)
    compare(f"{title} from .pth", wanted, model.logits(x.numpy()))
    model.export(path)
    fresh = Network(port).eval()
    fresh.load_state_dict(network.renamed(torch.load(path, weights_only=True)))
    compare(f"{title} to .pth", wanted, fresh(x).numpy())


def check_trained(folder: Path, weights: Path) -> None:
    """Weights that akamaster's networks were trained to."""
    for depth in (20, 32):
        blocks = (depth - 2) // 6
        network = Network(Port("", (blocks, blocks, blocks), classifier="linear"))
        with np.load(weights / f"resnet{depth}-cifar10-torch.npz") as arrays:
            state = {name: torch.from_numpy(values) for name, values in arrays.items()}
        # Without BN's counts of batches.
        network.load_state_dict(state, strict=False)
        check(f"trained resnet{depth}", network, folder)


def main() -> None:
    """Runs all ports."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, port in enumerate(PORTS):
            torch.manual_seed(seed)
            network = Network(port)
            with torch.no_grad():
                randomize(network, seed)
            check(port.title, network, folder)
        # Pre-activation (kuangliu's PreActResNet18): BN of a block's input, none after projections.
        state = Network(PORTS[4]).state_dict()
        for stage in (2, 3, 4):
            for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                del state[f"layer{stage}.0.shortcut.1.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var"):
                state[f"layer{stage}.0.bn1.{part}"] = state[f"layer{stage - 1}.1.bn1.{part}"]
        torch.save(state, folder / "weights.pth")
        with refused("kuangliu PreActResNet18", "layer2.0.downsample.1", "layer2.0.bn1"):
            resnet.import_model(folder / "weights.pth")
        weights = os.environ.get("RESNET_WEIGHTS")
        if weights:
            check_trained(folder, Path(weights))
    summarize()


if __name__ == "__main__":
    main()
