"""`debug.why` of leaves that no gradient comes to, alone and beside others; of hooks; of what began with infinity."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.debug import why


class Refusing(tg.autograd.Function):
    """Doubles, and its backward says that there is no gradient."""

    @staticmethod
    def forward(_, x):
        return x * 2

    @staticmethod
    def backward(*_):
        return None


def under_no_grad(x):
    with tg.no_grad():
        return x * 2


CUTS = {  # every one takes its operand out of the graph
    "detach": (lambda x: x.detach() * 2, "detach", "detach() takes it out of the graph"),
    "no_grad": (under_no_grad, "mul", "it was computed under no_grad()"),
    "argmax": (lambda x: x.argmax().float(), "argmax", "argmax has no derivative"),
    "comparison": (lambda x: (x > 1).float(), "gt", "gt has no derivative"),
    "None": (Refusing.apply, "Refusing", "a gradient comes to Refusing, and its backward returns None"),
    "NumPy": (lambda x: tg.tensor(x.detach().numpy() * 2), "detach", "detach() takes it out of the graph"),
    "item": (lambda x: tg.tensor(x[0].item()), "item", "Python reads a number of it here (.item gave 1.0)"),
}


def leaf(*values):
    return tg.tensor(values, requires_grad=True)


@pytest.mark.parametrize("other", [False, True], ids=["alone", "beside"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_leaf_that_no_gradient_comes_to_is_named_alone_and_beside_others(cut, other):
    function, operation, cause = CUTS[cut]
    found = why(lambda x, w: (function(x) + w).sum() if other else function(x).sum(), leaf(1.0, 2.0), leaf(3.0))
    assert (found.kind, found.about, found.operation) == ("no gradient", ("x",), operation), str(found)
    assert found.cause.startswith(cause)
    assert found.place.startswith("test_debug_without.py:")
    assert [(r.kind, r.about) for r in found.more] == ([] if other else [("unused", ("w",))])


def test_an_argument_that_is_not_used_is_told():
    found = why(lambda x, w, more: x.sum(), leaf(1.0), leaf(1.0), [leaf(2.0), tg.ones(1)])
    assert (found.kind, found.about) == ("unused", ("w", "more[0]"))
    assert not why(lambda x, w: x.sum(), leaf(1.0), tg.ones(1))


def test_where_no_gradient_is_asked_for_none_is_missed():
    w = leaf(1.0, 2.0)

    def train():
        loss = ((w - 1.5) ** 2).sum()
        loss.backward()
        return loss.detach()

    assert not why(train)
    assert why(lambda x: x.detach() * 2, w).kind == "no gradient"  # though there is one, of that training
    assert not why(lambda x: tg.autograd.grad((x * x).sum(), x)[0], w)
    with tg.no_grad():
        assert not why(lambda x: x * 2, w)


def double_the_size(g):
    return g * 2


HOOKS = {
    "zero gradient": lambda g: g * 0,
    "NaN gradient": lambda g: g * np.float32("nan"),
    "infinite gradient": lambda g: g * np.float32("inf"),
    "exploding gradient": lambda g: g * 1e20,
    "vanishing gradient": lambda g: g * 1e-20,
}


@pytest.mark.parametrize("where", ["leaf", "middle", "output"])
@pytest.mark.parametrize("kind", HOOKS)
def test_a_hook_that_spoils_a_gradient_is_named(kind, where):
    def function(x):
        h = x * 2
        y = h.exp()
        hooked = {"leaf": x, "middle": h, "output": y}[where]
        hooked.register_hook(HOOKS[kind])
        return y

    found = why(function, leaf(1.0, 2.0))
    assert (found.kind, found.operation, found.about) == (kind, "hook", ("x",)), str(found)
    assert "test_debug_without.py:" in found.cause
    assert "a hook on it" in found.cause
    assert found.cure == "take the hook off, or mend it"


def test_a_hook_that_does_no_harm_is_not_blamed():
    def function(x):
        h = x * 2
        h.register_hook(double_the_size)
        return (h - h).sum() + (h * 0).sum()

    found = why(function, leaf(1.0, 2.0))
    assert "hook" not in str(found)


def test_the_cure_of_what_began_with_an_overflow_is_that_of_the_overflow():
    found = why(lambda x: (x.exp() / x.exp().sum()).sum(), tg.tensor([1000.0, 1.0]))
    assert (found.operation, found.cause, found.earlier.operation) == ("div", "inf / inf", "exp")
    assert found.cure.startswith("of exp at test_debug_without.py:")
    assert found.cure.endswith(found.earlier.cure)


@pytest.mark.parametrize("zeros", [1, 2])
def test_a_product_with_zeros_names_the_product_and_its_factor(zeros):
    found = why(lambda x: x.prod(), leaf(*[0.0] * zeros, 2.0, 3.0))
    assert (found.kind, found.operation, found.cause) == ("zero", "prod", "a factor is 0")
    assert all(r.cause for r in found.more)
    assert bool(found.more) == (zeros > 1)
