"""Whether a result shares memory with what it was made of, and whether its elements lie row by row: as in PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.aliases import APART, SHARED
from tests.peer import torch_
from tests.values import grad_of, leaf

LAYOUTS = ("plain", "transposed")


def calls(table: dict[tuple[int, ...], str]) -> Iterator[tuple[tuple[int, ...], str]]:
    for shape, text in table.items():
        for line in text.split("\n"):
            yield from ((shape, call.strip()) for call in line.split(" | ") if call.strip())


def start(t: Any, shape: tuple[int, ...], layout: str) -> Any:
    a = np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape)
    if layout == "plain":
        return t.tensor(a)
    return t.tensor(a.T.copy()).permute(tuple(range(a.ndim))[::-1])


def results(t: Any, call: str, x: Any) -> list[Any]:
    """What the call gives; nothing where it is refused, as a view of a layout that allows none is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _flat(eval(call, {"t": t, "nn": t.nn, "F": t.nn.functional, "x": x}))
        except RuntimeError as error:
            if "view size is not compatible" not in str(error):
                raise
            return []


def _flat(y: Any) -> list[Any]:
    return [v for item in y for v in _flat(item)] if isinstance(y, tuple | list) else [y]


def array_of(y: Any) -> np.ndarray:
    return y.detach().array if isinstance(y, tg.Tensor) else y.detach().numpy()


def shared(t: Any, call: str, shape: tuple[int, ...], layout: str) -> list[bool]:
    x = start(t, shape, layout)
    return [np.shares_memory(array_of(y), array_of(x)) for y in results(t, call, x)]


@pytest.mark.parametrize(("table", "wanted"), [(SHARED, True), (APART, False)], ids=["shared", "apart"])
def test_results_share_memory_where_pytorchs_do(table: Any, wanted: bool) -> None:
    for shape, call in calls(table):
        assert set(shared(tg, call, shape, "plain")) == {wanted}, call


@pytest.mark.parametrize(("table", "wanted"), [(SHARED, True), (APART, False)], ids=["shared", "apart"])
def test_pytorchs_results_share_memory_as_the_table_says(table: Any, wanted: bool) -> None:
    torch = torch_()
    for shape, call in calls(table):
        assert set(shared(torch, call, shape, "plain")) == {wanted}, call


def test_a_write_to_a_view_arrives_and_a_write_to_what_was_viewed_shows() -> None:
    for shape, call in calls(SHARED):
        x = start(tg, shape, "plain")
        for y in results(tg, call, x):
            if y.dtype != x.dtype:
                continue
            with tg.no_grad():
                before = y.tolist()
                x.add_(100.0)
                assert y.tolist() != before, call
                if y.array.flags.writeable:
                    before = x.tolist()
                    y.mul_(2.0)
                    assert x.tolist() != before, call


def test_views_are_shared_by_any_layout_and_copies_by_none() -> None:
    torch = torch_()
    for shape, call in [*calls(SHARED), *calls(APART)]:
        found, wanted = (shared(t, call, shape, "transposed") for t in (tg, torch))
        assert found == wanted, call


@pytest.mark.parametrize("layout", LAYOUTS)
def test_results_lie_row_by_row_where_pytorchs_do(layout: str) -> None:
    torch = torch_()
    for shape, call in [*calls(SHARED), *calls(APART)]:
        ours, theirs = (results(t, call, start(t, shape, layout)) for t in (tg, torch))
        for found, wanted in zip(ours, theirs, strict=True):
            assert found.is_contiguous() or not wanted.is_contiguous(), call


def test_what_is_normalised_keeps_its_channels_last() -> None:
    for t in (tg, torch_()):
        x = t.arange(120.0).reshape(2, 4, 5, 3).permute(0, 3, 1, 2)
        for norm in (t.nn.BatchNorm2d(3), t.nn.BatchNorm2d(3).eval()):
            assert norm(x).stride() == x.stride()


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), [0, 2]),
        (slice(None), slice(None), [1, 0]),
        (slice(None), np.array([[0], [1]])),
        (..., np.array([0, 1])),
    ],
    ids=str,
)
def test_what_was_picked_from_a_later_axis_can_be_viewed_flat(index: Any) -> None:
    x = start(tg, (2, 3, 4), "plain")
    assert x[index].view(-1).tolist() == x.numpy()[index].ravel().tolist()


# --- windows are views ------------------------------------------------------------------------------------------------


def test_a_write_to_windows_that_do_not_overlap_is_recorded() -> None:
    for t in (tg, torch_()):
        x = t.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]] * 2, dtype=t.float64, requires_grad=True)
        y = x * 1
        windows = y.unfold(1, 2, 3)
        windows[:, 1].mul_(10.0)
        windows[1, 0] = windows[0, 0] * 7
        (y * t.arange(10.0, dtype=t.float64).reshape(2, 5)).sum().backward()
        assert y.tolist() == [[1.0, 2.0, 3.0, 40.0, 50.0], [7.0, 14.0, 3.0, 40.0, 50.0]]
        assert x.grad.tolist() == [[0 + 35, 1 + 42, 2, 30, 40], [0, 0, 7, 80, 90]]


def test_windows_that_overlap_are_refused() -> None:
    x = tg.zeros(4)
    windows = x.unfold(0, 2, 1)
    with pytest.raises(RuntimeError, match="refers to a single memory location"):
        windows.add_(1.0)
    with pytest.raises(RuntimeError, match="refers to a single memory location"):
        windows[0] = 1.0
    x[1] = 5.0
    assert windows.tolist() == [[0.0, 5.0], [5.0, 0.0], [0.0, 0.0]]


def test_a_write_below_windows_that_were_saved_is_refused() -> None:
    x = leaf([1.0, 2.0, 3.0]) * 1
    y = (x.unfold(0, 2, 1) ** 2).sum()
    x[1] = 0.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_windows_follow_when_what_they_show_is_written() -> None:
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2
    windows = y.unfold(0, 2, 1)
    y[1] = x[0] * x[0]
    windows.sum().backward()
    assert windows.tolist() == [[2.0, 1.0], [1.0, 6.0]]
    assert grad_of(x).tolist() == [2.0 + 4.0, 0.0, 2.0]


@pytest.mark.parametrize(
    "make", [lambda x: x, lambda x: x.mT, lambda x: x[:, ::2], lambda x: x[1:], lambda x: x.permute(2, 0, 1)]
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_windows_of_any_layout(make: Any, axis: int) -> None:
    torch = torch_()
    for size, step in [(1, 1), (1, 2), (2, 1), (2, 3), (0, 1)]:
        x, z = (make(t.arange(60.0).reshape(3, 4, 5)) for t in (tg, torch))
        if size <= x.shape[axis]:
            assert x.unfold(axis, size, step).tolist() == z.unfold(axis, size, step).tolist()


# --- nothing repeated -------------------------------------------------------------------------------------------------


def test_an_expansion_that_repeats_nothing_is_recorded_when_it_is_written() -> None:
    for expand in (lambda x: x.expand(2), lambda x: x.expand(1, 2), lambda x: x.broadcast_to((2,))):
        x = leaf([1.0, 2.0])
        y = x * 1
        expand(y).mul_(3.0)
        y.sum().backward()
        assert y.tolist() == [3.0, 6.0]
        assert grad_of(x).tolist() == [3.0, 3.0]
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="a view of a leaf"):
        x.expand(2).add_(1.0)


def test_a_gradient_never_shares_memory_with_another() -> None:
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (x.expand(2) + y.broadcast_to((1, 2))).backward(tg.ones(1, 2, dtype=tg.float64))
    x.grad.add_(1.0)
    assert grad_of(y).tolist() == [1.0, 1.0]


# --- aliases that NumPy may write through -----------------------------------------------------------------------------


@pytest.mark.parametrize("alias", [lambda x: x.view(tg.int64), lambda x: tg.asarray(x), lambda x: x.detach()[0:]])
def test_a_write_through_the_array_of_an_alias_is_never_silent(alias: Any) -> None:
    x = tg.tensor([1.0, 2.0], dtype=tg.float64)
    array = alias(x).numpy()
    w = leaf([1.0, 1.0])
    y = (x * w).sum()
    array[:] = 0
    y.backward()
    assert grad_of(w).tolist() == [1.0, 2.0]


def test_data_that_was_given_stays_shared_in_both_directions() -> None:
    x, y = tg.zeros(2, dtype=tg.float64), tg.ones(2, dtype=tg.float64)
    x.data = y
    array = y.numpy()
    w = leaf([1.0, 1.0])
    z = (x * w).sum()
    array[:] = 5.0
    z.backward()
    assert x.tolist() == [5.0, 5.0]
    assert grad_of(w).tolist() == [1.0, 1.0]
