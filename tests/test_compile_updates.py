"""Optimisers that step in C: the same parameters and the same state as without, whatever changes in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import optim
from tensorgrad.compiled.toolchain import compiler
from tensorgrad.compiled.undo import Outside
from tensorgrad.compiled.updates import CompiledStep

if compiler() is None:
    pytest.skip("there is no C compiler: steps in C are not tested", allow_module_level=True)

SHAPES = (20, 10), (20,), (), (300, 100)  # the last has more elements than what is moved side by side

OPTIMISERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "book": ("SGD", {"momentum": 0.9, "convention": "book"}),
    "Adam": ("Adam", {}),
    "AMSGrad": ("Adam", {"amsgrad": True, "maximize": True}),
    "AdamW": ("AdamW", {}),
    "RMSprop": ("RMSprop", {"centered": True, "momentum": 0.5}),
    **{name: (name, {}) for name in ("Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax", "ASGD", "Rprop")},
}


class Pair:
    """Two equal optimisers, of which one steps in C."""

    def __init__(self, name: str, **settings: Any) -> None:
        self.eager, self.compiled = (self._made(name, settings) for _ in range(2))
        self.in_c = CompiledStep(Outside(self._counted))
        self.steps = 0
        self.eager_steps = 0

    def _counted(self, optimizer: Any) -> None:
        self.eager_steps += 1
        optimizer.step()

    @property
    def hits(self) -> int:
        """How many steps were made in C."""
        return self.steps - self.eager_steps

    @staticmethod
    def _made(name: str, settings: dict[str, Any]) -> Any:
        tg.manual_seed(0)
        params = [tg.randn(*shape, requires_grad=True) for shape in SHAPES]
        return getattr(optim, name)([{"params": params[:2]}, {"params": params[2:]}], lr=0.01, **settings)

    @property
    def both(self) -> tuple[Any, Any]:
        return self.eager, self.compiled

    def step(self, left_out: int = -1) -> None:
        """Make a step with new gradients, and compare all that it has changed."""
        self.steps += 1
        for optimizer in self.both:
            rng = np.random.default_rng(self.steps)
            for i, p in enumerate(self._params(optimizer)):
                gradient = tg.tensor(rng.standard_normal(p.shape), dtype=tg.float32)
                p.grad = None if i == left_out else gradient
        self.eager.step()
        self.in_c(self.compiled)
        for p, q in zip(self._params(self.eager), self._params(self.compiled), strict=True):
            np.testing.assert_allclose(p.array, q.array, 1e-6, 1e-7, equal_nan=False)
            mine, other = self.eager.state.get(p, {}), self.compiled.state.get(q, {})
            assert mine.keys() == other.keys()
            for name, value in mine.items():
                if isinstance(value, tg.Tensor):
                    np.testing.assert_allclose(value.array, other[name].array, 1e-6, 1e-7, equal_nan=False)
                else:
                    assert other[name] == value

    @staticmethod
    def _params(optimizer: Any) -> list[tg.Tensor]:
        return [p for group in optimizer.param_groups for p in group["params"]]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_in_c_gives_the_same(name: str) -> None:
    kind, settings = OPTIMISERS[name]
    pair = Pair(kind, **settings)
    for _ in range(10):
        pair.step()
    assert pair.hits >= 7, "it did not step in C"


def test_settings_and_states_may_change_in_between() -> None:
    pair = Pair("Adam")
    for _ in range(3):
        pair.step()
    for optimizer in pair.both:
        optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["betas"] = 0.003, (0.8, 0.9)
        optimizer.param_groups[0]["weight_decay"] = 0.1  # another program
    for _ in range(3):
        pair.step()
    saved = pair.eager.state_dict()
    for _ in range(2):
        pair.step()
    for optimizer in pair.both:
        optimizer.load_state_dict(saved)
    for left_out in (-1, 1, 1, -1, -1):  # a parameter without a gradient has fewer steps behind it
        pair.step(left_out)
    for optimizer in pair.both:
        for group in optimizer.param_groups:
            group["params"][0].data = group["params"][0].data * 2
    for _ in range(3):
        pair.step()
    assert pair.hits >= 8


def test_states_may_get_other_entries_in_between() -> None:
    pair = Pair("Adam")
    for entry, value in (("note", 1), ("step", 7), ("note", None), ("exp_avg", tg.ones(20, 10))):
        for _ in range(3):
            pair.step()
        for optimizer in pair.both:
            state = optimizer.state[optimizer.param_groups[0]["params"][0]]
            state[entry] = value.clone() if isinstance(value, tg.Tensor) else value
            if value is None:
                del state[entry]
    for optimizer in pair.both:
        for state in optimizer.state.values():
            state["step"] = 9
    for _ in range(3):
        pair.step()
    assert pair.hits >= 5


@pytest.mark.parametrize("notes", [(1.0, None), (1.0, 1), ("a", "b")])
def test_a_state_may_have_what_no_other_has(notes: tuple[Any, Any]) -> None:
    pair = Pair("SGD")
    for _ in range(2):
        pair.step()
    for optimizer in pair.both:
        for p, note in zip(optimizer.param_groups[0]["params"], notes, strict=True):
            if note is not None:
                optimizer.state[p]["note"] = note
    pair.step()


@pytest.mark.parametrize("name", ["SGD", "Nesterov", "Adam", "AMSGrad", "AdamW", "RMSprop", "Adagrad", "NAdam"])
def test_an_update_is_one_pass_over_memory(name: str) -> None:
    kind, settings = OPTIMISERS[name]
    pair = Pair(kind, **settings)
    for _ in range(4):
        pair.step()
    sources = [group.plan.source for group in pair.in_c.groups.values() if group is not None]
    assert [source.count("i < 30000") for source in sources] == [0, 1]


def test_what_c_gets_wrong_is_mended_and_left_to_numpy() -> None:
    pair = Pair("Adam")
    pair.step()
    assert pair.in_c._stepped(pair.compiled)
    group = pair.in_c.groups[id(pair.compiled.param_groups[0])]
    assert group is not None
    before = [p.array.copy() for p in group.params]
    group.expected = [(p, array + 1) for p, array in zip(group.params, before, strict=True)]
    pair.in_c(pair.compiled)
    assert {state["step"] for state in pair.compiled.state.values()} == {3}
    for p, array in zip(group.params, before, strict=True):
        np.testing.assert_array_equal(p.array, array + 1)
    assert pair.in_c.groups[id(pair.compiled.param_groups[0])] is None


def test_hooks_run_around_a_step() -> None:
    pair = Pair("SGD")
    called = []
    pair.compiled.register_step_post_hook(lambda *_: called.append(1))
    for _ in range(3):
        for p in Pair._params(pair.compiled):
            p.grad = tg.ones_like(p)
        pair.in_c(pair.compiled)
    assert len(called) == 3


def test_the_same_calls_on_other_arrays_are_another_program() -> None:
    pair = Pair("SGD", momentum=0.9)
    for nesterov in (False, False, False, True, True, False, True):
        for optimizer in pair.both:
            for group in optimizer.param_groups:
                group["nesterov"], group["weight_decay"] = nesterov, 0 if nesterov else 0.1
        pair.step()
    assert pair.hits >= 2


@pytest.mark.parametrize("turned", [False, True])
def test_a_number_on_the_other_side_is_another_program(turned: bool) -> None:
    class Turning(optim.SGD):
        elementwise = True

        def update(self, w: Any, g: Any, _: dict[str, Any], group: dict[str, Any]) -> None:
            w -= g - group["lr"] if (group["lr"] > 1) is turned else group["lr"] - g

    w = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = Turning([w], lr=0.5)
    step = CompiledStep(Outside(optim.Optimizer.step))
    for lr in (0.5, 0.5, 0.5, 2.0, 2.0, 0.5):
        optimizer.param_groups[0]["lr"] = lr
        before, w.grad = w.array.copy(), tg.ones(2)
        step(optimizer)
        np.testing.assert_allclose(w.array, before - (1 - lr if (lr > 1) is turned else lr - 1))


def test_numbers_are_as_exact_as_each_parameter() -> None:
    def trained(step: Any) -> tg.Tensor:
        params = [tg.ones(3, dtype=dtype, requires_grad=True) for dtype in (tg.float32, tg.float64)]
        optimizer = optim.Adam(params, lr=0.013)
        for _ in range(4):
            for p in params:
                p.grad = tg.full_like(p, 0.7)
            step(optimizer)
        return params[1]

    found = trained(CompiledStep(Outside(optim.Optimizer.step))), trained(optim.Optimizer.step)
    np.testing.assert_allclose(found[0].array, found[1].array, 1e-14)


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_a_step_that_does_more_is_called_whole(backend: str) -> None:
    class Clipped(optim.Adam):
        def step(self, closure: Any = None) -> Any:
            super().step(closure)
            with tg.no_grad():
                for p in self.param_groups[0]["params"]:
                    p.clamp_(-0.5, 0.5)

    w = tg.tensor([0.6, -0.7], requires_grad=True)
    optimizer = Clipped([w], lr=0.3)

    def step() -> None:
        optimizer.zero_grad()
        (w * tg.tensor([1.0, -1.0])).sum().backward()
        optimizer.step()

    compiled: Any = tg.compile(step, backend=backend)
    for _ in range(8):
        compiled()
    assert compiled.runs == 6
    assert w.tolist() == [-0.5, 0.5]
