"""What PyTorch scripts do out of habit, which no page of the reference asks for, does the same here."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import DTypeError
from tensorgrad.tensor.names import METHODS_AS_FUNCTIONS, ROWS

WRITING = {name for row in ROWS for name in row.functions if name.endswith("_")}


@pytest.mark.parametrize("name", sorted(WRITING | set(METHODS_AS_FUNCTIONS)))
def test_a_method_that_pytorch_has_as_a_function_too_is_one(name: str) -> None:
    function = getattr(tg, name)
    assert function.__name__ == name
    assert function.__doc__
    with pytest.raises(TypeError, match=rf"{name}\(\): argument 'input' \(position 1\) must be Tensor, not float"):
        function(1.0)


def test_functions_that_write_return_the_tensor_that_they_wrote() -> None:
    x = tg.tensor([0.0, math.pi / 2])
    assert tg.sin_(x) is x
    assert x.tolist() == [0.0, 1.0]
    assert tg.clamp_(x, max=0.5).tolist() == [0.0, 0.5]
    assert tg.zero_(input=x).tolist() == [0.0, 0.0]


def test_clone_and_detach_are_functions() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    tg.clone(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 1.0]
    alias = tg.detach(x)
    assert not alias.requires_grad
    alias[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    z = tg.tensor([1 + 2j])
    assert (tg.real(z).item(), tg.imag(z).item(), tg.conj(z).item()) == (1.0, 2.0, 1 - 2j)
    with pytest.raises(DTypeError, match="imag is not implemented"):
        tg.imag(x)


def test_numbers_and_kinds_that_scripts_take_from_the_package() -> None:
    assert (tg.pi, tg.e, tg.inf) == (math.pi, math.e, math.inf)
    assert math.isnan(tg.nan)
    assert tg.ones(3)[tg.newaxis].shape == (1, 3)
    assert isinstance(tg.ones(1).dtype, tg.dtype)


def test_an_optimiser_of_ones_own_finds_what_it_asks_a_gradient_for() -> None:
    g = tg.ones(2, dtype=tg.float64)
    assert not g.is_sparse
    assert g.is_cpu
    assert [x.is_signed() for x in (g, g.byte(), g.bool(), g.long())] == [True, False, False, True]
    assert g.new(2, 3).shape == (2, 3)
    assert g.new([1, 2]).dtype == tg.float64
    assert tg.eye(2, out=g.new(2, 2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_lies_in_memory_row_by_row_however_it_was_computed(create_graph: bool) -> None:
    w = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    x = tg.tensor(np.arange(12.0).reshape(4, 3))
    ((x @ w.t()) ** 2).sum().backward(create_graph=create_graph)
    assert w.grad is not None
    assert w.grad.is_contiguous()
    expected = 2 * (x.numpy() @ w.detach().numpy().T).T @ x.numpy()
    np.testing.assert_allclose(w.grad.detach().view(-1).numpy(), expected.ravel(), equal_nan=False)


def test_volatile_warns_and_does_nothing() -> None:
    with pytest.warns(UserWarning, match="volatile was removed and now has no effect"):
        x = tg.autograd.Variable(tg.ones(1), volatile=True)
    assert not x.requires_grad
    (g,) = tg.autograd.grad((x.requires_grad_() * 3).sum(), x, only_inputs=True)
    assert g.tolist() == [3.0]


def test_the_graph_can_be_walked_from_grad_fn() -> None:
    x = tg.ones(2, requires_grad=True)
    y = (x * 2).sum()
    assert y.grad_fn is not None
    product = y.grad_fn.next_functions[0][0]
    assert product is not None
    assert [node is None for node, _ in product.next_functions] == [False, True]
    assert product.next_functions[0][0] is x.node


def test_indexing_a_loss_as_old_scripts_do_names_the_cure() -> None:
    with pytest.raises(IndexError, match=r"^invalid index of a 0-dim tensor\. Use `tensor\.item\(\)`"):
        tg.tensor(2.0).data[0]
    with pytest.raises(IndexError, match=r"^too many indices for tensor of dimension 1"):
        tg.ones(2)[0, 0]
    with pytest.raises(IndexError, match=r"^index 3 is out of bounds for dimension 0 with size 2"):
        tg.ones(2)[3]


def test_repeat_interleave_of_counts_alone_numbers_them() -> None:
    assert tg.repeat_interleave(tg.tensor([1, 0, 2])).tolist() == [0, 2, 2]


def test_the_conjugate_transpose_is_an_attribute() -> None:
    x = tg.tensor([[1 + 2j, 3.0]])
    assert x.mH.tolist() == [[1 - 2j], [3.0]]
    y = tg.ones(2, 3, requires_grad=True)
    (y.mH @ tg.ones(2)).sum().backward()
    assert y.grad is not None
    assert y.grad.tolist() == [[1.0] * 3] * 2


def test_a_hook_after_accumulation_may_update_the_leaf() -> None:
    w = tg.ones(2, requires_grad=True)
    w.register_post_accumulate_grad_hook(lambda p: p.sub_(0.5 * p.grad))
    (3 * w).sum().backward()
    assert w.tolist() == [-0.5, -0.5]


def test_masked_scatter_broadcasts_the_tensor_to_the_mask() -> None:
    x = tg.zeros(2, requires_grad=True)
    y = x.masked_scatter(tg.tensor([[True, False], [False, False]]), tg.tensor([5.0]))
    assert y.tolist() == [[5.0, 0.0], [0.0, 0.0]]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 2.0]
