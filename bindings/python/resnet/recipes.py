"""How the paper trains, by name."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

from . import _header, _values
from ._errors import InvalidArgumentError
from ._library import library
from .image_files import variation_of

if TYPE_CHECKING:
    from .image_files import Variation


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A way to train: `print(recipe)` tells what it is.

    >>> recipe = resnet.recipe("cifar")
    >>> training, validation = cifar10.split(recipe.validation_images)
    >>> trainer = resnet.Trainer(model, **recipe.trainer)
    >>> trainer.fit(training, validation=validation, **recipe.fit)

    Attributes:
        name: What it is called.
        description: What it is, in some lines.
        trainer: Arguments of `Trainer`.
        fit: Arguments of `Trainer.fit`.
        variation: How training varies image files, an argument of `ImageFolder`; None for images in
            memory.
        validation_images: How many of the training images are held out: see `Dataset.split`.
    """

    name: str
    description: str
    trainer: dict[str, Any]
    fit: dict[str, Any]
    variation: Variation | None
    validation_images: int

    def lasting(
        self,
        *,
        iterations: SupportsIndex | None = None,
        epochs: SupportsIndex | None = None,
        images: SupportsIndex | None = None,
    ) -> Recipe:
        """The recipe over another length, as `resnet train` makes it.

        The learning rate drops after the same shares of the steps; drops that so few steps have no
        room for are left out.

        >>> short = resnet.recipe("cifar").lasting(epochs=20, images=len(training))

        Args:
            iterations: Steps to take in all.
            epochs: How often to go through the training images, instead of `iterations`.
            images: How many training images there are, which epochs are counted by.

        Raises:
            InvalidArgumentError: Both lengths or none are given, or one is less than 1; or epochs
                without images.
        """
        if (iterations is None) == (epochs is None) or (epochs is None) != (images is None):
            raise InvalidArgumentError("expected either iterations, or epochs and images")
        if iterations is not None:
            total = _positive(iterations, "iterations")
        else:
            count = _positive(cast("SupportsIndex", images), "images")
            batch = self.fit["batch_size"]
            if count < batch:
                raise InvalidArgumentError(f"images is {count}, expected {batch} or more, a batch")
            total = _positive(cast("SupportsIndex", epochs), "epochs") * (count // batch)
        if total == self.fit["iterations"]:
            return self
        drops = _scaled(self.fit["milestones"], self.fit["iterations"], total)
        line = f"  changed        over {total:,} steps"
        if drops:
            places = " and ".join(f"{drop:,}" for drop in drops)
            line += f", learning rate times {self.fit['gamma']} after {places}"
        return dataclasses.replace(
            self,
            description=f"{self.description.rstrip()}\n{line}\n",
            fit=self.fit | {"iterations": total, "milestones": drops},
        )

    def __str__(self) -> str:
        """What it is, in some lines."""
        return self.description


def recipe(name: str) -> Recipe:
    """How the paper trains.

    Args:
        name: "cifar" for CIFAR-10 as in section 4.2, 64,000 steps of 128 images; "cifar-resnet110"
            for the same with the warm-up that ResNet-110 needs; "imagenet" for ImageNet as in
            section 3.4; "imagenet-common" for what later work, such as torchvision's, does.

    Raises:
        NotFoundError: There is no recipe of that name.
    """
    trainer, fit, images, validation_images = (
        _header.TrainerOptions(),
        _header.FitOptions(),
        _header.ImageOptions(),
        ctypes.c_int64(),
    )
    encoded = _values.text(name, "the name")
    library().rn_recipe_get(
        encoded,
        ctypes.byref(trainer),
        ctypes.byref(fit),
        ctypes.byref(images),
        ctypes.byref(validation_images),
    )
    arguments = {
        "batch_size": fit.batch_size,
        "augment": (fit.pad, bool(fit.mirror)) if fit.pad or fit.mirror else None,
        "milestones": tuple(fit.milestones[index] for index in range(fit.milestone_count)),
        "gamma": _shortest(fit.gamma),
        "normalize": next(
            key for key, value in _header.NORMALIZE.items() if value == fit.normalize
        ),
    }
    arguments |= {"iterations": fit.iterations} if fit.iterations else {"epochs": fit.epochs}
    if fit.warm_up_error:
        arguments["warm_up"] = (_shortest(fit.warm_up_rate), _shortest(fit.warm_up_error))
    if fit.plateau_patience:
        arguments["plateau"] = (fit.plateau_patience, _shortest(fit.plateau_threshold))
    return Recipe(
        name=name,
        description=_values.read_text(library().rn_recipe_describe, encoded),
        trainer={
            "lr": _shortest(trainer.learning_rate),
            "momentum": _shortest(trainer.momentum),
            "weight_decay": _shortest(trainer.weight_decay),
            "spare_bn_and_biases": bool(trainer.spare_bn_and_biases),
        },
        fit=arguments,
        variation=variation_of(images),
        validation_images=validation_images.value,
    )


def _shortest(value: float) -> float:
    """What a person would write for a float32: 0.1, not 0.10000000149."""
    return float(f"{value:.7g}")


def _positive(value: SupportsIndex, what: str) -> int:
    number = _values.integer(value, what, bits=64)
    if number < 1:
        raise InvalidArgumentError(f"{what} is {number}, expected at least 1")
    return number


def _scaled(milestones: tuple[int, ...], own: int, total: int) -> tuple[int, ...]:
    """The milestones of `own` steps at the same shares of `total`, rounded and below it."""
    scaled: list[int] = []
    for milestone in milestones:
        place = (2 * milestone * total + own) // (2 * own)
        if (scaled[-1] if scaled else 0) < place < total:
            scaled.append(place)
    return tuple(scaled)
