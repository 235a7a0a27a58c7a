"""Which views of an image are scored when a model is tested."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
from typing import TYPE_CHECKING, Literal, NamedTuple, SupportsIndex, TypeAlias

from . import _header, _values
from ._errors import InvalidArgumentError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .images import Interpolation

Kind: TypeAlias = Literal["single", "centre", "10-crop", "multi-scale"]


@dataclasses.dataclass(frozen=True)
class Views:
    """The paper's protocols for testing: several views of each image, over which is averaged.

    Images may be of any size. A model's mean per pixel must be of the views' size; but whole images
    that are resized get its mean per channel.

    Attributes:
        kind: "single" (the images as they are, the paper on CIFAR-10), "centre" (the middle),
            "10-crop" (the four corners, the middle and their mirror images), or "multi-scale" (the
            whole image at several sizes, by the fully convolutional form).
        resize: For "centre" and "10-crop": to what the image's shorter side is resized first; None
            for the image as it is.
        crop: For "centre" and "10-crop": height and width of a view.
        scales: For "multi-scale": what the shorter side is resized to in turn.
        mirror: For "multi-scale": whether the mirror image is scored too, at each size.
        average: What is averaged: the softmax of each view's scores ("probabilities"), or the
            "scores", of which the softmax is taken afterwards; None for scores with "multi-scale"
            (the paper) and else probabilities (Krizhevsky et al., 2012).
        interpolation: How images are resized: "bilinear" or "bicubic".
    """

    kind: Kind = "single"
    resize: SupportsIndex | None = 256
    crop: SupportsIndex = 224
    scales: Sequence[SupportsIndex] = (224, 256, 384, 480, 640)
    mirror: bool = False
    average: Literal["probabilities", "scores"] | None = None
    interpolation: Interpolation = "bilinear"

    def _options(self) -> _header.TestOptions:
        given = _values.sequence(self.scales, "scales")
        if self.kind == "multi-scale" and len(given) == 0:
            raise InvalidArgumentError("scales is empty, expected at least one length")
        scales = [_values.integer(side, "a scale") for side in given]
        resize = 0 if self.resize is None else _values.integer(self.resize, "resize")
        if self.resize is not None and resize < 1:
            raise InvalidArgumentError(
                f"resize is {resize}, expected a positive number, or None for images as they are"
            )
        return _header.TestOptions(
            views=_values.choice(self.kind, _header.VIEWS, "kind"),
            resize=resize,
            crop=_values.integer(self.crop, "crop"),
            scales=(ctypes.c_int32 * len(scales))(*scales),
            scale_count=len(scales),
            mirror=int(bool(self.mirror)),
            average=_values.optional_choice(self.average, _header.AVERAGES, "average"),
            filter=_values.choice(self.interpolation, _header.FILTERS, "interpolation"),
        )


class Sight(NamedTuple):
    """How a dataset of image files sees images that are not varied."""

    crop: int
    resize: int | None
    interpolation: Interpolation

    def views(self, kind: Kind) -> Views:
        """Views of that kind, at the sizes of the dataset."""
        scales = Views.scales
        if self.resize is not None:
            # Half is rounded up, as the library does with the sides of training.
            scales = [(2 * self.resize * int(side) + 256) // 512 for side in scales]
        return Views(
            kind,
            resize=self.resize,
            crop=self.crop,
            scales=scales,
            interpolation=self.interpolation,
        )


@contextlib.contextmanager
def explained(views: Views | Kind, sight: Sight | None = None) -> Iterator[None]:
    """Says of an error of the images' sizes that these are the views', of views given by name."""
    try:
        yield
    except ShapeError as error:
        if sight is not None or views not in ("centre", "10-crop"):
            raise
        raise ShapeError(
            f'{error}; views="{views}" resizes images to a shorter side of {Views.resize} and '
            f'crops {Views.crop}x{Views.crop}: give resnet.Views("{views}", resize=..., crop=...)'
        ) from None


def as_options(views: Views | Kind, sight: Sight | None = None) -> _header.TestOptions:
    """The C options of some views.

    Those that are given by their kind alone have the numbers of a dataset's sight, or the paper's.
    """
    if isinstance(views, Views):
        return views._options()
    return (Views(views) if sight is None else sight.views(views))._options()
