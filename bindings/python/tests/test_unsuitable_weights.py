"""Weights that do not fit in ways that no shape shows, and files of a part of a network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import resnet

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


def write(path: Path, tensors: dict[str, npt.NDArray[np.float32]]) -> None:
    """A safetensors file."""
    header, content = {}, b""
    for name, values in tensors.items():
        end = len(content) + values.nbytes
        places = {"shape": values.shape, "data_offsets": (len(content), end)}
        header[name] = {"dtype": "F32", **places}
        content += values.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


@pytest.mark.parametrize("extension", ["pth", "safetensors"])
def test_another_stride_is_noted(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"m.{extension}"
    resnet.Model("resnet50", base_width=4, classes=5, stride_on="3x3").export(path)
    other = resnet.Model("resnet50", base_width=4, classes=5, stride_on="1x1")
    [note] = other.import_weights(path).notes
    assert "stride on the 3x3" in note.reason
    same = resnet.Model("resnet50", base_width=4, classes=5, stride_on="3x3")
    assert same.import_weights(path).notes == ()
    assert resnet.import_model(path).import_report.notes == ()
    # Who says where it is knows.
    assert resnet.import_model(path, stride_on="1x1").import_report.notes == ()


def test_folded_batch_normalisation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    target = resnet.Model("resnet8", classes=5)
    state = target.state_dict()
    folded = {name: state[name] for name in ("fc.weight", "fc.bias")}
    for name, values in state.items():
        if values.ndim == 4:
            folded[name] = values
            folded[name.replace("weight", "bias")] = np.zeros(len(values), np.float32)
    write(path, folded)
    before = target.state_dict()
    for partial in (False, True):
        with pytest.raises(resnet.ShapeError, match="convolutions have biases instead of its BN"):
            target.import_weights(path, partial=partial)
    # A part of them, too.
    write(path, {name: folded[name] for name in folded if name.startswith("layer2.0.conv2")})
    with pytest.raises(resnet.ShapeError, match="convolutions have biases instead of its BN"):
        target.import_weights(path, partial=True)
    write(path, folded)
    assert all(np.array_equal(target.state_dict()[name], before[name]) for name in before)
    model = resnet.import_model(path)
    target.export(path)
    for partial in (False, True):
        with pytest.raises(resnet.ShapeError, match="they have BN, and its convolutions have"):
            model.import_weights(path, partial=partial)


@pytest.mark.parametrize(("name", "classes"), [("resnet20", 10), ("resnet18", 1000)])
def test_a_file_without_a_classifier(name: str, classes: int, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    source = resnet.Model(name, base_width=8, classes=7)
    state = source.state_dict()
    write(path, {key: value for key, value in state.items() if not key.startswith("fc.")})
    with pytest.raises(resnet.FormatError, match=r"fc\.weight .* partially for a new classifier"):
        resnet.import_model(path)
    model = resnet.import_model(path, partial=True)
    assert model.classes == classes
    assert model.import_report.names("missing") == ["fc.weight", "fc.bias"]
    assert np.array_equal(model.state_dict()["conv1.weight"], state["conv1.weight"])


def test_variances_are_not_negative(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = resnet.Model("resnet8", classes=5)
    state = model.state_dict()
    before = model.logits(np.ones((1, 3, 32, 32), np.float32))
    state["bn1.running_var"] = state["bn1.running_var"].copy()
    state["bn1.running_var"][3] = -0.5
    with pytest.raises(resnet.StateDictError, match=r"bn1\.running_var has a negative variance"):
        model.load_state_dict(state)
    write(path, state)
    with pytest.raises(resnet.FormatError, match=r"bn1\.running_var has a negative variance"):
        model.import_weights(path)
    with pytest.raises(resnet.FormatError, match=r"bn1\.running_var has a negative variance"):
        resnet.import_model(path)
    assert np.array_equal(model.logits(np.ones((1, 3, 32, 32), np.float32)), before)


def test_an_imported_graph_is_called_as_the_paper_does(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    resnet.Model("resnet20").export(path)
    # Without what the library says of itself in it, it is anyone's.
    path.write_bytes(path.read_bytes().replace(b"libresnet", b"libothers"))
    assert resnet.import_model(path).name == "resnet20"
