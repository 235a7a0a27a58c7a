"""How the paper trains, by name."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import TYPE_CHECKING, Any

from . import _header, _values
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
