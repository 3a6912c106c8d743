"""Figures 6-22 and 6-23: Dropout, in the graph and against overfitting."""

from __future__ import annotations

from functools import partial

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tensorgrad.chapter6.forked import in_turn
from tensorgrad.chapter6.network import MultiLayerNet, accuracies_of, skip
from tensorgrad.chapter6.run import Images, Run, Words, main
from tensorgrad.chapter6.weight_decay import final, gap, in_words

IMAGES, BATCH, HIDDEN, EPOCHS, LR = 300, 100, 6, 301, 0.01
RATIOS = (0.0, 0.15, 0.2)  # none; that of the book's figure; that of the book's code


def network(parts: tuple[Images, Images], ratio: float) -> MultiLayerNet:
    """Return the network as it starts."""
    return MultiLayerNet(parts[0].x.shape[1], HIDDEN, std="he", dropout=ratio)


def course_of(run: Run, parts: tuple[Images, Images], ratio: float) -> dict[str, list[float]]:
    """Return the accuracies on the training and the test images after each epoch."""
    net = network(parts, ratio)
    optimizer = optim.SGD(net.parameters(), lr=LR, convention="book")
    return accuracies_of(run, net, optimizer, parts, BATCH, EPOCHS)


def experiment(run: Run) -> None:
    """Units that are switched off at random cannot rely on each other: the gap shrinks."""
    x = tg.randn(5, 4, requires_grad=True)
    run.figure(
        "6-22",
        viz.draw(nn.Dropout(0.5, convention="book"), x, dims={5: "N", 4: "D"}),
        Words("Dropout: a mask is a factor on both ways", "Dropout 的概念图：掩码在前向与反向中都是因子"),
    )

    parts = run.images(IMAGES)
    skipped = partial(skip, partial(network, parts), parts[0], BATCH, EPOCHS * (IMAGES // BATCH))
    courses = in_turn(RATIOS, partial(course_of, run, parts), skipped, run.workers)
    run.record(courses={str(ratio): course for ratio, course in courses.items()})
    conclude(run, courses)
    curves = {f"Dropout {ratio}" if ratio else "without Dropout": course for ratio, course in courses.items()}
    run.figure(
        "6-23",
        viz.plot_curves(curves, limits=(0, 1.02)),
        Words("Training and test accuracy without and with Dropout", "不使用与使用 Dropout 的识别精度的变化"),
    )


def conclude(run: Run, courses: dict[float, dict[str, list[float]]]) -> None:
    """Compare the gaps and the final accuracies."""
    without, figure, code = (courses[ratio] for ratio in RATIOS)
    run.check(
        Words(
            "Without Dropout the network learns the training images by heart",
            "不使用 Dropout 时，训练数据的识别精度接近 100%",
        ),
        final(without)[0] > 0.99,
        in_words(without),
        on="mnist",
    )
    for ratio in RATIOS[1:]:
        run.check(
            Words(f"With Dropout ({ratio}) the gap shrinks", f"使用 Dropout（{ratio}）后，精度差距变小"),
            gap(courses[ratio]) < gap(without),
            f"gap {gap(courses[ratio]):.3f} against {gap(without):.3f}",
            on="mnist",
        )
    last = {ratio: final(courses[ratio])[0] for ratio in RATIOS}
    run.check(
        Words(
            "and the training accuracy stays below 1, the lower the more is switched off",
            "并且训练数据也没有达到 100% 的识别精度",
        ),
        last[0.2] < last[0.15] < 1.0,
        f"0.15: {in_words(figure)}; 0.2: {in_words(code)}",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
