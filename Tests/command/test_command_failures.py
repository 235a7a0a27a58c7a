"""What cannot be written or read, in a training too: it is said, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import resnet
from cli import CLASSES, NETWORK, SHORT, VIEW, command, done, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Thousands of steps, unless something ends it.
ENDLESS = ("--epochs", "5000", "--batch-size", "8", "--lr", "0.01", *NETWORK, *VIEW)


@pytest.mark.parametrize(
    "arguments",
    [
        ("help",),
        ("help", "train"),
        ("--version",),
        ("recipe", "cifar"),
        ("inspect", "resnet20"),
        ("inspect", "resnet20", "--layers", "--tensors"),
        ("predict", "{model}", "{images}/val", "--json"),
        ("evaluate", "{model}", "--folder", "{images}"),
    ],
)
@pytest.mark.parametrize("stream", ["full", "closed"])
def test_output_that_cannot_be_written(
    arguments: tuple[str, ...], stream: str, model: Path, images: Path
) -> None:
    line = command(*(word.format(model=model, images=images) for word in arguments))
    redirected = {"full": '"$@" >/dev/full', "closed": '"$@" >&-'}[stream]
    ended = subprocess.run(
        ["bash", "-c", redirected, "bash", *line],  # noqa: S607
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    reason = {"full": "No space left on device", "closed": "Bad file descriptor"}[stream]
    assert ended.returncode == 1
    assert re.fullmatch(
        f"Error: cannot write all of standard output(: {reason})?\n", ended.stderr
    ), ended.stderr


def test_a_model_is_not_mixed_with_what_is_printed(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.h5"
    line = command("train", "--folder", images, "--iterations", "1", "--batch-size", "8", *NETWORK,
                   *VIEW, "--out", out)  # fmt: skip
    subprocess.run(["bash", "-c", '"$@" >&- 2>&-', "bash", *line], timeout=60, check=False)  # noqa: S607
    assert resnet.load(out).class_names == list(CLASSES)


@contextlib.contextmanager
def training(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """One that takes thousands of steps, and ends at the latest with the test."""
    with subprocess.Popen(
        command("train", *arguments, *ENDLESS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], happens: Callable[[], bool]) -> None:
    """Until it is so, while the training goes on."""
    deadline = time.monotonic() + 60
    while not happens():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextlib.contextmanager
def begun(images: Path, folder: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A training that has written a checkpoint, as it does after every step."""
    before = set(folder.glob("step-*.h5"))
    kept = ("--checkpoints", folder, "--checkpoint-every", "1")
    with training("--folder", images, *kept, *arguments) as process:
        wait_for(process, lambda: not set(folder.glob("step-*.h5")) <= before)
        yield process


def test_a_signal_when_no_checkpoint_can_be_written(images: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "run", tmp_path / "model.h5"
    with begun(images, folder, "--out", out) as process:
        folder.rename(tmp_path / "aside")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"saved {out}, but no checkpoint: cannot save {folder}/step-" in said
    assert resnet.load(out).class_names == list(CLASSES)


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """What a training says that is under way and gets a signal."""
    assert process.stderr is not None
    assert "epoch 1/" in process.stderr.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    return said


def test_a_stopped_training_leaves_other_models_alone(
    images: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model.h5"
    shutil.copy(model, out)
    for name in ("model-unfinished.h5", "model-unfinished-2.h5"):
        with training("--folder", images, "--out", out) as process:
            said = stopped(process, signal.SIGTERM)
        place = tmp_path / name
        assert f"saved {place}, as {out} is there already; --from {place} trains it" in said
        assert resnet.load(place).class_names == list(CLASSES)
    assert out.read_bytes() == model.read_bytes()


def test_stopped_trainings_leave_each_other_alone(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.h5"
    common = ("--folder", images, "--out", out)
    with training(*common) as one, training(*common) as other:
        for process in (one, other):
            assert process.stderr is not None
            assert "epoch 1/" in process.stderr.readline()
        for process in (one, other):
            process.terminate()
        said = "".join(process.communicate(timeout=60)[1] for process in (one, other))
    assert f"saved {out}; " in said
    assert f"saved {tmp_path}/model-unfinished.h5, as {out} is there already; " in said
    for name in ("model.h5", "model-unfinished.h5"):
        assert resnet.load(tmp_path / name).class_names == list(CLASSES)


def test_a_first_signal_does_not_end_what_saves(images: Path, tmp_path: Path) -> None:
    for index in range(5):
        out = tmp_path / f"{index}.h5"
        with training("--folder", images, "--out", out) as process:
            assert process.stderr is not None
            assert "epoch 1/" in process.stderr.readline()
            process.send_signal(signal.SIGHUP)
            time.sleep(0.002 * index)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        assert process.returncode in {128 + signal.SIGHUP, 128 + signal.SIGTERM}
        assert f"saved {out}; " in said
        assert resnet.load(out).class_names == list(CLASSES)


def test_a_signal_in_the_last_evaluation(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.h5"
    slow = ("--network", "resnet18", "--base-width", "32", "--threads", "1", "--batch-size", "8")
    first = next((images / "val" / "red").iterdir())
    for number in range(100):
        shutil.copy(first, first.with_name(f"copy-{number}{first.suffix}"))
    line = command("train", "--folder", images, *slow, "--iterations", "1", "--out", out)
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "epoch 1/1" in process.stderr.readline()
        process.terminate()
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"while the test images were evaluated; the training has ended, and {out} is its" in said
    assert "saved" not in printed
    assert resnet.load(out).class_names == list(CLASSES)


def test_a_terminal_that_is_lost_twice(images: Path, tmp_path: Path) -> None:
    for index in range(5):
        out = tmp_path / f"{index}.h5"
        with training("--folder", images, "--out", out) as process:
            assert process.stderr is not None
            assert "epoch 1/" in process.stderr.readline()
            while process.poll() is None:
                process.send_signal(signal.SIGHUP)
                time.sleep(0.001)
            assert process.returncode == 128 + signal.SIGHUP
        assert resnet.load(out).class_names == list(CLASSES)


def test_nobody_reads_what_is_shown(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.h5"
    with training("--folder", images, "--out", out) as process:
        assert process.stderr is not None
        assert "epoch 1/" in process.stderr.readline()
        process.stderr.close()
        assert process.wait(60) == 128 + signal.SIGPIPE
    assert resnet.load(out).class_names == list(CLASSES)


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("here", [True, False])
def test_a_model_that_cannot_be_saved_is_not_lost(
    images: Path, tmp_path: Path, *, ends: bool, here: bool
) -> None:
    folder, current, temporary = (tmp_path / name for name in ("models", "current", "temporary"))
    for path in (folder, current, temporary):
        path.mkdir()
    out = folder / "model.h5"
    other = current / "model.h5"
    if here:
        other.write_bytes(b"of another training")
    length = ("--epochs", "200" if ends else "5000")
    line = command("train", "--folder", images, *ENDLESS, *length, "--out", out)
    with subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=current,
        pipesize=4096, env={**os.environ, "TMPDIR": str(temporary)},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        # It waits for us before its last epochs, as there is no room for their lines.
        assert "epoch 1/" in process.stderr.readline()
        folder.rename(tmp_path / "aside")
        if not here:
            current.rmdir()
        if not ends:
            process.terminate()
        _, said = process.communicate(timeout=60)
        assert process.returncode == (1 if ends else 128 + signal.SIGTERM)
    saved = current / "model-2.h5" if here else next(temporary.rglob("*.h5"))
    assert saved.name == ("model-2.h5" if here else "model.h5")
    assert not here or other.read_bytes() == b"of another training"
    shown = saved.name if here else str(saved)
    assert f"cannot save {out}: " in said
    assert (f"; the model is in {shown} instead\n" if ends else f"saved {shown}, as ") in said
    assert resnet.load(saved).class_names == list(CLASSES)
    if not here:
        assert saved.parent.stat().st_mode & 0o777 == 0o700


def test_a_report_that_cannot_be_written_keeps_no_model(images: Path, tmp_path: Path) -> None:
    """Of a training whose last checkpoint is all that there is of it."""
    out, full = tmp_path / "model.h5", tmp_path / "full.csv"
    common = ("train", "--folder", images, *SHORT, "--checkpoints", tmp_path / "run", "--out", out)
    run(*common)
    content = out.read_bytes()
    out.unlink()
    full.symlink_to("/dev/full")
    said = run(*common, "--resume", "--log", full, ok=False)
    assert f"Error: cannot write {full}: No space left on device\n" in said
    assert out.read_bytes() == content
    # Nor does one of a training that was not resumed, but not all was done.
    said = run("train", "--folder", images, *SHORT, "--log", full, "--out", out, ok=False)
    assert f"warning: cannot write {full}: No space left on device\n" in said
    assert f"saved {out}\n" in said
    assert said.endswith(f"Error: cannot write {full}: No space left on device\n")
    assert resnet.load(out).class_names == list(CLASSES)


@pytest.mark.parametrize("option", ["--out", "--curves"])
def test_a_link_that_leads_nowhere(images: Path, tmp_path: Path, option: str) -> None:
    """Known before the first step."""
    link = tmp_path / ("link.h5" if option == "--out" else "link.svg")
    link.symlink_to(tmp_path / "none" / link.name)
    others = ("--out", tmp_path / "model.h5") if option != "--out" else ()
    said = run("train", "--folder", images, *SHORT, option, link, *others, ok=False)
    error = f"Error: cannot write to {link}: {tmp_path}/none/: No such file or directory\n"
    assert said.endswith(error)
    assert "epoch 1/" not in said


def test_images_that_are_gone(images: Path, tmp_path: Path) -> None:
    folder, aside = tmp_path / "run", tmp_path / "aside"
    with begun(images, folder, "--out", tmp_path / "model.h5") as process:
        (images / "train" / "red").rename(aside)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    found = re.search(
        r"red/\d+\.jpg.*; after (\d+) steps?, saved (\S+); the same command with --resume goes on",
        said,
    )
    assert found, said
    assert Path(found[2]) == folder / f"step-{int(found[1]):09}.h5"
    aside.rename(images / "train" / "red")
    with begun(images, folder, "--resume", "--out", tmp_path / "model.h5") as process:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    stopped = re.search(r"stopped by SIGTERM after (\d+) steps?", said)
    assert stopped, said
    assert int(stopped[1]) >= int(found[1])


def test_images_that_are_gone_without_checkpoints(images: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "model.h5", tmp_path / "log.csv"
    with training("--folder", images, "--log", log, "--out", out) as process:
        wait_for(process, lambda: log.exists() and log.read_text().count("\n") > 1)
        (images / "train" / "red").rename(tmp_path / "aside")
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    saved = re.escape(str(out))
    assert re.search(rf"red/\d+\.jpg.*; after \d+ steps?, saved {saved}; --from", said), said
    assert resnet.load(out).class_names == list(CLASSES)


def test_two_trainings_do_not_share_checkpoints(images: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "run", tmp_path / "model.h5"
    common = ("train", "--folder", images, *ENDLESS, "--checkpoints", folder, "--resume")
    with begun(images, folder, "--out", out):
        said = run(*common, "--out", tmp_path / "other.h5", ok=False)
        assert f"another process, which still runs, writes its checkpoints to {folder}" in said
    # A lock ends with who had it.
    said = run(*common[:-1], "--out", out, ok=False)
    assert "holds checkpoints of another training" in said


def test_what_killed_processes_left_is_removed(images: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:  # noqa: S607
        ended.wait()
    folder = tmp_path / "run"
    folder.mkdir()
    left, mine, other = (
        folder / name
        for name in (f".resnet-{ended.pid}-1.tmp", f".resnet-{os.getpid()}-1.tmp", ".resnet-x.tmp")
    )
    for path in (left, mine, other):
        path.write_bytes(b"half of a checkpoint")
    run("train", "--folder", images, *SHORT, "--checkpoints", folder, "--out", tmp_path / "m.h5")
    assert not left.exists()
    # Of one that runs; and what is nobody's.
    assert mine.exists()
    assert other.exists()


def test_a_log_has_the_epochs_that_could_not_be_written(images: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    line = command("train", "--folder", images, *ENDLESS, "--log", log, "--out", tmp_path / "m.h5")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    # As on a disk that is full for a while: the limit's signal would end it.
    with subprocess.Popen(
        ["sh", "-c", 'trap "" XFSZ; exec "$@"', "sh", *line],  # noqa: S607
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            wait_for(process, lambda: log.exists() and log.read_text().count("\n") > 1)
            limit = (log.stat().st_size + 10, resource.RLIM_INFINITY)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
            assert any(f"warning: cannot write {log}: " in said for said in process.stderr)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
            rows = log.read_text().count("\n")
            wait_for(process, lambda: log.read_text().count("\n") > rows + 1)
        finally:
            process.kill()
    names, *epochs = log.read_text().splitlines()
    assert [len(row.split(",")) for row in epochs] == [len(names.split(","))] * len(epochs)
    assert [row.split(",")[0] for row in epochs] == [str(n + 1) for n in range(len(epochs))]


def test_folders_are_made_with_those_that_they_are_in(cifar10: Path, tmp_path: Path) -> None:
    checkpoints, events = tmp_path / "runs" / "a", tmp_path / "events" / "a" / "b"
    run("train", "--cifar10", cifar10, "--iterations", "1", *NETWORK, "--checkpoints", checkpoints,
        "--tensorboard", events, "--out", tmp_path / "model.h5")  # fmt: skip
    assert list(checkpoints.glob("step-*.h5"))
    assert len(list(events.iterdir())) == 1


def test_the_reason_why_a_folder_cannot_be_made(images: Path, tmp_path: Path) -> None:
    common = ("train", "--folder", images, *ENDLESS, "--out", tmp_path / "model.h5")
    for folder in ("/sys/run", "/sys/runs/a/b"):
        said = run(*common, "--checkpoints", folder, ok=False)
        found = re.fullmatch(rf"Error: cannot make the folder {folder}: (.*)\n", said)
        assert found, said
        assert found[1] != os.strerror(2)


def test_a_folder_is_no_network(images: Path) -> None:
    ended = done("inspect", images.name, cwd=images.parent)
    assert ended.returncode == 1
    assert ended.stderr == "Error: images is a folder, expected a file or the name of a network\n"
    # Which results are often named for.
    (images / "resnet20").mkdir()
    assert done("inspect", "resnet20", cwd=images).returncode == 0


def test_nothing_is_recorded(tmp_path: Path) -> None:
    out = tmp_path / "none"
    said = run("experiment", "table6", "--out", out, "--report-only", ok=False)
    assert "what is: nothing; --cifar10 instead of --report-only trains them\n" in said
    assert not out.exists()


def test_processes_that_do_not_know_of_each_other(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ("train", "--folder", images, *NETWORK, *VIEW, "--iterations", "1", "--batch-size",
              "8", "--out", tmp_path / "model.h5")  # fmt: skip
    assert "warning" not in run(*common)
    monkeypatch.setenv("PMI_SIZE", "1")
    assert "warning" not in run(*common)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    said = run(*common)
    assert "warning: this is one of 2 processes, each of which trains by itself; --mpi has" in said


def test_every_flag_in_a_configuration(images: Path, tmp_path: Path) -> None:
    said = run("help", "train").partition("IMAGES:")[2]
    flags = set(re.findall(r"^  --([a-z-]+)(?: |$)(?! *<)", said, re.MULTILINE))
    flags -= {"version"}
    assert {"skip-damaged", "no-winograd", "sync-bn", "mpi", "resume"} <= flags
    config = tmp_path / "config.txt"
    for flag in sorted(flags):
        config.write_text(f"{flag} = perhaps\n")
        said = run("train", "--config", config, "--folder", images, ok=False)
        assert f'{config}:1: {flag} is "perhaps", expected true or false' in said
