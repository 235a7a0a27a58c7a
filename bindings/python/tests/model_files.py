"""What tests do to model files."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def seal(path: Path) -> None:
    """Gives a file that h5py has changed the checksums that go with it; see docs/FORMAT.md."""
    file = path.read_bytes()
    (end,) = struct.unpack_from("<Q", file, 28)
    footer = struct.pack("<QQL", 0, end, zlib.crc32(file[:end]))
    footer += struct.pack("<L", zlib.crc32(footer)) + b"RNCHECK1"
    path.write_bytes(file[:end] + footer)


def with_values_beside(path: Path) -> None:
    """Moves the raw values of an ONNX file to a second file, as external data."""
    values = bytearray()

    def initializer(tensor: bytes) -> bytes:
        kept = b""
        for number, field, content in _fields(tensor):
            if number != 9:  # raw_data
                kept += field
                continue
            place = {"location": path.name + ".data", "offset": len(values), "length": len(content)}
            values.extend(content)
            for key, value in place.items():
                kept += _field(13, _field(1, key.encode()) + _field(2, str(value).encode()))
            kept += bytes([14 << 3, 1])
        return kept

    def graph(message: bytes) -> bytes:
        return b"".join(
            _field(5, initializer(content)) if number == 5 else field
            for number, field, content in _fields(message)
        )

    path.write_bytes(
        b"".join(
            _field(7, graph(content)) if number == 7 else field
            for number, field, content in _fields(path.read_bytes())
        )
    )
    path.with_name(path.name + ".data").write_bytes(values)


def _varint(value: int) -> bytes:
    """A number of Protocol Buffers."""
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _field(number: int, content: bytes) -> bytes:
    """A field that has a length."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The number of each field, the whole of it, and its content if it has a length."""
    end = 0

    def varint() -> int:
        nonlocal end
        value, shift = 0, 0
        while True:
            digit = message[end]
            end += 1
            value |= (digit & 0x7F) << shift
            shift += 7
            if digit <= 0x7F:
                return value

    while end < len(message):
        start = end
        tag = varint()
        content = b""
        match tag & 7:
            case 0:
                varint()
            case 2:
                length = varint()
                content = message[end : end + length]
                end += length
            case wire:
                end += {1: 8, 5: 4}[wire]
        yield tag >> 3, message[start:end], content
