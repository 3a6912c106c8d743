"""Words that a plan draws in C: those of the function itself, and the generator is left where that leaves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.compiled.toolchain import compiler
from tensorgrad.create.random import default_generator
from tensorgrad.nn.functional import dropout

if compiler() is None:
    pytest.skip("there is no C compiler: words are not drawn in C", allow_module_level=True)


def assert_same_draws(function: Callable[..., Any], *args: Any, drawn_in_c: bool = True) -> Any:
    """Compare a compiled function with itself as it is: results and states after them, from several states."""
    compiled: Any = tg.compile(function, backend="c", fullgraph=True)
    for i in range(6):
        found = []
        for one in (function, compiled):
            tg.manual_seed(i)
            if i % 2:
                default_generator.numpy.integers(0, 9, dtype=np.uint32)  # half a number is left over
            found.append([*(y.tolist() for y in one(*args)), tg.get_rng_state().tolist()])
        assert found[0] == found[1]
    assert compiled.runs == 4
    assert ("words(" in compiled.plans[0].text) is drawn_in_c
    return compiled


@pytest.mark.parametrize("shape", [(), (1,), (5,), (63,), (64,), (65,), (7, 3), (127, 3), (40, 50), (0, 3)])
def test_masks_are_those_of_the_function_itself(shape: tuple[int, ...]) -> None:
    compiled = assert_same_draws(lambda x: (dropout(x, 0.3), dropout(x, 0.5)), tg.ones(*shape))
    assert compiled.plans[0].text.count("words(") == 1  # both at once


def test_what_else_is_drawn_in_between_comes_in_its_turn() -> None:
    assert_same_draws(lambda x: (dropout(x, 0.3), tg.rand(3), dropout(x, 0.5), dropout(x, 0.1)), tg.ones(9, 7))


def test_generators_do_not_meet() -> None:
    one, other = tg.Generator(), tg.Generator()

    def function(x: tg.Tensor) -> Any:
        y = dropout(x, 0.5, generator=one), dropout(x, 0.5, generator=other), dropout(x, 0.2, generator=one)
        return (*y, dropout(x, 0.4))

    eager, compiled = [], []
    for found, called in ((eager, function), (compiled, tg.compile(function, backend="c", fullgraph=True))):
        for generator in (one, other):
            generator.manual_seed(3)
        tg.manual_seed(0)
        for _ in range(5):
            found.append([y.tolist() for y in called(tg.ones(11, 5))])
        found.append([generator.get_state().tolist() for generator in (one, other)])
    assert eager == compiled


def test_draws_on_both_sides_of_a_step_of_an_optimiser() -> None:
    def trained(backend: str | None) -> list[Any]:
        tg.manual_seed(0)
        w = tg.ones(20, 5, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step() -> Any:
            for _ in range(2):
                optimizer.zero_grad()
                loss = dropout(w, 0.5).square().sum() + dropout(w, 0.25).sum()
                loss.backward()
                optimizer.step()
            return loss.detach()

        called: Any = step if backend is None else tg.compile(step, backend=backend)
        return [*(float(called()) for _ in range(6)), w.tolist(), tg.get_rng_state().tolist()]

    eager, in_c = trained(None), trained("c")
    assert in_c[-1] == eager[-1]
    np.testing.assert_allclose(in_c[-2], eager[-2], 1e-5)


def test_a_run_that_goes_another_way_draws_the_same_words() -> None:
    def function(x: tg.Tensor, limit: tg.Tensor) -> Any:
        y = dropout(x, 0.5)
        if bool((y.sum() > limit).item()):
            return y, dropout(x, 0.1)
        return y, y * 2

    compiled: Any = tg.compile(function, backend="c")
    x = tg.ones(10, 10)
    for i, limit in enumerate([0.0, 0.0, 0.0, 1e9, 0.0, 1e9, 1e9, 0.0]):
        found = []
        for one in (function, compiled):
            tg.manual_seed(i)
            found.append([*(y.tolist() for y in one(x, tg.tensor(limit))), tg.get_rng_state().tolist()])
        assert found[0] == found[1]
    assert compiled.runs


def test_numbers_that_are_no_words_are_drawn_by_numpy() -> None:
    assert_same_draws(lambda x: (x * tg.rand(5), x + tg.randn(5)), tg.ones(5), drawn_in_c=False)
