"""Residual networks as a scikit-learn classifier.

    from resnet.sklearn import ResNetClassifier

    classifier = ResNetClassifier("resnet20", image_shape=(1, 8, 8), epochs=10)
    classifier.fit(X_train, y_train).score(X_test, y_test)

It goes into pipelines, `GridSearchCV`, `clone` and pickles as other classifiers do. Needs
scikit-learn 1.6 or later: `pip install resnet[sklearn]`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _values
from ._errors import InvalidArgumentError, NotFoundError
from .model import Model
from .trainer import Trainer

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as _cause:
    raise ImportError(
        "resnet.sklearn needs scikit-learn 1.6 or later: pip install 'scikit-learn>=1.6'"
    ) from _cause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from typing_extensions import Self

    from .trainer import Augmentation

IMAGE_RANK = 4
ROW_RANK = 2
# Of the perceptron that reads rows of numbers.
ROW_WIDTH, ROW_BLOCKS = 64, 2


# scikit-learn has no types, and what is inferred of its code is of its defaults.
_validated: Any = validate_data

if TYPE_CHECKING:

    class _Classifier:
        """What scikit-learn gives every classifier."""

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...  # noqa: ANN401
        def score(
            self,
            X: npt.ArrayLike,  # noqa: N803
            y: npt.ArrayLike,
            sample_weight: npt.ArrayLike | None = None,
        ) -> float: ...

else:

    class _Classifier(ClassifierMixin, BaseEstimator):
        """What scikit-learn gives every classifier."""


class ResNetClassifier(_Classifier):
    """A residual network, trained by SGD with momentum on images or rows of numbers.

    X is images, (n, channels, height, width) of bytes or floats; or rows, (n, values), which
    `image_shape` makes images of. Rows that are no images are read by a residual perceptron: fully
    connected blocks of two layers. Each channel (or value of a row) is normalised by its mean and
    deviation in the training set. Labels may be of any kind that scikit-learn takes.

    Attributes:
        classes_: The labels, sorted.
        model_: The trained `resnet.Model`.
        history_: What `Trainer.fit` returned.
        n_features_in_: X.shape[1] in training.
        n_iter_: Steps that were taken.
    """

    def __init__(
        self,
        network: str | Callable[[int, int, int], Model] = "resnet20",
        *,
        image_shape: tuple[int, int, int] | None = None,
        epochs: int = 30,
        batch_size: int = 32,
        lr: float = 0.05,
        momentum: float = 0.9,
        weight_decay: float = 1e-4,
        augment: Augmentation = None,
        drops: Sequence[float] = (0.6, 0.85),
        gamma: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        """Notes the options; `fit` checks them.

        Args:
            network: A preset of `resnet.Model` for images, or a function that makes the model from
                the number of channels (or values of a row), of classes, and a seed.
            image_shape: Channels, height and width of the images that rows of X stand for; None
                if X holds images, or rows that are none.
            epochs: How often all of X is gone through.
            batch_size: Images a step; all of X if it has fewer.
            lr: Learning rate at first.
            momentum: Share of the last step that is kept.
            weight_decay: Factor of the weights that is added to their gradient.
            augment: As `Trainer.fit` has it: "cifar", (padding, mirror) or None.
            drops: Shares of the training after which the learning rate is multiplied by gamma.
            gamma: See drops.
            random_state: Of the weights, the order and the augmentation. The same number gives the
                same bits.
            verbose: Whether to show progress.
        """
        self.network = network
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.augment: Augmentation = augment
        self.drops = drops
        self.gamma = gamma
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:  # noqa: N803 (scikit-learn's name)
        """Trains a new network.

        Args:
            X: Images or rows; see the class.
            y: Labels, (n,).

        Raises:
            ValueError: An argument or an option is of a wrong shape, type or value.
        """
        rows: npt.NDArray[Any]
        rows, labels = _validated(self, X, y, **_ACCEPTED)
        check_classification_targets(labels)
        found, indices = np.unique(np.asarray(labels), return_inverse=True)
        self.classes_: npt.NDArray[Any] = found
        if len(self.classes_) < 2:  # noqa: PLR2004
            raise ValueError(
                f"all labels are {self.classes_[0]!r}: a classifier needs at least 2 classes, "
                "and there is 1 class"
            )
        images = self._images(rows)
        batch = min(_values.integer(self.batch_size, "batch_size"), len(images))
        if batch < 2:  # noqa: PLR2004
            raise ValueError(
                f"a batch of {batch}: BN needs at least 2 (n_samples = {len(images)}, "
                f"batch_size = {self.batch_size}; 1 sample is not enough)"
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.model_: Model = self._make(rows.ndim, images.shape[1], seed)
        trainer = Trainer(
            self.model_, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay
        )
        total = _values.integer(self.epochs, "epochs") * (len(images) // batch)
        self.history_: dict[str, list[float]] = trainer.fit(
            (images, indices.astype(np.int32)),
            epochs=self.epochs,
            batch_size=batch,
            augment=self.augment,
            milestones=sorted({math.floor(total * drop) for drop in self.drops} - {0}),
            gamma=self.gamma,
            normalize="channels",
            seed=seed,
            progress=self.verbose,
        )
        self.n_iter_: int = trainer.iterations
        return self

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:  # noqa: N803
        """The probability of every class, (n, classes), in the order of `classes_`."""
        images = self._seen(X)
        return self.model_.probabilities(images)

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:  # noqa: N803
        """The scores before the softmax: (n, classes), or of two classes the second's, (n,)."""
        images = self._seen(X)
        logits = self.model_.logits(images)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits  # noqa: PLR2004

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:  # noqa: N803
        """The most probable label of each, (n,)."""
        images = self._seen(X)
        labels: npt.NDArray[Any] = self.classes_[self.model_.predict(images)]
        return labels

    def _seen(self, X: npt.ArrayLike) -> npt.NDArray[Any]:  # noqa: N803
        """X as the fitted model sees it."""
        check_is_fitted(self)
        return self._images(_validated(self, X, reset=False, **_ACCEPTED))

    def _images(self, given: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """X as (n, channels, height, width); rows that are no images have 1x1 pixels."""
        values = given if given.dtype == np.uint8 else given.astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError("X has values that are beyond float32: infinity would be read")
        if given.ndim == IMAGE_RANK:
            if self.image_shape is not None and given.shape[1:] != tuple(self.image_shape):
                raise ValueError(f"X has shape {given.shape}, expected (n, *{self.image_shape})")
            return values
        if given.ndim != ROW_RANK:
            raise ValueError(
                f"X has shape {given.shape}, expected (n, channels, height, width) or (n, values)"
            )
        shape = (given.shape[1], 1, 1) if self.image_shape is None else tuple(self.image_shape)
        if given.shape[1] != math.prod(shape):
            raise ValueError(
                f"X has {given.shape[1]} values in a row, expected {math.prod(shape)} for "
                f"image_shape {self.image_shape}"
            )
        return values.reshape(-1, *shape)

    def _make(self, rank: int, channels: int, seed: int) -> Model:
        classes = len(self.classes_)
        if callable(self.network):
            return self.network(channels, classes, seed)
        if rank == IMAGE_RANK or self.image_shape is not None:
            try:
                return Model(self.network, input_channels=channels, classes=classes, seed=seed)
            except NotFoundError as error:
                raise InvalidArgumentError(f"network is {self.network!r}: {error}") from None
        return Model.described(
            stem="vector",
            stem_width=ROW_WIDTH,
            block=[1, 1],
            stages=[(ROW_BLOCKS, ROW_WIDTH, 1)],
            shortcut="A",
            input_channels=channels,
            classes=classes,
            seed=seed,
        )


# What X may be: images as well as rows; bytes stay bytes.
_ACCEPTED: dict[str, Any] = {"allow_nd": True, "dtype": "numeric"}
