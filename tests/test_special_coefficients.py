"""The coefficients of the special functions, made anew: interpolants at Chebyshev's points, by mpmath.

Each is Newton's interpolation in a variable u, of which the table holds the powers. To change an interval or a degree,
change it here and in the kernel, and take over what this computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from mpmath import mp

from tensorgrad.ops import besselfunctions, gammafunctions, normaldistribution


class Table(NamedTuple):
    """A table in the code, the function, the argument as a function of u, and the interval of u."""

    coefficients: Sequence[float]
    function: Callable[[Any], Any]
    argument: Callable[[Any], Any]
    low: Any
    high: Any


def interpolated(table: Table) -> list[float]:
    n = len(table.coefficients)
    middle, half = (table.low + table.high) / 2, (table.high - table.low) / 2
    nodes = [middle + half * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    divided = [table.function(table.argument(u)) for u in nodes]
    for j in range(1, n):
        for i in range(n - 1, j - 1, -1):
            divided[i] = (divided[i] - divided[i - 1]) / (nodes[i] - nodes[i - j])
    powers = [divided[-1]]
    for node, value in zip(nodes[-2::-1], divided[-2::-1], strict=True):
        shifted = [mp.mpf(0), *powers]
        powers = [a - node * b for a, b in zip(shifted, [*powers, mp.mpf(0)], strict=True)]
        powers[0] += value
    return [float(p) for p in powers]


def quotient(a: Any, b: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """``(x - a) / (x + b)``, and its inverse."""
    return lambda x: (x - a) / (x + b), lambda u: (a + b * u) / (1 - u)


def zero() -> Any:
    """The zero of digamma."""
    return mp.findroot(mp.digamma, 1.46)


def stirling(x: Any) -> Any:
    return (mp.loggamma(x) - ((x - 0.5) * (mp.log(x) - 1) + (mp.log(2 * mp.pi) - 1) / 2)) * x


def bessel(n: int) -> Callable[[Any], Any]:
    return lambda x: mp.exp(-x) * mp.besseli(n, x) * mp.sqrt(x)


def tables() -> dict[str, Table]:
    half, one = mp.mpf(1) / 2, mp.mpf(1)
    u, x = quotient(mp.mpf(1.3125), 1)
    v, y = quotient(1, mp.mpf(0.75))
    return {
        "lgamma, near": Table(
            gammafunctions._log_gamma_near_zeros(),
            lambda x: mp.loggamma(x) / ((x - 1) * (x - 2)),
            x,
            u(half),
            u(7 * half),
        ),
        "lgamma, far": Table(gammafunctions._log_gamma_far_out(), stirling, lambda u: 7 / (1 - u), -one, one),
        "digamma, near": Table(
            gammafunctions._digamma_near_zero(), lambda x: mp.digamma(x) / (x - zero()), y, v(half), v(2 * one)
        ),
        "digamma, far": Table(
            gammafunctions._digamma_far_out(),
            lambda x: (mp.log(x) - mp.digamma(x)) * x,
            lambda u: 4 / (1 - u),
            -one,
            one,
        ),
        **{
            f"bessel {n}, near": Table(
                besselfunctions._bessel_near(n),
                lambda q, n=n: mp.hyp0f1(n + 1, q) / 2**n,
                lambda u: u,
                0 * one,
                16 * one,
            )
            for n in (0, 1)
        },
        **{
            f"bessel {n}, far": Table(besselfunctions._bessel_far(n), bessel(n), lambda u: 16 / (1 - u), -one, one)
            for n in (0, 1)
        },
        "slope of erfcx": Table(
            normaldistribution._scaled_slope(),
            lambda x: (2 / mp.sqrt(mp.pi) - 2 * x * mp.exp(x * x) * mp.erfc(x)) * (x + 3) ** 2,
            lambda u: 3 * (1 + u) / (1 - u),
            -one,
            one,
        ),
    }


NAMES = [
    "lgamma, near", "lgamma, far", "digamma, near", "digamma, far", "bessel 0, near", "bessel 1, near", "bessel 0, far",
    "bessel 1, far", "slope of erfcx",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_coefficients_are_those_of_the_interpolant(name: str) -> None:
    with mp.workdps(60):
        found = tables()
        assert list(found) == NAMES
        assert list(found[name].coefficients) == pytest.approx(interpolated(found[name]), rel=1e-14, abs=0)


def test_the_zero_of_digamma_stands_in_two_parts() -> None:
    with mp.workdps(60):
        high = 1.4616321449683622
        assert float(zero()) == high
        assert float(zero() - high) == pytest.approx(9.549995429965697e-17, rel=1e-14)
        near = gammafunctions.digamma_of(gammafunctions.np.array([high]))[0]
        assert near == pytest.approx(float(mp.digamma(mp.mpf(high))), rel=1e-14)
