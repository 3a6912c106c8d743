"""The text of tensors, beside PyTorch's where it is installed; where it is not, the lines that it printed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.base.printing import OPTIONS, Options, numbers

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
NAN, INF = math.nan, math.inf
RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    yield
    tg.set_printoptions(profile="default")
    assert Options() == OPTIONS


TEXTS: list[tuple[Any, str]] = [
    (1.0, "tensor(1.)"),
    (-2.5, "tensor(-2.5000)"),
    (NAN, "tensor(nan)"),
    (-INF, "tensor(-inf)"),
    (0.0, "tensor(0.)"),
    (1e-7, "tensor(1.0000e-07)"),
    (123456789.0, "tensor(1.2346e+08)"),
    (True, "tensor(True)"),
    (-3, "tensor(-3)"),
    (1 + 2j, "tensor(1.+2.j)"),
    (1.5 - 2.25j, "tensor(1.5000-2.2500j)"),
    ([], "tensor([])"),
    ([[], []], "tensor([], size=(2, 0))"),
    ([0.0, NAN], "tensor([0., nan])"),
    ([NAN, INF], "tensor([nan, inf])"),
    ([1.5, NAN, -INF], "tensor([1.5000,    nan,   -inf])"),
    ([1.0, NAN, -INF], "tensor([1., nan, -inf])"),
    ([100.0, 1.0], "tensor([100.,   1.])"),
    ([1000.5, 1.0], "tensor([1.0005e+03, 1.0000e+00])"),
    ([0.001, 0.5], "tensor([0.0010, 0.5000])"),
    ([0.00001, 0.001], "tensor([1.0000e-05, 1.0000e-03])"),
    ([-1.0, 10.0], "tensor([-1., 10.])"),
    ([-1, 10, 100], "tensor([ -1,  10, 100])"),
    ([True, False], "tensor([ True, False])"),
    ([[1.0, -2.5], [3.25, 100.125]], "tensor([[  1.0000,  -2.5000],\n        [  3.2500, 100.1250]])"),
    ([[[1]], [[2]]], "tensor([[[1]],\n\n        [[2]]])"),
    ([1 + 2j, -3.5j], "tensor([1.+2.0000j, -0.-3.5000j])"),
]


@pytest.mark.parametrize(("data", "text"), TEXTS, ids=lambda x: str(x)[:30])
def test_a_tensor_prints_as_pytorch_printed_it(data: Any, text: str) -> None:
    assert repr(tg.tensor(data)) == str(tg.tensor(data)) == text


SHAPES = [
    (30,), (31,), (5, 20), (3, 1, 4), (2, 3, 4, 2), (1000,), (1001,), (7, 200), (200, 7), (50, 5, 5), (6, 6, 30),
    (1, 1001), (1001, 1), (2, 0, 3), (0,), (0, 0),
]  # fmt: skip


def arrays() -> Iterator[tuple[str, Any]]:
    """A table of arrays: every dtype, sizes around every threshold, magnitudes around every change of notation."""
    for i, (data, _) in enumerate(TEXTS):
        yield f"text{i}", np.array(data, np.float32) if isinstance(data, float) or data == [] else np.array(data)
    for scale in (1e-8, 1e-5, 1e-4, 1e-3, 1.0, 999.0, 1e4, 1e8, 1e9, 1e20):
        for name, values in (
            ("whole", np.arange(1, 6.0)),
            ("parts", RNG.normal(size=7)),
            ("with_zero", np.array([0, 1.0])),
        ):
            yield f"{name}*{scale}", (values * scale).astype(np.float32)
            yield f"{name}*{scale}_double", values * scale
    for ratio in (999.0, 1000.0, 1001.0):
        yield f"ratio{ratio}", np.array([1.0, ratio], np.float32)
        yield f"ratio{ratio}_parts", np.array([0.5, ratio / 2], np.float32)
    for shape in SHAPES:
        yield f"normal{shape}", RNG.normal(size=shape).astype(np.float32)
        yield f"integers{shape}", RNG.integers(-1000, 1000, shape)
        yield f"bools{shape}", RNG.integers(0, 2, shape).astype(np.bool_)
    for dtype in ("int8", "uint8", "int16", "int32", "float16", "float64", "complex64", "complex128", "bool", "int64"):
        yield f"{dtype}", (RNG.normal(size=(3, 4)) * 3).astype(dtype)
        yield f"{dtype}_scalar", np.array(1.5).astype(dtype)
        yield f"{dtype}_empty", np.zeros((0, 2), dtype)
        yield f"{dtype}_none", np.zeros(0, dtype)
    yield "extremes", np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max])
    yield "mixed", np.array([NAN, INF, -INF, 0.0, -0.0, 1.5, -2e5], np.float32)
    yield "halves", np.array([0.1, 6.5e4, 1e-7], np.float16)
    yield "complex_many", (RNG.normal(size=40) + 1j * RNG.normal(size=40)).astype(np.complex64)
    yield "complex_special", np.array([complex(NAN, INF), complex(1, -0.0), complex(-INF, 2)], np.complex64)
    yield "late_large", np.concatenate([np.zeros(600), [1e6], np.ones(600)]).astype(np.float32)


ARRAYS = dict(arrays())


def theirs(torch: Any, array: Any, **keywords: Any) -> str:
    return repr(torch.tensor(array, **keywords)).replace("dtype=torch.", "dtype=")


@pytest.mark.parametrize("name", ARRAYS)
def test_a_tensor_prints_as_pytorch_prints_it(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    assert repr(tg.tensor(ARRAYS[name])) == theirs(torch, ARRAYS[name])


OPTION_SETS: list[dict[str, Any]] = [
    {"precision": 2},
    {"precision": 8},
    {"precision": 0},
    {"threshold": 5},
    {"threshold": 0, "edgeitems": 1},
    {"edgeitems": 2, "threshold": 10},
    {"linewidth": 40},
    {"linewidth": 10},
    {"linewidth": 200, "edgeitems": 6},
    {"sci_mode": True},
    {"sci_mode": False},
    {"profile": "short"},
    {"profile": "full"},
    {"profile": "short", "precision": 3},
]


@pytest.mark.parametrize("options", OPTION_SETS, ids=str)
def test_every_option_prints_as_pytorchs(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    different = []
    try:
        for t in (tg, torch):
            t.set_printoptions(profile="default")
            t.set_printoptions(**options)
        for name, array in ARRAYS.items():
            ours, wanted = repr(tg.tensor(array)), theirs(torch, array)
            if not same(ours, wanted):
                different.append(f"{name}:\n{ours}\n{wanted}")
    finally:
        torch.set_printoptions(profile="default")
    assert not different, "\n".join(different)


def same(ours: str, wanted: str) -> bool:
    """The texts are equal, but for a break before dtype=: PyTorch's line is longer there by the length of "torch."."""
    return ours == wanted or ("dtype=" in ours and ours.split() == wanted.split())


def test_an_option_that_is_not_given_stays() -> None:
    tg.set_printoptions(precision=2)
    tg.set_printoptions(edgeitems=1, threshold=2)
    assert repr(tg.tensor([0.123, 1.0, 2.0])) == "tensor([0.12,  ..., 2.00])"
    tg.set_printoptions(sci_mode=True)
    assert repr(tg.tensor([1.0])) == "tensor([1.00e+00])"
    tg.set_printoptions()
    assert repr(tg.tensor([1.0])) == "tensor([1.])"
    tg.set_printoptions(profile="default")
    assert repr(tg.tensor([0.125, 1.0, 2.0])) == "tensor([0.1250, 1.0000, 2.0000])"
    with pytest.raises(ValueError, match="profile must be one of default, short, full, found 'long'"):
        tg.set_printoptions(profile="long")


def test_a_summary_shows_the_ends_of_every_axis() -> None:
    text = repr(tg.zeros(100, 100))
    assert text.splitlines()[0] == "tensor([[0., 0., 0.,  ..., 0., 0., 0.],"
    assert text.splitlines()[3] == "        ...,"
    assert len(text.splitlines()) == 7


def test_the_gradient_is_told_after_the_numbers() -> None:
    x = tg.ones(2, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 2.], grad_fn=<MulBackward0>)"
    assert repr(x.double()) == "tensor([1., 1.], dtype=float64, grad_fn=<AstypeBackward0>)"
    assert repr(x.detach()) == "tensor([1., 1.])"
    assert repr(tg.nn.Parameter(tg.ones(1))) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_a_line_that_is_full_continues_below() -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    for n in range(1, 40):
        ours = repr(tg.full((n,), 0.5, requires_grad=True))
        assert ours == repr(torch.full((n,), 0.5, requires_grad=True))
    assert repr(tg.full((8,), 0.5, requires_grad=True)).endswith("0.5000],\n       requires_grad=True)")


def test_numbers_are_aligned_under_their_indent() -> None:
    assert numbers(np.eye(2), 4) == "[[1., 0.],\n     [0., 1.]]"
    assert numbers(np.zeros((0, 2))) == "[]"
