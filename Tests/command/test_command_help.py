"""What the command says of itself: the examples in its help, its exit status, its completions."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

import resnet
from cli import ROOT, command, done, run

if TYPE_CHECKING:
    from pathlib import Path

SUBCOMMANDS = re.findall(r"^  (\w+) {4,}", run("help").partition("SUBCOMMANDS:")[2], re.MULTILINE)


# Of hours.
LONG = ("train", "experiment")


def examples(subcommand: str) -> list[str]:
    """The command lines in a subcommand's help, on a terminal that is wide enough for them."""
    said = subprocess.run(
        command("help", subcommand),
        env=os.environ | {"COLUMNS": "200"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    overview = said.partition("USAGE:")[0]
    return re.findall(r"^ {4}(.*\bresnet .*)$", overview, re.MULTILINE)


@pytest.fixture
def prepared(trained: Path, images: Path, tmp_path: Path) -> Path:
    """A folder with all that the examples name."""
    shutil.copy(trained / "model.h5", tmp_path)
    shutil.copytree(images / "val", tmp_path / "photos")
    # Enough for a batch of 128.
    for path in (images / "train").glob("*/*.jpg"):
        for copy in range(5):
            shutil.copy(path, path.with_stem(f"{path.stem}-{copy}"))
    shutil.copy(images / "val" / "red" / "0.jpg", tmp_path / "cat.jpg")
    resnet.load(trained / "model.h5").export(tmp_path / "weights.pth")
    cifar = tmp_path / "cifar-10-batches-bin"
    cifar.mkdir()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        records = np.random.default_rng(0).integers(0, 10, (1100, 3073), np.uint8)
        (cifar / f"{name}.bin").write_bytes(records.tobytes())
    return tmp_path


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_examples(prepared: Path, subcommand: str) -> None:
    found = examples(subcommand)
    assert found
    environment = os.environ | {
        "PATH": f"{ROOT}/build:{os.environ['PATH']}",
        # More ranks than cores, as root, in a container.
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }
    for line in found:
        with subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", f"exec {line}" if "|" not in line else line],  # noqa: S607
            cwd=prepared,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                _, said = process.communicate(timeout=15 if subcommand in LONG else 120)
                assert process.returncode == 0, f"{line}: {said}"
            except subprocess.TimeoutExpired:
                # The paper's trainings take hours.
                assert subcommand in LONG, line
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=60)
                # mpirun has a status of its own for that.
                stopped = 1 if line.startswith("mpirun") else 128 + signal.SIGINT
                assert process.returncode == stopped, f"{line}: {said}"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--version",), 0),
        (("help",), 0),
        (("predict", "--help"), 0),
        (("inspect", "resnet20"), 0),
        (("inspect", "none.h5"), 1),
        (("predict", "none.h5", "cat.jpg"), 1),
        (("evaluate", "none.h5", "--folder", "."), 1),
        (("recipe", "none"), 1),
        (("inspect",), 64),
        (("inspect", "resnet20", "--none"), 64),
        (("none",), 64),
        (("bench", "resnet20", "--batch", "many"), 64),
    ],
)
def test_exit_status(arguments: tuple[str, ...], status: int, tmp_path: Path) -> None:
    ended = done(*arguments, cwd=tmp_path)
    assert ended.returncode == status
    if status == 0:
        assert ended.stderr == ""
    else:
        assert ended.stdout == ""
        assert ended.stderr.startswith("Error: ")
    if status == 1:
        assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("line", ["{}", "help {}", "{} --help"])
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("trian", "did you mean 'train'? (see resnet --help)"),
        ("eval", "did you mean 'evaluate'? (see resnet --help)"),
        ("frobnicate", "there are inspect, recipe, train, "),
    ],
)
def test_subcommands_that_are_none(line: str, word: str, said: str) -> None:
    ended = done(*line.format(word).split())
    assert ended.returncode == 64
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"Error: there is no subcommand '{word}'; {said}")


def test_a_signal_ends_what_is_not_training(tmp_path: Path) -> None:
    line = command("bench", "resnet20", "--seconds", "3600", "--threads", "1")
    with subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        # A shell makes 128 and the number of it.
        assert process.wait(60) == -signal.SIGTERM


def script(shell: str, folder: Path) -> Path:
    """A file with the completions for a shell, under the name that it wants."""
    path = folder / {"bash": "resnet", "zsh": "_resnet", "fish": "resnet.fish"}[shell]
    path.write_text(run("--generate-completion-script", shell))
    return path


def said_by(*line: str) -> list[str]:
    """The words that a shell prints."""
    ended = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout.split()


BASH = """
source "$0"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
complete=$(complete -p resnet)
complete=${complete#*-F }
${complete%% *} resnet "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pre",), {"predict"}),
        (("convert", "--to", "key"), set()),
        (("convert", "--to", "k"), {"keras", "keras3"}),
        (("bench", "resnet15"), {"resnet152"}),
        (("train", "--network", "resnet15"), {"resnet152"}),
        (("train", "--recipe", "imagenet-"), {"imagenet-common"}),
        (("predict", "--to"), {"--top"}),
    ],
)
def test_completions_of_bash_and_fish(
    tmp_path: Path, words: tuple[str, ...], expected: set[str]
) -> None:
    bash = said_by("bash", "-c", BASH, str(script("bash", tmp_path)), "resnet", *words)
    assert {word.strip() for word in bash} == expected
    fish = said_by(
        "fish", "--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]" | cut -f1',
        str(script("fish", tmp_path)), " ".join(("resnet", *words)),
    )  # fmt: skip
    assert set(fish) == expected


def test_completions_of_zsh(tmp_path: Path) -> None:
    path = script("zsh", tmp_path)
    said_by("zsh", "-n", str(path))
    loaded = 'fpath=("$1" $fpath); autoload -U compinit; compinit -D; print $_comps[resnet]'
    assert said_by("zsh", "-f", "-c", loaded, "zsh", str(tmp_path)) == ["_resnet"]
    for subcommand in SUBCOMMANDS:
        assert f"'{subcommand}:" in path.read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train --lr abc", "The value 'abc' is invalid for '--lr <lr>': Learning rate of"),
        ("train --checkpoint-every 0", "a number of steps, or a time such as 30s or 2h. (default"),
        ("train --seed -1", "is invalid for '--seed <seed>': Seed of the weights, of the order of"),
        ("train --cifar10", "Missing value for '--cifar10 <directory>': Directory of the CIFAR-10"),
        ("train --normalize no", "one of 'pixels', 'channels' or 'none'. What is subtracted"),
        ("train --bogus", "give the images by --cifar10 or by --folder"),
        ("train --foler=a", "there is no option '--foler=a'; give the images by --cifar10 or by"),
        ("evaluate m.h5 --cifr10 a", "there is no option '--cifr10'; give the images by"),
        ("features m.h5 a.jpg --ot f.h5", "there is no option '--ot'; give the file to write"),
        ("experiment depth --cifar a", "there is no option '--cifar'; give the images to train"),
        ("predict", "Missing expected argument '<model>': A model file (*.h5)."),
        ("predict m.h5 a.jpg --top 0", "--top is 0, expected 1 class or more"),
        ("experiment", "Missing expected argument '<experiment>': Which."),
        ("trian", "there is no subcommand 'trian'; did you mean 'train'?"),
    ],
)
def test_what_is_wrong_with_a_command_line_is_one_line(line: str, message: str) -> None:
    ended = done(*line.split())
    assert ended.returncode == os.EX_USAGE
    assert ended.stdout == ""
    (said,) = ended.stderr.splitlines()
    assert said.startswith("Error: ")
    assert message in said
    subcommand = line.partition(" ")[0]
    place = subcommand + " --help" if subcommand in SUBCOMMANDS else "--help"
    assert said.endswith(f" (see resnet {place})")
