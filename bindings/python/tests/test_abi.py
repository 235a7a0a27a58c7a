"""The ctypes declarations are those of resnet.h."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import resnet
from resnet import _header, _library

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = Path(__file__).resolve().parents[3] / "include/resnet.h"

STRUCTS: dict[str, type[ctypes.Structure]] = {
    "rn_model_options": _header.ModelOptions,
    "rn_step": _header.Step,
    "rn_stage": _header.Stage,
    "rn_layer": _header.Layer,
    "rn_description": _header.Description,
    "rn_model_info": _header.ModelInfo,
    "rn_import_options": _header.ImportOptions,
    "rn_import_report": _header.ImportReport,
    "rn_import_note": _header.ImportNote,
    "rn_tensor_info": _header.TensorInfo,
    "rn_images": _header.Images,
    "rn_feature_shape": _header.FeatureShape,
    "rn_hdf5_options": _header.HDF5Options,
    "rn_image_info": _header.ImageInfo,
    "rn_image_options": _header.ImageOptions,
    "rn_calibration": _header.Calibration,
    "rn_dataset_info": _header.DatasetInfo,
    "rn_metrics": _header.Metrics,
    "rn_memory": _header.Memory,
    "rn_trainer_options": _header.TrainerOptions,
    "rn_progress": _header.Progress,
    "rn_fit_options": _header.FitOptions,
    "rn_communicator": _header.Communicator,
    "rn_distributed_options": _header.DistributedOptions,
    "rn_test_options": _header.TestOptions,
}

CONSTANTS: dict[str, int] = {
    "RN_VERSION_MAJOR": _library.MAJOR_VERSION,
    "RN_DEFAULT": _header.DEFAULT,
    "RN_FLOAT32": _header.FLOAT32,
    "RN_UINT8": _header.UINT8,
    "RN_PLANAR": _header.PLANAR,
    "RN_INTERLEAVED": _header.INTERLEAVED,
    **{f"RN_{status.name}": status.value for status in resnet.Status},
    **{
        f"{prefix}_{word.upper().replace('-', '_')}": value
        for prefix, choices in (
            ("RN_FAMILY", _header.FAMILIES),
            ("RN_STEM", _header.STEMS),
            ("RN_LOG", _header.LOG_LEVELS),
            ("RN_STEM_POOL", _header.STEM_POOLS),
            ("RN_BLOCK", _header.BLOCKS),
            ("RN_SHORTCUT", _header.SHORTCUTS),
            ("RN_AFFINE", _header.AFFINES),
            ("RN_FORMAT", _header.FORMATS),
            ("RN_PREPROCESSING", _header.PREPROCESSING),
            ("RN_NOTE", _header.NOTES),
            ("RN_SUM", _header.SUM_TYPES),
            ("RN_STRIDE_ON", _header.STRIDES_ON),
            ("RN_ZEROS", _header.ZERO_CHANNELS),
            ("RN_NORMALIZE", _header.NORMALIZE),
            ("RN_VIEWS", _header.VIEWS),
            ("RN_AVERAGE", _header.AVERAGES),
            ("RN", _header.FILTERS),
            ("RN_DAMAGE", _header.DAMAGE),
            ("RN_VARIATION", _header.VARIATIONS),
        )
        for word, value in choices.items()
    },
}
# What None stands for in Python.
DEFAULTS = {
    "RN_FAMILY_AUTO",
    "RN_FORMAT_AUTO",
    "RN_STEM_DEFAULT",
    "RN_STEM_POOL_DEFAULT",
    "RN_SHORTCUT_DEFAULT",
    "RN_STRIDE_DEFAULT",
    "RN_AVERAGE_DEFAULT",
}


def members(struct: type[ctypes.Structure]) -> Iterator[str]:
    """The names of a struct's members, those of its base class first."""
    for kind in reversed(struct.__mro__):
        yield from (field[0] for field in vars(kind).get("_fields_", ()))


def header_text() -> str:
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_layouts_and_constants(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler")
    expected: dict[str, int] = dict(CONSTANTS)
    for name, struct in STRUCTS.items():
        expected[f"sizeof({name})"] = ctypes.sizeof(struct)
        for member in members(struct):
            field = getattr(struct, member)
            expected[f"offsetof({name}, {member})"] = field.offset
            expected[f"sizeof((({name} *)0)->{member})"] = field.size
    source = tmp_path / "layout.c"
    lines = "\n".join(f'  printf("%lld\\n", (long long)({key}));' for key in expected)
    source.write_text(
        f"#include <stdio.h>\n#include <resnet.h>\nint main(void) {{\n{lines}\n  return 0;\n}}\n",
        encoding="utf-8",
    )
    program = tmp_path / "layout"
    subprocess.run(
        [compiler, "-std=c11", f"-I{HEADER.parent}", str(source), "-o", str(program)], check=True
    )
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    assert dict(zip(expected, map(int, printed), strict=True)) == expected


def test_no_member_is_left_out() -> None:
    bodies = re.findall(r"typedef struct (\w+) \{(.*?)\}", header_text(), flags=re.DOTALL)
    assert {name for name, _ in bodies} == set(STRUCTS)
    for name, body in bodies:
        # A function's name stands before its parameters.
        members_only = re.sub(r"\(\*(\w+)\)\(.*?\)", r"\1", body, flags=re.DOTALL)
        declared = [
            re.sub(r"\[\d+\]", "", part).replace("*", " ").split()[-1]
            for statement in members_only.split(";")
            for part in statement.split(",")
            if part.strip()
        ]
        assert declared == list(members(STRUCTS[name])), name


def test_no_constant_is_left_out() -> None:
    enumerators = set(re.findall(r"\b(RN_\w+) = \d+", header_text()))
    assert enumerators == (set(CONSTANTS) | DEFAULTS) - {"RN_VERSION_MAJOR", "RN_DEFAULT"}


def test_every_function_is_declared_with_all_its_arguments() -> None:
    found = re.findall(r"\b(rn_\w+)\(([^)]*)\);", header_text())
    counts = {name: 0 if args == "void" else args.count(",") + 1 for name, args in found}
    declared = _header.TEXT_FUNCTIONS | _header.STATUS_FUNCTIONS
    assert counts == {name: len(arguments) for name, arguments in declared.items()}


def test_the_library_has_every_function() -> None:
    library = _library.library()
    for name in _header.TEXT_FUNCTIONS | _header.STATUS_FUNCTIONS:
        assert getattr(library, name).argtypes is not None


def test_every_status_has_an_exception_and_a_name() -> None:
    library = _library.library()
    for status in resnet.Status:
        assert library.rn_status_string(status).decode()
        if status != resnet.Status.OK:
            error = resnet._errors.error_for(status, "message")
            assert type(error) is not resnet.Error
            assert (error.status, str(error)) == (status, "message")
