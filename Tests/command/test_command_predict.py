"""`resnet predict`: the classes of image files."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import resnet
from cli import CLASSES, done, run


@pytest.fixture
def photos(folder: Path, tmp_path: Path) -> Path:
    """A folder with a folder in it, and one damaged file."""
    top = tmp_path / "photos"
    (top / "more").mkdir(parents=True)
    for name in CLASSES:
        shutil.copy(folder / "val" / name / "0.jpg", top / f"{name}.jpg")
        Image.open(folder / "val" / name / "1.jpg").save(top / "more" / f"{name}.PNG")
    (top / "damaged.jpg").write_bytes(b"\xff\xd8\xff")
    (top / "notes.txt").write_text("no image")
    # Links to folders are not followed: this one leads back.
    (top / "more" / "up").symlink_to(top)
    return top


def test_what_is_shown(model: Path, photos: Path) -> None:
    ended = done("predict", model, photos, "--top", "1")
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert lines[::2] == [
        f"{photos}/{name}" for name in ("blue.jpg", "more/blue.PNG", "more/red.PNG", "red.jpg")
    ]
    assert [line.split()[1] for line in lines[1::2]] == ["blue", "blue", "red", "red"]
    assert all(line.split()[0].endswith("%") for line in lines[1::2])
    assert ended.stderr.splitlines() == [
        f"Error: {photos}/damaged.jpg cannot be decoded: the file is truncated",
        "Error: 1 of 5 images could not be predicted",
    ]


def test_json_is_what_the_library_says(model: Path, photos: Path) -> None:
    image = photos / 'quo"te\\ and\ttab.jpg'
    (photos / "blue.jpg").rename(image)
    names = [str(image), str(photos / "red.jpg"), str(photos / "missing.jpg")]
    ended = done("predict", model, "-", "--json", stdin="\n".join([*names, "", ""]))
    assert ended.returncode == 1
    objects = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [found["image"] for found in objects] == names
    assert "cannot be opened" in objects[2]["error"]
    library = resnet.load(model)
    for found in objects[:2]:
        # The middle 32x32 of 36x45, as the model was trained.
        view = Image.open(found["image"]).resize((45, 36), Image.Resampling.BILINEAR)
        pixels = np.asarray(view)[2:34, 6:38].transpose(2, 0, 1)[np.newaxis]
        expected = library.probabilities(np.ascontiguousarray(pixels))[0]
        best = expected.argsort()[::-1]
        assert [entry["class"] for entry in found["classes"]] == best.tolist()
        assert [entry["name"] for entry in found["classes"]] == [CLASSES[label] for label in best]
        assert [entry["probability"] for entry in found["classes"]] == pytest.approx(
            expected[best], rel=1e-5
        )


def test_views_and_classes_without_names(model: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "damaged.jpg").unlink()
    single, ten = (
        [json.loads(line)["classes"] for line in said.splitlines()]
        for said in (
            run("predict", model, photos, "--json"),
            run("predict", model, photos, "--json", "--views", "10-crop"),
        )
    )
    assert single != ten
    assert [classes[0]["class"] for classes in single] == [classes[0]["class"] for classes in ten]
    library = resnet.load(model)
    library.class_names = []
    library.save(tmp_path / "nameless.h5")
    said = run("predict", tmp_path / "nameless.h5", photos / "red.jpg")
    assert "%  class 1" in said
    said = run("predict", tmp_path / "nameless.h5", photos / "red.jpg", "--json")
    assert json.loads(said)["classes"][0]["name"] is None


def test_a_view_that_does_not_suit_one_of_the_images(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.png"
    Image.new("RGB", (20, 20)).save(small)
    ended = done("predict", model, small, photos / "red.jpg", "--resize", "0", "--crop", "32")
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"{photos}/red.jpg\n")
    assert f"Error: {small}: a crop of 32x32 is larger than the image of 20x20" in ended.stderr


def test_a_damaged_model_is_one_error(model: Path, photos: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.h5"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    ended = done("predict", damaged, photos)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "its checksum is wrong" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 64, "give images: files, folders"),
        (("a.jpg", "--top", "0"), 64, "--top is 0"),
        (("a.jpg", "--scales", "32"), 64, "multi-scale"),
        (("-",), 1, "there are no images"),
        (("{empty}",), 1, "has no *.jpg"),
    ],
)
def test_what_is_refused(
    model: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    given = [argument.replace("{empty}", str(tmp_path)) for argument in arguments]
    ended = done("predict", model, *given, stdin="")
    assert ended.returncode == status
    assert message in ended.stderr
    assert ended.stdout == ""


def test_models_that_are_none(model: Path, photos: Path, tmp_path: Path) -> None:
    resnet.load(model).export(tmp_path / "w.safetensors")
    said = run("predict", tmp_path / "w.safetensors", photos, ok=False)
    assert f"`resnet convert {tmp_path}/w.safetensors model.h5` makes one of it" in said
    vectors = resnet.Model("resnet8", input_channels=5)
    vectors.save(tmp_path / "five.h5")
    said = run("predict", tmp_path / "five.h5", photos, ok=False)
    assert "images of 5 channels, which JPEG and PNG files do not have" in said


def test_names_that_are_not_text(model: Path, folder: Path, tmp_path: Path) -> None:
    """Hidden ones are nobody's concern, others are named."""
    shutil.copy(folder / "val" / "red" / "0.jpg", tmp_path / "0.jpg")
    hidden, shown = (os.fsencode(tmp_path) + name for name in (b"/.\xff", b"/\xff.jpg"))
    Path(os.fsdecode(hidden)).touch()
    assert str(tmp_path / "0.jpg") in run("predict", model, tmp_path)
    Path(os.fsdecode(shown)).touch()
    assert f"a file name in {tmp_path} is not UTF-8" in run("predict", model, tmp_path, ok=False)
