"""What changes in the middle of a compiled training: it goes on as it would without."""

from __future__ import annotations

import copy
import functools
import os
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tests import compile_networks as nets
from tests.compile_networks import Run, batches, classifier, compare, planned


def build() -> Run:
    return classifier(nets.mlp(), batches(16, 12, classes=4), lambda p: optim.AdamW(p, lr=1e-2))


def test_another_size_of_batch(backend: str) -> None:
    small, large = batches(16, 12, classes=4), batches(7, 12, classes=4)

    def sizes() -> Run:
        run = build()
        run.given = lambda k: (small if k % 5 else large)(k)
        return run

    planned(compare(backend, sizes), 20, kinds=2)


def switched(run: Run, k: int) -> None:
    run.modules[0].train(k % 8 < 5)


def frozen(run: Run, k: int) -> None:
    if k in (6, 13):
        run.modules[0][4].requires_grad_(k == 13)


def replaced(run: Run, k: int) -> None:
    if k == 8:
        run.modules[0][0].weight = nn.Parameter(tg.randn(12, 12))
        run.optimizers[0].add_param_group({"params": [run.modules[0][0].weight]})


def assigned(run: Run, k: int) -> None:
    if k in (7, 12):
        weight = run.modules[0][0].weight
        weight.data = tg.randn(12, 12) if k == 7 else tg.randn(12, 12).T


def written(run: Run, k: int) -> None:
    with tg.no_grad():
        run.modules[0][0].weight.mul_(0.9)
        run.modules[0][1].running_mean[k % 12] = 0.5


def other_rate(run: Run, k: int) -> None:
    if k % 4 == 3:
        group = run.optimizers[0].param_groups[0]
        group["lr"] *= 0.5
        group["betas"] = (0.8, 0.99)


def loaded(run: Run, k: int) -> None:
    if k == 5:
        run.log.append(copy.deepcopy([run.optimizers[0].state_dict(), run.modules[0].state_dict()]))
    if k == 10:
        run.optimizers[0].load_state_dict(run.log[0][0])
    if k == 14:
        run.modules[0].load_state_dict(run.log[0][1])


def hooked(run: Run, k: int) -> None:
    if k == 6:
        run.log.append(run.modules[0][2].register_forward_hook(lambda module, args, out: out * 0.5))
        run.log.append(run.modules[0][0].register_forward_pre_hook(lambda module, args: (args[0] + 1,)))
        run.log.append(run.modules[0][0].weight.register_hook(lambda g: g * 2))
    if k == 13:
        for handle in run.log:
            handle.remove()


def dropped(run: Run, k: int) -> None:
    run.modules[0][3].p = 0.2 if k < 10 else 0.5


def seeded(run: Run, k: int) -> None:
    if k % 3 == 0:
        tg.manual_seed(k)


def without_gradients(run: Run, k: int) -> None:
    if k % 6 == 5:
        run.optimizers[0].zero_grad()


def own_gradients(run: Run, k: int) -> None:
    if k % 6 == 5:
        for p in run.modules[0].parameters():
            p.grad = tg.ones_like(p)


CHANGES = {c.__name__: c for c in (
    switched, frozen, replaced, assigned, written, other_rate, loaded, hooked, dropped, seeded, without_gradients,
    own_gradients,
)}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change(backend: str, name: str) -> None:
    kinds = {"switched": 2, "frozen": 3, "replaced": 2, "hooked": 3, "dropped": 2, "assigned": 3}
    compiled = compare(backend, build, meddle=CHANGES[name], steps=24)
    planned(compiled, 24, kinds.get(name, 1))


def test_gradients_are_added_up_over_two_calls(backend: str) -> None:
    def added() -> Run:
        run = build()
        model, optimizer = run.modules[0], run.optimizers[0]

        def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
            loss = nn.functional.cross_entropy(model(x), y) / 2
            loss.backward()
            return loss.detach()

        run.step = step
        run.optimizers = [optimizer]
        return run

    def every_second(run: Run, k: int) -> None:
        if k and k % 2 == 0:
            run.optimizers[0].step()
            run.optimizers[0].zero_grad()

    planned(compare(backend, added, meddle=every_second), 20, kinds=2)


def test_a_hook_that_raises_leaves_what_it_leaves_without(backend: str) -> None:
    def raising(run: Run, k: int) -> None:
        if k == 7:

            def fail(module: Any, args: Any, out: Any) -> None:
                raise ValueError("here")

            handle = run.modules[0][4].register_forward_hook(fail)
            with pytest.raises(ValueError, match="here"):
                run.step(*run.given(7))
            handle.remove()

    compiled = compare(backend, build, meddle=raising)
    planned(compiled, 20, 2)


def test_what_raises_inside_of_the_step_of_an_optimiser(backend: str) -> None:
    def sometimes() -> Run:
        run = build()

        def fail(optimizer: Any, args: Any, kwargs: Any) -> None:
            if run.log == ["now"]:
                raise KeyboardInterrupt

        run.optimizers[0].register_step_pre_hook(fail)
        return run

    def interrupted(run: Run, k: int) -> None:
        if k == 7:
            run.log.append("now")
            with pytest.raises(KeyboardInterrupt):
                run.step(*run.given(7))
            run.log.clear()
            tg.manual_seed(1)  # what the step has drawn is undone, or not
            for p in run.modules[0].parameters():
                p.grad = None
            for m in run.modules[0]:
                if isinstance(m, nn.BatchNorm1d):
                    m.reset_running_stats()

    compare(backend, sometimes, meddle=interrupted)


def test_gradients_that_were_kept_are_not_written(backend: str) -> None:
    kept: list[tuple[tg.Tensor, Any]] = []

    def keep(run: Run, k: int) -> None:
        kept.extend((p.grad, nets.bits(p.grad)) for p in run.modules[0].parameters() if p.grad is not None)

    compare(backend, build, meddle=keep)
    assert all(nets.bits(g) == before for g, before in kept)


def test_a_copy_trains_on_alone(backend: str) -> None:
    model = tg.compile(nets.mlp(drop=0.0), backend=backend)
    x = tg.randn(16, 12)
    for _ in range(4):
        before = model(x)
    other = copy.deepcopy(model)
    with tg.no_grad():
        other[0].weight.zero_()
    assert nets.bits(model(x)) == nets.bits(model._orig_mod(x))
    assert nets.bits(other(x)) != nets.bits(before)


# --- settings of optimisers and schedules that the function reads or writes itself ------------------------------------

READS: dict[str, Callable[[Any, Any], float]] = {
    "groups": lambda o, s: o.param_groups[0]["lr"],
    "by text": lambda o, s: getattr(o, "param_groups")[0]["lr"],  # noqa: B009 - which is tried
    "attribute": lambda o, s: o.scale,
    "state": lambda o, s: o.state_dict()["param_groups"][0]["lr"],
    "schedule": lambda o, s: s.get_last_lr()[0],
}


@pytest.mark.parametrize("name", READS)
def test_settings_that_are_read_are_never_those_of_before(name: str) -> None:
    def losses(compiled: Callable[..., Any]) -> list[str]:
        tg.manual_seed(0)
        net, read, found = nn.Linear(2, 2), READS[name], []
        optimizer: Any = optim.SGD(net.parameters(), lr=0.5)
        optimizer.scale = 0.5
        schedule = optim.lr_scheduler.StepLR(optimizer, step_size=1000)

        @compiled
        def step(x: tg.Tensor) -> tg.Tensor:
            optimizer.zero_grad()
            loss = net(x).sum() * read(optimizer, schedule)
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss

        for k in range(9):
            if k == 6:
                optimizer.scale = optimizer.param_groups[0]["lr"] = 0.125
                schedule._last_lr = [0.125]
            found.append(step(tg.ones(1, 2)).item().hex())
        assert compiled is plain or step.runs or step.reasons
        return found

    def plain(f: Callable[..., Any]) -> Any:
        return f

    assert losses(lambda f: tg.compile(f, backend="numpy")) == losses(plain)


def test_a_setting_that_is_written_inside_is_written_at_each_call() -> None:
    net = nn.Linear(2, 2)
    optimizer = optim.SGD(net.parameters(), lr=1.0)

    @tg.compile
    def step(x: tg.Tensor) -> None:
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] /= 2

    for _ in range(8):
        step(tg.ones(1, 2))
    assert optimizer.param_groups[0]["lr"] == 1 / 256
    assert any("it changes a setting of a SGD" in why for why in step.reasons.values())


# --- numbers that are kept elsewhere than in variables, attributes and lists ------------------------------------------


class Slotted:
    """An object without a dict."""

    __slots__ = ("k",)

    def __init__(self, k: float) -> None:
        self.k = k


class Meta(type):
    """A class of classes, with a setting."""

    k = 2.0


class OfMeta(metaclass=Meta):
    """Has the setting of its class."""


class Answering:
    """An object that has whatever it is asked for, through a method that Python calls."""

    def __getattr__(self, name: str) -> float:
        if name not in KEPT:
            raise AttributeError(name)
        return KEPT[name]

    def __getitem__(self, name: str) -> float:
        return KEPT[name]


KEPT = {"k": 2.0}
SLOTTED, LISTED, ANSWERING = Slotted(2.0), [2.0], Answering()
PLACES: dict[str, tuple[Callable[[], float], Callable[[float], Any]]] = {
    "slot": (lambda: SLOTTED.k, lambda k: setattr(SLOTTED, "k", k)),
    "metaclass": (lambda: OfMeta.k, lambda k: setattr(Meta, "k", k)),
    "attribute made up": (lambda: ANSWERING.k, lambda k: KEPT.update(k=k)),
    "element made up": (lambda: ANSWERING["k"], lambda k: KEPT.update(k=k)),
    "environment": (lambda: float(os.environ["TRIED"]), lambda k: os.environ.update(TRIED=str(k))),
    "environment, asked": (lambda: float(os.getenv("TRIED") or 0), lambda k: os.environ.update(TRIED=str(k))),
    "bound method": (functools.partial(LISTED.__getitem__, 0), lambda k: LISTED.__setitem__(0, k)),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_number_is_never_that_of_before_wherever_it_is_kept(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("TRIED", "2.0")
    read, write = PLACES[place]
    compiled = tg.compile(lambda x: x * read(), fullgraph=True)
    for k in (2.0, 3.0, 2.0):
        write(k)
        assert [compiled(tg.ones(1)).item() for _ in range(4)] == [k] * 4
    assert compiled.runs


def test_what_a_weak_reference_refers_to_is_reached() -> None:
    reference = weakref.ref(holder := nn.Linear(1, 1))
    compiled = tg.compile(lambda x: x * (1.0 if reference() is None else reference().k), fullgraph=True)  # type: ignore[union-attr]
    for k in (2.0, 3.0):
        holder.k = k
        assert [compiled(tg.ones(1)).item() for _ in range(4)] == [k] * 4
    assert compiled.runs
