"""Functions of each element at infinities, at what is as large or as small as numbers are, and at both zeros.

All forms of a function say the same there: eager, recorded or not; the composition that a fused form stands for; the
file of NumPy; what is compiled for NumPy and as C. Where one has no number, no other one has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.base import switches
from tensorgrad.base.context import UNFUSED, context, within
from tensorgrad.compiled import toolchain
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.graph import Graph
from tensorgrad.nn import functional as F  # noqa: N812 - as everybody calls it
from tensorgrad.ops import slopes

Function = Callable[[tg.Tensor], tg.Tensor]

LAYERS = [
    "relu", "hardtanh", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "softplus", "mish", "logsigmoid",
    "softsign", "tanhshrink", "softshrink", "hardshrink", "hardsigmoid", "hardswish",
]  # fmt: skip
COMPOSED = ["sinc", "logit", "frac", "exp2", "log2", "log10", "square"]
SPECIAL = ["ndtr", "log_ndtr", "erfcx", "i0", "i0e", "i1", "i1e"]


def _of_primitive(name: str) -> Function:
    primitive = PRIMITIVES[name]
    return lambda x: apply(primitive, (x,), {})


FUNCTIONS: dict[str, Function] = {
    name: _of_primitive(name)
    for name, p in PRIMITIVES.items()
    if p.kind == "elementwise" and len(p.signature.arguments) == 1 and not p.signature.parameters
}
FUNCTIONS |= {name: getattr(tg, name) for name in COMPOSED}
FUNCTIONS |= {f"special.{name}": getattr(tg.special, name) for name in SPECIAL}
FUNCTIONS |= {f"F.{name}": getattr(F, name) for name in LAYERS}
FUNCTIONS["F.gelu by tanh"] = lambda x: F.gelu(x, approximate="tanh")
FUNCTIONS["F.softplus of 3 x"] = lambda x: F.softplus(x, beta=3)
FUNCTIONS["F.elu by 2"] = lambda x: F.elu(x, 2.0)

BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
EVERY = pytest.mark.parametrize("name", FUNCTIONS)


def limits(dtype: str) -> Any:
    """Return numbers at which functions may come to their ends."""
    info = np.finfo(dtype)
    sizes = [math.inf, info.max, info.max / 4, 1e30, 1e6, 745.0, 104.0, 88.7, 20.5, 1.0, 1e-6, info.tiny, 0.0]
    sizes.append(info.smallest_subnormal)
    return np.array([*sizes, *(-x for x in sizes), math.nan], dtype)


def assert_alike(found: Any, wanted: Any) -> None:
    """Assert that two forms say the same; what has no number, has none in both, hence `equal_nan`."""
    rtol = 1e-5 if found.dtype == np.float32 else 1e-12
    least = np.finfo(found.dtype).tiny
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=least, equal_nan=True)


def both(function: Function, x: Any) -> tuple[Any, Any]:
    """Return the value of a function of an array, and its slope; zeros where there is none."""
    leaf = tg.tensor(x, requires_grad=True)
    y = function(leaf)
    if y.requires_grad:
        y.sum().backward()
    return y.detach().numpy(), np.zeros_like(x) if leaf.grad is None else leaf.grad.numpy()


@pytest.fixture(autouse=True)
def _of_all_numbers() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def test_every_fused_function_of_each_element_is_among_them() -> None:
    fused = {k.plain.__name__ for k in switches.registered() if k.each and k.plain.__module__ == slopes.__name__}
    assert fused >= {"elu", "gelu", "hardswish", "leaky_relu", "logsigmoid", "mish", "silu", "softplus"}
    assert fused - {"rectified", "logistic"} <= {name.removeprefix("F.") for name in FUNCTIONS}


@BOTH
@EVERY
def test_recorded_or_not_and_composed(name: str, dtype: str) -> None:
    function, x = FUNCTIONS[name], limits(dtype)
    value, slope = both(function, x)
    assert_alike(function(tg.tensor(x)).numpy(), value)
    with within(special=context().special | UNFUSED):
        composed, composed_slope = both(function, x)
    assert_alike(composed, value)
    assert_alike(composed_slope, slope)


@BOTH
@EVERY
def test_the_file_of_numpy(name: str, dtype: str) -> None:
    function, x = FUNCTIONS[name], limits(dtype)
    value, slope = both(function, x)
    names: dict[str, Any] = {}
    graph = Graph.trace(function, tg.tensor(x, requires_grad=True))
    exec(graph.to_python(), names)
    found = names["forward"](x.copy())
    found, cache = found if isinstance(found, tuple) else (found, None)
    assert_alike(found, value)
    if "backward" in names:
        # where the slope of the whole has no number, one of the parts may have been no number times 0
        known = np.isfinite(x)
        assert_alike(names["backward"](np.ones_like(x), cache)[known], slope[known])


@pytest.mark.parametrize("backend", ["numpy", "c"])
@BOTH
def test_compiled(backend: str, dtype: str) -> None:
    if backend == "c" and toolchain.compiler() is None:
        pytest.skip("no C compiler here")
    every = list(FUNCTIONS.values())
    # one number at a time: C leaves to NumPy whatever it might warn of
    compiled = tg.compile(lambda x: [f(x) for f in every], backend=backend)
    for number in limits(dtype):
        x = np.full(19, number)
        for name, function, found in zip(FUNCTIONS, every, compiled(tg.tensor(x)), strict=True):
            wanted = function(tg.tensor(x)).numpy()
            assert found.shape == wanted.shape
            try:
                assert_alike(found.numpy(), wanted)
            except AssertionError as error:
                raise AssertionError(f"{name} of {number}") from error
