"""What `resnet train` shows and writes about a training, and its configurations."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from cli import command, run

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = ("--network", "resnet8", "--base-width", "4", "--threads", "1")
SHORT = ("--epochs", "4", "--batch-size", "64", "--lr", "0.01")
SVG = "{http://www.w3.org/2000/svg}"


def train(cifar10: Path, *arguments: str | Path, ok: bool = True) -> str:
    return run("train", "--cifar10", cifar10, *NETWORK, *arguments, ok=ok)


def test_logs(cifar10: Path, tmp_path: Path) -> None:
    table, objects = tmp_path / "log.csv", tmp_path / "log.jsonl"
    out = ("--out", tmp_path / "model.h5")
    said = train(cifar10, *SHORT, "--log", table, *out)
    train(cifar10, *SHORT, "--log", objects, *out)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    records = [json.loads(line) for line in objects.read_text().splitlines()]
    assert list(rows[0]) == list(records[0])
    assert [record["iteration"] for record in records] == [5, 10, 15, 20]
    for row, record in zip(rows, records, strict=True):
        for name, value in record.items():
            if name != "images_per_second":
                assert float(row[name]) == value
    # As they are meant, in the digits that a Float has.
    assert [row["lr"] for row in rows] == ["0.01", "0.01", "0.001", "0.0001"]
    assert [record["lr"] for record in records] == [0.01, 0.01, 0.001, 0.0001]
    last = records[-1]
    assert f"loss {last['loss']:.4f}  training error {1 - last['accuracy']:.2%}" in said
    assert f"test error {1 - last['val_accuracy']:.2%} of 64 images" in said
    said = train(cifar10, *SHORT, "--log", tmp_path / "log.txt", *out, ok=False)
    assert "expected the name of a file in .csv or .jsonl" in said
    said = train(cifar10, *SHORT, "--curves", tmp_path / "curves.png", *out, ok=False)
    assert "expected the name of a file in .svg" in said


def test_a_log_is_complete_after_a_resumption(cifar10: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    common = (
        "--log",
        log,
        "--batch-size",
        "64",
        "--lr",
        "0.01",
        "--milestones",
        "none",
    )
    train(cifar10, *common, "--epochs", "4", "--out", tmp_path / "whole.h5")
    whole = [row.rsplit(",", 4) for row in log.read_text().splitlines()]
    checkpoints = ("--checkpoints", tmp_path / "run", "--checkpoint-every", "1")
    events = ("--tensorboard", tmp_path / "events")
    part = (*common, *checkpoints, *events)
    train(
        cifar10,
        *part,
        "--iterations",
        "12",
        "--out",
        tmp_path / "part.h5",
    )
    # A line that a killed training wrote after its last checkpoint goes.
    with log.open("a") as file:
        file.write("7,7,7,7,7,7,7,7,7\n")
    train(
        cifar10,
        *part,
        "--epochs",
        "4",
        "--resume",
        "--out",
        tmp_path / "resumed.h5",
    )
    resumed = [row.rsplit(",", 4) for row in log.read_text().splitlines()]
    # All but the speed is the same.
    assert [(row[0], row[2:]) for row in resumed] == [(row[0], row[2:]) for row in whole]
    steps = [event.get("step") for event in read_events(tmp_path / "events")]
    assert steps[-3:] == [11, 15, 20]


def test_a_resumption_that_is_refused_leaves_the_reports(cifar10: Path, tmp_path: Path) -> None:
    reports = [tmp_path / name for name in ("log.csv", "curves.svg")]
    events = tmp_path / "events"
    common = (*SHORT, "--log", reports[0], "--curves", reports[1], "--tensorboard", events,
              "--checkpoints", tmp_path / "run", "--checkpoint-every", "7", "--out",
              tmp_path / "model.h5")  # fmt: skip
    train(cifar10, *common)
    # As if it had been killed before.
    max((tmp_path / "run").glob("step-*.h5")).unlink()
    contents = [path.read_bytes() for path in reports]
    said = train(cifar10, *common, "--resume", "--seed", "1", ok=False)
    assert "was begun with the seed 0, not 1" in said
    assert [path.read_bytes() for path in reports] == contents
    assert len(list(events.iterdir())) == 1


def test_reports_of_a_training_that_has_ended(cifar10: Path, tmp_path: Path) -> None:
    log, model, curves = tmp_path / "log.csv", tmp_path / "model.h5", tmp_path / "curves.svg"
    common = (*SHORT, "--checkpoints", tmp_path / "run", "--resume", "--out", model)
    train(cifar10, *common, "--log", log)
    content, rows = model.read_bytes(), log.read_text()
    log.unlink()
    said = train(
        cifar10, *common, "--log", log, "--curves", curves, "--tensorboard", tmp_path / "events"
    )
    assert f"\nthe training has ended, after 20 steps, as {tmp_path}/run/step-000000020.h5" in said
    assert log.read_text() == rows
    lines = ET.parse(curves).getroot().iter(f"{SVG}polyline")  # noqa: S314 (our own)
    assert [len(line.attrib["points"].split()) for line in lines] == [4, 4]
    steps = [event["step"] for event in read_events(tmp_path / "events")]
    assert steps[1:] == [1, 5, 10, 15, 20]
    assert model.read_bytes() == content
    # They are all that is left to do.
    (tmp_path / "full.csv").symlink_to("/dev/full")
    said = train(cifar10, *common, "--log", tmp_path / "full.csv", ok=False)
    assert f"Error: cannot write {tmp_path}/full.csv: No space left on device" in said


def test_curves(cifar10: Path, tmp_path: Path) -> None:
    log, curves = tmp_path / "log.jsonl", tmp_path / "curves.svg"
    train(
        cifar10, *SHORT, "--log", log, "--curves", curves,
        "--out", tmp_path / "model.h5",
    )  # fmt: skip
    root = ET.parse(curves).getroot()  # noqa: S314 (our own)
    assert root.tag == f"{SVG}svg"
    training, test = root.iter(f"{SVG}polyline")
    assert "stroke-dasharray" in training.attrib
    records = [json.loads(line) for line in log.read_text().splitlines()]
    for line, name in ((training, "accuracy"), (test, "val_accuracy")):
        points = [
            tuple(float(value) for value in point.split(","))
            for point in line.attrib["points"].split()
        ]
        # Straight in iterations and errors; y grows downwards, as the accuracy does.
        across, down = zip(*points, strict=True)
        assert np.diff(across) == pytest.approx([across[1] - across[0]] * 3, abs=0.2)
        slope, start = np.polyfit([record[name] for record in records], down, 1)
        assert slope > 0
        assert down == pytest.approx([start + slope * record[name] for record in records], abs=0.2)
    said = train(cifar10, *SHORT, "--curves", f"{tmp_path}/no/c.svg", ok=False)
    assert "cannot write to" in said


# Castagnoli's, bit by bit.
def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def fields(data: bytes) -> list[tuple[int, Any]]:
    """The fields of a message of Protocol Buffers."""

    def variable(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                return value, at

    found: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        key, at = variable(at)
        number, kind = key >> 3, key & 7
        value: Any
        if kind == 0:
            value, at = variable(at)
        elif kind == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        elif kind == 5:
            (value,), at = struct.unpack_from("<f", data, at), at + 4
        else:
            size, at = variable(at)
            value, at = data[at : at + size], at + size
        found.append((number, value))
    return found


def read_events(folder: Path) -> list[dict[str, Any]]:
    """The events in a folder's files; scalars by their tags."""
    events = []
    # Files of one second are told apart by their processes alone.
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        data = path.read_bytes()
        at = 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            assert struct.unpack_from("<I", data, at + 8) == (masked(data[at : at + 8]),)
            record = data[at + 12 : at + 12 + size]
            assert struct.unpack_from("<I", data, at + 12 + size) == (masked(record),)
            at += 16 + size
            event = dict(fields(record))
            scalars = {}
            for number, value in fields(event.get(5, b"")):
                assert number == 1
                item = dict(fields(value))
                scalars[item[1].decode()] = item[2]
            events.append({"version": event.get(3), "step": event.get(2), "scalars": scalars,
                           "session": event.get(7)})  # fmt: skip
    return events


def test_events_for_tensorboard(cifar10: Path, tmp_path: Path) -> None:
    # The standard's own example.
    assert crc32c(b"123456789") == 0xE3069283
    log, folder = tmp_path / "log.jsonl", tmp_path / "events"
    train(
        cifar10, *SHORT, "--log", log, "--tensorboard", folder,
        "--out", tmp_path / "model.h5",
    )  # fmt: skip
    first, session, *events = read_events(folder)
    assert first["version"] == b"brain.Event:2"
    # What older files of the folder say no longer counts.
    assert session["step"] == 1
    assert fields(session["session"]) == [(1, 1)]
    for event, line in zip(events, log.read_text().splitlines(), strict=True):
        record = json.loads(line)
        assert event["step"] == record["iteration"]
        assert event["scalars"] == pytest.approx({
            "loss/training": record["loss"],
            "error/training": 1 - record["accuracy"],
            "learning rate": record["lr"],
            "images per second": record["images_per_second"],
            "loss/test": record["val_loss"],
            "error/test": 1 - record["val_accuracy"],
            "top-5 error/test": 1 - record["val_top5_accuracy"],
        })  # fmt: skip


@pytest.mark.parametrize("columns", [120, 60, 20])
def test_a_terminal_has_a_line_that_fits(cifar10: Path, tmp_path: Path, columns: int) -> None:
    line = command(
        "train", "--cifar10", cifar10, "--epochs", "5", "--batch-size", "8",
        "--lr", "0.01", "--threads", "1", "--out", tmp_path / "model.h5",
    )  # fmt: skip
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    said = b""
    with subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            said += part
    os.close(ours)
    assert process.returncode == 0
    lines = said.decode().replace("\x1b[K", "").replace("\r\n", "\n").split("\n")
    assert lines.pop() == ""
    shown = [update for line in lines for update in line.split("\r") if update]
    # What stays is of whole epochs, and whole; with the errors so far, if there is room.
    stays = [line.rsplit("\r", 1)[-1] for line in lines]
    assert all("test error " in line for line in stays)
    assert all(len(update) < columns for update in shown if update not in stays)
    assert [line.split("  ")[0] for line in stays] == [f"epoch {epoch}/5" for epoch in range(1, 6)]
    assert ("█" in stays[-1]) == (columns == 120)
    live = [update for update in shown if "━" in update]
    assert bool(live) == (columns == 120)
    assert all(" left" in update for update in live[1:-1])


def test_configurations(cifar10: Path, tmp_path: Path) -> None:
    given, kept = tmp_path / "given.txt", tmp_path / "kept.txt"
    given.write_text(
        "# A comment.\n\nepochs = 3\t# Another.\nbatch-size = 32\nno-augmentation = true\n"
        'no-winograd = false\nnormalize = "channels"  # And one more.\n',
        newline="\r\n",
    )
    one, other = tmp_path / "one.h5", tmp_path / "other.h5"
    said = train(
        cifar10,
        "--config",
        given,
        "--batch-size",
        "64",
        "--lr",
        "0.01",
        "--out",
        one,
    )
    with h5py.File(one) as file:
        kept.write_bytes(file["metadata"].attrs["resnet.training"])
    assert said.startswith(kept.read_text())
    for line in ("epochs = 3", "batch-size = 64", "lr = 0.01", "normalize = channels"):
        assert line in kept.read_text().splitlines()
    # What is kept makes the same model again, on another number of threads, too.
    run(
        "train", "--cifar10", cifar10, f"--config={kept}", "--threads", "2",
        "--out", other,
    )  # fmt: skip
    assert one.read_bytes() == other.read_bytes()
    # Another length takes the place of the file's, whose drops of the rate would come too early.
    for length in (("--iterations", "40"), ("--epochs", "8")):
        said = run("train", "--cifar10", cifar10, "--config", kept, *length, "--out", other)
        assert "milestones = 20,30" in said


@pytest.mark.parametrize(
    "options",
    [
        ("--shortcut", "B"),
        ("--shortcut", "A", "--zero-channels", "split"),
        ("--stem", "imagenet"),
        ("--stem", "imagenet", "--stem-pool", "ceil"),
        ("--base-width", "8", "--classes", "12"),
        ("--family", "cifar", "--network", "resnet20"),
        ("--network", "imagenet-resnet50", "--stride-on", "3x3", "--base-width", "2"),
        ("--no-winograd", "--no-augmentation", "--normalize", "none"),
        ("--recipe", "cifar-resnet110", "--hold-out", "64", "--seed", "7", "--momentum", "0.5"),
    ],
)
def test_what_is_kept_makes_the_same_model(
    cifar10: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    one, other, kept = tmp_path / "one.h5", tmp_path / "other.h5", tmp_path / "kept.txt"
    base = ("--threads", "1", "--base-width", "4", "--network", "resnet8", "--batch-size", "64")
    train(cifar10, *base, "--iterations", "2", "--lr", "0.01", *options, "--out", one)
    kept.write_text(run("inspect", one, "--metadata", "resnet.training"))
    run("train", "--cifar10", cifar10, "--config", kept, "--out", other)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        (
            "epochs 3\n",
            ':1: expected a line such as "batch-size = 128", found "epochs 3"',
        ),
        ("\nepoch = 3\n", ":2: Unknown option '--epoch'. Did you mean '--epochs'?"),
        ("epochs = many\n", ":1: The value 'many' is invalid for '--epochs <epochs>'"),
        ("resume = yes\n", ':1: resume is "yes", expected true or false'),
        ("\n\nwarp-speed = false\n", ":3: Unknown option '--warp-speed'"),
        ("config = other\n", ":1: a configuration cannot name another one"),
        ("epochs = 1\nbatch-size = four\n", ":2: The value 'four'"),
        ("epochs = 1\n\nepochs = 2\n", ":3: epochs is set a second time, after line 1: remove"),
        ("lr = 0.1\nepochs = 1\niterations = 2\n", ":2: --epochs and --iterations both say"),
        ("keep = 2\n", ":1: --keep needs --checkpoints"),
        ('folder = "a\n', ':1: expected a value in quotes, such as "my images"'),
        ('folder = "a" b\n', ':1: expected a value in quotes, such as "my images"'),
        ('folder = "a"#b\n', ':1: expected a value in quotes, such as "my images"'),
        ('folder = "\\a"\n', ':1: expected a value in quotes, such as "my images"'),
        ("recipe = x#y\n", ':1: --recipe: there is no recipe "x#y"'),
        ("\nbatch_size = 3\n", ":2: Unknown option '--batch_size'. Did you mean '--batch-size'?"),
        ("\ufeffmomentm = 0\n", ":1: Unknown option '--momentm'. Did you mean '--momentum'?"),
        ("variation = x\n", ":1: The value 'x' is invalid for '--variation"),
    ],
)
def test_wrong_configurations(
    cifar10: Path,
    tmp_path: Path,
    text: str | None,
    message: str,
) -> None:
    path = tmp_path / "configuration"
    if text is not None:
        path.write_text(text)
    said = train(cifar10, "--config", path, ok=False)
    assert message in said
    if message.startswith(":"):
        assert f"{path}{message}" in said
    assert said.startswith("Error: ")
    assert said.count("\n") == 1


def test_what_is_beside_a_configuration_is_not_blamed_on_it(cifar10: Path, tmp_path: Path) -> None:
    path = tmp_path / "configuration"
    path.write_text("epochs = many\nbatch-size = 64\n")
    said = train(cifar10, "--config", path, "--epochs", "few", ok=False)
    assert "The value 'few' is invalid for '--epochs <epochs>'" in said
    assert f"{path}:" not in said
    said = train(cifar10, "--config", path, "--epochs", "1", "--epoch", "1", ok=False)
    assert f"{path}:" not in said
    train(cifar10, "--config", path, "--epochs", "1", "--out", tmp_path / "model.h5")
    said = train(cifar10, "--config", path, "--config=other", ok=False)
    assert said == f"Error: --config is given twice, as {path} and other: give one of them\n"


def test_paths_with_odd_characters_are_kept(cifar10: Path, tmp_path: Path) -> None:
    base, kept = tmp_path / 'a "b\\ #1.h5', tmp_path / "kept.txt"
    one, other = tmp_path / "one.h5", tmp_path / "other.h5"
    train(cifar10, *SHORT, "--out", base)
    for begun in (
        base,
        '"odd".h5',
        " #.h5",
        "two\nlines.h5",
        "a\rb\r\nc",
        "\x85a\u2028b\x0b",
        'a"\u0301',
    ):
        path = tmp_path / begun
        path.write_bytes(base.read_bytes())
        run("train", "--cifar10", cifar10, "--from", path, *SHORT, "--out", one)
        kept.write_text(run("inspect", one, "--metadata", "resnet.training"))
        run("train", "--cifar10", cifar10, "--config", kept, "--out", other)
        assert one.read_bytes() == other.read_bytes()
