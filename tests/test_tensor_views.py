"""Products of matrices and rearrangements: values, gradients, shared memory, shapes that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import ShapeError
from tests.peer import torch_
from tests.values import RNG, close, grad_of

# --- products ---------------------------------------------------------------------------------------------------------

PRODUCTS = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
    ((5, 2, 3), (5, 3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((6, 1, 2, 3), (5, 3, 4)), ((1, 1), (1, 1)),
    ((0, 3), (3, 2)), ((2, 0), (0, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), PRODUCTS, ids=str)
def test_matmul_has_numpys_value_and_pytorchs_gradient(left: Any, right: Any) -> None:
    a, b = RNG(9).normal(size=left), RNG(10).normal(size=right)
    x, y = tg.tensor(a, requires_grad=True), tg.tensor(b, requires_grad=True)
    p = x @ y
    close(p.detach(), a @ b, 1e-12, 1e-14)
    factor = RNG(11).normal(size=p.shape)
    (p * factor).sum().backward()
    torch = torch_()
    u, v = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    ((u @ v) * torch.tensor(factor)).sum().backward()
    close(grad_of(x), u.grad.numpy(), 1e-12, 1e-14)
    close(grad_of(y), v.grad.numpy(), 1e-12, 1e-14)


@pytest.mark.parametrize(
    ("left", "right", "text"),
    [
        ((2, 3), (4, 5), "2x3 and 4x5"),
        ((3,), (4,), "3 and 4"),
        ((2, 3), (2,), "2x3 and 2"),
        ((5, 2, 3), (4, 3, 2), "matmul"),
    ],
)
def test_a_product_of_shapes_that_do_not_fit_names_both(left: Any, right: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=text) as caught:
        tg.ones(*left) @ tg.ones(*right)
    assert isinstance(caught.value, RuntimeError)
    assert all(str(n) in str(caught.value) for n in (*left, *right))
    with pytest.raises(ShapeError, match="at least 1D"):
        tg.tensor(1.0) @ tg.ones(2)


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_rearrangements_have_numpys_values_and_send_gradients_home() -> None:
    a = RNG(12).normal(size=(2, 3, 4))
    cases: list[tuple[Callable[[tg.Tensor], tg.Tensor], Callable[[np.ndarray], np.ndarray]]] = [
        (lambda x: x.reshape(6, 4), lambda v: v.reshape(6, 4)),
        (lambda x: x.reshape((4, -1)), lambda v: v.reshape(4, -1)),
        (lambda x: x.view(-1), lambda v: v.reshape(-1)),
        (lambda x: x.permute(2, 0, 1), lambda v: v.transpose(2, 0, 1)),
        (lambda x: x.permute((-1, 0, 1)), lambda v: v.transpose(2, 0, 1)),
        (lambda x: x.transpose(0, -1), lambda v: v.swapaxes(0, 2)),
        (lambda x: x.T, lambda v: v.T),
        (lambda x: x.mT, lambda v: v.swapaxes(1, 2)),
        (lambda x: x[:1].expand(5, 3, 4), lambda v: np.broadcast_to(v[:1], (5, 3, 4))),
        (lambda x: x[:1].expand(5, -1, -1), lambda v: np.broadcast_to(v[:1], (5, 3, 4))),
        (lambda x: x.expand(5, 2, 3, 4), lambda v: np.broadcast_to(v, (5, 2, 3, 4))),
        (lambda x: x[:1].squeeze(), lambda v: v[:1].squeeze()),
        (lambda x: x[:1].squeeze(0), lambda v: v[0]),
        (lambda x: x.squeeze(1), lambda v: v),
        (lambda x: x.unsqueeze(-1), lambda v: v[..., None]),
        (lambda x: x.unsqueeze(1), lambda v: v[:, None]),
        (lambda x: x.flatten(), lambda v: v.reshape(-1)),
        (lambda x: x.flatten(1), lambda v: v.reshape(2, -1)),
        (lambda x: x.flatten(0, 1), lambda v: v.reshape(6, 4)),
        (lambda x: tg.cat([x, x * 2], 1), lambda v: np.concatenate([v, v * 2], 1)),
        (lambda x: tg.cat([x, x], dim=-1), lambda v: np.concatenate([v, v], -1)),
        (lambda x: tg.stack([x, x * 3], 1), lambda v: np.stack([v, v * 3], 1)),
        (lambda x: tg.stack([x, x], -1), lambda v: np.stack([v, v], -1)),
        (lambda x: x.clone(), lambda v: v),
        (lambda x: x.T.contiguous(), lambda v: v.T),
    ]
    for ours, numpys in cases:
        x = tg.tensor(a, requires_grad=True)
        y = ours(x)
        close(y.detach(), numpys(a))
        factor = RNG(13).normal(size=y.shape)
        (y * factor).sum().backward()
        # every case is linear, so that its gradient is what reproduces <factor, f(v)> for any v
        v = RNG(14).normal(size=a.shape)
        close(np.sum(grad_of(x) * v), np.sum(factor * numpys(v)), 1e-11)


def test_cat_takes_mixed_dtypes_and_numpy_arrays() -> None:
    x = tg.ones(2, requires_grad=True)
    y = tg.cat([x, tg.arange(2), np.zeros(1)])
    assert y.dtype == tg.float64
    (y * tg.arange(5)).sum().backward()
    close(grad_of(x), np.array([0.0, 1.0], np.float32))


def test_views_share_memory_and_clones_do_not() -> None:
    x = tg.zeros(2, 3)
    for view in (
        x.reshape(3, 2),
        x.T,
        x.permute(1, 0),
        x.unsqueeze(0),
        x.flatten(),
        x[0],
        x.expand(4, 2, 3),
        x.detach(),
    ):
        assert np.shares_memory(view.numpy(), x.numpy())
    assert not np.shares_memory(x.clone().numpy(), x.numpy())
    assert x.contiguous() is x


@pytest.mark.parametrize(
    ("fail", "texts"),
    [
        (lambda: tg.ones(2, 3) + tg.ones(4), ["(3)", "(4)", "[2, 3]", "[4]", "add"]),
        (lambda: tg.ones(2, 3) < tg.ones(2, 4), ["(3)", "(4)", "[2, 3]", "[2, 4]", "lt"]),
        (lambda: tg.where(tg.ones(2) > 0, tg.ones(3), 0.0), ["[2]", "[3]", "where"]),
        (lambda: tg.cat([tg.ones(2, 2), tg.ones(3, 3)]), ["[2, 2]", "[3, 3]"]),
        (lambda: tg.cat([tg.ones(2, 2), tg.ones(3)]), ["[2, 2]", "[3]"]),
        (lambda: tg.stack([tg.ones(2), tg.ones(3)]), ["[2]", "[3]"]),
        (lambda: tg.ones(6).reshape(4, 2), ["[4, 2]", "[6]", "invalid for input of size 6"]),
        (lambda: tg.ones(6).reshape(4, -1), ["[4, -1]", "[6]"]),
        (lambda: tg.ones(2, 3).permute(0), ["1", "2", "permute"]),
        (lambda: tg.ones(2, 3).permute(0, 0), ["twice"]),
        (lambda: tg.ones(2, 3).expand(4, 3), ["(4)", "(2)", "[2, 3]", "[4, 3]"]),
        (lambda: tg.ones(2, 3).expand(3), ["2", "3"]),
        (lambda: tg.ones(2, 3, 4).t(), ["3D"]),
        (lambda: tg.ones(2, 3).flatten(1, 0), ["start_dim"]),
    ],
)
def test_shapes_that_do_not_fit_are_named(fail: Callable[[], Any], texts: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the texts are checked below
        fail()
    for text in texts:
        assert text in str(caught.value)


def test_shape_errors_are_of_pytorchs_class_too() -> None:
    for fail in (
        lambda: tg.ones(2) + tg.ones(3),
        lambda: tg.cat([tg.ones(2, 2), tg.ones(3, 3)]),
        lambda: tg.stack([tg.ones(2), tg.ones(3)]),
        lambda: tg.ones(6).reshape(4),
        lambda: tg.ones(2, 3).expand(4, 3),
        lambda: tg.ones(2, 3).permute(0),
    ):
        with pytest.raises(RuntimeError):
            fail()


def test_expanding_a_new_axis_by_minus_one_is_refused() -> None:
    with pytest.raises((ShapeError, RuntimeError)):
        tg.ones(3).expand(-1, 3)


def test_permuting_an_axis_twice_is_of_pytorchs_class() -> None:
    with pytest.raises((RuntimeError, IndexError)):
        tg.ones(2, 3).permute(0, 0)
