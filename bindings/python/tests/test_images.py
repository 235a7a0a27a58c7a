"""Image files and resampling, beside Pillow."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageOps

import resnet
from photos import encoded, photo

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from resnet.images import Interpolation

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def planes(image: Image.Image) -> npt.NDArray[np.uint8]:
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def by_pillow(data: bytes, mode: str) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return planes(ImageOps.exif_transpose(image).convert(mode))


def check_same(data: bytes) -> None:
    for channels, mode in ((3, "RGB"), (1, "L")):
        assert np.array_equal(resnet.read_image(data, channels=channels), by_pillow(data, mode))


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 45), (161, 129), (333, 257)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"restart_marker_rows": 1}],
    ids=lambda options: "-".join(map(str, options)) or "plain",
)
def test_jpeg(size: tuple[int, int], mode: str, options: dict[str, Any]) -> None:
    check_same(encoded(photo(*size, mode), **options))


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation(orientation: int, order: str) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "maker"
    exif[0x0112] = orientation
    check_same(encoded(photo(37, 22), exif=exif))
    check_same(encoded(photo(37, 22), "PNG", exif=exif))


PNG_MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA"]


@pytest.mark.parametrize("mode", PNG_MODES)
def test_png(mode: str) -> None:
    picture = photo(33, 21)
    if mode == "PA":
        image = picture.quantize(20)
        check_same(encoded(image, "PNG", transparency=3))
        check_same(encoded(picture.quantize(3), "PNG", bits=2))
    elif mode in ("LA", "RGBA"):
        image = picture.convert(mode)
        image.putalpha(photo(33, 21, "L", seed=1))
        check_same(encoded(image, "PNG"))
    else:
        check_same(encoded(picture.convert(mode), "PNG"))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    width: int, height: int, depth: int, colour: int, rows: bytes, *, interlaced: int = 0
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_png_of_16_bits() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    data = png(7, 9, 16, 2, rows)
    check_same(data)
    assert np.array_equal(resnet.read_image(data), (values >> 8).transpose(2, 0, 1))
    # Pillow turns all but the darkest grey into white.
    grey = png(7, 9, 16, 0, b"".join(b"\0" + row.astype(">u2").tobytes() for row in values[..., 0]))
    assert np.array_equal(resnet.read_image(grey, channels=1)[0], values[..., 0] >> 8)


def test_interlaced_png() -> None:
    image = np.asarray(photo(21, 13))
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    rows = b""
    for left, top, across, down in passes:
        for row in image[top::down, left::across]:
            rows += b"\0" + row.tobytes()
    data = png(21, 13, 8, 2, rows, interlaced=1)
    check_same(data)
    assert np.array_equal(resnet.read_image(data), image.transpose(2, 0, 1))


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose header says another size."""
    data = bytearray(encoded(photo(16, 16)))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    jpeg, picture = encoded(photo(120, 90)), encoded(photo(120, 90), "PNG")
    interlaced = png(500, 400, 8, 2, b"\0" * 100, interlaced=1)
    corrupt = bytearray(picture)
    corrupt[len(corrupt) // 2] ^= 0xFF
    broken = bytearray(jpeg)
    broken[len(broken) // 2 : len(broken) // 2 + 40] = b"\xff\xd9" * 20
    cases = {
        "empty": (b"", "empty"),
        "text.jpg": (b"<html>not found</html>", "neither a JPEG nor a PNG"),
        "gif.png": (encoded(photo(9, 9, "P"), "GIF"), "neither a JPEG nor a PNG"),
        "half.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "no-end.jpg": (jpeg[:-2], "truncated"),
        "head.jpg": (jpeg[:100], "truncated"),
        "three.jpg": (jpeg[:3], "truncated"),
        "progressive.jpg": (encoded(photo(120, 90), progressive=True)[:-100], "truncated"),
        "broken.jpg": (bytes(broken), "premature end"),
        "half.png": (picture[: len(picture) // 2], "truncated"),
        "no-end.png": (picture[:-12], "truncated"),
        "signature.png": (picture[:8], "truncated"),
        "corrupt.png": (bytes(corrupt), "CRC|incorrect data check"),
        "interlaced.png": (interlaced, "data"),
        "bomb.png": (png(60000, 60000, 8, 2, b""), "60000 x 60000"),
        "bomb-head.png": (png(60000, 60000, 8, 2, b"")[:40], "60000 x 60000"),
        "bomb.jpg": (jpeg_of_size(60000, 60000), "60000 x 60000"),
        "none.png": (png(0, 5, 8, 2, b""), "0 x 5"),
    }
    for name, (data, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(resnet.FormatError, match=reason) as caught:
            resnet.read_image(path)
        assert name in str(caught.value)
        with pytest.raises(resnet.FormatError, match=reason):
            resnet.read_image(data)
    with pytest.raises(resnet.MissingFileError, match="gone"):
        resnet.read_image(tmp_path / "gone")
    with pytest.raises(resnet.FormatError, match="is a directory"):
        resnet.read_image(tmp_path)
    with pytest.raises(resnet.FormatError, match="120 x 90"):
        resnet.read_image(jpeg, pixel_limit=10_799)
    assert resnet.read_image(jpeg, pixel_limit=10_800).shape == (3, 90, 120)
    with pytest.raises(resnet.InvalidArgumentError, match="channel"):
        resnet.read_image(jpeg, channels=2)


def test_arithmetic_coding_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "jpeg")
    # The frame says that it is coded so.
    data = file.getvalue().replace(b"\xff\xc0", b"\xff\xc9", 1)
    with pytest.raises(resnet.FormatError, match="arithmetic coding"):
        resnet.read_image(data)


def test_every_truncation_is_told() -> None:
    for data in (
        encoded(photo(40, 30)),
        encoded(photo(40, 30), progressive=True),
        encoded(photo(40, 30, "CMYK")),
        encoded(photo(20, 10), "PNG"),
    ):
        assert resnet.read_image(data).size
        for length in range(len(data)):
            with pytest.raises(resnet.FormatError):
                resnet.read_image(data[:length])


SIZES = [
    ((500, 375), (341, 256)),
    ((375, 500), (256, 341)),
    ((500, 375), (640, 480)),
    ((333, 257), (224, 224)),
    ((64, 48), (1, 1)),
    ((5, 3), (50, 30)),
    ((100, 40), (100, 20)),
    ((100, 40), (55, 40)),
    ((1, 1), (7, 9)),
    ((1000, 30), (17, 29)),
]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_resampling(
    interpolation: Interpolation, old: tuple[int, int], new: tuple[int, int]
) -> None:
    for mode in ("RGB", "L"):
        image = photo(*old, mode)
        expected = planes(image.resize(new, FILTERS[interpolation]))
        resized = resnet.resize(planes(image), (new[1], new[0]), interpolation=interpolation)
        assert np.array_equal(resized, expected)
    floats = np.random.default_rng(0).normal(size=(2, old[1], old[0])).astype(np.float32)
    resized = resnet.resize(floats, (new[1], new[0]), interpolation=interpolation)
    for plane, result in zip(floats, resized, strict=True):
        plain = Image.fromarray(plane).resize(new, FILTERS[interpolation])
        assert np.array_equal(result, np.asarray(plain))


def test_extreme_pixels() -> None:
    # Bicubic weights are negative in part: sums go beyond both ends of a byte.
    rng = np.random.default_rng(1)
    pixels = (rng.integers(0, 2, (61, 83, 3)) * 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    for size in ((200, 100), (40, 50)):
        expected = planes(image.resize(size, Image.Resampling.BICUBIC))
        assert np.array_equal(
            resnet.resize(planes(image), size[::-1], interpolation="bicubic"), expected
        )


@pytest.mark.parametrize("size", [(500, 375), (300, 301), (256, 256), (640, 259)])
def test_centre_crop(size: tuple[int, int]) -> None:
    image = photo(*size)
    scale = 256 / min(size)
    whole = tuple(256 if side == min(size) else int(side * scale + 1e-9) for side in size)
    left, top = (round((side - 224) / 2) for side in whole)
    resized = image.resize((whole[0], whole[1]), Image.Resampling.BILINEAR)
    expected = resized.crop((left, top, left + 224, top + 224))
    assert np.array_equal(resnet.centre_crop(planes(image)), planes(expected))


def test_wrong_arguments_are_refused() -> None:
    image = planes(photo(10, 8))
    for size in ((0, 5), (-1, 5), (1 << 21, 5), (1 << 20, 1 << 20)):
        with pytest.raises(resnet.InvalidArgumentError):
            resnet.resize(image, size)
    with pytest.raises(resnet.InvalidArgumentError, match="larger than the image"):
        resnet.centre_crop(image, resize=10, crop=11)
    for crop in (0, -1, -(2**31)):
        with pytest.raises(resnet.InvalidArgumentError):
            resnet.centre_crop(image, resize=10, crop=crop)
    with pytest.raises(resnet.InvalidArgumentError):
        resnet.centre_crop(image, resize=-3)
    with pytest.raises(resnet.InvalidArgumentError, match="interpolation"):
        resnet.resize(image, (4, 4), interpolation="box")  # type: ignore[arg-type]
    with pytest.raises(resnet.ShapeError):
        resnet.resize(image[0], (4, 4))
    with pytest.raises(resnet.ShapeError):
        resnet.resize(image[:2], (4, 4))
    with pytest.raises(resnet.InvalidArgumentError, match="int64"):
        resnet.resize(image.astype(np.int64), (4, 4))
