"""Models on disk."""

from __future__ import annotations

import copy
import errno
import pickle
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

import resnet
from model_files import seal
from resnet import _errors

if TYPE_CHECKING:
    from pathlib import Path

X = np.random.default_rng(0).standard_normal((2, 2, 24, 24)).astype(np.float32)


@pytest.fixture
def model() -> resnet.Model:
    model = resnet.Model.described(
        name="small",
        stem="cifar",
        stem_width=8,
        block="bottleneck",
        stages=[(1, 8, 1), (1, 16, 2)],
        shortcut="A",
        zero_channels="split",
        stride_on="3x3",
        classes=3,
        input_channels=2,
    )
    resnet.Trainer(model).step(X, [0, 2])
    model.class_names = ["cat", "Hündin", "鳥"]
    model.set_normalization(X[0], [0.5, 2])
    model.metadata = {"licence": "MIT", "Größe": "", "steps": "1\n2"}
    return model


def test_save_and_load_bit_for_bit(model: resnet.Model, tmp_path: Path) -> None:
    path = tmp_path / "model with spaces é.h5"
    model.save(path)
    read = resnet.load(str(path))
    before, after = model.state_dict(), read.state_dict()
    assert list(before) == list(after)
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert (read.name, read.classes, read.input_channels) == ("small", 3, 2)
    assert read.class_names == model.class_names
    assert dict(read.metadata) == {"licence": "MIT", "Größe": "", "steps": "1\n2"}
    for a, b in zip(read.normalization, model.normalization, strict=True):
        assert a is not None
        assert b is not None
        assert np.array_equal(a, b)
    assert np.array_equal(read.logits(X), model.logits(X))
    assert read.summary() == model.summary()
    assert list(tmp_path.iterdir()) == [path]


def test_open_runs_from_the_file(model: resnet.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.h5")
    opened = resnet.open(tmp_path / "m.h5")
    for _ in range(3):
        assert np.array_equal(opened.logits(X), model.logits(X))
    state = opened.state_dict()
    assert all(
        state[name].tobytes() == values.tobytes() for name, values in model.state_dict().items()
    )
    for change in (
        lambda: opened.save(tmp_path / "n.h5"),
        lambda: opened.load_state_dict(state),
        lambda: resnet.Trainer(opened),
    ):
        with pytest.raises(resnet.InvalidArgumentError, match="load it to change, train or save"):
            change()
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"`resnet.open` cannot be copied"):
            duplicate(opened)
    with pytest.raises(resnet.MissingFileError):
        resnet.open(tmp_path / "n.h5")


def test_h5py_reads_it(model: resnet.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.h5")
    arrays = {}
    with h5py.File(tmp_path / "m.h5") as file:
        file.visititems(
            lambda name, item: (
                arrays.update({name.rsplit("/")[-1]: item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    for name, values in model.state_dict().items():
        assert arrays[name].dtype == np.float32
        assert np.array_equal(arrays[name], values)


def test_saving_twice_replaces_the_file(model: resnet.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    model.save(path)
    other = resnet.Model("resnet20")
    other.save(path)
    assert resnet.load(path).name == "resnet20"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.h5") as caught:
        resnet.load(tmp_path / "absent.h5")
    assert isinstance(caught.value, resnet.NotFoundError)
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "absent.h5")
    assert str(caught.value).startswith("cannot load ")
    # The folder was given, not the file.
    with pytest.raises(FileNotFoundError, match="data_batch_1") as caught:
        resnet.CIFAR10(tmp_path)
    assert caught.value.filename == str(tmp_path)


def test_a_truncated_file(model: resnet.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    model.save(path)
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(resnet.FormatError):
            resnet.load(path)


def test_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "foreign.h5"
    path.write_bytes(b"\x89PNG\r\n" * 1000)
    with pytest.raises(resnet.FormatError) as caught:
        resnet.load(path)
    assert isinstance(caught.value, ValueError)
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros(5)
    with pytest.raises(resnet.FormatError):
        resnet.load(path)
    with pytest.raises(resnet.Error):
        resnet.load(tmp_path)


def test_a_missing_or_mis_shaped_tensor_is_named(model: resnet.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    model.save(path)
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        names: list[str] = []
        file.visit(names.append)
        tensor = next(name for name in names if name.endswith("layer2.0.conv1.weight"))
        values = file[tensor][()]
        del file[tensor]
    seal(path)
    with pytest.raises(resnet.FormatError, match=r"layer2\.0\.conv1\.weight"):
        resnet.load(path)
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        file[tensor] = values[:, 1:]
    seal(path)
    with pytest.raises(resnet.FormatError, match=r"layer2\.0\.conv1\.weight"):
        resnet.load(path)


def test_saving_where_nothing_can_be_written(model: resnet.Model, tmp_path: Path) -> None:
    expected: list[tuple[Path, type[OSError], int]] = [
        (tmp_path / "absent" / "m.h5", FileNotFoundError, errno.ENOENT),
        (tmp_path, resnet.InputOutputError, errno.EISDIR),
    ]
    for path, kind, code in expected:
        for write in (model.save, resnet.Trainer(model).save):
            with pytest.raises(resnet.InputOutputError) as caught:
                write(path)
            assert isinstance(caught.value, kind)
            assert caught.value.status == resnet.Status.IO_ERROR
            assert (caught.value.errno, caught.value.filename) == (code, str(path))
            copied = pickle.loads(pickle.dumps(caught.value))
            assert type(copied) is type(caught.value)
            assert (str(copied), copied.errno) == (str(caught.value), code)
    assert not list(tmp_path.iterdir())


def test_what_the_system_refuses_is_the_built_in_kind() -> None:
    for said, kind in (
        ("Permission denied", PermissionError),
        ("Operation not permitted", PermissionError),
        ("No such file or directory", FileNotFoundError),
        ("No space left on device", OSError),
        ("short", OSError),
    ):
        error = _errors.error_for(5, f"cannot save m.h5: {said}", [None, b"m.h5"])
        assert isinstance(error, kind)
        assert isinstance(error, resnet.InputOutputError)
        assert error.filename == "m.h5"
        assert error.strerror == (None if said == "short" else said)


def test_metadata_is_a_mapping(model: resnet.Model) -> None:
    metadata = model.metadata
    assert list(metadata) == ["Größe", "licence", "steps"]
    metadata["licence"] = "ISC"
    assert model.metadata["licence"] == "ISC"
    del model.metadata["steps"]
    assert "steps" not in metadata
    assert repr(metadata) == "{'Größe': '', 'licence': 'ISC'}"
    with pytest.raises(KeyError, match="steps"):
        del metadata["steps"]
    with pytest.raises(resnet.InvalidArgumentError, match="expected 1 to 255"):
        metadata["x" * 256] = ""
    with pytest.raises(resnet.InvalidArgumentError, match="expected at most 32768"):
        metadata["x"] = "y" * 32_769
    with pytest.raises(resnet.InvalidArgumentError, match="zero character"):
        metadata["x"] = "a\0b"
    with pytest.raises(resnet.InvalidArgumentError, match="expected a string"):
        metadata["x"] = 1  # type: ignore[assignment]
    model.metadata = {str(index): "" for index in range(256)}
    with pytest.raises(
        resnet.InvalidArgumentError, match="with more there are more metadata than the 256"
    ):
        metadata["more"] = ""
    assert copy.deepcopy(model).metadata == metadata


def test_metadata_that_are_refused_leave_the_old_ones(model: resnet.Model) -> None:
    before = dict(model.metadata)
    for bad in (
        {"a": "", "licence": "x" * 40_000},
        {"": "x"},
        {"licence": "ISC", "a": 1},
        {str(index): "" for index in range(257)},
    ):
        with pytest.raises(resnet.InvalidArgumentError):
            model.metadata = bad  # type: ignore[assignment]
        assert dict(model.metadata) == before
    model.metadata = {}
    assert not model.metadata
