"""The testing protocols agree with plain Pillow, numpy and PyTorch (see make_views.py) to 1e-4."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import resnet
from cases import initial
from view_cases import DEVIATION, IMAGES, MEAN, NETWORK, OUTCOME, PROTOCOLS, Protocol

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model() -> resnet.Model:
    model = resnet.Model(NETWORK.preset, classes=NETWORK.classes, base_width=NETWORK.base_width)
    state = {name: initial(name, value.shape) for name, value in model.state_dict().items()}
    with np.load(OUTCOME) as outcomes:
        state |= {name: outcomes[name] for name in state if "running" in name}
    model.load_state_dict(state)
    model.set_normalization(MEAN, 1 / np.array(DEVIATION))
    return model


def views(protocol: Protocol) -> resnet.Views:
    options = dataclasses.asdict(protocol)
    options.pop("name")
    return resnet.Views(**options)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_probabilities(model: resnet.Model, protocol: Protocol) -> None:
    with np.load(OUTCOME) as outcomes:
        truth = outcomes[protocol.name]
    files = sorted(IMAGES.iterdir())
    assert len(truth) == len(files)
    for path, expected in zip(files, truth, strict=True):
        ours = model.probabilities(resnet.read_image(path)[None], views=views(protocol))[0]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=TOLERANCE, err_msg=path.name)


def test_another_average_would_be_seen(model: resnet.Model) -> None:
    """The bound is tight enough to tell what is averaged, and how images are resized."""
    image = resnet.read_image(IMAGES / "a-wide.jpg")[None]
    with np.load(OUTCOME) as outcomes:
        truth = outcomes["10-crop"][0]
    for change in (
        {"average": "scores"},
        {"interpolation": "bicubic"},
        {"resize": 41},
        {"crop": 31},
        {"kind": "centre"},
    ):
        changed = dataclasses.replace(views(PROTOCOLS[1]), **change)
        assert np.abs(model.probabilities(image, views=changed)[0] - truth).max() > TOLERANCE
