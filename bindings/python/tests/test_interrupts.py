"""Signals during long calls: Ctrl-C stops them, and the model is as it was."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import resnet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

SIDE, COUNT = 32, 3000

SETUP = f"""
import os, signal, sys, threading
import numpy as np
import resnet

images = np.random.default_rng(0).integers(0, 255, ({COUNT}, 3, {SIDE}, {SIDE}), np.uint8)
labels = np.zeros({COUNT}, np.int32)
model = resnet.Model("resnet20", seed=1)
data = resnet.Dataset(images, labels, classes=10)
signal.signal(signal.SIGINT, signal.default_int_handler)
before = model.logits(images[:4])

def interrupted(call):
    main = os.getpid()
    timer = threading.Timer(0.1, os.kill, (main, signal.SIGINT))
    try:
        timer.start()
        call()
    except KeyboardInterrupt as error:
        assert error.__context__ is None, error.__context__
        print("interrupted")
    timer.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""

# What lasts much longer than the signal takes to come, in small steps.
CALLS = {
    "fit": "resnet.Trainer(model, lr=0).fit(data, epochs=1000, batch_size=16, normalize='keep')",
    "evaluate": "[model.evaluate(data) for _ in range(1000)]",
    "test": "[model.evaluate(data, views='single') for _ in range(1000)]",
    "recompute_statistics": "model.recompute_statistics(data, batch_size=2)",
    "responses": "[model.responses(data) for _ in range(1000)]",
    "predict": "[model.predict(images) for _ in range(1000)]",
    "calibrate": "[data.calibrate() for _ in range(1000)]",
}


def run(script: str, *arguments: str) -> str:
    """What a Python process of its own prints; it must print no error."""
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_stops_a_long_call(call: str) -> None:
    script = SETUP + f"interrupted(lambda: {CALLS[call]})\n"
    if call != "fit":
        script += "assert np.array_equal(model.logits(images[:4]), before)\n"
    assert run(script) == "interrupted\n"


def test_ctrl_c_stops_verifying_files(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "class/0.jpg")
    for index in range(1, 300):
        os.link(tmp_path / "class/0.jpg", tmp_path / f"class/{index}.jpg")
    # On as many threads as there are, some machine would have done before the signal.
    script = SETUP + "resnet.set_threads(2)\ninterrupted(resnet.ImageFolder(sys.argv[1]).verify)\n"
    assert run(script, str(tmp_path)) == "interrupted\n"


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restores the handlers of the signals that the tests use."""
    numbers = (signal.SIGINT, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def data(count: int = 600) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Images that take several steps to evaluate."""
    return np.ones((count, 1, 8, 8), np.float32), np.zeros(count, np.int32)


def send(number: int) -> Callable[[resnet.Progress], None]:
    """A callback that sends this process a signal."""
    return lambda _: signal.raise_signal(number)


@pytest.mark.usefixtures("handlers")
def test_what_a_handler_raises_the_call_raises() -> None:
    def handler(_number: int, _frame: object) -> None:
        raise TimeoutError("too long")

    signal.signal(signal.SIGUSR1, handler)
    trainer = resnet.Trainer(resnet.Model("resnet8", input_channels=1, classes=2))
    with pytest.raises(TimeoutError, match="too long"):
        trainer.fit(data(), epochs=9, batch_size=100, callback=send(signal.SIGUSR1))
    assert trainer.iterations == 1
    assert signal.getsignal(signal.SIGUSR1) is handler


@pytest.mark.usefixtures("handlers")
def test_a_handler_that_raises_nothing_stops_nothing() -> None:
    handled: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: handled.append(number))
    trainer = resnet.Trainer(resnet.Model("resnet8", input_channels=1, classes=2))
    trainer.fit(data(), batch_size=100, callback=send(signal.SIGINT))
    assert trainer.iterations == 6
    assert handled == [signal.SIGINT] * 7


@pytest.mark.usefixtures("handlers")
def test_a_handler_that_sets_another_has_its_way() -> None:
    signal.signal(signal.SIGINT, lambda number, _frame: signal.signal(number, signal.SIG_DFL))
    trainer = resnet.Trainer(resnet.Model("resnet8", input_channels=1, classes=2))
    interrupt = send(signal.SIGINT)
    trainer.fit(data(), batch_size=100, callback=lambda p: p.iteration == 1 and interrupt(p))
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL


@pytest.mark.usefixtures("handlers")
def test_ctrl_c_in_a_call_that_a_callback_makes() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    model = resnet.Model("resnet8", input_channels=1, classes=2)
    trainer = resnet.Trainer(model)
    # Not made anew for each call: Python drops what is raised while an object is being freed.
    images = resnet.Dataset(*data())
    seen: list[str] = []

    def callback(_progress: resnet.Progress) -> None:
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT))
        try:
            timer.start()
            while True:
                model.evaluate(images)
        except KeyboardInterrupt:
            seen.append("interrupted")
        timer.join()

    trainer.fit(data(300), batch_size=100, callback=callback)
    assert trainer.iterations == 3
    assert seen == ["interrupted"] * 4


def test_the_log_is_pythons_if_wanted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = resnet.Model("resnet8", input_channels=1, classes=2)
    caplog.set_level(logging.DEBUG, logger="resnet")
    model.save(tmp_path / "quiet.h5")
    assert not caplog.records
    resnet.set_log_level("info")
    try:
        model.save(tmp_path / "loud.h5")
    finally:
        resnet.set_log_level(None)
    model.save(tmp_path / "quiet.h5")
    lines = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
    assert [line[:2] for line in lines] == [("resnet", logging.INFO)] * 2
    assert resnet.library_version() in lines[0][2]
    assert f"saved {tmp_path / 'loud.h5'}: " in lines[1][2]
    with pytest.raises(resnet.InvalidArgumentError, match="level"):
        resnet.set_log_level("loud")  # type: ignore[arg-type]
