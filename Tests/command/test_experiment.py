"""The command `resnet experiment`."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import resnet
from cli import ROOT, command, killed_at_random, run

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
    (finding,) = re.findall(
        r"- (.*): plain14 has (?:a higher|a lower|the same) training error (?:than|as) plain8", text
    )
    deep, shallow = (
        float(figures[network]["training error"].rstrip("%")) for network in ("plain14", "plain8")
    )
    # Of networks that the paper does not have it says nothing.
    assert finding == ("Yes" if deep > shallow else "No")
    assert "Agrees" not in text.replace("Does not agree", "Agrees")
    assert text.startswith("# Degradation: plain8, plain14, resnet8, resnet14\n")
    assert "iterations: 6 (the paper: 64,000)" in text
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    assert processor
    for network, row in figures.items():
        assert row["threads"] == "1"
        assert row["processor"].startswith(f"{processor[1]}, ")
        epochs = (out / f"runs/{network}-6-seed0/epochs.csv").read_text().splitlines()[1:]
        speeds = [float(line.split(",")[5]) for line in epochs]
        # Batches of 128: two steps of each epoch.
        seconds = sum(2 * 128 / speed for speed in speeds)
        assert float(row["seconds of training"]) == pytest.approx(seconds, abs=0.06)
        assert float(row["median images/s"]) == pytest.approx(np.median(speeds), abs=0.6)
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


def test_a_report_of_one_network(cifar10: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.csv"
    theirs.write_text(
        "epoch,iteration,loss,accuracy,lr,images_per_second,val_loss,val_accuracy,val_top5_accuracy\n"
        "1,2,2.1,0.25,0.1,100,2.2,0.125,0.5\n\n2,4,2.0,0.5,0.1,100,2.1,0.375,0.75\n"
        "3,5,1.9,0.75,0.1,100,2.0,0.5,0.75\n"
    )
    for name in ("depth", "degradation"):
        run(
            "experiment", name, "--cifar10", cifar10, *SHORT, "--networks", "resnet8",
            "--beside", f"PyTorch={theirs}", "--out", tmp_path,
        )  # fmt: skip
        text = report(tmp_path, name)
        assert text.startswith(f"# {name.title()}: resnet8\n")
        assert "alone it does not show what the paper says" in text
        assert "Beside" not in text
        # Their last epoch was cut short, and has no training error that one may compare.
        assert "| PyTorch |  | 50.00% | 50.00% | 50.00% |" in text
    # What was not evaluated has no test error.
    theirs.write_text(
        "epoch,iteration,loss,accuracy,lr,images_per_second\n"
        "1,9,2.1,0.25,0.1,100\n2,11,2.0,0.5,0.1,100\n3,13,1.9,0.75,0.1,100\n"
    )
    run("experiment", "depth", *SHORT, "--networks", "resnet8", "--beside", f"PyTorch={theirs}",
        "--out", tmp_path, "--report-only")  # fmt: skip
    assert "| PyTorch |  | 25.00% |  |  |" in report(tmp_path, "depth")
    # Without plain networks there is no plot of them.
    assert [path.name for path in (tmp_path / "degradation").glob("*.svg")] == ["residual.svg"]


def test_agreement_is_of_the_papers_networks(cifar10: Path, tmp_path: Path) -> None:
    common = ("experiment", "degradation", "--cifar10", cifar10, "--out", tmp_path)
    run(*common, *SHORT, "--networks", "plain20,plain32")
    assert "Other networks or steps than the paper's" in report(tmp_path, "degradation")
    # As if they had been trained for as long as there.
    for path in (tmp_path / "runs").iterdir():
        path.rename(path.with_name(path.name.replace("-6-", "-64000-")))
    run(*common[:2], *common[4:], "--report-only", "--networks", "plain20,plain32")
    text = report(tmp_path, "degradation")
    assert "## Beside the paper" in text
    assert re.search(r"- (Agrees|Does not agree): plain32 has .* training error .* plain20", text)
    assert "Other networks" not in text


def test_what_was_found_is_true(tmp_path: Path) -> None:
    names = (
        "epoch,iteration,loss,accuracy,lr,images_per_second,val_loss,val_accuracy,val_top5_accuracy"
    )
    for network, training, test in (
        ("plain20", 0.5, 0.5), ("plain32", 0.75, 0.5), ("resnet20", 0.75, 0.75)
    ):  # fmt: skip
        folder = tmp_path / "runs" / f"{network}-6-seed0"
        folder.mkdir(parents=True)
        (folder / "record.txt").write_text(
            "parameters = 1\nbatch-size = 128\ntraining-images = 256\n"
        )
        (folder / "epochs.csv").write_text(f"{names}\n1,2,1,{training},0.1,9,1,{test},1\n")
    run(
        "experiment", "degradation", "--report-only", "--iterations", "6", "--networks",
        "plain20,plain32,resnet20", "--note", "Of *other* images.", "--out", tmp_path,
    )  # fmt: skip
    text = report(tmp_path, "degradation")
    expected = (
        "No: plain32 has a lower training error than plain20, 25.00% to 50.00%, where a higher one",
        "No: plain32 has the same test error as plain20, 50.00%, where a higher one",
        "No: resnet20 has the same training error as plain32, 25.00%, where a lower one",
    )
    findings = "".join(f"- {finding} was expected.\n" for finding in expected)
    findings += "- Yes: resnet20 has a lower test error than plain32, 25.00% to 50.00%.\n"
    assert f"\n\n{findings}\n" in text
    setting = text.partition("## Setting\n")[2].partition("## Result\n")[0]
    assert "\n\nOf *other* images.\n\n" in setting


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


def test_a_stopped_experiment_goes_on(cifar10: Path, tmp_path: Path) -> None:
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
    assert re.search(r"stopped by SIGTERM after \d+ steps? of resnet8", said)
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True)
    # Each epoch once, but for the first, whose line was read.
    epochs = [int(epoch) for epoch in re.findall(r"epoch (\d+)/20", said + done.stderr)]
    assert epochs == list(range(2, 21))
    assert "| resnet8 |" in report(tmp_path, "depth")


def test_a_killed_experiment_comes_to_the_same(cifar10: Path, tmp_path: Path) -> None:
    def line(out: Path) -> list[str]:
        return command("experiment", "depth", "--cifar10", cifar10, "--networks", "resnet8",
                       "--iterations", "24", "--threads", "1", "--out", out)  # fmt: skip

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(line(whole), capture_output=True, timeout=120, check=True)
    run_folder = killed / "runs" / "resnet8-24-seed0"
    said = killed_at_random(lambda _: line(killed))
    assert len(said) > 1
    # It went on from an epoch that another process had ended.
    first = re.search(r"epoch (\d+)/12", said[-1])
    assert first is None or int(first[1]) > 1
    folder = whole / "runs" / "resnet8-24-seed0"
    assert {path.name for path in run_folder.iterdir()} == {path.name for path in folder.iterdir()}
    for name in ("model.h5", "responses.csv", "record.txt"):
        assert (run_folder / name).read_bytes() == (folder / name).read_bytes()
    rows = [
        [row.split(",") for row in (path / "epochs.csv").read_text().splitlines()]
        for path in (run_folder, folder)
    ]
    # All but the speed is the same.
    speed = rows[0][0].index("images_per_second")
    assert [row[:speed] + row[speed + 1 :] for row in rows[0]] == [
        row[:speed] + row[speed + 1 :] for row in rows[1]
    ]
    # What one leaves that is killed between its record and the end is removed later.
    left = run_folder / "checkpoints"
    left.mkdir()
    (left / "step-000000024.h5").write_bytes(b"")
    subprocess.run(line(killed), capture_output=True, timeout=120, check=True)
    assert not left.exists()


def test_images_of_another_experiment(cifar10: Path, tmp_path: Path) -> None:
    """As many, but others."""
    common = ("--iterations", "1", "--threads", "1", "--out", tmp_path / "out")
    run("experiment", "depth", "--cifar10", cifar10, "--networks", "resnet8", *common)
    others = tmp_path / "others"
    shutil.copytree(cifar10, others)
    batch = np.fromfile(others / "test_batch.bin", np.uint8).reshape(-1, 3073)
    batch[:, 1:] = 255 - batch[:, 1:]
    batch.tofile(others / "test_batch.bin")
    networks = ("--networks", "resnet8,resnet14")
    said = run("experiment", "depth", "--cifar10", others, *networks, *common, ok=False)
    assert "resnet8-1-seed0 is of a training on other images (test-checksum " in said
    # Nor do they come into one report, each of which was trained with its own.
    run("experiment", "depth", "--cifar10", others, "--networks", "resnet14", *common)
    said = run("experiment", "depth", *networks, *common, "--report-only", ok=False)
    assert "are of trainings on different images (test-checksum " in said


def test_a_training_that_diverges(cifar10: Path, tmp_path: Path) -> None:
    """It goes on from a checkpoint whose momentum took the weights beyond what can be trained."""
    recipe = resnet.recipe("cifar").lasting(iterations=6)
    folder = tmp_path / "runs" / "resnet8-6-seed0"
    (folder / "checkpoints").mkdir(parents=True)
    train, test = resnet.CIFAR10(cifar10), resnet.CIFAR10(cifar10, train=False)

    def save_after_a_step(trainer: resnet.Trainer, name: str) -> None:
        trainer.fit(train, validation=test, callback=lambda _: True, **recipe.fit)
        trainer.save(folder / "checkpoints" / name)

    sound = resnet.Trainer(resnet.Model("resnet8", classes=10, seed=0), **recipe.trainer)
    save_after_a_step(sound, "step-000000001.h5")
    model = resnet.Model("resnet8", classes=10, seed=0)
    trainer = resnet.Trainer(model, **recipe.trainer)
    state = model.state_dict()
    scale = "layer3.0.bn2.weight"
    model.load_state_dict(state | {scale: state[scale] * 1e36})
    rng = np.random.default_rng(0)
    trainer.step(rng.random((8, 3, 32, 32), np.float32), np.arange(8))
    model.load_state_dict(state)
    save_after_a_step(trainer, "step-000000002.h5")

    # The experiment goes on with the next network, and does not try that one again.
    line = ("experiment", "depth", "--cifar10", cifar10, *SHORT, "--out", tmp_path, "--networks",
            "resnet8,resnet14")  # fmt: skip
    said = run(*line)
    assert "resnet14:\nepoch 1/3" in said
    text = report(tmp_path, "depth")
    assert re.search(
        r"\| resnet8 \| 0.08M \| the loss is (infinite|not a number) at iteration 2 with "
        r"learning rate 0\.1 \|  \|  \|",
        text,
    )
    assert "| resnet14 | 0.17M | " in text
    assert "test error than" not in text
    # What was learned before is left.
    assert {path.name for path in folder.iterdir()} == {"record.txt", "epochs.csv", "checkpoints"}
    assert f"; the last good checkpoint is {folder}/checkpoints/step-000000001.h5" in said
    assert (folder / "checkpoints" / "step-000000001.h5").exists()
    assert "epoch" not in run(*line)
    # Nor does it go on with other algorithms than it was begun with.
    assert "without --no-winograd: leave it out" in run(*line, "--no-winograd", ok=False)
    run(*line[:2], *line[4:], "--no-winograd", "--report-only")


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
    said = run(*arguments, ok=False)
    assert "on other images (training-images 321, not 320)" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("degradation",), "--cifar10"),
        (("degradations", "--cifar10", "."), "one of 'degradation', 'depth'"),
        (
            ("depth", "--cifar10", ".", "--networks", "resnet8,resnet21"),
            'there is no preset "resnet21"',
        ),
        (
            ("depth", "--cifar10", ".", "--networks", "resnet21"),
            "resnetN and plainN, where N must be 6n+2",
        ),
        (("depth", "--cifar10", ".", "--networks", "resnet8-D"), "-A, -B or -C after a"),
        (("depth", "--cifar10", ".", "--networks", "resnet8,"), 'there is no preset ""'),
        (("depth", "--cifar10", ".", "--networks", "resnet8,resnet8"), "resnet8 is named twice"),
        (("depth", "--cifar10", ".", "--networks", "resnet8", "--quick"), "give one"),
        (("depth", "--cifar10", ".", "--iterations", "0"), "expected 1 or more"),
        (("depth", "--report-only", "--note", " "), '--note is " ", expected a paragraph'),
        (
            ("depth", "--report-only", "--beside", "a.csv"),
            "The value 'a.csv' is invalid for '--beside <name=file>': expected a name and a file",
        ),
        (("depth", "--report-only", "--beside", "a=missing.csv"), "cannot read missing.csv"),
    ],
)
def test_wrong_options(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
) -> None:
    said = run("experiment", *arguments, "--out", tmp_path, ok=False)
    assert message in said.splitlines()[0]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), ':1: found ""'),
        (("step,loss",), ':1: found "step,loss", expected the names of a training\'s log'),
        (("{names}", "1,2,3"), ":2: expected the figures of an epoch"),
        (("{names}", "", "1,2,1,0.5,0.1,9", "2,4,1,50,0.1,9"), ":4: expected the figures"),
        (("{names}", "1,2,1,0.5,0.1,9", "2,2,1,0.5,0.1,9"), ":3: expected the figures"),
    ],
)
def test_what_is_laid_beside(lines: tuple[str, ...], message: str, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.csv"
    names = "epoch,iteration,loss,accuracy,lr,images_per_second"
    theirs.write_text("\n".join(lines).replace("{names}", names))
    said = run(
        "experiment", "depth", "--report-only", "--beside", f"a={theirs}", "--out", tmp_path,
        ok=False,
    )  # fmt: skip
    assert f"{theirs}{message}" in said


def test_the_pages_that_are_kept(tmp_path: Path) -> None:
    """They are what the command writes of the numbers that are kept with them."""
    kept, copy = ROOT / "docs" / "experiments", tmp_path / "experiments"
    shutil.copytree(kept, copy)
    pages = [path.relative_to(copy) for path in copy.glob("*/**/*.*")]
    pages = [path for path in pages if path.suffix in {".md", ".svg"}]
    assert {Path("depth/README.md"), Path("full-length/depth/README.md")} <= set(pages)
    for page in pages:
        (copy / page).unlink()
    subprocess.run([copy / "pages.sh", *command()], check=True, capture_output=True, timeout=60)
    for page in pages:
        assert (copy / page).read_text() == (kept / page).read_text(), page
