"""Trains on the processes of torch.distributed, here with its gloo backend, as on those of MPI.

Usage: torchrun --nproc-per-node 2 train_gloo.py DIRECTORY

DIRECTORY holds CIFAR-10's binary version. PyTorch only carries the sums: libresnet trains. With
Ray or another library, the four methods are filled in its own way.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed

import resnet
from resnet.distributed import Communicator

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Gloo(Communicator):
    """The ranks of the default process group."""

    @property
    def rank(self) -> int:
        """This process's number."""
        return int(torch.distributed.get_rank())

    @property
    def ranks(self) -> int:
        """How many there are."""
        return int(torch.distributed.get_world_size())

    def start_sum(self, values: npt.NDArray[Any]) -> object:
        """The tensor shares the array's memory, so the sum is in place."""
        return torch.distributed.all_reduce(torch.from_numpy(values), async_op=True)

    def wait(self, request: Any) -> None:  # noqa: ANN401 (torch's own)
        """A work handle's."""
        request.wait()

    def broadcast(self, values: npt.NDArray[np.uint8], root: int) -> None:
        """In place, too."""
        torch.distributed.broadcast(torch.from_numpy(values), root)

    def barrier(self) -> None:
        """Of the group."""
        torch.distributed.barrier()


def main() -> None:
    """Trains ResNet-20 for an epoch."""
    torch.distributed.init_process_group("gloo")
    ranks = Gloo()
    trainer = resnet.Trainer(resnet.Model("resnet20", classes=10), lr=0.1)
    trainer.distribute(ranks, synchronize_bn=True)
    history = trainer.fit(
        resnet.CIFAR10(sys.argv[1]),
        batch_size=128,
        augment="cifar",
        validation=resnet.CIFAR10(sys.argv[1], train=False),
        progress=ranks.rank == 0,
    )
    if ranks.rank == 0:
        print(f"test accuracy {history['val_accuracy'][-1]:.2%}")
        trainer.model.save("gloo.h5")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
