"""Reads a page of the guide: its blocks of code, and what they print."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# A change that makes a block small enough for a test: <!-- tested with: 64000 -> 30 -->
_CHANGE = re.compile(r"<!-- tested with: (.+?) -> (.*?) -->")
_FENCE = re.compile(r"```(\w*)$")


@dataclasses.dataclass
class Block:
    """Some code of a page.

    Attributes:
        language: As the fence says.
        line: Of the page, from 1: where the code begins.
        code: The text, with the changes that the page asks for.
        output: What the page says that it prints, with "..." for anything; None if it says nothing.
    """

    language: str
    line: int
    code: str
    output: str | None = None


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in their order; one in the language "text" is the output of the last."""
    found: list[Block] = []
    changes: list[tuple[str, str]] = []
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, text in lines:
        changes += _CHANGE.findall(text)
        if not (fence := _FENCE.match(text)):
            continue
        inside = []
        for _, line in lines:
            if line == "```":
                break
            inside.append(line)
        else:
            raise ValueError(f"{page.name}:{number}: the block does not end")
        code = "\n".join(inside) + "\n"
        if fence[1] == "text":
            found[-1].output = code
            continue
        for old, new in changes:
            if old not in code:
                raise ValueError(f"{page.name}:{number}: there is no {old!r} to be changed")
            code = code.replace(old, new)
        changes = []
        found.append(Block(fence[1], number + 1, code))
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether a text is what a page says, in which "..." stands for anything."""
    pattern = "".join(
        ".*?" if part == "..." else re.escape(part) for part in re.split(r"(\.\.\.)", expected)
    )
    return re.fullmatch(pattern, printed, re.DOTALL) is not None
