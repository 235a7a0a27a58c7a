"""The paper's networks in PyTorch, with torchvision's names of tensors.

What the programs of this folder compare libresnet with: they share this one definition.
"""

import torch
from torch import nn
from torch.nn import functional

IMAGENET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
FIRST_BOTTLENECK = 50


class PaddedIdentity(nn.Module):
    """Shortcut option A: the subsampled identity, new channels zero."""

    def __init__(self, stride: int, extra: int) -> None:
        """At spatial stride `stride`, with `extra` channels more."""
        super().__init__()
        self.stride, self.extra = stride, extra

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C + extra, H / stride, W / stride)."""
        picked = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(picked, (0, 0, 0, 0, 0, self.extra))


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the extent at stride 1, without bias."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def shortcut(option: str, inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """What a block's input goes through before it is added; None for nothing."""
    if inputs == outputs and stride == 1:
        return None
    if option == "A":
        return PaddedIdentity(stride, outputs - inputs)
    return nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class Basic(nn.Module):
    """Two 3x3 convolutions."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, option: str) -> None:
        """From `inputs` channels to `width`, with the shortcut `option`, "A" or "B"."""
        super().__init__()
        self.conv1 = convolution(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(option, inputs, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output, after the ReLU."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, the stride on the first, as published."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, option: str) -> None:
        """From `inputs` channels to 4 x `width`, with the shortcut `option`, "A" or "B"."""
        super().__init__()
        outputs = self.expansion * width
        self.conv1 = convolution(inputs, width, 1, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = convolution(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut(option, inputs, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output, after the ReLU."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A network of stages of blocks, initialised by He's method."""

    def __init__(
        self,
        block: type[Basic] | type[Bottleneck],
        blocks: tuple[int, ...],
        *,
        imagenet: bool,
    ) -> None:
        """With `blocks` blocks in each stage; for ImageNet's 1000 classes or CIFAR's 10."""
        super().__init__()
        inputs, kernel, stride, option = (64, 7, 2, "B") if imagenet else (16, 3, 1, "A")
        self.conv1 = convolution(3, inputs, kernel, stride)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.pool = nn.MaxPool2d(3, 2, 1) if imagenet else nn.Identity()
        self.stages, width = len(blocks), inputs
        for stage, count in enumerate(blocks):
            layers: list[nn.Module] = []
            for index in range(count):
                step = 2 if stage > 0 and index == 0 else 1
                layers.append(block(inputs, width << stage, step, option))
                inputs = block.expansion * (width << stage)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, 1000 if imagenet else 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores, (images, classes)."""
        x = self.pool(functional.relu(self.bn1(self.conv1(x))))
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


def resnet(depth: int) -> ResNet:
    """ResNet-18 to 152 for ImageNet with shortcut B; of any depth 6n + 2 else, for CIFAR with A."""
    if depth in IMAGENET_BLOCKS:
        block = Bottleneck if depth >= FIRST_BOTTLENECK else Basic
        return ResNet(block, IMAGENET_BLOCKS[depth], imagenet=True)
    return ResNet(Basic, 3 * ((depth - 2) // 6,), imagenet=False)
