"""The backward graph of every primitive has the gradients, keeps them after later writes, and has slopes.

While a graph sweeps, and no code of the user's with it, nothing is copied: `Memory` asserts that no rule writes.
"""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.dispatch import apply
from tensorgrad.graph import Graph
from tests.cases import OF_REALS, Rolled, case

RULES = sorted(name for name, record in OF_REALS.items() if record.differentiable)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.filterwarnings("ignore")
def test_the_backward_graph_of_a_rule_has_the_gradients_and_theirs(name: str) -> None:
    record = OF_REALS[name]
    for seed in range(3):
        arrays, params = case(record, Rolled(seed))
        leaves = [tg.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]

        def f(*xs: tg.Tensor, params=params) -> tg.Tensor:
            y = apply(record, xs, params)
            return (y * y.sin()).sum()

        wanted = tg.autograd.grad(f(*leaves), [x for x in leaves if x.requires_grad], allow_unused=True)
        graph = Graph.trace(f, *leaves)
        if not any(graph.nodes[i].requires_grad for i in graph.outputs):
            continue
        back = graph.backward()
        found = [back.nodes[i].value for i in back.outputs]
        for x in leaves:
            x.data.fill_(7)
        for g, w in zip(found, [w for w in wanted if w is not None], strict=True):
            np.testing.assert_allclose(g, w.numpy(), rtol=1e-12, atol=1e-300, equal_nan=True)
        if any(back.nodes[i].requires_grad for i in back.outputs):
            seeds = [tg.ones(*back.nodes[i].shape, dtype=tg.float64) for i in back.outputs]
            assert back.backward(seeds).outputs


def test_a_seed_that_is_written_later_changes_no_graph() -> None:
    x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    seed = np.array([1.0, 3.0])
    back = Graph.trace(lambda x: x.exp(), x).backward(seed)
    seed[:] = 100.0
    again = back.backward(tg.ones(2, dtype=tg.float64))
    np.testing.assert_allclose(back.nodes[back.outputs[0]].value, [1, 3] * np.exp([0.5, 2.0]))
    np.testing.assert_allclose(again.nodes[again.outputs[0]].value, [1, 3] * np.exp([0.5, 2.0]))
