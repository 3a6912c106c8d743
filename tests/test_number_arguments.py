"""Every argument of every function as a number that requires grad: its gradient is right, or the call is refused.

A function may have a shorter way for 0 and 1, on which a number that is a tensor would be lost: it is tried at these.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.values import RNG

WHERE: dict[str, Any] = {"": tg, "linalg.": tg.linalg, "F.": tg.nn.functional, "init.": tg.nn.init, ".": tg.Tensor}
LEFT_OUT = {
    *("manual_seed", "seed", "initial_seed", "save", "load", ".backward", ".share_memory_", ".register_hook"),
    # what takes a copy of a tensor, as in PyTorch, which `tensor` warns of
    *("tensor", ".new", ".new_tensor"),
    # what leaves the graph, and what rounds to steps
    *("detach", "detach_", ".detach", ".detach_", ".half"),
}
VALUES = (0.0, 1.0, 0.7)
STEP = 1e-5
MOST = 3  # argument lists for one function


def callables(inside: Any) -> Iterator[str]:
    for name in dir(inside):
        found = getattr(inside, name)
        if not name.startswith(("_", "set_", "use_")) and callable(found) and not inspect.isclass(found):
            yield name


NAMES = [where + name for where, inside in WHERE.items() for name in callables(inside) if where + name not in LEFT_OUT]


def samples() -> list[tuple[Any, ...]]:
    """Arguments of which some fit any function; drawn anew for each call, for it may write to them."""
    rng = RNG(3)
    x, y, z = (tg.tensor(rng.uniform(0.2, 0.8, (3, 4))) for _ in range(3))
    v, w = (tg.tensor(rng.uniform(0.2, 0.8, 5)) for _ in range(2))
    square = tg.tensor(rng.uniform(0.0, 0.3, (3, 3)) + np.eye(3))
    square = square @ square.T
    image, kernel = tg.tensor(rng.uniform(0.1, 0.9, (2, 3, 6, 6))), tg.tensor(rng.uniform(0.1, 0.9, (3, 3, 2, 2)))
    row, cube = image[0, :, 0], tg.tensor(rng.uniform(0.1, 0.9, (1, 2, 4, 4, 4)))
    three, several = tg.tensor(np.array([0, 2, 1])), tg.tensor(np.array([[0, 2, 1, 0], [1, 1, 0, 2], [2, 0, 1, 1]]))
    mask, sides = x > 0.5, tg.tensor(np.array([1.0, -1.0, 1.0]))
    return [
        (x, y), (x, y, z), (x,), (v,), (v, w), (v, w, v), (square,), (square, square), (square, square, square),
        (square, v[:3], v[:3]), (v[:3], square, v[:3]), (image,), (image, image), (image, kernel), (image, 2),
        (cube,), (cube, 2), (row,), (row[None], 2), (image, 2, 2, 0), (x, three), (x, sides), (x, y, sides),
        (x, y, y + 0.5), (x, 0), (x, 0.3), (x, 1, several), (x, 0, several, y), (x, 0, several, y, "sum"),
        (x, 0, three, y), (x, 0, three, 0.5), (x, 0, three), (x, mask), (x, mask, 0.5), (x, mask, y), (mask, x, y),
        (mask, x, 0.5), (x, (three[:2],), v[:4]), (x, (1, 1)), (several, x), (x, [4]), (x, v[:4], v[1:]), (three,),
        (v, three.repeat(2)[:5]), (square[None], square[None], square[None]), (v[:3], square[None], square[None]),
        (x[:1], square[None][:, :1], square[None]), (0, 1, 5), (5,), (1, 5), ((2, 3), 0.5), (0.5, 0.5, (3,)), ([x, y],),
        (v, v[:2]), (0.5, x), (0.5, x, y), (x, (3, 4)), (x, 3, 2), (x, x[0], 0), (x, v[:4], 0, 1), (lambda a: a * 2, x),
        (x, v, w, v, w), (v, three, three), (several, v[:3]), (image, 2, 3), (x, "mean"), (x, 2, 0, 1),
        ("i,i->i", v, w),
    ]  # fmt: skip


def parts(found: Any) -> list[Any]:
    given = found if isinstance(found, tuple | list) else [found]
    return [y for y in given if isinstance(y, tg.Tensor) and y.dtype.is_floating_point]


def weighed(found: Any) -> Any:
    """A sum of the results with weights of their own, what is not finite left out."""
    total: Any = tg.tensor(0.0, dtype=tg.float64)
    for y in parts(found):
        weights = tg.tensor(np.cos(np.arange(y.numel())).reshape(y.shape))
        total = total + (tg.where(tg.isfinite(y), y, 0.0).double() * weights).sum()
    return total


def put(given: tuple[Any, ...], place: int | str, value: Any) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(place, str):
        return list(given), {place: value}
    return [value if i == place else a for i, a in enumerate(given)], {}


def called(function: Callable[..., Any], sample: int, place: int | str, value: Any) -> Any:
    tg.manual_seed(0)
    args, options = put(samples()[sample], place, value)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*args, **options)


def fitting(function: Callable[..., Any]) -> Iterator[tuple[int, list[int | str]]]:
    """The samples that `function` takes, each with the places in it and the keywords beside it, once for each."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:
        return
    keywords = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name != "out"]
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    number = 0
    for i, given in enumerate(samples()):
        try:
            called(function, i, -1, None)
        except Exception:  # noqa: BLE001 - of other arguments
            continue
        taken = positional[: len(given)]
        yield i, [*range(len(given)), *(k for k in keywords if k not in taken)]
        number += 1
        if number == MOST:
            return


def slopes(function: Callable[..., Any], sample: int, place: int | str, at: float) -> list[float]:
    """The differences on both sides."""
    low, middle, high = (
        float(weighed(called(function, sample, place, tg.tensor(v, dtype=tg.float64))))
        for v in (at - STEP, at, at + STEP)
    )
    return [(middle - low) / STEP, (high - middle) / STEP]


def lost(function: Callable[..., Any], sample: int, place: int | str, at: float) -> str:
    """What is wrong with the gradient by a number at `place`; nothing where the call is refused."""
    number = tg.tensor(at, dtype=tg.float64, requires_grad=True)
    try:
        total = weighed(called(function, sample, place, number))
    except Exception:  # noqa: BLE001 - tests of errors look at their texts
        return ""
    try:
        before, after = slopes(function, sample, place, at)
    except Exception:  # noqa: BLE001 - beside an end of what it takes
        return ""
    if not abs(before - after) <= 1e-3 * (1 + abs(before)) or abs(before) > 1 / STEP / 10:
        return ""  # a kink, a jump, a pole
    found = 0.0
    if total.requires_grad:
        (g,) = tg.autograd.grad(total, number, allow_unused=True)
        found = 0.0 if g is None else float(g)
    wanted = (before + after) / 2
    right = math.isnan(found) or abs(found - wanted) <= 1e-3 * (1 + abs(wanted))
    return "" if right else f"{found:.5g}, not {wanted:.5g}"


@pytest.mark.parametrize("name", NAMES)
def test_a_number_that_requires_grad_has_its_gradient_or_is_refused(name: str) -> None:
    where = max((w for w in WHERE if name.startswith(w)), key=len)
    function = getattr(WHERE[where], name.removeprefix(where))
    wrong = [
        f"sample {sample}, {place} at {at}: {text}"
        for sample, places in fitting(function)
        for place in places
        if where != "init." or place != 0  # what is written over
        for at in VALUES
        if (text := lost(function, sample, place, at))
    ]
    assert not wrong, "\n".join(wrong)


def test_most_functions_are_called() -> None:
    assert len(NAMES) > 600
    assert sum(any(True for _ in fitting(getattr(tg, name))) for name in NAMES if hasattr(tg, name)) > 300


@pytest.mark.parametrize(
    ("name", "call"),
    {
        "alpha": lambda s: tg.add(tg.ones(2), 1.0, alpha=s),
        "beta": lambda s: tg.addmm(tg.ones(2, 2), tg.ones(2, 2), tg.ones(2, 2), beta=s),
        "value": lambda s: tg.nn.functional.pad(tg.ones(2), (1, 1), value=s),
        "scale_factor": lambda s: tg.nn.functional.interpolate(tg.ones(1, 1, 3), scale_factor=[s]),
        "correction": lambda s: tg.ones(3).std(correction=s),
        "mean": lambda s: tg.normal(s, tg.ones(3)),
        "weights": lambda s: tg.bincount(tg.tensor([1]), s.reshape(1)),
        "weight": lambda s: tg.histogram(tg.ones(1), 2, weight=s.reshape(1)),
        "negative_slope": lambda s: tg.nn.LeakyReLU(s)(tg.ones(2)),
        "std": lambda s: tg.ones(2).normal_(0.0, s),
    }.items(),
)
def test_a_number_that_would_be_a_constant_is_refused_in_words(name: str, call: Callable[[tg.Tensor], Any]) -> None:
    for at in VALUES:
        with pytest.raises(TypeError, match=rf"argument '{name}' takes numbers, not a Tensor that requires grad"):
            call(tg.tensor(at, requires_grad=True))
        call(tg.tensor(1 + at))
