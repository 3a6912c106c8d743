"""`viz.diff`: a hundred planted differences are each found where they were planted, and rounding is none."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph

KINDS = ["operation", "constant", "operand", "swapped", "axis"]


class Scaled(tg.autograd.Function):
    """tanh with its slope; `Wrong` has the same name and the slope of a mistake."""

    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y * y)


class Wrong(Scaled):
    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y * y) * 1.001


Wrong.__name__ = Wrong.__qualname__ = "Scaled"


def program(seed: int, planted: str = "", at: int = -1):
    """A random program of named steps, s0, s1, ..., of which each reads the last one and one before."""

    def run(x, w):
        rng = np.random.default_rng(seed)
        steps = [x]
        for k in range(12):
            choice, other, factor = rng.integers(5), int(rng.integers(len(steps))), float(rng.uniform(0.5, 1.5))
            kind = planted if k == at else ""
            last, before = steps[-1], steps[other]
            if kind == "operand":
                before = w
            if kind == "constant":
                factor *= 1.0001
            h = [last.tanh, last.sigmoid, (-(last * last)).exp, last.sin, last.cos][choice]()
            part = before * factor
            h = h + part if kind == "operation" else part - h if kind == "swapped" else h - part
            h = h - h.mean(int(kind == "axis"), keepdim=True) if planted in ("axis", "axes") else h
            h = h.arctan() if kind == "inserted" else h
            h = (Wrong if kind == "gradient" else Scaled).apply(h) if k % 3 == 0 or planted == "gradient" else h
            h.name = f"s{k}"
            steps.append(h)
        return (steps[-1] * w).sum()

    return run


def inputs(spoil: int | None = None):
    rng = np.random.default_rng(99)
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    if spoil is not None:
        w.flat[spoil] *= 1 + 1e-6
    return [tg.tensor(a, requires_grad=True) for a in (x, w)]


def place(seed: int) -> int:
    return int(np.random.default_rng(1000 + seed).integers(12))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_difference_is_found_where_it_was_planted(kind, seed):
    at = place(seed)
    first = program(seed, "axes" if kind == "axis" else "")
    found = viz.diff(first, program(seed, kind, at), *inputs())
    assert found.kind == "node"
    assert found.name == f"s{at}" or f"s{at}" in reading(first, found.name)
    what = {"operation": "operation", "axis": "arguments"}.get(kind, "operands")
    assert found.what.startswith(f"the {what} of")
    if kind == "swapped":
        assert found.first.split(", ") == found.second.split(", ")[::-1]


@pytest.mark.parametrize("seed", range(10))
def test_a_planted_value_is_found_in_its_number(seed):
    """An input that is another in one number, in the seventh digit."""
    a, b = Graph.trace(program(seed), *inputs()), Graph.trace(program(seed), *inputs(spoil=seed))
    found = viz.diff(a, b)
    assert (found.kind, found.name) == ("value", "w")
    assert f"at {[seed // 4, seed % 4]}" in found.first


@pytest.mark.parametrize("seed", range(10))
def test_a_planted_slope_is_found_where_it_is(seed):
    at = place(seed)
    right = Graph.trace(program(seed, "gradient"), *inputs())
    found = viz.diff(right, Graph.trace(program(seed, "gradient", at), *inputs()))
    assert found.kind == "gradient"
    assert f"as s{at} = " in found.what


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("turned", [False, True], ids=["inserted", "removed"])
def test_an_operation_that_only_one_has_is_named_with_its_line(seed, turned):
    at = place(seed)
    sides = [program(seed), program(seed, "inserted", at)]
    found = viz.diff(*sides[:: -1 if turned else 1], *inputs())
    assert found.kind == "node"
    texts, lines = [found.first, found.second], list(found.lines)
    if turned:
        texts, lines = texts[::-1], lines[::-1]
    assert texts[0] == "nothing"
    assert "atan(" in texts[1]
    assert lines[0] == ""
    assert lines[1].startswith("test_viz_differing.py:")
    assert f"which the {'second' if turned else 'first'} has not, before " in found.what


@pytest.mark.parametrize("seed", range(10))
def test_arguments_that_have_changed_places_are_not_taken_for_each_other(seed):
    def turned(x, w):
        return program(seed)(w, x)

    found = viz.diff(program(seed), turned, *inputs())
    assert found.kind == "node"
    assert found.what.startswith("the operands of")
    assert {*found.first.split(", "), *found.second.split(", ")} >= {"x", "w"}


def reading(function, name: str) -> list[str]:
    """The named values that are computed of `name`, through values without one."""
    graph = Graph.trace(function, *inputs())
    names = graph.names()
    start = next((n.index for n in graph.nodes if names[n.index] == name or f"v{n.index}" == name), None)
    found, waiting = [], [start]
    while waiting:
        at = waiting.pop()
        for edge in graph.edges():
            if edge.source == at:
                reader = graph.nodes[edge.target]
                found += [reader.name] if reader.name else []
                waiting += [] if reader.name else [reader.index]
    return found


@pytest.mark.parametrize("seed", range(10))
def test_the_same_program_has_no_difference_whatever_was_created_first(seed):
    first = inputs()
    a = Graph.trace(program(seed), *first)
    w, x = (tg.tensor(t.detach().numpy(), requires_grad=True) for t in reversed(first))
    assert viz.diff(a, Graph.trace(program(seed), x, w)) is None
    assert viz.diff(a, Graph.trace(program(seed), *inputs()), rtol=0) is None


def test_rounding_is_no_difference_and_zero_tolerance_sees_it():
    x = np.random.default_rng(0).normal(size=(50,))
    a, b = (Graph.trace(lambda x: (x * 3).sum(), tg.tensor(v)) for v in (x, np.nextafter(x, 9)))
    assert viz.diff(a, b) is None
    assert viz.diff(a, b, rtol=0).kind == "value"
    assert viz.diff(a, b, rtol=1e-9) is None


def test_noise_of_a_gradient_that_is_zero_is_no_difference():
    def net(order):
        def run(x, b):
            h = x + b
            h = h - h.mean(0)
            return (h[order] * h[order]).sum().sqrt()

        return run

    rng = np.random.default_rng(3)
    x, b = (tg.tensor(rng.normal(size=s), requires_grad=True) for s in ((40, 3), (3,)))
    first = Graph.trace(net(np.arange(40)), x, b)
    gradients = first.gradients().nodes
    assert any(0 < np.abs(g).max() < 1e-12 for g in gradients.values())
    assert viz.diff(first, Graph.trace(net(np.arange(40)), x, b)) is None


def test_what_it_says():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    told = str(viz.diff(lambda x: (x * 2).exp(), lambda x: (x * 3).exp(), x))
    assert told.startswith("first difference: node, the operands of")
    assert "2 against" in told
    assert "test_viz_differing.py:" in told
    told = str(viz.diff(lambda x: (x * 2).exp(), lambda x: (x * 2).detach().exp(), x))
    assert "exp(v1)" in told
    assert "(detached)" in told or "requires a gradient" in told
    two = viz.diff(lambda x: x.exp(), lambda x: (x.exp(), x), x)
    assert (two.kind, two.first, two.second) == ("outputs", "1 output, out", "2 outputs, out₁, x")


def test_what_one_more_operation_is_called_wherever_it_stands():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    cases = [
        (lambda x: x.exp(), lambda x: x.exp().sum(), "out = Σ(v1)", "at the end"),
        (lambda x: x.exp().sum(), lambda x: x.exp().exp().sum(), "v2 = exp(v1)", "before out = Σ(v1)"),
        (lambda x: x.exp() * x.exp(), lambda x: x.exp().exp() * x.exp(), "v2 = exp(v1)", "before v2 = exp(x)"),
        (lambda x: x.exp(), lambda x: (x.exp(), x.sin()), "out₂ = sin(x)", "at the end"),
    ]
    for first, second, told, where in cases:
        found = viz.diff(first, second, x)
        assert (found.kind, found.first) == ("node", "nothing")
        assert (found.second, found.what) == (told, f"which the first has not, {where}")
        assert str(viz.diff(second, first, x)).endswith(f"against nothing ({found.lines[1]})")


def test_leaves_are_told_apart_by_argument_by_tensor_and_by_use():
    a, b = (tg.tensor([1.0, 2.0 + k], requires_grad=True) for k in range(2))
    assert viz.diff(lambda x, y: x - y, lambda y, x: y - x, a, b) is None
    found = viz.diff(lambda x, y: x - y, lambda x, y: y - x, a, b)
    assert (found.first, found.second) == ("x, y", "y, x")
    found = viz.diff(lambda x, y: x * 2, lambda x, y: y * 2, a, b)
    assert (found.first, found.second) == ("x, 2", "y, 2")
    found = viz.diff(a - b, b - a)
    assert (found.kind, found.what.partition(" of ")[0]) == ("node", "the operands")
    c, d = (tg.tensor(t.detach().numpy(), requires_grad=True) for t in (a, b))
    assert viz.diff(a - b, c - d) is None
    assert viz.diff(a - b, d - c).kind == "value"
    given = viz.diff(lambda x: (x, x.exp()), lambda x: (x.exp(), x), a)
    assert (given.kind, given.first, given.second) == ("outputs", "2 outputs, x, out₂", "2 outputs, out₁, x")


def test_modules_and_tensors_can_be_compared():
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    other = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    other.load_state_dict(net.state_dict())
    x = tg.randn(5, 3)
    assert viz.diff(net, other, x) is None
    other[2].bias.array[1] += 1
    found = viz.diff(net, other, x)
    assert (found.kind, found.name) == ("value", "b")
    assert viz.diff(net(x).sum(), net(x).mean()).kind == "node"


def test_what_cannot_be_compared_is_refused_with_a_cure():
    with pytest.raises(TensorgradError, match="diff compares graphs, tensors and functions, and int is none"):
        viz.diff(3, 4)
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    drawing = viz.draw(lambda x: x.exp(), x)
    with pytest.raises(TensorgradError, match=r"Drawing is none: .* give what was drawn, as viz.diff\(f, g, x\)"):
        viz.diff(drawing, drawing)
    with pytest.raises(TensorgradError, match="takes no inputs: leave them out, or give functions"):
        viz.diff(x.exp(), x.exp(), x)
    spent = (x * x).sum()
    spent.backward()
    with pytest.raises(
        TensorgradError, match=r"cannot compare the gradients: .*; give the functions, which are traced"
    ):
        viz.diff(spent, (x * x).sum())
