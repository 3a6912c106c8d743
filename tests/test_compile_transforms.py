"""Derivatives of compiled functions in every mode and order: those of the function without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import func, nn
from tensorgrad.autograd import functional
from tests.compile_networks import bits, told
from tests.test_compile_functions import normal

WEIGHT = tg.tensor([0.5, -1.0, 2.0], requires_grad=True)
ONES = tg.ones(3)


def waves(x: tg.Tensor) -> tg.Tensor:
    return (x * WEIGHT).sin() * x


def summed(f: Callable[..., tg.Tensor]) -> Callable[[tg.Tensor], tg.Tensor]:
    return lambda x: f(x).sum()


def twice(f: Any, x: tg.Tensor) -> Any:
    x.requires_grad_()
    (slope,) = tg.autograd.grad(f(x).sum(), x, create_graph=True)
    return tg.autograd.grad(slope.square().sum(), x)


def forward(f: Any, x: tg.Tensor) -> Any:
    x.requires_grad_()
    return tg.autograd.jvp(f(x), x, ONES)


def pulled(f: Any, x: tg.Tensor) -> Any:
    y, pull = func.vjp(f, x)
    return y, pull(ONES)


def pushed(f: Any, x: tg.Tensor) -> Any:
    y, push = func.linearize(f, x)
    return y, push(ONES)


def of_each(f: Any, x: tg.Tensor) -> Any:
    y = func.vmap(f)(tg.stack([x, x * 2]))
    return y, tg.autograd.grad(y.sum(), WEIGHT, allow_unused=True)


def without_grad(f: Any, x: tg.Tensor) -> Any:
    with tg.no_grad():
        return func.jvp(f, (x,), (ONES,))


def parameters_given(f: Any, x: tg.Tensor) -> Any:
    if not isinstance(f, nn.Module):
        return None
    parameters = {k: v.detach() * x[0] for k, v in f.named_parameters()}
    return func.grad(lambda p: func.functional_call(f, p, (x,)).sum())(parameters)


TRANSFORMS: dict[str, Callable[[Any, tg.Tensor], Any]] = {
    "grad": lambda f, x: func.grad(summed(f))(x),
    "grad of grad": lambda f, x: func.grad(lambda a: func.grad(summed(f))(a).sum())(x),
    "value": lambda f, x: func.grad_and_value(summed(f))(x),
    "jvp": lambda f, x: func.jvp(f, (x,), (ONES,)),
    "jvp of grad": lambda f, x: func.jvp(func.grad(summed(f)), (x,), (ONES,)),
    "grad of jvp": lambda f, x: func.grad(lambda a: func.jvp(f, (a,), (ONES,))[1].sum())(x),
    "hessian": lambda f, x: func.hessian(summed(f))(x),
    "jacrev": lambda f, x: func.jacrev(f)(x),
    "jacfwd": lambda f, x: func.jacfwd(f)(x),
    "vmap of grad": lambda f, x: func.vmap(func.grad(summed(f)))(tg.stack([x, x * 2])),
    "grad of vmap": lambda f, x: func.grad(lambda a: func.vmap(f)(tg.stack([a, a * 2])).sum())(x),
    "functional.hessian": lambda f, x: functional.hessian(summed(f), x),
    "functional.jacobian": lambda f, x: functional.jacobian(f, x),
    "functional.jvp": lambda f, x: functional.jvp(f, x, ONES),
    "functional.vhp": lambda f, x: functional.vhp(summed(f), x, ONES),
    "functional.hvp": lambda f, x: functional.hvp(summed(f), x, ONES),
    "gradgradcheck": lambda f, x: bool(tg.autograd.gradgradcheck(f, x.double().requires_grad_())),
    **{f.__name__: f for f in (twice, forward, pulled, pushed, of_each, without_grad, parameters_given)},
}


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.linear(x).tanh() * x


@pytest.mark.parametrize("begins", [0, 4])
@pytest.mark.parametrize("what", ["function", "module"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_of_what_is_compiled(backend: str, name: str, what: str, begins: int) -> None:
    plain = Layer() if what == "module" else waves
    compiled = tg.compile(plain, backend=backend)
    for k in range(begins):
        compiled(normal(k, 3))
    for k in range(6):
        expected, found = (bits(TRANSFORMS[name](f, normal(k, 3))) for f in (plain, compiled))
        assert found == expected, f"call {k}"


def test_what_a_plan_has_computed_is_differentiated_twice(backend: str, caplog: Any) -> None:
    def several(x: tg.Tensor) -> Any:
        y = waves(x)
        return y, y.exp(), WEIGHT.square()

    def asked(f: Any, x: tg.Tensor) -> Any:
        x.requires_grad_()
        y, z, w = f(x)
        slopes = tg.autograd.grad((y * z + w).sum(), [x, WEIGHT], create_graph=True)
        again = tg.autograd.grad(sum(s.square().sum() for s in slopes), [x, WEIGHT])
        y, z, w = f(x)
        return slopes, again, tg.autograd.jvp([y, w, z], x, ONES)

    for fullgraph in (True, False):
        compiled = tg.compile(several, backend=backend, fullgraph=fullgraph)
        for k in range(4):
            y, z, _ = compiled(normal(k, 3).requires_grad_())
            (y.sum() + z.sum()).backward()
        assert compiled.runs
        for k in range(6):
            assert bits(asked(compiled, normal(k, 3))) == bits(asked(several, normal(k, 3)))
    line = told(caplog)[-1]
    assert "create_graph=True" in line


INNER: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "log": lambda x: (x * WEIGHT).log(),
    "sqrt": lambda x: (x * WEIGHT).sqrt(),
    "quotient": lambda x: WEIGHT / x,
    "norm": lambda x: (x * WEIGHT).norm() * ONES,
    "product": lambda x: (x * WEIGHT).prod() * WEIGHT,
    "entropy": lambda x: (x * WEIGHT) * (x * WEIGHT).log(),
    "chosen": lambda x: tg.where(x > 0, (x * WEIGHT).log(), WEIGHT),
    "rectified": lambda x: (x * WEIGHT).log().relu(),
}
OUTER: dict[str, Callable[[tg.Tensor, tg.Tensor], tg.Tensor]] = {
    "where": lambda y, x: tg.where(x > 0, y, 0.0).sum(),
    "or NaN": lambda y, x: tg.where(x > 0, y, x * float("nan")).sum(),
    "mask": lambda y, x: y[x > 0].sum(),
    "element": lambda y, x: y[1] * 2,
    "relu": lambda y, x: y.relu().sum(),
    "clamp": lambda y, x: y.clamp(-1, 1).sum(),
    "max": lambda y, x: y.max(),
    "zero": lambda y, x: (y * 0).sum(),
    "filled": lambda y, x: y.masked_fill(x <= 0, 0).sum(),
    "without NaN": lambda y, x: y.nansum(),
}
INF, NAN = float("inf"), float("nan")
POINTS = [[1.0, 2.0, 3.0], [2.0, 1.0, 1.0], [0.0, 1.0, 2.0], [-1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [INF, 1.0, 0.0],
          [NAN, 1.0, 2.0], [1.0, 2.0, 1.0]]  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("begin", [0, 2])
@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("inner", INNER)
def test_a_choice_outside_of_numbers_that_are_not_finite_inside(
    backend: str, inner: str, outer: str, begin: int
) -> None:
    compiled = tg.compile(INNER[inner], backend=backend)
    for point in POINTS[begin:] + POINTS[:begin]:
        found = []
        for f in (INNER[inner], compiled):
            x = tg.tensor(point, requires_grad=True)
            found.append(bits(tg.autograd.grad(OUTER[outer](f(x), x), [x, WEIGHT], allow_unused=True)))
        assert found[0] == found[1], point
