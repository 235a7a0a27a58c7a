"""A stand-in for PyTorch, which is not there where the tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class Tensor:
    """What this package needs of a PyTorch tensor that requires a gradient."""

    def __init__(self, values: npt.NDArray[Any], calls: str = "") -> None:
        self.values, self.calls = values, calls

    def detach(self) -> Tensor:
        return Tensor(self.values, self.calls + "d")

    def cpu(self) -> Tensor:
        return Tensor(self.values, self.calls + "c")

    def is_floating_point(self) -> bool:
        return bool(np.issubdtype(self.values.dtype, np.floating))

    def float(self) -> Tensor:
        return Tensor(self.values.astype(np.float32), self.calls + "f")

    def numpy(self) -> npt.NDArray[Any]:
        assert self.calls == ("dcf" if self.is_floating_point() else "dc")
        return self.values

    def __array__(self, *_: object) -> npt.NDArray[Any]:
        raise TypeError("can't convert a tensor that requires grad")
