"""Compares with Keras, both ways, at all depths: files that it wrote, and files that it loads."""

import os
import pathlib
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import h5py
import keras
from comparing import compare, summarize
from keras.src.legacy.saving import legacy_h5_format
from make_keras import images, logits, randomize

import resnet


def exchange(depth: int, folder: pathlib.Path) -> None:
    """One network of Keras's, in all its forms."""
    keras.utils.clear_session()
    make = getattr(keras.applications, f"ResNet{depth}")
    theirs = make(weights=None)
    randomize(theirs, depth)
    inputs = images(1, 224)
    wanted = logits(theirs, inputs)
    names = ("legacy.h5", "whole.h5", "new.weights.h5", "whole.keras")
    paths = [folder / name for name in names]
    with h5py.File(paths[0], "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    theirs.save(paths[1])
    theirs.save_weights(paths[2])
    theirs.save(paths[3])
    for path in paths:
        ours = resnet.import_model(path)
        compare(f"Keras ResNet{depth} from {path.name}", wanted, ours.logits(inputs))
    for name in ("ours.h5", "ours.weights.h5"):
        ours.export(folder / name)
        randomize(theirs, 0)
        theirs.load_weights(folder / name)
        compare(f"Keras ResNet{depth} to {name}", logits(theirs, inputs), ours.logits(inputs))


if __name__ == "__main__":
    for depth in (50, 101, 152):
        with tempfile.TemporaryDirectory() as folder:
            exchange(depth, pathlib.Path(folder))
    summarize()
