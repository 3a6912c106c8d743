"""`debug.why` of random programs with spoilt inputs: what it names made the first NaN, and nothing makes it fail."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.debug import Reason, why
from tensorgrad.graph.recomputing import values
from tensorgrad.testing.building import built

SPOILT = (0.0, -0.0, np.nan, np.inf, -np.inf, 1e300, -1e300, 1e-300, -3.0)
SEEDS = range(120)


def spoilt_program(seed: int) -> tuple[Reason, bool]:
    """Return what is said of a random program, one number of whose inputs is spoilt, and whether its value is NaN."""
    rng = np.random.default_rng(seed)
    codes = [tuple(int(n) for n in rng.integers(0, 64, 6)) for _ in range(int(rng.integers(3, 15)))]
    program = built(codes, shape=(2, 3))
    leaves = [np.array(x) for x in program.leaves]
    spoilt = leaves[int(rng.integers(len(leaves)))]
    spoilt.flat[int(rng.integers(spoilt.size))] = rng.choice(SPOILT)
    xs = [tg.tensor(x, dtype=tg.float64, requires_grad=True) for x in leaves]

    def total(*xs):
        return sum(y.sum() for y in program.run("tensorgrad", *xs))

    found = why(total, *xs)
    return found, bool(np.isnan(values(found.graph)[found.graph.outputs[0]]))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_named_made_the_first_nan(seed):
    found, is_nan = spoilt_program(seed)
    assert str(found)
    assert (found.kind == "NaN") == is_nan
    if is_nan:
        known, node = values(found.graph), found.graph.nodes[found.index]
        read = [known[o.source] for o in node.operands if o.source is not None]
        assert np.isnan(known[node.index]).any()
        assert not any(np.isnan(x).any() for x in read if x.dtype.kind == "f")
        assert found.chain[0].node == found.index
        assert found.chain[-1].node in found.graph.outputs
        steps = zip(found.chain, found.chain[1:], strict=False)
        assert all(a.node in {o.source for o in found.graph.nodes[b.node].operands} for a, b in steps)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_named_made_the_first_gradient_that_is_not_finite(seed):
    first, is_nan = spoilt_program(seed)
    for found in (first, *first.more):
        if found.kind in {"NaN gradient", "infinite gradient"}:
            assert not is_nan
            flows = found.graph.flows
            assert np.isfinite(flows.nodes[found.index]).all()
            back = [g for (target, _), g in flows.edges.items() if target == found.index]
            assert not all(np.isfinite(g).all() for g in back)


def test_many_of_them_are_spoilt():
    assert sum(spoilt_program(seed)[1] for seed in SEEDS) > len(SEEDS) // 8
