"""Checks of section 6.4: the gradient of weight decay, and Dropout in training and in evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tensorgrad as tg

from .result import array, checked, close, exercise, slip

LAMBDA, RATIO, UNITS = 0.3, 0.2, 4000


@exercise
def weight_decay(function: Any) -> Iterator[str]:
    """Check a `Function` of W and lambda, whose value is ``0.5 * lambda * sum(W**2)``, against numerical gradients."""
    w = tg.tensor([[3.0, -4.0], [0.5, 2.0]], dtype=tg.float64, requires_grad=True)
    value = function.apply(w, LAMBDA)
    squares = float((w.detach() ** 2).sum())
    if not close(value.item(), 0.5 * LAMBDA * squares):
        yield "forward is not 0.5 * lambda * sum(W**2) any more: put it back"
    (value * 3.0).backward()
    if w.grad is None:
        yield "dW is None: backward must return dW, and None for lambda"
    right = 3 * LAMBDA * w.detach().numpy()
    wrong = slip(
        array(w.grad, "dW"),
        {
            "the sign is wrong: a large weight must get smaller": -right,
            "dout is forgotten: what comes from behind is a factor": right / 3,
            "it is twice too large: the 0.5 is forgotten, or the 2 of W**2 counted twice": 2 * right,
            "it is half of what it should be: the 2 of W**2 is forgotten": right / 2,
            "lambda is forgotten": right / LAMBDA,
        },
    )
    if wrong:
        yield f"dW: {wrong}"
    yield from checked(lambda w: function.apply(w, LAMBDA), [w], ["W"])


@exercise
def dropout(make: Callable[[float], Any]) -> Iterator[str]:
    """Check a module made by ``make(ratio)``: the book's, which scales in evaluation, and whose graph is kept."""
    layer, x = make(RATIO), tg.rand(40, UNITS // 40).double() + 0.5
    yield from _in_training(layer.train(), x)
    yield from _on_the_way_back(layer)
    yield from _in_evaluation(layer.eval(), x)


def _drawn(layer: Any, x: Any, seed: int = 0) -> Any:
    """Return ``layer(x)`` with the generators, NumPy's too, started from `seed`."""
    tg.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what a learner may draw from
    return layer(x)


def _in_training(layer: Any, x: Any) -> Iterator[str]:
    given, y = x.numpy(), array(_drawn(layer, x), "what forward returns in training")
    if y.shape != given.shape:
        yield f"training: the shape is {y.shape}, expected that of x, {given.shape}"
    share = y / given
    on = share[share != 0]
    off = float((share == 0).mean())
    if off == 0:
        yield "training: no unit is switched off: y = x * mask, and mask holds 0 and 1"
    if not close(on, np.ones_like(on)):
        if close(on, np.full_like(on, 1 / (1 - RATIO))):
            yield (
                "training: what stays on is divided by 1 - ratio: that is PyTorch's way; the book scales in evaluation"
            )
        if close(on, np.full_like(on, 1 - RATIO)):
            yield "training: what stays on is scaled by 1 - ratio, which belongs to evaluation"
        yield "training: what stays on must stay as it is: y = x * mask, and mask holds 0 and 1"
    if abs(off - (1 - RATIO)) < 0.05:
        yield f"training: the mask is the wrong way round: {off:.0%} are off with ratio {RATIO}; mask = rand > ratio"
    if len({tuple(row) for row in share == 0}) == 1:
        yield "training: every row has the same mask: draw it in the shape of x"
    if abs(off - RATIO) > 0.05:
        yield f"training: {off:.0%} of the units are off, with ratio {RATIO}"
    if close(array(_drawn(layer, x, 1), "what forward returns"), y):
        yield "training: the second batch has the mask of the first: draw a new one in each forward"


def _on_the_way_back(layer: Any) -> Iterator[str]:
    x = (tg.rand(3, 5).double() + 0.5).requires_grad_()
    if not _drawn(layer, x).requires_grad:
        yield "training: no gradient comes back: the graph is left on the way (.numpy(), .detach() or no_grad)"
    for wrong in checked(lambda x: _drawn(layer, x), [x], ["x"]):
        yield f"training, on the way back: {wrong}"


def _in_evaluation(layer: Any, x: Any) -> Iterator[str]:
    given, y = x.numpy(), array(_drawn(layer, x), "what forward returns in evaluation")
    wrong = slip(
        y,
        {
            "the scale is missing: x * (1 - ratio), for only that share was on in training": given,
            "it must be multiplied by 1 - ratio, not divided": given / (1 - RATIO),
            "it is scaled by ratio: the share that was on is 1 - ratio": given * RATIO,
        },
    )
    if not wrong and (y == 0).any():
        wrong = "units are still switched off: ask self.training"
    if not wrong and not close(y, given * (1 - RATIO)):
        wrong = "expected x * (1 - ratio)"
    if wrong:
        yield f"evaluation: {wrong}"
