"""Trains a CIFAR-10 network by the recipe of the paper's section 4.2, shortened, and saves it.

Usage: train_cifar10.py DIRECTORY [--preset resnet20] [--epochs 10] [--output model.h5]

DIRECTORY holds CIFAR-10's binary version. The paper's own 64,000 iterations are 164 epochs, with
the learning rate lowered after a half and three quarters of them.
"""

from __future__ import annotations

import argparse

import resnet

BATCH = 128


def main() -> None:
    """Trains, evaluates and saves."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("directory")
    parser.add_argument("--preset", default="resnet20")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="model.h5")
    options = parser.parse_args()

    train = resnet.CIFAR10(options.directory)
    test = resnet.CIFAR10(options.directory, train=False)
    model = resnet.Model(options.preset, family="cifar", seed=options.seed)
    print(model.summary())

    iterations = options.epochs * (len(train) // BATCH)
    trainer = resnet.Trainer(model, lr=0.1, momentum=0.9, weight_decay=1e-4)
    trainer.fit(
        train,
        epochs=options.epochs,
        batch_size=BATCH,
        augment="cifar",
        milestones=[iterations // 2, iterations * 3 // 4],
        validation=test,
        seed=options.seed,
        progress=True,
    )
    print(f"test accuracy {model.evaluate(test).accuracy:.2%}")
    model.save(options.output)


if __name__ == "__main__":
    main()
