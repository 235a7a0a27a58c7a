"""Five SGD steps agree with PyTorch's, computed in float64 and stored in golden files.

Tolerance: for the losses, the logits, and every tensor after training,
max|ours - truth| <= 1e-4 * max|truth|. Updates (after minus start) are held to a wider bound,
since a float32 parameter can hold a small update only coarsely. See cases.py and make.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import resnet
from cases import CASES, MOMENTUM, STEPS, WEIGHT_DECAY, Case, Outcome, differences, initial

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLERANCE = 1e-4
UPDATE_TOLERANCE = 5e-3


def new_model(case: Case) -> resnet.Model:
    if case.described:
        model = resnet.Model.described(
            classes=case.classes, input_channels=case.input_channels, **case.described
        )
    else:
        model = resnet.Model(
            case.preset,
            classes=case.classes,
            input_channels=case.input_channels,
            base_width=case.base_width,
            **case.options,
        )
    starts = {name: initial(name, value.shape) for name, value in model.state_dict().items()}
    model.load_state_dict(starts)
    return model


def train(model: resnet.Model, case: Case) -> list[float]:
    trainer = resnet.Trainer(model, lr=case.lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    x, y = case.images(), case.labels()
    return [trainer.step(x, y) for _ in range(STEPS)]


@pytest.fixture(params=[True, False], ids=["winograd", "direct"])
def _winograd(request: pytest.FixtureRequest) -> Iterator[None]:
    resnet.set_winograd(request.param)
    yield
    resnet.set_winograd(True)


@pytest.mark.usefixtures("_winograd")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_five_steps(case: Case) -> None:
    truth = Outcome.load(case.path)
    model = new_model(case)
    starts = model.state_dict()
    before = model.logits(case.images())
    losses = train(model, case)
    ours = Outcome.of(losses, before, model.logits(case.images()), model.state_dict())
    worst = differences(ours, truth, starts)
    print(worst)
    for kind, (difference, name) in worst.items():
        tolerance = UPDATE_TOLERANCE if kind == "updates" else TOLERANCE
        assert difference <= tolerance, f"{kind}: {name} is off by {difference:.1e}"


def test_a_single_wrong_decay_would_be_seen() -> None:
    """The bounds are tight enough to tell an SGD without weight decay from the real one."""
    case = CASES[0]
    truth = Outcome.load(case.path)
    model = new_model(case)
    starts = model.state_dict()
    before = model.logits(case.images())
    trainer = resnet.Trainer(model, lr=case.lr, momentum=MOMENTUM, weight_decay=0)
    losses = [trainer.step(case.images(), case.labels()) for _ in range(STEPS)]
    ours = Outcome.of(losses, before, model.logits(case.images()), model.state_dict())
    worst = differences(ours, truth, starts)
    assert worst["tensors"][0] > TOLERANCE
    assert worst["updates"][0] > UPDATE_TOLERANCE


@pytest.fixture
def _restored_threads() -> Iterator[None]:
    yield
    resnet.set_threads(0)


@pytest.mark.usefixtures("_restored_threads")
@pytest.mark.parametrize("name", ["resnet20-a", "resnet18-b"])
def test_the_same_bits_on_1_2_and_7_threads(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    results = []
    for threads in (1, 2, 7):
        resnet.set_threads(threads)
        assert resnet.get_threads() == threads
        model = new_model(case)
        losses = train(model, case)
        state = {key: value.tobytes() for key, value in model.state_dict().items()}
        results.append((losses, state, model.logits(case.images()).tobytes()))
    assert results[1] == results[0]
    assert results[2] == results[0]


def test_instruction_set_is_the_one_asked_for() -> None:
    asked = os.environ.get("RESNET_ISA")
    assert resnet.instruction_set() == (asked or resnet.instruction_set())
    assert resnet.instruction_set() in ("avx512", "avx2", "portable")


@pytest.mark.parametrize("isa", ["portable", "avx2"])
def test_other_instruction_sets(isa: str) -> None:
    if isa == "avx2" and not {"avx2", "fma"} <= _processor_flags():
        pytest.skip("this processor has no AVX2 with FMA")
    tests = (
        "test_five_steps[winograd-resnet20-a]",
        "test_five_steps[direct-resnet20-a]",
        "test_instruction_set_is_the_one_asked_for",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"{__file__}::{name}" for name in tests)],
        env={**os.environ, "RESNET_ISA": isa},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def _processor_flags() -> set[str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
