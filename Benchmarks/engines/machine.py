"""What the figures were taken on."""

from __future__ import annotations

import datetime as dt
import os
import pathlib
import platform
import subprocess

from .measure import ROOT


def described(threads: int) -> dict[str, str]:
    """The machine, the system and the state of the sources."""
    now = dt.datetime.now(dt.timezone.utc)
    return {
        "date": now.isoformat(timespec="minutes"),
        "commit": commit(),
        "processor": f"{processor()}, {len(os.sched_getaffinity(0))} cores",
        "threads": str(threads),
        "memory": memory(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def processor() -> str:
    """The model's name, as /proc/cpuinfo has it."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def memory() -> str:
    """The size of the main memory."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 2**30:.1f} GiB"


def commit() -> str:
    """Of the sources, marked if they were changed since; "unknown" outside a repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (ours)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
