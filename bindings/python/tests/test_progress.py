"""What `progress=True` shows of long calls other than `fit`."""

from __future__ import annotations

import io
import re
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet
from photos import write_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 600


@pytest.fixture(scope="module")
def model() -> resnet.Model:
    return resnet.Model("resnet8", base_width=4, input_channels=1, seed=1)


def data(count: int = COUNT) -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(count, 1, 8, 8)).astype(np.float32)
    return x, np.arange(count) % 10


class Terminal(io.StringIO):
    """A standard error that is one, to those who ask."""

    def isatty(self) -> bool:
        return True


CALLS: dict[str, Callable[[resnet.Model, resnet.Dataset, bool], object]] = {
    "evaluating": lambda model, data, shown: model.evaluate(data, progress=shown),
    "testing": lambda model, data, shown: model.evaluate(data, views="single", progress=shown),
    "statistics": lambda model, data, shown: model.recompute_statistics(data, 64, progress=shown),
    "responses": lambda model, data, shown: model.responses(data, progress=shown),
    "reading": lambda _, data, shown: data.calibrate(progress=shown),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_bar_and_a_line(model: resnet.Model, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    dataset = resnet.Dataset(*data())
    # Statistics are of full batches.
    total = COUNT // 64 * 64 if what == "statistics" else COUNT
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    CALLS[what](model, dataset, False)
    assert terminal.getvalue() == ""
    CALLS[what](model, dataset, True)
    parts = re.split(r"[\r\n]", terminal.getvalue())
    bars = [part for part in parts if "images/s" in part and f"/{total} " in part]
    assert bars, parts
    assert all(bar.startswith(what) for bar in bars)
    assert re.match(rf"{what}  \d+ images  \d+ images/s  \d+:\d\d$", parts[-2]), parts


def test_files_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path, {"a": 150, "b": 160})
    folder = resnet.ImageFolder(tmp_path, crop=8, resize=10)
    assert folder.verify(progress=True) == []
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.match(r"verifying  310 files  \d+ files/s  \d+:\d\d$", captured.err)


def test_batches_are_counted(model: resnet.Model, capsys: pytest.CaptureFixture[str]) -> None:
    batches = resnet.Dataset(*data(50)).batches(20)
    model.evaluate(batches, progress=True)
    assert capsys.readouterr().err.startswith("evaluating  3 batches  ")


def test_training_on_batches_shows_epochs(
    model: resnet.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    batches = resnet.Dataset(*data(40)).batches(20)
    resnet.Trainer(model, lr=0.01).fit((batch for batch in batches), progress=True)
    line = capsys.readouterr().err
    assert line.startswith("epoch 1/1  step 2/2  loss ")
    assert all(word in line for word in ("error", "images/s", "0:00 left"))


@pytest.mark.parametrize(
    ("stop", "taken", "left"), [(7, 6, ["1:15", "0:00"]), (11, 10, ["0:00"]), (12, 10, ["0:00"])]
)
def test_a_resumed_training_counts_its_own_time(
    model: resnet.Model, monkeypatch: pytest.MonkeyPatch, stop: int, taken: int, left: list[str]
) -> None:
    trainer = resnet.Trainer(model, lr=0.01)
    how: dict[str, Any] = {"epochs": 3, "batch_size": 8}
    reports: list[resnet.Progress] = []

    def stop_there(now: resnet.Progress) -> bool:
        reports.append(now)
        return len(reports) == stop

    # Five steps an epoch, and its end.
    trainer.fit(data(40), callback=stop_there, **how)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    times = iter([0.0])
    # A minute for the four steps that the second epoch has left, of the nine that there are.
    monkeypatch.setattr("resnet._progress.time", SimpleNamespace(monotonic=lambda: next(times, 60)))
    trainer.fit(data(40), progress=True, resume=True, **how)
    parts = re.split(r"[\r\n]", terminal.getvalue())
    bars = [part for part in parts if "/15 [" in part]
    assert f" {taken}/15 [" in bars[0], bars
    told = [found[1] for part in parts if (found := re.search(r"(\d+:\d\d) left", part))]
    assert told == left


def test_an_error_takes_the_bar_away(model: resnet.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    good, bad = resnet.Dataset(*data(20)).read(), ([[[1.0]]], [1])
    with pytest.raises(resnet.ShapeError):
        model.evaluate([good, bad], progress=True)
    assert "evaluating: " in terminal.getvalue()
    assert not re.split(r"[\r\n]", terminal.getvalue())[-1].strip()


def test_it_is_shown_in_any_thread(model: resnet.Model, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = resnet.Dataset(*data())
    thread = threading.Thread(target=lambda: model.evaluate(dataset, progress=True))
    thread.start()
    thread.join()
    assert capsys.readouterr().err.startswith("evaluating  600 images  ")
