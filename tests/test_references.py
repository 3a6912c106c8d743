"""What a Python that counts references differently may change: more copies and more notes, and never a gradient."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.engine import references
from tensorgrad.errors import InPlaceError

counted = sys.getrefcount


def lending(thing: Any) -> int:
    """What cannot tell one holder from two."""
    return min(counted(thing), 3)


COUNTS: dict[str, Callable[[Any], int]] = {
    "as it is": counted,
    "one less": lambda thing: counted(thing) - 1,
    "one more": lambda thing: counted(thing) + 1,
    "one holder too few": lambda thing: max(counted(thing) - 1, 4),
    "lending": lending,
}


@pytest.fixture(params=[*COUNTS, "switched later, one less", "switched later, one more"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Python with another way of counting, from the import on or, as no Python does, from some later moment."""
    before = dict(references._trusted)
    monkeypatch.setattr(sys, "getrefcount", COUNTS[request.param.removeprefix("switched later, ")])
    if not request.param.startswith("switched"):
        references._trusted.update(references.tried())
    yield request.param
    references._trusted.update(before)


def test_each_question_tells_what_is_held_elsewhere() -> None:
    assert references.tried() == dict.fromkeys(("array", "list", "loose", "base", "argument"), True)


def test_a_question_that_cannot_tell_is_answered_with_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(references._trusted)
    monkeypatch.setattr(sys, "getrefcount", lending)
    try:
        references._trusted.update(references.tried())
        assert not any(references._trusted.values())
        assert not references.alone(tg.ones(3))
    finally:
        references._trusted.update(before)


def test_a_saved_value_that_is_written_is_refused(python: str) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    with tg.no_grad():
        y.mul_(3)
    with pytest.raises(InPlaceError):
        z.backward()


def test_a_saved_value_that_is_written_through_a_view_is_refused(python: str) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = y.exp()
    w = (z * z).sum()
    with tg.no_grad():
        z[0:1].fill_(3)
    with pytest.raises(InPlaceError):
        w.backward()


def test_memory_that_numpy_writes_is_copied_or_refused(python: str) -> None:
    array = np.array([1.0, 2.0], np.float32)
    x, w = tg.from_numpy(array), tg.ones(2, requires_grad=True)
    y = (x * w).sum()
    array[:] = 100
    y.backward()
    assert w.grad.tolist() == [1, 2]


def test_a_parameter_on_the_memory_of_a_tensor_hears_of_writes_to_it(python: str) -> None:
    data = tg.tensor([1.0, 2.0])
    p = nn.Parameter(data)
    y = (p * p).sum()
    data.mul_(5)
    with pytest.raises(InPlaceError):
        y.backward()


@pytest.mark.parametrize("choice", [optim.SGD, optim.Adam])
def test_a_step_of_an_optimiser_spoils_no_graph_silently(python: str, choice: Any) -> None:
    net = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False))
    optimizer = choice(net.parameters(), lr=0.1)
    x = tg.ones(5, 3)
    for _ in range(3):
        loss = net(x).sum()
        kept = net(x).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with pytest.raises(InPlaceError):
        kept.backward()


def test_training_gives_the_same_numbers(python: str) -> None:
    def trained() -> list[Any]:
        tg.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
        optimizer = optim.Adam(net.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            net(tg.arange(15.0).reshape(5, 3)).square().sum().backward()
            optimizer.step()
        return [p.tolist() for p in net.parameters()]

    here = trained()
    sys.getrefcount, there = counted, sys.getrefcount
    try:
        assert trained() == here
    finally:
        sys.getrefcount = there


def test_a_result_that_is_kept_is_not_written_by_later_runs(python: str) -> None:
    step = tg.compile(lambda x: x * 2 + 1)
    kept = [step(tg.full((3,), float(i))) for i in range(6)]
    assert [y.tolist() for y in kept] == [[2.0 * i + 1] * 3 for i in range(6)]


def test_reference_counts_are_asked_of_what_owns_memory_and_of_what_a_frame_keeps() -> None:
    root = Path(tg.__file__).parent
    asking = {str(p.relative_to(root)) for p in root.rglob("*.py") if "getrefcount" in p.read_text("utf-8")}
    assert asking == {"base/callsite.py", "engine/references.py"}
