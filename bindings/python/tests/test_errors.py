"""Whatever is wrong is an exception that says so, and is the built-in kind one expects."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = np.zeros((2, 3, 32, 32), np.float32)


@pytest.fixture(scope="module")
def model() -> resnet.Model:
    return resnet.Model("resnet20")


@pytest.mark.parametrize(
    "options",
    [
        {"classes": 0},
        {"classes": -1},
        {"classes": 2**31},
        {"classes": 2**40 + 10},
        {"classes": 10.0},
        {"classes": "10"},
        {"input_channels": 0},
        {"base_width": 0},
        {"base_width": 2**31 - 1},
        {"seed": -1},
        {"seed": 2**64},
        {"shortcut": "D"},
        {"shortcut": 1},
        {"stem": "mnist"},
        {"family": "x"},
        {"stride_on": "5x5"},
        {"stem_pool": "same"},
        {"stem_pool": 2},
        {"zero_channels": "before"},
        {"zero_channels": None},
    ],
    ids=str,
)
def test_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(resnet.InvalidArgumentError) as caught:
        resnet.Model("resnet20", **options)
    assert isinstance(caught.value, ValueError)
    assert caught.value.status == resnet.Status.INVALID_ARGUMENT
    assert str(caught.value)


@pytest.mark.parametrize("name", ["resnet21", "resnet", "vgg17", "", "plain", "resnet-20", "é"])
def test_unknown_presets(name: str) -> None:
    with pytest.raises(resnet.NotFoundError) as caught:
        resnet.Model(name)
    assert isinstance(caught.value, LookupError)
    assert caught.value.status == resnet.Status.NOT_FOUND


def test_a_name_is_not_cut_at_a_zero_character() -> None:
    with pytest.raises(resnet.InvalidArgumentError, match="zero character"):
        resnet.Model("resnet20\0x")
    with pytest.raises(resnet.InvalidArgumentError, match="zero character"):
        resnet.load("model.h5\0x")


DESCRIPTION: dict[str, Any] = {
    "stem": "cifar",
    "stem_width": 8,
    "block": "basic",
    "stages": [(1, 8, 1)],
    "shortcut": "A",
    "classes": 3,
}


@pytest.mark.parametrize(
    "change",
    [
        {"stages": []},
        {"stages": [(0, 8, 1)]},
        {"stages": [(1, -8, 1)]},
        {"stages": [(1, 8, 3)]},
        {"stages": [(1, 8)]},
        {"stages": [(1, 8, 1, 1)]},
        {"stages": [(1, 8, 1, 2, 2)]},
        {"block": []},
        {"block": [2]},
        {"block": [(3, 1, 1)]},
        {"block": 3},
        {"block": [3.5]},
        {"block": [3], "stride_layer": 1},
        {"affine": "none"},
        {"maxout": 1},
        {"maxout": 2},
        {"window": -1},
        {"hidden": [0]},
        {"hidden": ["a"]},
        {"stem": "none"},
        {"stem": "vector"},
        {"stages": [8]},
        {"stages": 8},
        {"stages": [(1, 2**33, 1)]},
        {"stages": [(2**31 - 1, 2**31 - 1, 1)]},
        {"stem_width": 0},
        {"classes": 0},
        {"input_channels": -1},
        {"block": "dense"},
        {"name": 5},
    ],
    ids=str,
)
def test_impossible_descriptions(change: dict[str, Any]) -> None:
    resnet.Model.described(**DESCRIPTION)
    with pytest.raises(resnet.InvalidArgumentError):
        resnet.Model.described(**(DESCRIPTION | change))


@pytest.mark.parametrize(
    "shape",
    [(), (32, 32), (3, 32, 32), (1, 2, 3, 32, 32), (2, 1, 32, 32), (2, 32, 32, 3), (2, 3, 0, 32)],
    ids=str,
)
def test_images_of_the_wrong_shape(model: resnet.Model, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    y = np.zeros(shape[0] if shape else 1, np.int64)
    trainer = resnet.Trainer(model)
    actions: list[Callable[[], object]] = [
        lambda: model.logits(x),
        lambda: model.probabilities(x),
        lambda: model.predict(x),
        lambda: trainer.step(x, y),
        lambda: trainer.fit((x, y)),
    ]
    for action in actions:
        with pytest.raises((resnet.ShapeError, resnet.InvalidArgumentError)) as caught:
            action()
        assert isinstance(caught.value, ValueError)


def test_the_message_names_both_shapes(model: resnet.Model) -> None:
    with pytest.raises(
        resnet.ShapeError, match=re.escape("(3, 32, 32)") + ".*" + re.escape("[None]")
    ):
        model.logits(GOOD[0])
    with pytest.raises(resnet.ShapeError, match=re.escape("x[:, :, None, None]")):
        model.logits(np.zeros((4, 8)))


@pytest.mark.parametrize("size", [(-3, 5), (0, 5), (2**31 - 1, 2**31 - 1), (2**40, 1)], ids=str)
def test_summaries_of_impossible_sizes(model: resnet.Model, size: tuple[int, int]) -> None:
    with pytest.raises((resnet.ShapeError, resnet.InvalidArgumentError)):
        model.summary(*size)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.bool_, np.complex64, "U1", object])
def test_images_of_the_wrong_type(model: resnet.Model, dtype: Any) -> None:  # noqa: ANN401
    with pytest.raises(resnet.InvalidArgumentError, match="expected floats or uint8"):
        model.logits(np.zeros((1, 3, 32, 32)).astype(dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_pixels_that_are_not_finite(model: resnet.Model, value: float) -> None:
    x = GOOD.astype(np.float64)
    x[1, 2, 31, 31] = value
    before = model.state_dict()
    trainer = resnet.Trainer(model)
    actions: list[Callable[[], object]] = [
        lambda: model.logits(x),
        lambda: model.probabilities(x),
        lambda: model.predict(x),
        lambda: trainer.step(x, [0, 1]),
        lambda: resnet.Dataset(x, [0, 1]),
        lambda: trainer.fit((x, [0, 1]), batch_size=2),
    ]
    for action in actions:
        with pytest.raises(resnet.NotFiniteError) as caught:
            action()
        assert isinstance(caught.value, ArithmeticError)
    after = model.state_dict()
    assert all(np.array_equal(after[name], values) for name, values in before.items())


@pytest.mark.parametrize("labels", [[0, 10], [-1, 0], [0, 2**31], [0, 2**32], [-(2**40), 0]])
def test_labels_out_of_range(model: resnet.Model, labels: list[int]) -> None:
    trainer = resnet.Trainer(model)
    before = model.state_dict()
    actions: list[Callable[[], object]] = [
        lambda: trainer.step(GOOD, labels),
        lambda: resnet.Dataset(GOOD, labels, classes=10),
        lambda: trainer.fit((GOOD, labels), batch_size=2),
        lambda: model.evaluate((GOOD, labels)),
    ]
    for action in actions:
        with pytest.raises(resnet.InvalidArgumentError, match="label"):
            action()
    after = model.state_dict()
    assert all(np.array_equal(after[name], values) for name, values in before.items())


@pytest.mark.parametrize("labels", [[0], [0, 1, 2], [[0], [1]], 0])
def test_labels_of_the_wrong_shape(model: resnet.Model, labels: Any) -> None:  # noqa: ANN401
    with pytest.raises(resnet.ShapeError, match="labels"):
        resnet.Trainer(model).step(GOOD, labels)


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        ([0.0, 1.0], "float64, expected integers: y.astype(int)"),
        ([True, False], "bool, expected integers: y.astype(int)"),
        (["a", "b"], "expected integers: names, y = np.unique(y, return_inverse=True)"),
        (np.array(["a", None], object), "object, expected integers: names, y = np.unique("),
        (np.array([0, 1], object), "object, expected integers: y.astype(int)"),
        (np.array([0, None], object), "object, expected integers: None is none"),
    ],
    ids=str,
)
def test_labels_of_the_wrong_type(model: resnet.Model, labels: Any, hint: str) -> None:  # noqa: ANN401
    with pytest.raises(resnet.InvalidArgumentError, match=re.escape(hint)):
        resnet.Trainer(model).step(GOOD, labels)


def test_unsigned_labels_are_fine(model: resnet.Model) -> None:
    assert resnet.Dataset(GOOD, np.array([3, 4], np.uint64)).classes == 5
    assert np.isfinite(resnet.Trainer(model, lr=0.0).step(GOOD, np.array([0, 9], np.uint8)))


@pytest.mark.parametrize(
    "options",
    [
        {"lr": -0.1},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"lr": "fast"},
        {"momentum": -0.1},
        {"momentum": 1.5},
        {"weight_decay": -1e-4},
        {"weight_decay": None},
    ],
    ids=str,
)
def test_trainer_options_out_of_range(model: resnet.Model, options: dict[str, Any]) -> None:
    with pytest.raises((resnet.InvalidArgumentError, resnet.NotFiniteError)):
        resnet.Trainer(model, **options)


def test_a_trainer_needs_a_model() -> None:
    with pytest.raises(resnet.InvalidArgumentError, match=r"resnet\.Model"):
        resnet.Trainer("resnet20")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"epochs": -1},
        {"epochs": 2**40},
        {"batch_size": 0},
        {"batch_size": 3},
        {"augment": "imagenet"},
        {"augment": (-1, True)},
        {"augment": 4},
        {"milestones": [1.5]},
        {"milestones": [-5]},
        {"gamma": float("nan")},
        {"normalize": "perhaps"},
        {"seed": -1},
        {"validation": 7},
        {"validation": (GOOD[:, :1], [0, 1])},
    ],
    ids=lambda options: next(iter(options)),
)
def test_fit_options_out_of_range(options: dict[str, Any]) -> None:
    trainer = resnet.Trainer(resnet.Model("resnet20"))
    with pytest.raises((resnet.InvalidArgumentError, resnet.ShapeError, resnet.NotFiniteError)):
        trainer.fit((GOOD, [0, 1]), **({"batch_size": 2} | options))
    assert trainer.iterations == 0


def test_datasets_that_do_not_fit_the_model(model: resnet.Model) -> None:
    grey = resnet.Dataset(GOOD[:, :1], [0, 1], classes=10)
    many = resnet.Dataset(GOOD, [0, 11], classes=12)
    for data in (grey, many):
        with pytest.raises(ValueError, match=r"\d"):
            resnet.Trainer(model).fit(data, batch_size=2)
        with pytest.raises(ValueError, match=r"\d"):
            model.evaluate(data)
    with pytest.raises(resnet.InvalidArgumentError, match="tuple"):
        model.evaluate([1])


@pytest.mark.parametrize(
    ("mean", "scale"),
    [
        ([1, 2], None),
        (np.zeros((3, 32)), None),
        (np.zeros((1, 32, 32)), None),
        (np.zeros((3, 0, 32)), None),
        (np.zeros((1, 1, 3, 3)), None),
        ([], None),
        (None, [1, 2]),
        (None, np.ones((3, 1, 1))),
        (["a", "b", "c"], None),
        ([np.nan, 0, 0], None),
        (None, [np.inf, 1, 1]),
    ],
    ids=str,
)
def test_normalizations_that_do_not_fit(
    model: resnet.Model,
    mean: Any,  # noqa: ANN401
    scale: Any,  # noqa: ANN401
) -> None:
    with pytest.raises((resnet.ShapeError, resnet.InvalidArgumentError, resnet.NotFiniteError)):
        model.set_normalization(mean, scale)
    assert model.normalization == (None, None)


def test_class_names_must_be_strings(model: resnet.Model) -> None:
    for wrong in ("abcdefghij", [1] * 10, ["a\0"] * 10):
        with pytest.raises(resnet.InvalidArgumentError):
            model.class_names = wrong  # type: ignore[assignment]


def test_no_images_at_all(model: resnet.Model) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: model.logits(GOOD[:0]),
        lambda: resnet.Trainer(model).step(GOOD[:0], np.zeros(0, np.int32)),
        lambda: resnet.Dataset(GOOD[:0], np.zeros(0, np.int32)),
    ]
    for attempt in attempts:
        with pytest.raises(resnet.ShapeError, match=r"\(0, 3, 32, 32\), expected at least 1 image"):
            attempt()


def test_integers_that_c_has_not() -> None:
    with pytest.raises(resnet.InvalidArgumentError, match="expected at most 2147483647"):
        resnet.Model("resnet20", classes=2**31)
    with pytest.raises(resnet.InvalidArgumentError, match="expected at least 0"):
        resnet.Model("resnet20", classes=-(2**40))


def test_values_of_the_wrong_kind(model: resnet.Model) -> None:
    trainer = resnet.Trainer(model)
    data = resnet.Dataset(GOOD, [0, 1])
    wrong: Any = 224
    text: Any = "conv1"
    attempts: list[Callable[[], object]] = [
        lambda: model.evaluate(data, views=resnet.Views("multi-scale", scales=wrong)),
        lambda: model.evaluate(data, views=wrong),
        lambda: resnet.resize(GOOD[0], wrong),
        lambda: trainer.freeze(wrong),
        lambda: trainer.freeze(text),
        lambda: trainer.fit(data, milestones=wrong),
        lambda: data.read(vary=wrong),
    ]
    for attempt in attempts:
        with pytest.raises(resnet.InvalidArgumentError, match=r"224|conv1"):
            attempt()


def test_rows_of_different_lengths(model: resnet.Model) -> None:
    ragged: Any = [[1.0, 2.0], [3.0]]
    attempts: list[Callable[[], object]] = [
        lambda: model.logits(ragged),
        lambda: resnet.Dataset(GOOD, ragged),
        lambda: resnet.resize(ragged, (2, 2)),
        lambda: model.set_normalization(ragged),
        lambda: resnet.class_figures(ragged),
    ]
    for attempt in attempts:
        with pytest.raises(resnet.ShapeError, match="no array"):
            attempt()


def test_what_is_asked_for_beyond_the_images() -> None:
    data = resnet.Dataset(GOOD, [0, 1])
    with pytest.raises(resnet.InvalidArgumentError, match="from image 5 on were asked for"):
        data.read(5)
    with pytest.raises(resnet.InvalidArgumentError, match="3 images from image 0 on"):
        data.read(0, 3)


def test_a_crop_that_is_too_large() -> None:
    with pytest.raises(resnet.InvalidArgumentError, match="larger than the image of 30x30"):
        resnet.centre_crop(np.zeros((3, 40, 40), np.uint8), resize=30, crop=31)


def test_paths_are_told_whatever_they_are(tmp_path: Path) -> None:
    name = bytes(tmp_path) + b"/\xff.h5"
    shown = re.escape(f'path is "{tmp_path}/\\xff.h5", which is not valid UTF-8')
    with pytest.raises(resnet.InvalidArgumentError, match=shown):
        resnet.load(os.fsdecode(name))
    with pytest.raises(resnet.InvalidArgumentError, match=shown):
        resnet.Model("resnet8", base_width=4).save(os.fsdecode(name))


@pytest.mark.parametrize(
    "read",
    [
        resnet.load,
        resnet.open,
        resnet.read_image,
        resnet.HDF5Images,
        resnet.ImageList,
        lambda path: resnet.IDX(path, path),
    ],
)
def test_a_directory_is_no_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(resnet.FormatError, match=f"{tmp_path}.* is a directory"):
        read(tmp_path)
