"""`resnet convert`: between models of libresnet and weights of other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet
from cli import CLASSES, done, run

if TYPE_CHECKING:
    from pathlib import Path


def scores(path: Path) -> np.ndarray:
    """Of some images, by the model of a file."""
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 32, 32), np.uint8)
    return resnet.load(path).logits(images.astype(np.float32))


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.safetensors", "w.onnx"])
def test_there_and_back(model: Path, tmp_path: Path, name: str) -> None:
    said = run("convert", model, tmp_path / name)
    assert f"{model}: a model of libresnet, resnet8" in said
    # What a state dict has no place for.
    is_whole = name == "w.onnx"
    assert ("the class names" in said) != is_whole
    assert ("the metadata" in said) != is_whole
    said = run("convert", tmp_path / name, tmp_path / "back.h5", "--zero-channels", "after")
    assert "37 of 37 tensors of resnet8" in said
    assert f"{tmp_path}/back.h5: a model of libresnet" in said
    back, before = resnet.load(tmp_path / "back.h5"), resnet.load(model)
    for tensor, values in before.state_dict().items():
        assert np.array_equal(back.state_dict()[tensor], values)
    if is_whole:
        assert back.class_names == list(CLASSES)
        assert np.array_equal(scores(tmp_path / "back.h5"), scores(model))


@pytest.mark.parametrize(
    ("name", "option", "title"),
    [
        ("w.h5", ("--to", "keras"), "Keras"),
        ("w.weights.h5", (), "Keras 3"),
        ("w.caffemodel.h5", (), "Caffe"),
        ("net.h5", ("--to", "caffe"), "Caffe"),
        ("without-extension", ("--to", "pytorch"), "PyTorch"),
    ],
)
def test_formats(tmp_path: Path, name: str, option: tuple[str, ...], title: str) -> None:
    # Caffe's own.
    pool: Any = "ceil" if title == "Caffe" else "padded"
    model = resnet.Model("resnet50", base_width=8, classes=5, stem_pool=pool)
    model.save(tmp_path / "model.h5")
    run("convert", tmp_path / "model.h5", tmp_path / name, *option)
    said = run(
        "convert", tmp_path / name, tmp_path / "back.h5", "--json", "--preprocessing", "caffe"
    )
    found = json.loads(said)
    # As --to has it.
    assert found["format"] == title.lower().replace(" ", "")
    assert found["output_format"] == "libresnet"
    assert (found["network"], found["classes"]) == ("resnet50", 5)
    assert found["imported"] == len(resnet.load(tmp_path / "model.h5").state_dict())
    mean = resnet.load(tmp_path / "back.h5").normalization.mean
    assert mean == pytest.approx([123.68, 116.779, 103.939])


def test_partial_and_other_classes(model: Path, tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    resnet.load(model).export(weights)
    content = weights.read_bytes()
    # Another name for one tensor, of the same length.
    weights.write_bytes(content.replace(b'"layer3.0.bn2.bias"', b'"layer3.0.bn2.what"'))
    said = run("convert", weights, tmp_path / "m.h5", ok=False)
    assert "missing: layer3.0.bn2.bias" in said
    assert not (tmp_path / "m.h5").exists()
    said = run("convert", weights, tmp_path / "m.h5", "--partial")
    assert "36 of 37 tensors" in said
    assert "missing: 1, layer3.0.bn2.bias" in said
    assert "unexpected: 1, layer3.0.bn2.what" in said

    names = tmp_path / "names.txt"
    names.write_text("one\ntwo\nthree\n")
    said = run("convert", model, tmp_path / "three.h5", "--classes", "3", "--class-names", names)
    assert "drawn anew: the last layer, for 3 classes" in said
    other = resnet.load(tmp_path / "three.h5")
    assert other.class_names == ["one", "two", "three"]
    before = resnet.load(model).state_dict()
    assert np.array_equal(other.state_dict()["conv1.weight"], before["conv1.weight"])
    said = run("convert", model, tmp_path / "no.h5", "--class-names", names, ok=False)
    assert "got 3 class names for 2 classes" in said


def test_what_is_replaced_is_said(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pth"
    assert f"\n{out}: for PyTorch\n" in run("convert", model, out)
    assert f"\nreplaced {out}: for PyTorch\n" in run("convert", model, out)
    for replaced in (False, True):
        found = json.loads(run("convert", model, tmp_path / "out.onnx", "--json"))
        assert found["replaced"] is replaced
        assert (found["format"], found["output_format"]) == ("libresnet", "onnx")


def test_the_model_of_a_checkpoint(trained: Path, tmp_path: Path) -> None:
    run("convert", trained / "step.h5", tmp_path / "m.h5")
    assert "a model of libresnet" in run("inspect", tmp_path / "m.h5")
    assert np.array_equal(scores(tmp_path / "m.h5"), scores(trained / "step.h5"))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("m.h5", "out.foo"), 64, ".caffemodel.h5, .weights.h5 or .h5; or say by --to"),
        (("{model}", "out.pth", "--to", "libresnet"), 64, '"out.pth", a name of pytorch'),
        (
            ("{model}", "out.h5", "--to", "onnx"),
            64,
            "a name of libresnet, and --to is onnx: change",
        ),
        # Of that name Keras 3 takes it for a file of Keras 2's.
        (("{model}", "out.h5", "--to", "keras3"), 64, "expected the name of a file in .weights.h5"),
        (("{model}", "out", "--to", "keras3"), 64, "expected the name of a file in .weights.h5"),
        (("none.pth", "out.h5"), 1, "no such file"),
        (("none.pth", "out/"), 64, 'OUT is "out/", expected the name of a file'),
        (("none.pth", "none/out.h5"), 1, "cannot write to none/out.h5"),
        (("{model}", "out.onnx", "--partial"), 1, "says all that it is"),
        (("{model}", "out.onnx", "--preprocessing", "torch"), 1, "says all that it is"),
        (("{model}", "out.caffemodel.h5"), 1, "cannot export"),
        (("{model}", "out.h5", "--class-names", "none.txt"), 1, "cannot read none.txt"),
    ],
)
def test_what_is_refused(
    model: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    given = [argument.replace("{model}", str(model)) for argument in arguments]
    ended = done("convert", *given, cwd=tmp_path)
    assert ended.returncode == status
    assert message in ended.stderr
    assert list(tmp_path.iterdir()) == []
