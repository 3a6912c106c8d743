"""Right functions at awkward points: a gradient checker may find nothing to decide there, but no fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad.testing import Report, check, gradgradcheck
from tests.verdicts.faults import Case, array, leaf, normal, own

F, linalg = tg.nn.functional, tg.linalg


def at(fn: Callable[..., Any], *points: Any) -> Case:
    def case() -> Report:
        return check(fn, [p if isinstance(p, tg.Tensor) else leaf(p) for p in points])

    return case


def twice(fn: Callable[..., Any], *points: Any) -> Case:
    return lambda: gradgradcheck(fn, [leaf(p) for p in points], raise_exception=False)


def smoothstep(x: tg.Tensor) -> tg.Tensor:
    return x * x * (3 - 2 * x)


def rows(x: tg.Tensor) -> tg.Tensor:
    return tg.softmax(x, -1)


IDENTITY = own(lambda x: x * 1.0, lambda s, g: g)
SINE = own(lambda x: tg.tensor(np.sin(array(x))), lambda s, g: tg.tensor(array(g) * np.cos(array(s[0]))))
COSINE_BELOW_ONE = own(
    lambda x: tg.tensor((1 - np.cos(array(x))).astype(float)), lambda s, g: tg.tensor(array(g) * np.sin(array(s[0])))
)
LOG_BESIDE_ONE = own(
    lambda x: tg.tensor(np.log(1 + array(x).astype(float))), lambda s, g: tg.tensor(array(g) / (1 + array(s[0])))
)
NEARLY_SINGULAR = [[1.0, 1.0], [1.0, 1.000001]]

PASS: dict[str, Case] = {
    "x**2 at 0": at(lambda x: x**2, [0.0]),
    "x**3 at 0": at(lambda x: x**3, [0.0]),
    "x**4 at 0": at(lambda x: x**4, [0.0]),
    "x**5 at 0": at(lambda x: x**5, [0.0]),
    "x**3 at 1e-12": at(lambda x: x**3, [1e-12]),
    "x**9 at 0": at(lambda x: x**9, [0.0]),
    "x * abs(x) at 0": at(lambda x: x * abs(x), [0.0]),
    "abs(x)**1.5 at 0": at(lambda x: abs(x) ** 1.5, [0.0]),
    "relu(x)**2 at 0": at(lambda x: x.relu() ** 2, [0.0]),
    "relu(x)**3 at 0": at(lambda x: x.relu() ** 3, [0.0, 1.0]),
    "relu(-x)**2 at 0": at(lambda x: (-x).relu() ** 2, [0.0]),
    "smoothstep at 0": at(smoothstep, [0.0]),
    "smoothstep at both ends": at(smoothstep, [0.0, 1.0]),
    "a clamped smoothstep at its end": at(lambda x: smoothstep(x.clamp(0, 1)), [0.0]),
    "sin(x) - x at 0": at(lambda x: x.sin() - x, [0.0]),
    "1 - cos(x) at 0": at(lambda x: 1 - x.cos(), [0.0]),
    "exp(x) - 1 - x at 0": at(lambda x: x.exp() - 1 - x, [0.0]),
    "x - x at 0": at(lambda x: x - x, [0.0, 1.0]),
    "0 * x": at(lambda x: 0 * x, [0.0, 3.0]),
    "cosh at 0": at(tg.cosh, [0.0]),
    "tanh at 20": at(tg.tanh, [20.0]),
    "sigmoid at 40 and -40": at(tg.sigmoid, [40.0, -40.0]),
    "exp at -700": at(tg.exp, [-700.0]),
    "exp at 300": at(tg.exp, [300.0]),
    "erf at 6": at(tg.erf, [6.0]),
    "softplus at 30": at(F.softplus, [30.0, -30.0]),
    "a steep Gaussian beside its peak": at(lambda x: (-((x / 1e-4) ** 2)).exp(), [5e-5]),
    "a steep Gaussian far from it": at(lambda x: (-((x / 1e-4) ** 2)).exp(), [1.0]),
    "a steep tanh at 0": at(lambda x: (x * 1e4).tanh(), [0.0]),
    "sin(1e4 x)": at(lambda x: (1e4 * x).sin(), [0.3]),
    "1 / x at 1e-8": at(lambda x: 1 / x, [1e-8]),
    "1 / x at 1e8": at(lambda x: 1 / x, [1e8]),
    "log at 1e-6": at(tg.log, [1e-6]),
    "log at 1e6": at(tg.log, [1e6]),
    "sqrt at 1e-7": at(tg.sqrt, [1e-7]),
    "x**1.5 at 1e-10": at(lambda x: x**1.5, [1e-10]),
    "identity at 1e12": at(lambda x: x * 1.0, [1e12, -3.3e12]),
    "identity at 1e-300": at(lambda x: x * 1.0, [1e-300]),
    "x * 1e-12": at(lambda x: x * 1e-12, [0.5]),
    "x * 1e12": at(lambda x: x * 1e12, [0.5]),
    "relu beside 0": at(tg.relu, [1e-9, -1e-9]),
    "abs beside 0": at(abs, [1e-12]),
    "max beside a tie": at(lambda x: x.max(), [1.0, 1.0 + 1e-3]),
    "sort beside a tie": at(lambda x: x.sort()[0] * x, [1.0, 1.0 + 1e-7, 3.0]),
    "beside a large constant": at(lambda x: 1e8 + x.sin(), [1.0]),
    "through cancellation": at(lambda x: ((x + 1e6) - 1e6).sin(), [1.0, 0.3]),
    "a softmax that is certain": at(rows, 40 * array(normal(3, 4))),
    "small elements beside large ones": at(lambda x: tg.cat([x * 1e15, x.exp(), x.sin() * 1e-9]), [1.0, np.pi]),
    "powers of small numbers": at(lambda x: (x**1.5, x**0.5, x**1.1, x**x), [1e-30, 1e-24, 3.7e-26]),
    "x**-0.5 at 1e-24": at(lambda x: x**-0.5, [1e-24]),
    "powers of large numbers": at(lambda x: x**1.5, [1e100, 1e200]),
    "x**x at 1e-200": at(lambda x: x**x, [1e-200]),
    "tanhshrink at 1e-5": at(F.tanhshrink, [1e-5]),
    "x - sin(x) beside 0": at(lambda x: x - x.sin(), [1e-5, 5e-7]),
    "x log(x) at 1e-300": at(lambda x: x * x.log(), [1e-300]),
    "rsqrt at 1.9e269": at(tg.rsqrt, [1.9e269]),
    "relu at a distance of 1e-8": at(lambda x: (x - 1).relu(), [1 + 1e-8, 1 - 1e-8]),
    "twice: erf, atan and gelu at 1e200": twice(lambda x: (tg.erf(x), x.atan(), F.gelu(x)), [1e200]),
    "twice: x**2.5 at 1e200": twice(lambda x: x**2.5, [1e200]),
    "float32 inside": at(lambda x: x.float().sin().double(), [1.0, 0.3]),
    "float32 of a factor": at(lambda x: x.float().double() * x, [0.3]),
    "float16 inside": at(lambda x: x.half().double() + x, [0.3, 1.0]),
    "three inputs, some of which require a gradient": at(lambda x, y, z: x * y + z.sin(), [0.5], [0.7], [0.9]),
    "a softmax of equal numbers": at(rows, np.zeros((2, 3))),
    "log_softmax far out": at(lambda x: tg.log_softmax(x, -1), [[100.0, 0.0, -100.0]]),
    "logsumexp of equal numbers": at(lambda x: x.logsumexp(0), [0.0, 0.0]),
    "var of large numbers": at(lambda x: x.var(), array(normal(5)) + 1e4),
    "a product with one zero": at(lambda x: x.prod(), [0.0, 2.0, 3.0]),
    "a product with two zeros": at(lambda x: x.prod(), [0.0, 0.0, 3.0]),
    "an inverse": at(linalg.inv, NEARLY_SINGULAR),
    "a determinant of 0": at(linalg.det, np.ones((2, 2))),
    "the square of a norm at 0": at(lambda x: (x * x).sum(), [0.0, 0.0]),
    "cosine of the angle of itself": at(lambda x: F.cosine_similarity(x, x, 0), [1.0, 2.0]),
    "atan2 beside the cut": at(tg.atan2, [1e-9], [1.0]),
    "a masked root": at(lambda x: tg.where(x > 0, x.sqrt(), x), [-1.0, 4.0]),
    "an input that is not used": at(lambda x, y: x * 2, [1.0, 2.0], [0.5]),
    "no element": at(tg.exp, np.zeros((0, 3))),
    "no dimension": at(tg.exp, 0.5),
    "dimensions of length 1": at(lambda x, y: x * y, np.ones((3, 1)), np.ones((1, 4))),
    "an expanded input": at(tg.exp, tg.tensor(np.ones(3)).expand(4, 3).detach().requires_grad_()),
    "a transposed input": at(lambda x: x @ x.T, normal(3, 4).detach().T.requires_grad_()),
    "an input read backwards": at(tg.sin, tg.tensor(np.linspace(0, 1, 6)[::-2].copy()).requires_grad_()),
    "a constant output beside": at(lambda x: (x * 2, x.detach()), [1.0, 2.0]),
    "outputs in lists": at(lambda x: (x.sin(), [x.cos(), (x,)]), [1.0]),
    "a Function that returns g": at(IDENTITY, [1.0, 2.0]),
    "a Function in NumPy": at(SINE, [0.3, 0.5]),
    "a Function that leaves sums to the sweep": at(
        own(lambda x, b: x + b, lambda s, g: (g, g)), np.ones((3, 4)), np.ones(4)
    ),
    "a Function of two outputs": at(
        own(lambda x: (x.sin(), x * x), lambda s, g, h: g * s[0].cos() + 2 * h * s[0]), [0.3, 0.5]
    ),
    "10,000 elements": at(lambda x: (x * x).sum(), np.linspace(0.1, 1, 10_000)),
    "300 elements of a network": at(lambda x: F.gelu(x).sum(), normal(300)),
    "exp at -740": at(tg.exp, [-740.0]),
    "x * abs(x) at 1e-160": at(lambda x: x * abs(x), [1e-160]),
    "a Gaussian at 27": at(lambda x: (-x * x).exp(), [27.0]),
    "sigmoid at -740": at(tg.sigmoid, [-740.0]),
    "a norm at 1e-100": at(lambda x: x.norm(), [1e-100, 2e-100]),
    "300 elements of 1e300": at(lambda x: x * 1.0, np.full(300, 1e300)),
    "tanh at 25": at(tg.tanh, [25.0, -25.0]),
    "a sum with an element that is small beside it": at(lambda x: abs(x).sum(), [1e-4, 1e9]),
    "twice: exp at -700": twice(tg.exp, [-700.0]),
    "twice: a Gaussian at 27": twice(lambda x: (-x * x).exp(), [27.0]),
    "twice: a softmax that is certain": twice(rows, 20 * array(normal(3, 4))),
    "twice: x**4 at 0": twice(lambda x: x**4, [0.0]),
    "twice: smoothstep at 0": twice(smoothstep, [0.0]),
    "twice: relu(x)**3 at 0": twice(lambda x: x.relu() ** 3, [0.0]),
}

# No slope is known: a kink, a jump, or numbers that do not converge. What is right is not told to be wrong.
OPEN: dict[str, Case] = {
    "sqrt at 0": at(tg.sqrt, [0.0]),
    "1 - cos(x) in NumPy, at 1e-8": at(COSINE_BELOW_ONE, [1e-8]),
    "1 - cos(x) in NumPy, at 1e-10": at(COSINE_BELOW_ONE, [1e-10]),
    "log(1 + x) in NumPy, at 1e-160": at(LOG_BESIDE_ONE, [1e-160]),
    "1 / x at 1e-308": at(lambda x: 1 / x, [1e-308]),
    "twice: atan at 1e100": twice(tg.atan, [1e100]),
    "x % 1 beside 3": at(lambda x: x % 1, [3 - 1e-8]),
    "abs(sin(x)) beside pi": at(lambda x: x.sin().abs(), [np.pi + 1e-13]),
    "log at 1e-30": at(tg.log, [1e-30]),
    "asin next to 1": at(tg.asin, [1 - 1e-10]),
    "acos at 1": at(tg.acos, [1.0]),
    "a spike": at(lambda x: (-((x / 1e-30) ** 2)).exp(), [0.5e-30]),
    "x**(1/3) beside 0": at(lambda x: x ** (1 / 3), [1e-20]),
    "std of numbers that nearly agree": at(lambda x: x.std(), [1.0, 1 + 1e-9, 1 - 1e-9]),
    "the norm at 0": at(lambda x: x.norm(), [0.0, 0.0]),
    "abs at 0": at(abs, [0.0]),
    "relu at 0": at(tg.relu, [0.0]),
    "max next to a tie": at(lambda x: x.max(), [1.0, 1.0 + 1e-9]),
    "max at a tie": at(lambda x: x.max(), [3.0, 3.0]),
    "flat by rounding, at 1e16": at(lambda x: (x + 1e16) - 1e16, [0.3, 1.0]),
    "flat by rounding, at 1e20": at(lambda x: (x + 1e20) - 1e20, [0.0]),
    "1 - erf far out": at(lambda x: 1 - tg.erf(x), [5.5]),
    "exp next to the largest number": at(tg.exp, [709.0]),
    "1 / x at 1e-300": at(lambda x: 1 / x, [1e-300]),
    "a sum that hides how near a kink is": at(lambda x: abs(x).sum(), [1e-8, 1.0, 1e8]),
    "relu beside 0, beside 1e6": at(lambda x: x.relu() + 1e6, [1e-9]),
    "relu beside 0, beside 1": at(lambda x: x.relu() + 1, [1e-15]),
    "twice: sqrt at 0": twice(tg.sqrt, [0.0]),
    "twice: x**1.5 at 0": twice(lambda x: x**1.5, [0.0]),
    "twice: log at 0": twice(tg.log, [0.0]),
    "twice: asin at 1": twice(tg.asin, [1.0]),
    "twice: softmax of 30, 0 and -30": twice(rows, [[30.0, 0.0, -30.0]]),
    "twice: tanh at 18 and -25": twice(tg.tanh, [18.0, -18.0, -25.0]),
    "twice: flat by rounding": twice(lambda x: ((x + 1e16) - 1e16) ** 2, [0.3]),
    "identity at 1e308": at(lambda x: x * 1.0, [1e308, 1.0]),
    "kinks on the way of a direction": at(lambda x: (x - 0.5).relu().sum(), np.linspace(0.1, 1, 1000)),
    "floor at 2": at(lambda x: x.floor() + 0 * x, [2.0]),
    "sin(1e9 x)": at(lambda x: (1e9 * x).sin(), [0.3]),
    "x sin(1 / x) beside 0": at(lambda x: x * (1 / x).sin(), [1e-5]),
}
