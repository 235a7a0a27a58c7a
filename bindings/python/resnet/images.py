"""Images out of files and at other sizes: arrays (channels, height, width), as models take them."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypeAlias

import numpy as np

from . import _header, _values
from ._errors import InvalidArgumentError, ShapeError
from ._handle import Owner
from ._library import library

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

Interpolation: TypeAlias = Literal["bilinear", "bicubic"]

RASTER_CHANNELS = (1, 3)
IMAGE_RANK = 3


class _Image(Owner):
    """An `rn_image`."""

    def __init__(self, function: str, *arguments: Any) -> None:  # noqa: ANN401 (ctypes' own)
        """Makes one by a function of the library, whose last argument is where it goes."""
        made = ctypes.c_void_p()
        getattr(library(), function)(*arguments, ctypes.byref(made))
        super().__init__(made, "rn_image_free")

    @classmethod
    def copy(cls, image: npt.NDArray[np.uint8]) -> _Image:
        """From an array of bytes, (channels, height, width)."""
        interleaved = np.ascontiguousarray(image.transpose(1, 2, 0))
        height, width, channels = (
            _values.integer(side, "a side of the image") for side in interleaved.shape
        )
        return cls("rn_image_create", _values.bytes_pointer(interleaved), height, width, channels)

    def array(self) -> npt.NDArray[np.uint8]:
        """Its pixels, (channels, height, width)."""
        info = _header.ImageInfo()
        library().rn_image_get_info(self._handle, ctypes.byref(info))
        pixels = np.empty((info.channels, info.height, info.width), np.uint8)
        library().rn_image_pixels(
            self._handle, _header.PLANAR, _values.bytes_pointer(pixels), pixels.size
        )
        return pixels

    def derive(self, function: str, *arguments: int) -> _Image:
        """The image that a function of the library makes of this one."""
        return _Image(function, self._handle, *arguments)


def read_image(
    source: str | os.PathLike[str] | bytes,
    *,
    channels: SupportsIndex = 3,
    pixel_limit: SupportsIndex = 0,
) -> npt.NDArray[np.uint8]:
    """Reads a JPEG or PNG image, told by its content, turned upright by EXIF's orientation.

    The pixels are those of Pillow's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")`, or
    "L" for one channel. Transparency is dropped, and of 16 bits the upper 8 are kept.

    Args:
        source: A file's path, or the bytes of a file.
        channels: 3 for RGB, 1 for grey; other images are converted.
        pixel_limit: The most pixels that the image may have, which is compared with its header
            before anything is allocated; 0 for 2**26.

    Returns:
        (channels, height, width) uint8.

    Raises:
        MissingFileError: There is no such file.
        FormatError: It is something else, truncated, damaged or too large.
    """
    wanted = _values.integer(channels, "the number of channels")
    limit = _values.integer(pixel_limit, "the limit of pixels", bits=64)
    if isinstance(source, bytes):
        return _Image("rn_image_decode", source, len(source), wanted, limit).array()
    return _Image("rn_image_read", _values.path(source), wanted, limit).array()


def resize(
    image: npt.NDArray[Any],
    size: tuple[SupportsIndex, SupportsIndex],
    *,
    interpolation: Interpolation = "bilinear",
) -> npt.NDArray[Any]:
    """An image at another size, antialiased: the same values as Pillow's `Image.resize`.

    Args:
        image: (channels, height, width), bytes in 1 or 3 channels, or floats in any number.
        size: Height and width of the result.
        interpolation: "bilinear" or "bicubic".

    Returns:
        (channels, *size), uint8 or float32 like the image.
    """
    height, width = (
        _values.integer(side, "a side of the size")
        for side in _values.pair(size, "size", "(height, width)")
    )
    kind = _values.choice(interpolation, _header.FILTERS, "interpolation")
    pixels = _checked(image)
    if pixels.dtype == np.uint8:
        return _Image.copy(pixels).derive("rn_image_resize", height, width, kind).array()
    if height < 1 or width < 1:
        raise InvalidArgumentError(f"the size is {height}x{width}, expected positive numbers")
    resized = np.empty((len(pixels), height, width), np.float32)
    library().rn_resize_planes(
        _values.floats(pixels),
        *(_values.integer(side, "a side of the image") for side in pixels.shape),
        height,
        width,
        kind,
        _values.floats(resized),
        resized.size,
    )
    return resized


def centre_crop(
    image: npt.NDArray[np.uint8],
    *,
    resize: SupportsIndex = 256,
    crop: SupportsIndex = 224,
    interpolation: Interpolation = "bilinear",
) -> npt.NDArray[np.uint8]:
    """The testing view: resized to a shorter side of `resize`, and the crop in the middle of that.

    Args:
        image: (channels, height, width) bytes in 1 or 3 channels.
        resize: The shorter side; 0 for the image's own size.
        crop: Height and width of the result.
        interpolation: "bilinear" or "bicubic".

    Returns:
        (channels, crop, crop) uint8.
    """
    pixels = _checked(image)
    if pixels.dtype != np.uint8:
        raise InvalidArgumentError(f"the image is {pixels.dtype}, expected uint8")
    return (
        _Image.copy(pixels)
        .derive(
            "rn_image_centre",
            _values.integer(resize, "resize"),
            _values.integer(crop, "crop"),
            _values.choice(interpolation, _header.FILTERS, "interpolation"),
        )
        .array()
    )


def _checked(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    pixels = _values.array_of(image, "the pixels")
    if pixels.ndim != IMAGE_RANK:
        raise ShapeError(f"the image has shape {pixels.shape}, expected (channels, height, width)")
    if pixels.dtype == np.uint8:
        if len(pixels) not in RASTER_CHANNELS:
            raise ShapeError(f"an image of bytes has 1 or 3 channels, got {len(pixels)}")
        return pixels
    if not np.issubdtype(pixels.dtype, np.floating):
        raise InvalidArgumentError(f"the image is {pixels.dtype}, expected uint8 or floats")
    return np.ascontiguousarray(pixels, dtype=np.float32)
