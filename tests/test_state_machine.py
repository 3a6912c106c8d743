"""Random programs on two engines, the real one and the naive one: the same values, the same gradients, or a refusal.

The real engine may refuse a backward pass only where something it needs has been freed (or, in place, overwritten).
After each backward: inputs and the incoming gradient unchanged, no gradient on anybody else's memory, the graph freed.
"""

from __future__ import annotations

import operator
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import tensorgrad as tg
from tensorgrad.errors import AutogradError, InPlaceError
from tests.checks import close, separate
from tests.naive import Naive

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LARGEST = 8.0  # a result beyond is not kept: chains of products would leave the range in which two engines can agree

SHAPES = [(2, 3), (3,), (2, 1), ()]
BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / (b * b + 1.0),
    "@": operator.matmul,
    "@T": lambda a, b: a @ b.T,
}
UNARY = {  # what NumPy runs, and the engine
    "neg": (operator.neg, operator.neg),
    "square": (lambda x: x * x, lambda x: x**2),
    "tanh": (np.tanh, tg.tanh),
    "sin": (np.sin, tg.sin),
    "gauss": (lambda x: np.exp(-x * x), lambda x: tg.exp(-x * x)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), tg.sigmoid),
    "relu": (lambda x: np.where(x.real > 0, x, 0), tg.relu),
    "numbers": (lambda x: (1.5 - x) / 2 + 0.25 * x, lambda x: (1.5 - x) / 2 + 0.25 * x),
    "copy": (lambda x: x[..., [0, 0, -1]], lambda x: x[..., [0, 0, -1]]),
    "join": (lambda x: np.concatenate([x, x], -1), lambda x: tg.cat([x, x], -1)),
}
VIEWS = {
    "first": lambda x: x[0, ...] if isinstance(x, np.ndarray) else x[0],  # NumPy's x[0] of one axis is no view
    "last": lambda x: x[..., -1],
    "backwards": lambda x: x[..., ::-1],
    "rest": lambda x: x[1:],
    "column": lambda x: x[..., None],
    "all": lambda x: x[...],
    "flat": lambda x: x.reshape(-1),
    "T": lambda x: x.T,
}
WRITES = {
    "iadd": operator.iadd,
    "imul": operator.imul,
    "first": lambda x, v: operator.setitem(x, 0, v),
    "every other": lambda x, v: operator.setitem(x, (..., slice(None, None, 2)), v),
}

which = st.integers(0, 63)  # how many variables back, modulo how many there are: small numbers make deep graphs


def names(table):
    return st.sampled_from(list(table))


def refused(run):
    """Whether the engine refuses to run this, with an error of a class that PyTorch or NumPy raises, and a reason."""
    with pytest.raises((ValueError, IndexError, TypeError, RuntimeError), match=r"\w"):
        run()
    return True


class Engines(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.naive = Naive()
        self.tensors = {}  # number in the naive engine -> Tensor
        self.gradients = {}  # leaf -> what its .grad must be
        self.freed = set()
        self.toggled = set()  # leaves whose requires_grad has been changed
        self.written = False
        self.block = None

    def teardown(self):
        if self.block is not None:
            self.leave_no_grad()

    def pick(self, k):
        return list(self.tensors)[-1 - k % len(self.tensors)]

    def leaves(self):
        return [x for x in self.gradients if x in self.tensors]

    def both(self, operation, function, engine, *inputs, view=False):
        """Run one operation on both engines, and keep the variable if its values are moderate."""
        tensors = [self.tensors[i] for i in inputs]
        try:
            expected = np.asarray(function(*(self.naive.values[i] for i in inputs)))
        except (ValueError, IndexError):
            assert refused(lambda: engine(*tensors)), operation
            return
        y = engine(*tensors)
        if expected.size > 24 or np.abs(expected).max(initial=0) > LARGEST:
            return
        number = self.naive.apply(function, *inputs, recorded=self.block is None, view=view)
        assert y.requires_grad == self.naive.tracked[number], operation
        self.tensors[number] = y

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed):
        for shape in SHAPES[:3]:  # they broadcast with one another
            self.new_leaf(shape, seed, True)

    @precondition(lambda self: len(self.leaves()) < 5)
    @rule(shape=st.sampled_from(SHAPES), seed=st.integers(0, 99), requires_grad=st.booleans())
    def new_leaf(self, shape, seed, requires_grad):
        value = np.random.default_rng(seed).uniform(-1, 1, shape)
        number = self.naive.leaf(value, requires_grad)
        self.tensors[number] = tg.tensor(value, requires_grad=requires_grad)
        self.gradients[number] = None

    @rule(name=names(BINARY), i=which, j=which)
    def binary(self, name, i, j):
        self.both(name, BINARY[name], BINARY[name], self.pick(i), self.pick(j))

    @rule(name=names(BINARY), i=which)
    def with_itself(self, name, i):
        self.both(name, BINARY[name], BINARY[name], self.pick(i), self.pick(i))

    @rule(operations=st.lists(st.tuples(names(BINARY | UNARY), which, which), min_size=2, max_size=8))
    def expression(self, operations):
        for name, i, j in operations:
            (self.unary if name in UNARY else self.binary)(name, i, *([j] if name in BINARY else []))

    @rule(name=names(UNARY), i=which)
    def unary(self, name, i):
        self.both(name, *UNARY[name], self.pick(i))

    @rule(name=st.sampled_from(["sum", "mean"]), axis=st.sampled_from([None, 0, 1, -1]), keep=st.booleans(), i=which)
    def reduction(self, name, axis, keep, i):
        if not self.naive.values[self.pick(i)].shape or not self.naive.values[self.pick(i)].size:
            return  # PyTorch reduces a 0-d tensor over its imaginary axis; NumPy warns of the mean of nothing
        function = operator.methodcaller(name, axis=axis, keepdims=keep)
        self.both(name, function, function, self.pick(i))

    @rule(name=names(VIEWS), i=which)
    def view(self, name, i):
        self.both(name, VIEWS[name], VIEWS[name], self.pick(i), view=True)

    @rule(i=which)
    def detach(self, i):
        x = self.pick(i)
        number = self.naive.apply(lambda v: v.real, x, recorded=False, view=True)
        self.tensors[number] = self.tensors[x].detach()

    @precondition(lambda self: self.block is None)
    @rule()
    def enter_no_grad(self):
        self.block = tg.no_grad()
        self.block.__enter__()

    @precondition(lambda self: self.block is not None)
    @rule()
    def leave_no_grad(self):
        self.block.__exit__(None, None, None)
        self.block = None

    @precondition(lambda self: self.leaves())
    @rule(i=which, times=st.sampled_from([1, 2]))
    def toggle_requires_grad(self, i, times):
        x = self.leaves()[i % len(self.leaves())]
        for _ in range(times):
            self.naive.tracked[x] = self.tensors[x].requires_grad = not self.naive.tracked[x]
            self.toggled.add(x)

    @rule(i=which)
    def refuse_to_toggle_what_is_no_leaf(self, i):
        x = self.pick(i)
        if self.naive.tracked[x] and x not in self.gradients:
            with pytest.raises(AutogradError, match="only change requires_grad flags of leaf"):
                self.tensors[x].requires_grad = False

    @precondition(lambda self: len(self.tensors) > 1)
    @rule(i=which)
    def delete(self, i):
        del self.tensors[self.pick(i)]

    @precondition(lambda self: self.leaves())
    @rule(i=which)
    def zero_grad(self, i):
        x = self.leaves()[i % len(self.leaves())]
        self.tensors[x].grad = self.gradients[x] = None

    @precondition(lambda self: self.block is None)
    @rule(name=names(WRITES), i=which, j=which)
    def write(self, name, i, j):
        x, v = self.pick(i), self.pick(j)
        of_leaf = self.naive.base[x] in self.gradients
        if of_leaf or not self.naive.tracked[x] or not self.tensors[x].array.flags.writeable:
            return
        if self.naive.values[v].ndim > self.naive.values[x].ndim:
            return  # see test_a_write_may_not_drop_leading_axes
        if name == "first" and self.naive.values[x].ndim == 1 and self.naive.values[v].shape == (1,):
            return  # NumPy refuses an array for a number; here, as in PyTorch, one of one element will do
        trial = self.naive.values[x].copy()
        try:
            WRITES[name](trial, self.naive.values[v])
        except (ValueError, IndexError):
            assert refused(lambda: WRITES[name](self.tensors[x], self.tensors[v]))
            return
        if np.abs(trial).max(initial=0) > LARGEST:
            return
        WRITES[name](self.tensors[x], self.tensors[v])
        number = self.naive.write(x, WRITES[name], v)
        self.tensors[number] = self.tensors.pop(x)
        self.written = True

    @rule(i=which, retain=st.booleans())
    def backward(self, i, retain):
        y = self.pick(i)
        self.differentiate(y, lambda g: self.tensors[y].backward(g, retain_graph=retain), retain)

    @rule(i=which)
    def backward_recorded(self, i):
        y = self.pick(i)
        self.differentiate(y, lambda g: self.tensors[y].backward(g, create_graph=True), True)
        for x in self.leaves():  # a .grad with a graph leads back to its leaf
            if self.tensors[x].grad is not None:
                self.tensors[x].grad = self.tensors[x].grad.detach()

    def differentiate(self, y, run, retain):
        tensor, needs = self.tensors[y], self.naive.ancestors[y] | {y}
        g = np.linspace(0.5, 1.5, tensor.numel()).reshape(tensor.shape)
        seed = tg.tensor(g)
        if not self.naive.tracked[y]:
            with pytest.raises(AutogradError, match="does not require grad"):
                run(seed)
            return
        leaves = needs & set(self.leaves())
        for x in leaves:  # see test_a_leaf_that_no_longer_requires_a_gradient_gets_none
            if not self.naive.tracked[x]:
                self.naive.tracked[x] = self.tensors[x].requires_grad = True
        before = {x: t.array.tobytes() for x, t in self.tensors.items()}
        finished = self.ran(run, seed, needs)
        if not retain:
            self.freed |= needs - self.gradients.keys()
        if finished:
            for x in leaves:
                known = self.gradients[x]
                new = self.naive.gradient(y, g, x)
                self.gradients[x] = new if known is None else known + new
            if not retain:
                assert not (tensor.grad_fn and tensor.grad_fn.saved), "the graph is freed"
        assert seed.tolist() == g.tolist(), "the incoming gradient is unchanged"
        assert before == {x: t.array.tobytes() for x, t in self.tensors.items()}, "inputs are unchanged"
        held = [t.grad for t in self.tensors.values() if t.grad is not None]
        separate(held, [seed, *self.tensors.values()])

    def ran(self, run, seed, needs):
        """Whether the sweep ran; it may be refused only for a reason that the program gives."""
        try:
            run(seed)
        except InPlaceError:
            assert self.written
            return False
        except AutogradError as error:
            reason = str(error)
        else:
            return True
        assert "a second time" in reason
        assert needs & self.freed, "nothing that this pass needs has been freed"
        return False

    def one_behind(self, y, j):
        """A variable that `y` depends on and that has its memory for itself: a leaf, or a result on the way."""
        needs = self.naive.ancestors[y] | {y}
        own = [x for x in needs & self.tensors.keys() if self.naive.base.count(self.naive.base[x]) == 1]
        # see test_a_leaf_keeps_its_graph_while_it_requires_no_gradient
        xs = [x for x in sorted(own) if self.naive.tracked[x] and x not in self.toggled]
        return (xs[j % len(xs)] if xs else None), needs

    @rule(i=which, j=which, create_graph=st.booleans())
    def gradient(self, i, j, create_graph):
        y = self.pick(i)
        x, needs = self.one_behind(y, j)
        if x is None:
            return
        g = np.linspace(-0.5, 1.5, self.tensors[y].numel()).reshape(self.tensors[y].shape)
        options = {"retain_graph": True, "create_graph": create_graph}
        found = []
        if self.ran(
            lambda seed: found.extend(tg.autograd.grad(self.tensors[y], self.tensors[x], seed, **options)),
            tg.tensor(g),
            needs,
        ):
            self.agree(found[0].detach().numpy(), self.naive.gradient(y, g, x), "grad()")
            separate(found, list(self.tensors.values()))

    @rule(i=which, j=which)
    def tangent(self, i, j):
        y = self.pick(i)
        x, needs = self.one_behind(y, j)
        if x is None:
            return
        direction = np.linspace(-0.5, 1.5, self.tensors[x].numel()).reshape(self.tensors[x].shape)
        found = []
        if self.ran(
            lambda t: found.extend(tg.autograd.jvp(self.tensors[y], self.tensors[x], t)), tg.tensor(direction), needs
        ):
            self.agree(found[0].numpy(), self.naive.derivative(y, x, direction), "jvp()")
            separate(found, list(self.tensors.values()))

    def agree(self, found, expected, what):
        scale = 1 + np.abs(expected).max(initial=0)
        close(found, expected, 1e-8, 1e-9 * scale, what)

    @invariant()
    def values_and_gradients_agree(self):
        for number, x in self.tensors.items():
            self.agree(x.detach().numpy(), self.naive.values[number], "value")
            assert x.requires_grad == self.naive.tracked[number]
            expected = self.gradients.get(number)
            assert (x.grad is None) == (expected is None)
            if expected is not None:
                self.agree(x.grad.numpy(), expected, "gradient")


Engines.TestCase.settings = settings(
    max_examples=300 if NIGHTLY else 50,
    deadline=None,
    phases=set(Phase) - {Phase.explain},  # it takes minutes
    suppress_health_check=[HealthCheck.too_slow],
    stateful_step_count=100 if NIGHTLY else 50,
)
TestEngines = Engines.TestCase


def test_the_naive_engine_follows_a_write_through_a_view():
    naive = Naive()
    x, c = naive.leaf(np.ones((2, 3)), True), naive.leaf(np.array(5.0), True)
    y = naive.apply(lambda v: v * 2, x)
    first = naive.apply(lambda v: v[0], y, view=True)
    constant = naive.apply(lambda v: v.real, y, recorded=False, view=True)
    naive.write(first, operator.imul, c)
    total = naive.apply(np.sum, y)
    assert naive.values[constant].tolist() == naive.values[y].tolist() == [[10.0] * 3, [2.0] * 3]
    assert naive.gradient(total, np.ones(()), x).tolist() == [[10.0] * 3, [2.0] * 3]
    assert naive.gradient(total, np.ones(()), c).tolist() == 6.0
    assert {x, c, y} <= naive.ancestors[total]
    assert not naive.tracked[constant]


def test_a_leaf_keeps_its_graph_while_it_requires_no_gradient():
    x = tg.ones(2, requires_grad=True)
    y = (x * 3).sum()
    x.requires_grad = False
    x.requires_grad = True
    assert tg.autograd.grad(y + (x * 7).sum(), x)[0].tolist() == [10.0, 10.0]


def test_a_leaf_that_no_longer_requires_a_gradient_gets_none():
    x = tg.ones(2, requires_grad=True)
    y = (x * 3).sum()
    x.requires_grad = False
    y.backward()
    assert x.grad is None


def test_a_write_may_not_drop_leading_axes():
    x = tg.ones(3, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        x += tg.ones(1, 3)
