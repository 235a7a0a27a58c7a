"""Makes the HDF5 files that the tests in Swift and C read, with h5py.

Value i of a numeric dataset is 7 i modulo 101, so that the tests know it without the file.
`model-1.h5` and `model-2.h5` are not made here: they were saved by the library when libhdf5 still
wrote its files (links and attributes in fractal heaps), and must be readable for ever. So must
`checkpoint.h5`, of a training that was stopped in its second epoch; and `checkpoint-2.h5`, where it
was stopped in the third and the weights were changed then, with what is compared of the data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent
Options = dict[str, Any]
TYPES = ("u1", "i1", "<u2", ">i2", "<i4", ">u4", "<i8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8")


def values(shape: tuple[int, ...], kind: str = "u1") -> npt.NDArray[Any]:
    """The values of a dataset."""
    count = int(np.prod(shape, dtype=int))
    return (7 * np.arange(count) % 101).reshape(shape).astype(kind)


def add_types(group: h5py.Group) -> None:
    """Numbers of all kinds, and text."""
    for kind in TYPES:
        group[f"{'big' if kind[0] == '>' else 'little'}-{kind[-2:]}"] = values((3, 5), kind)
    number = h5py.enum_dtype({f"n{value}": value for value in range(101)}, basetype="<i2")
    group.create_dataset("enumeration", data=values((4,), "<i2"), dtype=number)
    group["scalar"] = np.float32(2.5)
    group["empty"] = h5py.Empty("f4")
    group["none"] = np.zeros((0, 3), "f4")
    group["fixed"] = np.array([b"ant", b"bee", b"", b"cicada"])
    group.create_dataset("variable", data=["ant", "d\u00e4d\u00e4", "", "x" * 300])
    group["compound"] = np.zeros(2, [("a", "i4"), ("b", "f8")])
    named = group.create_group("named")
    named["type"] = np.dtype("<f4")
    named.create_dataset("values", data=values((6,), "<f4"), dtype=named["type"])


def add_layouts(group: h5py.Group) -> None:
    """The same values, however they can be stored."""
    shape = (10, 12, 3)
    data = values(shape)
    everything: Options = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    layouts: dict[str, Options] = {
        "contiguous": {},
        "one": {"chunks": shape},
        "one-filtered": {"chunks": shape, **everything},
        "chunks": {"chunks": (3, 5, 2)},
        "wide": {"chunks": (4, 12, 3)},
        "gzip": {"chunks": (3, 5, 2), "compression": "gzip"},
        "shuffle": {"chunks": (3, 5, 2), "shuffle": True},
        "fletcher": {"chunks": (3, 5, 1), "fletcher32": True},
        "everything": {"chunks": (3, 5, 2), **everything},
        "grows": {"chunks": (3, 5, 2), "maxshape": (None, 12, 3)},
        "grows-filtered": {"chunks": (3, 5, 2), "maxshape": (None, 12, 3), **everything},
        "grows-second": {"chunks": (1, 1, 1), "maxshape": (10, None, 3)},
        "grows-bounded": {"chunks": (3, 5, 2), "maxshape": (40, 12, 9)},
        "grows-all": {"chunks": (1, 2, 1), "maxshape": (None, None, None)},
        "grows-all-filtered": {
            "chunks": (3, 5, 2),
            "maxshape": (None, None, 3),
            "compression": "gzip",
        },
    }
    for name, options in layouts.items():
        group.create_dataset(name, data=data, **options)
    wide = group.create_dataset(
        "shuffle-4", data=values((9, 7), "<i4"), chunks=(4, 4), shuffle=True
    )
    wide.attrs["note"] = "values of four bytes"
    # What was never written is the fill value.
    sparse = group.create_dataset("sparse", (6, 8), "<i2", chunks=(2, 3), fillvalue=-9)
    sparse[2:4, 3:6] = 5
    group.create_dataset("unwritten", (4,), "<f4", fillvalue=1.5)
    # Indices in pages.
    group.create_dataset("pages", (3000,), "u1", chunks=(1,))[1500] = 4
    group.create_dataset("grown-pages", (200_000,), "u1", chunks=(1,), maxshape=(None,))[
        140_000
    ] = 6
    for name, layout, time in (
        ("compact", h5py.h5d.COMPACT, h5py.h5d.ALLOC_TIME_EARLY),
        ("early", h5py.h5d.CHUNKED, h5py.h5d.ALLOC_TIME_EARLY),
    ):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(layout)
        properties.set_alloc_time(time)
        if layout == h5py.h5d.CHUNKED:
            properties.set_chunk((3, 5, 2))
        dataset = h5py.h5d.create(
            group.id, name.encode(), h5py.h5t.STD_U8LE, h5py.h5s.create_simple(shape), properties
        )
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, data)


def add_attributes(group: h5py.Group, *, large: bool) -> None:
    """Few, many, and large attributes."""
    few, many = group.create_group("few"), group.create_group("many")
    few.attrs["text"] = "d\u00e4d\u00e4"
    few.attrs["fixed"] = np.bytes_(b"ant")
    few.attrs["numbers"] = np.array([1, -2, 3], "<i8")
    few.attrs["half"] = np.float16(0.5)
    few.attrs["texts"] = ["ant", "bee"]
    few.attrs["empty"] = h5py.Empty("f4")
    for index in range(40):
        many.attrs[f"number {index}"] = np.int32(index)
    if large:
        many.attrs["large"] = np.arange(20_000, dtype="<i4")


def add_groups(group: h5py.Group) -> None:
    """Many members, and links that lead elsewhere."""
    many = group.create_group("many", track_order=True)
    for index in range(150):
        many.create_group(f"member {index}")
    links = group.create_group("links")
    links["soft"] = h5py.SoftLink("/types/scalar")
    links["external"] = h5py.ExternalLink("other.h5", "/images")
    links["hard"] = group["many"]
    links["loop"] = links


def make(name: str, libver: str | tuple[str, str], userblock: int = 0) -> None:
    """One file with all of it."""
    with h5py.File(FOLDER / name, "w", libver=libver, userblock_size=userblock) as file:
        add_types(file.create_group("types"))
        add_layouts(file.create_group("layouts"))
        add_attributes(file.create_group("attributes"), large=libver != "earliest")
        add_groups(file.create_group("groups"))


def make_small(name: str, libver: str) -> None:
    """One of each structure, for tests that damage every part of it in many ways."""
    with h5py.File(FOLDER / name, "w", libver=libver) as file:
        data = values((4, 6, 2))
        layouts: dict[str, Options] = {
            "tree": {"chunks": (2, 3, 2), "maxshape": (None, None, 2), "compression": "gzip"},
            "grows": {"chunks": (1, 3, 2), "maxshape": (None, 6, 2), "shuffle": True},
            "fixed": {"chunks": (2, 2, 2), "fletcher32": True},
            "one": {"chunks": (4, 6, 2), "compression": "gzip"},
            "plain": {},
        }
        for member, options in layouts.items():
            file.create_dataset(member, data=data, **options)
        file["strings"] = ["ant", "bee", ""]
        file["fixed-strings"] = np.array([b"ant", b"bee"])
        many = file.create_group("many")
        many["soft"] = h5py.SoftLink("/plain")
        for index in range(10):
            many.attrs[f"a{index}"] = index
            many[f"m{index}"] = file["plain"]
        if libver != "earliest":
            many.attrs["large"] = np.zeros(5000, "u1")


def make_photos() -> None:
    """Images and labels, for the tests in C."""
    with h5py.File(FOLDER / "photos.h5", "w") as file:
        file["photos"] = np.arange(90, dtype=np.uint8).reshape(5, 2, 3, 3)
        file["labels"] = np.array([0, 2, 1, 2, 0], "<i4")


if __name__ == "__main__":
    make("earliest.h5", "earliest")
    make("v110.h5", ("v110", "v110"))
    make("latest.h5", "latest", userblock=512)
    make_small("small-earliest.h5", "earliest")
    make_small("small-latest.h5", "latest")
    make_photos()
