"""Reading a file of weights takes at most twice the memory of the parameters that it declares."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import h5py
import pytest

import resnet
from model_files import seal, with_values_beside

if TYPE_CHECKING:
    from pathlib import Path

# Prints by how much a call raised the most that the process had of memory.
SCRIPT = """
import pathlib, sys
import resnet

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

model = resnet.Model("resnet34" if sys.argv[1] == "weights" else "resnet8")
model.state_dict()
pathlib.Path("/proc/self/clear_refs").write_text("5")
before = peak()
try:
    {
        "load": resnet.load,
        "open": resnet.open,
        "checkpoint": resnet.Trainer.load,
        "import": resnet.import_model,
        "weights": model.import_weights,
    }[sys.argv[1]](sys.argv[2])
except resnet.FormatError:
    pass
print(peak() - before)
"""
# Buffers that each thread reads into, and the allocator's own.
SLACK = 4 << 20
FLOAT = 4


def peak_of(call: str, path: Path) -> int:
    """Bytes that a call takes at most in a process of its own."""
    line = [sys.executable, "-c", SCRIPT, call, str(path)]
    return int(subprocess.run(line, capture_output=True, check=True, text=True).stdout)


@pytest.fixture(name="trainer", scope="module")
def trainer_of_a_large_model() -> resnet.Trainer:
    return resnet.Trainer(resnet.Model("resnet34"))


def test_model_files(trainer: resnet.Trainer, tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    trainer.model.save(path)
    declared = trainer.model.parameter_count * FLOAT
    # Less what was free before.
    assert 0.9 * declared <= peak_of("load", path) <= 2 * declared
    assert peak_of("open", path) <= SLACK


def test_checkpoints(trainer: resnet.Trainer, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    trainer.save(path)
    declared = 2 * trainer.model.parameter_count * FLOAT
    assert 0.9 * declared <= peak_of("checkpoint", path) <= declared + SLACK
    assert peak_of("load", path) <= declared


@pytest.mark.parametrize("extension", ["safetensors", "pth", "onnx", "external.onnx"])
def test_files_of_other_programs(trainer: resnet.Trainer, tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"model.{extension}"
    trainer.model.export(path)
    if extension == "external.onnx":
        with_values_beside(path)
        assert path.stat().st_size < 1 << 20
    declared = trainer.model.parameter_count * FLOAT
    assert 0.9 * declared <= peak_of("import", path) <= 2 * declared + SLACK
    assert peak_of("weights", path) <= 2 * declared + SLACK


def test_files_that_declare_more_than_they_have(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    resnet.Model("resnet8").save(path)
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        # Of resnet152, 240 MB.
        for name, value in {
            "block": "bottleneck",
            "stage_blocks": [3, 8, 36, 3],
            "stage_widths": [64, 128, 256, 512],
            "stage_strides": [1, 2, 2, 2],
            "classes": 1000,
            "stem_width": 64,
        }.items():
            old = file["network"].attrs.get_id(name)
            file["network"].attrs.create(
                name,
                value.encode() if isinstance(value, str) else value,
                dtype=f"S{len(value)}" if isinstance(value, str) else old.dtype,
            )
        del file["parameters"]["fc.weight"]
        file["parameters"].create_dataset(
            "fc.weight", (1000, 2048), "<f4", chunks=(1000, 2048), fletcher32=True
        )
    seal(path)
    for call in ("load", "open"):
        assert peak_of(call, path) <= SLACK
    with pytest.raises(resnet.FormatError, match="parameters"):
        resnet.load(path)
