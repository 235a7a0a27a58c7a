"""The classes of models and datasets are matched by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet
from photos import write_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_may_lack_classes(tmp_path: Path) -> None:
    paths = write_folder(tmp_path / "all", {"ant": 5, "bee": 6, "cat": 7})
    write_folder(tmp_path / "some", {"bee": 6, "cat": 7})
    for path in paths[5:]:
        target = tmp_path / "some" / path.relative_to(tmp_path / "all")
        target.write_bytes(path.read_bytes())
    seen: dict[str, Any] = {"crop": 32, "resize": 36}
    whole = resnet.ImageFolder(tmp_path / "all", **seen)
    part = resnet.ImageFolder(tmp_path / "some", **seen)
    model = resnet.Model("resnet8", base_width=8, classes=3, seed=1)
    resnet.Trainer(model, lr=0.05).fit(whole, epochs=3, batch_size=6, validation=part)
    assert model.class_names == ["ant", "bee", "cat"]
    for views in (None, "10-crop"):
        _, counts = model.evaluate_by_class(whole, views=views)
        _, found = model.evaluate_by_class(part, views=views)
        np.testing.assert_array_equal(found[1:], counts[1:])
        assert not found[0].any()

    with pytest.raises(resnet.InvalidArgumentError, match=r'does not have: "dog"; .* "ant"'):
        model.evaluate(_renamed(tmp_path / "some", "bee", "dog"))
    fresh = resnet.Model("resnet8", base_width=8, classes=2)
    with pytest.raises(resnet.InvalidArgumentError, match="the validation data has classes"):
        resnet.Trainer(fresh).fit(part, batch_size=6, validation=whole)


def _renamed(folder: Path, old: str, new: str) -> resnet.ImageFolder:
    (folder / old).rename(folder / new)
    return resnet.ImageFolder(folder, crop=32, resize=36)
