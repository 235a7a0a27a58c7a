"""Layers' outputs and responses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import resnet


def images(count: int = 5) -> Any:  # noqa: ANN401
    return np.random.default_rng(3).standard_normal((count, 3, 20, 28)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> resnet.Model:
    return resnet.Model("resnet14", base_width=8, seed=4)


def test_layers_are_those_of_the_network(model: resnet.Model) -> None:
    assert model.layers[:4] == ["input", "conv1", "bn1", "relu"]
    assert model.layers[-2:] == ["avgpool", "fc"]
    assert "layer3.1.add" in model.layers


def test_shapes(model: resnet.Model) -> None:
    assert model.feature_shape("layer2", 20, 28) == (16, 10, 14)
    assert model.feature_shape("avgpool", 20, 28) == (32,)
    assert model.features(images(), "layer2").shape == (5, 16, 10, 14)
    assert model.features(images()).shape == (5, 32)


def test_features_lead_to_the_logits(model: resnet.Model) -> None:
    x = images()
    pooled = model.features(x, "avgpool")
    np.testing.assert_allclose(model.features(x, "layer3").mean((2, 3)), pooled, atol=1e-6)
    state = model.state_dict()
    logits = pooled @ state["fc.weight"].T + state["fc.bias"]
    np.testing.assert_allclose(model.logits(x), logits, atol=1e-5)
    np.testing.assert_array_equal(model.features(x, "fc"), model.logits(x))


def test_a_block_is_what_its_layers_make(model: resnet.Model) -> None:
    x = images()
    before, added = model.features(x, "layer1.0"), model.features(x, "layer1.1.add")
    residual = model.features(x, "layer1.1.bn2")
    np.testing.assert_allclose(residual + before, added, atol=1e-5)
    np.testing.assert_array_equal(np.maximum(added, 0), model.features(x, "layer1.1"))
    np.testing.assert_array_equal(model.features(x, "layer1"), model.features(x, "layer1.1"))


def test_responses_are_deviations_of_features(model: resnet.Model) -> None:
    x = images(12)
    responses = model.responses((x, np.zeros(12, int)))
    assert list(responses) == [name for name in model.layers if "bn" in name]
    for name, deviation in responses.items():
        assert deviation == pytest.approx(
            model.features(x, name).astype(np.float64).std(), rel=1e-5
        )


def test_errors(model: resnet.Model) -> None:
    with pytest.raises(resnet.NotFoundError, match="layer4"):
        model.features(images(), "layer4")
    with pytest.raises(resnet.NotFoundError):
        model.feature_shape("", 8, 8)
    with pytest.raises(resnet.ShapeError):
        model.features(images()[0], "layer1")
    with pytest.raises(resnet.InvalidArgumentError):
        model.features(images(), 3)  # type: ignore[arg-type]
