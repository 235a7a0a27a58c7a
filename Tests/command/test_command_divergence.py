"""Trainings that diverge: what is said of them, and what of them is kept."""

from __future__ import annotations

import math
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

import resnet
from cli import NETWORK, SHORT, VIEW, done, run

if TYPE_CHECKING:
    from pathlib import Path

DIVERGED = r"Error: the (loss is (infinite|not a number) at iteration \d+ with|values before) .*"


def test_a_training_that_diverges(cifar10: Path, tmp_path: Path) -> None:
    """After a warm-up, of a hundred steps, which is worth going on from."""
    folder, out = tmp_path / "run", tmp_path / "model.h5"
    data = ("train", "--cifar10", cifar10, "--batch-size", "32", "--threads", "1", "--out", out)
    network = ("--network", "resnet8", "--base-width", "4")
    line = (*data, *network, "--recipe", "cifar-resnet110", "--hold-out", "0", "--epochs", "12",
            "--milestones", "none", "--lr", "1e20", "--checkpoints", folder, "--checkpoint-every",
            "1", "--keep", "9")  # fmt: skip
    ended = done(*line)
    assert ended.returncode == 1
    found = re.search(
        rf"{DIVERGED}; the last good checkpoint is {folder}/step-(\d+).h5, from which --from "
        rf"{folder}/step-\3.h5 goes on, with a lower --lr and another folder of --checkpoints\n",
        ended.stderr,
    )
    assert found, ended.stderr
    # What was written after it, at that rate, is not recommended.
    assert found[3] < max(folder.glob("step-*.h5")).stem[len("step-") :]
    assert not out.exists()
    assert ended.stderr.splitlines()[-1].split("; ")[-1] in done(*line, "--resume").stderr
    advised = ("--from", folder / f"step-{found[3]}.h5", "--lr", "0.001", "--epochs", "1")
    said = run(*data, *advised, "--checkpoints", tmp_path / "other")
    assert float(re.findall(r"loss (\S+)", said)[-1]) < math.log(10)


def test_a_training_that_diverges_at_once(images: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "run", tmp_path / "model.h5"
    ended = done("train", "--folder", images, *SHORT, "--lr", "1e38", "--checkpoints", folder,
                 "--checkpoint-every", "1", "--out", out)  # fmt: skip
    assert ended.returncode == 1
    assert re.search(
        rf"{DIVERGED}; there is no good checkpoint of before: begin anew, with a lower --lr and",
        ended.stderr,
    ), ended.stderr
    assert list(folder.glob("step-*.h5"))
    assert not out.exists()


@pytest.mark.parametrize("evaluated", [True, False])
def test_a_last_step_that_diverges(evaluated: bool, images: Path, tmp_path: Path) -> None:
    """No loss is computed of what it leaves, unless it is evaluated."""
    folder, out = tmp_path / "run", tmp_path / "model.h5"
    if not evaluated:
        shutil.rmtree(images / "val")
    ended = done("train", "--folder", images, "--iterations", "1", "--batch-size", "8", *NETWORK,
                 *VIEW, "--lr", "1e38", "--checkpoints", folder, "--out", out)  # fmt: skip
    assert ended.returncode == 1
    assert (
        "Error: the loss of the validation images is not a number after iteration 1; "
        if evaluated
        else "Error: after the last step the model's scores are not numbers, or infinite; "
    ) in ended.stderr
    assert "there is no good checkpoint of before" in ended.stderr
    assert not out.exists()
    assert not (folder / "best.h5").exists()


@pytest.mark.parametrize(
    "arguments",
    [("evaluate", "{ruined}", "--folder", "{images}"), ("predict", "{ruined}", "{images}/val")],
)
@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_model_that_is_ruined(
    arguments: tuple[str, ...], option: tuple[str, ...], model: Path, images: Path, tmp_path: Path
) -> None:
    ruined = tmp_path / "ruined.h5"
    loaded = resnet.load(model)
    weights = {"fc.weight": np.full_like(loaded.state_dict()["fc.weight"], 3e38)}
    loaded.load_state_dict(loaded.state_dict() | weights)
    loaded.save(ruined)
    ended = done(*(word.format(ruined=ruined, images=images) for word in arguments), *option)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert f"Error: the scores of {ruined} are not numbers, or infinite: its" in ended.stderr
