"""Figures 6-20 and 6-21: overfitting three hundred images, and weight decay against it."""

from __future__ import annotations

from functools import partial

import numpy as np

from tensorgrad import optim, viz
from tensorgrad.chapter6.forked import in_turn
from tensorgrad.chapter6.network import MultiLayerNet, accuracies_of, skip
from tensorgrad.chapter6.run import Images, Run, Words, main

IMAGES, BATCH, HIDDEN, EPOCHS, LR = 300, 100, 6, 201, 0.01
DECAY = 0.1
LAST = 20  # epochs whose mean is compared


def network(parts: tuple[Images, Images]) -> MultiLayerNet:
    """Return the network as it starts."""
    return MultiLayerNet(parts[0].x.shape[1], HIDDEN, std="he")


def course_of(run: Run, parts: tuple[Images, Images], decay: float) -> dict[str, list[float]]:
    """Return the accuracies on the training and the test images after each epoch."""
    net = network(parts)
    optimizer = optim.SGD(net.groups(decay), lr=LR, convention="book")
    return accuracies_of(run, net, optimizer, parts, BATCH, EPOCHS)


def final(course: dict[str, list[float]]) -> tuple[float, float]:
    """Return the accuracies on the training and the test images: means of the last epochs, each of which swings."""
    train, test = (float(np.mean(course[name][-LAST:])) for name in ("train_accuracy", "test_accuracy"))
    return train, test


def in_words(course: dict[str, list[float]]) -> str:
    """Return the final accuracies as text."""
    train, test = final(course)
    return f"{train:.3f} on the training images, {test:.3f} on the test images"


def gap(course: dict[str, list[float]]) -> float:
    """Return by how much the training images are known better in the end."""
    train, test = final(course)
    return train - test


def experiment(run: Run) -> None:
    """A large network learns three hundred images by heart; weight decay keeps it from that."""
    parts = run.images(IMAGES)
    skipped = partial(skip, lambda _: network(parts), parts[0], BATCH, EPOCHS * (IMAGES // BATCH))
    without, with_ = in_turn((0.0, DECAY), partial(course_of, run, parts), skipped, run.workers).values()
    run.record(without=without, with_decay=with_, decay=DECAY)
    run.check(
        Words(
            "Without decay the network learns the training images by heart",
            "不使用权值衰减时，训练数据的识别精度接近 100%",
        ),
        final(without)[0] > 0.99 and gap(without) > 0.1,
        in_words(without),
        on="mnist",
    )
    run.check(
        Words("With decay the gap is smaller", "使用权值衰减后，训练数据与测试数据的精度差距变小"),
        gap(with_) < gap(without),
        f"gap {gap(with_):.3f} against {gap(without):.3f}",
        on="mnist",
    )
    run.check(
        Words("and the training accuracy stays below 1", "并且训练数据的识别精度没有达到 100%"),
        final(with_)[0] < 0.99,
        in_words(with_),
        on="mnist",
    )
    captions = (
        Words(
            "Overfitting: 300 images, a network with six hidden layers", "过拟合：训练数据与测试数据的识别精度的变化"
        ),
        Words(
            f"The same with weight decay, λ = {DECAY}",
            f"使用了权值衰减（λ = {DECAY}）的训练数据和测试数据的识别精度的变化",
        ),
    )
    for number, course, caption in zip(("6-20", "6-21"), (without, with_), captions, strict=True):
        run.figure(number, viz.plot_curves(course, limits=(0, 1.02)), caption)


if __name__ == "__main__":
    raise SystemExit(main(experiment))
