"""Makes a row's case: weights, a batch, and PyTorch's answer, which every engine must give.

Usage: python -m engines.prepare ROW FOLDER
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import torch

import resnet
from pytorch_network import ResNet
from pytorch_network import resnet as network_of

from .case import Case
from .pytorch import TrainingStep
from .rows import Row, row_named

SEED = 20151210
CALIBRATION_IMAGES = 8
ANSWER_STEPS = 2
TRAINING_PASSES = 3  # forward, gradient of the data, gradient of the weights


def network_for(row: Row) -> ResNet:
    """He's weights, and BN with parameters and statistics unlike one another's.

    The statistics are a batch's own, disturbed: the scores are then of ordinary size.
    """
    generator = torch.Generator().manual_seed(SEED)
    torch.manual_seed(SEED)
    network = network_of(row.depth)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5, generator=generator)
        torch.nn.init.normal_(norm.bias, 0, 0.1, generator=generator)
    with torch.no_grad():
        network(torch.randn(CALIBRATION_IMAGES, 3, row.size, row.size, generator=generator))
        for norm in norms:
            norm.momentum = 0.1
            spread = norm.running_var.sqrt()
            norm.running_mean += 0.1 * spread * torch.randn(spread.shape, generator=generator)
            norm.running_var *= 0.8 + 0.4 * torch.rand(spread.shape, generator=generator)
    return network


def flop_of(row: Row, network: ResNet, model: resnet.Model) -> float:
    """Operations of one step or one batch, a multiply-add being two.

    A step costs three passes, but nobody needs the gradient of the images.
    """
    multiply_adds = model.multiply_adds
    if row.kind == "train":
        stem = network.conv1
        extent = row.size // stem.stride[0]
        multiply_adds = TRAINING_PASSES * multiply_adds - stem.weight.numel() * extent**2
    return 2.0 * row.batch * multiply_adds


def export(network: ResNet, images: torch.Tensor, path: pathlib.Path) -> None:
    """Writes the network in inference mode as ONNX."""
    torch.onnx.export(
        network.eval(),
        (images,),
        str(path),
        input_names=["images"],
        output_names=["scores"],
        dynamo=True,
        external_data=False,
    )


def optimise(case: Case) -> None:
    """Has ONNX Runtime optimise the network beforehand, which saves a third of its start."""
    import onnxruntime  # noqa: PLC0415 (for one row only)

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(case.optimised_onnx)
    onnxruntime.InferenceSession(str(case.onnx), options, providers=["CPUExecutionProvider"])


def main() -> None:
    """Writes the case."""
    row, case = row_named(sys.argv[1]), Case(pathlib.Path(sys.argv[2]))
    network = network_for(row)
    generator = np.random.default_rng(SEED)
    images = generator.standard_normal((row.batch, 3, row.size, row.size), np.float32)
    labels = generator.integers(0, row.classes, row.batch)
    torch.save(network.state_dict(), case.torch_weights)
    model = resnet.Model(row.network)
    model.load_state_dict(network.state_dict())
    model.save(case.libresnet)
    case.flop.write_text(str(flop_of(row, network, model)))
    if row.kind == "train":
        step = TrainingStep(network, torch.from_numpy(images), torch.from_numpy(labels))
        answer = np.array([step() for _ in range(ANSWER_STEPS)], np.float32)
    else:
        export(network, torch.from_numpy(images), case.onnx)
        with torch.inference_mode():
            answer = network.eval()(torch.from_numpy(images)).numpy()
    if row.kind == "start":
        optimise(case)
    np.save(case.images, images)
    images.tofile(case.raw_images)
    np.save(case.labels, labels)
    np.save(case.answer, answer)
    answer.tofile(case.raw_answer)


if __name__ == "__main__":
    main()
