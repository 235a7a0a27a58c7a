"""Models of torchvision and timm, to this library and back: logits must be equal.

Networks of other kinds must be refused, by the name of a tensor.

usage: torch_producers.py [NETWORK...]   (default: all, such as resnet50)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import safetensors.numpy
import safetensors.torch
import torch
from comparing import compare, refused, summarize

from producers import torchvision  # isort: skip

import timm  # isort: skip

import resnet

TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2")
TIMM = ("resnet18", "resnet50", "wide_resnet50_2")
# What is said of a tensor of each network that is refused.
REFUSED: dict[str, tuple[str, str]] = {
    "torchvision resnext50_32x4d": ("layer1.0.conv2.weight", "groups"),
    "timm resnext50_32x4d": ("layer1.0.conv2.weight", "groups"),
    "timm resnet50d": ("conv1.0.weight", "a stem of several convolutions"),
    "timm resnet26t": ("conv1.0.weight", "a stem of several convolutions"),
    "timm seresnet50": ("layer1.0.se.fc1.weight", "squeeze-and-excitation"),
    "timm legacy_seresnet50": ("layer1.0.se_module.fc1.weight", "squeeze-and-excitation"),
    "timm ecaresnet26t": ("conv1.0.weight", "a stem of several convolutions"),
    "timm resnet50_gn": ("bn1.running_mean", "missing"),
}


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


def made(name: str) -> torch.nn.Module:
    """A network of "torchvision NAME" or "timm NAME", with random weights."""
    package, network = name.split()
    if package == "timm":
        return timm.create_model(network)
    return getattr(torchvision.models, network)()


def refuse(folder: Path) -> None:
    """Networks of other kinds."""
    path = folder / "weights.pth"
    for name, parts in REFUSED.items():
        torch.save(made(name).state_dict(), path)
        with refused(name, *parts):
            resnet.import_model(path)


def main() -> None:
    """Runs all networks, or those asked for."""
    wanted = sys.argv[1:]
    names = [f"torchvision {name}" for name in TORCHVISION] + [f"timm {name}" for name in TIMM]
    with tempfile.TemporaryDirectory() as folder:
        for seed, name in enumerate(names):
            if not wanted or name.split()[1] in wanted:
                torch.manual_seed(seed)
                with torch.no_grad():
                    network = randomize(made(name), seed)
                check(name, network, made(name), Path(folder))
        if not wanted:
            refuse(Path(folder))
    summarize()


if __name__ == "__main__":
    main()
