"""Labelled images in HDF5 files, which h5py writes here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

import resnet

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (30, 3, 6, 8), dtype=np.uint8)
LABELS = np.arange(30) % 4


def write(
    path: Path,
    images: npt.ArrayLike,
    labels: npt.ArrayLike = LABELS,
    options: dict[str, Any] | None = None,
    libver: str = "earliest",
) -> Path:
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("images", data=images, **(options or {}))
        file.create_dataset("labels", data=labels)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (1, 3, 6, 8)},
        {"chunks": (7, 2, 5, 3)},
        {"chunks": (4, 3, 6, 8), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"maxshape": (None, 3, 6, 8)},
        {"maxshape": (None, 3, 6, 8), "chunks": (1, 3, 6, 8), "compression": "gzip"},
        {"maxshape": (30, 3, None, 8), "chunks": (4, 1, 2, 8), "fletcher32": True},
        {"maxshape": (None, 3, None, 8), "chunks": (1, 2, 1, 4)},
        {"maxshape": (None, None, 6, 8), "chunks": (1, 3, 6, 8), "compression": "gzip"},
        {"chunks": (30, 3, 6, 8), "compression": "gzip"},
    ],
)
@pytest.mark.parametrize("libver", ["earliest", "v110", "latest"])
def test_images_come_back_however_they_are_stored(
    tmp_path: Path, options: dict[str, Any], libver: str
) -> None:
    for kind in ("u1", "<f4", ">f4"):
        images = BYTES.astype(kind)
        path = tmp_path / f"{kind[1:]}.{kind[0]}.h5"
        data = resnet.HDF5Images(write(path, images, options=options, libver=libver))
        assert (len(data), data.shape, data.classes) == (30, (3, 6, 8), 4)
        pixels, labels = data.read()
        assert np.array_equal(pixels, images)
        assert np.array_equal(labels, LABELS)
        assert np.array_equal(data.read(7, 2)[0], images[7:9])


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_indices_of_several_levels(tmp_path: Path, libver: str) -> None:
    images = np.arange(4000 * 2 * 3 * 2).astype(np.uint8).reshape(4000, 2, 3, 2)
    labels = np.arange(4000) % 7
    for maximum in ((4000, 2, 3, 2), (None, 2, 3, 2), (None, None, 3, 2)):
        options = {"chunks": (1, 2, 3, 1), "maxshape": maximum}
        path = write(tmp_path / "a.h5", images, labels, options, libver)
        read, classes = resnet.HDF5Images(path).read()
        assert np.array_equal(read, images)
        assert np.array_equal(classes, labels)


def test_files_behind_a_block_of_the_users_own(tmp_path: Path) -> None:
    for libver in ("earliest", "latest"):
        with h5py.File(tmp_path / "a.h5", "w", userblock_size=1024, libver=libver) as file:
            file["images"], file["labels"] = BYTES, LABELS
        assert np.array_equal(resnet.HDF5Images(tmp_path / "a.h5").read()[0], BYTES)


def test_channels_may_come_last_or_be_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", BYTES.transpose(0, 2, 3, 1))
    assert np.array_equal(resnet.HDF5Images(path, layout="NHWC").read()[0], BYTES)
    assert resnet.HDF5Images(path).shape == (6, 8, 3)
    grey = resnet.HDF5Images(write(tmp_path / "b.h5", BYTES[:, 1]))
    assert grey.shape == (1, 6, 8)
    assert np.array_equal(grey.read()[0], BYTES[:, 1:2])


@pytest.mark.parametrize("kind", ["u1", "i1", "<i2", ">u4", "<i8", "<u8"])
def test_labels_are_integers_of_any_size(tmp_path: Path, kind: str) -> None:
    data = resnet.HDF5Images(write(tmp_path / "a.h5", BYTES, LABELS.astype(kind)))
    assert np.array_equal(data.read()[1], LABELS)


def test_names_and_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    names = ["ant", "bee", "cicada", "d\u00e4d\u00e4", "emu"]
    for stored in (names, np.array([name.encode() for name in names])):
        with h5py.File(path, "w") as file:
            file["pictures"], file["targets"], file["kinds"] = BYTES, LABELS, stored
        arguments: Any = {"images": "pictures", "labels": "targets", "class_names": "kinds"}
        assert resnet.HDF5Images(path, **arguments).classes == 5
        model = resnet.Model("resnet8", classes=5, base_width=4)
        resnet.Trainer(model).fit(resnet.HDF5Images(path, **arguments), batch_size=10)
        assert model.class_names == names
        with pytest.raises(resnet.FormatError, match="5 class names"):
            resnet.HDF5Images(path, **arguments, classes=6)
        with pytest.raises(resnet.FormatError, match="labels go up to 3"):
            resnet.HDF5Images(path, **{**arguments, "class_names": "none"}, classes=3)
        assert (
            resnet.HDF5Images(path, **{**arguments, "class_names": "none"}, classes=9).classes == 9
        )
        with pytest.raises(FileNotFoundError, match="images"):
            resnet.HDF5Images(path)


def test_training_from_a_file_is_training_from_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", BYTES, options={"chunks": (1, 3, 6, 8), "compression": "gzip"})
    states = []
    for data in (resnet.Dataset(BYTES, LABELS), resnet.HDF5Images(path)):
        for workers in (0, 3):
            model = resnet.Model("resnet8", classes=4, base_width=4, seed=1)
            resnet.Trainer(model).fit(
                data, epochs=2, batch_size=8, augment=(1, True), workers=workers
            )
            states.append(model.state_dict())
    for state in states[1:]:
        assert all(np.array_equal(state[name], states[0][name]) for name in state)


def test_a_pixel_that_is_not_finite_is_named(tmp_path: Path) -> None:
    images = np.ones((30, 1, 4, 4), np.float32)
    images[17, 0, 2, 1] = np.nan
    data = resnet.HDF5Images(write(tmp_path / "a.h5", images))
    assert len(data.read(0, 17)[1]) == 17
    with pytest.raises(resnet.NotFiniteError, match="value 9 of image 17"):
        data.read()


def test_files_of_another_form_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    wrong: list[tuple[Any, Any]] = [
        (BYTES.astype(np.float64), LABELS),
        (BYTES.astype(np.int16), LABELS),
        (BYTES.astype(np.float16), LABELS),
        (BYTES[0, 0], LABELS[:6]),
        (BYTES[..., None], LABELS),
        (BYTES[:0], LABELS[:0]),
        (BYTES, LABELS[:-1]),
        (BYTES, LABELS[:, None]),
        (BYTES, LABELS.astype(np.float32)),
        (BYTES, LABELS - 1),
        (BYTES, LABELS + 2**31),
        (BYTES, LABELS.astype(np.uint64) + 2**63),
        (BYTES, ["a"] * 30),
    ]
    for images, labels in wrong:
        with pytest.raises(resnet.FormatError, match=str(path)):
            resnet.HDF5Images(write(path, images, labels))
    path.write_bytes(b"no HDF5")
    with pytest.raises(resnet.FormatError):
        resnet.HDF5Images(path)
    with pytest.raises(FileNotFoundError):
        resnet.HDF5Images(tmp_path / "none.h5")
    with pytest.raises(resnet.FormatError, match=r"directory|regular"):
        resnet.HDF5Images(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(resnet.FormatError, match=r"directory|regular"):
        resnet.HDF5Images(tmp_path / "pipe")
    write(path, BYTES)
    for name in ("", "group/images", ".", "/"):
        with pytest.raises((resnet.InvalidArgumentError, FileNotFoundError)):
            resnet.HDF5Images(path, images=name)
    with pytest.raises(resnet.InvalidArgumentError):
        resnet.HDF5Images(path, classes=-1)


def test_files_that_lead_elsewhere_or_claim_too_much_are_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "a.h5", write(tmp_path / "other.h5", BYTES)

    def refused(text: str) -> None:
        with pytest.raises(resnet.FormatError, match=text):
            resnet.HDF5Images(path)

    for link in (h5py.SoftLink("/labels"), h5py.ExternalLink(str(other), "/images")):
        with h5py.File(path, "w") as file:
            file["labels"], file["images"] = LABELS, link
        refused("link")
    with h5py.File(path, "w") as file:
        file["labels"] = LABELS
        file.create_dataset("images", BYTES.shape, np.uint8, external=[(str(other), 0, BYTES.size)])
    refused("other files")
    with h5py.File(path, "w") as file:
        file["labels"] = LABELS
        layout = h5py.VirtualLayout(BYTES.shape, np.uint8)
        layout[:] = h5py.VirtualSource(str(other), "images", BYTES.shape)
        file.create_virtual_dataset("images", layout)
    refused("view")
    # Nothing is stored of it.
    for options in ({}, {"chunks": (1, 3, 64, 64)}, {"chunks": (1, 3, 64, 64), "compression": 9}):
        with h5py.File(path, "w") as file:
            file["labels"] = LABELS
            file.create_dataset("images", (2**30, 3, 64, 64), np.uint8, **options)
        refused("stored")
    # Chunks that take gigabytes to decompress, and a filter that is code of others.
    with h5py.File(path, "w") as file:
        file["labels"] = LABELS
        shape = (30, 3, 4096, 4096)
        file.create_dataset("images", shape, np.uint8, chunks=shape, compression="gzip")
    refused("256 MiB")
    write(path, BYTES, options={"chunks": True, "compression": "lzf"})
    refused("filter 32000")


def test_damage_is_noticed_when_the_image_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", BYTES, options={"chunks": (1, 3, 6, 8), "fletcher32": True})
    with h5py.File(path) as file:
        place = file["images"].id.get_chunk_info(20).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 5] ^= 1
    path.write_bytes(content)
    data = resnet.HDF5Images(path)
    assert np.array_equal(data.read(0, 20)[0], BYTES[:20])
    with pytest.raises(resnet.FormatError, match=r"image 20 .*a\.h5"):
        data.read(20, 1)
    model = resnet.Model("resnet8", classes=4, base_width=4)
    with pytest.raises(resnet.FormatError, match="image 20"):
        resnet.Trainer(model).fit(data, batch_size=10, normalize="keep")
    short = tmp_path / "b.h5"
    for size in range(0, len(content), 97):
        short.write_bytes(content[:size])
        with pytest.raises(resnet.FormatError):
            resnet.HDF5Images(short)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_views_of_its_images(tmp_path: Path, kind: type[np.generic]) -> None:
    images = BYTES.astype(kind)
    path = write(tmp_path / "images.h5", images)
    model = resnet.Model("resnet8", base_width=8, classes=4)
    for views in (
        resnet.Views("10-crop", resize=7, crop=5),
        resnet.Views("multi-scale", scales=(6, 9)),
    ):
        expected = model.evaluate((images, LABELS), views=views)
        assert model.evaluate(resnet.HDF5Images(path), views=views) == expected
