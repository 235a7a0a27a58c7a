"""Weights that others trained get as many test images right here as in PyTorch.

Set RESNET_WEIGHTS to a folder with resnet20-cifar10-torch.npz and resnet32-cifar10-torch.npz, and
CIFAR10 to one with CIFAR-10's binary files (as re-encoded by JPEG: the counts are for those).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import resnet

WEIGHTS, CIFAR10 = os.environ.get("RESNET_WEIGHTS"), os.environ.get("CIFAR10")
MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])
# Images whose two best scores differ by less than rounding.
SLACK = 2


@pytest.mark.skipif(not (WEIGHTS and CIFAR10), reason="needs RESNET_WEIGHTS and CIFAR10")
@pytest.mark.parametrize(("name", "correct"), [("resnet20", 8103), ("resnet32", 8256)])
def test_community_weights(name: str, correct: int) -> None:
    model = resnet.Model(name, zero_channels="split")
    with np.load(Path(WEIGHTS or "") / f"{name}-cifar10-torch.npz") as weights:
        model.load_state_dict(weights)
    model.set_normalization(MEAN * 255, 1 / (255 * DEVIATION))
    data = resnet.CIFAR10(CIFAR10 or "", train=False)
    images, labels = data.read()
    right = int((model.predict(images.astype(np.uint8)) == labels).sum())
    assert abs(right - correct) <= SLACK
    assert model.evaluate(data).accuracy == right / len(data)
