"""What else is kept with a model."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

from . import _values
from ._errors import BusyError, NotFoundError
from ._library import library

if TYPE_CHECKING:
    from ._handle import Owner


class Metadata(MutableMapping[str, str]):
    """A model's metadata: strings by name, which change with the model's.

    A name has 1 to 255 bytes of UTF-8, a value at most 32,768; there are at most 256 of them.
    """

    def __init__(self, model: Owner) -> None:
        self._model = model

    def __getitem__(self, name: str) -> str:
        encoded = _values.text(name, "the name of metadata")
        try:
            return _values.read_text(library().rn_model_metadata, self._model._handle, encoded)
        except NotFoundError:
            raise KeyError(name) from None

    def __setitem__(self, name: str, value: str) -> None:
        library().rn_model_set_metadata(
            self._model._handle,
            _values.text(name, "the name of metadata"),
            _values.text(value, f"the metadata {name}"),
        )

    def __delitem__(self, name: str) -> None:
        self[name]  # raises a KeyError if there is none
        library().rn_model_set_metadata(
            self._model._handle, _values.text(name, "the name of metadata"), None
        )

    def __iter__(self) -> Iterator[str]:
        read = library().rn_model_metadata_name
        for index in range(len(self)):
            yield _values.read_text(read, self._model._handle, index)

    def __len__(self) -> int:
        count = ctypes.c_int32()
        library().rn_model_metadata_count(self._model._handle, ctypes.byref(count))
        return count.value

    def __repr__(self) -> str:
        if self._model._closed:
            return "<metadata of a closed model>"
        try:
            return repr(dict(self))
        except BusyError:
            return "<metadata of a model that another thread uses>"
