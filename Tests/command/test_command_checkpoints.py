"""The checkpoints of `resnet train`: what is kept, and what is never lost."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

import resnet
from cli import NETWORK, SHORT, VIEW, command, done, run

RECIPES = ("cifar", "cifar-resnet110", "imagenet", "imagenet-common")


def test_a_training_that_has_ended(images: Path, tmp_path: Path) -> None:
    model, folder = tmp_path / "model.h5", tmp_path / "run"
    common = ("train", "--folder", images, *SHORT, "--checkpoints", folder, "--out", model)
    first = run(*common)
    assert resnet.Trainer.load(folder / "best.h5").history["iteration"] == [3]
    # The last step's, whatever the time: 24 images in batches of 8.
    assert {path.name for path in folder.glob("[!.]*")} == {"best.h5", "step-000000003.h5"}
    before = {path: path.read_bytes() for path in (*folder.iterdir(), model)}
    times = {path: path.stat().st_mtime_ns for path in before}
    error = re.search(r"test error \S+ of 12 images", first)
    assert error
    # Which it may have been killed before saying.
    assert run(*common, "--resume") == (
        f"the training has ended, after 3 steps, and {model} is its model: {error[0]}\n"
    )
    assert {path: path.read_bytes() for path in before} == before
    assert {path: path.stat().st_mtime_ns for path in before} == times
    # Other options and images are still refused.
    assert "lr = 0.5" in run(*common, "--resume", "--lr", "0.5", ok=False)
    (images / "val" / "red" / "0.jpg").rename(images / "val" / "red" / "00.jpg")
    said = run(*common, "--resume", ok=False)
    assert "other validation images" in said
    assert f"or train its model further by --from {folder}/step-000000003.h5\n" in said
    (images / "val" / "red" / "00.jpg").rename(images / "val" / "red" / "0.jpg")
    # Where the model is another, or is missing, it is made again.
    content = model.read_bytes()
    resnet.Model("resnet8", classes=2).save(model)
    assert f"saved {model}" in run(*common, "--resume")
    assert model.read_bytes() == content
    model.unlink()
    assert f"saved {model}" in run(*common, "--resume")
    assert model.read_bytes() == content
    # And it may be made longer.
    said = run(*common, "--resume", "--epochs", "2", "--milestones", "2")
    assert "resuming after 3 steps" in said
    assert "epoch 2/2" in said


def test_no_checkpoint_is_lost(trained: Path, images: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "step.h5"
    shutil.copy(trained / "step.h5", checkpoint)
    model = trained / "model.h5"
    content = checkpoint.read_bytes()
    for arguments in (
        ("train", "--folder", images, *SHORT, "--out", checkpoint),
        ("convert", model, checkpoint),
        ("convert", checkpoint, checkpoint),
        ("calibrate", images / "train", "--model", model, "--statistics", "--out", checkpoint),
        ("features", model, images / "val", "--out", checkpoint),
    ):
        said = run(*arguments, ok=False)
        assert f"is {checkpoint}, a checkpoint, from which a training can go on" in said
        assert checkpoint.read_bytes() == content
    # Nor one that is damaged, wherever that is.
    said = ""
    for place in (*range(0, 64, 7), *range(64, len(content), len(content) // 24), len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 4
        checkpoint.write_bytes(damaged)
        said += run("convert", model, checkpoint, ok=False)
        assert checkpoint.read_bytes() == damaged
    for size in (len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:size])
        said += run("convert", model, checkpoint, ok=False)
        assert checkpoint.read_bytes() == content[:size]
    assert (
        f"OUT is {checkpoint}, which may be a checkpoint, but cannot be read: it is damaged" in said
    )
    assert f"OUT is {checkpoint}, a checkpoint, from which a training can go on" in said
    # A model is overwritten, and so is another program's file, and what is nothing.
    other = tmp_path / "other.h5"
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["training"] = np.zeros(9)
    for content in (model.read_bytes(), (tmp_path / "theirs.h5").read_bytes(), b"\x89HDF"):
        other.write_bytes(content)
        run("convert", model, other)
        assert resnet.load(other).class_names == resnet.load(model).class_names


@pytest.mark.parametrize("resumed", [(), ("--resume",)])
def test_the_best_model_is_not_lost(
    images: Path, model: Path, tmp_path: Path, resumed: tuple[str, ...]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    best, link = folder / "best.h5", tmp_path / "link.h5"
    shutil.copy(model, best)
    link.symlink_to(best)
    common = ("train", "--folder", images, "--iterations", "3", "--batch-size", "8", "--threads",
              "1", "--checkpoints", folder, "--out", tmp_path / "model.h5")  # fmt: skip
    for base in (best, link):
        said = run(*common, *resumed, "--from", base, ok=False)
        assert f"--checkpoints keeps the best checkpoint as {best}, the model that --from" in said
        assert best.read_bytes() == model.read_bytes()
    # It is another training's, and none that can be gone on with.
    said = run(*common, *resumed, *NETWORK, *VIEW, ok=False)
    if resumed:
        assert f"cannot load {best}: " in said
        assert f"no checkpoint in {folder} can be loaded: to begin anew, choose another" in said
    else:
        assert f"{best} is the best checkpoint of another training, and would be replaced" in said
    assert best.read_bytes() == model.read_bytes()


def test_nothing_else_is_put_in_its_place(trained: Path, images: Path, tmp_path: Path) -> None:
    best = tmp_path / "best.h5"
    shutil.copy(trained / "run" / "best.h5", best)
    for given in (
        ("convert", trained / "model.h5", best),
        ("calibrate", images / "train", "--model", best, "--statistics", "--out", best),
        ("train", "--folder", images, *NETWORK, *VIEW, "--out", best),
    ):
        assert f"is {best}, a checkpoint, from which a training can go on" in run(*given, ok=False)
        assert best.read_bytes() == (trained / "run" / "best.h5").read_bytes()
    # A model of that name is any other's.
    shutil.copy(trained / "model.h5", best)
    run("convert", trained / "model.h5", best, "--classes", "3")


@pytest.mark.parametrize("given", [("--batch-size", "0"), ("--config", "{config}")])
def test_no_batch_is_empty(images: Path, tmp_path: Path, given: tuple[str, ...]) -> None:
    config = tmp_path / "config.txt"
    config.write_text("batch-size = 0\n")
    common = ("train", "--folder", images, "--epochs", "1", "--checkpoints", tmp_path / "run",
              "--out", tmp_path / "model.h5", *NETWORK, *VIEW)  # fmt: skip
    wrong = [argument.replace("{config}", str(config)) for argument in given]
    place = f"{config}:1: " if given[0] == "--config" else ""
    more = "" if place else " (see resnet train --help)"
    message = f"Error: {place}--batch-size is 0, expected 1 or more{more}\n"
    ended = done(*common, *wrong)
    assert ended.returncode == 64
    assert ended.stderr.startswith(message)
    run(*common, "--batch-size", "8")
    ended = done(*common, *wrong, "--resume")
    assert ended.returncode == 64
    assert ended.stderr.startswith(message)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--epochs", "0"), "--epochs is 0, expected 1 or more"),
        (("--iterations", "0"), "--iterations is 0, expected 1 or more"),
        (("--iterations", "-3"), "--iterations is -3, expected 1 or more"),
        (("--workers", "-1"), "--workers is -1, expected 0 threads or more"),
        (("--threads", "-1"), "--threads is -1, expected 0 for one per core, or more"),
        (("--base-width", "0"), "--base-width is 0, expected 1 or more"),
        (
            ("--recipe", "x"),
            f'--recipe: there is no recipe "x"; there are {", ".join(RECIPES)}',
        ),
        (("--lr", "inf"), "--lr is inf, expected a finite number of 0 or more"),
        (
            ("--weight-decay=-1",),
            "--weight-decay is -1.0, expected a finite number of 0 or more",
        ),
        (("--momentum", "1"), "--momentum is 1.0, expected 0 or more, and less than 1"),
    ],
)
def test_wrong_values_are_of_the_command_line(given: tuple[str, ...], said: str) -> None:
    ended = done("train", "--cifar10", "none", *given)
    assert ended.returncode == 64
    assert ended.stderr == f"Error: {said} (see resnet train --help)\n"


@pytest.mark.parametrize("name", ["best.h5", "step-000000009.h5"])
def test_the_model_has_another_name_than_checkpoints(
    images: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    for place in (folder, tmp_path / "link"):
        said = run("train", "--folder", images, *SHORT, "--checkpoints", folder, "--out",
                   place / name, ok=False)  # fmt: skip
        assert f"--out is {place / name}, as --checkpoints calls one of its own" in said
    (folder / "step-1").mkdir()
    for out in ("last.h5", "step-1/model.h5"):
        run("train", "--folder", images, *SHORT, "--checkpoints", folder, "--resume", "--out",
            folder / out)  # fmt: skip


def test_a_training_goes_on_with_its_algorithms(images: Path, tmp_path: Path) -> None:
    common = ("train", "--folder", images, *SHORT, "--checkpoints", tmp_path / "run",
              "--checkpoint-every", "1", "--out", tmp_path / "model.h5")  # fmt: skip
    run(*common)
    said = run(*common, "--resume", "--no-winograd", ok=False)
    assert "of another training than the options say: no-winograd" in said


def test_a_training_goes_on_with_another_instruction_set(images: Path, tmp_path: Path) -> None:
    """But that is said, as its bits are others then."""
    line = command("train", "--folder", images, *SHORT[2:], "--milestones", "none",
                   "--checkpoints", tmp_path / "run", "--resume", "--out",
                   tmp_path / "model.h5")  # fmt: skip

    def said(instruction_set: str, epochs: int) -> str:
        return subprocess.run(
            [*line, "--epochs", str(epochs)],
            env=os.environ | {"RESNET_ISA": instruction_set},
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        ).stderr

    assert "rounds otherwise" not in said("portable", 1)
    own, computed = resnet.instruction_set(), "portable"
    # Each makes it longer.
    for epochs, name in enumerate(("portable", own, "portable"), 2):
        warning = f"the training was computed with {computed} so far, and {name} rounds otherwise: "
        assert (warning in said(name, epochs)) == (computed != name)
        computed += "" if computed == name else f",{name}"
    # Of one that has ended nothing is computed.
    (tmp_path / "model.h5").unlink()
    assert "rounds otherwise" not in said(own, 4)


@pytest.mark.parametrize("best", ["can be written", "cannot be written"])
def test_a_last_checkpoint_that_fails_is_tried_again(
    images: Path, tmp_path: Path, best: str
) -> None:
    folder, log = tmp_path / "run", tmp_path / "log.csv"
    common = (
        *("train", "--folder", images, "--batch-size", "8", "--lr", "0.01", *NETWORK, *VIEW),
        *("--milestones", "none", "--checkpoints", folder, "--out", tmp_path / "model.h5"),
    )
    run(*common, "--iterations", "2")
    last = folder / "step-000000003.h5"
    last.mkdir()
    if best == "cannot be written":
        (folder / "best.h5").unlink()
        (folder / "best.h5").mkdir()
    # The log waits for us at the epoch's end, between the two: it has room for its names alone.
    os.mkfifo(log)
    pipe = os.open(log, os.O_RDWR)
    size = fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGESIZE"))
    os.write(pipe, bytes(size - 120))
    line = command(*common, "--epochs", "1", "--resume", "--log", log)
    with subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert f"warning: cannot load {last}: it is a directory" in process.stderr.readline()
        assert f"warning: cannot save {last}: " in process.stderr.readline()
        last.rmdir()
        os.read(pipe, size)
        said = process.stderr.read()
        assert said.count("warning") == (best == "cannot be written")
        assert (f"warning: cannot save {folder}/best.h5: " in said) == (best != "can be written")
    assert process.returncode == 0
    os.close(pipe)
    assert last.is_file()
    assert "the training has ended, after 3 steps" in run(*common, "--epochs", "1", "--resume")


def test_checkpoints_outlast_a_loss_of_power(images: Path, tmp_path: Path) -> None:
    """Each is on the disk with its name before the one that it takes the place of goes."""
    shim, log, folder = tmp_path / "sync_log.so", tmp_path / "log.txt", tmp_path / "run"
    source = Path(__file__).with_name("sync_log.c")
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", shim, "-ldl"], check=True)  # noqa: S607
    line = command("train", "--folder", images, *SHORT, "--checkpoints", folder, "--keep", "1",
                   "--checkpoint-every", "1", "--out", tmp_path / "model.h5")  # fmt: skip
    environment = os.environ | {"LD_PRELOAD": str(shim), "SYNC_LOG": str(log)}
    subprocess.run(line, env=environment, capture_output=True, timeout=60, check=True)
    steps = log.read_text().splitlines()
    # As is the folder, in the one that it is in.
    assert steps.index(f"sync {tmp_path}") < steps.index("rename step-000000001.h5")
    for number in (1, 2, 3):
        renamed = steps.index(f"rename step-{number:09}.h5")
        file, after = steps[renamed - 1], steps[renamed + 1]
        assert file.startswith(f"sync {folder}/")
        assert file != f"sync {folder}"
        assert after == f"sync {folder}"
        if number > 1:
            assert steps[renamed + 2] == f"remove {folder}/step-{number - 1:09}.h5"


def test_the_best_checkpoint_is_better_than_none(images: Path, tmp_path: Path) -> None:
    folder, whole, resumed = (tmp_path / name for name in ("run", "whole.h5", "resumed.h5"))
    common = ("train", "--folder", images, "--epochs", "4", *SHORT[2:], "--checkpoints", folder)
    run(*common, "--out", whole)
    step = folder / "step-000000012.h5"
    best = resnet.Trainer.load(folder / "best.h5").iterations
    for content, warning in ((None, ""), (b"", "warning: cannot load " + str(step))):
        step.unlink()
        if content is not None:
            step.write_bytes(content)
        said = run(*common, "--resume", "--out", resumed)
        assert f"after {best} steps" in said
        assert f"{folder}/best.h5" in said
        assert warning in said
        assert resumed.read_bytes() == whole.read_bytes()


def test_a_best_checkpoint_that_is_damaged_is_not_replaced(images: Path, tmp_path: Path) -> None:
    """Even where it is the only one."""
    folder = tmp_path / "run"
    common = ("train", "--folder", images, *SHORT, "--checkpoints", folder, "--out",
              tmp_path / "model.h5")  # fmt: skip
    run(*common)
    best, step = folder / "best.h5", folder / "step-000000003.h5"
    content = best.read_bytes()
    best.write_bytes(content[:-1])
    step.unlink()
    said = run(*common, "--resume", ok=False)
    assert f"cannot load {best}: " in said
    assert f"; no checkpoint in {folder} can be loaded" in said
    assert best.read_bytes() == content[:-1]


def test_too_many_that_a_killed_training_left(images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    common = ("train", "--folder", images, *SHORT, "--checkpoints", folder, "--checkpoint-every",
              "1", "--out", tmp_path / "model.h5")  # fmt: skip
    run(*common, "--keep", "3")
    (tmp_path / "model.h5").unlink()
    run(*common, "--keep", "1", "--resume")
    assert [path.name for path in folder.glob("step-*.h5")] == ["step-000000003.h5"]
