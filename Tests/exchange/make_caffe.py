"""Caffe's ResNets, computed in float64, and the files that Caffe keeps their weights in.

What is computed is what the deploy.prototxt files say that the paper's authors published, by the
rules of Caffe's layers: BatchNorm's statistics are stored as sums, to be divided by a third blob;
Scale is a layer of its own; the first pooling has no padding and rounds its size up.

As a program it makes the golden files: a narrow network with random weights, and its scores.

usage: make_caffe.py DIRECTORY
"""

from __future__ import annotations

import dataclasses
import pathlib
import string
import sys
from typing import TYPE_CHECKING

import h5py
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

Blobs = dict[str, list[np.ndarray]]

EPSILON = 1e-5
# Caffe's sum of the weights 0.999 ** n, which nears 1000.
SCALE_FACTOR = 999.98
EXPANSION = 4
# Of a longer stage ResNet-101 and 152 call the blocks a, b1, b2, ..., and ResNet-50 a, b, c, ....
LETTERED = 3


@dataclasses.dataclass(frozen=True)
class Convolution:
    """A convolution; `suffix` is that of the names of its BatchNorm and Scale layers."""

    name: str
    suffix: str
    inputs: int
    outputs: int
    kernel: int
    stride: int
    has_bias: bool = False


@dataclasses.dataclass(frozen=True)
class Block:
    """A bottleneck: branch2a, 2b and 2c, and the projection of branch1 in a stage's first block."""

    name: str
    branch: tuple[Convolution, ...]
    projection: Convolution | None


@dataclasses.dataclass(frozen=True)
class Network:
    """One of Caffe's ResNets: `blocks` in each stage, the first of convolutions of `width`."""

    blocks: tuple[int, ...]
    width: int = 64
    stem_width: int = 64
    classes: int = 1000

    @property
    def is_deep(self) -> bool:
        """Whether it is written like the deploy.prototxt of ResNet-101, and not of ResNet-50."""
        return sum(self.blocks) > sum(DEPTHS[50])

    @property
    def stem(self) -> Convolution:
        """Published with a bias in ResNet-50 alone, which BatchNorm makes useless."""
        return Convolution("conv1", "_conv1", 3, self.stem_width, 7, 2, not self.is_deep)

    @property
    def residual(self) -> list[Block]:
        """All blocks; the stride is on branch2a, a 1x1."""
        blocks, inputs = [], self.stem_width
        for stage, count in enumerate(self.blocks):
            width = self.width << stage
            for index in range(count):
                short = index == 0 or not self.is_deep or count <= LETTERED
                label = string.ascii_lowercase[index] if short else f"b{index}"
                name = f"{stage + 2}{label}"
                stride = 2 if stage > 0 and index == 0 else 1
                outputs = width * EXPANSION

                def layer(branch: str, *shape: int, name: str = name) -> Convolution:
                    return Convolution(f"res{name}_{branch}", f"{name}_{branch}", *shape)

                blocks.append(
                    Block(
                        f"res{name}",
                        (
                            layer("branch2a", inputs, width, 1, stride),
                            layer("branch2b", width, width, 3, 1),
                            layer("branch2c", width, outputs, 1, 1),
                        ),
                        layer("branch1", inputs, outputs, 1, stride) if index == 0 else None,
                    )
                )
                inputs = outputs
        return blocks

    @property
    def convolutions(self) -> Iterator[Convolution]:
        """All of them."""
        yield self.stem
        for block in self.residual:
            yield from block.branch
            if block.projection:
                yield block.projection

    @property
    def classifier(self) -> str:
        """The name of the last layer with weights."""
        return f"fc{self.classes}"

    def draw(self, seed: int) -> Blobs:
        """Random blobs, under which activations stay bounded."""
        random = np.random.default_rng(seed)
        blobs: Blobs = {}
        for layer in self.convolutions:
            shape = (layer.outputs, layer.inputs, layer.kernel, layer.kernel)
            blobs[layer.name] = [random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)]
            if layer.has_bias:
                blobs[layer.name].append(random.normal(0, 0.2, layer.outputs))
            blobs[f"bn{layer.suffix}"] = [
                SCALE_FACTOR * random.normal(0, 0.2, layer.outputs),
                SCALE_FACTOR * random.uniform(0.5, 1.5, layer.outputs),
                np.array([SCALE_FACTOR]),
            ]
            # Sums grow from block to block as in a trained network: by little.
            gain = 0.3 if layer.name.endswith("branch2c") else 1
            blobs[f"scale{layer.suffix}"] = [
                gain * random.uniform(0.5, 1.5, layer.outputs),
                random.normal(0, 0.2, layer.outputs),
            ]
        features = EXPANSION * self.width << (len(self.blocks) - 1)
        blobs[self.classifier] = [
            random.normal(0, np.sqrt(1 / features), (self.classes, features)),
            random.normal(0, 0.2, self.classes),
        ]
        # As a file has them.
        return {name: [blob.astype(np.float32) for blob in layer] for name, layer in blobs.items()}

    def folded(self, blobs: Blobs) -> Blobs:
        """BatchNorm and Scale made part of the convolutions, as tools do before deployment."""
        merged = {self.classifier: blobs[self.classifier]}
        for layer in self.convolutions:
            mean, variance = _statistics(blobs[f"bn{layer.suffix}"])
            gamma, beta = (blob.astype(np.float64) for blob in blobs[f"scale{layer.suffix}"])
            factor = gamma / np.sqrt(variance + EPSILON)
            kernel, *biases = blobs[layer.name]
            bias = (sum(biases, np.zeros(layer.outputs)) - mean) * factor + beta
            merged[layer.name] = [
                (kernel * factor[:, None, None, None]).astype(np.float32),
                bias.astype(np.float32),
            ]
        return merged

    def scores(self, blobs: Blobs, images: np.ndarray) -> np.ndarray:
        """What goes into the softmax, of images as the network takes them: NCHW."""

        def layer(what: Convolution, x: np.ndarray) -> np.ndarray:
            x = _convolution(x, blobs[what.name], what.stride)
            if f"bn{what.suffix}" not in blobs:
                return x
            mean, variance = _statistics(blobs[f"bn{what.suffix}"])
            gamma, beta = blobs[f"scale{what.suffix}"]
            x = (x - _channels(mean)) / _channels(np.sqrt(variance + EPSILON))
            return x * _channels(gamma) + _channels(beta)

        x = _max_pool(_relu(layer(self.stem, images.astype(np.float64))))
        for block in self.residual:
            shortcut = layer(block.projection, x) if block.projection else x
            first, second, last = block.branch
            x = _relu(shortcut + layer(last, _relu(layer(second, _relu(layer(first, x))))))
        weight, bias = blobs[self.classifier]
        return x.mean((2, 3)) @ weight.T.astype(np.float64) + bias


DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def _channels(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64)[:, None, None]


def _statistics(blobs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    mean, variance, divisor = (blob.astype(np.float64) for blob in blobs)
    factor = 0 if divisor[0] == 0 else 1 / divisor[0]
    return factor * mean, factor * variance


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def _convolution(x: np.ndarray, blobs: list[np.ndarray], stride: int) -> np.ndarray:
    kernel, *biases = (blob.astype(np.float64) for blob in blobs)
    side = kernel.shape[-1]
    pad = side // 2
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), (2, 3))
    windows = windows[:, :, ::stride, ::stride]
    y = np.tensordot(windows, kernel, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return y + _channels(biases[0]) if biases else y


def _max_pool(x: np.ndarray) -> np.ndarray:
    """pool1: 3x3 at stride 2, pad 0, as Caffe's PoolingLayer has it."""
    height, width = (int(np.ceil((side - 3) / 2)) + 1 for side in x.shape[2:])
    y = np.empty((*x.shape[:2], height, width))
    for row in range(height):
        for column in range(width):
            y[:, :, row, column] = x[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3].max(
                (2, 3)
            )
    return y


def write(path: pathlib.Path, network: Network, blobs: Blobs) -> None:
    """A snapshot as Caffe's Net::ToHDF5 writes it: a group for each layer, some without blobs."""
    has_norm = f"bn{network.stem.suffix}" in blobs

    def unit(layer: Convolution) -> list[str]:
        norm = [f"bn{layer.suffix}", f"scale{layer.suffix}"] if has_norm else []
        return [layer.name, *norm]

    names = ["input", *unit(network.stem), "conv1_relu", "pool1", "pool1_pool1_0_split"]
    for block in network.residual:
        names += unit(block.projection) if block.projection else []
        for layer in block.branch:
            names += unit(layer)
            names += [] if layer is block.branch[-1] else [f"{layer.name}_relu"]
        names += [block.name, f"{block.name}_relu", f"{block.name}_{block.name}_relu_0_split"]
    names += ["pool5", network.classifier, "prob"]
    with h5py.File(path, "w", libver="earliest") as file:
        data = file.create_group("data")
        for name in names:
            group = data.create_group(name)
            for index, blob in enumerate(blobs.get(name, [])):
                group.create_dataset(str(index), data=blob)


def read(path: pathlib.Path) -> Blobs:
    """The blobs of a snapshot."""
    with h5py.File(path) as file:
        return {
            name: [layer[str(index)][()] for index in range(len(layer))]
            for name, layer in file["data"].items()
            if len(layer)
        }


def pattern(count: int, side: int) -> np.ndarray:
    """Images that a test can make as well: NCHW."""
    n, c, y, x = np.ogrid[:count, :3, :side, :side]
    return (((7 * n + 11 * c + 3 * y + 5 * x) % 17) / 17 - 0.5).astype(np.float32)


def main() -> None:
    """Writes the golden files."""
    folder = pathlib.Path(sys.argv[1])
    network = Network((2, 1), width=4, stem_width=8, classes=5)
    blobs = network.draw(1)
    write(folder / "bn.caffemodel.h5", network, blobs)
    write(folder / "folded.caffemodel.h5", network, network.folded(blobs))
    np.savetxt(folder / "caffe.txt", network.scores(blobs, pattern(2, 64)), fmt="%.9g")


if __name__ == "__main__":
    main()
