"""`resnet bench`: figures that fit together, whatever they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import resnet
from cli import done, run

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ("--repetitions", "3", "--seconds", "0.01", "--batch", "2", "--threads", "1")


def test_figures_fit_together() -> None:
    found = json.loads(run("bench", "resnet8", *QUICK, "--height", "16", "--json"))
    assert (found["network"], found["batch"], found["threads"]) == ("resnet8", 2, 1)
    assert (found["height"], found["width"]) == (16, 16)
    assert found["instruction_set"] == resnet.instruction_set()
    assert len(found["peak_gflops"]) == 3
    inference, training = found["rows"]
    assert (inference["name"], training["name"]) == ("inference", "training")
    described = json.loads(run("inspect", "resnet8", "--height", "16", "--json"))
    multiply_adds = described["multiply_adds"]
    assert inference["flop"] == 2 * 2 * multiply_adds
    stem = 16 * 27 * 16 * 16
    assert training["flop"] == 2 * 2 * (3 * multiply_adds - stem)
    for row in found["rows"]:
        median = np.median(row["seconds"])
        assert row["median_seconds"] == pytest.approx(median)
        assert row["images_per_second"] == pytest.approx(2 / median)
        assert row["gflops"] == pytest.approx(row["flop"] / median / 1e9)
        share = row["gflops"] / np.median(found["peak_gflops"])
        assert row["share_of_peak"] == pytest.approx(share)


def test_a_model_file_stays_as_it_is(model: Path) -> None:
    before = model.read_bytes()
    said = run("bench", model, *QUICK)
    assert "resnet8, 2 images of 3x32x32 to a batch, 1 thread" in said
    assert "inference: " in said
    assert "training: " in said
    assert "% of peak" in said
    assert model.read_bytes() == before
    said = run("bench", model, *QUICK, "--only", "training")
    assert "inference" not in said


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("resnet8", "--batch", "0"), 64, "--batch is 0"),
        (("resnet8", "--repetitions", "0"), 64, "--repetitions is 0"),
        (("resnet8", "--seconds", "0"), 64, "--seconds is 0"),
        (("m.h5", "--classes", "2"), 64, "cannot be changed"),
        (("resnet9",), 1, "nearest are resnet8 and resnet14"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], status: int, message: str) -> None:
    ended = done("bench", *arguments)
    assert ended.returncode == status
    assert message in ended.stderr
