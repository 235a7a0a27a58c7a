"""Writes small ONNX files as torchvision's and Keras's exporters make them, and what they compute.

usage: onnx_goldens.py DIRECTORY

Beside each NAME.onnx is NAME.logits, float32 of shape (2, 5), by ONNX Runtime, of the two images in
images.f32, float32 of shape (2, 3, 32, 32). Keras's graphs end in a softmax: theirs are
probabilities.
"""

# ruff: noqa: PLC0415 (the producers are large, and one does without the other)

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
CLASSES = 5
CHANNELS = 3


def torch_network(block_name: str, *, ceil: bool = False) -> Any:  # noqa: ANN401 (of torch)
    """A torchvision ResNet of width 2, with random statistics; `ceil` gives it Caffe's pooling."""
    import torch
    from torch import nn
    from torchvision.models import resnet

    block = getattr(resnet, block_name)

    class Narrow(resnet.ResNet):
        """torchvision's, but for its widths."""

        def __init__(self) -> None:
            nn.Module.__init__(self)
            self._norm_layer = nn.BatchNorm2d
            self.inplanes, self.dilation, self.groups, self.base_width = 2, 1, 1, 64
            self.conv1 = nn.Conv2d(3, 2, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(2)
            self.relu = nn.ReLU()
            self.maxpool = nn.MaxPool2d(3, 2, 0 if ceil else 1, ceil_mode=ceil)
            for i, blocks in enumerate((1, 2, 1, 1)):
                layer = self._make_layer(block, 2 << i, blocks, stride=2 if i else 1)
                setattr(self, f"layer{i + 1}", layer)
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(16 * block.expansion, CLASSES)

    torch.manual_seed(0)
    return randomized(Narrow())


def torch_vgg(*, batch_norm: bool) -> Any:  # noqa: ANN401
    """A torchvision VGG of width 2 and 4, whose head is for maps of 2x2."""
    import torch
    from torch import nn
    from torchvision.models import vgg

    class Narrow(vgg.VGG):
        """torchvision's, but for its widths."""

        def __init__(self) -> None:
            nn.Module.__init__(self)
            layers = [2, "M", 2, "M", 4, 4, "M", 4, "M"]
            self.features = vgg.make_layers(layers, batch_norm=batch_norm)
            self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
            sizes = (4 * 2 * 2, 6, 7)
            head: list[nn.Module] = []
            for inputs, outputs in itertools.pairwise(sizes):
                head += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout()]
            self.classifier = nn.Sequential(*head, nn.Linear(sizes[-1], CLASSES))
            # Of the narrowest layers the usual weights leave nothing.
            for parameter in self.parameters():
                if parameter.dim() > 1:
                    nn.init.kaiming_normal_(parameter)

    torch.manual_seed(0)
    return randomized(Narrow())


def randomized(network: Any) -> Any:  # noqa: ANN401
    """The network as after a training."""
    from torch import nn

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_(1, 0.3)
            module.bias.data.normal_()
    return network.eval()


def write_torch(folder: Path, images: np.ndarray) -> None:
    """By both exporters, with and without constant folding."""
    import torch

    example = torch.from_numpy(images)
    for block in ("BasicBlock", "Bottleneck"):
        network = torch_network(block)
        kind = block.lower()
        names = {"input_names": ["input"], "dynamic_axes": {"input": {0: "batch"}}}
        torch.onnx.export(network, example, folder / f"{kind}-script.onnx", dynamo=False, **names)
        torch.onnx.export(
            network,
            example,
            folder / f"{kind}-unfolded.onnx",
            dynamo=False,
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
        )
        torch.onnx.export(
            network, (example,), folder / f"{kind}-dynamo.onnx", dynamo=True, external_data=False
        )
    # By its own defaults, with the values beside the graph, in a file of the same name and .data.
    torch.onnx.export(network, (example,), folder / "bottleneck-external.onnx")
    network = torch_network("BasicBlock", ceil=True)
    torch.onnx.export(network, example, folder / "basicblock-ceil.onnx", dynamo=False)
    torch.onnx.export(
        torch_vgg(batch_norm=False), example, folder / "vgg-script.onnx", dynamo=False, **names
    )
    torch.onnx.export(
        torch_vgg(batch_norm=True),
        (example,),
        folder / "vgg-bn-dynamo.onnx",
        dynamo=True,
        external_data=False,
    )


def write_keras(folder: Path) -> None:
    """By Keras's own export, and by tf2onnx for channels first."""
    import keras
    import tensorflow as tf
    import tf2onnx
    from keras.src.applications import resnet

    def stacks(x: Any) -> Any:  # noqa: ANN401 (a tensor of Keras's)
        x = resnet.stack_residual_blocks_v1(x, 2, 1, stride1=1, name="conv2")
        x = resnet.stack_residual_blocks_v1(x, 4, 2, name="conv3")
        return resnet.stack_residual_blocks_v1(x, 4, 1, name="conv4")

    keras.utils.set_random_seed(0)
    network = resnet.ResNet(
        stacks, False, True, weights=None, classes=CLASSES, input_shape=(32, 32, 3)
    )
    random = np.random.default_rng(0)
    for layer in network.layers:
        values = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            scale = random.normal(1, 0.3, values[0].shape)
            shift, mean = random.normal(size=(2, *values[0].shape))
            layer.set_weights([scale, shift, mean, random.uniform(0.5, 2, values[0].shape)])
        elif len(values) == len(("kernel", "bias")):
            layer.set_weights([values[0], random.normal(size=values[1].shape)])
    network(np.zeros((1, 32, 32, 3), "float32"))
    network.export(folder / "keras-export.onnx", format="onnx")
    signature = (tf.TensorSpec((None, 32, 32, 3), tf.float32, name="input"),)
    function = tf.function(lambda x: network(x, training=False), input_signature=signature)
    tf2onnx.convert.from_function(
        function,
        input_signature=signature,
        opset=13,
        inputs_as_nchw=["input:0"],
        output_path=str(folder / "keras-nchw.onnx"),
    )


def strip(path: Path) -> None:
    """Removes notes on where in the exporter's program a node came from, which are paths."""
    model = onnx.load(path, load_external_data=False)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


def main() -> None:
    """Writes all of them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype("float32")
    images.tofile(folder / "images.f32")
    write_torch(folder, images)
    write_keras(folder)
    for path in sorted(folder.glob("*.onnx")):
        strip(path)
        session = onnxruntime.InferenceSession(path)
        entry = session.get_inputs()[0]
        given = images if entry.shape[1] == CHANNELS else images.transpose(0, 2, 3, 1)
        session.run(None, {entry.name: given})[0].tofile(path.with_suffix(".logits"))


if __name__ == "__main__":
    main()
