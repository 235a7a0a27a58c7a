"""The programs in docs/FORMAT.md read, write and change model files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import h5py  # noqa: F401 (the programs import it; without it this module is an error)
import numpy as np
import pytest

import resnet

FORMAT = Path(__file__).parents[3] / "docs" / "FORMAT.md"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    found = re.findall(r"```python\n(.*?)```", FORMAT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 3
    return found


def run(program: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(program, os.fspath(FORMAT), "exec"), names)
    return names


def test_a_file_is_read_written_and_changed_without_libresnet(programs: list[str]) -> None:
    read, write, change = programs
    model = resnet.Model("resnet20", classes=2, seed=3)
    model.save("model.h5")
    names = run(read, {})
    state = model.state_dict()
    assert list(names["state_dict"]) == list(state)

    names = run(write, names)
    again = resnet.load("model.h5")
    assert again.class_names == ["cat", "dog"]
    for name, value in again.state_dict().items():
        assert value.tobytes() == state[name].tobytes()

    run(change, names | {"values": np.array([1.5, -2], np.float32)})
    assert resnet.load("model.h5").state_dict()["fc.bias"].tolist() == [1.5, -2]


def test_without_its_checksums_a_file_is_refused(programs: list[str]) -> None:
    resnet.Model("resnet20", classes=2).save("model.h5")
    names = run(programs[0], {})
    run(programs[1].replace('seal("model.h5")', ""), names)
    with pytest.raises(resnet.FormatError, match="checksums that end such a file are missing"):
        resnet.load("model.h5")
