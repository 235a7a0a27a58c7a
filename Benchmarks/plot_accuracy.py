"""Draw the accuracy of training runs, epoch by epoch.

Usage: plot_accuracy.py OUT.png --libresnet LOG.csv... --pytorch LOG.csv...

LOGs are what `resnet train --log` and cifar10_pytorch.py --log write. Needs matplotlib.
"""

import argparse
import csv
import pathlib

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def accuracies(path: pathlib.Path, column: str) -> list[float]:
    """The percentages in a column of a log, one per epoch."""
    with path.open() as file:
        return [100 * float(row[column]) for row in csv.DictReader(file)]


def main() -> None:
    """Reads the logs and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--libresnet", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--pytorch", type=pathlib.Path, nargs="+", required=True)
    options = parser.parse_args()

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, path in enumerate(options.libresnet):
        for what, column, style in (
            ("training accuracy", "accuracy", ":"),
            ("test accuracy", "val_accuracy", "-"),
        ):
            values = accuracies(path, column)
            axes.plot(
                range(1, len(values) + 1),
                values,
                style,
                color="tab:blue",
                alpha=1 - 0.4 * index,
                label=f"libresnet, {what}, seed {index}",
            )
    for index, path in enumerate(options.pytorch):
        values = accuracies(path, "val_accuracy")
        axes.plot(
            range(1, len(values) + 1),
            values,
            "--",
            color="tab:orange",
            alpha=1 - 0.4 * index,
            label=f"PyTorch, test accuracy, seed {index}",
        )
    axes.set(xlabel="epoch", ylabel="accuracy (%)", title="ResNet-20 on CIFAR-10 (JPEG copies)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small", loc="lower right")
    figure.savefig(options.out, dpi=130)


if __name__ == "__main__":
    main()
