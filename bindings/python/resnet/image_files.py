"""Datasets of image files, which are decoded when they are read."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, SupportsFloat, SupportsIndex, TypeAlias

from . import _header, _values
from ._errors import InvalidArgumentError, ShapeError
from .data import Dataset
from .views import Sight

if TYPE_CHECKING:
    import os

    from .images import Interpolation

Damage: TypeAlias = Literal["fatal", "skip"]

COLOURS = 3


@dataclasses.dataclass(frozen=True)
class Colours:
    """The principal components of a training set's colours, for pixels from 0 to 1.

    Training adds their sum to all pixels of an image, each times its eigenvalue and a number from
    the normal distribution of that deviation (Krizhevsky, Sutskever and Hinton, 2012).

    Attributes:
        eigenvalues: Three, of the covariance of red, green and blue.
        eigenvectors: One for each.
        deviation: Of the normal distribution.
    """

    eigenvalues: Sequence[float] = (0.2175, 0.0188, 0.0045)
    eigenvectors: Sequence[Sequence[float]] = (
        (-0.5675, -0.5808, -0.5836),
        (0.7192, -0.0045, -0.6948),
        (0.4009, -0.8140, 0.4203),
    )
    deviation: float = 0.1


@dataclasses.dataclass(frozen=True)
class Variation:
    """How training varies images, all drawn from (seed, epoch, index).

    Attributes:
        part: "scaled" resizes the shorter side to a length drawn from `side`, and crops anywhere in
            that, as the paper has it (section 3.4). "area" takes a rectangle with a share of the
            area from `area` and a ratio of width to height from `aspect`, like torchvision's
            RandomResizedCrop.
        side: Least and most pixels of the shorter side; None for `resize` of the dataset to
            resize * 480 / 256, rounded: 256 to 480 as published.
        area: Least and most share.
        aspect: Least and most ratio.
        mirror: Whether half of the images are mirrored.
        colours: What is added to pixels, or None. For RGB images only.
    """

    part: Literal["scaled", "area"] = "scaled"
    side: tuple[int, int] | None = None
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    mirror: bool = True
    colours: Colours | None = None


PUBLISHED = Variation(colours=Colours())
"""As the paper trains on ImageNet: a shorter side of 256 to 480, mirror, colours of ImageNet.

With another `resize` than 256 the sides change in proportion."""

COMMON = Variation("area")
"""The later common recipe: 8 to 100 % of the area, aspects of 3/4 to 4/3, mirror."""


class ImageFolder(Dataset):
    """Images in folder/CLASS/, files *.jpg, *.jpeg and *.png."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        variation: Variation | Literal["published", "common"] | None = None,
        crop: SupportsIndex = 224,
        resize: SupportsIndex | None = 256,
        channels: SupportsIndex = 3,
        interpolation: Interpolation = "bilinear",
        damage: Damage = "fatal",
        pixel_limit: SupportsIndex = 0,
        scaled_decoding: bool = True,
    ) -> None:
        """Looks for the files, of which none is opened.

        Read for evaluation, an image is resized so that its shorter side has `resize` pixels, and
        cropped in the middle. Training varies it by `variation`.

        Args:
            folder: Has a folder for each class; classes are in the order of their names.
            variation: Of training: "published" or `resnet.PUBLISHED`, "common" or `resnet.COMMON`,
                one of your own, or None.
            crop: Height and width of what the model is given.
            resize: The shorter side of which the middle is cropped; None for the image's own.
            channels: 3 (RGB) or 1 (grey), to which files are converted.
            interpolation: "bilinear" or "bicubic", both antialiased.
            damage: Whether a damaged file is an error ("fatal"), or left out and named by `damaged`
                ("skip"). Training then takes another image in its place; an evaluation counts the
                others alone, for which every file is decoded once more before the first.
            pixel_limit: The most pixels that a file may have; 0 for 2**26.
            scaled_decoding: Whether varied images may be decoded at 1/2, 1/4 or 1/8 of their size
                where that is still as large as needed.

        Raises:
            MissingFileError: There is no such folder, no class in it, or no image in a class.
            InvalidArgumentError: An option is out of range.
        """
        options = _options(
            variation,
            crop=crop,
            resize=resize,
            channels=channels,
            interpolation=interpolation,
            damage=damage,
            pixel_limit=pixel_limit,
            scaled_decoding=scaled_decoding,
        )
        self._sight = _sight(options)
        self._open("rn_dataset_open_folder", _values.path(folder), ctypes.byref(options))


class ImageList(Dataset):
    """Images that a text file lists, or that are given by name."""

    def __init__(
        self,
        files: str | os.PathLike[str] | Sequence[tuple[str | os.PathLike[str], SupportsIndex]],
        *,
        classes: SupportsIndex = 0,
        variation: Variation | Literal["published", "common"] | None = None,
        crop: SupportsIndex = 224,
        resize: SupportsIndex | None = 256,
        channels: SupportsIndex = 3,
        interpolation: Interpolation = "bilinear",
        damage: Damage = "fatal",
        pixel_limit: SupportsIndex = 0,
        scaled_decoding: bool = True,
    ) -> None:
        """Takes the names, of which no file is opened. The options are those of `ImageFolder`.

        Args:
            files: A text file with a path, a space and a label in each line, where paths that are
                not absolute begin at the text file; or pairs of a path and a label.
            classes: How many classes there are; 0 for one more than the largest label.
            variation: See `ImageFolder`, as for all that follow.
            crop: Height and width of what the model is given.
            resize: The shorter side of which the middle is cropped; None for the image's own.
            channels: 3 (RGB) or 1 (grey).
            interpolation: "bilinear" or "bicubic".
            damage: "fatal" or "skip".
            pixel_limit: The most pixels that a file may have; 0 for 2**26.
            scaled_decoding: Whether varied images may be decoded at a fraction of their size.

        Raises:
            MissingFileError: There is no such text file.
            FormatError: A line of it is something else.
            InvalidArgumentError: An option or a label is out of range.
        """
        options = _options(
            variation,
            crop=crop,
            resize=resize,
            channels=channels,
            interpolation=interpolation,
            damage=damage,
            pixel_limit=pixel_limit,
            scaled_decoding=scaled_decoding,
        )
        self._sight = _sight(options)
        count = _values.integer(classes, "the number of classes")
        if isinstance(files, Sequence) and not isinstance(files, str | bytes):
            pairs = [_values.pair(file, "a file", "(path, label)") for file in files]
            paths = (ctypes.c_char_p * len(pairs))(*(_values.path(path) for path, _ in pairs))
            labels = (ctypes.c_int32 * len(pairs))(
                *(_values.integer(label, "a label") for _, label in pairs)
            )
            self._open(
                "rn_dataset_open_files", paths, labels, len(files), count, ctypes.byref(options)
            )
        else:
            self._open("rn_dataset_open_list", _values.path(files), count, ctypes.byref(options))


def _options(
    variation: Variation | Literal["published", "common"] | None,
    *,
    crop: SupportsIndex,
    resize: SupportsIndex | None,
    channels: SupportsIndex,
    interpolation: Interpolation,
    damage: Damage,
    pixel_limit: SupportsIndex,
    scaled_decoding: bool,
) -> _header.ImageOptions:
    options = _header.ImageOptions(
        channels=_values.integer(channels, "the number of channels"),
        crop=_values.integer(crop, "crop"),
        resize=0 if resize is None else _values.integer(resize, "resize"),
        filter=_values.choice(interpolation, _header.FILTERS, "interpolation"),
        damage=_values.choice(damage, _header.DAMAGE, "damage"),
        pixel_limit=_values.integer(pixel_limit, "the limit of pixels", bits=64),
        scaled_decoding=int(bool(scaled_decoding)),
    )
    if variation is not None:
        _vary(options, _variation(variation))
    return options


def _variation(variation: Variation | str) -> Variation:
    """A variation, which may be given by name."""
    if isinstance(variation, Variation):
        return variation
    named = {"published": PUBLISHED, "common": COMMON}
    if not isinstance(variation, str) or variation not in named:
        raise InvalidArgumentError(
            f"variation is {variation!r}, expected 'published', 'common', a Variation or None"
        )
    return named[variation]


def _sight(options: _header.ImageOptions) -> Sight:
    return Sight(
        crop=options.crop,
        resize=options.resize or None,
        interpolation="bilinear" if options.filter == _header.FILTERS["bilinear"] else "bicubic",
    )


def _vary(options: _header.ImageOptions, variation: Variation) -> None:
    options.variation = _values.choice(variation.part, _header.VARIATIONS, "part")
    if variation.side is not None:
        options.least_side, options.most_side = (
            _values.integer(side, "a shorter side")
            for side in _values.pair(variation.side, "side", "(least, most)")
        )
        if options.least_side == options.most_side == 0:
            raise InvalidArgumentError("side is 0 to 0, expected positive numbers, or None")
    options.least_area, options.most_area = _numbers(
        _values.pair(variation.area, "area", "(least, most)"), "a share of the area"
    )
    options.least_aspect, options.most_aspect = _numbers(
        _values.pair(variation.aspect, "aspect", "(least, most)"), "an aspect"
    )
    options.mirror = int(bool(variation.mirror))
    colours = variation.colours
    if colours is None:
        return
    rows = [
        _values.sequence(vector, "an eigenvector")
        for vector in _values.sequence(colours.eigenvectors, "eigenvectors")
    ]
    vectors = [value for row in rows for value in row]
    eigenvalues = _values.sequence(colours.eigenvalues, "eigenvalues")
    if len(eigenvalues) != COLOURS or [len(row) for row in rows] != [COLOURS] * COLOURS:
        raise ShapeError("colours have 3 eigenvalues, and 3 eigenvectors of 3 values")
    options.colour_deviation = _values.number(colours.deviation, "the deviation of colours")
    options.eigenvalues[:] = _numbers(eigenvalues, "an eigenvalue")
    options.eigenvectors[:] = _numbers(vectors, "a value of an eigenvector")


def variation_of(options: _header.ImageOptions) -> Variation | None:
    """What the library's options say of how training varies images."""
    if options.variation == _header.VARIATIONS["none"]:
        return None
    colours = None
    if options.colour_deviation:
        vectors = tuple(options.eigenvectors)
        colours = Colours(
            tuple(options.eigenvalues),
            tuple(vectors[first : first + COLOURS] for first in range(0, len(vectors), COLOURS)),
            options.colour_deviation,
        )
    return Variation(
        part="scaled" if options.variation == _header.VARIATIONS["scaled"] else "area",
        side=(options.least_side, options.most_side) if options.most_side else None,
        area=(options.least_area, options.most_area),
        aspect=(options.least_aspect, options.most_aspect),
        mirror=bool(options.mirror),
        colours=colours,
    )


def _numbers(values: Sequence[SupportsFloat], what: str) -> list[float]:
    return [_values.number(value, what) for value in values]
