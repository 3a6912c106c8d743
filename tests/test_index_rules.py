"""Every mixture of indices, read and assigned: PyTorch's rules written down as loops, and PyTorch where it is there."""

from __future__ import annotations

import importlib.util
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

import tensorgrad as tg
from tests.peer import torch_
from tests.values import RNG, grad_of

PEERS = [tg, *([torch_()] if importlib.util.find_spec("torch") else [])]

Item = tuple[str, Any]
"""How an index is written, and what it says."""

WRITTEN: dict[str, Callable[[Any, Any], Any]] = {
    "plain": lambda _, v: v,
    "list": lambda _, v: v.tolist(),
    "tuple": lambda _, v: tuple(v.tolist()),
    "array": lambda _, v: v.copy(),
    "tensor": lambda t, v: t.tensor(v),
    "number": lambda _, v: np.int64(v),
}


def written(item: Item, t: Any) -> Any:
    return WRITTEN[item[0]](t, item[1])


# --- the rules --------------------------------------------------------------------------------------------------------


def steps(shape: tuple[int, ...], items: list[Item]) -> list[tuple[str, Any]]:
    """What the index does, axis by axis: a kind, and a place, places, or places and their shape."""
    said = [v for _, v in items]
    taken = sum(
        v.ndim if _is_mask(v) else int(v is not None and not isinstance(v, bool) and v is not ...) for v in said
    )
    found: list[tuple[str, Any]] = []
    axis = 0
    for v in said if any(v is ... for v in said) else [*said, ...]:
        if v is ...:
            rest = len(shape) - taken
            found += [("range", range(shape[axis + i])) for i in range(rest)]
            axis += rest
        elif v is None:
            found.append(("new", None))
        elif isinstance(v, bool):
            found.append(("chosen", ([], (int(v),))))
        elif isinstance(v, slice):
            found.append(("range", range(shape[axis])[v]))
            axis += 1
        elif _is_mask(v):
            found.append(("chosen", (list(np.nonzero(v)), (int(v.sum()),))))
            axis += v.ndim
        elif np.ndim(v) == 0:
            found.append(("fixed", int(v) % shape[axis]))
            axis += 1
        else:
            found.append(("chosen", ([v % shape[axis]], v.shape)))
            axis += 1
    return found


def _is_mask(v: Any) -> bool:
    return isinstance(v, np.ndarray) and v.dtype == bool


def places_of(shape: tuple[int, ...], items: list[Item]) -> np.ndarray:
    """The places, in the flattened tensor, of what the index picks."""
    found = steps(shape, items)
    together = np.broadcast_shapes(*[v[1] for kind, v in found if kind == "chosen"])
    slots = [i for i, (kind, _) in enumerate(found) if kind != "fixed"]
    chosen = [n for n, i in enumerate(slots) if found[i][0] == "chosen"]
    adjacent = not chosen or chosen == list(range(chosen[0], chosen[-1] + 1))
    at = chosen[0] if chosen and adjacent else 0
    free = [i for i in slots if found[i][0] != "chosen"]
    before = sum(1 for n, i in enumerate(slots) if found[i][0] != "chosen" and n < at)
    lengths = [1 if found[i][0] == "new" else len(found[i][1]) for i in free]
    whole = (*lengths[:before], *together, *lengths[before:]) if chosen else tuple(lengths)
    result = np.empty(whole, int)
    for spot in itertools.product(*map(range, whole)):
        pick = spot[before : before + len(together)] if chosen else ()
        own = dict(zip(free, (*spot[:before], *spot[before + len(pick) :]), strict=True))
        result[spot] = _flat(shape, found, pick, own, together)
    return result


def _flat(shape: Any, found: Any, pick: Any, own: Any, together: Any) -> int:
    coordinates: list[int] = []
    for i, (kind, v) in enumerate(found):
        if kind == "fixed":
            coordinates.append(v)
        elif kind == "range":
            coordinates.append(v[own[i]])
        elif kind == "chosen":
            coordinates += [int(np.broadcast_to(p, together)[pick]) for p in v[0]]
    return int(np.ravel_multi_index(coordinates, shape)) if shape else 0


# --- random indices ---------------------------------------------------------------------------------------------------


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Item]]:
    """A shape, and an index that fits it."""
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=4)))
    base = draw(st.sampled_from([(1,), (2,), (3,), (2, 3), (0,), (2, 1)]))
    items: list[Item] = []
    axis, dots = 0, False
    while axis < len(shape) or draw(st.integers(0, 3)) == 0:
        left = len(shape) - axis
        kinds = ["none", "bool", *(["dots", "stop"] if not dots else ["none"])]
        kinds += ["integer", "slice", "places", "places", "mask"] * 2 if left else []
        kind = draw(st.sampled_from(kinds))
        if kind == "stop" or len(items) > 6:
            break
        if kind == "dots":
            dots = True
            items.append(("plain", ...))
            axis += draw(st.integers(0, left))
        elif kind == "none":
            items.append(("plain", None))
        elif kind == "bool":
            yes = draw(st.booleans())
            items.append((draw(st.sampled_from(["plain", "tensor"])), yes))
        else:
            item, used = draw(_on_axes(kind, shape[axis:], base))
            items.append(item)
            axis += used
    assume(axis == len(shape) or not dots)
    assume(_meet([v[1] for kind, v in steps(shape, items) if kind == "chosen"]))
    return shape, items


def _meet(shapes: list[tuple[int, ...]]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


@st.composite
def _on_axes(draw: st.DrawFn, kind: str, lengths: tuple[int, ...], base: tuple[int, ...]) -> tuple[Item, int]:
    n = lengths[0]
    if kind == "integer":
        v = draw(st.integers(-n, n - 1))
        way = draw(st.sampled_from(["plain", "tensor", "number"]))
        return (way, np.array(v) if way == "tensor" else v), 1
    if kind == "slice":
        a, b = (draw(st.none() | st.integers(-4, 4)) for _ in range(2))
        return ("plain", slice(a, b, draw(st.none() | st.integers(1, 3)))), 1
    if kind == "mask":
        ndim = draw(st.integers(1, min(2, len(lengths))))
        shape = lengths[:ndim]
        count = draw(st.sampled_from([1, base[-1]]))
        size = int(np.prod(shape))
        mask = np.zeros(size, bool)
        mask[draw(st.permutations(range(size)))[: min(count, size)]] = True
        if mask.sum() not in (1, base[-1]):
            mask[:] = np.arange(size) == 0
        ways = ["tensor", *(["list", "array"] if ndim == 1 else [])]  # PyTorch takes others for an index of one axis
        return (draw(st.sampled_from(ways)), mask.reshape(shape)), ndim
    shape = tuple(m if draw(st.booleans()) else 1 for m in base)[draw(st.integers(0, len(base) - 1)) :]
    places = np.array(
        draw(st.lists(st.integers(-n, n - 1), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    )
    ways = ["list", "array", "tensor", *(["tuple"] if len(shape) == 1 else [])]
    return (draw(st.sampled_from(ways)), places.astype(np.int64).reshape(shape)), 1


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return RNG(seed).normal(size=shape)


def index_of(items: list[Item], t: Any) -> Any:
    return tuple(written(item, t) for item in items)


# --- properties -------------------------------------------------------------------------------------------------------


@given(cases())
def test_any_index_picks_what_the_rules_say_and_sends_gradients_there(case: Any) -> None:
    shape, items = case
    places = places_of(shape, items)
    a, g = numbers(shape, 1), numbers(places.shape, 2)
    slopes = np.zeros(a.size)
    np.add.at(slopes, places.ravel(), g.ravel())
    for t in PEERS:
        x = t.tensor(a, requires_grad=True)
        y = x[index_of(items, t)]
        assert tuple(y.shape) == places.shape
        np.testing.assert_array_equal(y.detach().numpy(), a.ravel()[places])
        if t is tg:
            assert y.is_contiguous() or np.shares_memory(y.array, x.array)
        (y * t.tensor(g)).sum().backward()
        np.testing.assert_allclose(np.zeros(shape) if x.grad is None else grad_of(x), slopes.reshape(shape), atol=1e-12)


@given(cases(), st.integers(0, 3), st.integers(0, 2))
def test_any_index_is_assigned_to(case: Any, cut: int, lead: int) -> None:
    shape, items = case
    places = places_of(shape, items)
    given_shape = (*(1,) * lead, *places.shape[cut:])
    a, b, g = numbers(shape, 1), numbers(given_shape, 2), numbers(shape, 3)
    flat, winner = a.ravel().copy(), np.full(a.size, -1)
    spread = np.broadcast_to(b.reshape(given_shape[lead:]), places.shape).ravel()
    sources = np.broadcast_to(np.arange(b.size).reshape(given_shape[lead:]), places.shape).ravel()
    for i, place in enumerate(places.ravel()):
        flat[place], winner[place] = spread[i], sources[i]
    slopes = np.zeros(b.size)
    np.add.at(slopes, winner[winner >= 0], g.ravel()[winner >= 0])
    repeated = np.unique(places).size < places.size
    for t in PEERS[: 1 if repeated else 2]:  # which of several counts, PyTorch leaves open
        start, value = t.tensor(a, requires_grad=True), t.tensor(b, requires_grad=True)
        x = start * 1
        x[index_of(items, t)] = value
        np.testing.assert_array_equal(x.detach().numpy(), flat.reshape(shape))
        (x * t.tensor(g)).sum().backward()
        np.testing.assert_allclose(grad_of(start).ravel(), np.where(winner < 0, g.ravel(), 0))
        np.testing.assert_allclose(
            np.zeros(b.shape) if value.grad is None else grad_of(value), slopes.reshape(b.shape), atol=1e-12
        )


# --- single rules -----------------------------------------------------------------------------------------------------

A = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "index",
    [
        [[0, 1], [1, 0]],
        [(0, 1), (1, 0)],
        [slice(0, 1), 0],
        [None, 0],
        [..., 0],
        [np.array([0, 1]), np.array([1, 0])],
        [[[]]],
    ],
    ids=str,
)
def test_a_list_of_more_than_numbers_is_one_index_for_each_axis_and_says_so(index: Any) -> None:
    with pytest.warns(UserWarning, match="Using a non-tuple sequence"):
        y = tg.tensor(A)[index]
    assert y.tolist() == tg.tensor(A)[tuple(index)].tolist()
    with pytest.warns(UserWarning, match="Using a non-tuple sequence"):
        assert y.tolist() == torch_().tensor(A)[index].tolist()


@pytest.mark.parametrize("make", [np.array, tg.tensor])
def test_uint8_says_which_elements_are_taken(make: Any) -> None:
    index = make(np.array([0, 1], np.uint8))
    with pytest.warns(UserWarning, match="indexing with dtype"):
        assert tg.tensor(A)[index].tolist() == A[[False, True]].tolist()


def test_an_ellipsis_that_stands_for_no_axis_keeps_nothing_apart() -> None:
    for t in (tg, torch_()):
        assert tuple(t.tensor(A)[:, [0, 1], ..., [0, 1]].shape) == (2, 2)
        assert tuple(t.tensor(A)[:, :, None, ..., [0, 1, 0]].shape) == (2, 3, 1, 3)


def test_an_empty_list_picks_nothing() -> None:
    x = tg.tensor(A)
    assert [tuple(x[i].shape) for i in ([], (slice(None), []), ([], []), (0, []))] == [
        (0, 3, 4), (2, 0, 4), (0, 4), (0, 4),
    ]  # fmt: skip
    x[[]] = 5.0
    x[:, []] = tg.zeros(2, 0, 4)
    assert x.tolist() == A.tolist()


@pytest.mark.parametrize(
    "index", [1.0, "a", {0}, tg.tensor([1.0]), [0.5], np.array(1.0), ("a",), np.zeros(0)], ids=repr
)
def test_what_is_no_index_is_refused(index: Any) -> None:
    with pytest.raises(IndexError):
        tg.tensor(A)[index]
    with pytest.raises(IndexError):
        tg.tensor(A)[index] = 0.0


@pytest.mark.parametrize("index", [[0], (..., [0]), (0, [0]), np.array([0]), True, (..., 0), slice(None)], ids=repr)
def test_a_tensor_without_axes_has_no_positions(index: Any) -> None:
    for t in (tg, torch_()):
        if index is True:
            assert t.tensor(1.0)[index].tolist() == [1.0]
            continue
        with pytest.raises(IndexError):
            t.tensor(1.0)[index]


def test_numbers_in_tensors_are_read_when_the_index_is_used() -> None:
    x, n = tg.tensor(A, requires_grad=True), tg.tensor(1)
    y = x[n:, n, : n + 1]
    n.add_(1)
    y.sum().backward()
    wanted = np.zeros_like(A)
    wanted[1:, 1, :2] = 1
    np.testing.assert_array_equal(grad_of(x), wanted)


def test_a_tensor_without_axes_selects_and_the_view_can_be_written() -> None:
    x = tg.zeros(2, 3)
    x[tg.tensor(1)].add_(1.0)
    x[np.array(0), tg.tensor(-1)].fill_(5.0)
    assert x.tolist() == [[0.0, 0.0, 5.0], [1.0, 1.0, 1.0]]


def test_one_element_goes_into_one_place() -> None:
    for value in (tg.ones(1), tg.ones(1, 1), np.ones(1), [1.0], tg.ones(1, requires_grad=True)):
        x = tg.zeros(3)
        x[0] = value
        x[tg.tensor(1)] = value
        assert x.tolist() == [1.0, 1.0, 0.0]
    x, losses = tg.tensor([2.0], requires_grad=True), tg.zeros(3)
    losses[1] = x * x
    losses.sum().backward()
    assert grad_of(x).tolist() == [4.0]


def test_only_leading_ones_are_dropped() -> None:
    x = tg.zeros(2, 3)
    x[:] = tg.ones(1, 1, 3)
    with pytest.raises(RuntimeError, match="doesn't match"):
        x[0] = tg.ones(3, 1)
    with pytest.raises(RuntimeError, match="doesn't match"):
        x[0, 0] = tg.ones(2)


def test_one_row_may_be_written_while_another_one_is_needed_element_by_element() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True) * 1
    y = x[1] * x[1]
    x[0] = 7.0
    y.backward()
    assert x.tolist() == [7.0, 2.0]


@given(st.lists(st.lists(st.integers(0, 1), min_size=2, max_size=2), min_size=32, max_size=40))
def test_a_long_list_of_lists_is_one_index(rows: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tg.tensor(A)[rows].tolist() == A[np.array(rows)].tolist()
