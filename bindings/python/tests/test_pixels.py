"""What models take as images: layouts, types of numbers, Pillow's images; and what is copied."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import resnet
from photos import photo
from resnet import _pixels
from tensors import Tensor

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

SHAPE = (4, 3, 12, 10)


@pytest.fixture(scope="module")
def model() -> resnet.Model:
    return resnet.Model("resnet8", base_width=4, seed=3)


def pixels(dtype: str = "uint8") -> npt.NDArray[Any]:
    return np.random.default_rng(5).integers(0, 256, SHAPE).astype(dtype)


def test_both_layouts_are_the_same_images(model: resnet.Model) -> None:
    x = pixels()
    interleaved = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    expected = model.logits(x)
    assert (model.logits(interleaved, layout="NHWC") == expected).all()
    chances = model.probabilities(interleaved, layout="NHWC", views="single")
    assert (chances == model.probabilities(x, views="single")).all()
    labels = model.predict(interleaved, layout="NHWC")
    assert (labels == expected.argmax(1)).all()
    found = model.features(interleaved, "layer1", layout="NHWC")
    assert (found == model.features(x, "layer1")).all()
    data = resnet.Dataset(interleaved, labels, layout="NHWC")
    assert data.shape == SHAPE[1:]
    assert (data.read()[0] == x).all()
    first, second = (
        resnet.Trainer(resnet.Model("resnet8", base_width=4, seed=1)) for _ in range(2)
    )
    assert first.step(x, labels) == second.step(interleaved, labels, layout="NHWC")


def test_the_other_layout_is_never_guessed(model: resnet.Model) -> None:
    interleaved = pixels().transpose(0, 2, 3, 1)
    with pytest.raises(resnet.ShapeError) as caught:
        model.predict(interleaved)
    message = str(caught.value)
    assert "(4, 12, 10, 3)" in message
    assert "(images, 3, height, width)" in message
    assert 'layout="NHWC"' in message
    with pytest.raises(resnet.ShapeError, match=r"\(4, 3, 12, 10\), expected .*height, width, 3\)"):
        model.predict(pixels(), layout="NHWC")
    with pytest.raises(resnet.ShapeError, match=r"\(images, height, width, channels\); a single"):
        model.predict(interleaved[0], layout="NHWC")
    with pytest.raises(resnet.InvalidArgumentError, match="'NCHW', 'NHWC'"):
        model.predict(interleaved, layout="nhwc")  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64", "longdouble", ">f4"])
def test_every_kind_of_number_is_the_same_pixel(model: resnet.Model, dtype: str) -> None:
    assert np.allclose(model.logits(pixels(dtype)), model.logits(pixels("float32")), atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
def test_tensors_are_taken_as_load_state_dict_takes_them(dtype: str) -> None:
    x: Any = Tensor(pixels(dtype))
    y: Any = Tensor(np.arange(4))
    models = [resnet.Model("resnet8", base_width=4, seed=3) for _ in range(2)]
    (model, same), given = models, (pixels(dtype), np.arange(4))
    assert (model.logits(x) == same.logits(given[0])).all()
    assert (model.features(x, "layer1") == same.features(given[0], "layer1")).all()
    assert model.evaluate((x, y)) == same.evaluate(given)
    assert model.evaluate([(x, y)]) == same.evaluate([given])
    assert (resnet.Dataset(x, y).read()[0] == given[0]).all()
    trainer, other = (resnet.Trainer(one) for one in models)
    assert trainer.step(x, y) == other.step(*given)
    assert trainer.fit([(x, y)])["loss"] == other.fit([given])["loss"]
    model.set_normalization(Tensor(np.ones(3)))
    assert model.normalization.mean is not None


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_nothing_is_copied_that_lies_as_c_reads_it(dtype: str) -> None:
    x = pixels(dtype)
    interleaved_view = x.transpose(0, 2, 3, 1)
    for given, layout in ((x, "NCHW"), (x[1:], "NCHW"), (interleaved_view, "NHWC")):
        view, owner = _pixels.images(given, layout)  # type: ignore[arg-type]
        assert view.pixels == given.ctypes.data
        assert np.shares_memory(owner, x)
    view, _ = _pixels.images(x[:, :, ::2])
    assert view.pixels != x.ctypes.data


def test_a_large_batch_takes_no_memory_of_its_own(model: resnet.Model) -> None:
    x = np.zeros((64, 3, 128, 128), np.float32)
    tracemalloc.start()
    try:
        model.predict(x)
        zero = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        model.predict(x.astype(np.float64))
        copied = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert zero < x.nbytes / 10
    assert copied > x.nbytes


def test_pillow_images(model: resnet.Model) -> None:
    pictures = [photo(40, 30, seed=seed) for seed in range(3)]
    x = np.stack([np.asarray(picture).transpose(2, 0, 1) for picture in pictures])
    assert (model.logits(pictures) == model.logits(x)).all()
    assert (model.predict(pictures[0]) == model.predict(x[:1])).all()
    # Converted as files are.
    for mode in ("L", "RGBA", "P", "CMYK"):
        picture = pictures[0].convert(mode)
        rgb = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)[None]
        assert (model.logits(picture) == model.logits(rgb)).all()
    grey = resnet.Model("resnet8", base_width=4, input_channels=1)
    luma = np.asarray(pictures[0].convert("L"))[None, None]
    assert (grey.logits(pictures[0]) == grey.logits(luma)).all()
    assert model.evaluate((pictures, [0, 1, 2])) == model.evaluate((x, [0, 1, 2]))
    assert resnet.Dataset(pictures, [0, 1, 1]).shape == (3, 30, 40)
    assert resnet.Dataset([picture.convert("L") for picture in pictures], [0, 1, 1]).shape[0] == 1


def test_pillow_images_that_do_not_fit(model: resnet.Model) -> None:
    with pytest.raises(resnet.ShapeError, match=r"image 1 has 9 x 8 .*, expected 30 x 40"):
        model.predict([photo(40, 30), Image.new("RGB", (8, 9))])
    many = resnet.Model("resnet8", base_width=4, input_channels=4)
    with pytest.raises(resnet.ShapeError, match="1 or 3 channels, expected 4"):
        many.predict(photo(40, 30))
    with pytest.raises(resnet.ShapeError, match=r"shape \(0,\)"):
        model.predict([])


def test_pillow_images_are_seen_as_their_files(model: resnet.Model, tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    turned = Image.Exif()
    turned[0x0112] = 6
    photo(40, 30).save(path, exif=turned, quality=95)
    picture = Image.open(path)
    pixels = resnet.read_image(path)
    assert pixels.shape == (3, 40, 30)
    assert (model.logits(picture) == model.logits(pixels[None])).all()
    wide = Image.new("I;16", (40, 30), 5000)
    with pytest.raises(resnet.InvalidArgumentError, match="image 0 is of Pillow's mode I;16"):
        model.logits(wide)
