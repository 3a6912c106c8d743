"""The CTC loss: the sum over every path, written out; PyTorch's behind a log_softmax; derivatives; what is refused."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, DTypeError, RangeError, ShapeError
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import close, run, torch_

R = np.random.default_rng(7)
PADDED, ROW = (
    np.array([[1, 2, 2], [3, 1, -5], [4, 99, 99]]),
    np.array([1, 2, 2, 3, 1, 4]),
)  # what is padding is not read


def read(path: tuple[int, ...], blank: int) -> list[int]:
    """The labels that a path is read as."""
    return [label for label, _ in itertools.groupby(path) if label != blank]


def every_path(p: np.ndarray, labels: list[int], blank: int) -> float:
    """Minus the logarithm of the summed probabilities of all paths of classes that are read as `labels`."""
    paths = itertools.product(range(p.shape[1]), repeat=len(p))
    total = sum(math.prod(p[range(len(p)), path]) for path in paths if read(path, blank) == labels)
    return -math.log(total) if total else math.inf


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 5), st.lists(st.integers(0, 1), max_size=3), st.integers(0, 2), st.integers(0, 9))
def test_the_loss_is_the_sum_over_every_path(steps: int, kinds: list[int], blank: int, seed: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(3), size=6)
    labels = [[c for c in range(3) if c != blank][k] for k in kinds]
    found = functional.ctc_loss(
        tg.tensor(np.log(p)), tg.tensor(labels, dtype=tg.int64), [steps], [len(labels)], blank, "none"
    ).item()
    assert found == pytest.approx(every_path(p[:steps], labels, blank), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("targets", [PADDED, ROW], ids=["padded", "in a row"])
@pytest.mark.parametrize("times", [[6, 6, 6], [6, 4, 3], [7, 3, 1]], ids=str)
def test_the_loss_and_its_gradient_are_pytorchs(
    times: list[int], targets: np.ndarray, zero_infinity: bool, reduction: str
) -> None:
    torch, counts = torch_(), [3, 2, 1]

    def call(lib: Any, logits: Any) -> Any:
        x = lib.nn.functional.log_softmax(logits, -1)
        inputs = lib.tensor(targets), lib.tensor(times), lib.tensor(counts)
        return lib.nn.functional.ctc_loss(x, *inputs, reduction=reduction, zero_infinity=zero_infinity)

    logits = R.normal(size=(7, 3, 5))
    found, wanted = (run(lambda x, lib=lib: call(lib, x), [logits], lib, order=1) for lib in (tg, torch))
    for a, b in zip(found, wanted, strict=True):
        close(a, b)


def test_the_layer_and_one_sequence_alone_are_pytorchs() -> None:
    x = np.log(R.dirichlet(np.ones(4), size=5))
    targets, times, counts = np.array([1, 3]), np.array([5]), np.array([2])
    torch = torch_()
    for reduction in ("mean", "sum", "none"):
        found = functional.ctc_loss(tg.tensor(x), tg.tensor(targets), tg.tensor(times), tg.tensor(counts), 2, reduction)
        wanted = torch.nn.functional.ctc_loss(
            torch.tensor(x), torch.tensor(targets), torch.tensor(times), torch.tensor(counts), 2, reduction
        )
        close(found, wanted)
    assert functional.ctc_loss(tg.tensor(x), tg.tensor(targets), 5, 2).shape == ()
    layers = [lib.nn.CTCLoss(2, "sum", True) for lib in (tg, torch)]
    assert repr(layers[0]) == repr(layers[1])
    found, wanted = (
        layer(*[lib.tensor(a) for a in (x[:, None], targets[None], times, counts)])
        for layer, lib in zip(layers, (tg, torch), strict=True)
    )
    close(found, wanted)


def test_first_and_second_derivatives() -> None:
    x = tg.tensor(R.normal(size=(3, 2, 3)), requires_grad=True)

    def f(x: tg.Tensor) -> tg.Tensor:
        return functional.ctc_loss(
            functional.log_softmax(x, -1), tg.tensor([[1, 1], [2, 0]]), [3, 2], [2, 1], reduction="sum"
        )

    assert gradcheck(f, x)
    assert gradgradcheck(f, x)
    assert gradgradcheck(
        lambda x: functional.ctc_loss(x, tg.tensor([[1, 1], [2, 0]]), [3, 2], [2, 0], reduction="sum"), x
    )


def test_a_class_that_cannot_be_is_no_danger() -> None:
    """Of log_probs with infinities, all that remains finite is finite, in value and both derivatives."""
    p = np.array([[[0.5, 0.5, 0.0]], [[0.0, 1.0, 0.0]], [[0.2, 0.3, 0.5]]])
    with np.errstate(divide="ignore"):
        x = tg.tensor(np.log(p), requires_grad=True)
    loss = functional.ctc_loss(x, tg.tensor([[1]]), [3], [1], reduction="sum")
    assert loss.item() == pytest.approx(every_path(p[:, 0], [1], 0))
    (g,) = tg.autograd.grad(loss, x, create_graph=True)
    (gg,) = tg.autograd.grad((g * g).sum(), x)
    assert np.isfinite(g.detach().numpy()).all()
    assert np.isfinite(gg.numpy()).all()
    assert (g.detach().numpy()[p == 0] == 0).all()


def test_labels_that_have_no_place_in_their_time() -> None:
    x = tg.tensor(np.log(R.dirichlet(np.ones(3), size=(3, 2))), requires_grad=True)
    arguments = tg.tensor([[1, 1, 1], [1, 2, 0]]), [3, 3], [3, 2]
    loss = functional.ctc_loss(x, *arguments, reduction="none")
    assert loss[0].item() == math.inf
    (g,) = tg.autograd.grad(loss.sum(), x)
    assert not np.isfinite(g.numpy()[:, 0]).all()
    assert np.isfinite(g.numpy()[:, 1]).all()
    assert (g.numpy()[:, 1] != 0).any()
    loss = functional.ctc_loss(x, *arguments, reduction="none", zero_infinity=True)
    assert loss[0].item() == 0
    (g,) = tg.autograd.grad(loss.sum(), x)
    assert (g.numpy()[:, 0] == 0).all()
    assert np.isfinite(g.numpy()).all()


def test_half_precision_is_computed_in_single() -> None:
    x = np.log(R.dirichlet(np.ones(4), size=(9, 2)))
    found = functional.ctc_loss(tg.tensor(x).half(), tg.tensor([[1, 3], [2, 1]]), [9, 8], [2, 2])
    assert found.dtype == tg.float16
    close(found.double(), functional.ctc_loss(tg.tensor(x), tg.tensor([[1, 3], [2, 1]]), [9, 8], [2, 2]), 3e-3)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"targets": tg.tensor([[1, 3]])}, RangeError, "found 3"),
        ({"targets": tg.tensor([[1, 0]])}, RangeError, "without the blank, 0; found 0"),
        ({"targets": tg.tensor([[1.0, 2.0]])}, DTypeError, "whole numbers, found float32"),
        ({"targets": tg.tensor([[1]])}, ShapeError, r"at least \(1, 2\)"),
        ({"targets": tg.tensor([1, 2, 2])}, ShapeError, r"\(2,\), the sum of target_lengths, but got \[3\]"),
        ({"input_lengths": [5]}, ShapeError, "at most 4, but got value 5"),
        ({"input_lengths": [4, 4]}, ShapeError, "input_lengths must be of size batch_size"),
        ({"target_lengths": [-1]}, ArgumentError, "must not be negative, found -1"),
        ({"blank": 3}, RangeError, "blank must be in label range: 0 to 2, found 3"),
        ({"reduction": "all"}, ValueError, "all is not a valid value"),
        ({"log_probs": tg.zeros(4)}, ShapeError, r"found \[4\]"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], error: type[Exception], text: str) -> None:
    fitting = {
        "log_probs": tg.zeros(4, 1, 3), "targets": tg.tensor([[1, 2]]), "input_lengths": [4], "target_lengths": [2],
    }  # fmt: skip
    with pytest.raises(error, match=text):
        functional.ctc_loss(**(fitting | changes))
    assert nn.CTCLoss()(*fitting.values()).shape == ()
