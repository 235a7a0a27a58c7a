"""Training by stochastic gradient descent."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypeAlias

from . import _batch_training, _header, _pixels, _ranks, _values
from ._errors import CancelledError, InvalidArgumentError
from ._handle import Owner
from ._library import library
from ._watching import Watcher, history_of
from .batches import as_batches
from .data import as_dataset
from .model import Model

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from . import distributed
    from ._pixels import Images, Layout
    from ._watching import Progress, Record
    from .batches import BatchSource
    from .data import Data

# Pixels of zero padding a side for a random crop, and whether half of the images are mirrored.
Augmentation: TypeAlias = "Literal['cifar'] | tuple[SupportsIndex, bool] | None"
CIFAR_PADDING = 4

BATCH_SIZE, PREFETCH = 128, 2


class Trainer(Owner):
    """Improves a model by SGD with momentum, in the paper's form.

    v = momentum * v + lr * (gradient + weight_decay * w), then w -= v.
    """

    def __init__(
        self,
        model: Model,
        *,
        lr: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 1e-4,
        spare_bn_and_biases: bool = False,
    ) -> None:
        """Makes a trainer with zero momentum.

        Args:
            model: The model to improve.
            lr: Learning rate.
            momentum: Share of the last step that is kept, 0 to below 1.
            weight_decay: Factor of the weights that is added to their gradient.
            spare_bn_and_biases: Decay the weights of convolutions and of the last layer only.

        Raises:
            InvalidArgumentError: A value is out of range.
        """
        if not isinstance(model, Model):
            raise InvalidArgumentError(f"expected a resnet.Model, got {type(model).__name__}")
        options = _header.TrainerOptions(
            learning_rate=_values.number(lr, "lr"),
            momentum=_values.number(momentum, "momentum"),
            weight_decay=_values.number(weight_decay, "weight_decay"),
            spare_bn_and_biases=int(bool(spare_bn_and_biases)),
        )
        made = ctypes.c_void_p()
        library().rn_trainer_create(model._handle, ctypes.byref(options), ctypes.byref(made))
        super().__init__(made, "rn_trainer_free")
        self._model = model
        self._stopped = False
        self._callbacks: _ranks.Callbacks | None = None

    @property
    def model(self) -> Model:
        """The model that it improves."""
        return self._model

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trainer:
        """A trainer, with its model, as `save` wrote it.

        Raises:
            MissingFileError: There is no such file.
            InputOutputError: The system refuses to read it.
            FormatError: It is damaged, or no checkpoint.
        """
        model, made = ctypes.c_void_p(), ctypes.c_void_p()
        library().rn_trainer_load(_values.path(path), ctypes.byref(model), ctypes.byref(made))
        trainer = cls.__new__(cls)
        Owner.__init__(trainer, made, "rn_trainer_free")
        trainer._model = Model._adopt(model)
        trainer._stopped = False
        trainer._callbacks = None
        return trainer

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint: the model, and all that training needs to go on.

        To be called between trainings, after one that was stopped, or from a callback of `fit`. In
        another process `Trainer.load` and `fit` with `resume` then end with the same bits as if the
        training had not been interrupted, on any number of threads. The file is a model file, too:
        `resnet.load` reads it. It is written whole or not at all.

        Raises:
            InputOutputError: The system refuses; an old file is as it was.
            InvalidArgumentError: The extension is that of another program's files, such as .pth.
            NotFiniteError: A weight is not finite.
        """
        library().rn_trainer_save(self._handle, _values.path(path))

    @property
    def lr(self) -> float:
        """The learning rate of `step`, and the one that `fit` begins with.

        A callback of `fit` may set it: it applies from the next step, times the milestones' factor.
        """
        rate = ctypes.c_float()
        library().rn_trainer_get_learning_rate(self._handle, ctypes.byref(rate))
        return rate.value

    @lr.setter
    def lr(self, rate: float) -> None:
        library().rn_trainer_set_learning_rate(self._handle, _values.number(rate, "lr"))

    @property
    def iterations(self) -> int:
        """Steps taken so far."""
        iterations = ctypes.c_int64()
        library().rn_trainer_iterations(self._handle, ctypes.byref(iterations))
        return iterations.value

    @property
    def history(self) -> dict[str, list[float]]:
        """What the epochs came to that have ended of the training that `fit` can resume.

        That is the one that is under way, was stopped, or is in the checkpoint. It is what `fit`
        returns, but of all epochs since the training began: empty lists if none was begun, or it
        has ended.
        """
        return history_of(
            lambda callback: library().rn_trainer_history(self._handle, callback, None)
        )

    @property
    def stopped(self) -> bool:
        """Whether the callback of the last `fit` ended it; False before, and if it ran through."""
        return self._stopped

    def _line(self) -> str:
        name = "a closed model" if self.model._closed else self.model.name
        return f" of {name}: {self.iterations} steps, lr {self.lr:g}"

    def __reduce__(self) -> str:
        """Refuses to be copied or pickled."""
        raise TypeError(
            "a Trainer cannot be copied or pickled; `save` writes all of it, and its model, to a "
            "file that `Trainer.load` reads"
        )

    def freeze(self, names: Sequence[str]) -> None:
        """Freezes layers, blocks and stages, such as ["conv1", "bn1", "layer1"], and no others.

        Frozen tensors are left as they are, without decay, and their momentum rests. Frozen BN
        takes its running statistics, and keeps them, as PyTorch's does in evaluation mode. What
        frozen layers alone come before is not computed backward: freezing from the input on saves
        time and memory.

        Args:
            names: What to freeze; an empty list trains all again.

        Raises:
            NotFoundError: No layer with parameters has such a name, or begins with it.
            InvalidArgumentError: Nothing would be left to train.
        """
        encoded = [_values.text(name, "a name") for name in _values.sequence(names, "names")]
        array = (ctypes.c_char_p * len(encoded))(*encoded)
        library().rn_trainer_freeze(self._handle, array, len(encoded))

    def distribute(
        self,
        communicator: distributed.Communicator | None,
        *,
        synchronize_bn: bool = False,
        check_interval: SupportsIndex = 100,
        bucket_bytes: SupportsIndex = 4 << 20,
    ) -> None:
        """Trains from now on together with other processes, the ranks of a communicator.

        All ranks call this, and then `step` and `fit`, in the same order, with trainers of the same
        network, options and steps taken. They take the weights, running statistics and momentum of
        rank 0. Gradients are summed while the backward pass goes on.

        `step` is given each rank's own share of a batch, all as many images, and is that of the
        mean loss over all. `fit` is given the same dataset and options on all ranks: `batch_size`
        is that of all together, of which each reads and trains on its share, which must come out
        even; validation is shared, too, and what is returned is of all. A rank on which a call
        fails or is stopped stops the others at their next step: they raise `CommunicationError`, or
        `CancelledError` if it was stopped. Iterables of batches are refused: `step` takes each
        rank's own.

        Args:
            communicator: The ranks; `resnet.mpi.Communicator()` for those of MPI. None: train alone
                again.
            synchronize_bn: BN takes the mean and variance of the batch over all ranks, so that any
                number of ranks learns what one does, up to rounding. Else each rank normalises by
                those of its own share.
            check_interval: Steps after which the ranks compare checksums of weights and momentum;
                0 for never.
            bucket_bytes: Gradients are summed in pieces of about so many bytes.

        Raises:
            CommunicationError: The ranks' trainers differ, or they lost each other.
            InvalidArgumentError: A value is out of range.
        """
        options = _header.DistributedOptions(
            synchronize_bn=int(bool(synchronize_bn)),
            check_interval=_values.integer(check_interval, "check_interval"),
            bucket_bytes=_values.integer(bucket_bytes, "bucket_bytes", bits=64),
        )
        callbacks = None if communicator is None else _ranks.Callbacks(communicator)
        library().rn_trainer_distribute(
            self._handle,
            None if callbacks is None else ctypes.byref(callbacks.struct),
            ctypes.byref(options),
        )
        # Whose functions the library calls from now on.
        self._callbacks = callbacks

    def step(self, x: Images, y: npt.ArrayLike, *, layout: Layout = "NCHW") -> float:
        """Takes one SGD step on a batch.

        Args:
            x: Images, as `Model.logits` takes them.
            y: Labels, (images,) integers from 0 to classes - 1.
            layout: "NHWC" for an array of (images, height, width, channels).

        Returns:
            The batch's mean cross-entropy before the step, in nats.

        Raises:
            ShapeError: An array has the wrong dimensions.
            InvalidArgumentError: A label is out of range.
            NotFiniteError: A pixel or the loss is not finite; the weights are as they were.
        """
        images, pixels = _pixels.images(x, layout, self.model.input_channels)
        labels = _values.labels(y, len(pixels))
        loss = ctypes.c_double()
        library().rn_trainer_step(
            self._handle, ctypes.byref(images), _values.label_pointer(labels), ctypes.byref(loss)
        )
        return loss.value

    def fit(
        self,
        dataset: Data | BatchSource,
        *,
        epochs: SupportsIndex = 1,
        iterations: SupportsIndex | None = None,
        batch_size: SupportsIndex = BATCH_SIZE,
        validation: Data | BatchSource | None = None,
        augment: Augmentation = None,
        milestones: Sequence[SupportsIndex] = (),
        gamma: float = 0.1,
        warm_up: tuple[float, float] | None = None,
        scale_lr: tuple[SupportsIndex, SupportsIndex] | None = None,
        plateau: tuple[SupportsIndex, float] | None = None,
        normalize: Literal["auto", "channels", "keep"] = "auto",
        seed: SupportsIndex = 0,
        workers: SupportsIndex | None = None,
        prefetch: SupportsIndex = PREFETCH,
        resume: bool = False,
        progress: bool = False,
        callback: Callable[[Progress], object] | None = None,
        log: Callable[[Record], object] | None = None,
    ) -> dict[str, list[float]]:
        """Trains for so many epochs, each a shuffle of the dataset in full batches, or steps.

        Images that fill no batch wait for a later shuffle. Ctrl-C stops it, with the model as
        the last step left it. A model without class names takes the dataset's; labels are then
        matched with its names as by `Model.evaluate`.

        Args:
            dataset: A `Dataset`, or a tuple of images and labels. Or an iterable of batches, each a
                tuple or list of images and labels, such as a PyTorch DataLoader: an epoch goes
                through all of them, a step takes one. Their size and order are theirs, so
                `batch_size`, `augment`, `warm_up`, `scale_lr`, `plateau`, `normalize`, `seed`,
                `workers` and `prefetch` are not to be given; the model keeps its normalisation.
            epochs: How many.
            iterations: How many steps to take in all, instead of epochs, as the paper counts. The
                last epoch may end early, and is evaluated and reported like the others.
            batch_size: Images a step.
            validation: What to evaluate the model on after each epoch. An iterable of batches only
                if `dataset` is one.
            augment: "cifar" for the paper's random crops out of 4 pixels of padding, and mirroring;
                or (padding, mirror); None for the images as they are, or, if they are files, as
                their dataset varies them.
            milestones: Numbers of steps of this training, increasing, after each of which the
                learning rate is multiplied by gamma. `lr` itself stays the initial one.
            gamma: See milestones.
            warm_up: (rate, error): a learning rate at first, until the training error of the last
                100 steps is below `error`; the paper's ResNet-110 takes (0.01, 0.8).
            scale_lr: (batch, steps): `lr` is meant for batches of so many images, and one k times
                as large takes a rate k times as high, reached evenly over the first steps: (256,
                those of 5 epochs) as Goyal et al. 2017.
            plateau: (patience, threshold): after so many epochs in a row whose validation error is
                not below the lowest so far by `threshold`, the learning rate is multiplied by
                gamma. Needs `validation`.
            normalize: "auto" gives the model the dataset's per-pixel mean and unit scale unless it
                has a normalisation already; "channels" does so with the mean and standard deviation
                of each channel; "keep" keeps the model's own, or none.
            seed: Of the order and the augmentation.
            workers: Threads that read images ahead of training; None for as many as compute, but
                none if one does. What is learned is the same with any number; with 0 the calling
                thread reads.
            prefetch: Batches that they read ahead.
            resume: Whether to go on with the training that was stopped in this trainer's last call,
                or in which its checkpoint was saved. Everything that its result depends on must be
                as it was, and what can be compared is, the images by a sample: only `epochs`,
                `iterations`, `workers`, `prefetch`, `progress`, `log` and `callback` may be others.
                A training that has ended cannot be resumed: to train more, call `fit` without
                `resume`, for the epochs that are wanted beyond it. Momentum goes on; milestones
                and what else counts steps begin anew, so set `lr` to where it is to begin.
            progress: Whether to write a line for each epoch to standard error, and to show a bar
                below them on a terminal or in a notebook if tqdm is installed.
            callback: Called after every step, and once more at the end of each epoch. It may save
                or query the model. To stop, it returns something true, and `stopped` is then True;
                what it raises, `fit` raises.
            log: Called at the end of each epoch with a dict of its figures, named as in what `fit`
                returns, and its number, "epoch": `print`, a `csv.DictWriter`'s `writerow`, or for
                TensorBoard a function that hands them to `SummaryWriter.add_scalar`. What it
                returns means nothing; what it raises, `fit` raises.

        Returns:
            For each epoch the "iteration" that it ended with, the "loss", "accuracy", "lr" and
            "images_per_second", and with validation the "val_loss" and "val_accuracy", each a list;
            of a training that is resumed, of the epochs that end in this call; `history` has those
            before it.
            If the callback stopped training, of the epochs that had ended.

        Raises:
            ShapeError: The images do not fit the model.
            InvalidArgumentError: A value is out of range.
            NotFiniteError: The loss of a step, or of the validation dataset, is not finite.
            CancelledError: Another rank was stopped (`distribute`).
            CommunicationError: Another rank failed, or the ranks lost each other.
        """
        pad, mirror = _augmentation(augment)
        drops = [
            _values.integer(value, "a milestone", bits=64)
            for value in _values.sequence(milestones, "milestones")
        ]
        warm_rate, warm_error = _pair(warm_up, "warm_up is a rate and an error")
        scaled, scaling_steps = _pair(scale_lr, "scale_lr is a batch size and a number of steps")
        patience, threshold = _pair(plateau, "plateau is a number of epochs and a threshold")
        watcher = Watcher(shown=progress, callback=callback, log=log)
        options = _header.FitOptions(
            iterations=0 if iterations is None else _steps(iterations),
            workers=_header.DEFAULT if workers is None else _workers(workers),
            prefetch=_values.integer(prefetch, "prefetch"),
            resume=int(bool(resume)),
            epochs=_values.integer(epochs, "epochs"),
            batch_size=_values.integer(batch_size, "batch_size"),
            pad=pad,
            mirror=mirror,
            normalize=_values.choice(normalize, _header.NORMALIZE, "normalize"),
            milestones=(ctypes.c_int64 * len(drops))(*drops),
            milestone_count=len(drops),
            gamma=_values.number(gamma, "gamma"),
            seed=_values.integer(seed, "seed", bits=64, signed=False),
            progress=_header.ProgressCallback(watcher),
            warm_up_rate=_values.number(warm_rate, "the warm-up's rate"),
            warm_up_error=_values.number(warm_error, "the warm-up's error"),
            scaled_batch=_values.integer(scaled, "the batch that lr is meant for"),
            scaling_steps=_values.integer(scaling_steps, "the steps of scale_lr", bits=64),
            plateau_patience=_values.integer(patience, "the plateau's patience"),
            plateau_threshold=_values.number(threshold, "the plateau's threshold"),
        )
        self._stopped = False
        try:
            batches = as_batches(dataset)
            if batches is not None:
                if self._callbacks is not None:
                    raise InvalidArgumentError(
                        "batches of your own are not shared among ranks: give a resnet.Dataset, or "
                        "call step with each rank's share"
                    )
                _refuse_loader_options(options)
                schedule = _batch_training.Schedule(
                    options.epochs, options.iterations or None, drops, options.gamma
                )
                _batch_training.fit(self, batches, validation, schedule, watcher)
            else:
                self._fit_dataset(dataset, validation, options)
        except CancelledError:
            # The caller's callback wanted it so; not another rank's.
            if not watcher.stopped:
                raise
        finally:
            self._stopped = watcher.stopped
            watcher.close()
        return watcher.history

    def _fit_dataset(
        self,
        dataset: Data | BatchSource,
        validation: Data | BatchSource | None,
        options: _header.FitOptions,
    ) -> None:
        classes, channels = self.model.classes, self.model.input_channels
        data = as_dataset(dataset, classes, channels)
        if validation is not None and as_batches(validation) is not None:
            raise InvalidArgumentError(
                f"validation is of type {type(validation).__name__}, expected a resnet.Dataset or "
                "a tuple (images, labels), like what is trained on: batches go with batches"
            )
        held_out = (
            None if validation is None else as_dataset(validation, classes, channels, "validation")
        )
        library().rn_trainer_fit(
            self._handle,
            data._handle,
            None if held_out is None else held_out._handle,
            ctypes.byref(options),
        )


def _refuse_loader_options(options: _header.FitOptions) -> None:
    """Refuses what only a dataset's own batches can follow."""
    names = {
        "batch_size": options.batch_size != BATCH_SIZE,
        "augment": bool(options.pad or options.mirror),
        "warm_up": options.warm_up_rate != 0 or options.warm_up_error != 0,
        "scale_lr": options.scaled_batch != 0 or options.scaling_steps != 0,
        "plateau": options.plateau_patience != 0 or options.plateau_threshold != 0,
        "normalize": options.normalize == _header.NORMALIZE["channels"],
        "seed": options.seed != 0,
        "workers": options.workers != _header.DEFAULT,
        "prefetch": options.prefetch != PREFETCH,
        "resume": options.resume != 0,
    }
    given = [name for name, is_given in names.items() if is_given]
    if given:
        raise InvalidArgumentError(
            f"{', '.join(given)} cannot be given with batches of your own: give a resnet.Dataset, "
            "or see to it where the batches are made"
        )


def _steps(iterations: SupportsIndex) -> int:
    """A number of steps, for which 0 does not stand for something else."""
    steps = _values.integer(iterations, "iterations", bits=64)
    if steps < 1:
        raise InvalidArgumentError(f"iterations must be at least 1, got {steps}")
    return steps


def _workers(workers: SupportsIndex) -> int:
    """A number of threads, for which -1 does not stand for something else."""
    count = _values.integer(workers, "workers")
    if count < 0:
        raise InvalidArgumentError(f"workers must be at least 0, got {count}")
    return count


def _pair(values: tuple[Any, Any] | None, what: str) -> tuple[Any, Any]:
    """Both values, or two zeros for None."""
    if values is None:
        return 0, 0
    try:
        first, second = values
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"{what}, got {values!r}") from None
    return first, second


def _augmentation(augment: Augmentation) -> tuple[int, int]:
    """Padding and mirroring."""
    if augment is None:
        return 0, 0
    if augment == "cifar":
        return CIFAR_PADDING, 1
    try:
        pad, mirror = augment
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f'augment is {augment!r}, expected "cifar", (padding, mirror) or None'
        ) from None
    return _values.integer(pad, "the padding"), int(bool(mirror))
