"""Weights in and out, under the names that others use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet
from tensors import Tensor

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    State = dict[str, npt.NDArray[Any]]

X = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)


@pytest.fixture
def source() -> resnet.Model:
    return resnet.Model("resnet20", seed=1)


@pytest.fixture
def target() -> resnet.Model:
    return resnet.Model("resnet20", seed=2)


def same(a: State, b: State) -> bool:
    return list(a) == list(b) and all(np.array_equal(a[name], b[name]) for name in a)


def test_round_trip(source: resnet.Model, target: resnet.Model) -> None:
    state = source.state_dict()
    target.load_state_dict(state)
    assert same(target.state_dict(), state)
    assert np.array_equal(target.logits(X), source.logits(X))


def test_names_shapes_and_order_are_torchvisions() -> None:
    state = resnet.Model("resnet18").state_dict()
    assert list(state)[:6] == [
        *("conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"),
        "layer1.0.conv1.weight",
    ]
    assert list(state)[-2:] == ["fc.weight", "fc.bias"]
    second = [name for name in state if name.startswith("layer2.0.")]
    parts = ("weight", "bias", "running_mean", "running_var")
    assert second == [
        *("layer2.0.conv1.weight", *(f"layer2.0.bn1.{part}" for part in parts)),
        *("layer2.0.conv2.weight", *(f"layer2.0.bn2.{part}" for part in parts)),
        "layer2.0.downsample.0.weight",
        *(f"layer2.0.downsample.1.{part}" for part in parts),
    ]
    assert state["conv1.weight"].shape == (64, 3, 7, 7)
    assert state["layer2.0.downsample.0.weight"].shape == (128, 64, 1, 1)
    assert state["fc.weight"].shape == (1000, 512)
    assert all(values.dtype == np.float32 for values in state.values())
    assert np.array_equal(state["bn1.running_var"], np.ones(64))


def test_the_arrays_are_copies(source: resnet.Model) -> None:
    state = source.state_dict()
    state["fc.bias"][:] = 5
    assert not source.state_dict()["fc.bias"].any()


def test_names_that_the_community_uses(source: resnet.Model, target: resnet.Model) -> None:
    state = source.state_dict()
    foreign: dict[str, Any] = {}
    for name, values in state.items():
        foreign["module." + name.replace("fc.", "linear.")] = Tensor(values.astype(np.float64))
        if name.endswith("running_var"):
            counter = name.replace("running_var", "num_batches_tracked")
            foreign["module." + counter] = np.array(391)
    target.load_state_dict(foreign)
    assert same(target.state_dict(), state)


def test_projections_called_shortcut() -> None:
    source, target = (resnet.Model("resnet20", shortcut="B", seed=s) for s in (1, 2))
    state = source.state_dict()
    target.load_state_dict({k.replace("downsample", "shortcut"): v for k, v in state.items()})
    assert same(target.state_dict(), state)


def test_npz_files(source: resnet.Model, target: resnet.Model, tmp_path: Path) -> None:
    state: dict[str, Any] = source.state_dict()
    np.savez(tmp_path / "weights.npz", **state)
    with np.load(tmp_path / "weights.npz") as file:
        target.load_state_dict(file)
    assert same(target.state_dict(), source.state_dict())


def test_half_precision_and_order_do_not_matter(target: resnet.Model) -> None:
    state = resnet.Model("resnet20", seed=3).state_dict()
    half = {name: state[name].astype(np.float16) for name in reversed(state)}
    target.load_state_dict(half)
    assert all(np.array_equal(v, half[n].astype("f4")) for n, v in target.state_dict().items())


def test_everything_that_is_wrong_is_reported_and_nothing_is_changed(
    source: resnet.Model, target: resnet.Model
) -> None:
    state: dict[str, Any] = source.state_dict()
    before = target.state_dict()
    del state["bn1.bias"]
    state["extra.weight"] = np.zeros(3, np.float32)
    state["fc.weight"] = state["fc.weight"].T
    state["layer1.0.bn1.bias"] = np.full(16, np.nan, np.float32)
    state["layer1.0.bn2.bias"] = np.zeros(16, np.int64)
    state["linear.bias"] = state["fc.bias"]
    with pytest.raises(resnet.StateDictError) as caught:
        target.load_state_dict(state)
    error = caught.value
    assert isinstance(error, resnet.ShapeError)
    assert error.missing == ["bn1.bias"]
    assert error.unexpected == ["extra.weight"]
    assert [text.split()[0] for text in error.mismatched] == [
        *("layer1.0.bn1.bias", "layer1.0.bn2.bias", "fc.weight", "fc.bias"),
    ]
    for part in ("bn1.bias", "extra.weight", "(64, 10), expected (10, 64)", "not finite", "twice"):
        assert part in str(error)
    assert same(target.state_dict(), before)


def test_a_dict_of_another_network_is_described_briefly(target: resnet.Model) -> None:
    with pytest.raises(resnet.StateDictError, match=r"and \d+ more") as caught:
        target.load_state_dict(resnet.Model("resnet56").state_dict())
    assert len(caught.value.unexpected) > 100
    assert len(str(caught.value)) < 2000
    with pytest.raises(resnet.StateDictError, match="missing"):
        target.load_state_dict({})


def test_a_checkpoint_around_a_state_dict_is_explained(target: resnet.Model) -> None:
    with pytest.raises(resnet.StateDictError, match=r'\["state_dict"\]'):
        target.load_state_dict({"epoch": 3, "state_dict": target.state_dict()})
    with pytest.raises(resnet.InvalidArgumentError, match="mapping"):
        target.load_state_dict([1, 2])  # type: ignore[arg-type]
