"""Trainers on threads that train together, as processes do."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import resnet
from resnet.distributed import Communicator

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt


class Threads:
    """What the ranks of a test share."""

    def __init__(self, ranks: int) -> None:
        self.ranks = ranks
        self.barrier = threading.Barrier(ranks)
        self.values: list[npt.NDArray[Any]] = [np.zeros(0)] * ranks


class Rank(Communicator):
    """One of them."""

    def __init__(self, shared: Threads, rank: int) -> None:
        self._shared, self._rank = shared, rank
        self.broken = False

    @property
    def rank(self) -> int:
        return self._rank

    @property
    def ranks(self) -> int:
        return self._shared.ranks

    def start_sum(self, values: npt.NDArray[Any]) -> object:
        assert values.dtype in (np.float32, np.float64)
        return values

    def wait(self, request: Any) -> None:  # noqa: ANN401
        if self.broken:
            raise OSError("the cable is out")
        self._shared.values[self._rank] = request
        self._shared.barrier.wait()
        total = np.sum(self._shared.values, axis=0, dtype=request.dtype)
        self._shared.barrier.wait()
        request[:] = total

    def broadcast(self, values: npt.NDArray[np.uint8], root: int) -> None:
        self._shared.values[self._rank] = values
        self._shared.barrier.wait()
        if self._rank != root:
            values[:] = self._shared.values[root]
        self._shared.barrier.wait()

    def barrier(self) -> None:
        self._shared.barrier.wait()


def run(ranks: int, body: Callable[[Rank], object]) -> list[Any]:
    """What the body returns or raises on every rank."""
    shared = Threads(ranks)
    results: list[Any] = [None] * ranks

    def work(rank: int) -> None:
        try:
            results[rank] = body(Rank(shared, rank))
        except Exception as error:  # noqa: BLE001
            results[rank] = error

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture(scope="module")
def data() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    # Of others, a value may come so near to a ReLU's kink that rounding takes it to the other side.
    random = np.random.default_rng(2)
    labels = random.integers(0, 4, 96)
    images = random.integers(40, 140, (96, 3, 8, 8))
    for image, label in zip(images, labels, strict=True):
        image[:, label // 2 * 4 : label // 2 * 4 + 4, label % 2 * 4 : label % 2 * 4 + 4] += 100
    return images.astype(np.uint8), labels


def trainer(seed: int = 1, classes: int = 4) -> resnet.Trainer:
    return resnet.Trainer(
        resnet.Model("resnet8", family="cifar", classes=classes, seed=seed), lr=0.02
    )


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_learn_what_one_process_does(ranks: int, data: Any) -> None:  # noqa: ANN401
    alone = trainer()
    history = alone.fit(data, epochs=2, batch_size=24, validation=data)

    def fit(rank: Rank) -> tuple[npt.NDArray[np.float32], dict[str, list[float]]]:
        own = trainer(seed=rank.rank + 1)  # the weights are those of rank 0
        own.distribute(rank, synchronize_bn=True, check_interval=1, bucket_bytes=3000)
        history = own.fit(data, epochs=2, batch_size=24, validation=data)
        return own.model.logits(data[0][:8]), history

    expected = alone.model.logits(data[0][:8])
    results = run(ranks, fit)
    for scores, of_all in results:
        assert np.abs(scores - expected).max() <= 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(of_all["loss"], history["loss"], rtol=1e-5)
        assert of_all["val_accuracy"] == history["val_accuracy"]
        assert (scores == results[0][0]).all()


def test_a_step_is_of_all_shares(data: Any) -> None:  # noqa: ANN401
    images, labels = data
    alone = trainer()
    loss = alone.step(images[:16], labels[:16])

    def step(rank: Rank) -> float:
        own = trainer()
        own.distribute(rank, synchronize_bn=True)
        share = slice(rank.rank * 8, rank.rank * 8 + 8)
        return own.step(images[share], labels[share])

    assert run(2, step) == pytest.approx([loss, loss], rel=1e-6)


def test_whatever_stops_one_stops_all(data: Any) -> None:  # noqa: ANN401
    def fit(rank: Rank) -> tuple[int, bool]:
        own = trainer()
        own.distribute(rank)
        own.fit(
            data,
            epochs=9,
            batch_size=24,
            callback=lambda progress: rank.rank == 1 and progress.iteration == 5,
        )
        return own.iterations, own.stopped

    first, second = run(2, fit)
    assert isinstance(first, resnet.CancelledError)
    assert second == (5, True)

    def fail(rank: Rank) -> object:
        own = trainer()
        own.distribute(rank)

        def callback(progress: resnet.Progress) -> None:
            if rank.rank == 1 and progress.iteration == 5:
                raise RuntimeError("mine")

        return own.fit(data, epochs=9, batch_size=24, callback=callback)

    first, second = run(2, fail)
    assert isinstance(second, RuntimeError)
    assert isinstance(first, resnet.CancelledError)


def test_differing_and_lost_ranks_are_told(data: Any) -> None:  # noqa: ANN401
    def differ(rank: Rank) -> None:
        trainer(classes=4 + rank.rank).distribute(rank)

    for error in run(2, differ):
        assert isinstance(error, resnet.CommunicationError)
        assert "differs from that of rank 0" in str(error)

    def lose(rank: Rank) -> None:
        own = trainer()
        own.distribute(rank)
        rank.broken = True
        own.fit(data, batch_size=24)

    for error in run(2, lose):
        assert isinstance(error, resnet.CommunicationError)
        assert isinstance(error, ConnectionError)
        assert "OSError: the cable is out" in str(error)


def test_bad_arguments_are_refused() -> None:
    own = trainer()
    with pytest.raises(resnet.InvalidArgumentError, match=r"resnet\.distributed\.Communicator"):
        own.distribute("mpi")  # type: ignore[arg-type]
    errors = run(2, lambda rank: trainer().distribute(rank, bucket_bytes=0))
    errors += run(2, lambda rank: trainer().distribute(rank, check_interval=-1))
    assert all(isinstance(error, resnet.InvalidArgumentError) for error in errors)


def test_a_batch_that_cannot_be_shared_is_refused(data: Any) -> None:  # noqa: ANN401
    def fit(rank: Rank) -> None:
        own = trainer()
        own.distribute(rank)
        own.fit(data, batch_size=25)

    for error in run(2, fit):
        assert isinstance(error, resnet.InvalidArgumentError)
        assert "choose a multiple of 2" in str(error)


def test_batches_of_ones_own_are_refused(data: Any) -> None:  # noqa: ANN401
    def fit(rank: Rank) -> None:
        own = trainer()
        own.distribute(rank)
        own.fit([data])

    for error in run(2, fit):
        assert isinstance(error, resnet.InvalidArgumentError)
        assert "call step with each rank's share" in str(error)


def test_the_rate_grows_with_the_batch(data: Any) -> None:  # noqa: ANN401
    own = trainer()
    rates: list[float] = []
    own.fit(
        data,
        batch_size=24,
        scale_lr=(8, 2),
        callback=lambda progress: rates.append(progress.learning_rate),
    )
    assert rates[:4] == pytest.approx([0.02, 0.04, 0.06, 0.06])
