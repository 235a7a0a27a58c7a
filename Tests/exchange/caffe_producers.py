"""Compares with Caffe's ResNet-50, 101 and 152, both ways: scores must be those of make_caffe.py.

usage: caffe_producers.py [DEPTH...]
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

import numpy as np
from make_caffe import DEPTHS, Network, read, write

import resnet

# Of the largest score.
TOLERANCE = 1e-4
MEAN_OF_BGR = (103.939, 116.779, 123.68)


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest, as a part of the largest score."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def check(what: str, value: float) -> None:
    """Prints a difference, and ends the program if it is too large."""
    print(f"{what:44} {value:.1e}", flush=True)
    if not value <= TOLERANCE:
        raise SystemExit(f"{what}: differs by {value}, allowed are {TOLERANCE}")


def compare(depth: int, folder: pathlib.Path) -> None:
    """One network, with BatchNorm and Scale layers and with these folded into the convolutions."""
    network = Network(DEPTHS[depth])
    kept = network.draw(depth)
    rgb = np.random.default_rng(depth).integers(0, 256, (1, 3, 224, 224)).astype(np.float32)
    bgr = rgb[:, ::-1] - np.array(MEAN_OF_BGR, np.float32)[:, None, None]
    wanted = network.scores(kept, bgr)
    for form, blobs in (("BN", kept), ("folded", network.folded(kept))):
        path = folder / f"{form}.caffemodel.h5"
        write(path, network, blobs)
        ours = resnet.import_model(path)
        if ours.import_report.notes:
            raise SystemExit(f"{path.name}: {ours.import_report.notes}")
        check(f"ResNet-{depth} from {form}", difference(ours.logits(bgr), wanted))
        # What is compared can tell where the first pooling has its windows.
        padded = resnet.import_model(path, stem_pool="padded")
        if difference(padded.logits(bgr), wanted) <= TOLERANCE:
            raise SystemExit("with padding in the first pooling scores are the same")
        ours.export(folder / "ours.caffemodel.h5")
        back = read(folder / "ours.caffemodel.h5")
        if {name: [b.shape for b in layer] for name, layer in back.items()} != {
            name: [b.shape for b in layer] for name, layer in blobs.items()
        }:
            raise SystemExit(f"ResNet-{depth} to {form}: other layers or shapes than Caffe's")
        check(f"ResNet-{depth} to {form}", difference(network.scores(back, bgr), wanted))
    # Pixels as image files have them.
    path = folder / "BN.caffemodel.h5"
    found = resnet.import_model(path, preprocessing="caffe").logits(rgb)
    check(f"ResNet-{depth} of RGB", difference(found, wanted))


def main() -> None:
    """Runs all depths, or those asked for."""
    for depth in [int(word) for word in sys.argv[1:]] or DEPTHS:
        with tempfile.TemporaryDirectory() as folder:
            compare(depth, pathlib.Path(folder))


if __name__ == "__main__":
    main()
