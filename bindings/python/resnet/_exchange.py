"""Weights of other programs."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import NamedTuple

from . import _header, _values
from ._library import library

# Names of each kind that a report shows at the prompt.
_SHOWN = 3


class ImportNote(NamedTuple):
    """What an import has to say of one tensor.

    Attributes:
        kind: "ignored" (in the file, understood, of no use here), "unexpected" (in the file, but no
            tensor of the model), "mismatched" (in both, but of another shape, or not finite) or
            "missing" (a tensor of the model that the file lacks).
        name: The file's own name of it; the model's, if it is missing.
        reason: "" if the kind says all.
    """

    kind: str
    name: str
    reason: str


@dataclasses.dataclass(frozen=True, repr=False)
class ImportReport:
    """What an import did. At the prompt it is a line, and `print` shows every note.

    Attributes:
        format: One of those of `Model.export`; None if there was no import.
        imported: Tensors that were set.
        notes: What is to be said of others.
    """

    format: str | None
    imported: int
    notes: tuple[ImportNote, ...]

    def __repr__(self) -> str:
        """How much of each kind there is, and the first names."""
        parts = [f"{self.imported} tensors imported"]
        for kind in _header.NOTES:
            names = self.names(kind)
            if names:
                shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
                parts.append(f"{len(names)} {kind} ({shown})")
        return f"<resnet.ImportReport {self.format}: {'; '.join(parts)}>"

    def __str__(self) -> str:
        """All of it."""
        values = (
            f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self)
        )
        return f"ImportReport({', '.join(values)})"

    def names(self, kind: str) -> list[str]:
        """The names of the notes of a kind.

        Raises:
            InvalidArgumentError: There is no such kind.
        """
        _values.choice(kind, _header.NOTES, "kind")
        return [note.name for note in self.notes if note.kind == kind]


def options(
    *,
    partial: bool,
    preprocessing: str,
    stride_on: str | None,
    stem_pool: str | None,
    zero_channels: str | None,
    plain: bool,
) -> _header.ImportOptions:
    """The struct of the C API."""
    return _header.ImportOptions(
        partial=bool(partial),
        preprocessing=_values.choice(preprocessing, _header.PREPROCESSING, "preprocessing"),
        stride_on=_values.optional_choice(stride_on, _header.STRIDES_ON, "stride_on"),
        zero_channels=_header.DEFAULT
        if zero_channels is None
        else _values.choice(zero_channels, _header.ZERO_CHANNELS, "zero_channels"),
        plain=bool(plain),
        stem_pool=_values.optional_choice(stem_pool, _header.STEM_POOLS, "stem_pool"),
    )


def report(model: ctypes.c_void_p) -> ImportReport:
    """Of the last import into a model."""
    kinds = {number: kind for kind, number in _header.NOTES.items()}
    formats = {number: name for name, number in _header.FORMATS.items()}
    found = _header.ImportReport()
    library().rn_model_get_import_report(model, ctypes.byref(found))
    notes = []
    for index in range(found.notes):
        note = _header.ImportNote()
        library().rn_model_import_note(model, index, ctypes.byref(note))
        notes.append(ImportNote(kinds[note.kind], note.name.decode(), note.reason.decode()))
    return ImportReport(formats.get(found.format), found.imported, tuple(notes))
