"""no_grad and enable_grad: nested, as decorators, after exceptions, in threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import tensorgrad as tg
from tests.values import close, leaf
from tests.waiting import CEILING


def test_no_grad_and_enable_grad_nest_and_are_restored() -> None:
    x = leaf([1.0])
    assert tg.is_grad_enabled()
    with tg.no_grad():
        assert not tg.is_grad_enabled()
        assert not (x * 2).requires_grad
        with tg.enable_grad():
            assert (x * 2).requires_grad
            with tg.no_grad():
                assert not (x * 2).requires_grad
        assert not tg.is_grad_enabled()
    assert (x * 2).requires_grad


def test_modes_are_decorators() -> None:
    x = leaf([1.0])

    @tg.no_grad()
    def without(scale: float, *, shift: float = 0.0) -> tg.Tensor:
        """Return a constant."""
        return x * scale + shift

    @tg.enable_grad()
    def with_graph() -> tg.Tensor:
        return x * 2

    assert (without.__name__, without.__doc__) == ("without", "Return a constant.")
    assert not without(2.0, shift=1.0).requires_grad
    assert without(2.0, shift=1.0).tolist() == [3.0]
    with tg.no_grad():
        assert with_graph().requires_grad
    assert tg.is_grad_enabled()


def test_no_grad_is_a_decorator_without_brackets_too() -> None:
    @tg.no_grad
    def enabled() -> bool:
        return tg.is_grad_enabled()

    assert enabled() is False


def test_a_decorated_function_may_call_itself() -> None:
    @tg.no_grad()
    def countdown(n: int) -> bool:
        return countdown(n - 1) if n else tg.is_grad_enabled()

    assert countdown(5) is False
    assert tg.is_grad_enabled()


def test_modes_are_restored_when_an_exception_passes() -> None:
    for mode in (tg.no_grad, tg.enable_grad):
        with pytest.raises(KeyError), mode():
            raise KeyError

    @tg.no_grad()
    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert tg.is_grad_enabled()
    guard = tg.no_grad()
    for _ in range(2):
        with guard, guard:
            assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


def test_every_thread_has_its_own_mode() -> None:
    seen: list[bool] = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append((leaf([1.0]) * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]

    inside, release, results = threading.Event(), threading.Event(), []

    def stay_without() -> None:
        with tg.no_grad():
            inside.set()
            release.wait(CEILING)
            results.append(tg.is_grad_enabled())

    thread = threading.Thread(target=stay_without)
    thread.start()
    assert inside.wait(CEILING)
    assert tg.is_grad_enabled()
    release.set()
    thread.join()
    assert results == [False]


def test_threads_that_train_at_once_get_their_own_gradients() -> None:
    found: dict[int, np.ndarray] = {}

    def train(k: int) -> None:
        x = leaf(np.full(50, 0.5 + k))
        for _ in range(30):
            y = x
            for _ in range(10):
                y = y * 1.01 + x
            (y * y).sum().backward()
            with tg.no_grad():
                tg.zeros(3).add_(1.0)
        found[k] = x.grad.numpy()

    threads = [threading.Thread(target=train, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    factor = sum(1.01**i for i in range(11))
    for k in range(4):
        close(found[k], np.full(50, 30 * 2 * factor**2 * (0.5 + k)), 1e-10)


def test_operations_on_constants_record_nothing() -> None:
    y = tg.ones(3) * 2 + 1
    assert (y.grad_fn, y.requires_grad, y.is_leaf) == (None, False, True)
    for constant in (leaf([1.0]) > 0, leaf([1.0]).isnan(), leaf([1.0]).argmax(), leaf([1.0]).long()):
        assert not constant.requires_grad
