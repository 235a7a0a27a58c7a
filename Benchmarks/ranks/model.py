"""How training ResNet-50 should scale, from what one rank was measured to take.

Usage: python -m ranks.model [--seconds 1.66] [--batch 16]

The backward half goes through the layers from the last to the first. Its time is shared out by the
layers' multiply-adds. A bucket of gradients is sent once the last of its layers is done and the
bucket before it is sent, by a ring: 2 (n - 1) / n of its bytes go through every rank's link in
2 (n - 1) messages, each of which takes the latency. What is not over when the backward half is
lengthens the step. A step's four small sums (docs/SCALING.md) take a tree: 2 log2(n) latencies.

Prints the table of docs/SCALING.md. Nothing in it is measured but the seconds of a step.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import resnet

RANKS = (1, 8, 64, 1024)
SMALL_SUMS = 3
BUCKET = 4 << 20


@dataclass(frozen=True)
class Network:
    """What the ranks are connected by."""

    name: str
    bits_per_second: float
    latency: float


NETWORKS = (
    Network("10 Gbit/s, 20 us", 10e9, 20e-6),
    Network("100 Gbit/s, 2 us", 100e9, 2e-6),
)


@dataclass(frozen=True)
class Bucket:
    """Gradients that are sent at once."""

    size: int
    # Of the backward half's time, when the last of its layers is done.
    ready: float


def layers() -> list[tuple[int, int]]:
    """Bytes of gradients and multiply-adds of each of ResNet-50's layers with weights."""
    found: list[tuple[int, int]] = []
    side, channels = 112, 64
    found.append((4 * (3 * 64 * 49 + 128), 3 * 64 * 49 * side * side))
    side = 56
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
        for block in range(blocks):
            before = side
            if stage > 0 and block == 0:
                side //= 2
            out = 4 * width
            shapes = [
                (channels, width, 1, before),
                (width, width, 3, side),
                (width, out, 1, side),
            ]
            if block == 0:
                shapes.append((channels, out, 1, side))
            for inputs, outputs, kernel, size in shapes:
                weights = inputs * outputs * kernel * kernel
                found.append((4 * (weights + 2 * outputs), weights * size * size))
            channels = out
    found.append((4 * (2048 * 1000 + 1000), 2048 * 1000))
    return found


def buckets(bucket: int) -> list[Bucket]:
    """As the trainer cuts them: from the first layer on, the first an eighth of the others."""
    all_layers = layers()
    total = sum(work for _, work in all_layers)
    # What the backward half has done when it is through with a layer: that one and all after it.
    done = 0
    ready = [0.0] * len(all_layers)
    for index in reversed(range(len(all_layers))):
        done += all_layers[index][1]
        ready[index] = done / total
    cut: list[list[int]] = []
    for index in range(len(all_layers)):
        capacity = bucket // 8 if len(cut) <= 1 else bucket
        if cut and sum(all_layers[i][0] for i in cut[-1]) < capacity:
            cut[-1].append(index)
        else:
            cut.append([index])
    return [
        Bucket(sum(all_layers[i][0] for i in part), max(ready[i] for i in part))
        for part in reversed(cut)
    ]


def step(seconds: float, ranks: int, network: Network, bucket: int) -> float:
    """Seconds of a step on so many ranks, where one takes `seconds`."""
    if ranks == 1:
        return seconds
    # Of three passes of as many operations two are the backward half.
    forward, backward = seconds / 3, 2 * seconds / 3
    clock = forward
    for part in buckets(bucket):
        transfer = (
            2 * (ranks - 1) / ranks * part.size * 8 / network.bits_per_second
            + 2 * (ranks - 1) * network.latency
        )
        clock = max(clock, forward + backward * part.ready) + transfer
    small = SMALL_SUMS * 2 * math.ceil(math.log2(ranks)) * network.latency
    return max(clock, seconds) + small


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True, help="of a step on one rank")
    parser.add_argument("--batch", type=int, default=16, help="images of a rank")
    parser.add_argument("--bucket", type=int, default=BUCKET, help="bytes")
    options = parser.parse_args()
    expected = resnet.Model("resnet50").parameter_count * 4
    if sum(size for size, _ in layers()) != expected:
        raise SystemExit("the layers are not those of ResNet-50")
    print(f"| network | {' | '.join(f'{n} ranks' for n in RANKS)} |")
    print("|---|" + "--:|" * len(RANKS))
    for network in NETWORKS:
        cells = [
            f"{options.seconds / step(options.seconds, n, network, options.bucket):.1%}"
            for n in RANKS
        ]
        print(f"| {network.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
