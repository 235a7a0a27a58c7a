"""The command `resnet experiment`."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from cli import command, run

if TYPE_CHECKING:
    from pathlib import Path

SHORT = ("--iterations", "6", "--threads", "1")


def report(out: Path, name: str) -> str:
    """The page, whose plots are images and whose links lead somewhere."""
    page = out / name / "README.md"
    text = page.read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        target = page.parent / link
        assert target.is_file()
        if target.suffix == ".svg":
            assert ET.parse(target).getroot().tag.endswith("svg")  # noqa: S314 (our own)
    return text


@pytest.fixture(scope="module")
def out(cifar10: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a quick look at degradation leaves."""
    out = tmp_path_factory.mktemp("experiments")
    said = run(
        "experiment", "degradation", "--cifar10", cifar10, "--quick", *SHORT,
        "--out", out,
    )  # fmt: skip
    assert f"{out}/degradation-quick/README.md" in said
    return out


def test_a_report(out: Path) -> None:
    text = report(out, "degradation-quick")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == [
        "network",
        "plain8",
        "plain14",
        "resnet8",
        "resnet14",
    ]
    figures = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert figures["resnet14"]["parameters"] == "0.17M"
    for network, row in figures.items():
        last = (out / f"runs/{network}-6-seed0/epochs.csv").read_text().splitlines()[-1].split(",")
        assert row["training error"] == f"{1 - float(last[3]):.2%}"
        assert row["test error"] == f"{1 - float(last[7]):.2%}"
    (finding,) = re.findall(r"- (.*): plain14 has a higher training error than plain8", text)
    deep, shallow = (
        float(figures[network]["training error"].rstrip("%")) for network in ("plain14", "plain8")
    )
    assert finding == ("Agrees" if deep > shallow else "Does not agree")
    assert "iterations: 6 (the paper: 64,000)" in text
    assert not list(out.rglob("checkpoints"))


def test_what_is_recorded_is_not_trained_again(cifar10: Path, out: Path) -> None:
    quick = ("--cifar10", cifar10, "--quick", *SHORT, "--out", out)
    assert "epoch" not in run("experiment", "responses", *quick)
    text = report(out, "responses-quick")
    responses = (out / "runs/resnet8-6-seed0/responses.csv").read_text().splitlines()[1:]
    mean = sum(float(line.split(",")[2]) for line in responses) / len(responses)
    assert f"| {mean:.3f} |" in text
    # A page can be made of the records alone, beside another program's training.
    shutil.rmtree(out / "degradation-quick")
    run(
        "experiment", "degradation", "--quick", *SHORT, "--out", out, "--report-only",
        "--beside", f"another={out}/runs/plain8-6-seed0/epochs.csv",
    )  # fmt: skip
    assert "| another |" in report(out, "degradation-quick")
    # Of networks of which one is recorded; and of which none is.
    depth = ("experiment", "depth", "--report-only", "--out", out)
    run(*depth, "--networks", "resnet8,resnet20", "--iterations", "6")
    page = out / "depth" / "README.md"
    assert "Not trained yet: resnet20." in page.read_text()
    before = page.read_bytes()
    assert "resnet8-6-seed0" in run(*depth, ok=False)
    assert page.read_bytes() == before


def test_options_and_other_networks(cifar10: Path, tmp_path: Path) -> None:
    run(
        "experiment", "options", "--cifar10", cifar10, *SHORT, "--seed", "3",
        "--networks", "resnet8-A,resnet8-B,resnet8", "--out", tmp_path,
    )  # fmt: skip
    text = report(tmp_path, "options")
    figures = {line.split(" | ")[0][2:]: line for line in text.splitlines() if line[:3] == "| r"}
    # The preset's own option is A.
    assert figures["resnet8-A"].split(" | ")[2:5] == figures["resnet8"].split(" | ")[2:5]
    assert figures["resnet8-A"].split(" | ")[1:5] != figures["resnet8-B"].split(" | ")[1:5]
    assert "seed 3" in text


def test_a_killed_experiment_goes_on(cifar10: Path, tmp_path: Path) -> None:
    line = command(
        "experiment", "depth", "--cifar10", cifar10, "--networks", "resnet8",
        "--iterations", "40", "--threads", "1", "--out", tmp_path,
    )  # fmt: skip
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "resnet8:\n"
        assert "epoch 1/20" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    found = re.search(r"stopped by SIGTERM after (\d+) steps of resnet8", said)
    assert found
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True)
    first = re.search(r"epoch (\d+)/20", done.stderr)
    assert first
    assert int(first[1]) == int(found[1]) // 2 + 1
    assert "| resnet8 |" in report(tmp_path, "depth")


def test_networks_without_bn_and_failures(cifar10: Path, tmp_path: Path) -> None:
    arguments = (
        "experiment", "table6", "--cifar10", cifar10, "--networks", "fitnet19,resnet8",
        "--iterations", "2", "--threads", "2", "--out", tmp_path,
    )  # fmt: skip
    run(*arguments)
    assert "Networks without BN begin at a rate of 0.01." in report(tmp_path, "table6")
    # What a training leaves that diverged.
    record = tmp_path / "runs" / "fitnet19-2-seed0" / "record.txt"
    with record.open("a") as file:
        file.write("failure = the loss is not finite\n")
    epochs = record.with_name("epochs.csv")
    names, row = epochs.read_text().splitlines()
    figures = row.split(",")
    figures[2], figures[6] = "nan", "inf"
    epochs.write_text(f"{names}\n{','.join(figures)}\n")
    run(*arguments)
    assert "M | the loss is not finite |  |  |" in report(tmp_path, "table6")
    # Of other images.
    record.write_text(record.read_text().replace("training-images = 320", "training-images = 321"))
    assert "of a training on 321 images" in run(*arguments, ok=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("degradation",), "--cifar10"),
        (("degradations", "--cifar10", "."), "one of 'degradation', 'depth'"),
        (("depth", "--cifar10", ".", "--networks", "resnet21"), "resnet21"),
        (
            ("depth", "--cifar10", ".", "--networks", "resnet8,resnet8"),
            "resnet8,resnet8",
        ),
        (("depth", "--cifar10", ".", "--networks", "resnet8", "--quick"), "give one"),
        (("depth", "--cifar10", ".", "--iterations", "0"), "expected 1 or more"),
        (("depth", "--report-only", "--beside", "a.csv"), "a.csv"),
        (("depth", "--report-only", "--beside", "a=missing.csv"), "missing.csv"),
    ],
)
def test_wrong_options(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
) -> None:
    assert message in run("experiment", *arguments, "--out", tmp_path, ok=False)
