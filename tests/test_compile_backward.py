"""Gradients asked for of what a plan has returned: of some of it, twice, in other layouts, late, through old graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tests.compile_networks import bits
from tests.test_compile_functions import normal

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers that are not finite are meant

Use = Callable[[tuple[tg.Tensor, ...], int], tg.Tensor]


def recurrent() -> Any:
    return nn.LSTM(3, 4, batch_first=True)


def branching() -> Any:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 2)
            self.drop = nn.Dropout(0.3)
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x: tg.Tensor) -> Any:
            x = x.sum(1) if x.ndim == 3 else x
            h = self.drop(self.norm(self.a(x)).relu())
            return h, (self.b(x).exp(), self.c(h))

    return Two()


USES: dict[str, Use] = {
    "all": lambda y, k: y[0].sin().sum() + (y[1] * y[2].sum()).mean(),
    "first": lambda y, k: (y[0] * y[0]).sum(),
    "last": lambda y, k: y[2].sum(),
    "two": lambda y, k: (y[1].T * 3).mean() + y[0].cos().sum(),
    "in turn": lambda y, k: y[k % 3].exp().sum(),
    "first, then all": lambda y, k: y[0].sin().sum() + (0 if k < 5 else 1) * y[2].sum() if k > 4 else y[0].sin().sum(),
    "minus zeros": lambda y, k: (y[0] * -0.0).sum() + (y[1] * -0.0).sum() + y[2].sum(),
    "infinite": lambda y, k: (y[0] * np.inf).sum(),
    "nan": lambda y, k: (y[1] * (np.nan if k == 6 else 1)).sum(),
}


def trained(make: Callable[[], Any], use: Use, compiled: bool, steps: int = 10) -> tuple[list[Any], Any]:
    """Return what is left behind after each call of a module and a backward pass, and the module."""
    tg.manual_seed(0)
    model = make()
    f = tg.compile(model, backend="numpy", fullgraph=True) if compiled else model
    found = []
    for k in range(steps):
        for p in model.parameters():
            p.grad = None
        x = normal(k, 5, 2, 3).requires_grad_()
        y, (h, c) = f(x)
        use((y, h, c), k).backward()
        found.append((bits([y, h, c]), bits(x.grad), [bits(p.grad) for p in model.parameters()],
                      [bits(b) for b in model.buffers()], bits(tg.get_rng_state())))  # fmt: skip
    return found, f


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("make", [recurrent, branching])
def test_gradients_of_some_results(make: Callable[[], Any], name: str) -> None:
    expected, _ = trained(make, USES[name], compiled=False)
    found, f = trained(make, USES[name], compiled=True)
    for k, (a, b) in enumerate(zip(expected, found, strict=True)):
        assert a == b, f"call {k}"
    if name in ("all", "first", "last", "two"):
        assert f._compiled.captures <= 3
        assert f._compiled.runs == 10 - f._compiled.captures
        assert not any(v.deviations for vs in f._compiled.versions.values() for v in vs)


LAYOUTS: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "sum": lambda y: y.sum() * 0.1,
    "mean": lambda y: y.mean(),
    "rows": lambda y: (y.sum(0) * y.sum(0)).sum(),
    "columns": lambda y: (y.sum(1) ** 3).sum(),
    "transposed": lambda y: (y.T.contiguous() * tg.arange(y.numel()).reshape(y.T.shape)).sum(),
    "flipped": lambda y: (y.flip(0)[:, :3] ** 2).sum(),
    "one": lambda y: y[1, 2] * 3,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_gradients_that_lie_otherwise_in_memory(name: str) -> None:
    def run(compiled: bool) -> tuple[list[Any], Any]:
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 40), nn.LayerNorm(40), nn.Tanh(), nn.Linear(40, 33))
        f = tg.compile(model, backend="numpy", fullgraph=True) if compiled else model
        found = []
        for k in range(7):
            model.zero_grad()
            LAYOUTS[name](f(normal(k, 37, 3))).backward()
            found.append([bits(p.grad) for p in model.parameters()])
        return found, f

    expected, _ = run(False)
    found, f = run(True)
    assert found == expected
    assert f._compiled.captures <= 3


def test_what_is_added_up_outside_is_added_in_the_same_order() -> None:
    def run(compiled: bool) -> list[Any]:
        tg.manual_seed(0)
        w = tg.randn(6, 6, requires_grad=True)

        def step(x: tg.Tensor) -> tg.Tensor:
            for _ in range(4):
                x = (x @ w).tanh()
            return x

        f = tg.compile(step, backend="numpy", fullgraph=True) if compiled else step
        found = []
        for k in range(8):
            w.grad = None
            before = (w * w).sum() * 0.3
            y = f(normal(k, 5, 6)).sin().sum() + f(normal(k + 50, 5, 6)).cos().sum() + before
            (y + (w**3).sum()).backward()
            found.append(bits(w.grad))
        assert not compiled or f.runs >= 8
        return found

    assert run(True) == run(False)


def twice(f: Any, x: tg.Tensor, k: int, between: Callable[[], Any]) -> list[Any]:
    """Return what two backward passes through one call give, for one of which an infinite gradient is asked."""
    y = f(x)
    factors = [(1.0, 2.0), (np.inf, 2.0), (2.0, np.inf), (np.inf, np.nan)][k % 4]
    found = []
    for i, factor in enumerate(factors):
        if i:
            between()
        try:
            (y * factor).sum().backward(retain_graph=True)
            found.append(bits(x.grad))
        except tg.errors.TensorgradError as error:
            found.append(type(error).__name__)
    return found


@pytest.mark.parametrize("what", ["nothing", "bias", "setting", "generator", "statistics"])
def test_two_backward_passes(what: str) -> None:
    def run(compiled: bool) -> list[Any]:
        tg.manual_seed(0)
        model: Any = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
        f = tg.compile(model, backend="numpy", fullgraph=True) if compiled else model

        def between() -> None:
            if what == "bias":
                with tg.no_grad():
                    model[4].bias.add_(1)
            elif what == "setting":
                model[3].p = 0.5 if model[3].p == 0.2 else 0.2
            elif what == "generator":
                tg.randn(3)
            elif what == "statistics":
                model[1].running_mean.add_(1)

        return [
            (twice(f, normal(k, 5, 3).requires_grad_(), k, between), [bits(b) for b in model.buffers()],
             [bits(p.grad) for p in model.parameters()], bits(tg.get_rng_state()))
            for k in range(16)
        ]  # fmt: skip

    expected, found = run(False), run(True)
    if what in ("bias", "setting"):  # which is refused where the function would have to be run again
        for (a, *_), (b, *_) in zip(expected, found, strict=True):
            assert all(y in (x, "AutogradError") for x, y in zip(a, b, strict=True))
    else:
        assert found == expected


def test_a_graph_that_was_there_before_is_no_constant() -> None:
    def run(compiled: bool) -> tuple[list[Any], Any]:
        w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)

        def step(y: tg.Tensor) -> tg.Tensor:
            (y * 2).sum().backward()
            return y.detach() + 1

        f = tg.compile(step, backend="numpy") if compiled else step
        found = []
        x = normal(0, 3)
        for k in range(8):
            w.grad = None
            found.append(bits(f((x if k < 4 else normal(k, 3)) * w)))
            found.append(bits(w.grad))
        return found, f

    (expected, _), (found, f) = run(False), run(True)
    assert found == expected
    assert not f.runs
    assert "test_compile_backward.py" in next(iter(f.reasons.values()))


def test_a_call_that_returns_several_arrays_is_made_once() -> None:
    f = tg.compile(lambda x: tg.linalg.svd(x), backend="numpy", fullgraph=True)
    for k in range(4):
        f(normal(k, 3, 3))
    (version,) = next(iter(f.versions.values()))
    (line,) = [line for line in version.plan.text.splitlines() if "itemgetter" in line and "=" in line[:20]]
    assert line.count("v") >= 3


def test_captures_that_wait_hold_no_arrays() -> None:
    import gc
    import weakref

    f = tg.compile(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), backend="numpy")
    x = normal(0, 5, 3)
    y = f(x)
    held = [weakref.ref(y.array), weakref.ref(x), weakref.ref(x.array), weakref.ref(y.grad_fn)]
    del x, y
    gc.collect()
    assert [ref() for ref in held] == [None] * 4
    assert len(f._compiled.waiting) == 1


W = tg.tensor([2.0, 3.0], requires_grad=True)


def own_gradient(x: tg.Tensor, _: tg.Tensor) -> tg.Tensor:
    (W.detach() * x * x).sum().backward()
    assert x.grad is not None
    return x.grad * 1


def left(x: tg.Tensor, y: tg.Tensor) -> None:
    (x * y).sum().backward()


def taken(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    (x * y).sum().backward()
    assert y.grad is not None
    found, y.grad = y.grad * 1, None
    return found


def deciding(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    z = (x * y).sum()
    z.backward()
    if z > 4:
        x.grad = None
    return z.detach()


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("function", [own_gradient, left, taken, deciding])
def test_a_leaf_that_is_made_anew_for_each_call_gets_its_gradient(backend: str, function: Any, filled: bool) -> None:
    compiled: Any = tg.compile(function, backend=backend)
    for k in range(10):
        given = [tg.tensor([1.0 + k % 5, 2.0 * i], requires_grad=True) for i in range(2)]
        others = [x.detach().clone().requires_grad_() for x in given]
        for x in (*given, *others) if filled else ():
            x.grad = tg.ones(2)
        found = compiled(*given)
        assert repr(found) == repr(function(*others))
        assert repr([x.grad for x in given]) == repr([x.grad for x in others])
    assert compiled.runs >= 4
    assert not compiled.reasons


def test_a_gradient_that_was_there_is_returned_and_taken_away(backend: str) -> None:
    w = tg.ones(2, requires_grad=True)

    def function() -> tg.Tensor | None:
        found, w.grad = w.grad, None
        return found

    compiled = tg.compile(function, backend=backend)
    for k in range(6):
        w.grad = g = tg.full((2,), float(k))
        assert compiled() is g
    assert "a gradient that was there before is returned" in next(iter(compiled.reasons.values()))


def test_results_in_another_order_than_they_were_computed_in_are_differentiated_twice() -> None:
    def both(x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        a = x * 2
        return a.sin(), a

    f = tg.compile(both, backend="numpy")
    x = tg.tensor([0.3, 0.7], dtype=tg.float64, requires_grad=True)
    for _ in range(4):
        sum(y.sum() for y in f(x)).backward()  # type: ignore[union-attr]
    found = []
    for function in (f, both):
        b, a = function(x)
        (g,) = tg.autograd.grad((3 * b + a * a).sum(), x, create_graph=True)
        found.append((g, *tg.autograd.grad(g.sum(), x)))
    for mine, wanted in zip(*found, strict=True):
        np.testing.assert_array_equal(mine.detach().numpy(), wanted.detach().numpy())
