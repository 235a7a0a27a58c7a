"""What is measured: each row is a job that every engine does."""

from __future__ import annotations

import dataclasses
import fnmatch
from typing import Literal

Kind = Literal["train", "infer", "start"]
LARGEST_CIFAR_IMAGE = 32


@dataclasses.dataclass(frozen=True)
class Row:
    """One job: a network, what is done with it, and on how many images at a time."""

    kind: Kind
    depth: int
    batch: int
    size: int
    """Height and width of the images."""

    @property
    def name(self) -> str:
        """E.g. "train-resnet20-b128"."""
        suffix = "" if self.kind == "start" else f"-b{self.batch}"
        return f"{self.kind}-{self.network}{suffix}"

    @property
    def network(self) -> str:
        """The preset of libresnet."""
        return f"resnet{self.depth}"

    @property
    def classes(self) -> int:
        """CIFAR's or ImageNet's."""
        return 10 if self.size <= LARGEST_CIFAR_IMAGE else 1000


ROWS: tuple[Row, ...] = (
    *(Row("train", depth, 128, 32) for depth in (20, 56, 110)),
    *(Row("train", depth, batch, 224) for depth in (18, 50) for batch in (16, 32)),
    *(Row("infer", depth, batch, 32) for depth in (20, 110) for batch in (1, 128)),
    *(Row("infer", depth, batch, 224) for depth in (18, 34, 50, 152) for batch in (1, 16)),
    Row("start", 50, 1, 224),
)


def row_named(name: str) -> Row:
    """The row of a name, which must exist."""
    return next(row for row in ROWS if row.name == name)


def chosen(patterns: str) -> list[Row]:
    """The rows that match any of some comma-separated globs.

    Raises:
        ValueError: A pattern matches no row.
    """
    globs = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
    for glob in globs:
        if not any(fnmatch.fnmatchcase(row.name, glob) for row in ROWS):
            names = ", ".join(row.name for row in ROWS)
            raise ValueError(f"no row is called {glob}; there are {names}")
    return [row for row in ROWS if any(fnmatch.fnmatchcase(row.name, glob) for glob in globs)]
