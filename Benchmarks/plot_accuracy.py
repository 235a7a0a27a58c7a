"""Draw the accuracy of training runs, epoch by epoch, from what they printed.

Usage: plot_accuracy.py OUT.png --libresnet LOG... --pytorch LOG...

LOGs are the outputs of `resnet train` and of cifar10_pytorch.py. Needs matplotlib.
"""

import argparse
import pathlib
import re

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def accuracies(path: pathlib.Path, what: str) -> list[float]:
    """The percentages behind `what` in a log, one per epoch."""
    return [float(value) for value in re.findall(rf"{what} ([\d.]+)%", path.read_text())]


def main() -> None:
    """Reads the logs and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--libresnet", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--pytorch", type=pathlib.Path, nargs="+", required=True)
    options = parser.parse_args()

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, path in enumerate(options.libresnet):
        for what, style in (("training accuracy", ":"), ("test accuracy", "-")):
            # The command ends with the test accuracy once more.
            values = accuracies(path, rf"epoch \d+/.*{what}")
            axes.plot(
                range(1, len(values) + 1),
                values,
                style,
                color="tab:blue",
                alpha=1 - 0.4 * index,
                label=f"libresnet, {what}, seed {index}",
            )
    for index, path in enumerate(options.pytorch):
        values = accuracies(path, "test accuracy")
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
