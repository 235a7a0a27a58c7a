"""The demo's training: a residual network learns real images, and is saved.

Usage: train.py FOLDER [--epochs N]

Without further ado: the 1,797 handwritten digits that scikit-learn ships (8x8, grey), a fifth of
them held out. With CIFAR10=DIRECTORY in the environment: ResNet-20 on CIFAR-10's binary version.

Writes to FOLDER model.h5, the training curve as curve.png, and a held-out image of each class as
test-CLASS.png, with their classes in labels.txt. The same run gives the same model. Needs numpy,
matplotlib and Pillow, and scikit-learn for the digits.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from PIL import Image

import resnet

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    import numpy.typing as npt

CIFAR_BATCH = 128
# Of four recipes, the best in cross-validation within the training images.
DIGITS_BATCH = 32
DIGITS_LR, DIGITS_DECAY = 0.1, 5e-4


@dataclasses.dataclass
class Task:
    """What to learn, and how."""

    title: str
    model: resnet.Model
    train: resnet.Dataset
    test: resnet.Dataset
    epochs: int
    batch: int
    lr: float
    weight_decay: float
    augment: Any
    required: float
    """Test accuracy below which the run has failed."""


def digits() -> Task:
    """Handwritten digits, with a fifth held out evenly over the classes."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 (CIFAR-10 does without)
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    data = load_digits()
    # Levels 0 to 16 become bytes, which image files can hold.
    images = (data.images[:, None] * 15).astype(np.uint8)
    train_x, test_x, train_y, test_y = train_test_split(
        images, data.target, test_size=0.2, stratify=data.target, random_state=0
    )
    model = resnet.Model("resnet8", classes=10, input_channels=1, base_width=32, seed=0)
    model.class_names = [str(digit) for digit in range(10)]
    return Task(
        title="ResNet-8 on handwritten digits",
        model=model,
        train=resnet.Dataset(train_x, train_y, classes=10),
        test=resnet.Dataset(test_x, test_y, classes=10),
        epochs=30,
        batch=DIGITS_BATCH,
        lr=DIGITS_LR,
        weight_decay=DIGITS_DECAY,
        augment=(1, False),
        required=0.98,
    )


def cifar10(directory: str) -> Task:
    """CIFAR-10 by the paper's recipe, with a schedule as short as one asks for."""
    return Task(
        title="ResNet-20 on CIFAR-10",
        model=resnet.Model("resnet20", seed=0),
        train=resnet.CIFAR10(directory),
        test=resnet.CIFAR10(directory, train=False),
        epochs=10,
        batch=CIFAR_BATCH,
        lr=0.1,
        weight_decay=1e-4,
        augment="cifar",
        required=0.0,
    )


def fit(task: Task) -> dict[str, list[float]]:
    """Trains, with the learning rate lowered after 60% and 80% of the epochs."""
    per_epoch = len(task.train) // task.batch
    trainer = resnet.Trainer(task.model, lr=task.lr, momentum=0.9, weight_decay=task.weight_decay)
    return trainer.fit(
        task.train,
        epochs=task.epochs,
        batch_size=task.batch,
        augment=task.augment,
        milestones=sorted({per_epoch * (task.epochs * tenths // 10) for tenths in (6, 8)} - {0}),
        validation=task.test,
        progress=True,
    )


def draw_curve(task: Task, history: dict[str, list[float]], path: Path) -> None:
    """Draws loss and accuracy of every epoch, in training and on the held-out images."""
    epochs = np.arange(1, len(history["loss"]) + 1)
    figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    figure.suptitle(task.title)
    train, held_out = {"color": "tab:blue"}, {"color": "tab:orange"}
    loss.plot(epochs, history["loss"], label="training", **train)
    loss.plot(epochs, history["val_loss"], label="held out", **held_out)
    loss.set(xlabel="epoch", ylabel="cross-entropy (nats)", yscale="log")
    percent = {name: 100 * np.array(history[name]) for name in ("accuracy", "val_accuracy")}
    accuracy.plot(epochs, percent["accuracy"], label="training", **train)
    accuracy.plot(epochs, percent["val_accuracy"], label="held out", **held_out)
    accuracy.set(xlabel="epoch", ylabel="accuracy (%)")
    for axes in (loss, accuracy):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def write_image(image: npt.NDArray[np.float32], path: Path) -> None:
    """Writes (channels, height, width) as a PNG file."""
    pixels = image.transpose(1, 2, 0).astype(np.uint8)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path)


def write_images(task: Task, folder: Path) -> None:
    """Writes the first held-out image of each class, and which class it is of."""
    images, labels = task.test.read()
    names = task.model.class_names or [str(index) for index in range(task.model.classes)]
    lines = []
    for index, name in enumerate(names):
        path = folder / f"test-{name}.png"
        write_image(images[int(np.argmax(labels == index))], path)
        lines.append(f"{path.name} {name}\n")
    (folder / "labels.txt").write_text("".join(lines), encoding="utf-8")


def main() -> int:
    """Trains, and says how it went."""
    parser = argparse.ArgumentParser(description="Train a residual network on real images.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    directory = os.environ.get("CIFAR10")
    task = cifar10(directory) if directory else digits()
    task.epochs = options.epochs or task.epochs
    print(
        f"{task.title}: {len(task.train)} images to learn from, {len(task.test)} held out, "
        f"{resnet.get_threads()} threads, {resnet.instruction_set()}",
        flush=True,
    )
    start = time.monotonic()
    history = fit(task)
    seconds = time.monotonic() - start

    accuracy = task.model.evaluate(task.test).accuracy
    print(f"test accuracy {accuracy:.2%} after {task.epochs} epochs in {seconds:.1f} s")
    model, curve = options.folder / "model.h5", options.folder / "curve.png"
    task.model.save(model)
    draw_curve(task, history, curve)
    write_images(task, options.folder)
    print(f"saved {model}, {curve} and a held-out image of each class")
    if accuracy < task.required:
        print(f"that is below the {task.required:.0%} expected", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
