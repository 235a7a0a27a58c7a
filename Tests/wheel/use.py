"""What the wheel is tested with: see run.sh."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path

import numpy as np

import resnet

rng = np.random.default_rng(0)
labels = np.arange(64) % 2
images = rng.integers(0, 100, (64, 1, 8, 8), dtype=np.uint8) + (100 * labels)[
    :, None, None, None
].astype(np.uint8)

model = resnet.Model("resnet8", input_channels=1, classes=2, base_width=8, seed=0)
resnet.Trainer(model, lr=0.05).fit((images, labels), epochs=5, batch_size=16)
accuracy = model.evaluate((images, labels)).accuracy
if accuracy < 0.9:  # noqa: PLR2004 (dark and bright ones)
    raise SystemExit(f"accuracy {accuracy}")
model.save("model.h5")
if not np.array_equal(resnet.load("model.h5").predict(images), model.predict(images)):
    raise SystemExit("the saved model predicts something else")


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


png = io.BytesIO()
png.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes([0, 0, 0, 8, 0, 0, 0, 8, 8, 0, 0, 0, 0])))
rows = b"".join(b"\0" + row.tobytes() for row in images[0, 0])
png.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
if not np.array_equal(resnet.read_image(png.getvalue(), channels=1), images[0]):
    raise SystemExit("the PNG file has other pixels")

loaded = set(re.findall(r"\S+/lib(?:resnet|jpeg|png|hdf5)\S*", Path("/proc/self/maps").read_text()))
outside = [path for path in loaded if "site-packages/resnet" not in path]
if len(loaded) < 3 or outside:  # noqa: PLR2004 (resnet, jpeg, png)
    raise SystemExit(f"these were loaded: {sorted(loaded)}")
print(f"accuracy {accuracy:.0%} with {', '.join(sorted(Path(path).name for path in loaded))}")
