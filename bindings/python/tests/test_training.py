"""Training: steps, epochs, progress, and how to stop."""

from __future__ import annotations

import copy
import io
import pickle
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resnet import Progress


def toy(count: int = 96, seed: int = 0) -> tuple[Any, Any]:
    """Stripes, upright, level or slanting, under noise: bytes of 1x12x12, three classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    row, column = np.mgrid[:12, :12]
    waves = np.stack([row, column, row + column])[labels] + rng.uniform(0, 6, (count, 1, 1))
    noise = rng.normal(0, 20, waves.shape)
    pixels = np.clip(128 + 80 * np.sin(waves) + noise, 0, 255)
    return pixels[:, None].astype(np.uint8), labels


def small(seed: int = 0) -> resnet.Model:
    return resnet.Model("resnet8", classes=3, input_channels=1, base_width=8, seed=seed)


def test_steps_lower_the_loss_of_a_batch() -> None:
    x, y = toy(24)
    model = small()
    model.set_normalization(128, 1 / 64)
    trainer = resnet.Trainer(model, lr=0.05)
    losses = [trainer.step(x, y) for _ in range(10)]
    assert losses[-1] < losses[0] / 2
    assert trainer.iterations == 10
    # A fresh network knows nothing: about the entropy of three equal classes.
    assert losses[0] == pytest.approx(np.log(3), abs=1)


def test_the_loss_is_that_of_the_batch_before_the_step() -> None:
    x, y = toy(24)
    a, b = (resnet.Trainer(small(), lr=rate) for rate in (0.0, 0.1))
    assert a.step(x / 255, y) == b.step(x / 255, y)
    assert a.step(x / 255, y) != b.step(x / 255, y)


def test_the_learning_rate_can_be_changed() -> None:
    trainer = resnet.Trainer(small(), lr=0.25)
    assert trainer.lr == 0.25
    trainer.lr = 0.5
    assert trainer.lr == 0.5
    with pytest.raises((resnet.InvalidArgumentError, resnet.NotFiniteError)):
        trainer.lr = float("nan")
    assert trainer.lr == 0.5


def test_weight_decay_can_spare_bn_and_biases() -> None:
    """With gradients nearly nothing beside it, decay alone shrinks what it applies to."""
    x, y = toy(3)
    states = []
    for spare in (False, True):
        model = small()
        trainer = resnet.Trainer(
            model, lr=1e-3, momentum=0, weight_decay=900, spare_bn_and_biases=spare
        )
        trainer.step(x / 255, y)
        states.append(model.state_dict())
    everything, spared = states
    assert np.abs(everything["bn1.weight"]).max() < 0.2
    assert np.abs(spared["bn1.weight"]).min() > 0.8
    assert np.array_equal(everything["conv1.weight"], spared["conv1.weight"])


def test_fit_learns_a_toy_problem() -> None:
    x, y = toy()
    model = small()
    history = resnet.Trainer(model, lr=0.05).fit(
        resnet.Dataset(x, y), epochs=8, batch_size=16, validation=toy(48, seed=1)
    )
    assert model.evaluate(toy(48, seed=2)).accuracy >= 0.95
    assert {len(values) for values in history.values()} == {8}
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_accuracy"][-1] >= 0.95
    metrics = model.evaluate(toy(48, seed=1))
    assert metrics.count == 48
    assert metrics.accuracy == history["val_accuracy"][-1]
    assert metrics.loss == pytest.approx(history["val_loss"][-1])
    assert min(history["images_per_second"]) > 0


def test_warm_up_and_plateau() -> None:
    data = toy(64)
    history = resnet.Trainer(small(), lr=0.02).fit(
        data,
        epochs=40,
        batch_size=16,
        validation=toy(48, seed=1),
        warm_up=(0.01, 0.9),
        plateau=(3, 0.0),
    )
    assert history["lr"][0] == pytest.approx(0.01)
    assert history["lr"][-1] < 0.01
    trainer = resnet.Trainer(small())
    for wrong in ({"warm_up": (0.1,)}, {"plateau": 3}, {"plateau": (0, 0.1)}, {"warm_up": (-1, 1)}):
        with pytest.raises(resnet.InvalidArgumentError):
            trainer.fit(data, batch_size=16, validation=data, **wrong)
    with pytest.raises(resnet.InvalidArgumentError, match="no validation data"):
        trainer.fit(data, batch_size=16, plateau=(3, 0.1))


def test_statistics_are_recomputed() -> None:
    x, y = toy(64)
    model = small()
    resnet.Trainer(model, lr=0.05).fit((x, y), epochs=2, batch_size=16)
    before = model.state_dict()
    model.recompute_statistics((x, y), batch_size=32, seed=1)
    changed = {
        name for name, values in model.state_dict().items() if (values != before[name]).any()
    }
    assert changed == {name for name in before if "running" in name}
    with pytest.raises(resnet.InvalidArgumentError, match="batch"):
        model.recompute_statistics((x, y), batch_size=65)
    with pytest.raises(resnet.InvalidArgumentError, match="1 or more"):
        model.recompute_statistics((x, y), images=0)
    with pytest.raises(resnet.InvalidArgumentError, match="batch size is 0, expected 1"):
        model.recompute_statistics((x, y), batch_size=0)
    chosen = copy.deepcopy(model)
    model.recompute_statistics((x, y), batch_size=64)
    chosen.recompute_statistics((x, y))
    assert pickle.dumps(model) == pickle.dumps(chosen)


def test_evaluation_is_what_the_logits_say() -> None:
    x, y = toy(50)
    model = small()
    resnet.Trainer(model).fit((x, y), batch_size=10)
    logits = model.logits(x).astype(np.float64)
    metrics = model.evaluate((x, y))
    assert metrics.accuracy == pytest.approx((logits.argmax(1) == y).mean())
    five = np.argsort(-logits, axis=1)[:, :5]
    assert metrics.top5_accuracy == pytest.approx((five == y[:, None]).any(1).mean())
    again, counts = model.evaluate_by_class((x, y))
    assert again == metrics
    assert counts.sum() == 50
    assert counts.trace() == (logits.argmax(1) == y).sum()
    assert np.array_equal(counts.sum(1), np.bincount(y, minlength=model.classes))
    log_sum = np.log(np.exp(logits).sum(1))
    assert metrics.loss == pytest.approx((log_sum - logits[np.arange(50), y]).mean(), rel=1e-5)


def test_fit_is_the_same_for_the_same_seed() -> None:
    def trained(seed: int) -> bytes:
        model = small()
        resnet.Trainer(model).fit(toy(), epochs=2, batch_size=16, augment=(2, True), seed=seed)
        return b"".join(values.tobytes() for values in model.state_dict().values())

    assert trained(3) == trained(3)
    assert trained(3) != trained(4)


def test_workers_change_nothing_but_the_time() -> None:
    states = []
    for workers, prefetch in ((0, 1), (1, 1), (3, 5), (None, 2)):
        model = small()
        resnet.Trainer(model).fit(
            toy(), batch_size=16, augment="cifar", workers=workers, prefetch=prefetch
        )
        states.append(model.state_dict())
    for state in states[1:]:
        assert all(np.array_equal(state[name], states[0][name]) for name in state)
    for workers, prefetch in ((-1, 1), (257, 1), (1, 0), (1, 65)):
        with pytest.raises(resnet.InvalidArgumentError):
            resnet.Trainer(small()).fit(toy(), batch_size=16, workers=workers, prefetch=prefetch)


def test_iterations_end_in_the_middle_of_an_epoch() -> None:
    seen: list[Progress] = []
    trainer = resnet.Trainer(small())
    history = trainer.fit(
        toy(), iterations=8, batch_size=16, validation=toy(24, seed=1), callback=seen.append
    )
    assert trainer.iterations == 8
    assert [progress.steps for progress in seen if progress.epoch_ended] == [6, 2]
    assert len(history["val_loss"]) == 2
    for bad in (0, -1, 1.5):
        with pytest.raises(resnet.InvalidArgumentError):
            trainer.fit(toy(), iterations=bad, batch_size=16)  # type: ignore[arg-type]


def test_normalization_by_fit() -> None:
    x, y = toy()
    automatic, kept = small(), small()
    resnet.Trainer(automatic).fit((x, y), batch_size=32)
    mean, scale = automatic.normalization
    assert mean is not None
    assert scale is not None
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(scale, [1 / 255], rtol=1e-6)
    kept.set_normalization(100)
    resnet.Trainer(kept).fit((x, y), batch_size=32)
    assert kept.normalization.scale is None
    bare = small()
    resnet.Trainer(bare).fit((x / 255, y), batch_size=32, normalize="keep")
    assert bare.normalization == (None, None)


def test_frozen_layers_stay_as_they_are() -> None:
    model = small()
    trainer = resnet.Trainer(model)
    x, y = toy(24)
    before = model.state_dict()
    trainer.freeze(["conv1", "bn1", "layer1"])
    trainer.step(x / 255, y)
    after = model.state_dict()
    for name, values in before.items():
        frozen = name.startswith(("conv1.", "bn1.", "layer1."))
        assert np.array_equal(after[name], values) == frozen, name
    trainer.freeze([])
    trainer.step(x / 255, y)
    assert not np.array_equal(model.state_dict()["conv1.weight"], before["conv1.weight"])
    with pytest.raises(resnet.NotFoundError, match="layer9"):
        trainer.freeze(["layer9"])
    for names in ("conv1", ["conv1", "bn1", "layer1", "layer2", "layer3", "fc"], [3]):
        with pytest.raises(resnet.InvalidArgumentError):
            trainer.freeze(names)  # type: ignore[arg-type]


def test_recipes_are_arguments() -> None:
    recipe = resnet.recipe("cifar-resnet110")
    assert recipe.trainer == {
        "lr": 0.1,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "spare_bn_and_biases": False,
    }
    assert recipe.fit == {
        "iterations": 64_000,
        "batch_size": 128,
        "augment": (4, True),
        "milestones": (32_000, 48_000),
        "gamma": 0.1,
        "normalize": "auto",
        "warm_up": (0.01, 0.8),
    }
    assert recipe.validation_images == 5000
    assert "64,000 steps" in str(recipe)
    assert "warm_up" not in resnet.recipe("cifar").fit
    assert recipe.variation is None
    published = resnet.recipe("imagenet")
    assert published.variation == resnet.PUBLISHED
    assert published.fit["plateau"] == (5, 0.001)
    common = resnet.recipe("imagenet-common")
    assert common.variation == resnet.COMMON
    assert common.fit["normalize"] == "channels"
    changed = recipe.fit | {"iterations": 3, "batch_size": 16}
    training, validation = resnet.Dataset(*toy()).split(10)
    trainer = resnet.Trainer(small(), **recipe.trainer)
    trainer.fit(training, validation=validation, **changed)
    assert trainer.iterations == 3
    with pytest.raises(resnet.NotFoundError, match="cifar-resnet110"):
        resnet.recipe("paper")


def test_recipes_of_another_length() -> None:
    recipe = resnet.recipe("cifar")
    assert recipe.lasting(iterations=64_000) == recipe
    short = recipe.lasting(iterations=64)
    assert short.fit == recipe.fit | {"iterations": 64, "milestones": (32, 48)}
    assert "over 64 steps, learning rate times 0.1 after 32 and 48" in str(short)
    # As `resnet train` rounds them, and leaves out those that there is no room for.
    common = resnet.recipe("imagenet-common")
    assert common.lasting(iterations=100).fit["milestones"] == (33, 67)
    assert recipe.lasting(iterations=4).fit["milestones"] == (2, 3)
    assert recipe.lasting(iterations=1).fit["milestones"] == ()
    epochs = recipe.lasting(epochs=20, images=45_000)
    assert epochs.fit["iterations"] == 20 * 351
    assert epochs.fit["milestones"] == (10 * 351, 15 * 351)
    assert epochs.lasting(iterations=64).fit == short.fit
    arguments: list[dict[str, int]] = [
        {},
        {"epochs": 1},
        {"iterations": 1, "epochs": 1, "images": 200},
        {"iterations": 1, "images": 200},
        {"iterations": 0},
        {"epochs": 0, "images": 200},
        {"epochs": 1, "images": 127},
    ]
    for wrong in arguments:
        with pytest.raises(resnet.InvalidArgumentError, match="expected"):
            recipe.lasting(**wrong)


def test_milestones_lower_the_learning_rate() -> None:
    trainer = resnet.Trainer(small(), lr=0.5)
    seen: list[tuple[int, float]] = []
    history = trainer.fit(
        toy(32),
        epochs=3,
        batch_size=16,
        milestones=[2, 4],
        gamma=0.5,
        callback=lambda p: seen.append((p.iteration, p.learning_rate)),
    )
    assert history["lr"] == pytest.approx([0.5, 0.25, 0.125])
    rates = dict(seen)
    assert [rates[i] for i in range(1, 7)] == pytest.approx([0.5, 0.5, 0.25, 0.25, 0.125, 0.125])
    assert trainer.lr == 0.5


def test_the_callback_can_set_the_learning_rate() -> None:
    """The paper's warm-up of ResNet-110."""
    trainer = resnet.Trainer(small(), lr=0.01)
    rates: list[float] = []

    def callback(progress: Progress) -> None:
        if not progress.epoch_ended:
            rates.append(progress.learning_rate)
        if progress.iteration == 2:
            trainer.lr = 0.5

    trainer.fit(toy(32), epochs=2, batch_size=16, callback=callback)
    assert rates == pytest.approx([0.01, 0.01, 0.5, 0.5])


def test_the_callback_sees_every_step() -> None:
    seen: list[Progress] = []
    model = small()
    history = resnet.Trainer(model).fit(
        toy(40), epochs=2, batch_size=16, validation=toy(9), callback=seen.append
    )
    assert [(p.epoch, p.step, p.iteration, p.epoch_ended) for p in seen] == [
        *((1, 1, 1, False), (1, 2, 2, False), (1, 2, 2, True)),
        *((2, 1, 3, False), (2, 2, 4, False), (2, 2, 4, True)),
    ]
    assert {(p.epochs, p.steps) for p in seen} == {(2, 2)}
    assert [p.validation_loss is not None for p in seen] == [p.epoch_ended for p in seen]
    assert seen[-1].loss == history["loss"][-1]
    assert all(0 <= p.accuracy <= 1 for p in seen)


def test_the_callback_can_query_and_save_the_model(tmp_path: Path) -> None:
    model = small()
    x, y = toy(32)
    found: list[Any] = []

    def callback(progress: Progress) -> None:
        if progress.epoch_ended:
            model.save(tmp_path / "m.h5")
            found.append((model.predict(x), resnet.load(tmp_path / "m.h5").predict(x)))

    resnet.Trainer(model).fit((x, y), batch_size=16, callback=callback)
    assert len(found) == 1
    assert np.array_equal(*found[0])


def test_another_thread_finds_the_model_busy() -> None:
    model = small()
    errors: list[Exception] = []

    def intrude() -> None:
        try:
            model.predict(toy(1)[0])
        except resnet.Error as error:
            errors.append(error)

    def callback(_progress: Progress) -> bool:
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
        return True

    resnet.Trainer(model).fit(toy(32), batch_size=16, callback=callback)
    assert [type(error) for error in errors] == [resnet.BusyError]


def test_the_callback_can_stop_training() -> None:
    model = small()
    trainer = resnet.Trainer(model)
    history = trainer.fit(toy(32), epochs=50, batch_size=16, callback=lambda p: p.iteration == 5)
    assert trainer.iterations == 5
    assert {name: len(values) for name, values in history.items()} == {
        "iteration": 2,
        "loss": 2,
        "accuracy": 2,
        "val_loss": 0,
        "val_accuracy": 0,
        "lr": 2,
        "images_per_second": 2,
    }
    trainer.fit(toy(32), batch_size=16)
    assert trainer.iterations == 7


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_what_a_callback_raises_fit_raises(kind: type[BaseException]) -> None:
    trainer = resnet.Trainer(small())
    raised = kind("stop")

    def callback(_progress: Progress) -> None:
        raise raised

    with pytest.raises(kind) as caught:
        trainer.fit(toy(32), epochs=50, batch_size=16, callback=callback)
    assert caught.value is raised
    assert trainer.iterations == 1


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, as it does unless whoever started us has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_stops_training_at_the_end_of_a_step() -> None:
    model = small()
    trainer = resnet.Trainer(model)
    handler = signal.getsignal(signal.SIGINT)

    def callback(progress: Progress) -> None:
        if progress.iteration == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trainer.fit(toy(32), epochs=50, batch_size=16, callback=callback)
    assert trainer.iterations == 3
    assert signal.getsignal(signal.SIGINT) is handler
    assert np.isfinite(model.logits(toy(4)[0])).all()


@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_at_any_moment_stops_training() -> None:
    """Without a callback, and while the library computes."""
    trainer = resnet.Trainer(small())
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, signal.pthread_kill, [main, signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        timer.start()
        trainer.fit(toy(96), epochs=1_000_000, batch_size=8)
    timer.join()


def test_fit_in_a_thread_leaves_signals_alone() -> None:
    handlers: list[Any] = []
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        resnet.Trainer(small()).fit(
            toy(32),
            batch_size=16,
            callback=lambda _: handlers.append(signal.getsignal(signal.SIGINT)),
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert set(handlers) == {before}


def test_a_loss_that_diverges_is_an_error() -> None:
    x, y = toy(32)
    trainer = resnet.Trainer(small(), lr=1e30, weight_decay=0)
    with pytest.raises(resnet.NotFiniteError):
        trainer.fit((x, y), epochs=20, batch_size=16)


def test_progress_on_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    resnet.Trainer(small()).fit(toy(32), epochs=2, batch_size=16, validation=toy(9), progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  step 2/2  loss ")
    assert all(word in lines[1] for word in ("error", "held-out error", "images/s", "0:00 left"))


def test_nothing_is_printed_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    resnet.Trainer(small()).fit(toy(32), batch_size=16)
    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    """A standard error that is one, to those who ask."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    trainer = resnet.Trainer(small())
    trainer.fit(toy(32), iterations=5, batch_size=8, validation=toy(9), progress=True)
    shown = terminal.getvalue()
    bars = [part for part in re.split(r"[\r\n]", shown) if "step/s" in part or "s/step" in part]
    assert bars, shown
    assert any("epoch 2/2: 100%" in bar and "5/5" in bar for bar in bars), bars
    assert all("images/s" in bar and "loss" in bar and "error" in bar for bar in bars[1:]), bars
    lines = [part for part in re.split(r"[\r\n]", shown) if part.endswith("left")]
    assert [line[:20] for line in lines] == ["epoch 1/2  step 4/4 ", "epoch 2/2  step 1/1 "]
    last = re.split(r"[\r\n]", shown)[-1]
    assert not last.strip(), "the bar is gone in the end"


def test_progress_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    resnet.Trainer(small()).fit(toy(32), epochs=2, batch_size=16, progress=True)
    assert [line.split("  ")[0] for line in terminal.getvalue().splitlines()] == [
        "epoch 1/2",
        "epoch 2/2",
    ]


def test_the_bar_is_gone_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    def fail(progress: Progress) -> None:
        if progress.iteration == 3:
            raise ValueError("the callback's own")

    with pytest.raises(ValueError, match="the callback's own"):
        resnet.Trainer(small()).fit(toy(32), epochs=2, batch_size=16, progress=True, callback=fail)
    assert not re.split(r"[\r\n]", terminal.getvalue())[-1].strip()


def test_normalization_per_channel_by_fit() -> None:
    x, y = toy()
    model = small()
    resnet.Trainer(model).fit((x, y), batch_size=32, normalize="channels")
    mean, scale = model.normalization
    assert mean is not None
    assert scale is not None
    np.testing.assert_allclose(mean, x.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(scale, 1 / x.std((0, 2, 3)), rtol=1e-5)
