"""Batches of images on their way into C: arrays in either layout, and Pillow's images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from . import _header, _values
from ._errors import InvalidArgumentError, ShapeError

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

Layout: TypeAlias = Literal["NCHW", "NHWC"]

# What models take: arrays, PyTorch's tensors, or Pillow's images, one or several of one size.
Images: TypeAlias = "npt.ArrayLike | Image.Image | Sequence[Image.Image]"

DIMENSIONS = {
    "NCHW": "(images, channels, height, width)",
    "NHWC": "(images, height, width, channels)",
}
RANK = 4

# The tag of EXIF that says how a photograph is to be turned.
ORIENTATION = 0x0112
# Modes of which Pillow's conversion to bytes cuts off what is above 255.
WIDE_MODES = ("I", "F")
# The modes of Pillow's images that are given to networks of so many channels.
PILLOW_MODES = {1: "L", 3: "RGB"}


def images(
    given: Images, layout: Layout = "NCHW", channels: int | None = None
) -> tuple[_header.Images, npt.NDArray[Any]]:
    """The C view of a batch of images, and the array that owns its pixels, NCHW: keep both.

    Nothing is copied where the pixels lie in memory as C reads them: float32 or bytes, NCHW.

    Args:
        given: Bytes or floats of any width, which become float32, as arrays or PyTorch tensors. Or
            Pillow's images.
        layout: The order of an array's dimensions. Pillow's images have one of their own.
        channels: How many there must be; None for as many as there are.
    """
    _values.choice(layout, _header.LAYOUTS, "layout")
    pictures = _pillow(given)
    if pictures is not None:
        return _view(_stacked(pictures, channels))
    pixels = _values.array_of(cast("npt.ArrayLike", given), "the images")
    if pixels.ndim != RANK:
        raise ShapeError(
            f"the images have shape {pixels.shape}, expected {DIMENSIONS[layout]}"
            + _hint(pixels.ndim, layout)
        )
    if len(pixels) == 0:
        raise ShapeError(f"the images have shape {pixels.shape}, expected at least 1 image")
    if channels is not None and pixels.shape[layout.index("C")] != channels:
        raise _wrong_channels(pixels.shape, layout, channels)
    return _view(pixels if layout == "NCHW" else pixels.transpose(0, 3, 1, 2))


def _view(pixels: npt.NDArray[Any]) -> tuple[_header.Images, npt.NDArray[Any]]:
    if pixels.dtype == np.uint8:
        kind = _header.UINT8
    elif np.issubdtype(pixels.dtype, np.floating):
        kind = _header.FLOAT32
        # A float64 beyond float32's range becomes infinite, and the library says so.
        with np.errstate(over="ignore"):
            pixels = pixels.astype(np.float32, order="C", copy=False)
    else:
        raise InvalidArgumentError(f"the images are {pixels.dtype}, expected floats or uint8")
    pixels = np.ascontiguousarray(pixels)
    count, channels, height, width = pixels.shape
    view = _header.Images(
        type=kind,
        pixels=pixels.ctypes.data,
        count=count,
        channels=_values.integer(channels, "the number of channels"),
        height=_values.integer(height, "the images' height"),
        width=_values.integer(width, "the images' width"),
    )
    return view, pixels


def _hint(rank: int, layout: Layout) -> str:
    """What to do about an array of so many dimensions."""
    if rank == RANK - 1:
        return "; a single image is x[None]"
    if rank == RANK - 2 and layout == "NCHW":
        return "; vectors, for networks that take them, are x[:, :, None, None]"
    return ""


def _wrong_channels(shape: tuple[int, ...], layout: Layout, channels: int) -> ShapeError:
    expected = DIMENSIONS[layout].replace("channels", str(channels))
    other: Layout = "NHWC" if layout == "NCHW" else "NCHW"
    hint = ""
    if shape[other.index("C")] == channels:
        hint = f'; if they are {DIMENSIONS[other]}, give layout="{other}"'
    return ShapeError(f"the images have shape {shape}, expected {expected}{hint}")


def _pillow(given: Any) -> list[Image.Image] | None:  # noqa: ANN401 (whatever a caller gives)
    """Pillow's images, if they are such; whoever has one has imported Pillow."""
    pillow = sys.modules.get("PIL.Image")
    if pillow is None:
        return None
    if isinstance(given, pillow.Image):
        return [given]
    if (
        isinstance(given, Sequence)
        and len(given) > 0
        and all(isinstance(one, pillow.Image) for one in given)
    ):
        return list(given)
    return None


def _stacked(pictures: list[Image.Image], channels: int | None) -> npt.NDArray[np.uint8]:
    """Bytes, NCHW, converted to RGB or grey as files are."""
    if channels is None:
        channels = 1 if all(picture.mode in {"1", "L"} for picture in pictures) else 3
    mode = PILLOW_MODES.get(channels)
    if mode is None:
        raise ShapeError(
            f"Pillow's images have 1 or 3 channels, expected {channels}; give an array"
        )
    pictures = [_upright(picture, index) for index, picture in enumerate(pictures)]
    width, height = pictures[0].size
    for index, picture in enumerate(pictures):
        if picture.size != (width, height):
            raise ShapeError(
                f"image {index} has {picture.height} x {picture.width} pixels (height x width), "
                f"expected {height} x {width} like image 0; resize them"
            )
    pixels = np.empty((len(pictures), channels, height, width), np.uint8)
    for target, picture in zip(pixels, pictures, strict=True):
        interleaved = np.asarray(picture.convert(mode)).reshape(height, width, channels)
        target[...] = interleaved.transpose(2, 0, 1)
    return pixels


def _upright(picture: Image.Image, index: int) -> Image.Image:
    """A picture as it is to be seen, turned as files are."""
    if picture.mode.startswith(WIDE_MODES):
        raise InvalidArgumentError(
            f"image {index} is of Pillow's mode {picture.mode}, which has no fixed range; "
            "`resnet.read_image` reads its file, or give an array in the model's unit"
        )
    if picture.getexif().get(ORIENTATION, 1) == 1:
        return picture
    from PIL import ImageOps  # noqa: PLC0415 (Pillow need not be there)

    return ImageOps.exif_transpose(picture)
