"""What the derivative is where there is none: every record of it, held on the engine in both modes and on PyTorch."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES, Kink
from tensorgrad.reference.kinks import KINKS
from tensorgrad.reference.parts import table

OPS = {name: op for named in table().values() for name, op in named.items()}
OF_PRIMITIVES = [pytest.param(name, kink, id=f"{name}-{kink.at}") for name, p in PRIMITIVES.items() for kink in p.kinks]
OF_FUNCTIONS = [
    pytest.param(name, kink, id=f"{name}-{kink.at}-{dict(kink.params)}")
    for name, kinks in KINKS.items()
    for kink in kinks
]

# PyTorch's word for an engine's, where they differ.
TORCH_NAMES = {"clip": "clamp"}
TORCH_METHODS = {"polygamma"}  # as a function it takes its parameter first
TORCH_PARAMETERS = {"low": "min", "high": "max", "axis": "dim", "keepdims": "keepdim"}


def argument(value) -> np.ndarray:
    array = np.asarray(value)
    return array if array.dtype.kind == "b" else array.astype(np.float64)


def slopes(function, kink: Kink, position: int, numbers: bool) -> dict[str, np.ndarray]:
    """The derivative of the sum of the output by one argument, each way in which the sweeps find it.

    `numbers` leaves the other arguments Python numbers, which rules and fast paths treat apart.
    """
    values = list(map(argument, kink.at))
    xs = [value.item() if numbers and i != position else tg.tensor(value) for i, value in enumerate(values)]
    x = xs[position]
    x.requires_grad = True
    y = function(*xs, **kink.params)
    y = y[0] if isinstance(y, tuple) else y
    total = y.sum() + (x * 0).sum()  # a function without derivative records nothing: the gradient is then this zero
    found = {"reverse": tg.autograd.grad(total, x, retain_graph=True)[0].numpy()}
    found["reverse, recorded"] = tg.autograd.grad(total, x, create_graph=True)[0].detach().numpy()
    for name, create_graph in {"forward": False, "forward, recorded": True}.items():
        found[name] = np.empty(x.shape)
        for place in np.ndindex(x.shape):
            t = np.zeros(x.shape)
            t[place] = 1.0
            found[name][place] = tg.autograd.jvp(total, x, tg.tensor(t), create_graph=create_graph)[0].item()
    return found


def boxed(values: tuple) -> tuple:
    return tuple(None if value is None else (value,) for value in values)


def settings(kink: Kink, with_numbers: bool):
    """The point and whether other arguments are numbers; in arrays with an axis as well, which take the fast paths."""
    of_numbers = all(isinstance(value, bool | float) for value in kink.at)
    inside = kink.changed(at=boxed(kink.at), slopes=boxed(kink.slopes)) if of_numbers else kink
    return itertools.product((kink, inside), {False, of_numbers and with_numbers})


def check_on_engine(function, kink: Kink, with_numbers: bool = True) -> None:
    for setting, numbers in settings(kink, with_numbers):
        for position, (value, slope) in enumerate(zip(setting.at, setting.slopes, strict=True)):
            if slope is None:
                assert argument(value).dtype.kind == "b"
                continue
            with np.errstate(all="ignore"):
                found = slopes(function, setting, position, numbers)
            for way, answer in found.items():  # NaN is what some records state, so here NaN must equal NaN
                np.testing.assert_array_equal(answer, argument(slope), strict=True, err_msg=f"{way} by {position}")


def check_on_torch(function, kink: Kink, params: dict) -> None:
    import torch

    expected = kink.slopes if kink.torch == "the same" else kink.torch
    for position, value in enumerate(kink.at):
        xs = [torch.from_numpy(np.array(argument(v))) for v in kink.at]
        if not xs[position].is_floating_point():
            continue
        xs[position].requires_grad_()
        if expected == "refuses":
            with pytest.raises(RuntimeError):
                function(*xs, **params).sum().backward()
            continue
        y = function(*xs, **params)
        (y[0] if isinstance(y, tuple) else y).sum().backward()
        np.testing.assert_array_equal(
            xs[position].grad.numpy(), argument(expected[position]), strict=True, err_msg=value
        )


@pytest.mark.parametrize(("name", "kink"), OF_PRIMITIVES)
def test_both_rules_of_a_primitive_give_what_its_record_says(name, kink):
    check_on_engine(OPS[name], kink)


@pytest.mark.parametrize(("name", "kink"), OF_FUNCTIONS)
def test_both_modes_give_what_the_table_says_of_a_composed_function(name, kink):
    check_on_engine(getattr(tg.Tensor, name), kink, with_numbers=False)  # a bound of clamp is another case as a number


@pytest.mark.filterwarnings("ignore:(std|var)..:UserWarning")
@pytest.mark.parametrize(("name", "kink"), OF_PRIMITIVES + OF_FUNCTIONS)
def test_pytorch_answers_the_same_or_what_the_record_says_of_it(name, kink):
    torch = pytest.importorskip("torch")
    if kink.torch == "has no such function":
        assert not hasattr(torch, name)
        assert not hasattr(torch.special, name)
        return
    params = {TORCH_PARAMETERS.get(key, key): value for key, value in kink.params.items()}
    wanted = TORCH_NAMES.get(name, name)
    places = (torch.Tensor,) if name in TORCH_METHODS else (torch, torch.Tensor, torch.special)
    check_on_torch(next(getattr(place, wanted) for place in places if hasattr(place, wanted)), kink, params)


@pytest.mark.parametrize("name", ["relu", "amax", "pow", "atan2"])
def test_a_wrong_record_is_rejected(name):
    kink = PRIMITIVES[name].kinks[0]
    wrong = kink.changed(slopes=tuple(np.add(s, 0.25) if np.isfinite(s).all() else 0.0 for s in kink.slopes))
    with pytest.raises(AssertionError, match="not equal"):
        check_on_engine(OPS[name], wrong)


def one_sided(f, at, position: int, step: float) -> float:
    moved = list(at)
    moved[position] += step
    with np.errstate(all="ignore"):
        return float((f(*moved) - f(*at)) / step)


def has_kink(f, at) -> bool:
    """Whether some one-sided difference quotients of `f` at the point disagree, explode or do not exist."""
    with np.errstate(all="ignore"):
        value = f(*at)
    if np.asarray(value).dtype.kind != "f" or np.isnan(value):
        return False  # a truth value, which has no slope, or outside the domain
    for position in range(len(at)):
        left, right = (one_sided(f, at, position, step) for step in (-1e-7, 1e-7))
        known = [s for s in (left, right) if not np.isnan(s)]
        if not known or max(map(abs, known)) > 1e3 or max(known) - min(known) > 1e-2:
            return True
    return False


POINTS = (-1.0, 0.0, 0.5, 1.0)


def of_numbers(p) -> bool:
    """Whether the forward function takes numbers and nothing else that must be said."""
    if not isinstance(p.samples, list) or "mask" in p.samples:
        return False
    return set(p.signature.parameters) <= set(p.signature.defaults)


OF_NUMBERS = [name for name, p in PRIMITIVES.items() if of_numbers(p)]


def unrecorded(p) -> list:
    """The points at which `p` has a kink, if its record speaks of none."""
    f = functools.partial(p.forward, **p.signature.defaults)
    places = itertools.product(map(np.float64, POINTS), repeat=len(p.signature.arguments))
    return [] if p.kinks else [at for at in places if has_kink(f, at)]


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_a_primitive_in_which_differences_find_a_kink_has_a_record_of_it(name):
    found = unrecorded(PRIMITIVES[name])
    assert not found, f"{name} has a kink at {found[:3]}: say in kinks=[Kink(...)] what its rule gives there"


@pytest.mark.parametrize("name", ["abs", "relu", "sqrt", "log", "pow", "div", "maximum", "floor", "round", "acosh"])
def test_a_record_without_its_kinks_is_noticed(name):
    assert unrecorded(PRIMITIVES[name].changed(kinks=()))


def test_the_search_for_kinks_finds_those_that_are_known():
    assert {n for n in OF_NUMBERS if PRIMITIVES[n].kinks} >= {"relu", "abs", "sqrt", "log", "maximum", "round", "atan2"}
    assert has_kink(np.abs, (0.0,))
    assert has_kink(np.sqrt, (0.0,))
    assert has_kink(np.floor, (1.0,))
    assert not has_kink(np.exp, (0.0,))
    assert not has_kink(np.log, (-1.0,))
