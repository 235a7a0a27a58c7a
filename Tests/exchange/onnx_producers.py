"""ONNX both ways: this library's graphs in ONNX Runtime, and graphs of other exporters here.

usage: onnx_producers.py [exported] [torch] [vgg] [keras]   (default: all)
"""

# ruff: noqa: PLC0415 (the producers are large, and one does without the other)

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from comparing import compare, refused, summarize

import resnet

if TYPE_CHECKING:
    from collections.abc import Iterator

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
BATCHES = (1, 5)
DEPTHS = (18, 34, 50, 101, 152)
KERAS_DEPTHS = (50, 101, 152)
SMALL, CIFAR, LARGE = ((64, 64), (97, 80)), ((32, 32), (19, 45)), ((224, 224), (160, 250))


def session(path: Path) -> onnxruntime.InferenceSession:
    """A file in ONNX Runtime, on the processor."""
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run(network: onnxruntime.InferenceSession, images: np.ndarray) -> np.ndarray:
    """The only output of the only input."""
    scores: np.ndarray = network.run(None, {network.get_inputs()[0].name: images})[0]
    return scores


def images(count: int, channels: int, height: int, width: int) -> np.ndarray:
    """Noise; the same for the same shape."""
    draw = np.random.default_rng(count * height + width)
    return draw.normal(size=(count, channels, height, width)).astype(np.float32)


# ---- What this library writes


def randomize(model: resnet.Model) -> resnet.Model:
    """Gives the model BN statistics, affine maps and biases as after a training."""
    draw = np.random.default_rng(1)
    state = model.state_dict()
    for name, values in state.items():
        shape = values.shape
        if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
            state[name] = draw.uniform(0.5, 1.5, shape)
        elif name.endswith(("bias", "running_mean")):
            state[name] = draw.normal(0, 0.1, shape)
    model.load_state_dict(state)
    return model


def described(**changes: Any) -> resnet.Model:  # noqa: ANN401 (any of the constructor's)
    """A small network of one's own."""
    network: dict[str, Any] = {
        "stem": "cifar",
        "stem_width": 8,
        "block": "basic",
        "stages": [(2, 8, 1), (2, 16, 2)],
        "shortcut": "B",
        "classes": 7,
    }
    return resnet.Model.described(**(network | changes))


def networks() -> Iterator[tuple[str, resnet.Model, tuple[tuple[int, int], ...]]]:
    """Every kind of network, with the image sizes that it is tried at."""
    for name in (*(f"resnet{depth}" for depth in DEPTHS), "plain18", "plain34"):
        yield name, resnet.Model(name), SMALL
    for name in ("resnet20", "resnet56", "resnet110", "plain20", "plain56"):
        yield name, resnet.Model(name), CIFAR
    for name in ("highway19", "highway32"):
        yield name, resnet.Model(name), CIFAR
    yield "fitnet19", resnet.Model("fitnet19"), ((32, 32), (41, 37))
    for name in ("vgg16", "vgg19", "vgg16-bn", "vgg19-bn"):
        yield name, resnet.Model(name), LARGE
    for shortcut in ("A", "B", "C"):
        yield f"resnet20, {shortcut}", resnet.Model("resnet20", shortcut=shortcut), CIFAR
        yield f"resnet50, {shortcut}", resnet.Model("resnet50", shortcut=shortcut), SMALL
    split = resnet.Model("resnet20", zero_channels="split")
    yield "resnet20, zeros split", split, CIFAR
    yield "resnet50, stride on 3x3", resnet.Model("resnet50", stride_on="3x3"), SMALL
    yield "cifar-resnet50", resnet.Model("cifar-resnet50"), CIFAR
    yield "grey", resnet.Model("resnet20", input_channels=1), CIFAR
    yield "biases", described(affine="bias"), CIFAR
    yield "biases and BN", described(affine="bias_and_bn"), CIFAR
    yield "own blocks", described(block=[5, (1, 2), 3], stride_layer=2), CIFAR
    yield "maxout", described(maxout=2, shortcut="none", stages=[(2, 8, 1, 2)]), CIFAR
    for stem in ("vector", "none"):
        yield (
            f"stem {stem}",
            described(
                stem=stem,
                stem_width=8 if stem == "vector" else 0,
                block=[1, 1] if stem == "vector" else [3],
                stages=[(2, 8, 1), (1, 16, 1)] if stem == "vector" else [(2, 8, 1, 2)],
                shortcut="B" if stem == "vector" else "none",
                input_channels=40 if stem == "vector" else 3,
                hidden=(12, 9),
                window=1 if stem == "vector" else 3,
            ),
            ((1, 1),) if stem == "vector" else ((6, 6), (5, 4), (16, 21)),
        )


def exported(folder: Path) -> None:
    """Each network as ONNX Runtime runs it."""
    path = folder / "model.onnx"

    def check(title: str, model: resnet.Model, sizes: tuple[tuple[int, int], ...]) -> None:
        model.export(path)
        onnx.checker.check_model(path, full_check=True)
        network = session(path)
        channels = network.get_inputs()[0].shape[1]
        for height, width in sizes:
            for count in BATCHES:
                given = images(count, channels, height, width)
                what = f"{title}: {count} of {height}x{width}"
                compare(what, run(network, given), model.logits(given))

    for title, model, sizes in networks():
        check(title, randomize(model), sizes)
    for channels in (1, 3):
        model = randomize(resnet.Model("resnet20", input_channels=channels))
        mean, scale = np.linspace(0.1, 0.4, channels), np.linspace(0.5, 2, channels)
        plane = np.linspace(-1, 1, channels * 32 * 32).reshape(channels, 32, 32)
        for title, arguments, sizes in (
            ("mean and scale of channels", (mean, scale), CIFAR),
            ("mean of channels", (mean,), CIFAR),
            ("scale of channels", (None, scale), CIFAR),
            ("mean of pixels", (plane,), CIFAR[:1]),
            ("mean of pixels, scale of channels", (plane, scale), CIFAR[:1]),
        ):
            model.set_normalization(*arguments)
            check(f"{channels} channels, {title}", model, sizes)


# ---- What PyTorch writes


# torch.onnx.export's. Of a network that is set to be evaluated, PRESERVE keeps BN a node.
LEGACY = {"dynamic_axes": {"images": {0: "batch"}}, "input_names": ["images"], "dynamo": False}
FORMS: dict[str, dict[str, Any]] = {
    "folded": LEGACY,
    "unfolded": LEGACY | {"do_constant_folding": False},
    "preserved": LEGACY | {"do_constant_folding": False, "training": "PRESERVE"},
    "dynamo": {"dynamo": True, "external_data": False, "verbose": False},
    # With the values in a file beside the graph.
    "defaults": {"verbose": False},
}


def export_torch(network: Any, given: np.ndarray, path: Path, **options: Any) -> None:  # noqa: ANN401
    """By PyTorch, with the options of `FORMS`."""
    import torch

    warnings.filterwarnings("ignore", category=DeprecationWarning)
    if "training" in options:
        options["training"] = getattr(torch.onnx.TrainingMode, options["training"])
    torch.onnx.export(network, (torch.from_numpy(given),), path, **options)


def made_by_torch(name: str, seed: int) -> Any:  # noqa: ANN401 (a torch.nn.Module)
    """A network of torchvision's, with random weights."""
    import torch
    from torch_producers import randomize as randomize_torch
    from torch_producers import torchvision

    torch.manual_seed(seed)
    with torch.no_grad():
        return randomize_torch(getattr(torchvision.models, name)(), seed)


def from_torch(folder: Path) -> None:
    """The residual networks of torchvision, by both of PyTorch's exporters."""
    given = images(2, 3, 96, 96)
    path = folder / "torch.onnx"
    for depth in DEPTHS:
        network = made_by_torch(f"resnet{depth}", depth)
        for form, options in FORMS.items():
            export_torch(network, given, path, **options)
            wanted = run(session(path), given)
            title = f"torchvision resnet{depth}, {form}"
            compare(title, wanted, resnet.import_model(path).logits(given))
    network = made_by_torch("resnet18", 0).train()
    export_torch(network, given, path, **(LEGACY | {"training": "TRAINING"}))
    with refused("torchvision resnet18, to be trained", "BatchNormalization", "inference"):
        resnet.import_model(path)


def from_vgg(folder: Path) -> None:
    """VGG, whose fully connected layers are for maps of one size."""
    given = images(2, 3, 224, 224)
    path = folder / "vgg.onnx"
    for name in ("vgg16", "vgg19_bn"):
        network = made_by_torch(name, 0)
        for form in ("folded", "preserved", "dynamo"):
            export_torch(network, given, path, **FORMS[form])
            wanted = run(session(path), given)
            model = resnet.import_model(path)
            compare(f"torchvision {name}, {form}", wanted, model.logits(given))


# ---- What Keras writes


def from_keras(folder: Path) -> None:
    """The networks of Keras, by its own export and, with NCHW, by tf2onnx."""
    import keras
    import tensorflow as tf
    import tf2onnx
    from make_keras import randomize as randomize_keras

    given = images(2, 3, 224, 224)
    path = folder / "keras.onnx"
    for depth in KERAS_DEPTHS:
        keras.utils.clear_session()
        make = getattr(keras.applications, f"ResNet{depth}")
        network = make(weights=None, classifier_activation=None)
        randomize_keras(network, depth)
        # Only what has been called is exported.
        network(given.transpose(0, 2, 3, 1))
        network.export(path, format="onnx", verbose=False)
        wanted = run(session(path), given.transpose(0, 2, 3, 1))
        title = f"Keras ResNet{depth}"
        compare(f"{title}, export", wanted, resnet.import_model(path).logits(given))

        head = network.layers[-1]
        # Scores of which the softmax is more than a one and zeros.
        head.set_weights([values / np.abs(wanted).max() for values in head.get_weights()])
        ended = keras.Sequential([network, keras.layers.Softmax()])
        signature = (tf.TensorSpec((None, 224, 224, 3), tf.float32, name="input"),)
        function = tf.function(lambda x, run=ended: run(x), input_signature=signature)
        tf2onnx.convert.from_function(
            function,
            input_signature=signature,
            inputs_as_nchw=["input:0"],
            output_path=str(path),
        )
        wanted = run(session(path), given)
        compare(f"{title}, NCHW", wanted, resnet.import_model(path).probabilities(given))


PARTS = {"exported": exported, "torch": from_torch, "vgg": from_vgg, "keras": from_keras}


def main() -> None:
    """Runs all parts, or those asked for."""
    for part in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[part](Path(folder))
    summarize()


if __name__ == "__main__":
    main()
