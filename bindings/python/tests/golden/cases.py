"""The trainings whose outcome is stored, and the numbers they start from.

Used by make.py, which trains in PyTorch, and by test_golden.py, which trains here. Weights, images
and labels come from a counter-based generator that both run, so that only results are stored.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

FOLDER = Path(__file__).resolve().parent
STEPS = 5
MOMENTUM = 0.9
# Strong enough that a decay which is wrong or missing shows within five steps.
WEIGHT_DECAY = 5e-3
# How many values of each tensor are stored.
SAMPLES = 64


@dataclasses.dataclass(frozen=True)
class Case:
    """Five SGD steps on one batch."""

    name: str
    preset: str
    height: int
    width: int
    batch: int = 4
    lr: float = 0.01
    salt: int = 0
    """Chooses the images: make.py --search finds a batch that keeps clear of kinks."""
    input_channels: int = 3
    classes: int = 10
    base_width: int | None = None
    frozen: tuple[str, ...] = ()
    """Layers and stages that are not trained, and whose BN keeps its running statistics."""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    described: dict[str, Any] = dataclasses.field(default_factory=dict)
    """A network of its own instead of the preset."""

    @property
    def path(self) -> Path:
        """The golden file."""
        return FOLDER / f"{self.name}.npz"

    def images(self) -> npt.NDArray[np.float32]:
        """The batch, (batch, channels, height, width), mean 0 and variance 1."""
        shape = (self.batch, self.input_channels, self.height, self.width)
        return spread(f"images {self.salt}", shape, 0, math.sqrt(3))

    def labels(self) -> npt.NDArray[np.int64]:
        """The batch's labels."""
        return (7 * np.arange(self.batch) + 3) % self.classes


# Its window has the last map of images of 12x12.
VGG: dict[str, Any] = {
    "stem": "none",
    "stem_width": 0,
    "block": [3],
    "stages": [(1, 8, 1, 2), (2, 16, 1, 2)],
    "shortcut": "none",
    "window": 3,
    "hidden": [24, 20],
}

CASES = [
    Case("resnet20-a", "resnet20", 32, 32, salt=109),
    Case("resnet20-a-split", "resnet20", 32, 32, salt=175, options={"zero_channels": "split"}),
    Case("resnet20-c", "resnet20", 32, 32, salt=216, options={"shortcut": "C"}),
    Case("plain20", "plain20", 32, 32, salt=126),
    Case("resnet14-grey", "resnet14", 20, 28, lr=0.002, salt=138, input_channels=1, classes=7),
    Case(
        "resnet14-frozen",
        "resnet14",
        20,
        28,
        lr=0.002,
        salt=2,
        frozen=("conv1", "bn1", "layer1", "layer3.0"),
        options={"shortcut": "B"},
    ),
    Case("resnet18-b", "resnet18", 48, 48, lr=0.002, salt=15, classes=100),
    Case(
        "resnet18-ceil",
        "resnet18",
        45,
        48,
        lr=0.002,
        base_width=8,
        options={"stem_pool": "ceil"},
    ),
    Case(
        "resnet50-1x1",
        "resnet50",
        64,
        64,
        lr=0.002,
        salt=29,
        classes=100,
        base_width=16,
        options={"stride_on": "1x1"},
    ),
    Case(
        "resnet50-3x3",
        "resnet50",
        64,
        64,
        lr=0.002,
        salt=8,
        classes=100,
        base_width=16,
        options={"stride_on": "3x3"},
    ),
    Case(
        "three-layers",
        "",
        12,
        10,
        salt=2,
        described={
            "stem": "cifar",
            "stem_width": 8,
            "block": [5, (3, 2), 1],
            "stages": [(1, 8, 1), (2, 16, 2)],
            "shortcut": "B",
            "stride_layer": 1,
        },
    ),
    Case(
        "one-layer",
        "",
        12,
        10,
        described={
            "stem": "cifar",
            "stem_width": 8,
            "block": [3],
            "stages": [(2, 8, 1), (2, 16, 2)],
            "shortcut": "B",
        },
    ),
    Case(
        "mlp",
        "",
        1,
        1,
        batch=16,
        input_channels=20,
        described={
            "stem": "vector",
            "stem_width": 24,
            "block": [1, 1],
            "stages": [(2, 24, 1), (2, 40, 1)],
            "shortcut": "B",
        },
    ),
    Case("vgg", "", 12, 12, lr=0.001, salt=1, described=VGG | {"affine": "bias"}),
    Case("vgg-bn", "", 16, 22, described=VGG | {"affine": "bias_and_bn"}),
    Case("vgg-small", "", 8, 9, lr=0.001, salt=1, described=VGG | {"affine": "bias"}),
    Case(
        "highway",
        "",
        10,
        12,
        described={
            "stem": "cifar",
            "stem_width": 8,
            "block": [3],
            "stages": [(3, 8, 1, 2), (3, 20, 1)],
            "shortcut": "gate",
            "affine": "bias",
            "hidden": [12],
        },
    ),
    Case(
        "fitnet",
        "",
        16,
        16,
        lr=0.001,
        salt=1,
        described={
            "stem": "none",
            "stem_width": 0,
            "block": [3],
            "stages": [(2, 8, 1, 2), (2, 12, 1, 8)],
            "shortcut": "none",
            "affine": "bias",
            "maxout": 2,
            "hidden": [20],
        },
    ),
]


def spread(
    name: str, shape: tuple[int, ...], centre: float, radius: float
) -> npt.NDArray[np.float32]:
    """Values uniform within `radius` of `centre`, a function of the name and position alone."""
    counter = np.arange(math.prod(shape), dtype=np.uint64)
    z = counter + np.uint64(zlib.crc32(name.encode()) << 32)
    # The output function of SplitMix64.
    z = z * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    unit = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    values: npt.NDArray[np.float64] = centre + radius * (2 * unit - 1)
    return values.astype(np.float32).reshape(shape)


def initial(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """A tensor's value at the start, by its name: He's variance, and BN away from 1 and 0.

    BN's biases are 1.2 to 1.8 on either side of 0, so that few values come near the ReLU's kink.
    """
    kind = name.rsplit(".", maxsplit=1)[1]
    if len(shape) > 1:
        return spread(name, shape, 0, math.sqrt(3 * 2 / math.prod(shape[1:])))
    if kind in ("weight", "running_var"):
        return spread(name, shape, 1, 0.2)
    values = spread(name, shape, 0, 0.6)
    return values if kind == "running_mean" else values + np.copysign(np.float32(1.2), values)


def sample(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Up to 64 values of a tensor, evenly strided."""
    flat = values.reshape(-1)
    count = min(SAMPLES, flat.size)
    return flat[np.arange(count) * flat.size // count].astype(np.float64)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What five steps lead to. Tensors are by name, sampled."""

    losses: npt.NDArray[np.float64]
    """Of each step, before it."""
    logits_before: npt.NDArray[np.float64]
    """In inference mode, before the first step."""
    logits_after: npt.NDArray[np.float64]
    """In inference mode, after the last step."""
    norms: dict[str, float]
    values: dict[str, npt.NDArray[np.float64]]

    @classmethod
    def of(
        cls,
        losses: list[float],
        before: npt.NDArray[Any],
        after: npt.NDArray[Any],
        state: dict[str, npt.NDArray[Any]],
    ) -> Outcome:
        """Reduces a training's results to what is stored."""
        return cls(
            np.array(losses, np.float64),
            before.astype(np.float64),
            after.astype(np.float64),
            {name: float(np.linalg.norm(v.astype(np.float64))) for name, v in state.items()},
            {name: sample(v) for name, v in state.items()},
        )

    def save(self, path: Path) -> None:
        """Writes a golden file."""
        np.savez_compressed(
            path,
            losses=self.losses,
            logits_before=self.logits_before,
            logits_after=self.logits_after,
            names=np.array(list(self.norms)),
            norms=np.array(list(self.norms.values())),
            counts=np.array([v.size for v in self.values.values()]),
            values=np.concatenate(list(self.values.values())),
        )

    @classmethod
    def load(cls, path: Path) -> Outcome:
        """Reads a golden file."""
        with np.load(path) as file:
            names = [str(name) for name in file["names"]]
            parts = np.split(file["values"], np.cumsum(file["counts"])[:-1])
            return cls(
                file["losses"],
                file["logits_before"],
                file["logits_after"],
                dict(zip(names, file["norms"].tolist(), strict=True)),
                dict(zip(names, parts, strict=True)),
            )


def differences(
    ours: Outcome, truth: Outcome, starts: dict[str, npt.NDArray[np.float32]]
) -> dict[str, tuple[float, str]]:
    """How far an outcome is from the truth: for each kind of result its worst array, by name.

    An array's difference is max|a - b| / max|b|. Besides the tensors after training, their updates
    are compared (after minus start, running statistics too): these are small against the tensors
    and so tell more about the gradients. The norms cover the values between the sampled ones.

    Args:
        ours: What is to be judged.
        truth: What is right.
        starts: Every tensor before training.
    """
    if list(ours.values) != list(truth.values):
        raise AssertionError(f"names differ: {list(ours.values)}, expected {list(truth.values)}")
    kinds: dict[str, dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]] = {
        "losses": {"losses": (ours.losses, truth.losses)},
        "logits": {
            "before": (ours.logits_before, truth.logits_before),
            "after": (ours.logits_after, truth.logits_after),
        },
        "norms": {n: (np.array(ours.norms[n]), np.array(truth.norms[n])) for n in truth.norms},
        "tensors": {n: (ours.values[n], truth.values[n]) for n in truth.values},
        "updates": {
            n: (ours.values[n] - sample(starts[n]), truth.values[n] - sample(starts[n]))
            for n in truth.values
        },
    }
    return {
        kind: max((_relative(a, b), name) for name, (a, b) in arrays.items())
        for kind, arrays in kinds.items()
    }


def _relative(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    if a.shape != b.shape or not np.isfinite(a).all():
        return math.inf
    difference, largest = np.abs(a - b).max(), np.abs(b).max()
    # What is frozen does not move at all.
    return float(difference / largest) if largest > 0 else float(difference)
