"""A training goes on from its checkpoint as if it had not been interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

import resnet
from photos import write_folder

Data = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]

HOW: dict[str, Any] = {
    "epochs": 3,
    "batch_size": 8,
    "augment": (2, True),
    "milestones": [7],
    "warm_up": (0.02, 0.6),
    "seed": 5,
}


@pytest.fixture(name="data")
def data_of_two_classes() -> Data:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    images = rng.integers(0, 100, (40, 1, 8, 8), np.uint8)
    images[labels == 1, :, :4] += 100
    return images, labels


def make_trainer() -> resnet.Trainer:
    model = resnet.Model("resnet8", classes=2, input_channels=1, base_width=4, seed=0)
    return resnet.Trainer(model, lr=0.05)


@pytest.mark.parametrize("stop", [1, 5, 6, 11, 18])
def test_resumed_training_ends_with_the_same_bits(data: Data, tmp_path: Path, stop: int) -> None:
    path = tmp_path / "checkpoint.h5"
    whole = make_trainer()
    history = whole.fit(data, validation=data, **HOW)

    stopped = make_trainer()
    reports = 0

    def stop_there(_: resnet.Progress) -> bool:
        nonlocal reports
        reports += 1
        return reports == stop

    begun = stopped.fit(data, validation=data, callback=stop_there, **HOW)
    stopped.save(path)
    assert stopped.history == begun
    try:
        resnet.set_threads(1 + stop % 3)
        resumed = resnet.Trainer.load(path)
        assert resumed.history == begun
        rest = resumed.fit(data, validation=data, resume=True, workers=stop % 2, **HOW)
    finally:
        resnet.set_threads(0)
    for name, values in whole.model.state_dict().items():
        assert np.array_equal(values, resumed.model.state_dict()[name]), name
    for name in ("loss", "accuracy", "val_loss", "lr", "iteration"):
        assert begun[name] + rest[name] == history[name], name
    assert type(resumed.history) is dict
    assert all(values == [] for values in resumed.history.values())


def test_a_callback_saves(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    trainer = make_trainer()
    trainer.fit(data, callback=lambda now: trainer.save(path) if now.step == 3 else None, **HOW)
    resumed = resnet.Trainer.load(path)
    assert resumed.iterations == 13
    resumed.fit(data, resume=True, **HOW)
    assert np.array_equal(
        trainer.model.state_dict()["fc.weight"], resumed.model.state_dict()["fc.weight"]
    )


def test_a_checkpoint_is_a_model_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    trainer = make_trainer()
    trainer.save(path)
    for model in (resnet.load(path), resnet.open(path)):
        assert np.array_equal(
            model.state_dict()["fc.weight"], trainer.model.state_dict()["fc.weight"]
        )
    trainer.model.save(path)
    with pytest.raises(resnet.FormatError, match="no checkpoint"):
        resnet.Trainer.load(path)


def test_what_cannot_be_resumed(data: Data, tmp_path: Path) -> None:
    trainer = make_trainer()
    with pytest.raises(resnet.InvalidArgumentError, match="no training to resume"):
        trainer.fit(data, resume=True, **HOW)
    trainer.fit(data, callback=lambda _: True, **HOW)
    with pytest.raises(resnet.InvalidArgumentError, match="begun with the seed 5, not 6"):
        trainer.fit(data, resume=True, **HOW | {"seed": 6})
    with pytest.raises(
        resnet.InvalidArgumentError, match="normalisation by pixels, not of the model as"
    ):
        trainer.fit(data, resume=True, normalize="keep", **HOW)
    with pytest.raises(resnet.MissingFileError):
        resnet.Trainer.load(tmp_path / "none.h5")
    with pytest.raises(resnet.InputOutputError):
        trainer.save(tmp_path)


def test_what_changed_is_refused(data: Data, tmp_path: Path) -> None:
    trainer = make_trainer()
    trainer.fit(data, validation=data, callback=lambda now: now.step == 3, **HOW)
    trainer.save(tmp_path / "checkpoint.h5")
    images, labels = data
    fewer = images[:30], labels[:30]
    with pytest.raises(resnet.InvalidArgumentError, match="validation images, in number 40, not 3"):
        trainer.fit(data, validation=fewer, resume=True, **HOW)
    other = images[::-1], labels[::-1]
    for given in (trainer, resnet.Trainer.load(tmp_path / "checkpoint.h5")):
        with pytest.raises(resnet.InvalidArgumentError, match="other training images"):
            given.fit(other, validation=data, resume=True, **HOW)
        with pytest.raises(resnet.InvalidArgumentError, match="other validation images"):
            given.fit(data, validation=other, resume=True, **HOW)
    trainer.freeze(["conv1"])
    with pytest.raises(resnet.InvalidArgumentError, match="frozen layers changed"):
        trainer.fit(data, validation=data, resume=True, **HOW)
    trainer.freeze([])
    trainer.lr = 0.01
    with pytest.raises(resnet.InvalidArgumentError, match="learning rate changed"):
        trainer.fit(data, validation=data, resume=True, **HOW)
    trainer.lr = 0.05
    trainer.model.class_names = ["b", "a"]
    with pytest.raises(resnet.InvalidArgumentError, match="class names changed"):
        trainer.fit(data, validation=data, resume=True, **HOW)
    trainer.model.class_names = []
    trainer.model.load_state_dict(trainer.model.state_dict())
    with pytest.raises(resnet.InvalidArgumentError, match="weights changed"):
        trainer.fit(data, validation=data, resume=True, **HOW)


def test_another_variation_of_files_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 4, "b": 4})

    def folder(**options: Any) -> resnet.ImageFolder:  # noqa: ANN401
        seen: dict[str, Any] = {"variation": "published", "crop": 16, "resize": 20}
        return resnet.ImageFolder(tmp_path, **seen | options)

    trainer = resnet.Trainer(resnet.Model("resnet8", base_width=4, classes=2, seed=0), lr=0.01)
    trainer.fit(folder(), validation=folder(), batch_size=4, callback=lambda _: True)
    others: tuple[dict[str, Any], ...] = (
        {"variation": "common"},
        {"variation": None},
        {"resize": 24},
        {"interpolation": "bicubic"},
    )
    for other in others:
        with pytest.raises(resnet.InvalidArgumentError, match="images seen as 3x16x16, a crop of"):
            trainer.fit(folder(**other), validation=folder(), batch_size=4, resume=True)
        with pytest.raises(resnet.InvalidArgumentError, match="validation images seen as 3x16x16"):
            trainer.fit(folder(), validation=folder(**other), batch_size=4, resume=True)
    # What leaving a damaged file out changes is what could not be read.
    skipping = folder(damage="skip")
    rest = trainer.fit(skipping, validation=skipping, batch_size=4, resume=True)
    assert rest["iteration"] == [2]


def test_parts_and_files_of_images_are_told_apart(data: Data, tmp_path: Path) -> None:
    images, labels = data

    def write(name: str, labels: npt.NDArray[np.int64]) -> resnet.HDF5Images:
        with h5py.File(tmp_path / name, "w") as file:
            file["images"], file["labels"] = images, labels
        return resnet.HDF5Images(tmp_path / name)

    whole = resnet.Dataset(images, labels)
    pairs = (
        (whole.split(10, seed=1)[0], whole.split(10, seed=2)[0]),
        (write("data.h5", labels), write("other.h5", labels[::-1])),
    )
    for first, other in pairs:
        trainer = make_trainer()
        trainer.fit(first, batch_size=8, callback=lambda _: True)
        with pytest.raises(resnet.InvalidArgumentError, match="other training images"):
            trainer.fit(other, batch_size=8, resume=True)
        trainer.fit(first, batch_size=8, resume=True)
        assert trainer.iterations == len(first) // 8


def test_more_training_after_the_end(data: Data) -> None:
    trainer = make_trainer()
    trainer.fit(data, **HOW)
    with pytest.raises(resnet.InvalidArgumentError, match="to train more, begin another"):
        trainer.fit(data, resume=True, **HOW)
    assert trainer.fit(data, **HOW)["iteration"] == [20, 25, 30]


def test_an_epoch_that_was_cut_short_ends_a_training(data: Data) -> None:
    trainer = make_trainer()
    how = HOW | {"iterations": 7}
    trainer.fit(data, callback=lambda now: now.epoch == 2 and now.epoch_ended, **how)
    with pytest.raises(resnet.InvalidArgumentError, match="cut short after 7 steps"):
        trainer.fit(data, resume=True, **HOW | {"iterations": 12})
    assert trainer.fit(data, resume=True, **how)["loss"] == []


def test_the_end_of_a_warm_up_is_kept(data: Data, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    # It ends after a hundred steps, the fewest that it can take.
    how = HOW | {"epochs": 26, "warm_up": (0.02, 1.0)}
    whole = make_trainer()
    rates = whole.fit(data, **how)["lr"]
    assert rates[18] != rates[21]
    for stop in (99, 100, 101, 115):
        stopped = make_trainer()
        # Runs to its end within the loop's turn.
        stopped.fit(data, callback=lambda now: now.iteration == stop, **how)  # noqa: B023
        stopped.save(path)
        resumed = resnet.Trainer.load(path)
        resumed.fit(data, resume=True, **how)
        for name, values in whole.model.state_dict().items():
            assert np.array_equal(values, resumed.model.state_dict()[name]), (stop, name)


def test_checkpoints_of_earlier_days_are_read() -> None:
    folder = Path(__file__).parents[3] / "Tests" / "hdf5"
    trainer = resnet.Trainer.load(folder / "checkpoint.h5")
    assert trainer.iterations == 7
    assert trainer.history["iteration"] == [4]
    trainer = resnet.Trainer.load(folder / "checkpoint-2.h5")
    assert trainer.iterations == 9
    assert trainer.history["iteration"] == [4, 8]
    with pytest.raises(resnet.InvalidArgumentError, match="the model's weights changed"):
        trainer.fit((np.zeros((8, 1, 5, 6), np.uint8), np.arange(8) % 2), resume=True, batch_size=2)
