"""Models of torchvision and timm, to this library and back: logits must be equal.

usage: torch_producers.py [DEPTH...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch

from producers import torchvision  # isort: skip

import timm  # isort: skip

import resnet

DEPTHS = (18, 34, 50, 101, 152)
TIMM_DEPTHS = (18, 50)
# Of the largest logit.
TOLERANCE = 1e-4


def randomize(network: torch.nn.Module, seed: int) -> torch.nn.Module:
    """BN statistics and affine maps as after a training; the weights are random already."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            size = module.running_mean.shape
            module.running_mean.copy_(0.1 * torch.randn(size, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(size, generator=generator))
            module.weight.data.copy_(0.5 + 0.5 * torch.rand(size, generator=generator))
            module.bias.data.copy_(0.1 * torch.randn(size, generator=generator))
    return network.eval()


def compare(name: str, wanted: np.ndarray, found: np.ndarray) -> None:
    """Prints the difference; stops if it is too large."""
    difference = float(np.abs(wanted - found).max() / np.abs(wanted).max())
    print(f"{name:44} {difference:.1e}", flush=True)
    if not difference <= TOLERANCE:
        sys.exit(f"{name}: the logits differ by {difference} of the largest, not by {TOLERANCE}")


@torch.no_grad()
def check(title: str, network: torch.nn.Module, fresh: torch.nn.Module, folder: Path) -> None:
    """All formats, both ways."""
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    wanted = network(x).numpy()
    state: dict[str, Any] = network.state_dict()
    files = {
        "zip": lambda path: torch.save(state, path),
        "legacy": lambda path: torch.save(state, path, _use_new_zipfile_serialization=False),
        "checkpoint": lambda path: torch.save(
            {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, path
        ),
        "safetensors.torch": lambda path: safetensors.torch.save_file(state, path),
        "safetensors.numpy": lambda path: safetensors.numpy.save_file(
            {name: values.numpy() for name, values in state.items()}, path
        ),
    }
    path = folder / "weights"
    for kind, write in files.items():
        write(path)
        model = resnet.import_model(path)
        compare(f"{title} from {kind}", wanted, model.logits(x.numpy()))
    for extension, read in (
        ("pth", lambda file: torch.load(file, weights_only=True)),
        ("safetensors", safetensors.torch.load_file),
    ):
        file = folder / f"exported.{extension}"
        model.export(file)
        fresh.load_state_dict(read(file))
        compare(f"{title} to {extension}", wanted, fresh.eval()(x).numpy())


def main() -> None:
    """Runs all depths, or those asked for."""
    depths = [int(word) for word in sys.argv[1:]] or DEPTHS
    with tempfile.TemporaryDirectory() as folder:
        for depth in depths:
            torch.manual_seed(depth)
            make = getattr(torchvision.models, f"resnet{depth}")
            check(f"torchvision resnet{depth}", randomize(make(), depth), make(), Path(folder))
            if depth in TIMM_DEPTHS:
                network = randomize(timm.create_model(f"resnet{depth}"), depth)
                fresh = timm.create_model(f"resnet{depth}")
                check(f"timm resnet{depth}", network, fresh, Path(folder))


if __name__ == "__main__":
    main()
