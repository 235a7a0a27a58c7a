"""Outcomes as figures: for programs (JSON) and for people (Markdown)."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

from .engine import LIBRESNET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .measure import Outcome


@dataclasses.dataclass(frozen=True)
class Result:
    """One engine in one row. Times are seconds, of one batch, step or start."""

    engine: str
    median: float
    least: float
    most: float
    images_per_second: float
    gflops: float
    share_of_peak: float
    ratio: float | None
    """The fastest peer's median time to this one's: above 1 is faster than the fastest peer."""
    peak_memory: int
    """Bytes."""
    seconds: list[float]
    """Of each repetition."""


def results(outcome: Outcome) -> list[Result]:
    """The engines of a row, the fastest first."""
    medians = {
        engine: statistics.median(sample.seconds for sample in samples)
        for engine, samples in outcome.samples.items()
    }
    peers = [median for engine, median in medians.items() if engine != LIBRESNET]
    peak = statistics.median(outcome.peaks)
    made = []
    for engine, median in sorted(medians.items(), key=lambda item: item[1]):
        seconds = [sample.seconds for sample in outcome.samples[engine]]
        gflops = outcome.flop / median / 1e9
        made.append(
            Result(
                engine=engine,
                median=median,
                least=min(seconds),
                most=max(seconds),
                images_per_second=outcome.row.batch / median,
                gflops=gflops,
                share_of_peak=gflops / peak,
                ratio=min(peers) / median if peers else None,
                peak_memory=max(sample.peak_memory for sample in outcome.samples[engine]),
                seconds=seconds,
            )
        )
    return made


def as_json(outcome: Outcome) -> dict[str, object]:
    """A row for programs to read."""
    return {
        "row": outcome.row.name,
        "flop": outcome.flop,
        "peak_gflops": outcome.peaks,
        "load_average": outcome.load,
        "results": [dataclasses.asdict(result) for result in results(outcome)],
        "failures": outcome.failures,
    }


def markdown(machine: dict[str, str], outcomes: Sequence[Outcome]) -> str:
    """All rows for people to read."""
    lines = ["# libresnet beside other engines", ""]
    lines += [f"- {name}: {value}" for name, value in machine.items()]
    lines += [
        "",
        "Ratio: the fastest peer's time to the engine's; above 1 is faster than the fastest peer.",
        "",
        *table(
            "row|engine|median|spread|images/s|GFLOP/s|of peak|ratio|peak memory",
            [line for outcome in outcomes for line in body(outcome)],
        ),
    ]
    return "\n".join(lines) + "\n"


def body(outcome: Outcome) -> list[list[str]]:
    """A row's lines of the table."""
    lines = [
        [
            outcome.row.name,
            f"**{result.engine}**" if result.engine == LIBRESNET else result.engine,
            duration(result.median),
            f"{duration(result.least)} to {duration(result.most)}",
            f"{result.images_per_second:.1f}",
            f"{result.gflops:.1f}",
            f"{result.share_of_peak:.0%}",
            "" if result.ratio is None else f"{result.ratio:.2f}",
            f"{result.peak_memory / 2**20:.0f} MiB",
        ]
        for result in results(outcome)
    ]
    lines += [
        [outcome.row.name, engine, f"failed: {reason}", *[""] * 6]
        for engine, reason in outcome.failures.items()
    ]
    return lines


def table(heads: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, its columns aligned so that it can be read as it is."""
    cells = [heads.split("|"), *([cell.replace("|", "/") for cell in row] for row in rows)]
    # What failed says why, at length, and does not widen its column for that.
    widths = [
        max(len(cell) for cell in column if not cell.startswith("failed"))
        for column in zip(*cells, strict=True)
    ]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def duration(seconds: float) -> str:
    """Three digits or so, in a fitting unit."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.3g} ms" if seconds < 0.1 else f"{1e3 * seconds:.0f} ms"  # noqa: PLR2004
