"""Makes the golden files of Keras: narrow networks with random weights, and their logits.

usage: make_keras.py DIRECTORY, with Keras 3, TensorFlow, h5py and PyTorch.
"""

import os
import pathlib
import shutil
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import h5py
import keras
import numpy as np
from keras.src.applications import resnet
from keras.src.legacy.saving import legacy_h5_format

CLASSES = 5


def images(count: int, side: int) -> np.ndarray:
    """Images that a test can make as well: NCHW."""
    n, c, y, x = np.ogrid[:count, :3, :side, :side]
    return (((7 * n + 11 * c + 3 * y + 5 * x) % 17) / 17 - 0.5).astype(np.float32)


def randomize(model: keras.Model, seed: int) -> None:
    """Gives all weights random values under which activations stay bounded."""
    draw = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for variable in layer.weights:
            shape = tuple(variable.shape)
            name = variable.path.split("/")[-1]
            if name == "kernel":
                value = draw.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
            elif name in ("gamma", "moving_variance"):
                value = draw.uniform(0.5, 1.5, shape)
            else:
                value = draw.normal(0, 0.2, shape)
            values.append(value.astype(np.float32))
        layer.set_weights(values)


def logits(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """What the model gives before its softmax."""
    head = model.get_layer("predictions")
    features = keras.Model(model.input, head.input)(inputs.transpose(0, 2, 3, 1)).numpy()
    kernel, bias = head.get_weights()
    return features.astype(np.float64) @ kernel + bias


def narrow() -> keras.Model:
    """ResNet with 2 stages and few channels."""

    def stacks(x: keras.KerasTensor) -> keras.KerasTensor:
        x = resnet.stack_residual_blocks_v1(x, 4, 2, stride1=1, name="conv2")
        return resnet.stack_residual_blocks_v1(x, 8, 1, name="conv3")

    return resnet.ResNet(
        stacks, False, True, weights=None, input_shape=(64, 64, 3), classes=CLASSES, name="narrow"
    )


def write(directory: pathlib.Path) -> None:
    """The files of one narrow network, and its logits."""
    keras.utils.clear_session()
    model = narrow()
    randomize(model, 1)
    model.save_weights(directory / "keras.weights.h5")
    with h5py.File(directory / "keras.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    # As models that were trained are: with their optimizer, whose epsilon is another thing.
    # (Writing the older format takes it out of the description.)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.save(directory / "whole.keras")
    model.save(directory / "whole.h5")
    # As Keras 3 wrote them before it noted the layers' names.
    shutil.copy(directory / "keras.weights.h5", directory / "nameless.weights.h5")
    with h5py.File(directory / "nameless.weights.h5", "r+") as file:
        for layer in file["layers"].values():
            del layer["vars"].attrs["name"]
    np.savetxt(directory / "keras.txt", logits(model, images(2, 64)), fmt="%.9g")


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
