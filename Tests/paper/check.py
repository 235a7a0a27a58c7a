"""Runs every command of docs/PAPER.md's tables and compares what it prints with the page.

Usage: check.py [--update], with the command `resnet` in PATH. With --update, the page's outputs are
written anew instead.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/PAPER.md"
# A row whose second cell is code, in which "|" is escaped.
ROW = re.compile(r"^\| (?P<says>.*) \| `(?P<command>(?:[^`|]|\\\|)+)` \| (?P<output>.*) \|$")


def printed(command: str) -> str:
    """What a command prints, as a cell: a piece of code per line, without runs of spaces."""
    done = subprocess.run(  # noqa: S603 (the page is the tree's)
        ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607 (any bash will do)
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"`{command}` failed with status {done.returncode}: {done.stderr.strip()}")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    return "<br>".join(f"`{line}`" for line in lines)


def main() -> None:
    """Checks or updates the page."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    count, wrong = 0, []
    for number, line in enumerate(lines):
        row = ROW.match(line)
        if row is None:
            continue
        count += 1
        output = printed(row["command"].replace(r"\|", "|"))
        if output != row["output"]:
            wrong.append(f"line {number + 1}: `{row['command']}`\n  prints {output}\n")
            lines[number] = f"| {row['says']} | `{row['command']}` | {output} |"
    if "--update" in sys.argv[1:]:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif wrong or count == 0:
        sys.exit(f"{PAGE} is not true:\n" + "".join(wrong or ["it has no commands\n"]))
    print(f"{PAGE.name}: {count} commands, {len(wrong)} outputs differed")


if __name__ == "__main__":
    main()
