"""`Graph.to_js`: modules of JavaScript that give what NumPy gives, each step of them to the last places."""

from __future__ import annotations

import os
import re
import warnings
from itertools import count
from random import Random

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import AutogradError, CompileError
from tensorgrad.graph import Graph
from tensorgrad.graph.writing import python_file
from tensorgrad.javascript.jsloops import joined
from tensorgrad.nn import functional

from .cfiles import run_python
from .fuzz.elsewhere import TOLD, other, traced
from .jsfiles import NODE, answers, check_steps, job

pytestmark = pytest.mark.skipif(NODE is None, reason="no Node here")
PARTS, PART, APART = 20, 100, 1000
"""Programs that are run in all, 100 in each part, from numbers so far apart that no two parts share one."""
NO_FORM = re.compile(
    r"float16|complex|svd|qr|inv|solve|slogdet|eigh|cholesky|det|argsort|sort|unique|bincount|commonest|frexp|uint|"
    r"bitwise|shift|getitem|lgamma|digamma|spacing|nextafter|asarray|maximum.at|minimum.at"
)
"""Half precision, linear algebra, sorting, what is counted, whole numbers wider than JavaScript's: there is no form."""
REFUSED, REFUSED_OTHERWISE = 1.2, 0.15
RNG = np.random.default_rng(0)


def network(*layers: nn.Module) -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(*layers).to(tg.float64)


def loss_of(model: nn.Module):
    return lambda x: functional.cross_entropy(model(x), tg.tensor([0, 1, 1, 0]))


FUNCTIONS = {
    "batchnorm": network(nn.BatchNorm1d(3)),
    "mlp": loss_of(network(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))),
    "tanh": network(nn.Linear(3, 5), nn.Tanh(), nn.LayerNorm(5), nn.Sigmoid()),
    "gelu": lambda x: functional.gelu(x),
    "erfc": lambda x: tg.special.erfc(x),
    "attention": lambda x: functional.scaled_dot_product_attention(x, x * 2, x + 1),
    "cumsum": lambda x: x.cumsum(0) * x.cumprod(1),
    "indexed": lambda x: x[tg.tensor([2, 0, 2, 1])] * x[:, 1:2],
    "argmax": lambda x: x * x.argmax(1, keepdim=True),
    "where": lambda x: tg.where(x > 0, x.exp(), x.sin()),
    "rounded": lambda x: (x * 3).round() + (x * 3).floor() * tg.sign(x) + x % 0.7 + x // 0.3,
    "whole": lambda x: ((x * 5).int() // 3 + (x * 5).long() % 3) * x,
    "powers": lambda x: x.abs() ** x + 2**x + tg.hypot(x, x * 2) + tg.logaddexp(x, x * 3),
    "conv": lambda x: functional.conv1d(x[None], x[None, :2, :2].repeat(2, 2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_module_gives_what_the_numpy_file_does(name, tmp_path) -> None:
    traced = Graph.trace(FUNCTIONS[name], tg.tensor(RNG.normal(size=(4, 3)), requires_grad=True))
    python = traced.to_python()
    leaves = [node.value for node in python_file(traced).arguments.values()]
    jobs = []
    for shift in (0.0, 0.3, -1.7):
        given = [leaves[0] * 0.9 + shift, *leaves[1:]]
        wanted = run_python(python, given)
        jobs.append((job(traced, given, *([[np.ones_like(wanted.outputs[0])]] if wanted.gradients else [])), wanted))
    for (one, wanted), answer in zip(jobs, answers([one for one, _ in jobs], tmp_path), strict=True):
        assert check_steps(one.file, answer) > 0
        for found, expected in zip(answer.results, (wanted.outputs, wanted.gradients), strict=False):
            assert found is not None
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def made(number: int):
    """Return a random program as a graph, and arguments for it; or why there is none."""
    if (known := traced(number)) is None:
        return "none"
    graph, python, arrays = known
    rng = Random(f"JavaScript {number}")
    try:
        found = []
        for again, inputs in enumerate([arrays, *([] if TOLD in python else [[other(rng, a) for a in arrays]])]):
            one = job(graph, inputs)
            if again:  # as live pictures have it
                parts = [[line for _, lines in part for line in lines] for part in one.file.functions]
                one.file.functions = [[("", list(joined(part)))] for part in parts]
            if len(one.file.functions) > 1:
                first = one.file.source.given[1][0]
                one.given.append([np.asarray(np.ones(one.file.values[first.number].shape))])
            one.file.text()
            found.append(one)
    except AutogradError as error:
        assert "write to clones of what it is given" in str(error)  # noqa: PT017 - how it is refused
        return "refused: it writes over an input"
    except CompileError as error:
        assert str(error).startswith("to_js() ")  # noqa: PT017
        return "refused" if NO_FORM.search(str(error)) else f"refused otherwise: {error}"
    return found


@pytest.mark.parametrize("first", range(PARTS if os.environ.get("TENSORGRAD_FULL") else 1))
def test_each_step_of_random_programs_is_numpys_to_the_last_places(first, tmp_path) -> None:
    jobs, programs, refused, numbers = [], 0, [], count(APART * first)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        while programs < PART:
            found = made(next(numbers))
            if isinstance(found, str):
                refused.append(found)
            else:
                programs += 1
                jobs += found
        compared = sum(check_steps(one.file, answer) for one, answer in zip(jobs, answers(jobs, tmp_path), strict=True))
    print(f"{programs} programs, {len(jobs)} runs, {compared} steps;", *refused, sep="\n")
    assert compared > 25 * PART
    assert sum("otherwise" in one for one in refused) <= REFUSED_OTHERWISE * PART
    assert len(refused) <= REFUSED * PART


def test_what_has_no_form_is_refused_with_its_line() -> None:
    traced = Graph.trace(lambda x: x.sort().values, tg.tensor([2.0, 1.0]))
    with pytest.raises(CompileError, match=r"to_js\(\) has no JavaScript for the call .*sort.* at .*test_to_js.py"):
        traced.to_js()


def test_numbers_that_the_library_refuses_answer_null(tmp_path) -> None:
    scores, labels = tg.tensor(RNG.normal(size=(2, 3)), requires_grad=True), tg.tensor([0, 2])
    traced = Graph.trace(lambda x, t: functional.cross_entropy(x, t), scores, labels)
    jobs = [job(traced, [scores.detach().numpy(), np.array(labels)]) for labels in ([2, 1], [-1, 1], [0, 3])]
    found = answers(jobs, tmp_path)
    assert [answer.results[0] is None for answer in found] == [False, True, True]
    wanted = functional.cross_entropy(scores, tg.tensor([2, 1])).item()
    np.testing.assert_allclose(found[0].results[0][0], wanted, rtol=1e-12)


def test_an_input_that_was_written_over_is_refused_with_what_to_do() -> None:
    def write(x: tg.Tensor) -> tg.Tensor:
        plain = x.detach()
        plain.diagonal().add_(3.0)
        return plain

    traced = Graph.trace(write, tg.ones(2, 2, requires_grad=True))
    for form in (traced.to_js, traced.to_c):
        with pytest.raises(AutogradError, match="let it write to clones of what it is given"):
            form()


def test_other_ways_than_that_of_the_trace_answer_null(tmp_path) -> None:
    traced = Graph.trace(lambda x, i: x[i], tg.tensor([2.0, 1.0]), tg.tensor([1]))
    good, bad = job(traced, [np.array([2.0, 1.0]), np.array([0])]), job(traced, [np.array([2.0, 1.0]), np.array([5])])
    found = answers([good, bad], tmp_path)
    assert found[0].results[0][0].tolist() == [2.0]
    assert found[1].results == [None]
