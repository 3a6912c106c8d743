"""Every loss and distance: PyTorch's in value and two derivatives, closed forms, limits, warnings and errors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import DTypeError, ShapeError
from tensorgrad.nn import functional as F  # noqa: N812 - what everybody calls it
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import close, same_call, same_module, torch_

R = np.random.default_rng(7)
X, Y, Z = (R.normal(size=(4, 3)) for _ in range(3))
P, Q = (R.uniform(0.05, 0.95, size=(4, 3)) for _ in range(2))
POSITIVE = R.uniform(0.5, 3, size=(4, 3))
PROBABILITIES = POSITIVE / POSITIVE.sum(axis=1, keepdims=True)
CLASSES = np.array([0, 2, 1, 2])
SIGNS, SIGN_ROWS = R.choice([-1.0, 1.0], size=(4, 3)), np.array([1.0, -1.0, -1.0, 1.0])
WEIGHT, SPREAD = np.array([0.5, 2.0, 1.5]), R.normal(size=(2, 3, 1, 2))
PLACES = R.integers(0, 3, size=(2, 1, 2))
LISTS = np.array([[1, -1, 0], [0, 2, -1], [-1, 0, 0], [2, 1, 0]])
IGNORING = np.array([0, -100, 1, -100])

# name, arguments, settings that are tensors, settings: each one with every reduction
LOSSES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("l1_loss", (X, Y), {}),
    ("l1_loss", (X, Y), {"weight": POSITIVE}),
    ("mse_loss", (X, Y), {}),
    ("mse_loss", (X, Y), {"weight": POSITIVE}),
    ("smooth_l1_loss", (X, Y), {}),
    ("smooth_l1_loss", (X, Y), {"beta": 0.3}),
    ("smooth_l1_loss", (X, Y), {"beta": 0.0}),
    ("huber_loss", (X, Y), {}),
    ("huber_loss", (X, Y), {"delta": 0.3, "weight": POSITIVE}),
    ("cross_entropy", (X, CLASSES), {}),
    ("cross_entropy", (X, CLASSES), {"weight": WEIGHT}),
    ("cross_entropy", (X, CLASSES), {"label_smoothing": 0.2}),
    ("cross_entropy", (X, CLASSES), {"weight": WEIGHT, "label_smoothing": 0.2, "ignore_index": 2}),
    ("cross_entropy", (X, CLASSES), {"ignore_index": 1}),
    ("cross_entropy", (X, IGNORING), {"label_smoothing": 0.1}),
    ("cross_entropy", (X, IGNORING), {}),
    ("cross_entropy", (X[0], np.array(1)), {"label_smoothing": 0.2}),
    ("cross_entropy", (SPREAD, PLACES), {"weight": WEIGHT, "ignore_index": 0}),
    ("cross_entropy", (SPREAD, PLACES), {"label_smoothing": 0.3}),
    ("cross_entropy", (X, PROBABILITIES), {}),
    ("cross_entropy", (X, PROBABILITIES), {"weight": WEIGHT, "label_smoothing": 0.2}),
    ("cross_entropy", (X[0], PROBABILITIES[0]), {}),
    ("cross_entropy", (SPREAD, np.abs(SPREAD)), {"weight": WEIGHT}),
    ("nll_loss", (X, CLASSES), {}),
    ("nll_loss", (X, CLASSES), {"weight": WEIGHT, "ignore_index": 2}),
    ("nll_loss", (X[0], np.array(2)), {}),
    ("nll_loss", (SPREAD, PLACES), {"ignore_index": 1}),
    ("binary_cross_entropy", (P, Q), {}),
    ("binary_cross_entropy", (P, Q), {"weight": WEIGHT}),
    ("binary_cross_entropy_with_logits", (X, Q), {}),
    ("binary_cross_entropy_with_logits", (X, Q), {"weight": POSITIVE, "pos_weight": WEIGHT}),
    ("kl_div", (X, PROBABILITIES), {}),
    ("kl_div", (X, Y), {"log_target": True}),
    ("poisson_nll_loss", (X, POSITIVE), {}),
    ("poisson_nll_loss", (X, POSITIVE), {"full": True}),
    ("poisson_nll_loss", (POSITIVE, POSITIVE), {"log_input": False, "eps": 0.1}),
    ("gaussian_nll_loss", (X, Y, POSITIVE), {}),
    ("gaussian_nll_loss", (X, Y, POSITIVE[:, 0]), {"full": True}),
    ("gaussian_nll_loss", (X, Y, POSITIVE[:, :1]), {"eps": 0.01}),
    ("gaussian_nll_loss", (X, Y, 0.5), {}),
    ("hinge_embedding_loss", (X, SIGNS), {"margin": 0.5}),
    ("margin_ranking_loss", (X, Y, SIGNS), {"margin": 0.5}),
    ("soft_margin_loss", (X, SIGNS), {}),
    ("multi_margin_loss", (X, CLASSES), {}),
    ("multi_margin_loss", (X, CLASSES), {"p": 2, "margin": 0.7, "weight": WEIGHT}),
    ("multi_margin_loss", (X[0], np.array(1)), {}),
    ("multilabel_margin_loss", (X, LISTS), {}),
    ("multilabel_margin_loss", (X[1], LISTS[1]), {}),
    ("multilabel_soft_margin_loss", (X, Q), {}),
    ("multilabel_soft_margin_loss", (X, Q), {"weight": WEIGHT}),
    ("cosine_embedding_loss", (X, Y, SIGN_ROWS), {"margin": 0.1}),
    ("cosine_embedding_loss", (X[0], Y[0], np.array(-1.0)), {}),
    ("triplet_margin_loss", (X, Y, Z), {"margin": 2.0}),
    ("triplet_margin_loss", (X, Y, Z), {"p": 3.0, "swap": True, "eps": 1e-3}),
    ("triplet_margin_with_distance_loss", (X, Y, Z), {"swap": True}),
]  # fmt: skip
REDUCTIONS = ["mean", "sum", "none"]
# PyTorch has no derivative by these arguments, or none of second order, or warns of what is meant here.
WITHOUT_TARGET_GRADIENT = {"multi_margin_loss", "soft_margin_loss"}
WITHOUT_SECOND_DERIVATIVE = {"multi_margin_loss", "multilabel_margin_loss", "MultiMarginLoss", "MultiLabelMarginLoss"}


def named(case: Any) -> str:
    name, arguments, settings = case
    return f"{name}-{'x'.join(map(str, np.shape(arguments[0])))}-{','.join(settings)}"


def run(lib: Any, name: str, arguments: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    tensors = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="reduction: 'mean' divides")
        return getattr(lib.nn.functional, name)(*arguments, **tensors)


def constants(name: str, arguments: tuple[Any, ...]) -> list[int]:
    """The places of arguments that hold signs, or have no gradient in PyTorch."""
    found = [i for i, a in enumerate(arguments) if a is SIGNS or a is SIGN_ROWS or np.shape(a) == ()]
    return found + ([1] if name in WITHOUT_TARGET_GRADIENT else [])


def split(name: str, arguments: tuple[Any, ...]) -> tuple[list[Any], Callable[[Any, list[Any]], list[Any]]]:
    """The arguments that get a gradient, and how to put the others back."""
    fixed = set(constants(name, arguments))
    moving = [a for i, a in enumerate(arguments) if i not in fixed]

    def whole(lib: Any, tensors: list[Any]) -> list[Any]:
        rest = iter(tensors)
        return [
            (lib.tensor(a) if isinstance(a, np.ndarray) else a) if i in fixed else next(rest)
            for i, a in enumerate(arguments)
        ]

    return moving, whole


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", LOSSES, ids=named)
def test_a_loss_is_pytorchs_in_value_and_two_derivatives(case: Any, reduction: str) -> None:
    name, arguments, settings = case
    moving, whole = split(name, arguments)
    same_call(
        lambda lib, *xs: run(lib, name, tuple(whole(lib, list(xs))), {**settings, "reduction": reduction}),
        *moving,
        order=1 if name in WITHOUT_SECOND_DERIVATIVE else 2,
    )


@pytest.mark.parametrize("case", LOSSES, ids=named)
def test_a_loss_passes_both_checks_of_gradients(case: Any) -> None:
    name, arguments, settings = case
    moving, whole = split(name, arguments)
    floats = [i for i, a in enumerate(moving) if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    xs = [tg.tensor(moving[i], requires_grad=True) for i in floats]

    def loss(*given: tg.Tensor) -> tg.Tensor:
        tensors: list[Any] = [tg.tensor(a) if isinstance(a, np.ndarray) else a for a in moving]
        for i, x in zip(floats, given, strict=True):
            tensors[i] = x
        if name == "binary_cross_entropy":  # the steps of the check would leave [0, 1]
            tensors = [x.sigmoid() for x in tensors]
        return run(tg, name, tuple(whole(tg, tensors)), settings)

    assert gradcheck(loss, xs)
    assert gradgradcheck(loss, xs)


@pytest.mark.parametrize("case", LOSSES, ids=named)
def test_the_mean_is_the_sum_by_a_constant_and_the_sum_that_of_the_elements(case: Any) -> None:
    name, arguments, settings = case
    tensors = tuple(tg.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments)
    mean, total, each = (run(tg, name, tensors, {**settings, "reduction": r}) for r in REDUCTIONS)
    close(total, each.sum())
    assert mean.shape == total.shape == ()
    if not {"weight", "ignore_index"} & set(settings) and arguments[1] is not IGNORING:
        close(mean, each.mean())


# Pieces meet where elements are equal, one apart, or the negatives of each other.
ROWS, OTHERS = R.choice([-1.0, 0.0, 1.0], size=(2, 4, 3))
AT_TIES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *((name, (ROWS, OTHERS), {}) for name in ("l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss")),
    ("hinge_embedding_loss", (ROWS, SIGNS), {}),
    ("margin_ranking_loss", (ROWS, OTHERS, SIGNS), {"margin": 1.0}),
    ("margin_ranking_loss", (ROWS, OTHERS, SIGNS), {}),
    ("multi_margin_loss", (ROWS, CLASSES), {}),
    ("multi_margin_loss", (ROWS, CLASSES), {"p": 2}),
    ("multilabel_margin_loss", (ROWS, LISTS), {}),
    ("triplet_margin_loss", (ROWS, ROWS + 1.0, ROWS - 2.0), {"margin": math.sqrt(3), "eps": 0.0}),
    ("cosine_embedding_loss", (ROWS + 2.0, OTHERS + 2.0, -np.ones(4)), {"margin": 0.0}),
]


@pytest.mark.parametrize("case", AT_TIES, ids=named)
def test_where_its_pieces_meet_a_loss_has_pytorchs_slope(case: Any) -> None:
    name, arguments, settings = case
    moving, whole = split(name, arguments)
    order = 1 if name in WITHOUT_SECOND_DERIVATIVE else 2
    same_call(lambda lib, *xs: run(lib, name, tuple(whole(lib, list(xs))), settings), *moving, order=order)


# --- modules ----------------------------------------------------------------------------------------------------------


def weight(lib: Any) -> Any:
    return (tg if lib is nn else torch_()).tensor(WEIGHT)


MODULES: list[tuple[Callable[[Any], Any], tuple[Any, ...]]] = [
    (lambda lib: lib.L1Loss(), (X, Y)),
    (lambda lib: lib.MSELoss(reduction="sum"), (X, Y)),
    (lambda lib: lib.SmoothL1Loss(beta=0.4), (X, Y)),
    (lambda lib: lib.HuberLoss("sum", 0.4), (X, Y)),
    (lambda lib: lib.CrossEntropyLoss(ignore_index=2, label_smoothing=0.1), (X, CLASSES)),
    (lambda lib: lib.CrossEntropyLoss(weight(lib)), (X, CLASSES)),
    (lambda lib: lib.NLLLoss(weight(lib), reduction="none"), (X, CLASSES)),
    (lambda lib: lib.BCELoss(weight(lib)), (P, Q)),
    (lambda lib: lib.BCEWithLogitsLoss(pos_weight=weight(lib)), (X, Q)),
    (lambda lib: lib.KLDivLoss(reduction="batchmean"), (X, PROBABILITIES)),
    (lambda lib: lib.KLDivLoss(reduction="sum", log_target=True), (X, Y)),
    (lambda lib: lib.PoissonNLLLoss(full=True, eps=0.1), (X, POSITIVE)),
    (lambda lib: lib.GaussianNLLLoss(full=True), (X, Y, POSITIVE)),
    (lambda lib: lib.CosineSimilarity(dim=0), (X, Y)),
    (lambda lib: lib.PairwiseDistance(p=1, keepdim=True), (X, Y)),
    (lambda lib: lib.MultiMarginLoss(p=2, weight=weight(lib)), (X, CLASSES)),
    (lambda lib: lib.MultiLabelMarginLoss(), (X, LISTS)),
    (lambda lib: lib.MultiLabelSoftMarginLoss(), (X, Q)),
    (lambda lib: lib.TripletMarginLoss(margin=2, swap=True), (X, Y, Z)),
    (lambda lib: lib.TripletMarginWithDistanceLoss(margin=2), (X, Y, Z)),
]  # fmt: skip


@pytest.mark.parametrize("case", MODULES, ids=lambda case: type(case[0](nn)).__name__)
def test_a_module_is_pytorchs_in_text_state_value_and_two_derivatives(case: Any) -> None:
    make, arguments = case
    same_module(make, *arguments, order=1 if type(make(nn)).__name__ in WITHOUT_SECOND_DERIVATIVE else 2)


@pytest.mark.parametrize("name", ["HingeEmbeddingLoss", "MarginRankingLoss", "CosineEmbeddingLoss", "SoftMarginLoss"])
def test_a_module_of_signs_is_its_function(name: str) -> None:
    arguments = {
        "HingeEmbeddingLoss": (X, SIGNS), "MarginRankingLoss": (X, Y, SIGNS), "CosineEmbeddingLoss": (X, Y, SIGN_ROWS),
        "SoftMarginLoss": (X, SIGNS),
    }[name]  # fmt: skip
    function = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    tensors = [tg.tensor(a) for a in arguments]
    close(getattr(nn, name)(reduction="sum")(*tensors), getattr(F, function)(*tensors, reduction="sum"))


# --- distances --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x, y: lib.nn.functional.cosine_similarity(x, y),
        lambda lib, x, y: lib.nn.functional.cosine_similarity(x[:, None], y[None], dim=-1),
        lambda lib, x, y: lib.nn.functional.normalize(x) * y,
        lambda lib, x, y: lib.nn.functional.normalize(x, p=1.5, dim=0) * y,
        lambda lib, x, y: lib.nn.functional.pairwise_distance(x, y),
        lambda lib, x, y: lib.nn.functional.pairwise_distance(x, y, p=1, eps=0.0, keepdim=True),
    ],
)
def test_a_distance_is_pytorchs_in_value_and_two_derivatives(call: Any) -> None:
    same_call(call, X, Y, rtol=1e-9)


def test_distances_of_pairs_of_rows_are_pytorchs() -> None:
    for p in (1.0, 1.5, 2.0, math.inf):
        same_call(lambda lib, x, p=p: lib.nn.functional.pdist(x, p), X, order=1)
    assert gradgradcheck(F.pdist, [tg.tensor(X, requires_grad=True)])


def test_one_hot_is_pytorchs() -> None:
    torch = torch_()
    for classes, count in (([0, 2, 1], -1), ([[0], [1]], 4), (2, -1), ([], 3)):
        ours = F.one_hot(tg.tensor(classes, dtype=tg.int64), count)
        theirs = torch.nn.functional.one_hot(torch.tensor(classes, dtype=torch.int64), count)
        assert ours.tolist() == theirs.tolist()
        assert (ours.dtype, tuple(ours.shape)) == (tg.int64, tuple(theirs.shape))


# --- without PyTorch: closed forms and invariants ---------------------------------------------------------------------

logits = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=(5, 4)) * 3)


@given(logits, st.floats(-50, 50))
def test_cross_entropy_does_not_see_a_shift_and_is_the_likelihood_of_log_softmax(x: Any, shift: float) -> None:
    target = tg.tensor([0, 3, 2, 2, 1])
    loss = F.cross_entropy(tg.tensor(x), target)
    close(F.cross_entropy(tg.tensor(x + shift), target), loss, 1e-9, 1e-9)
    close(F.nll_loss(F.log_softmax(tg.tensor(x), dim=1), target), loss)
    close(F.cross_entropy(tg.tensor(x), F.one_hot(target, 4).double()), loss)


@given(logits, st.sampled_from(REDUCTIONS))
def test_ones_as_weights_and_no_smoothing_are_the_plain_loss(x: Any, reduction: str) -> None:
    target = tg.tensor([0, 3, 2, 2, 1])
    plain = F.cross_entropy(tg.tensor(x), target, reduction=reduction)
    weighted = F.cross_entropy(tg.tensor(x), target, weight=tg.ones(4).double(), reduction=reduction)
    close(weighted, plain)
    close(F.cross_entropy(tg.tensor(x), target, reduction=reduction, label_smoothing=0.0), plain)


@given(logits, st.lists(st.booleans(), min_size=5, max_size=5).filter(any))
def test_ignoring_is_dropping_the_rows(x: Any, kept: list[bool]) -> None:
    keep, classes = np.array(kept), np.array([0, 3, 2, 2, 1])
    inputs = tg.tensor(x, requires_grad=True)
    loss = F.cross_entropy(inputs, tg.tensor(np.where(keep, classes, -100)))
    close(loss, F.cross_entropy(tg.tensor(x[keep]), tg.tensor(classes[keep])))
    loss.backward()
    assert not inputs.grad.numpy()[~keep].any()


def test_an_ignored_row_may_hold_anything() -> None:
    x = tg.tensor([[math.nan, math.inf], [1.0, 2.0]], requires_grad=True)
    with np.errstate(invalid="ignore"):
        loss = F.cross_entropy(x, tg.tensor([-100, 0]))
    close(loss, F.cross_entropy(tg.tensor([[1.0, 2.0]]), tg.tensor([0])), 1e-6)


def test_huber_and_smooth_l1_are_one_function_up_to_the_scale() -> None:
    x, y = tg.tensor(X), tg.tensor(Y)
    close(F.huber_loss(x, y, delta=0.7), 0.7 * F.smooth_l1_loss(x, y, beta=0.7))


def test_kl_div_of_equals_is_zero_and_batchmean_divides_by_the_rows() -> None:
    p = tg.tensor(PROBABILITIES)
    assert abs(F.kl_div(p.log(), p, reduction="sum").item()) < 1e-15
    x = tg.tensor(X)
    close(F.kl_div(x, p, reduction="batchmean"), F.kl_div(x, p, reduction="sum") / 4)
    zero = tg.tensor([0.0, 1.0], requires_grad=True)
    F.kl_div(tg.tensor([-3.0, 0.0]), zero, reduction="sum").backward()
    assert F.kl_div(tg.tensor([-3.0, 0.0]), zero, reduction="sum").item() == 0


@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("name", ["cross_entropy", "soft", "smooth", "nll", "bce", "soft_margin", "multilabel"])
def test_a_loss_is_finite_far_out_in_value_and_two_derivatives(name: str, dtype: Any, size: float) -> None:
    x = tg.tensor([[-size, 0.0, size], [size, size, -size]], dtype=dtype, requires_grad=True)
    half = tg.full((2, 3), 0.5, dtype=dtype)
    loss = {
        "cross_entropy": lambda: F.cross_entropy(x, tg.tensor([0, 2])),
        "soft": lambda: F.cross_entropy(x, half),
        "smooth": lambda: F.cross_entropy(x, tg.tensor([0, 2]), label_smoothing=0.1),
        "nll": lambda: F.nll_loss(F.log_softmax(x, dim=1), tg.tensor([0, 2])),
        "bce": lambda: F.binary_cross_entropy_with_logits(x, half),
        "soft_margin": lambda: F.soft_margin_loss(x, half.sign()),
        "multilabel": lambda: F.multilabel_soft_margin_loss(x, half),
    }[name]()
    (first,) = tg.autograd.grad(loss, x, create_graph=True)
    (second,) = tg.autograd.grad((first * first).sum(), x)
    for found in (loss, first, second):
        assert np.isfinite(found.detach().numpy()).all()


def test_certain_probabilities_have_a_finite_loss_and_slope() -> None:
    x = tg.tensor([0.0, 1.0, 0.0, 1.0], dtype=tg.float64, requires_grad=True)
    loss = F.binary_cross_entropy(x, tg.tensor([0.0, 1.0, 1.0, 0.0]).double(), reduction="none")
    assert loss.tolist() == [0.0, 0.0, 100.0, 100.0]
    loss.sum().backward()
    assert x.grad.tolist() == [1.0, -1.0, -1e12, 1e12]  # 1e12: what PyTorch gives


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_the_mean_of_nothing_is_nan_without_a_warning(name: str) -> None:
    assert math.isnan(getattr(F, name)(tg.ones(0), tg.ones(0)).item())


def test_the_mean_over_nothing_but_ignored_positions_is_nan_without_a_warning() -> None:
    x = tg.ones(2, 3, requires_grad=True)
    assert math.isnan(F.cross_entropy(x, tg.tensor([-100, -100])).item())
    assert math.isnan(F.cross_entropy(tg.ones(0, 3), tg.tensor([], dtype=tg.int64)).item())
    assert F.cross_entropy(x, tg.tensor([-100, -100]), reduction="sum").item() == 0


# --- warnings and errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_a_column_against_a_row_warns(name: str) -> None:
    with pytest.warns(UserWarning, match=r"Using a target size \(.*\[3, 1\]\)\) that is different to the input size"):
        getattr(F, name)(tg.ones(3), tg.ones(3, 1))


def test_the_old_arguments_warn_and_mean_what_they_meant() -> None:
    x, y = tg.tensor(X), tg.tensor(Y)
    for settings, reduction in (
        ({"size_average": False}, "sum"),
        ({"reduce": False}, "none"),
        ({"reduce": True}, "mean"),
    ):
        with pytest.warns(UserWarning, match=f"please use reduction='{reduction}' instead"):
            found = F.mse_loss(x, y, **settings)
        close(found, F.mse_loss(x, y, reduction=reduction))
        with pytest.warns(UserWarning, match=f"please use reduction='{reduction}' instead"):
            assert nn.MSELoss(**settings).reduction == reduction


def test_the_mean_of_a_divergence_warns() -> None:
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        F.kl_div(tg.tensor(X), tg.tensor(PROBABILITIES))


LOGITS, LABELS = tg.ones(3, 4), tg.tensor([0, 1, 2])
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: F.cross_entropy(LOGITS, tg.tensor([0, 1])), ValueError, r"batch_size \(3\).*batch_size \(2\)"),
    (lambda: F.cross_entropy(LOGITS, tg.tensor([0, 1, 7])), IndexError, "Target 7 is out of bounds"),
    (lambda: F.cross_entropy(LOGITS, tg.tensor([0, 1, -1])), IndexError, "Target -1 is out of bounds"),
    (lambda: F.cross_entropy(LOGITS, tg.tensor([0.0, 1, 2])), DTypeError, "expected target dtype to be Long"),
    (lambda: F.cross_entropy(LOGITS, tg.tensor([True] * 3)), DTypeError, "expected target dtype to be Long"),
    (lambda: F.cross_entropy(LOGITS, tg.ones(3, 4, dtype=tg.int64)), DTypeError, "class probabilities"),
    (lambda: F.cross_entropy(LOGITS, tg.ones(3, 5)), DTypeError, "expected target dtype"),
    (lambda: F.cross_entropy(tg.ones(4), tg.tensor([1])), ShapeError, "target without axes"),
    (lambda: F.cross_entropy(tg.tensor(1.0), tg.tensor(1)), ShapeError, "found a scalar"),
    (lambda: F.cross_entropy(tg.ones(2, 3, 4), tg.zeros(2, 5).long()), ShapeError, r"size \[2, 4\], got \[2, 5\]"),
    (lambda: F.cross_entropy(LOGITS, LABELS, tg.ones(3)), ShapeError, "for all 4 classes"),
    (lambda: F.cross_entropy(LOGITS, LABELS, label_smoothing=2), RuntimeError, "between 0.0 and 1.0"),
    (lambda: F.cross_entropy(LOGITS, LOGITS, ignore_index=2), RuntimeError, "ignore_index is not supported"),
    (lambda: F.cross_entropy(LOGITS, LABELS, reduction="most"), ValueError, "most is not a valid value"),
    (lambda: F.nll_loss(LOGITS, tg.tensor([0, 4, 1])), IndexError, "Target 4 is out of bounds"),
    (lambda: F.binary_cross_entropy(tg.ones(3), tg.ones(3, 1)), ValueError, "different to the input size"),
    (lambda: F.binary_cross_entropy(tg.ones(3) * 2, tg.ones(3)), RuntimeError, "all elements of input"),
    (lambda: F.binary_cross_entropy(tg.ones(3), tg.ones(3) * 2), RuntimeError, "all elements of target"),
    (lambda: F.binary_cross_entropy_with_logits(tg.ones(3), tg.ones(3, 1)), ValueError, "be the same as input size"),
    (lambda: F.mse_loss(tg.ones(3), tg.ones(3), weight=tg.ones(2)), ValueError, "Weights and input must have the same"),
    (lambda: F.huber_loss(tg.ones(3), tg.ones(3), delta=0), RuntimeError, "non-positive values for delta"),
    (lambda: F.smooth_l1_loss(tg.ones(3), tg.ones(3), beta=-1), RuntimeError, "negative values for beta"),
    (lambda: F.gaussian_nll_loss(tg.ones(3), tg.ones(3), -tg.ones(3)), ValueError, "negative entry"),
    (lambda: F.gaussian_nll_loss(tg.ones(3, 2), tg.ones(3, 2), tg.ones(2)), ValueError, "var is of incorrect size"),
    (lambda: F.gaussian_nll_loss(tg.ones(3, 2), tg.ones(3, 2), tg.ones(1, 1)), ValueError, "var is of incorrect size"),
    (lambda: F.margin_ranking_loss(tg.ones(3), tg.ones(2, 3), tg.ones(3)), RuntimeError, "should have same dimension"),
    (lambda: F.cosine_embedding_loss(tg.ones(3), tg.ones(3), tg.ones(1)), RuntimeError, "expects 2D input tensors"),
    (lambda: F.triplet_margin_loss(tg.ones(2, 3), tg.ones(3), tg.ones(2, 3)), RuntimeError, "anchor 2D, positive 1D"),
    (lambda: F.multi_margin_loss(LOGITS, tg.tensor([0, 1, 9])), IndexError, "Target 9 is out of bounds"),
    (lambda: F.multi_margin_loss(LOGITS, tg.tensor([0, 1, -1])), IndexError, "found -1"),
    (lambda: F.multi_margin_loss(LOGITS, LABELS, p=3), ValueError, "only p == 1 and p == 2"),
    (lambda: F.multilabel_margin_loss(LOGITS, tg.zeros(3).long()), RuntimeError, "inconsistent target size"),
    (lambda: F.multilabel_margin_loss(tg.ones(2), tg.tensor([5, -1])), IndexError, "target out of range"),
    (lambda: F.one_hot(tg.tensor([0, 3]), 2), RuntimeError, "smaller than num_classes"),
    (lambda: F.one_hot(tg.tensor([-1])), RuntimeError, "must be non-negative"),
    (lambda: F.one_hot(tg.tensor([1.0])), RuntimeError, "index tensor of type LongTensor"),
    (lambda: F.one_hot(tg.tensor([], dtype=tg.int64)), RuntimeError, "empty tensor"),
    (lambda: F.pdist(tg.ones(3)), RuntimeError, "only supports 2D tensors"),
    (lambda: nn.MSELoss(reduction="most"), ValueError, "most is not a valid value"),
]  # fmt: skip


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[2])
def test_what_does_not_fit_is_refused_in_pytorchs_words(case: Any) -> None:
    call, error, text = case
    with pytest.raises(error, match=text):
        call()


def test_every_function_of_losses_is_in_the_table() -> None:
    listed = {name for name, _, _ in LOSSES}
    elsewhere = {"ctc_loss"}  # whose arguments are like no other's: test_nn_ctc
    assert {name for name in F.__all__ if name.endswith("_loss")} <= listed | elsewhere


@pytest.mark.parametrize("label", [0, -1])
def test_one_class_without_axes_misses_no_margin(label: int) -> None:
    x, target = tg.tensor(0.5, requires_grad=True), tg.tensor(label)
    loss = tg.nn.functional.multilabel_margin_loss(x, target)
    loss.backward()
    assert (loss.item(), loss.shape, x.grad.item(), x.grad.shape) == (0.0, (), 0.0, ())
