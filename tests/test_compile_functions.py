"""Functions that run as plans do what they do without: results, what shares memory, what is written, errors, words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.compiled.results import tensors_of
from tests.compile_networks import bits

Make = Callable[[], tuple[Callable[..., Any], Callable[[int], tuple[Any, ...]]]]


class Pair(NamedTuple):
    first: tg.Tensor
    second: tg.Tensor


def normal(k: int, *shape: int) -> tg.Tensor:
    return tg.tensor(np.random.default_rng(k).normal(size=shape).astype(np.float32))


def calls(function: Callable[..., Any], given: Callable[[int], tuple[Any, ...]], count: int) -> list[Any]:
    """Return what each call returned, which arguments it shares memory with, and what it made of these."""
    found, kept = [], []
    for k in range(count):
        args = given(k)
        try:
            result = function(*args)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            found.append((type(error), str(error)))
            continue
        inputs, outputs = list(tensors_of(args)), list(tensors_of(result))
        same = [[y is x for x in inputs] for y in outputs]
        shared = [[np.may_share_memory(y.array, x.array) for x in (*inputs, *outputs)] for y in outputs]
        found.append((bits(result), [bits(x) for x in inputs], [bits(x.grad) for x in inputs], same, shared))
        kept.append((outputs, bits(outputs)))
    assert all(bits(outputs) == before for outputs, before in kept)
    return found


def alike(backend: str, make: Make, count: int = 7, captures: int | None = 2, fullgraph: bool = True) -> Any:
    """Assert that calls are the same as they are and compiled, and that plans ran; None: that there is none."""
    tg.manual_seed(0)
    function, given = make()
    expected = calls(function, given, count)
    tg.manual_seed(0)
    function, given = make()
    compiled = tg.compile(function, backend=backend, fullgraph=fullgraph and captures is not None)
    found = calls(compiled, given, count)
    for k, (a, b) in enumerate(zip(expected, found, strict=True)):
        assert a == b, f"call {k}"
    if captures is None:
        assert not compiled.runs
        assert compiled.reasons
    else:
        assert compiled.captures == captures, compiled.reasons
        assert compiled.runs == count - captures
    return compiled


def one(function: Callable[..., Any], *shape: int) -> Make:
    """Return what makes calls of a function of one tensor, another one each time."""
    return lambda: (function, lambda k: (normal(k, *(shape or (3, 4))),))


RESULTS: dict[str, Callable[[tg.Tensor], Any]] = {
    "tuple": lambda x: (x + 1, x * 2),
    "dict": lambda x: {"a": x.sum(), "b": [x.exp(), None, 3, "word"]},
    "namedtuple": lambda x: Pair(x.sum(0), x.sum(1)),
    "max": lambda x: x.max(dim=1),
    "itself": lambda x: x,
    "twice": lambda x: (y := x + 1, y),
    "itself and new": lambda x: (x, x + 1),
    "nothing": lambda x: None,
    "number": lambda x: 3.5,
    "zeros": lambda x: tg.zeros(3),
    "arange": lambda x: x + tg.arange(4),
    "shape": lambda x: x.shape,
    "views of one another": lambda x: ((y := x + 1), y[0], y.T),
    "without axes": lambda x: x.sum() * 2,
    "booleans": lambda x: x > 0,
    "where": lambda x: tg.where(x > 0, x, 0.0),
    "sorted": lambda x: x.sort(dim=0),
    "topk": lambda x: tg.topk(x, 2),
    "integers": lambda x: x.argmax(1),
    "indexed": lambda x: x[:, [0, 2, 1, 1]] + x[1],
    "written": lambda x: tg.zeros(3, 4).copy_(x).add_(1),
    "assigned": lambda x: assigned(x),
    "cat": lambda x: tg.cat([x, x * 2], dim=1),
    "stack": lambda x: tg.stack([x, x.flip(0)]),
    "einsum": lambda x: tg.einsum("ij,kj->ik", x, x),
    "norm": lambda x: x.norm(dim=1),
    "softmax": lambda x: x.softmax(1).log(),
    "logsumexp": lambda x: x.logsumexp(1),
    "cumsum": lambda x: x.cumsum(0),
    "std": lambda x: (x.std(), x.var(dim=0, correction=0)),
    "to": lambda x: x.to(tg.float64) @ x.T.double(),
    "half": lambda x: x.half() * 2,
    "random": lambda x: x + tg.randn(4) * tg.rand_like(x),
    "permuted": lambda x: x[tg.randperm(3)],
    "dropout": lambda x: nn.functional.dropout(x, 0.5),
    "bernoulli": lambda x: tg.bernoulli(tg.sigmoid(x)),
    "no gradient": lambda x: without(x),
    "one hot": lambda x: nn.functional.one_hot(x.argmax(1), 4),
    "gather": lambda x: x.gather(1, x.argsort(1)),
    "scatter": lambda x: tg.zeros(3, 4).scatter_(1, x.argsort(1), x),
    "index add": lambda x: tg.zeros(2, 4).index_add_(0, tg.tensor([0, 1, 0]), x),
    "masked": lambda x: x.masked_fill(x > 0, -1.0),
    "clamp": lambda x: x.clamp(-0.5, 0.5),
    "linalg": lambda x: tg.linalg.norm(x @ x.T),
    "inverse": lambda x: tg.linalg.inv(x @ x.T + 3 * tg.eye(3)),
    "svd": lambda x: tg.linalg.svd(x),
    "rounded": lambda x: x.round().int() % 3,
    "complex": lambda x: tg.complex(x, x.flip(1)).abs(),
    "erf": lambda x: (x.erf(), tg.special.erfc(x)) if hasattr(tg, "special") else x.erf(),
    "interpolate": lambda x: nn.functional.interpolate(x[None, None], scale_factor=2, mode="bilinear"),
}


def assigned(x: tg.Tensor) -> tg.Tensor:
    y = tg.zeros(5, 4)
    y[1:4] = x
    y[0] += x[2]
    return y


def without(x: tg.Tensor) -> tuple[tg.Tensor, bool]:
    with tg.no_grad():
        y = x * 2
    return y, tg.is_grad_enabled()


@pytest.mark.parametrize("name", RESULTS)
def test_what_is_returned(backend: str, name: str) -> None:
    alike(backend, one(RESULTS[name]))


@pytest.mark.parametrize("name", ["written", "assigned", "twice", "max", "softmax", "cat", "gather", "scatter", "norm"])
def test_gradients_asked_for_later(backend: str, name: str) -> None:
    function = RESULTS[name]

    def given(k: int) -> tuple[tg.Tensor]:
        return (normal(k, 3, 4).requires_grad_(),)

    def make(compiled: bool) -> list[Any]:
        f = tg.compile(function, backend=backend, fullgraph=True) if compiled else function
        found = []
        for k in range(6):
            (x,) = given(k)
            y = f(x * 1)
            outputs = [t for t in tensors_of(y) if t.requires_grad]
            sum((t.sin().sum() for t in outputs), start=tg.zeros(())).backward()
            found.append((bits(y), bits(x.grad)))
        assert not compiled or f.runs == 4
        return found

    assert make(True) == make(False)


def in_place(x: tg.Tensor) -> tg.Tensor:
    x.mul_(2)
    x[0] = 1
    return x.add_(x[1])


def twice_given(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    x.add_(1)
    return x * y


def pairs(kind: str) -> Callable[[int], tuple[Any, ...]]:
    def given(k: int) -> tuple[Any, ...]:
        x = normal(k, 4, 4)
        return {
            "same": (x, x), "row": (x, x[0]), "transposed": (x, x.T), "steps": (x[::2], x[1::2]), "apart": (x, x + 1),
            "overlapping": (x[:3], x[1:]), "detached": (x, x.detach()),
        }[kind]  # fmt: skip

    return given


@pytest.mark.parametrize("kind", ["same", "row", "transposed", "steps", "apart", "overlapping", "detached"])
def test_arguments_that_share_memory_and_are_written(backend: str, kind: str) -> None:
    alike(backend, lambda: (twice_given, pairs(kind)))


def test_kinds_of_sharing_have_plans_of_their_own(backend: str) -> None:
    kinds = ["same", "row", "apart", "transposed"]
    alike(backend, lambda: (twice_given, lambda k: pairs(kinds[k % 4])(k)), count=16, captures=8)


def test_an_argument_may_share_the_memory_of_what_is_outside(backend: str) -> None:
    def make(compiled: bool) -> list[Any]:
        weight = tg.ones(4)

        def f(x: tg.Tensor) -> tg.Tensor:
            y = x * 3
            weight.add_(x)
            return y + x

        function = tg.compile(f, backend=backend, fullgraph=True) if compiled else f
        found = [bits((function(weight[:] if k in (4, 5, 9) else normal(k, 4)), weight)) for k in range(12)]
        assert not compiled or function.runs >= 6
        return found

    assert make(True) == make(False)


def test_threads_share_a_compiled_function(backend: str) -> None:
    weight = normal(99, 4, 4)

    def f(x: tg.Tensor) -> tg.Tensor:
        return ((x @ weight).tanh() + x).softmax(1)

    compiled = tg.compile(f, backend=backend, fullgraph=True)
    right = [bits(f(normal(k, 50, 4))) for k in range(60)]
    found: list[Any] = [None] * 60

    def some(first: int) -> None:
        for k in range(first, 60, 4):
            found[k] = bits(compiled(normal(k, 50, 4)))

    threads = [threading.Thread(target=some, args=(i,)) for i in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == right
    assert compiled.runs


def test_in_place_on_an_argument(backend: str) -> None:
    alike(backend, one(in_place))


@pytest.mark.parametrize("layout", ["transposed", "steps", "backwards", "expanded", "column"])
def test_arguments_that_are_not_contiguous(backend: str, layout: str) -> None:
    def given(k: int) -> tuple[tg.Tensor]:
        x = normal(k, 6, 6)
        return ({"transposed": x.T, "steps": x[::2], "backwards": x.flip(0), "expanded": x[:1].expand(6, 6),
                 "column": x[:, 1:3]}[layout],)  # fmt: skip

    alike(backend, lambda: (lambda x: (x @ x.T + x.sum(), x.relu()), given))


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "exp", "relu", "sqrt", "erf", "log_softmax", "norm", "cumsum"])
def test_functions_of_one_number(backend: str, name: str) -> None:
    axis = (0,) if name in ("log_softmax", "cumsum") else ()
    alike(backend, lambda: (lambda x: getattr(x, name)(*axis) * 2, lambda k: (normal(k).exp(),)))


@pytest.mark.parametrize("dtype", [tg.float16, tg.float64, tg.int32, tg.int64, tg.bool, tg.complex64])
def test_dtypes(backend: str, dtype: Any) -> None:
    alike(backend, lambda: (lambda x: (x + 1, x * x, x.sum(), x / 2), lambda k: (normal(k, 3, 4).to(dtype),)))


def test_the_default_dtype_is_asked_anew(backend: str) -> None:
    def given(k: int) -> tuple[tg.Tensor]:
        tg.set_default_dtype(tg.float64 if k % 2 else tg.float32)
        return (normal(k, 3),)

    try:
        alike(backend, lambda: (lambda x: x + tg.ones(3) + tg.randn(3), given), count=10, captures=4)
    finally:
        tg.set_default_dtype(tg.float32)


@pytest.mark.parametrize("mode", [tg.no_grad, tg.inference_mode])
def test_modes_of_the_caller(backend: str, mode: Any) -> None:
    w = normal(1, 4, 2).requires_grad_()

    def call(function: Any) -> list[Any]:
        found = []
        for k in range(12):
            if k % 2:
                with mode():
                    found.append(bits(function(normal(k, 3, 4))))
            else:
                found.append(bits(function(normal(k, 3, 4))))
        return found

    def f(x: tg.Tensor) -> tg.Tensor:
        return x @ w

    compiled = tg.compile(f, backend=backend, fullgraph=True)
    assert call(compiled) == call(f)
    assert compiled.runs == 8


def test_a_gradient_that_is_returned_is_the_one_in_grad(backend: str) -> None:
    layer = nn.Linear(3, 2)

    def step(x: tg.Tensor, clear: bool) -> Any:
        if clear:
            layer.zero_grad()
        y = layer(x)
        y.retain_grad()
        y.square().sum().backward()
        return layer.weight.grad, [layer.bias.grad, layer.weight.grad], y.grad

    compiled = tg.compile(step, backend=backend, fullgraph=True)
    for k in range(12):
        if k == 8:
            layer.weight.grad = tg.zeros(2, 3)
        weight, (bias, again), _ = compiled(normal(k, 4, 3), k % 3 == 0)
        assert weight is again is layer.weight.grad
        assert bias is layer.bias.grad
    assert compiled.runs >= 6
