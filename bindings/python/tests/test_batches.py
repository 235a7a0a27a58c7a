"""Batches out of datasets, and batches that a program brings along."""

from __future__ import annotations

import csv
import io
import logging
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet
from photos import write_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLASSES = 2


def toy(count: int = 48, *, seed: int = 0) -> tuple[Any, Any]:
    """Dark and bright images."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % CLASSES
    x = rng.normal(0, 0.3, (count, 1, 8, 8)) + y[:, None, None, None]
    return x.astype(np.float32), y.astype(np.int64)


def small() -> resnet.Model:
    return resnet.Model("resnet8", base_width=4, classes=CLASSES, input_channels=1, seed=1)


class Loader:
    """The protocol of PyTorch's DataLoader: a length, and lists of two, anew each time."""

    def __init__(self, x: Any, y: Any, size: int) -> None:  # noqa: ANN401
        self.x, self.y, self.size = x, y, size

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.size)

    def __iter__(self) -> Iterator[list[Any]]:
        for first in range(0, len(self.x), self.size):
            yield [self.x[first : first + self.size], self.y[first : first + self.size]]


# ---- Out of a dataset


def test_the_batches_are_the_dataset() -> None:
    x, y = toy(10)
    batches = resnet.Dataset(x, y).batches(4)
    assert len(batches) == 3
    parts = list(batches)
    assert [len(labels) for _, labels in parts] == [4, 4, 2]
    assert (np.concatenate([images for images, _ in parts]) == x).all()
    assert (np.concatenate([labels for _, labels in parts]) == y).all()
    assert repr(batches) == "<resnet.Batches: 3 of 4>"
    whole = resnet.Dataset(x, y).batches(4, drop_last=True)
    assert len(whole) == len(list(whole)) == 2


def test_every_epoch_has_an_order_of_its_own() -> None:
    x = np.arange(20, dtype=np.float32).reshape(20, 1, 1, 1)
    y = np.arange(20)
    batches = resnet.Dataset(x, y).batches(8, shuffle=True, seed=4)

    def order() -> list[int]:
        parts = list(batches)
        for images, labels in parts:
            assert (images[:, 0, 0, 0] == labels).all()
        return [int(label) for _, labels in parts for label in labels]

    first, second = order(), order()
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    batches.epoch = 0
    assert order() == first
    assert batches.epoch == 1


@pytest.mark.parametrize("shuffle", [False, True])
def test_images_vary_as_in_training(tmp_path: Path, *, shuffle: bool) -> None:
    write_folder(tmp_path, {"a": 3, "b": 3})
    data = resnet.ImageFolder(tmp_path, variation="common", crop=16, resize=20)
    batches = data.batches(4, varied=True, shuffle=shuffle, seed=9)
    for epoch in range(2):
        seen = np.concatenate([images for images, _ in batches])
        order = np.random.default_rng((9, epoch)).permutation(6) if shuffle else np.arange(6)
        assert (seen == data.read(vary=(9, epoch))[0][order]).all()
    plain = np.concatenate([images for images, _ in data.batches(4)])
    assert (plain == data.read()[0]).all()


def test_batches_that_cannot_be() -> None:
    data = resnet.Dataset(*toy(4))
    with pytest.raises(resnet.InvalidArgumentError, match="batch_size is 0"):
        data.batches(0)
    batches = data.batches(2)
    batches.epoch = -1
    with pytest.raises(resnet.InvalidArgumentError, match="epoch is -1"):
        iter(batches)


# ---- Into training and evaluation


def test_fit_takes_the_steps_of_a_loop_over_the_batches() -> None:
    x, y = toy()
    loader = Loader(x, y, 16)
    by_fit, by_hand = small(), small()
    trainer = resnet.Trainer(by_fit, lr=0.05)
    history = trainer.fit(loader, epochs=3, milestones=[4], gamma=0.5, validation=loader)
    other = resnet.Trainer(by_hand, lr=0.05)
    losses = []
    for step, (images, labels) in enumerate(batch for _ in range(3) for batch in loader):
        other.lr = 0.05 if step < 4 else 0.025
        losses.append(other.step(images, labels))
    for name, values in by_hand.state_dict().items():
        # The order within a batch is another, and so is rounding.
        assert np.allclose(by_fit.state_dict()[name], values, atol=1e-4), name
    assert history["iteration"] == [3, 6, 9] == [3, 6, trainer.iterations]
    assert np.allclose(history["loss"], np.mean(np.reshape(losses, (3, 3)), axis=1), atol=1e-3)
    assert history["lr"] == pytest.approx([0.05, 0.025, 0.025])
    assert trainer.lr == pytest.approx(0.05)
    assert len(history["val_loss"]) == len(history["val_accuracy"]) == 3
    assert history["val_accuracy"][-1] == by_fit.evaluate((x, y)).accuracy
    assert all(0 <= accuracy <= 1 for accuracy in history["accuracy"])


def test_iterations_end_in_the_middle_of_the_batches() -> None:
    seen: list[resnet.Progress] = []
    trainer = resnet.Trainer(small(), lr=0.01)
    trainer.fit(Loader(*toy(), 16), iterations=5, callback=seen.append)
    assert trainer.iterations == 5
    assert [(p.epoch, p.step, p.steps, p.epochs) for p in seen if p.epoch_ended] == [
        (1, 3, 3, 2),
        (2, 2, 2, 2),
    ]


def test_a_generator_is_one_epoch() -> None:
    trainer = resnet.Trainer(small(), lr=0.01)
    batches = (batch for batch in Loader(*toy(), 16))
    assert trainer.fit(batches)["iteration"] == [3]
    with pytest.raises(resnet.InvalidArgumentError, match="no batches in epoch 1"):
        trainer.fit(batches)
    with pytest.raises(resnet.InvalidArgumentError, match="once, and 2 epochs"):
        trainer.fit(iter(Loader(*toy(), 16)), epochs=2)
    with pytest.raises(resnet.InvalidArgumentError, match="no batches to evaluate"):
        trainer.model.evaluate(iter([]))
    assert trainer.iterations == 3


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4},
        {"augment": "cifar"},
        {"warm_up": (0.01, 0.8)},
        {"warm_up": (0.01, 0.0)},
        {"plateau": (2, 0.1)},
        {"plateau": (0, 0.1)},
        {"normalize": "channels"},
        {"seed": 1},
        {"workers": 1},
        {"prefetch": 3},
    ],
    ids=str,
)
def test_what_batches_of_ones_own_cannot_have(options: dict[str, Any]) -> None:
    model = small()
    before = model.state_dict()
    with pytest.raises(
        resnet.InvalidArgumentError, match=f"^{next(iter(options))} cannot be given"
    ):
        resnet.Trainer(model).fit(Loader(*toy(), 16), **options)
    assert all((values == before[name]).all() for name, values in model.state_dict().items())


@pytest.mark.parametrize(
    "options",
    [
        {"milestones": [3, 3]},
        {"milestones": [0]},
        {"epochs": 0},
        {"epochs": 0, "iterations": 1},
        {"iterations": 0},
        {"gamma": -1.0},
        {"gamma": 0.0},
        {"gamma": math.inf},
    ],
    ids=str,
)
def test_what_is_out_of_range_is_so_with_batches(options: dict[str, Any]) -> None:
    said = []
    sources: list[tuple[Any, dict[str, Any]]] = [
        (Loader(*toy(), 16), {}),
        (toy(), {"batch_size": 16}),
    ]
    for source, how in sources:
        trainer = resnet.Trainer(small())
        with pytest.raises(resnet.InvalidArgumentError) as error:
            trainer.fit(source, **how, **options)
        assert trainer.iterations == 0
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("error", [0.0, -0.5, 1.5])
def test_a_warm_up_that_never_ends_is_none(error: float) -> None:
    with pytest.raises(resnet.InvalidArgumentError, match="an error above 0 and at most 1"):
        resnet.Trainer(small()).fit(toy(), batch_size=16, warm_up=(0.01, error))


def test_what_to_evaluate_on_is_checked_first(tmp_path: Path) -> None:
    loader = Loader(*toy(), 16)
    write_folder(tmp_path, {"x": 2, "y": 2})
    folder = resnet.ImageFolder(tmp_path, resize=8, crop=8, channels=1)
    model = small()
    model.class_names = ["a", "b"]
    refused: list[tuple[Any, dict[str, Any], str]] = [
        (iter(loader), {"epochs": 2}, "validation batches are of a generator, .* once"),
        (iter(loader), {"iterations": 4}, "validation batches are of a generator, .* once"),
        (3, {}, "^validation is of type int, expected"),
        ((1, 2, 3), {}, "^validation is a tuple of 3"),
        (folder, {}, 'class "x", which is none'),
        (folder.batches(2), {}, 'class "x", which is none'),
    ]
    for validation, how, message in refused:
        trainer = resnet.Trainer(model, lr=0.01)
        with pytest.raises(resnet.InvalidArgumentError, match=message):
            trainer.fit(loader, validation=validation, **how)
        assert trainer.iterations == 0
    once: list[dict[str, Any]] = [{"epochs": 1}, {"iterations": 3}]
    for how in once:
        trainer = resnet.Trainer(model, lr=0.01)
        assert len(trainer.fit(loader, validation=iter(loader), **how)["val_loss"]) == 1


def test_batches_to_evaluate_on_go_with_batches_to_train_on() -> None:
    trainer = resnet.Trainer(small())
    with pytest.raises(
        resnet.InvalidArgumentError, match=r"^validation is of type Loader, .*: batches go with"
    ):
        trainer.fit(toy(), validation=Loader(*toy(), 16))
    assert trainer.iterations == 0


def test_the_log_tells_of_epochs_not_of_batches(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="resnet")
    how: dict[str, Any] = {"epochs": 2, "milestones": [4], "validation": toy()}

    def told(source: Any, **more: Any) -> list[str]:  # noqa: ANN401
        caplog.clear()
        resnet.Trainer(small(), lr=0.01).fit(source, **how, **more)
        # All numbers but those of epochs and steps differ, as the order does.
        return [
            re.sub(r"\d+\.\d+", "#", record.getMessage())
            for record in caplog.records
            if record.levelno == logging.INFO
        ]

    assert told(Loader(*toy(), 16)) == []
    resnet.set_log_level("info")
    try:
        lines = told(Loader(*toy(), 16))
        assert lines == told(toy(), batch_size=16, normalize="keep")
        assert [line.split(":")[0] for line in lines if "loss" in line] == [
            "epoch 1 of 2",
            "epoch 2 of 2",
        ]
        assert sum("learning rate" in line for line in lines) == 2
        resnet.set_log_level("warning")
        assert told(Loader(*toy(), 16)) == []
    finally:
        resnet.set_log_level(None)


def test_batches_that_are_none() -> None:
    trainer = resnet.Trainer(small())
    with pytest.raises(resnet.InvalidArgumentError, match="batch 0 is of type ndarray"):
        trainer.fit([toy()[0]])
    with pytest.raises(resnet.InvalidArgumentError, match=r"expected \(images, labels\)$"):
        trainer.model.evaluate([(1, 2, 3)])
    with pytest.raises(resnet.ShapeError, match="labels have shape"):
        trainer.model.evaluate([(toy(4)[0], [0])])
    with pytest.raises(resnet.InvalidArgumentError, match="a tuple of 3"):
        trainer.model.evaluate((1, 2, 3))


def test_evaluation_over_batches_is_that_of_all() -> None:
    model, (x, y) = small(), toy(23)
    whole, counts = model.evaluate_by_class((x, y))
    by_batch, same = model.evaluate_by_class(Loader(x, y, 5))
    assert (counts == same).all()
    assert by_batch.count == 23
    assert by_batch.accuracy == pytest.approx(whole.accuracy)
    assert by_batch.loss == pytest.approx(whole.loss)
    assert model.evaluate(resnet.Dataset(x, y).batches(7)).loss == pytest.approx(whole.loss)


def test_a_callback_stops_and_an_exception_leaves_the_rate() -> None:
    trainer = resnet.Trainer(small(), lr=0.01)
    history = trainer.fit(Loader(*toy(), 16), epochs=3, callback=lambda p: p.iteration == 4)
    assert trainer.stopped
    assert trainer.iterations == 4
    assert history["iteration"] == [3]

    def fail(_: resnet.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.fit(Loader(*toy(), 16), milestones=[1], callback=fail)
    assert not trainer.stopped
    assert trainer.iterations == 5
    assert trainer.lr == pytest.approx(0.01)


def test_torch_loaders() -> None:
    torch = pytest.importorskip("torch")
    x, y = toy()
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True)
    trainer = resnet.Trainer(small(), lr=0.05)
    assert trainer.fit(loader, epochs=2, validation=loader)["iteration"] == [3, 6]


# ---- What is told of epochs


@pytest.mark.parametrize("whole", [True, False])
def test_records_are_the_history(*, whole: bool) -> None:
    x, y = toy()
    records: list[dict[str, float]] = []
    trainer = resnet.Trainer(small(), lr=0.01)
    if whole:
        history = trainer.fit(
            (x, y), epochs=2, batch_size=16, validation=(x, y), log=records.append
        )
    else:
        history = trainer.fit(Loader(x, y, 16), epochs=2, validation=(x, y), log=records.append)
    assert [record["epoch"] for record in records] == [1, 2]
    assert history == {name: [record[name] for record in records] for name in history}
    assert type(history) is dict


def test_a_log_that_returns_something_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    table = io.StringIO()
    names = ["epoch", "iteration", "loss", "accuracy", "lr", "images_per_second"]
    writer = csv.DictWriter(table, names)
    trainer = resnet.Trainer(small(), lr=0.01)
    trainer.fit(toy(), batch_size=16, epochs=2, log=writer.writerow)
    assert trainer.iterations == 6
    assert not trainer.stopped
    assert [row.split(",")[:2] for row in table.getvalue().split()] == [["1", "3"], ["2", "6"]]
    trainer.fit(toy(), batch_size=16, log=print)
    assert capsys.readouterr().out.startswith("{'epoch': 1, 'iteration': 9")


def test_whether_fit_was_stopped() -> None:
    trainer = resnet.Trainer(small(), lr=0.01)
    assert not trainer.stopped
    trainer.fit(toy(), batch_size=16, callback=lambda _: True)
    assert trainer.stopped
    trainer.fit(toy(), batch_size=16)
    assert not trainer.stopped
    assert repr(trainer) == "<resnet.Trainer of resnet8: 4 steps, lr 0.01>"


def test_batches_are_matched_by_class_names(tmp_path: Path) -> None:
    write_folder(tmp_path / "train", {"a": 6, "b": 6, "c": 6})
    write_folder(tmp_path / "val", {"b": 4, "c": 5})
    model = resnet.Model("resnet8", base_width=4, classes=3, seed=0)
    train = resnet.ImageFolder(tmp_path / "train", resize=16, crop=16)
    resnet.Trainer(model, lr=0.01).fit(train.batches(6, shuffle=True), epochs=2)
    assert model.class_names == ["a", "b", "c"]
    val = resnet.ImageFolder(tmp_path / "val", resize=16, crop=16)
    whole, parts = model.evaluate(val), model.evaluate(val.batches(4))
    assert parts.accuracy == pytest.approx(whole.accuracy)
    assert parts.loss == pytest.approx(whole.loss)
    write_folder(tmp_path / "other", {"b": 1, "z": 1})
    other = resnet.ImageFolder(tmp_path / "other", resize=16, crop=16)
    with pytest.raises(resnet.InvalidArgumentError, match='class "z", which is none'):
        model.evaluate(other.batches(1))
