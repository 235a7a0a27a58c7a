"""Files that are sound HDF5, checksums and all, but not the models that they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

import resnet
from model_files import seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    Edit = Callable[[h5py.File], object]

BOUNDS = ("v110", "v110")


def make_model() -> resnet.Model:
    """The smallest model with all that a file can hold."""
    model = resnet.Model.described(
        name="tiny",
        stem="cifar",
        stem_width=3,
        block="basic",
        stages=[(1, 3, 1)],
        shortcut="A",
        classes=2,
        input_channels=2,
    )
    model.set_normalization(np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7, [1 / 255, -0.0])
    model.class_names = ["Katze", "\u72ac \U0001f415"]
    return model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.h5"
    make_model().save(path)
    return path


def change(path: Path, edit: Edit) -> None:
    """Edits a file in the version of the format that the library writes, and seals it."""
    with h5py.File(path, "r+", libver=BOUNDS) as file:
        edit(file)
    seal(path)


def refuse(path: Path, edit: Edit, *parts: str) -> None:
    """Edits a new file, which is then refused in words that have these parts."""
    make_model().save(path)
    change(path, edit)
    for load in (resnet.load, resnet.open):
        with pytest.raises(resnet.FormatError) as caught:
            load(path).logits(np.zeros((1, 2, 8, 8), np.float32))
        for part in parts:
            assert part in str(caught.value)


def put(
    file: h5py.File,
    name: str,
    values: npt.ArrayLike,
    kind: str = "<f4",
    options: dict[str, Any] | None = None,
) -> None:
    """Replaces a dataset, stored as the format wants it unless options say otherwise."""
    if name in file:
        del file[name]
    values = np.asarray(values).astype(kind)
    options = {"chunks": values.shape, "fletcher32": True} if options is None else options
    file.create_dataset(name, data=values, **options)


def putting(
    name: str, values: npt.ArrayLike, kind: str = "<f4", options: dict[str, Any] | None = None
) -> Edit:
    """An edit that does that."""
    return lambda file: put(file, name, values, kind, options)


def deleting(name: str) -> Edit:
    """An edit that deletes a member."""
    return lambda file: file.__delitem__(name)


def attribute(group: str, name: str, value: object) -> Edit:
    """An edit that replaces an attribute."""

    def edit(file: h5py.File) -> None:
        del file[group].attrs[name]
        file[group].attrs[name] = value

    return edit


def test_other_hdf5_files(tmp_path: Path, path: Path) -> None:
    for libver in ("earliest", "latest", BOUNDS):
        other = tmp_path / "other.h5"
        with h5py.File(other, "w", libver=libver) as file:
            file.create_group("parameters")
        with pytest.raises(resnet.FormatError, match="not a model of libresnet"):
            resnet.load(other)
    edit = attribute("/", "format", np.bytes_("libresnet checkpoint"))
    refuse(path, edit, "not a model of libresnet")


@pytest.mark.parametrize("version", [0, -1, -(2**63)])
def test_impossible_versions(path: Path, version: int) -> None:
    edit = attribute("/", "format_version", np.int64(version))
    refuse(path, edit, f"format version {version} does not exist")


def test_newer_formats(path: Path) -> None:
    edit = attribute("/", "format_version", np.int64(4))
    refuse(path, edit, "format version 4", f"libresnet {resnet.__version__}", "update libresnet")
    for name, value in (("shortcut", "gate"), ("stem", "none"), ("stem", "vector")):
        edit = attribute("/network", name, np.bytes_(value))
        refuse(path, edit, "network that format version 1 does not have")


def test_where_the_stem_pools(tmp_path: Path) -> None:
    path = tmp_path / "ceil.h5"
    model = resnet.Model("resnet18", base_width=4, stem_pool="ceil")
    model.save(path)
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 3
        assert file["network"].attrs["stem_pool"] == b"ceil"
    assert resnet.load(path).summary() == model.summary()
    change(path, attribute("/network", "stem_pool", np.bytes_("same")))
    with pytest.raises(resnet.FormatError, match='"same", expected one of "padded", "ceil"'):
        resnet.load(path)


@pytest.mark.parametrize("name", ["name", "input_channels", "stem", "stage_blocks", "classes"])
def test_missing_attributes(path: Path, name: str) -> None:
    refuse(
        path,
        lambda file: file["network"].attrs.__delitem__(name),
        f"/network has no attribute {name}",
    )


def test_attributes_of_other_types(path: Path) -> None:
    for name, value, reason in (
        ("classes", np.float32(0), "64-bit integer"),
        ("classes", np.int32(2), "64-bit integer"),
        ("classes", np.array(2, ">i8"), "64-bit integer"),
        ("classes", np.array([2, 2], "<i8"), "64-bit integer"),
        ("stem", np.int64(1), "fixed-length"),
        ("stem", "cifar", "fixed-length"),
        ("stage_widths", np.int64(3), "64-bit"),
        ("stage_widths", np.zeros(5000, "<i8"), "is not a list of 1 to 2048"),
        ("stage_widths", h5py.Empty("<i8"), "is not a list"),
        ("stage_widths", np.array([3, 3], "<i8"), "1, 2 and 1 stages"),
        ("name", np.bytes_(b"a\xc3("), "is not UTF-8"),
        ("shortcut", np.bytes_("D"), 'is "D", expected one of "A", "B", "C", "none"'),
    ):
        refuse(path, attribute("/network", name, value), "/network", reason)


@pytest.mark.parametrize("value", [-(2**63), -1, 0, 2**20, 2**40, 2**63 - 1])
def test_impossible_networks(path: Path, value: int) -> None:
    """Networks that cannot be, or that ask for more memory than there is in the world."""
    for name in ("input_channels", "stem_width", "classes"):
        refuse(path, attribute("/network", name, np.int64(value)))
    for name in ("stage_blocks", "stage_widths", "stage_strides"):
        refuse(path, attribute("/network", name, np.array([value], "<i8")))


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({str(number): b"x" for number in range(257)}, "the 256 that a model may have"),
        ({"licence": b"x" * 32_769}, "the metadata licence has 32769 bytes"),
        ({"x" * 256: b"x"}, "has 256 bytes, expected 1 to 255"),
    ],
)
def test_metadata_beyond_the_limits(path: Path, metadata: dict[str, bytes], said: str) -> None:
    def edit(file: h5py.File) -> None:
        group = file.create_group("metadata")
        for name, value in metadata.items():
            group.attrs[name] = np.bytes_(value)

    refuse(path, edit, "/metadata", said)


def test_a_network_larger_than_its_file(path: Path) -> None:
    def edit(file: h5py.File) -> None:
        attribute("/network", "stem_width", np.int64(8192))(file)
        attribute("/network", "stage_widths", np.array([8192], "<i8"))(file)

    refuse(path, edit, "/parameters/conv1.weight", "expected float32 of shape [8192, 2, 3, 3]")


def test_members(path: Path) -> None:
    for name in ("network", "parameters", "normalization"):
        refuse(path, deleting(name), f"group /{name} is missing")
    refuse(
        path,
        deleting("parameters/layer1.0.bn1.running_var"),
        "dataset /parameters/layer1.0.bn1.running_var is missing",
    )
    refuse(
        path,
        putting("parameters/layer9.0.conv1.weight", [1]),
        "/parameters/layer9.0.conv1.weight is no tensor",
    )
    refuse(
        path,
        putting("normalization/std", [1, 1]),
        "/normalization/std is no part of a normalisation",
    )


def test_links_to_elsewhere(path: Path) -> None:
    for name, link in (
        ("parameters/fc.bias", h5py.ExternalLink("/etc/hostname", "/x")),
        ("normalization/scale", h5py.SoftLink("/parameters/fc.bias")),
        ("network", h5py.SoftLink("/parameters")),
    ):

        def edit(file: h5py.File, name: str = name, link: object = link) -> None:
            del file[name]
            file[name] = link

        refuse(path, edit, f"/{name} is a link to elsewhere")


def test_groups_and_datasets_swapped(path: Path) -> None:
    def group(file: h5py.File) -> None:
        del file["parameters/fc.bias"]
        file.create_group("parameters/fc.bias")

    refuse(path, group, "/parameters/fc.bias", "is damaged or is not a dataset")

    def dataset(file: h5py.File) -> None:
        del file["normalization"]
        put(file, "normalization", [1])

    refuse(path, dataset, "/normalization is damaged or is not a group")


def test_other_shapes_and_types(path: Path) -> None:
    for name, values, kind, reason in (
        ("parameters/fc.bias", [1, 2, 3], "<f4", "shape [3], expected float32 of shape [2]"),
        ("parameters/fc.bias", [1, 2], "<i8", "has another type than float32"),
        ("parameters/fc.bias", [1, 2], ">f4", "has another type than float32"),
        ("normalization/mean", [[0] * 3] * 2, "<f4", "has shape [2, 3]"),
        ("normalization/scale", [0, 0, 0], "<f4", "has shape [3]"),
        ("normalization/scale", [0, 0], "<f8", "is not of type float32"),
        ("class_names", [1, 2], "<f4", "is not of fixed-length, null-padded strings"),
        ("class_names", [b"a", b"b", b"c"], "S1", "expected one name per class (2)"),
        ("class_names", [b"a", b"\xff"], "S1", "is not UTF-8 in row 1"),
    ):
        refuse(
            path,
            putting(name, values, kind),
            f"/{name}",
            reason,
        )


def test_claims_of_data(path: Path) -> None:
    def unwritten(name: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> Edit:
        def edit(file: h5py.File) -> None:
            del file[name]
            file.create_dataset(name, shape, "<f4", chunks=chunks, fletcher32=True)

        return edit

    bias, mean = "parameters/fc.bias", "normalization/mean"
    refuse(path, unwritten(bias, (2,), (2,)), "is not stored in full")
    refuse(path, unwritten(mean, (2, 2**20, 2**20), (2, 2**10, 2**10)), "not stored as one chunk")
    refuse(path, unwritten(mean, (2, 2**14, 2**14), (2, 2**14, 2**14)), "is not stored in full")


def test_other_storage(path: Path) -> None:
    for options, reason in (
        ({}, "is not stored as one chunk"),
        ({"chunks": (1,), "fletcher32": True}, "is not stored as one chunk"),
        ({"chunks": (2,)}, "must have the Fletcher-32 filter"),
        ({"chunks": (2,), "shuffle": True, "fletcher32": True}, "Fletcher-32 filter, and no other"),
        ({"chunks": (2,), "compression": "gzip"}, "Fletcher-32 filter, and no other"),
        ({"chunks": (2,), "compression": "lzf"}, "filter 32000"),
    ):
        refuse(
            path,
            putting("parameters/fc.bias", [1, 2], options=options),
            "/parameters/fc.bias",
            reason,
        )

    def external(file: h5py.File) -> None:
        del file["parameters/fc.bias"]
        file.create_dataset("parameters/fc.bias", (2,), "<f4", external=[("/etc/hostname", 0, 8)])

    refuse(path, external, "/parameters/fc.bias is stored in other files")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(path: Path, value: float) -> None:
    for name in ("parameters/fc.bias", "normalization/scale"):
        refuse(
            path,
            putting(name, [1, value]),
            f"/{name} holds a value that is not finite",
        )


def test_a_wrong_checksum_of_hdf5s_own(path: Path) -> None:
    """In a file that is sealed without a table, so that nothing else covers the dataset."""
    change(path, putting("parameters/fc.bias", [12345.5, -0.0625]))
    content = bytearray(path.read_bytes())
    place = content.index(np.array([12345.5, -0.0625], "<f4").tobytes())
    content[place + 9] ^= 1
    path.write_bytes(content)
    seal(path)
    with pytest.raises(resnet.FormatError, match=r"/parameters/fc\.bias is damaged"):
        resnet.load(path)


def test_sound_edits_are_read(path: Path) -> None:
    """The same edits with values that are right: only the wrong is refused above."""
    model = resnet.load(path)

    def edit(file: h5py.File) -> None:
        put(file, "parameters/fc.bias", [1, 2])
        attribute("/network", "name", np.bytes_("renamed"))(file)
        put(file, "notes", [1])
        for number in range(20):
            file.attrs[f"note {number}"] = np.int64(1)
        for number in range(300):
            file[f"more/{number}"] = number

    change(path, edit)
    for read in (resnet.load(path), resnet.open(path)):
        assert read.name == "renamed"
        state = read.state_dict()
        assert state["fc.bias"].tolist() == [1, 2]
        for name, values in model.state_dict().items():
            assert name == "fc.bias" or np.array_equal(state[name], values)


def test_many_tensors_change_places(tmp_path: Path) -> None:
    """So many that HDF5 keeps links in heaps, and their index has several levels."""
    path = tmp_path / "deep.h5"
    model = resnet.Model.described(
        name="deep",
        stem="cifar",
        stem_width=1,
        block="basic",
        stages=[(60, 1, 1)],
        shortcut="none",
        classes=1,
        input_channels=1,
    )
    model.save(path)
    with h5py.File(path) as file:
        assert list(file["parameters"]) == list(model.state_dict())
        state = {name: values[...] for name, values in file["parameters"].items()}

    def edit(file: h5py.File) -> None:
        del file["parameters"]
        group = file.create_group("parameters", track_order=True)
        for name in reversed(list(state)):
            put(file, f"parameters/{name}", state[name])
        assert len(group) == len(state)

    change(path, edit)
    for name, values in resnet.load(path).state_dict().items():
        assert np.array_equal(values, state[name])
