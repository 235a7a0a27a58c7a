"""`resnet train --from`: a trained model learns further."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import resnet
from cli import done, run

if TYPE_CHECKING:
    from pathlib import Path

# The crop is that of the model's mean per pixel.
SHORT = ("--batch-size", "8", "--threads", "1", "--variation", "none")
# Trainable weights stay as they are.
AT_REST = (*SHORT, "--iterations", "1", "--lr", "0")


def train(images: Path, *arguments: str | Path, ok: bool = True) -> str:
    return run("train", "--folder", images, *arguments, ok=ok)


def trainable(path: Path) -> dict[str, np.ndarray]:
    """The tensors that SGD updates."""
    state = resnet.load(path).state_dict()
    return {name: values for name, values in state.items() if "running" not in name}


@pytest.fixture
def others(images: Path) -> Path:
    """Images of three other classes."""
    for part in ("train", "val"):
        (images / part / "red").rename(images / part / "scarlet")
        shutil.copytree(images / part / "scarlet", images / part / "white")
    return images


def test_the_same_classes(images: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    said = train(images, "--from", model, *AT_REST, "--out", out)
    assert f"beginning with {model} (resnet8, 2 classes), as the images have\n" in said
    before, after = trainable(model), trainable(out)
    assert all(np.array_equal(after[name], before[name]) for name in before)
    old, new = resnet.load(model), resnet.load(out)
    assert new.class_names == old.class_names
    assert old.normalization.mean is not None
    assert new.normalization.mean is not None
    assert np.array_equal(new.normalization.mean, old.normalization.mean)
    # A tenth of the rate for random weights; and a checkpoint's model will do.
    checkpoint = model.with_name("step.h5")
    said = train(images, "--from", checkpoint, *SHORT, "--iterations", "1", "--out", out)
    assert "\nlr = 0.01\n" in said
    before, after = trainable(checkpoint), trainable(out)
    assert not np.array_equal(after["fc.weight"], before["fc.weight"])
    assert np.allclose(after["fc.weight"], before["fc.weight"], atol=0.05)


def test_classes_in_another_order_are_matched_by_name(
    images: Path, model: Path, tmp_path: Path
) -> None:
    turned = resnet.load(model)
    state = turned.state_dict()
    for name in ("fc.weight", "fc.bias"):
        state[name] = state[name][::-1].copy()
    turned.load_state_dict(state)
    turned.class_names = ["red", "blue"]
    turned.save(tmp_path / "turned.h5")
    said = train(images, "--from", tmp_path / "turned.h5", *AT_REST, "--out", tmp_path / "out.h5")
    assert "as the images have" in said
    assert resnet.load(tmp_path / "out.h5").class_names == ["red", "blue"]
    figures = [
        run("evaluate", path, "--folder", images).rsplit(",", 1)[0]
        for path in (model, tmp_path / "turned.h5")
    ]
    assert figures[0] == figures[1]


def test_other_classes(others: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    said = train(others, "--from", model, *AT_REST, "--out", out)
    assert (
        f"beginning with {model} (resnet8, 2 classes); the images' 3 classes are not these, "
        "so fc is drawn anew\n" in said
    )
    assert resnet.load(out).class_names == ["blue", "scarlet", "white"]
    before, after = trainable(model), trainable(out)
    for name in before:
        assert np.array_equal(after[name], before[name]) != name.startswith("fc.")
    # Another seed draws another classifier, and as many classes of other names are others, too.
    shutil.rmtree(others / "train" / "white")
    shutil.rmtree(others / "val" / "white")
    said = train(others, "--from", model, *AT_REST, "--seed", "1", "--out", out)
    assert "the images' 2 classes are not these, so fc is drawn anew" in said
    assert not np.array_equal(trainable(out)["fc.weight"], after["fc.weight"][:2])


def test_classes_without_names(images: Path, model: Path, tmp_path: Path) -> None:
    nameless = resnet.load(model)
    nameless.class_names = []
    nameless.save(tmp_path / "nameless.h5")
    said = train(images, "--from", tmp_path / "nameless.h5", *AT_REST, "--out", tmp_path / "out.h5")
    assert "(resnet8, 2 classes), without names: they are taken for the images' classes" in said
    assert np.array_equal(
        trainable(tmp_path / "out.h5")["fc.weight"], trainable(model)["fc.weight"]
    )
    nameless = nameless.replace_classifier(4)
    nameless.save(tmp_path / "nameless.h5")
    said = train(images, "--from", tmp_path / "nameless.h5", *AT_REST, "--out", tmp_path / "out.h5")
    assert "(resnet8, 4 classes); the images' 2 classes are not these, so fc is" in said


def test_frozen_layers(others: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    frozen = ("conv1", "bn1", "layer1", "layer2.0.conv1")
    train(others, "--from", model, "--freeze", ",".join(frozen), *SHORT, "--epochs", "1",
          "--out", out)  # fmt: skip
    before, after = resnet.load(model).state_dict(), resnet.load(out).state_dict()
    for name, values in before.items():
        if name.startswith("fc."):
            continue
        is_frozen = any(name.startswith(f"{layer}.") for layer in frozen)
        assert np.array_equal(after[name], values) == is_frozen, name


def test_what_is_kept_makes_the_same_model(others: Path, model: Path, tmp_path: Path) -> None:
    one, other, kept = tmp_path / "one.h5", tmp_path / "other.h5", tmp_path / "kept.txt"
    said = train(others, "--from", model, "--freeze", "conv1,bn1", *SHORT, "--epochs", "1",
                 "--out", one)  # fmt: skip
    kept.write_text(run("inspect", one, "--metadata", "resnet.training"))
    assert kept.read_text() in said
    lines = kept.read_text().splitlines()
    assert lines[:2] == [f"from = {model}", "freeze = conv1,bn1"]
    assert "crop = 32" in lines
    names = [line.split(" = ")[0] for line in lines]
    assert not {"network", "classes", "normalize"} & set(names)
    train(others, "--config", kept, "--out", other)
    assert other.read_bytes() == one.read_bytes()
    # Another network takes the place of the file's model, and another model that of a network.
    said = train(others, "--config", kept, "--network", "resnet8", "--out", other)
    assert "network = resnet8" in said
    assert "freeze" not in said
    # The learning rate was for the other; one that is for neither stays.
    assert "\nlr = 0.01\n" in kept.read_text()
    assert "\nlr = 0.1\n" in said
    kept.write_text(run("inspect", model, "--metadata", "resnet.training"))
    assert "network = resnet8" in kept.read_text()
    assert "\nlr = 0.05\n" in kept.read_text()
    said = train(others, "--config", kept, "--from", model, "--epochs", "1", "--out", other)
    assert f"from = {model}" in said
    assert "\nlr = 0.01\n" in said
    kept.write_text("lr = 0.002\nbatch-size = 8\nvariation = none\n")
    said = train(others, "--config", kept, "--from", model, "--epochs", "1", "--out", other)
    assert "\nlr = 0.002\n" in said


def test_resumption(others: Path, model: Path, tmp_path: Path) -> None:
    base, folder, out = tmp_path / "base.h5", tmp_path / "run", tmp_path / "out.h5"
    shutil.copy(model, base)
    common = (*SHORT, "--epochs", "2", "--checkpoints", folder, "--checkpoint-every", "3",
              "--keep", "9", "--out", out)  # fmt: skip
    begun = ("--from", base, "--freeze", "conv1")
    train(others, *begun, *common)
    whole = out.read_bytes()
    out.unlink()
    for path in sorted(folder.glob("step-*.h5"))[1:]:
        path.unlink()
    refused = train(others, "--from", model, "--freeze", "conv1", *common, "--resume", ok=False)
    assert f"options say: from = {model} instead of {base};" in refused
    refused = train(others, "--from", base, *common, "--resume", ok=False)
    assert "options say: no freeze = conv1;" in refused
    refused = train(others, *common, "--resume", ok=False)
    assert f"no from = {base}" in refused
    # It is the same by another name, or by a link.
    (tmp_path / "link.h5").symlink_to(base)
    for number, name in enumerate((f"{tmp_path}/./base.h5", f"{tmp_path}/link.h5")):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(folder, copy)
        said = train(others, "--from", name, "--freeze", "conv1", *common, "--resume",
                     "--checkpoints", copy)  # fmt: skip
        assert "resuming after 3 steps" in said
        out.unlink()
    # What it began with is in the checkpoint.
    base.unlink()
    said = train(others, *begun, *common, "--resume")
    assert "resuming after 3 steps" in said
    assert "drawn anew" not in said
    assert out.read_bytes() == whole
    said = train(others, "--from", f"{tmp_path}//base.h5", "--freeze", "conv1", *common, "--resume")
    assert "the training has ended" in said


def test_no_warm_up(images: Path, model: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    train(images, "--from", model, *SHORT, "--recipe", "cifar-resnet110", "--hold-out", "0", "--lr",
          "0.001", "--iterations", "1", "--log", log, "--out", tmp_path / "out.h5")  # fmt: skip
    names, row = (line.split(",") for line in log.read_text().splitlines())
    assert row[names.index("lr")] == "0.001"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--freeze", "conv1"), (64, "--freeze is for a trained model: give it by --from")),
        (("--from", "{model}", "--freeze", "conv1,"), (64, "conv1,")),
        (("--from", "{model}", "--network", "resnet20"), (64, "--network and --from both say")),
        (("--from", "{model}", "--classes", "3"), (64, "--classes and --from both say")),
        (("--from", "{model}", "--stem-pool", "ceil"), (64, "--stem-pool and --from both say")),
        (("--from", "none.h5"), (1, "cannot load none.h5: no such file")),
        (("--from", "{model}", "--freeze", "layer4"), (1, 'no layer, block or stage "layer4"')),
        (("--from", "{model}", "--normalize", "channels"), (1, "leave --normalize out")),
        (("--from", "{model}", "--channels", "1"), (1, "the training images have 1 channels")),
        (("--from", "{model}", "--out", "{model}"), (1, "give another file by --out")),
    ],
)
def test_what_is_refused(
    images: Path, model: Path, tmp_path: Path, arguments: tuple[str, ...], expected: tuple[int, str]
) -> None:
    status, message = expected
    before = model.read_bytes()
    given = [argument.replace("{model}", str(model)) for argument in arguments]
    ended = done("train", "--folder", images, *SHORT, *given, cwd=tmp_path)
    assert ended.returncode == status
    assert message in ended.stderr.splitlines()[0]
    assert not (tmp_path / "model.h5").exists()
    assert model.read_bytes() == before


def test_weights_of_another_program(images: Path, model: Path, tmp_path: Path) -> None:
    # A crop of their own: weights have no mean.
    seen = ("--crop", "32", "--resize", "36")
    resnet.load(model).export(tmp_path / "w.safetensors")
    said = train(images, "--from", tmp_path / "w.safetensors", *SHORT, "--out",
                 tmp_path / "out.h5", ok=False)  # fmt: skip
    assert f"`resnet convert {tmp_path}/w.safetensors model.h5` makes one of it" in said
    # Converted without saying what pixels are to be, which is then said.
    raw = tmp_path / "raw.h5"
    run("convert", tmp_path / "w.safetensors", raw)
    said = train(images, "--from", raw, *AT_REST, *seen, "--out", tmp_path / "out.h5")
    assert f"warning: {raw} does not normalise images" in said
    said = train(images, "--from", raw, *AT_REST, *seen, "--normalize", "pixels",
                 "--out", tmp_path / "out.h5")  # fmt: skip
    assert "warning" not in said
    assert "normalize = pixels" in said
    assert resnet.load(tmp_path / "out.h5").normalization.mean is not None
    # As is kept; another such model in its place is normalised so, too.
    kept = tmp_path / "kept.txt"
    kept.write_text(run("inspect", tmp_path / "out.h5", "--metadata", "resnet.training"))
    shutil.copy(raw, tmp_path / "other.h5")
    said = train(images, "--config", kept, "--from", tmp_path / "other.h5",
                 "--out", tmp_path / "out.h5")  # fmt: skip
    assert "normalize = pixels" in said


def test_grey_images(images: Path, tmp_path: Path) -> None:
    for path in images.glob("*/*/*.jpg"):
        Image.open(path).convert("L").save(path)
    base = tmp_path / "base.h5"
    train(images, "--network", "resnet8", "--channels", "1", "--crop", "32", *SHORT,
          "--iterations", "1", "--out", base)  # fmt: skip
    said = train(images, "--from", base, *AT_REST, "--out", tmp_path / "out.h5")
    assert "as the images have" in said
    assert resnet.load(tmp_path / "out.h5").input_channels == 1
