#!/usr/bin/env python3
"""What build/resnet says of itself, for the tool that writes its manual page.

That tool ignores an option's values and its default: they are put into its text, as in --help.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def complete(command: dict[str, Any]) -> None:
    """Put the values and defaults of options into their texts, those of subcommands too."""
    for argument in command.get("arguments", []):
        notes = []
        if values := argument.pop("allValues", None):
            notes.append("values: " + ", ".join(values))
        if default := argument.get("defaultValue"):
            notes.append(f"default: {default}")
        if notes:
            argument["abstract"] += f" ({'; '.join(notes)})"
    for subcommand in command.get("subcommands", []):
        complete(subcommand)


command = Path(__file__).parent.parent / "build" / "resnet"
description = json.loads(subprocess.check_output([command, *sys.argv[1:]]))  # noqa: S603 (our own program)
complete(description["command"])
json.dump(description, sys.stdout)
