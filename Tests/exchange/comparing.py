"""Scores of two programs: each difference is printed, and a large one ends the program."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

import resnet

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the largest score.
TOLERANCE = 1e-4

_differences: list[float] = []
_start = time.monotonic()


def compare(title: str, wanted: np.ndarray, found: np.ndarray) -> None:
    """Prints the largest difference as a part of the largest score; stops if it is too large."""
    if wanted.shape != found.shape:
        sys.exit(f"{title}: the scores have shape {found.shape}, expected {wanted.shape}")
    difference = float(np.abs(wanted - found).max() / np.abs(wanted).max())
    print(f"{title:58} {difference:.1e}", flush=True)
    if not difference <= TOLERANCE:
        sys.exit(f"{title}: the scores differ by {difference} of the largest, not by {TOLERANCE}")
    _differences.append(difference)


@contextmanager
def refused(title: str, *parts: str) -> Iterator[None]:
    """Stops unless what is done within is refused with a message that has all of the parts."""
    try:
        yield
    except resnet.Error as error:
        missing = [part for part in parts if part not in str(error)]
        if missing:
            sys.exit(f"{title}: {missing} should be in the refusal: {error}")
        print(f"{title:58} refused", flush=True)
    else:
        sys.exit(f"{title}: should have been refused, naming {parts}")


def summarize() -> None:
    """Prints how many scores were compared, the worst difference, and how long it all took."""
    print(
        f"{len(_differences)} compared, at most {max(_differences):.1e} apart,"
        f" in {time.monotonic() - _start:.0f} s"
    )
