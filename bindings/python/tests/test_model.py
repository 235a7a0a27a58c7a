"""Making, describing and running models."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet

if TYPE_CHECKING:
    from pathlib import Path


def images(count: int = 3, size: int = 32, channels: int = 3) -> Any:  # noqa: ANN401
    shape = (count, channels, size, size)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("preset", "options", "parameters", "layers"),
    [
        ("resnet20", {}, 269_722, 20),
        ("resnet32", {}, 464_154, 32),
        ("resnet56", {}, 853_018, 56),
        ("resnet18", {"shortcut": "B"}, 11_689_512, 18),
        ("resnet50", {}, 25_557_032, 50),
        ("resnet50", {"stride_on": "3x3"}, 25_557_032, 50),
        ("highway19", {}, 2_256_838, 19),
        ("fitnet19", {}, 2_548_602, 19),
    ],
)
def test_parameter_counts_are_the_papers(
    preset: str, options: dict[str, Any], parameters: int, layers: int
) -> None:
    model = resnet.Model(preset, **options)
    assert (model.parameter_count, model.weighted_layers) == (parameters, layers)
    learned = [v.size for k, v in model.state_dict().items() if "running" not in k]
    assert sum(learned) == parameters


def test_what_a_model_says_of_itself() -> None:
    model = resnet.Model("resnet20", classes=7, input_channels=1, base_width=8)
    assert (model.name, model.classes, model.input_channels) == ("resnet20", 7, 1)
    assert model.input_size == (32, 32)
    assert model.logits(images(2, 28, 1)).shape == (2, 7)
    assert "resnet20" in repr(model)
    assert "28x28" in model.summary(28, 28)
    assert model.summary(64, 48) != model.summary()
    # 41 million, as counted for option A.
    assert round(resnet.Model("resnet20").multiply_adds / 1e6) == 41


def test_options_reach_the_library() -> None:
    cifar = resnet.Model("resnet50", family="cifar")
    assert (cifar.input_size, cifar.classes) == ((32, 32), 10)
    projected = resnet.Model("resnet20", shortcut="B")
    assert "layer2.0.downsample.0.weight" in projected.state_dict()
    everywhere = resnet.Model("resnet20", shortcut="C")
    assert "layer1.1.downsample.0.weight" in everywhere.state_dict()
    stem = resnet.Model("resnet18", stem="cifar", base_width=4)
    assert stem.state_dict()["conv1.weight"].shape == (4, 3, 3, 3)


def test_where_zero_channels_go_matters() -> None:
    after, split = (resnet.Model("resnet20", zero_channels=z) for z in ("after", "split"))
    split.load_state_dict(after.state_dict())
    assert not np.allclose(after.logits(images()), split.logits(images()))


def test_which_convolution_has_the_stride_matters() -> None:
    first, second = (resnet.Model("resnet50", stride_on=s, base_width=8) for s in ("1x1", "3x3"))
    second.load_state_dict(first.state_dict())
    x = images(1, 64)
    assert not np.allclose(first.logits(x), second.logits(x))


def test_where_the_stem_pools_matters() -> None:
    padded, ceil = (resnet.Model("resnet18", stem_pool=p, base_width=8) for p in ("padded", "ceil"))
    ceil.load_state_dict(padded.state_dict())
    x = images(1, 64)
    assert not np.allclose(padded.logits(x), ceil.logits(x))
    assert np.array_equal(resnet.Model("resnet18", base_width=8).logits(x), padded.logits(x))
    with pytest.raises(resnet.ShapeError, match="maxpool"):
        ceil.logits(images(1, 2))
    with pytest.raises(resnet.InvalidArgumentError, match="stem cifar has none"):
        resnet.Model("resnet20", stem_pool="ceil")


def test_seeds() -> None:
    first, same, other = (resnet.Model("resnet20", seed=s) for s in (5, 5, 2**64 - 1))
    name = "layer1.0.conv1.weight"
    assert np.array_equal(first.state_dict()[name], same.state_dict()[name])
    assert not np.array_equal(first.state_dict()[name], other.state_dict()[name])


def test_initial_weights_have_hes_variance() -> None:
    for name, values in resnet.Model("resnet18", seed=1).state_dict().items():
        if values.ndim == 4:
            expected = 2 / np.prod(values.shape[1:])
            assert abs(values.mean()) < 5 * np.sqrt(expected / values.size), name
            assert values.var() == pytest.approx(expected, rel=0.1), name


def test_described_models() -> None:
    model = resnet.Model.described(
        name="small",
        stem="cifar",
        stem_width=8,
        block="bottleneck",
        stages=[(1, 8, 1), (2, 12, 2)],
        shortcut="B",
        classes=4,
        input_channels=2,
        stride_on="3x3",
    )
    assert (model.name, model.classes, model.input_channels) == ("small", 4, 2)
    assert model.state_dict()["layer2.1.conv3.weight"].shape == (48, 12, 1, 1)
    assert model.logits(images(1, 9, 2)).shape == (1, 4)


SMALL: dict[str, Any] = {
    "stem": "cifar",
    "stem_width": 8,
    "block": [3],
    "stages": [(2, 8, 1)],
    "shortcut": "B",
    "classes": 4,
}


@pytest.mark.parametrize(
    ("change", "tensor", "shape"),
    [
        ({"block": [1, (5, 2), 3], "stride_layer": 1}, "layer1.0.conv2.weight", (16, 8, 5, 5)),
        ({"block": [np.int64(3)]}, "layer1.1.conv1.weight", (8, 8, 3, 3)),
        ({"stem": "vector", "block": [1, (1, 3)]}, "layer1.1.fc2.weight", (24, 8)),
        ({"shortcut": "gate", "affine": "bias"}, "layer1.0.gate.bias", (8,)),
        ({"affine": "bias_and_bn"}, "layer1.0.bn1.running_var", (8,)),
        ({"hidden": [7, 6]}, "hidden2.weight", (6, 7)),
        (
            {
                "stem": "none",
                "stem_width": 0,
                "shortcut": "none",
                "stages": [(1, 8, 1, 2)],
                "maxout": 3,
                "window": 2,
                "hidden": [5],
            },
            "classifier.0.weight",
            (15, 32),
        ),
    ],
)
def test_networks_that_the_paper_compares_with(
    change: dict[str, Any], tensor: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    model = resnet.Model.described(**(SMALL | change))
    state = model.state_dict()
    assert state[tensor].shape == shape
    x = images(3, 1) if change.get("stem") == "vector" else images(3, 9)
    scores = model.logits(x)
    assert scores.shape == (3, 4)
    model.save(tmp_path / "model.h5")
    assert (resnet.load(tmp_path / "model.h5").logits(x) == scores).all()
    assert (resnet.open(tmp_path / "model.h5").logits(x) == scores).all()
    other = resnet.Model.described(**(SMALL | change), seed=1)
    other.load_state_dict(state)
    assert (other.logits(x) == scores).all()


def test_scores_probabilities_and_classes_agree() -> None:
    model, x = resnet.Model("resnet20"), images(5)
    logits, probabilities = model.logits(x), model.probabilities(x)
    assert logits.dtype == probabilities.dtype == np.float32
    e = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    np.testing.assert_allclose(probabilities, e / e.sum(1, keepdims=True), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert np.array_equal(model.predict(x), logits.argmax(1))


def test_an_image_scores_as_alone_in_a_batch_of_any_size() -> None:
    model, x = resnet.Model("resnet20"), images(5)
    alone = np.concatenate([model.logits(x[i : i + 1]) for i in range(5)])
    # Not bit for bit: products of matrices of other shapes are summed in another order.
    np.testing.assert_allclose(model.logits(x), alone, rtol=1e-4, atol=1e-4)


def test_bytes_floats_and_strided_arrays_mean_the_same() -> None:
    model = resnet.Model("resnet20")
    pixels = np.random.default_rng(1).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    model.set_normalization(mean=(120, 121, 122), scale=1 / 64)
    expected = model.logits(pixels)
    for same in (
        pixels.astype(np.float32),
        pixels.astype(np.float64),
        pixels.astype(">f4"),
        np.repeat(pixels, 2, axis=3)[..., ::2],
        np.asfortranarray(pixels),
        pixels.astype(np.float16),
    ):
        assert np.array_equal(model.logits(same), expected)


def test_normalization_is_applied_and_read_back() -> None:
    model, x = resnet.Model("resnet20"), images()
    assert tuple(model.normalization) == (None, None)
    mean, scale = np.array([1, 2, 3], np.float32), np.array([2, 4, 0.5], np.float32)
    by_hand = model.logits((x - mean[:, None, None]) * scale[:, None, None])
    model.set_normalization(mean, scale)
    np.testing.assert_allclose(model.logits(x), by_hand, rtol=1e-4, atol=1e-4)
    read = model.normalization
    assert read.mean is not None
    assert read.scale is not None
    assert np.array_equal(read.mean, mean)
    assert np.array_equal(read.scale, scale)

    per_pixel = x[0].copy()
    model.set_normalization(per_pixel)
    read = model.normalization
    assert read.scale is None
    assert read.mean is not None
    assert np.array_equal(read.mean, per_pixel)
    model.set_normalization()
    assert tuple(model.normalization) == (None, None)


def test_class_names() -> None:
    model = resnet.Model("resnet20", classes=3)
    assert model.class_names == []
    model.class_names = ["cat", "Hündin", ""]
    assert model.class_names == ["cat", "Hündin", ""]
    with pytest.raises(resnet.ShapeError):
        model.class_names = ["cat"]
    assert model.class_names == ["cat", "Hündin", ""]
    model.class_names = []
    assert model.class_names == []
    long = ["x" * 10_000] * 3
    model.class_names = long
    assert model.class_names == long


def test_objects_are_freed_once() -> None:
    model = resnet.Model("resnet20")
    trainer = resnet.Trainer(model)
    finalizers = model._finalizer, trainer._finalizer
    del model
    gc.collect()
    assert all(finalizer.alive for finalizer in finalizers)
    assert trainer.model.classes == 10
    del trainer
    gc.collect()
    assert not any(finalizer.alive for finalizer in finalizers)


def test_models_are_copied_and_pickled() -> None:
    model = resnet.Model("resnet8", classes=3, base_width=4, seed=5)
    model.class_names = ["a", "b", "c"]
    model.set_normalization(100, 0.01)
    x = images(2)
    for copied in (copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(copied.logits(x), model.logits(x))
        assert copied.class_names == model.class_names
        resnet.Trainer(copied).step(x, [0, 1])
        assert not np.array_equal(copied.logits(x), model.logits(x)), "it is another model"


def test_what_is_no_model_cannot_be_copied() -> None:
    with pytest.raises(TypeError, match="`save` writes"):
        copy.deepcopy(resnet.Trainer(resnet.Model("resnet20")))
    with pytest.raises(TypeError, match="a Dataset cannot be copied"):
        pickle.dumps(resnet.Dataset(images(2), [0, 1]))


def test_objects_are_closed_by_with() -> None:
    with resnet.Model("resnet8") as model:
        assert model.classes == 10
    with pytest.raises(resnet.InvalidHandleError):
        model.predict(images(1))
    model.close()
    with resnet.Dataset(images(2), [0, 1]) as dataset:
        assert len(dataset) == 2
    with pytest.raises(resnet.InvalidHandleError):
        len(dataset)


def test_what_is_closed_says_so() -> None:
    model = resnet.Model("resnet8", classes=3)
    trainer, dataset = resnet.Trainer(model), resnet.Dataset(images(2), [0, 1])
    batches, metadata = dataset.batches(2), model.metadata
    assert repr(trainer) == "<resnet.Trainer of resnet8: 0 steps, lr 0.1>"
    model.close()
    assert repr(model) == "<resnet.Model, closed>"
    assert repr(metadata) == "<metadata of a closed model>"
    assert repr(trainer) == "<resnet.Trainer of a closed model: 0 steps, lr 0.1>"
    trainer.close()
    dataset.close()
    assert repr(trainer) == "<resnet.Trainer, closed>"
    assert repr(dataset) == "<resnet.Dataset, closed>"
    assert repr(batches) == "<resnet.Batches of a closed dataset>"
    assert repr(resnet.Model.__new__(resnet.Model)) == "<resnet.Model, closed>"


def test_repr_in_another_thread_than_the_one_that_trains() -> None:
    model = resnet.Model("resnet8")
    seen: list[str] = []

    def look(_: resnet.Progress) -> bool:
        thread = threading.Thread(target=lambda: seen.append(repr(model)))
        thread.start()
        thread.join()
        return True

    resnet.Trainer(model).fit((images(2), [0, 1]), batch_size=2, callback=look)
    assert seen == ["<resnet.Model, used by another thread>"]


def test_models_run_in_threads_of_their_own() -> None:
    x = images(4)
    models = [resnet.Model("resnet20", seed=seed) for seed in range(4)]
    expected = [model.logits(x) for model in models]
    results: dict[int, list[Any]] = {index: [] for index in range(4)}

    def work(index: int) -> None:
        for _ in range(5):
            results[index].append(models[index].logits(x))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(4):
        assert len(results[index]) == 5
        assert all(np.array_equal(result, expected[index]) for result in results[index])


def test_a_model_shared_by_threads_is_right_or_busy() -> None:
    model, x = resnet.Model("resnet20"), images(8)
    expected = model.logits(x)
    outcomes: list[Any] = []

    def work() -> None:
        for _ in range(10):
            try:
                outcomes.append(model.logits(x))
            except resnet.BusyError as error:
                outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [outcome for outcome in outcomes if isinstance(outcome, np.ndarray)]
    assert len(outcomes) == 40
    assert results
    assert all(np.array_equal(result, expected) for result in results)


def test_memory_is_known_beforehand() -> None:
    model = resnet.Model("resnet20")
    one = model.inference_memory(1, 32, 32)
    assert one.parameters >= 4 * model.parameter_count
    assert one.packed_weights > 0
    assert one.total == one.parameters + one.packed_weights + one.workspace
    assert (one.gradients, one.momentum) == (0, 0)
    assert model.inference_memory(64, 32, 32).workspace > one.workspace
    training = model.training_memory(64, 32, 32)
    assert training.gradients == training.momentum >= 4 * model.parameter_count
    assert training.workspace > model.inference_memory(64, 32, 32).workspace
    with pytest.raises(resnet.ShapeError, match="at least 1"):
        model.inference_memory(0, 32, 32)
    with pytest.raises(resnet.InvalidArgumentError, match="count"):
        model.training_memory(1 << 64, 32, 32)


def test_the_classifier_can_be_replaced() -> None:
    model = resnet.Model("resnet8", classes=3, base_width=8, seed=1)
    model.set_normalization(0.5, 2)
    new = model.replace_classifier(5, seed=2)
    assert (model.classes, new.classes) == (3, 5)
    before, after = model.state_dict(), new.state_dict()
    for name, values in before.items():
        if name.startswith("fc."):
            assert after[name].shape == (5, *values.shape[1:])
        else:
            assert np.array_equal(after[name], values)
    assert new.normalization.scale is not None
    for classes in (0, -1, 2**31 - 1):
        with pytest.raises((resnet.InvalidArgumentError, resnet.OutOfMemoryError)):
            model.replace_classifier(classes)


def test_more_vectors_than_can_be_counted_are_refused() -> None:
    model = resnet.Model.described(
        stem="vector",
        stem_width=16,
        block=[1, 1],
        stages=[(1, 16, 1)],
        shortcut="B",
        input_channels=1,
        classes=10,
    )
    assert model.inference_memory(1, 32768, 65535).workspace > 0
    with pytest.raises(resnet.ShapeError, match="positions"):
        model.inference_memory(1, 32768, 65536)
    with pytest.raises(resnet.ShapeError, match="positions"):
        model.training_memory(1, 65536, 65536)
