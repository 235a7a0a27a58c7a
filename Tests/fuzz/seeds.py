"""Writes the files that fuzzing begins with: small and sound ones of every kind.

usage: seeds.py DIRECTORY   (a folder for each target is made in it)
"""

import io
import struct
import sys
from pathlib import Path

from PIL import Image


def picture(mode: str, size: tuple[int, int]) -> Image.Image:
    """A pattern of that mode and size."""
    width, height = size
    image = Image.new("RGB", size)
    image.putdata(
        [(x * 37 % 256, y * 59 % 256, x * y % 256) for y in range(height) for x in range(width)]
    )
    return image.convert(mode)


def encoded(image: Image.Image, **options: object) -> bytes:
    """The file of an image."""
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def images() -> dict[str, bytes]:
    """JPEG and PNG files of every kind."""
    exif = Image.Exif()
    exif[0x0112] = 6
    colour, grey = picture("RGB", (19, 11)), picture("L", (9, 17))
    files = {
        "444.jpg": encoded(colour, format="JPEG", subsampling=0),
        "420.jpg": encoded(colour, format="JPEG", subsampling=2),
        "progressive.jpg": encoded(colour, format="JPEG", progressive=True),
        "restart.jpg": encoded(colour, format="JPEG", restart_marker_blocks=1),
        "grey.jpg": encoded(grey, format="JPEG"),
        "cmyk.jpg": encoded(picture("CMYK", (11, 8)), format="JPEG"),
        "turned.jpg": encoded(colour, format="JPEG", exif=exif),
        "rgb.png": encoded(colour, format="PNG"),
        "rgba.png": encoded(picture("RGBA", (7, 5)), format="PNG"),
        "grey.png": encoded(grey, format="PNG"),
        "alpha.png": encoded(picture("LA", (5, 7)), format="PNG"),
        "palette.png": encoded(picture("P", (8, 8)), format="PNG"),
        "bits.png": encoded(picture("1", (13, 6)), format="PNG"),
        "sixteen.png": encoded(Image.new("I;16", (4, 4), 999), format="PNG"),
        "turned.png": encoded(colour, format="PNG", exif=exif),
    }
    # The last bytes choose how a file is decoded.
    return {name: data + bytes(range(16)) for name, data in files.items()}


def idx(*dimensions: int) -> bytes:
    """An IDX file of small values."""
    count = 1
    for dimension in dimensions:
        count *= dimension
    header = struct.pack(f">I{len(dimensions)}I", 0x800 | len(dimensions), *dimensions)
    return header + bytes(i % 3 for i in range(count))


def idx_pair(images: bytes, count: int) -> bytes:
    """Images, and as many labels."""
    labels = idx(count)
    return b"\x00" + struct.pack("<H", len(labels)) + labels + images


def cifar(which: int, names: str, records: int) -> bytes:
    """Records of one dataset, and class names."""
    text = names.encode()
    labels = bytes([1]) if which == 0 else bytes([3, 42])
    return (
        bytes([which, which])
        + struct.pack("<H", len(text))
        + text
        + records * (labels + bytes(3072))
    )


def network(*parts: int) -> bytes:
    """What NetworkTargets.swift makes a network of."""
    return bytes(parts)


SEEDS = {
    "image": images(),
    "photo": images(),
    "idx": {
        "grey": idx_pair(idx(4, 3, 2), 4),
        "colour": idx_pair(idx(2, 3, 2, 2), 2),
    },
    "cifar": {
        "ten": cifar(0, "\n".join("abcdefghij"), 1),
        "hundred": cifar(1, "", 1),
    },
    "list": {
        "plain": b"a/b.jpg 0\nc d.png 1\n\n/e.jpeg\t2\r\n",
        "one": b"x 7\n",
    },
    "network": {
        "cifar": network(0, 4, 0, 0, 0, 1, 1, 7, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 9, 5, 8, 8, 2),
        "layers": network(
            0,
            4,
            2,
            2,
            0,
            0,
            0,
            1,
            2,
            2,
            1,
            4,
            0,
            0,
            1,
            8,
            1,
            1,
            2,
            3,
            1,
            0,
            0,
            0,
            0,
            0,
            5,
            12,
            12,
            2,
        ),
        "plain": network(3, 1, 0, 0, 0, 1, 1, 7, 0, 1, 2, 3, 3, 0, 0, 1, 0, 1, 1, 4, 3, 9, 9, 2),
    },
    "preset": {
        "resnet": bytes(18) + b"resnet20",
        "prefix": bytes(18) + b"cifar-plain1202",
        "vgg": bytes(18) + b"imagenet-vgg16-bn",
        "highway": bytes(18) + b"highway19",
    },
}


def main() -> None:
    """Writes them all."""
    for target, seeds in SEEDS.items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
