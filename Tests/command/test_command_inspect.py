"""`resnet inspect`: networks as the paper's Table 1, and what is in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import resnet
from cli import done, run


def inspected(*arguments: str | Path) -> Any:  # noqa: ANN401
    """The object that is printed."""
    return json.loads(run("inspect", *arguments, "--json"))


def test_table_1() -> None:
    lines = run("inspect", "resnet50").splitlines()
    cells = [line.split() for line in lines]
    assert lines[0] == (
        "resnet50, input 3x224x224, shortcuts B (projections where dimensions change), "
        "stride on the 1x1"
    )
    assert [row[:2] for row in cells[3:10]] == [
        ["stem", "112x112"], ["maxpool", "56x56"], ["layer1", "56x56"], ["layer2", "28x28"],
        ["layer3", "14x14"], ["layer4", "7x7"], ["head", "1x1"],
    ]  # fmt: skip
    assert "[1x1, 256; 3x3, 256; 1x1, 1024] x 6, stride 2" in lines[7]
    assert cells[-1] == ["total", "50", "weighted", "layers", "25,557,032", "3,857,973,248"]


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet152", "resnet110", "plain20", "vgg16-bn", "highway32", "fitnet19"]
)
def test_parts_add_up(name: str) -> None:
    found = inspected(name)
    for part in ("stages", "layers"):
        for figure in ("parameters", "multiply_adds"):
            assert sum(row[figure] for row in found[part]) == found[figure]
    model = resnet.Model(name)
    assert found["parameters"] == model.parameter_count
    assert found["multiply_adds"] == model.multiply_adds
    tensors = {tensor["name"]: tuple(tensor["shape"]) for tensor in found["tensors"]}
    assert tensors == {name: value.shape for name, value in model.state_dict().items()}


def test_sizes_and_changes() -> None:
    found = inspected("resnet18", "--height", "64", "--width", "96", "--classes", "7")
    assert found["input"] == {"channels": 3, "height": 64, "width": 96}
    assert found["network"]["classes"] == 7
    assert [(row["height"], row["width"]) for row in found["stages"]][-2:] == [(2, 3), (1, 1)]
    assert run("inspect", "resnet20", "--layers") == resnet.Model("resnet20").summary() + "\n"


def test_a_model(model: Path) -> None:
    said = run("inspect", model)
    assert f"{model}: a model of libresnet" in said
    assert "all checksums right" in said
    assert "the mean of each of 32x32 pixels" in said
    assert "divided by 255.000" in said
    assert "\n2 class names: blue, red\n" in said
    assert "conv1.weight" not in said
    assert "conv1.weight  4x3x3x3" in run("inspect", model, "--tensors")
    found = inspected(model)
    assert found["kind"] == "model"
    assert found["file"]["bytes"] == model.stat().st_size
    assert found["file"]["format_version"] == 1
    assert found["file"]["library_version"] == resnet.__version__
    assert found["class_names"] == ["blue", "red"]
    assert found["normalization"]["mean_extent"] == [32, 32]
    assert found["input"]["height"] == 32


def test_a_checkpoint(trained: Path) -> None:
    last, before = trained / "step.h5", trained / "run" / "step-000000028.h5"
    said = run("inspect", before)
    assert "a checkpoint of libresnet" in said
    assert "\ntraining: after 28 steps of a training of 30, 9 epochs ended\n" in said
    assert (
        "\ntraining: after 30 steps, all that the training was to take, 9 epochs ended; "
        "the evaluation of the last one is to come\n"
    ) in run("inspect", last)
    for path, steps in ((before, 28), (last, 30)):
        training = inspected(path)["training"]
        assert (training["steps"], training["planned_steps"]) == (steps, 30)
        assert training["all_steps_taken"] is (steps == 30)
        assert training["lr"] == pytest.approx(0.05)
        # By the names of --log.
        assert list(training["epochs"][0]) == [
            "epoch", "iteration", "loss", "accuracy", "lr", "images_per_second", "val_loss",
            "val_accuracy", "val_top5_accuracy",
        ]  # fmt: skip
        assert [epoch["iteration"] for epoch in training["epochs"]] == list(range(3, 28, 3))
        losses = [epoch["loss"] for epoch in training["epochs"]]
        assert losses[-1] < losses[0]


def test_weights_of_other_programs(model: Path, tmp_path: Path) -> None:
    library = resnet.load(model)
    titles = {"w.pth": "PyTorch", "w.safetensors": "safetensors", "w.onnx": "ONNX"}
    for name, title in titles.items():
        library.export(tmp_path / name)
        assert f"{title} weights" in run("inspect", tmp_path / name)
        found = inspected(tmp_path / name)
        assert found["kind"] == "weights"
        assert found["file"]["format"] == title.lower()
        assert found["parameters"] == library.parameter_count
        assert found["notes"] == []


def test_files_that_others_wrote() -> None:
    root = Path(__file__).parents[2]
    path = root / "Tests/exchange/onnx/bottleneck-external.onnx"
    assert f"{path}: ONNX weights" in run("inspect", path)
    assert inspected(path)["network"]["bottleneck_stride"] == "3x3"
    said = run("inspect", root / "bindings/python/tests/exchange/basic-legacy.pth")
    assert [line for line in said.splitlines() if line.startswith("not needed: ")] == [
        "not needed: 1, epoch (beside the state dict of a checkpoint)",
        (
            "not needed: 8, all ….num_batches_tracked "
            "(BN's count of batches, which is needed for training by PyTorch alone)"
        ),
    ]


def test_weights_of_unknown_networks(tmp_path: Path) -> None:
    header = b'{"encoder.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}'
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(24))
    said = run("inspect", path, "--tensors")
    assert "no network that libresnet knows" in said
    assert "encoder.weight  2x3" in said
    found = inspected(path)
    assert "network" not in found
    assert "conv1.weight" in found["not_understood"]


def test_files_that_are_damaged(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    path = tmp_path / "damaged.h5"
    for place in (len(whole) // 2, 100, len(whole) - 10):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        said = run("inspect", path, ok=False)
        assert f"Error: cannot read {path}: " in said
        assert "damaged" in said
    path.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in run("inspect", path, ok=False)
    path.write_bytes(b"a text")
    assert "no format that is known here" in run("inspect", path, ok=False)
    assert "no such file" in run("inspect", tmp_path / "none.h5", ok=False)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("ResNet50",), 1, 'did you mean "resnet50"?'),
        (("m.h5", "--classes", "3"), 64, "cannot be changed by options"),
        (("resnet20", "--width", "3"), 64, "--width needs --height"),
        (("resnet50", "--height", "0"), 1, "expected a height and width of 1"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], status: int, message: str) -> None:
    ended = done("inspect", *arguments)
    assert ended.returncode == status
    assert message in ended.stderr
