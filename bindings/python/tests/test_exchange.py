"""Weights of PyTorch's own files; Tests/exchange/make_torch.py wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import resnet

GOLDEN = Path(__file__).parent / "exchange"
EXPECTED = dict(np.load(GOLDEN / "expected.npz"))
FILES = sorted(path.name for path in GOLDEN.iterdir() if path.suffix != ".npz")


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max() <= 1e-4 * np.abs(b).max())


@pytest.mark.parametrize("name", FILES)
def test_logits_are_those_of_torchvision(name: str) -> None:
    model = resnet.import_model(GOLDEN / name)
    assert close(model.logits(EXPECTED["x"]), EXPECTED[name.partition(".")[0].partition("-")[0]])
    report = model.import_report
    assert report.format == ("safetensors" if name.endswith("safetensors") else "torch")
    assert report.imported == len(model.state_dict())
    ignored = report.names("ignored")
    assert len(ignored) == len(report.notes)
    assert ("epoch" in ignored) == ("legacy" in name)


@pytest.mark.parametrize("extension", ["pth", "safetensors"])
def test_exports_come_back(extension: str, tmp_path: Path) -> None:
    model = resnet.import_model(GOLDEN / "bottleneck.pth")
    path = tmp_path / f"copy.{extension}"
    model.export(path)
    copy = resnet.import_model(path)
    assert np.array_equal(copy.logits(EXPECTED["x"]), model.logits(EXPECTED["x"]))
    first = path.read_bytes()
    model.export(path)
    assert path.read_bytes() == first
    with pytest.raises(resnet.InvalidArgumentError, match="extension"):
        model.export(tmp_path / "copy.unknown")


def test_stride_and_preprocessing_are_options() -> None:
    published = resnet.import_model(GOLDEN / "bottleneck.pth", stride_on="1x1")
    assert not close(published.logits(EXPECTED["x"]), EXPECTED["bottleneck"])
    prepared = resnet.import_model(GOLDEN / "bottleneck.pth", preprocessing="torch")
    mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
    deviation = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
    assert close(prepared.logits(255 * (EXPECTED["x"] * deviation + mean)), EXPECTED["bottleneck"])


def test_where_the_stem_pools_is_an_option(tmp_path: Path) -> None:
    source = resnet.Model("resnet50", base_width=4, classes=5, stem_pool="ceil")
    source.export(tmp_path / "m.safetensors")
    wanted = source.logits(EXPECTED["x"])
    model = resnet.import_model(tmp_path / "m.safetensors", stride_on="1x1", stem_pool="ceil")
    assert np.array_equal(model.logits(EXPECTED["x"]), wanted)
    padded = resnet.import_model(tmp_path / "m.safetensors", stride_on="1x1")
    assert not close(padded.logits(EXPECTED["x"]), wanted)
    with pytest.raises(resnet.InvalidArgumentError, match="pooling"):
        padded.export(tmp_path / "m.caffemodel.h5")


def test_partial_import_reports_what_it_left(tmp_path: Path) -> None:
    source = resnet.import_model(GOLDEN / "basic.pth")
    target = source.replace_classifier(7)
    before = target.state_dict()
    with pytest.raises(resnet.ShapeError, match=r"fc\.weight"):
        target.import_weights(GOLDEN / "basic.pth")
    report = target.import_weights(GOLDEN / "basic.pth", partial=True)
    assert report.names("mismatched") == ["fc.weight", "fc.bias"]
    assert report.names("missing") == []
    assert np.array_equal(target.state_dict()["fc.weight"], before["fc.weight"])
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(resnet.FormatError, match="no format"):
        resnet.import_model(tmp_path / "text")


def test_options_may_not_contradict_a_graph(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    resnet.Model("resnet50", base_width=4, classes=5, stem_pool="ceil").export(path)
    resnet.import_model(path, stride_on="1x1", stem_pool="ceil")
    with pytest.raises(resnet.InvalidArgumentError, match="graph says itself"):
        resnet.import_model(path, stride_on="3x3")
    with pytest.raises(resnet.InvalidArgumentError, match="graph says itself"):
        resnet.import_model(path, stem_pool="padded")
    with pytest.raises(resnet.InvalidArgumentError, match="graph says itself"):
        resnet.import_model(path, zero_channels="after")
    with pytest.raises(resnet.InvalidArgumentError, match="graph says itself"):
        resnet.import_model(path, plain=True)


ONNX = Path(__file__).parents[3] / "Tests/exchange/onnx"


def test_values_beside_a_graph(tmp_path: Path) -> None:
    images = np.fromfile(ONNX / "images.f32", np.float32).reshape(2, 3, 32, 32)
    wanted = np.fromfile(ONNX / "bottleneck-external.logits", np.float32).reshape(2, 5)
    model = resnet.import_model(ONNX / "bottleneck-external.onnx")
    assert close(model.logits(images), wanted)
    path = tmp_path / "bottleneck-external.onnx"
    path.write_bytes((ONNX / path.name).read_bytes())
    with pytest.raises(resnet.MissingFileError, match=r"bottleneck-external\.onnx\.data"):
        resnet.import_model(path)


def test_a_file_that_lacks_a_tensor_is_of_no_shallower_network(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    resnet.Model("resnet50", base_width=4, classes=5, stride_on="3x3").export(path)
    content = path.read_bytes()
    for name in ("layer3.5.conv1.weight", "layer3.5.conv2.weight", "layer2.0.downsample.0.weight"):
        other = name.replace("weight", "nobody")
        path.write_bytes(content.replace(f'"{name}"'.encode(), f'"{other}"'.encode()))
        for partial in (False, True):
            with pytest.raises(resnet.FormatError, match=f"{name} is missing"):
                resnet.import_model(path, partial=partial)


def test_files_of_other_programs_are_imported_and_exported(tmp_path: Path) -> None:
    model = resnet.import_model(GOLDEN / "basic.pth")
    with pytest.raises(resnet.FormatError, match="import_model"):
        resnet.load(GOLDEN / "basic.pth")
    with pytest.raises(resnet.FormatError, match="import_model"):
        resnet.open(ONNX.parent / "golden/keras.h5")
    with pytest.raises(resnet.InvalidArgumentError, match="export"):
        model.save(tmp_path / "m.pth")
    assert not list(tmp_path.iterdir())
    with pytest.raises(resnet.InvalidArgumentError, match=r"\.safetensors, \.pth, \.pt, \.onnx"):
        model.export(tmp_path / "m.keras")


def test_a_report_is_a_line_at_the_prompt() -> None:
    report = resnet.import_model(GOLDEN / "basic.pth").import_report
    ignored = report.names("ignored")
    assert len(ignored) > 3
    assert repr(report) == (
        f"<resnet.ImportReport torch: {report.imported} tensors imported; "
        f"{len(ignored)} ignored ({', '.join(ignored[:3])}, ...)>"
    )
    assert all(repr(note) in str(report) for note in report.notes)
    assert repr(resnet.Model("resnet8").import_report) == (
        "<resnet.ImportReport None: 0 tensors imported>"
    )


def test_notes_are_asked_for_by_their_kind() -> None:
    report = resnet.import_model(GOLDEN / "basic.pth").import_report
    assert report.names("ignored")
    with pytest.raises(resnet.InvalidArgumentError, match="'ignored', 'unexpected'"):
        report.names("typo")
