"""A test of the tests: rules that are wrong on purpose must be rejected, or the suite proves nothing."""

from __future__ import annotations

import dataclasses
from itertools import islice

import numpy as np
import pytest

from tensorgrad import sweeps
from tensorgrad.primitive import PRIMITIVES
from tensorgrad.tensor import Tensor, wrap
from tests.cases import Rolled, case
from tests.checks import check

SEEDS = 25

# Their partials are piecewise constant: what is detached in them has derivative zero, so the mutant is the same rule.
PIECEWISE = {"abs", "relu", "clip", "where", "maximum", "minimum", "amax", "amin", "remainder", "fmod"}


def scaled(rule):
    return lambda v, s, n: rule(v, s, n) * 1.001


def negated(rule):
    return lambda v, s, n: -rule(v, s, n)


def detached(rule):
    def hide(value):
        return wrap(value.array) if isinstance(value, Tensor) else value

    return lambda v, s, n: rule(v, tuple(hide(value) for value in s), n)


def rejected(primitive) -> bool:
    for seed in range(SEEDS):
        arrays, params = case(primitive, Rolled(seed))
        try:
            check(primitive, arrays, params, seed)
        except AssertionError:
            return True
    return False


def mutants():
    for name, primitive in PRIMITIVES.items():
        count = 3 if primitive.signature.variadic else len(primitive.signature.arguments)
        for side in ("vjps", "jvps", "both"):
            if side == "both" and primitive.vjps is not primitive.jvps:
                continue
            rules = tuple(islice(iter(primitive.vjps if side == "both" else getattr(primitive, side)), count))
            for i, rule in enumerate(rules):
                if rule is None:
                    continue
                for mutate in (scaled, negated, detached):
                    if mutate is detached and (name in PIECEWISE or not primitive.reads(i)):
                        continue
                    wrong = (*rules[:i], mutate(rule), *rules[i + 1 :])
                    fields = {"vjps": wrong, "jvps": wrong} if side == "both" else {side: wrong}
                    yield pytest.param(
                        dataclasses.replace(primitive, **fields, _keeps={}), id=f"{name}-{side}{i}-{mutate.__name__}"
                    )


@pytest.mark.parametrize("wrong", list(mutants()))
def test_a_wrong_rule_is_rejected(wrong):
    assert rejected(wrong)


@pytest.mark.parametrize("name", ["add", "mul", "div", "where", "matmul"])
def test_a_missing_sum_over_broadcast_axes_is_rejected(name, monkeypatch):
    monkeypatch.setattr(sweeps, "_fitted", lambda gx, parent: gx)
    assert rejected(PRIMITIVES[name])


def test_a_value_that_is_nan_is_rejected():
    primitive = PRIMITIVES["mul"]
    rules = (lambda v, s, n: v * np.nan, *primitive.vjps[1:])
    assert rejected(dataclasses.replace(primitive, vjps=rules, jvps=rules, _keeps={}))


def test_an_op_that_writes_its_input_is_rejected():
    def forward(x):
        x[...] = 0
        return x

    with pytest.raises(ValueError, match="read-only"):
        check(dataclasses.replace(PRIMITIVES["neg"], forward=forward, _keeps={}), *case(PRIMITIVES["neg"], Rolled(3)))


@pytest.mark.parametrize("name", [n for n, p in PRIMITIVES.items() if p.differentiable])
def test_the_right_rule_is_accepted(name):
    assert not rejected(PRIMITIVES[name])
