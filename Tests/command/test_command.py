"""The command `resnet` on image files, from training to testing by 10 crops."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from cli import DAMAGED, NETWORK, SHORT, VIEW, command, killed_at_random, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("recipe", [None, "imagenet", "imagenet-common"])
def test_training_and_testing(folder: Path, tmp_path: Path, recipe: str | None) -> None:
    model = tmp_path / "model.h5"
    chosen = ("--recipe", recipe) if recipe else ()
    lines = run(
        "train", "--folder", folder, "--skip-damaged", "--epochs", "2",
        "--batch-size", "8", "--lr", "0.01", "--out", model, *chosen, *NETWORK, *VIEW,
    )  # fmt: skip
    assert "of 12 images, saved" in lines
    assert DAMAGED in lines
    if recipe == "imagenet":
        # In proportion to --resize.
        assert "side = 36,68" in lines
    if recipe == "imagenet-common":
        # Two epochs of three steps, and drops after the same shares as of 90 epochs.
        assert "milestones = 2,4" in lines
    # The folder of folders, and the folder itself.
    for given in (folder, folder / "val"):
        said = run(
            "evaluate", model, "--folder", given, "--skip-damaged",
            "--views", "10-crop", *VIEW,
        )  # fmt: skip
        assert "of 12 images" in said
        assert "10 views each" in said
        assert DAMAGED in said
    refused = run("evaluate", model, "--folder", folder, *VIEW, ok=False)
    assert DAMAGED in refused
    assert "--skip-damaged leaves damaged files out" in refused
    # What is seen follows the model's mean per pixel, if it has one.
    if recipe is None:
        said = run("evaluate", model, "--folder", folder, "--skip-damaged")
        assert "of 12 images" in said


def test_an_evaluation_in_json(images: Path, model: Path) -> None:
    place = ("evaluate", model, "--folder", images, *VIEW, "--by-class", "--responses")
    lines = run(*place).splitlines()
    found = json.loads(run(*place, "--json"))
    assert lines[0].startswith(
        f"test accuracy {100 * found['accuracy']:.2f}% of {found['images']} images, top-5 "
        f"{100 * found['top5_accuracy']:.2f}%, loss {found['loss']:.4f}, "
    )
    figures = [
        f"{one['name']}: recall {100 * one['recall']:.2f}%, precision {100 * one['precision']:.2f}%"
        for one in found["classes"]
    ]
    figures += [f"{one['layer']}: {one['standard_deviation']:.6f}" for one in found["responses"]]
    assert lines[1:] == figures
    # The rows are the true classes.
    assert [sum(row) for row in found["confusion"]] == [6, 6]
    right = sum(found["confusion"][label][label] for label in (0, 1))
    assert right == round(found["accuracy"] * found["images"])
    assert (found["views"], found["damaged"]) == (1, [])
    # Without these options it has none of theirs, and a class without images has no recall.
    assert not {"classes", "confusion", "responses"} & json.loads(run(*place[:-2], "--json")).keys()
    shutil.rmtree(images / "val" / "red")
    found = json.loads(run(*place, "--json"))
    assert found["classes"][1]["recall"] is None
    # Of some classes nothing has the name.
    run("train", "--folder", images, *SHORT, "--classes", "5", "--out", images / "5.h5")
    found = json.loads(run(place[0], images / "5.h5", *place[2:], "--json"))
    assert [one["name"] for one in found["classes"]] == ["blue", None, None, None, None]


def test_a_recipe_for_files_needs_files(tmp_path: Path) -> None:
    said = run(
        "train", "--recipe", "imagenet", "--cifar10", tmp_path,
        "--out", tmp_path / "model.h5", ok=False,
    )  # fmt: skip
    assert "give them by --folder" in said


def test_classes_are_matched_by_name(images: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.h5"
    # Without one of the classes, what is left has another number.
    shutil.rmtree(images / "val" / "blue")
    said = run("train", "--folder", images, "--out", model, *SHORT)
    assert "of 6 images, saved" in said
    assert 'warning: there are no images to evaluate on of 1 of the 2 classes: "blue"\n' in said
    said = run("evaluate", model, "--folder", images, "--by-class", *VIEW)
    assert "blue: recall none" in said
    (images / "val" / "red").rename(images / "val" / "green")
    said = run("train", "--folder", images, "--out", tmp_path / "none.h5", *SHORT, ok=False)
    assert 'the training data does not have: "green"' in said
    assert not (tmp_path / "none.h5").exists()
    said = run("evaluate", model, "--folder", images, *VIEW, ok=False)
    assert 'resnet8 does not have: "green"' in said


def test_training_without_images_to_evaluate_on(images: Path, tmp_path: Path) -> None:
    shutil.rmtree(images / "val")
    base = ("train", "--folder", images, "--out", tmp_path / "model.h5", *SHORT)
    said = run(*base)
    assert "none to evaluate on, as there is no val folder and no --hold-out\n" in said
    assert "test error" not in said
    assert "validation error" in run(*base, "--hold-out", "6")
    said = run(*base, "--recipe", "imagenet", ok=False)
    assert "--hold-out" in said
    said = run(*base, "--recipe", "cifar", ok=False)
    assert "the recipe cifar holds out 5000" in said
    assert "there are 24; say how many by --hold-out" in said
    said = run(*base, "--recipe", "cifar", "--hold-out", "8")
    assert "warning" not in said
    said = run(*base, "--hold-out", "24", ok=False)
    assert "there are 24 training images: give at most 23, or fewer" in said


def test_grey_images(images: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.h5"
    for grey in ("--channels", "--input-channels"):
        said = run(
            "train", "--folder", images, "--out", model, "--recipe", "imagenet",
            "--normalize", "channels", "--side", "40,50", grey, "1", *SHORT,
        )  # fmt: skip
        assert "side = 40,50" in said
        assert "normalize = channels" in said
        assert "of 12 images" in run("evaluate", model, "--folder", images, *VIEW)


def test_places_that_are_none(images: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "model.h5")
    for place, words in {
        images / "train": ("folders blue, red", "give the folder that"),
        images / "val": ("folders blue, red", "move them into a folder train"),
        images / "train" / "red": ("no folders, but files such as 0.jpg",),
    }.items():
        said = run("train", "--folder", place, *out, *SHORT, ok=False)
        assert f"expected training images in {place}/train/CLASS/*.jpg" in said
        for word in words:
            assert word in said
    run("train", "--folder", images, *out, *SHORT)
    shutil.rmtree(images / "val")
    # What it was trained on is nothing to evaluate it on.
    said = run("evaluate", out[1], "--folder", images, *VIEW, ok=False)
    assert (
        f"{images} has no folder val: expected images to evaluate on in {images}/val/CLASS" in said
    )
    (images / "train").rename(images / "training")
    said = run("evaluate", out[1], "--folder", images, *VIEW, ok=False)
    assert "looks like what holds train/CLASS and val/CLASS" in said
    (images / "training").rename(images / "train")
    # But a class may be called so.
    shutil.copytree(images / "train" / "red", images / "stations" / "train")
    said = run("evaluate", out[1], "--folder", images / "stations", *VIEW, ok=False)
    assert 'resnet8 does not have: "train"' in said
    shutil.rmtree(images / "stations")
    said = run("evaluate", out[1], "--folder", images / "train/red", *VIEW, ok=False)
    assert "if it is a class, give the folder that it is in" in said
    assert "remove" not in said
    for name in (tmp_path, f"{tmp_path}/", f"{tmp_path}/missing/model.h5"):
        said = run("train", "--folder", images, "--out", name, *SHORT, ok=False)
        assert "epoch" not in said
        assert str(tmp_path) in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--cifar10", ".", "--folder", "."), "two places"),
        (("train", "--cifar10", ".", "--variation", "common"), "--variation is for image files"),
        (("train", "--cifar10", ".", "--crop", "32"), "--crop is for image files"),
        (("train", "--cifar10", ".", "--skip-damaged"), "--skip-damaged is for image files"),
        (("train", "--folder", ".", "--no-augmentation", "--variation", "none"), "give one"),
        (("train", "--folder", ".", "--side", "3,4", "--variation", "common"), "--side is for"),
        (("train", "--folder", ".", "--side", "5,4"), "5,4"),
        (("train", "--folder", ".", "--hold-out", "-1"), "hold-out"),
        (("train", "--folder", ".", "--resume"), "--resume needs --checkpoints"),
        (("train", "--folder", ".", "--keep", "2"), "--keep needs --checkpoints"),
        (
            ("train", "--folder", ".", "--checkpoint-every", "9"),
            "--checkpoint-every needs --checkpoints",
        ),
        (("train", "--folder", ".", "--checkpoints", "r", "--keep", "0"), "--keep is 0"),
        (("train", "--folder", ".", "--out", "m.pth"), '--out is "m.pth", expected the name of'),
        (("evaluate", "m.h5", "--folder", ".", "--scales", "32"), "multi-scale"),
        (("evaluate", "m.h5", "--folder", ".", "--views", "10-crop", "--mirror"), "multi-scale"),
        (("evaluate", "m.h5", "--folder", ".", "--average", "scores"), "--views"),
        (("inspect", "ResNet50"), 'did you mean "resnet50"?'),
        (("inspect", "resnet20", "--stem-pool", "ceil"), "stem cifar has none"),
        (("inspect", "resnet18", "--stride-on", "3x3"), "resnet18 has none: leave it out"),
        (("inspect", "resnet18", "--zero-channels", "split"), "option A, and resnet18 has B"),
        (("inspect", "plain20", "--zero-channels", "after"), "option A, and plain20 has none"),
    ],
)
def test_options_that_have_no_effect(arguments: tuple[str, ...], message: str) -> None:
    assert message in run(*arguments, ok=False)


def test_where_the_stem_pools() -> None:
    assert "3x3 max pool, stride 2, ceil" in run("inspect", "resnet50", "--stem-pool", "ceil")
    assert "ceil" not in run("inspect", "resnet50", "--stem-pool", "padded")


def test_responses_need_bn(images: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.h5"
    run(
        "train", "--folder", images, "--network", "fitnet19", "--iterations", "1",
        "--batch-size", "2", "--lr", "0.0001", "--crop", "32", "--resize", "36", "--out", model,
    )  # fmt: skip
    said = run("evaluate", model, "--folder", images, "--responses", *VIEW, ok=False)
    assert "no layers with BN" in said
    assert "accuracy" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_training_and_keep_the_model(
    images: Path, tmp_path: Path, number: signal.Signals
) -> None:
    model, printed = tmp_path / "model.h5", tmp_path / "printed"
    line = command(
        "train", "--folder", images, "--epochs", "1000000", "--batch-size", "8",
        "--lr", "0.01", "--recipe", "imagenet-common", "--out", model, *NETWORK, *VIEW,
    )  # fmt: skip
    with (
        printed.open("w") as file,
        subprocess.Popen(line, stdout=file, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        # An epoch is over. What is trained was written before it, though that is a file.
        assert "epoch 1/" in process.stderr.readline()
        assert "imagenet-common" in printed.read_text()
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait(60) == 128 + number
    # Whoever asks is told that it was heard.
    told = "stopping after this step; a second time ends it at once\n"
    assert (told in said) == (number != signal.SIGHUP)
    assert re.search(
        rf"stopped by {number.name} after \d+ steps?, saved {model}; --from {model} trains it "
        r"further; to go on as if it had not stopped needs --checkpoints\n",
        said,
    )
    assert "of 12 images" in run("evaluate", model, "--folder", images, *VIEW)


def test_a_signal_that_is_ignored_stays_so(images: Path, tmp_path: Path) -> None:
    line = command(
        "train", "--folder", images, "--epochs", "50", "--batch-size", "8",
        "--lr", "0.01", "--out", tmp_path / "model.h5", *NETWORK, *VIEW,
    )  # fmt: skip
    # As nohup and shells' background jobs have it.
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *line]
    with subprocess.Popen(ignoring, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "epoch 1/" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert "epoch 50/50" in process.stderr.read()
        assert process.wait(60) == 0


# Rates that drop where the validation error stops falling, and that wait for the training error.
@pytest.mark.parametrize("recipe", ["imagenet", "cifar-resnet110"])
def test_a_killed_training_goes_on_from_its_checkpoint(
    recipe: str, images: Path, tmp_path: Path
) -> None:
    whole, killed, folder = (tmp_path / name for name in ("whole.h5", "killed.h5", "run"))
    # Enough steps that it can be killed in between, each of which is saved.
    common = (
        "train", "--folder", images, "--recipe", recipe, "--hold-out", "0", "--epochs", "60",
        "--batch-size", "8", "--lr", "0.02", *NETWORK[:-2], *VIEW,
    )  # fmt: skip
    run(*common, "--threads", "2", "--out", whole)
    checkpoints = ("--checkpoints", folder, "--checkpoint-every", "1", "--keep", "3")
    line = command(*common, *checkpoints, "--resume", "--out", killed)
    said = killed_at_random(lambda number: [*line, "--threads", f"{1 + number % 3}"])
    assert any("resuming after " in printed for printed in said)
    assert killed.read_bytes() == whole.read_bytes()
    steps = [path.name for path in folder.glob("step-*.h5")]
    assert len(steps) == 3
    # And nothing of those that a kill left unfinished.
    assert {path.name for path in folder.iterdir()} == {*steps, "best.h5", ".lock"}


def test_a_damaged_checkpoint_is_passed_over(images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    common = (
        "train",
        "--folder",
        images,
        *SHORT,
        "--checkpoints",
        folder,
        "--checkpoint-every",
        "1",
    )
    run(*common, "--out", tmp_path / "whole.h5")
    older, newest = sorted(folder.glob("step-*.h5"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    resume = (*common, "--resume", "--out", tmp_path / "resumed.h5")
    said = run(*resume)
    assert f"warning: cannot load {newest}: " in said
    assert f"is damaged: its checksum is wrong; trying {older}" in said
    assert f"from {older}" in said
    assert (tmp_path / "resumed.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    # The step was taken again, and saved.
    assert bytes(content) != newest.read_bytes()
    for path in folder.glob("step-*.h5"):
        path.write_bytes(b"")
    (folder / "best.h5").unlink()
    said = run(*resume, ok=False)
    assert f"warning: cannot load {newest}: it is not an HDF5 file; trying {older}" in said
    assert f"cannot load {newest}: it is not an HDF5 file; no checkpoint in {folder} can be" in said
    assert [path.read_bytes() for path in folder.glob("step-*.h5")] == [b"", b""]


def test_another_variation_cannot_be_resumed(images: Path, tmp_path: Path) -> None:
    common = ("train", "--folder", images, *SHORT, "--checkpoints", tmp_path / "run",
              "--checkpoint-every", "1", "--out", tmp_path / "model.h5")  # fmt: skip
    run(*common)
    said = run(*common, "--resume", "--variation", "common", ok=False)
    assert (
        "begun with training images seen as 3x32x32, a crop of a shorter side of 36 to 68, mirrored"
        in said
    )
    assert "not 3x32x32, 0.08 to 1.0 of the area" in said
    (images / "train" / "red" / "0.jpg").rename(images / "train" / "red" / "00.jpg")
    assert "other training images" in run(*common, "--resume", ok=False)


def test_a_stopped_training_says_how_to_go_on(images: Path, tmp_path: Path) -> None:
    common = (
        "train", "--folder", images, "--batch-size", "8", *NETWORK, *VIEW,
        "--checkpoints", tmp_path / "run", "--out", tmp_path / "model.h5",
    )  # fmt: skip
    line = command(*common, "--epochs", "1000000")
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "epoch 1/" in process.stderr.readline()
        process.terminate()
        said = process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    found = re.search(r"stopped by SIGTERM after (\d+) steps?, saved (\S+); the same command", said)
    assert found
    assert found[2].endswith(f"step-{int(found[1]):09}.h5")
    said = run(*common, ok=False)
    assert "checkpoints of another training" in said
    said = run(*common, "--resume", "--epochs", "1000000", "--lr", "0.5", ok=False)
    assert "lr = 0.5 instead of 0.1" in said
    said = run(*common, "--resume", "--epochs", "1000000", "--shortcut", "B", ok=False)
    assert "options say: shortcut = B" in said
    # Milestones follow from them.
    said = run(*common, "--resume", "--iterations", f"{int(found[1]) + 3}", ok=False)
    assert re.search(
        r"begun with 3000000 steps in all and milestones \[\d+, \d+\], not "
        rf"{int(found[1]) + 3} and \[\d+, \d+\]; .*: give it as it was, choose another folder by "
        rf"--checkpoints, or train its model further by --from {re.escape(found[2])}\n",
        said,
    ), said
