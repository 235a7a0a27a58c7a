"""Makes the golden files with PyTorch, in float64, and prints how well the problems are posed.

The same training in PyTorch's float32 must come much nearer to float64 than the tolerance of
test_golden.py, or else the problem and not the library would be tested; the table shows it.

Usage: make.py [--search] [CASE ...]. With --search, tries salts for the images and prints one
that keeps clear of kinks, for cases.py. Needs torch and numpy; the tests need only the files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from cases import CASES, MOMENTUM, STEPS, WEIGHT_DECAY, Case, Outcome, differences, initial
from comparators import comparator
from kinks import Kinks, TooNearError, max_pool, relu

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
BOTTLENECK_DEPTH = 50
EXPANSION = 4
# How many batches --search tries, and the distance from kinks at which it is content: some ten
# times the rounding error of activations in float32, with Winograd's algorithm too.
SALTS = 250
CONTENT = 6e-6


class Pad(nn.Module):
    """Shortcut A where dimensions change: subsampled identity, new channels zero."""

    def __init__(self, stride: int, before: int, after: int) -> None:
        """Zero channels go before and after the old ones."""
        super().__init__()
        self.stride, self.before, self.after = stride, before, after

    def forward(self, x: Tensor) -> Tensor:
        """Pads the channels of every stride-th pixel."""
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.before, self.after))


def shortcut(kind: str, zeros: str, inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """The shortcut of a block, None in a plain network."""
    changes = inputs != outputs or stride > 1
    if kind == "none":
        return None
    if kind == "C" or (kind == "B" and changes):
        convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(outputs))
    if not changes:
        return nn.Identity()
    before = (outputs - inputs) // 2 if zeros == "split" else 0
    return Pad(stride, before, outputs - inputs - before)


class Block(nn.Module):
    """A basic or bottleneck block, with torchvision's names."""

    def __init__(
        self, inputs: int, width: int, stride: int, *, bottleneck: bool, options: dict[str, str]
    ) -> None:
        """Makes the layers."""
        super().__init__()
        on_3x3 = options.get("stride_on", "1x1") == "3x3"
        strides: tuple[int, ...]
        shapes: tuple[tuple[int, int, int], ...]
        if bottleneck:
            strides = (1, stride, 1) if on_3x3 else (stride, 1, 1)
            shapes = ((inputs, width, 1), (width, width, 3), (width, width * EXPANSION, 1))
        else:
            strides = (stride, 1)
            shapes = ((inputs, width, 3), (width, width, 3))
        self.depth = len(shapes)
        for index, ((i, o, kernel), step) in enumerate(zip(shapes, strides, strict=True), start=1):
            convolution = nn.Conv2d(i, o, kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{index}", convolution)
            self.add_module(f"bn{index}", nn.BatchNorm2d(o))
        self.outputs = shapes[-1][1]
        zeros = options.get("zero_channels", "after")
        self.downsample = shortcut(options["shortcut"], zeros, inputs, self.outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The residual function, the shortcut, and ReLU after the addition."""
        y = x
        for index in range(1, self.depth + 1):
            layer = getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(y))
            y = layer if index == self.depth else relu(layer)
        return relu(y if self.downsample is None else y + self.downsample(x))


class Network(nn.Module):
    """A preset of the paper."""

    def __init__(self, case: Case) -> None:
        """Makes the network of a case."""
        super().__init__()
        plain = case.preset.startswith("plain")
        depth = int(case.preset.removeprefix("plain").removeprefix("resnet"))
        self.imagenet = depth in BLOCKS
        self.ceil = case.options.get("stem_pool") == "ceil"
        blocks = BLOCKS.get(depth) or 3 * ((depth - 2) // 6,)
        default = "none" if plain else "B" if self.imagenet else "A"
        options = {"shortcut": default, **case.options}
        width = case.base_width or (64 if self.imagenet else 16)
        kernel, stride = (7, 2) if self.imagenet else (3, 1)
        convolution = nn.Conv2d(case.input_channels, width, kernel, stride, kernel // 2, bias=False)
        self.conv1 = convolution
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        self.stages = len(blocks)
        for stage, count in enumerate(blocks):
            layers = nn.Sequential()
            for index in range(count):
                step = 2 if stage > 0 and index == 0 else 1
                bottleneck = depth >= BOTTLENECK_DEPTH
                block = Block(inputs, width << stage, step, bottleneck=bottleneck, options=options)
                inputs = block.outputs
                layers.append(block)
            self.add_module(f"layer{stage + 1}", layers)
        self.fc = nn.Linear(inputs, case.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images to logits."""
        x = relu(self.bn1(self.conv1(x)))
        if self.imagenet:
            x = max_pool(x, 3, 2, 0 if self.ceil else 1, ceil=self.ceil)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


def network_of(case: Case) -> nn.Module:
    """The network that a case trains."""
    return comparator(case) if case.described else Network(case)


def state_of(network: nn.Module) -> dict[str, Any]:
    """All tensors as arrays."""
    named = network.state_dict().items()
    return {n: v.numpy().copy() for n, v in named if not n.endswith("num_batches_tracked")}


def starts_of(network: nn.Module) -> dict[str, Any]:
    """The initial value of every tensor."""
    return {name: initial(name, value.shape) for name, value in state_of(network).items()}


def train(case: Case, dtype: torch.dtype) -> Outcome:
    """Five steps, in the precision given."""
    network = network_of(case)
    starts = {name: torch.from_numpy(value) for name, value in starts_of(network).items()}
    network.load_state_dict(starts, strict=False)
    network.to(dtype)
    x, y = torch.from_numpy(case.images()).to(dtype), torch.from_numpy(case.labels())

    def logits() -> Any:  # noqa: ANN401 (an array)
        network.eval()
        with torch.no_grad():
            return network(x).numpy()

    before, losses = logits(), []
    network.train()
    for name in case.frozen:
        network.get_submodule(name).requires_grad_(False).eval()
    sgd = torch.optim.SGD(
        [p for p in network.parameters() if p.requires_grad],
        case.lr,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
    )
    for _ in range(STEPS):
        sgd.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return Outcome.of(losses, before, logits(), state_of(network))


def search(case: Case) -> None:
    """Prints the salt that is best for a case."""
    Kinks.wanted, best = 0.0, 0
    for salt in range(SALTS):
        Kinks.distance = math.inf
        with contextlib.suppress(TooNearError):
            train(dataclasses.replace(case, salt=salt), torch.float64)
            Kinks.wanted, best = Kinks.distance, salt
        if Kinks.wanted > CONTENT:
            break
    print(f"{case.name}: salt {best} keeps {Kinks.wanted:.1e} from the nearest kink", flush=True)


def main() -> None:
    """Makes the files named, or all."""
    torch.set_num_threads(2)
    names = [argument for argument in sys.argv[1:] if argument != "--search"]
    for case in CASES:
        if names and case.name not in names:
            continue
        if "--search" in sys.argv:
            search(case)
            continue
        Kinks.distance = math.inf
        truth = train(case, torch.float64)
        single = train(case, torch.float32)
        worst = differences(single, truth, starts_of(network_of(case)))
        margins = "  ".join(f"{kind} {value:.0e} ({name})" for kind, (value, name) in worst.items())
        losses = " ".join(f"{loss:.4f}" for loss in truth.losses)
        print(f"{case.name}\n  losses {losses}\n  nearest kink {Kinks.distance:.1e}")
        print(f"  float32 against float64: {margins}", flush=True)
        truth.save(case.path)


if __name__ == "__main__":
    main()
