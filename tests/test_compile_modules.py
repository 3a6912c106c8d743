"""Compiled modules and methods: copies, pickles, state, modes, decorators; each does what it does without."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tests.compile_networks import bits

Wrap = Callable[[nn.Module], Any]


class Net(nn.Module):
    """A module whose attributes have the names that compiled functions have for theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drop = nn.Linear(3, 2), nn.Dropout(0.5)
        self.register_buffer("calls", tg.zeros(()))
        self.function = self.backend = self.runs = self.lock = 2.0

    def forward(self, x: tg.Tensor, *, shift: float = 0.0) -> tg.Tensor:
        """Return two numbers for each row."""
        return self.drop(self.fc(x)) * self.runs + shift


class Scale:
    """A class with compiled methods."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    @tg.compile
    def plain(self, x: tg.Tensor) -> tg.Tensor:
        """Return `x`, scaled."""
        return x * self.factor

    @tg.compile(fullgraph=True, backend="numpy")
    def whole(self, x: tg.Tensor, shift: float = 0.0) -> tg.Tensor:
        """Return `x`, scaled."""
        return x * self.factor + shift

    @staticmethod
    @tg.compile
    def free(x: tg.Tensor) -> tg.Tensor:
        """Return twice `x`."""
        return x * 2

    @tg.compile
    @staticmethod
    def free_below(x: tg.Tensor) -> tg.Tensor:
        """Return twice `x`."""
        return x * 2

    @classmethod
    @tg.compile
    def of_class(cls, x: tg.Tensor) -> tg.Tensor:
        """Return `x`, and the length of the name of the class."""
        return x * len(cls.__name__)

    less = tg.compile(functools.partial(tg.sub, other=1))


@tg.compile
def doubled(x: tg.Tensor) -> tg.Tensor:
    """Return twice `x`."""
    return x * 2


def outside(net: nn.Module) -> Any:
    return tg.compile(net, fullgraph=True)


def in_place(net: nn.Module) -> Any:
    net.compile(fullgraph=True)
    return net


def plans(net: Any) -> list[Any]:
    found: list[Any] = net.plans if hasattr(net, "plans") else net.forward.plans
    return found


@pytest.fixture(params=[outside, in_place])
def wrap(request: pytest.FixtureRequest) -> Wrap:
    """Each way to compile a module."""
    found: Wrap = request.param
    return found


def warm(net: Any, x: tg.Tensor) -> tg.Tensor:
    for _ in range(3):
        net(x)
    result: tg.Tensor = net(x)
    return result


def test_names_state_and_text_are_those_of_the_module(wrap: Wrap) -> None:
    net = Net()
    text, state = repr(net), net.state_dict()
    made = wrap(net)
    warm(made, tg.ones(4, 3))
    assert plans(made)
    assert repr(made) == text
    assert bits(made.state_dict()) == bits(state)
    assert isinstance(made, Net)
    assert type(made).__name__ == "Net"
    assert [name for name, _ in nn.Sequential(made).named_parameters()] == ["0.fc.weight", "0.fc.bias"]
    assert (made.function, made.backend, made.runs, made.lock) == (2.0, 2.0, 2.0, 2.0)
    assert str(inspect.signature(made.forward)) == str(inspect.signature(Net().forward))


def test_a_state_that_is_loaded_is_that_of_both(wrap: Wrap) -> None:
    net, other = Net(), Net()
    made = wrap(net).eval()
    warm(made, tg.ones(4, 3))
    made.load_state_dict(other.state_dict())
    assert bits(net.state_dict()) == bits(other.state_dict())
    assert tg.allclose(made(tg.ones(4, 3)), other.eval()(tg.ones(4, 3)))


def test_modes_go_through_and_decide(wrap: Wrap) -> None:
    net = Net()
    made, x = wrap(net), tg.ones(50, 3)
    warm(made, x)
    assert made.eval() is made
    assert not net.training
    assert not net.drop.training
    assert (warm(made, x) != 0).all()
    assert made.train() is made
    assert net.drop.training
    assert (made(x) == 0).any()


def test_attributes_are_set_through_either(wrap: Wrap) -> None:
    net = Net()
    made, x = wrap(net).eval(), tg.ones(4, 3)
    before = warm(made, x)
    made.runs = 4.0
    assert net.runs == 4.0
    assert tg.allclose(made(x), before * 2)
    net.runs = 2.0
    assert tg.allclose(made(x), before)
    assert tg.allclose(made(x, shift=1.0), before + 1)


def test_a_deep_copy_is_apart_and_compiled(wrap: Wrap) -> None:
    made, x = wrap(Net()).eval(), tg.ones(4, 3)
    before = warm(made, x)
    twin = copy.deepcopy(made)
    assert not plans(twin)
    with tg.no_grad():
        twin.fc.weight.zero_()
        twin.fc.bias.fill_(1.0)
    assert warm(twin, x).tolist() == [[2.0, 2.0]] * 4
    assert plans(twin)
    assert bits(made(x)) == bits(before)
    inside = copy.deepcopy(nn.Sequential(made))
    assert tg.allclose(warm(inside, x), before)
    assert plans(inside[0])


def test_a_shallow_copy_has_names_of_its_own(wrap: Wrap) -> None:
    made, x = wrap(Net()).eval(), tg.ones(4, 3)
    before = warm(made, x)
    twin = copy.copy(made)
    twin.runs = 4.0
    assert tg.allclose(warm(twin, x), before * 2)
    assert plans(twin)
    assert bits(made(x)) == bits(before)
    assert twin.fc is made.fc


def test_what_can_be_pickled_comes_back_compiled(wrap: Wrap) -> None:
    made = wrap(nn.ReLU())
    warm(made, tg.ones(2))
    twin = pickle.loads(pickle.dumps(made))
    assert type(twin).__name__ == "ReLU"
    assert warm(twin, tg.tensor([-1.0, 1.0])).tolist() == [0.0, 1.0]
    assert plans(twin)
    net, x = wrap(Net()).eval(), tg.ones(4, 3)
    assert bits(pickle.loads(pickle.dumps(net))(x)) == bits(net(x))


def test_hooks_are_called_outside_of_what_is_compiled_in_place() -> None:
    net, seen = Net().eval(), []
    net.compile(fullgraph=True)
    net.register_forward_hook(lambda *_: seen.append(len(seen)))
    warm(net, tg.ones(4, 3))
    assert seen == [0, 1, 2, 3]
    assert plans(net)


def test_compiling_in_place_again_begins_anew_and_disabled_it_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = Net().eval(), tg.ones(4, 3)
    net.compile()
    before = warm(net, x)
    net.compile(backend="numpy")
    assert not plans(net)
    assert net.forward.compiled_function == Net.forward.__get__(net)
    assert tg.allclose(warm(net, x), before)
    monkeypatch.setenv("TENSORGRAD_COMPILE", "0")
    net.compile()
    assert net.forward == Net.forward.__get__(net)
    twin = copy.copy(net)
    twin.runs = 4.0
    assert tg.allclose(twin(x), before * 2)


def test_what_is_wrapped_can_be_compiled_in_place() -> None:
    made, x = outside(Net()).eval(), tg.ones(4, 3)
    made.compile()
    twin = copy.copy(made)
    twin.runs = 4.0
    assert tg.allclose(warm(twin, x), warm(made, x) * 2)


def test_a_lazy_module_gets_its_shapes(wrap: Wrap) -> None:
    made = wrap(nn.Sequential(nn.LazyLinear(2), nn.ReLU()))
    assert warm(made, tg.ones(4, 3)).shape == (4, 2)
    warm(made, tg.ones(4, 3))
    assert plans(made)
    layer = nn.LazyLinear(2)
    layer.compile()
    assert warm(layer, tg.ones(4, 3)).shape == (4, 2)
    assert repr(layer) == "Linear(in_features=3, out_features=2, bias=True)"


# --- methods and functions --------------------------------------------------------------------------------------------


def test_methods_are_bound_to_each_object() -> None:
    a, b, x = Scale(2.0), Scale(3.0), tg.ones(2)
    for _ in range(4):
        assert [s.plain(x).tolist() for s in (a, b)] == [[2.0, 2.0], [3.0, 3.0]]
        assert b.whole(x, shift=1.0).tolist() == [4.0, 4.0]
    assert Scale.plain.runs == 4
    a.factor = 5.0
    assert a.plain(x).tolist() == [5.0, 5.0]
    assert a.plain == a.plain
    assert a.plain.__self__ is a
    assert a.whole.__name__ == "whole"
    assert str(inspect.signature(a.whole)) == "(x: 'tg.Tensor', shift: 'float' = 0.0) -> 'tg.Tensor'"
    assert pickle.loads(pickle.dumps(a)).plain(x).tolist() == [5.0, 5.0]


def test_what_binds_to_nothing_is_not_bound() -> None:
    s, x = Scale(2.0), tg.ones(2)
    for _ in range(4):
        assert s.free(x).tolist() == s.free_below(x).tolist() == [2.0, 2.0]
        assert s.of_class(x).tolist() == Scale.of_class(x).tolist() == [5.0, 5.0]
        assert s.less(x).tolist() == [0.0, 0.0]


def test_a_compiled_function_is_pickled_and_copied_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert copy.copy(doubled) is doubled
    apart = tg.compile(doubled.compiled_function, fullgraph=True, backend="numpy")
    assert apart is not doubled
    twin = copy.deepcopy(apart)
    assert (twin.fullgraph, twin.backend) == (True, "numpy")
    assert warm(twin, tg.ones(2)).tolist() == [2.0, 2.0]
    assert twin.runs == 2
    assert not apart.runs


def scaled(x: tg.Tensor) -> tg.Tensor:
    return x * scaled.factor  # type: ignore[attr-defined]


@pytest.fixture
def attributes() -> Iterator[Any]:
    """What takes attributes for the function, compiled under its name, and beside it."""
    original = scaled
    yield [tg.compile(scaled), scaled]
    globals()["scaled"] = original


@pytest.mark.parametrize("by_name", [True, False])
def test_attributes_of_a_function_are_never_those_of_before(attributes: Any, by_name: bool) -> None:
    compiled, function = attributes
    globals()["scaled"] = compiled if by_name else function
    scaled.factor = 2.0  # type: ignore[attr-defined]
    assert compiled.factor == 2.0
    assert warm(compiled, tg.ones(2)).tolist() == [2.0, 2.0]
    assert compiled.runs == 2
    scaled.factor = 3.0  # type: ignore[attr-defined]
    assert compiled(tg.ones(2)).tolist() == [3.0, 3.0]


def test_names_of_keys_attributes_and_defaults_are_never_those_of_before() -> None:
    settings, holder, given = {"double": True}, Scale(1.0), tg.ones(2)
    del holder.factor
    holder.double = True  # type: ignore[attr-defined]

    def default(x: tg.Tensor, factor: float = 2.0) -> tg.Tensor:
        return x * factor

    functions = [
        tg.compile(lambda x: x * (2 if "double" in settings else 3)),
        tg.compile(lambda x: x * (2 if hasattr(holder, "double") else 3)),
        tg.compile(default),
        tg.compile(lambda x: default(x)),
    ]
    assert [warm(f, given).tolist() for f in functions] == [[2.0, 2.0]] * 4
    settings["triple"] = settings.pop("double")
    holder.triple = holder.__dict__.pop("double")  # type: ignore[attr-defined]
    default.__defaults__ = (3.0,)
    assert [f(given).tolist() for f in functions] == [[3.0, 3.0]] * 4


# --- L-BFGS -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [True, False])
def test_lbfgs_does_what_it_does_without(inside: bool) -> None:
    def losses(compiled: Callable[..., Any]) -> list[str]:
        tg.manual_seed(0)
        net, x, y = nn.Linear(3, 1), tg.randn(8, 3), tg.randn(8, 1)
        optimizer = optim.LBFGS(net.parameters(), max_iter=4, line_search_fn="strong_wolfe")

        def closure() -> tg.Tensor:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            return loss

        evaluate = closure if inside else compiled(closure)

        def step() -> Any:
            return optimizer.step(evaluate)

        run = compiled(step) if inside else step
        return [float(run()).hex() for _ in range(5)]

    assert losses(lambda f: tg.compile(f, backend="numpy")) == losses(lambda f: f)
