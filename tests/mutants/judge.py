"""Whether the suite's own checks notice a mutant, and whether there is anything to notice."""

from __future__ import annotations

import warnings

import numpy as np

from tensorgrad.autograd import grad
from tensorgrad.base.context import CONTEXT, Context
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.engine.tensor import Tensor, wrap
from tests.cases import OF_REALS, Rolled, case
from tests.checks import check, check_dtypes, check_reuse, check_value, leaves
from tests.mutants.engine import EngineFault, injected
from tests.mutants.faults import Mutant
from tests.test_table import REFERENCE

# Mutants that compute the same as the primitive, and why. Nothing else may survive.
EQUIVALENT = {
    ("relu", "saved swapped"): "y = max(x, 0) is positive exactly where x is",
    ("mean", "wrong refined"): "it moves the last digit of a mean of numbers that are nearly equal",
    ("pinv", "wrong rtol"): "the samples have full rank, far from the cut; at a change of rank there is no derivative",
}

# Faults that leave a slope of 0 what it is; the sweeps know that it is one, and take nothing else from its rule.
OF_NOTHING = {"scaled", "negated", "dropped", "narrowed", "given detached", "not summed"}

SEEDS = 40
TOUCHED_BY = 8  # seeds after which a fault that has touched nothing is none


def run_checks(primitive: Primitive, seed: int) -> None:
    """All that the suite demands of a primitive, for one draw of arguments."""
    check_value(primitive, *case(primitive, Rolled(seed)), REFERENCE[primitive.name])
    if primitive.differentiable:
        check(primitive, *case(primitive, Rolled(seed)), seed)
        check_dtypes(primitive, *case(primitive, Rolled(seed), np.float32))
        check_reuse(primitive, *case(primitive, Rolled(seed)))


def noticed(mutant: Mutant, seeds: int = SEEDS) -> str | None:
    """How the checks reject `mutant`: "failed", the class of an error; None if they accept it."""
    for seed in range(seeds):
        if seed >= TOUCHED_BY and not mutant.touched:
            return None
        if found := rejection(mutant.record, seed):
            return found
    return None


def engine_noticed(fault: EngineFault) -> str | None:
    """How the checks of the first primitive that notices it reject an engine with `fault`; None if all accept it."""
    with injected(fault):
        for seed in range(TOUCHED_BY):
            for name, primitive in OF_REALS.items():
                if found := rejection(primitive, seed):
                    return f"{found} ({name})"
    return None


def rejection(primitive: Primitive, seed: int) -> str | None:
    """How the checks reject `primitive` for one draw of arguments."""
    token = CONTEXT.set(Context())  # an error inside a sweep leaves nothing behind for the next mutant
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as in the suite
        try:
            run_checks(primitive, seed)
        except AssertionError:
            return "failed"
        except Exception as error:  # noqa: BLE001 - a wrong rule may raise anything, and that is noticed, too
            return type(error).__name__
        finally:
            CONTEXT.reset(token)
    return None


def proof(mutant: Mutant) -> str | None:
    """Why `mutant` computes the same as the primitive; None where nothing says so.

    Either it is listed, or the table itself proves it: a slope that is stated as 0 stays 0; and what
    the rule does with the hidden value is constant almost everywhere, so that its derivative is zero.
    """
    listed = EQUIVALENT.get((mutant.record.name, mutant.fault))
    if listed is not None:
        return listed
    primitive = PRIMITIVES[mutant.record.name]
    partials = primitive.stated.get("partial", ())
    if mutant.fault in OF_NOTHING and partials and partials[int(mutant.place.split()[1])] == 0:
        return "the slope is 0, whatever it is multiplied with"
    if mutant.fault != "saved detached":
        return None
    connected = any(_connected(mutant, primitive, seed) for seed in range(SEEDS))
    return None if connected else "piecewise constant in the saved value: its derivative is zero, hidden or not"


def _connected(mutant: Mutant, primitive: Primitive, seed: int) -> bool:
    assert mutant.slot is not None
    assert mutant.right is not None
    arrays, params = case(primitive, Rolled(seed))
    side, i = mutant.place.split()
    if max(int(i), mutant.slot - 1) >= len(arrays):
        return False  # fewer arguments than positions of an endless primitive
    xs = leaves(arrays)
    y = apply(primitive, tuple(xs), params)
    assert y.node is not None
    saved = [wrap(array) for array in (y.array, *arrays)]
    if saved[mutant.slot].dtype.kind != "f":
        return False  # a condition has no derivative
    saved[mutant.slot].requires_grad = True
    given = wrap(np.ones(arrays[int(i)].shape if side == "jvps" else y.shape))
    result = mutant.right(given, tuple(saved), y.node)
    if not (isinstance(result, Tensor) and result.requires_grad):
        return False
    (slope,) = grad(result.sum(), saved[mutant.slot], allow_unused=True)
    return slope is not None and bool(slope.array.any())
