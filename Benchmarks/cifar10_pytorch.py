"""Train ResNet-20 (option A) on CIFAR-10 binary files with PyTorch, by the recipe libresnet uses.

The reference for the accuracy comparison in docs/ACCURACY.md. Needs torch and numpy.

Usage: cifar10_pytorch.py DIR [--seed S] [--epochs E] [--threads T]
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional

from pytorch_network import resnet


def read(paths: list[pathlib.Path]) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) uint8 and labels (N,) of CIFAR-10 binary files."""
    rows = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in paths])
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].astype(np.int64)


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A random 32x32 crop of each image padded by 4 zeros a side, mirrored half of the time."""
    count = images.shape[0]
    padded = functional.pad(images, (4, 4, 4, 4))
    top = torch.randint(0, 9, (count, 1), generator=generator)
    left = torch.randint(0, 9, (count, 1), generator=generator)
    flip = torch.rand(count, 1, generator=generator) < 0.5  # noqa: PLR2004 (half of them)
    rows = top + torch.arange(32)
    columns = left + torch.where(flip, torch.arange(31, -1, -1), torch.arange(32))
    index = torch.arange(count)[:, None, None]
    picked = padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)


def main() -> None:
    """Trains, and prints the test accuracy after every epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)

    images, labels = read([options.dir / f"data_batch_{i}.bin" for i in range(1, 6)])
    test_images, test_labels = read([options.dir / "test_batch.bin"])
    mean = torch.from_numpy(images.mean(0, dtype=np.float64).astype(np.float32)) / 255
    train_x = torch.from_numpy(images).float() / 255 - mean
    test_x = torch.from_numpy(test_images).float() / 255 - mean
    train_y, test_y = torch.from_numpy(labels), torch.from_numpy(test_labels)

    model = resnet(20).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(
        optimizer, [options.epochs * 6 // 10, options.epochs * 8 // 10]
    )
    steps = len(train_x) // options.batch
    for epoch in range(options.epochs):
        start, total = time.perf_counter(), 0.0
        model.train()
        order = torch.randperm(len(train_x), generator=generator)
        for step in range(steps):
            batch = order[step * options.batch : (step + 1) * options.batch]
            x = augment(train_x[batch], generator).contiguous(memory_format=torch.channels_last)
            loss = functional.cross_entropy(model(x), train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        schedule.step()
        model.eval()
        with torch.no_grad():
            guesses = torch.cat([model(part).argmax(1) for part in test_x.split(500)])
        accuracy = (guesses == test_y).float().mean().item()
        print(
            f"seed {options.seed} epoch {epoch + 1} loss {total / steps:.4f} "
            f"test accuracy {100 * accuracy:.2f}% {steps * options.batch / seconds:.0f} images/s",
            flush=True,
        )


if __name__ == "__main__":
    main()
