"""Networks of a description, as one would write them in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from kinks import max_pool, maxout, relu

if TYPE_CHECKING:
    from cases import Case


def comparator(case: Case) -> nn.Module:
    """The network of a case's description."""
    return Sequence(case) if case.described["stem"] == "none" else Blocks(case)


class ReLU(nn.Module):
    """ReLU, watched."""

    def forward(self, x: Tensor) -> Tensor:
        """The larger of x and 0."""
        return relu(x)


class Maxout(nn.Module):
    """Maxout, watched."""

    def __init__(self, pieces: int) -> None:
        """Of so many channels."""
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """The largest of the pieces."""
        return maxout(x, self.pieces)


class MaxPool(nn.Module):
    """Max-pooling, watched."""

    def __init__(self, side: int) -> None:
        """Of that side and stride."""
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """The largest of each window."""
        return max_pool(x, self.side, self.side, 0)


class Sequence(nn.Module):
    """VGG and FitNet, with torchvision's names. Fully convolutional: scores are averaged."""

    def __init__(self, case: Case) -> None:
        """Makes the layers."""
        super().__init__()
        options = case.described
        pieces = options.get("maxout", 0) or 1
        activation = Maxout(pieces) if pieces > 1 else ReLU()
        self.window = options.get("window", 1)
        features: list[nn.Module] = []
        channels = case.input_channels
        for blocks, width, _, side in options["stages"]:
            for _ in range(blocks):
                features.append(nn.Conv2d(channels, width * pieces, 3, padding=1))
                if options["affine"] == "bias_and_bn":
                    features.append(nn.BatchNorm2d(width * pieces))
                features.append(activation)
                channels = width
            features.append(MaxPool(side))
        self.features = nn.Sequential(*features)
        classifier: list[nn.Module] = []
        channels *= self.window**2
        for width in options["hidden"]:
            classifier += [nn.Linear(channels, width * pieces), activation, nn.Dropout(0)]
            channels = width
        self.classifier = nn.Sequential(*classifier, nn.Linear(channels, case.classes))

    def forward(self, x: Tensor) -> Tensor:
        """Images to logits."""
        x = self.features(x)
        height, width = (max(side, self.window) for side in x.shape[2:])
        x = F.adaptive_avg_pool2d(x, (height, width))
        patches = F.unfold(x, self.window).transpose(1, 2)
        scores = self.classifier(patches.flatten(0, 1))
        return scores.unflatten(0, patches.shape[:2]).mean(1)


def layer(inputs: int, outputs: int, kernel: int, stride: int, *, vector: bool, bias: bool) -> Any:  # noqa: ANN401 (of either kind)
    """A convolution, or a fully connected layer."""
    if vector:
        return nn.Linear(inputs, outputs, bias=bias)
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


class Block(nn.Module):
    """A block of any number of layers, with a shortcut B or a gate."""

    def __init__(self, inputs: int, width: int, stride: int, options: dict[str, Any]) -> None:
        """Makes the layers."""
        super().__init__()
        vector, self.bn = options["stem"] == "vector", options.get("affine", "bn") == "bn"
        norm = nn.BatchNorm1d if vector else nn.BatchNorm2d
        self.names = []
        channels = inputs
        for index, shape in enumerate(options["block"]):
            kernel, multiple = shape if isinstance(shape, tuple) else (shape, 1)
            step = stride if index == options.get("stride_layer", 0) else 1
            name = f"{'fc' if vector else 'conv'}{index + 1}", f"bn{index + 1}"
            outputs = width * multiple
            made = layer(channels, outputs, kernel, step, vector=vector, bias=not self.bn)
            self.add_module(name[0], made)
            if self.bn:
                self.add_module(name[1], norm(outputs))
            self.names.append(name)
            channels = outputs
        self.outputs = channels
        changes = stride > 1 or inputs != channels
        self.downsample = self.gate = None
        if options["shortcut"] == "gate" and not changes:
            self.gate = layer(inputs, channels, kernel, 1, vector=vector, bias=True)
        elif options["shortcut"] == "B" and changes:
            made = layer(inputs, channels, 1, stride, vector=vector, bias=not self.bn)
            self.downsample = nn.Sequential(made, *([norm(channels)] if self.bn else []))
        self.identity = options["shortcut"] == "B" and not changes

    def forward(self, x: Tensor) -> Tensor:
        """The residual function, joined with the shortcut."""
        y = x
        for index, (name, norm) in enumerate(self.names):
            y = getattr(self, name)(relu(y) if index else y)
            y = getattr(self, norm)(y) if self.bn else y
        if self.downsample is not None:
            y = y + self.downsample(x)
        y = relu(y + x if self.identity else y)
        if self.gate is None:
            return y
        transform = self.gate(x).sigmoid()
        return y * transform + x * (1 - transform)


class Blocks(nn.Module):
    """Residual and highway networks, on maps or on vectors."""

    def __init__(self, case: Case) -> None:
        """Makes the layers."""
        super().__init__()
        options = case.described
        vector, bn = options["stem"] == "vector", options.get("affine", "bn") == "bn"
        inputs = options["stem_width"]
        self.stem = "fc1" if vector else "conv1"
        made = layer(case.input_channels, inputs, 3, 1, vector=vector, bias=not bn)
        self.add_module(self.stem, made)
        if bn:
            self.bn1 = nn.BatchNorm1d(inputs) if vector else nn.BatchNorm2d(inputs)
        self.pools = []
        for index, (blocks, width, stride, *pool) in enumerate(options["stages"]):
            stage = nn.Sequential()
            for block in range(blocks):
                stage.append(Block(inputs, width, stride if block == 0 else 1, options))
                inputs = stage[-1].outputs
            self.add_module(f"layer{index + 1}", stage)
            self.pools.append(pool[0] if pool else 0)
        self.hidden1 = nn.Linear(inputs, options["hidden"][0]) if "hidden" in options else None
        self.fc = nn.Linear(options["hidden"][0] if self.hidden1 else inputs, case.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images to logits."""
        if self.stem == "fc1":
            x = x.flatten(1)
        x = getattr(self, self.stem)(x)
        x = relu(self.bn1(x) if hasattr(self, "bn1") else x)
        for index, side in enumerate(self.pools):
            x = getattr(self, f"layer{index + 1}")(x)
            x = max_pool(x, side, side, 0) if side else x
        if self.hidden1 is not None:
            x = relu(self.hidden1(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        return self.fc(x if x.ndim == 2 else x.mean((2, 3)))
