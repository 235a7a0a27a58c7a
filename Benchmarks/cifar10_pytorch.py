"""Train a CIFAR ResNet (option A) on CIFAR-10 with PyTorch, by the recipe libresnet uses.

The reference for the accuracy comparison in docs/ACCURACY.md, and for `resnet experiment --beside`.
Needs torch and numpy.

Usage: cifar10_pytorch.py DIR [--log FILE.csv] [--state FILE.pt] [--depth 20] [--iterations 3900]
    [--milestones A,B]
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch.nn import functional

from pytorch_network import resnet

COLUMNS = (
    *("epoch", "iteration", "loss", "accuracy", "lr", "images_per_second"),
    *("val_loss", "val_accuracy", "val_top5_accuracy"),
)


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


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=3900)
    parser.add_argument("--milestones", help="default: one half and three quarters")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--log", type=pathlib.Path, help="what `resnet train --log` writes")
    parser.add_argument("--state", type=pathlib.Path, help="written each epoch, and gone on from")
    return parser.parse_args()


def evaluation(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> list[float]:
    """Loss, and the parts of images whose class is the first and among the first five."""
    model.eval()
    with torch.no_grad():
        scores = torch.cat([model(part) for part in x.split(500)])
    top5 = (scores.topk(5).indices == y[:, None]).any(1)
    top1 = scores.argmax(1) == y
    return [
        functional.cross_entropy(scores, y).item(),
        *(t.float().mean().item() for t in (top1, top5)),
    ]


class Kept:
    """A file of what a training consists of, by which it goes on."""

    def __init__(
        self, path: pathlib.Path | None, generator: torch.Generator, **parts: object
    ) -> None:
        """Of parts that have a state_dict."""
        self.path, self.generator, self.parts = path, generator, parts

    def restore(self) -> tuple[int, int] | None:
        """Steps and epochs taken, if there are some."""
        if self.path is None or not self.path.exists():
            return None
        state = torch.load(self.path)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.generator.set_state(state["generator"])
        return state["taken"]

    def write(self, steps: int, epochs: int) -> None:
        """After so many."""
        if self.path is not None:
            state = {name: part.state_dict() for name, part in self.parts.items()}
            state["generator"], state["taken"] = self.generator.get_state(), (steps, epochs)
            beside = self.path.with_suffix(".new")
            torch.save(state, beside)
            beside.replace(self.path)


def main() -> None:
    """Trains, and prints the figures of every epoch."""
    options = arguments()
    milestones = [options.iterations // 2, options.iterations * 3 // 4]
    if options.milestones:
        milestones = [int(step) for step in options.milestones.split(",")]
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)

    images, labels = read([options.dir / f"data_batch_{i}.bin" for i in range(1, 6)])
    test_images, test_labels = read([options.dir / "test_batch.bin"])
    mean = torch.from_numpy(images.mean(0, dtype=np.float64).astype(np.float32)) / 255
    train_x = torch.from_numpy(images).float() / 255 - mean
    test_x = torch.from_numpy(test_images).float() / 255 - mean
    train_y, test_y = torch.from_numpy(labels), torch.from_numpy(test_labels)

    model = resnet(options.depth).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones)
    kept = Kept(options.state, generator, model=model, optimizer=optimizer, schedule=schedule)
    before = kept.restore()
    taken, epoch = before or (0, 0)
    if options.log and not before:
        options.log.write_text(",".join(COLUMNS) + "\n")
    while taken < options.iterations:
        epoch += 1
        steps = min(len(train_x) // options.batch, options.iterations - taken)
        start, loss_sum, right = time.perf_counter(), 0.0, 0
        model.train()
        order = torch.randperm(len(train_x), generator=generator)
        for step in range(steps):
            batch = order[step * options.batch : (step + 1) * options.batch]
            x = augment(train_x[batch], generator).contiguous(memory_format=torch.channels_last)
            scores = model(x)
            loss = functional.cross_entropy(scores, train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            rate = schedule.get_last_lr()[0]
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
            right += (scores.argmax(1) == train_y[batch]).sum().item()
        images = steps * options.batch
        speed = images / (time.perf_counter() - start)
        taken += steps
        figures = (epoch, taken, loss_sum / steps, right / images, rate, speed)
        record = (*figures, *evaluation(model, test_x, test_y))
        print("  ".join(f"{n} {v:.6g}" for n, v in zip(COLUMNS, record, strict=True)), flush=True)
        if options.log:
            with options.log.open("a") as file:
                file.write(",".join(str(value) for value in record) + "\n")
        kept.write(taken, epoch)


if __name__ == "__main__":
    main()
