"""Calls that are wrong: PyTorch's class of error, and its words first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg

INDEX = tg.int64


def a() -> Any:
    return tg.ones(2, 3)


def b() -> Any:
    return tg.ones(4, 5)


def v() -> Any:
    return tg.ones(3)


def i() -> Any:
    return tg.arange(6).reshape(2, 3)


def zeros(*shape: int) -> Any:
    return tg.zeros(*shape, dtype=INDEX)


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: tg.mm(a(), b()), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    (lambda: tg.mm(v(), a()), RuntimeError, "self must be a matrix"),
    (lambda: tg.mm(a(), v()), RuntimeError, "mat2 must be a matrix"),
    (lambda: tg.addmm(a(), a(), b()), RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
    (lambda: tg.bmm(a(), a()), RuntimeError, "batch1 must be a 3D tensor"),
    (lambda: tg.bmm(tg.ones(2, 3, 4), tg.ones(3, 4, 2)), RuntimeError, "Expected size for first two dimensions of"),
    (lambda: tg.mv(a(), tg.ones(4)), RuntimeError, "size mismatch, got input (2), mat (2x3), vec (4)"),
    (lambda: tg.mv(v(), v()), RuntimeError, "vector + matrix @ vector expected, got 1"),
    (lambda: tg.dot(a(), v()), RuntimeError, "1D tensors expected, but got 2D and 1D tensors"),
    (lambda: tg.dot(v(), tg.ones(4)), RuntimeError, "inconsistent tensor size, expected tensor [3] and src [4]"),
    (lambda: tg.outer(a(), v()), RuntimeError, "outer: Expected 1-D argument self, but got 2-D"),
    (lambda: tg.inner(a(), b()), RuntimeError, "inner() the last dimension must match on both input tensors"),
    (lambda: tg.matmul(tg.tensor(1.0), a()), RuntimeError, "both arguments to matmul need to be at least 1D"),
    (lambda: tg.matmul(tg.ones(2, 3, 4), tg.ones(3, 4, 5)), RuntimeError, "The size of tensor a (2) must match the"),
    (lambda: tg.tensordot(a(), b(), 1), RuntimeError, "contracted dimensions need to match, but first has size 3"),
    (lambda: tg.tensordot(a(), a(), ([0], [0, 1])), RuntimeError, "both dimension lists should have same length"),
    (lambda: tg.cross(a(), b()), RuntimeError, "linalg.cross: inputs dimension"),
    (lambda: tg.cross(b(), b()), RuntimeError, "no dimension of size 3 in input"),
    (lambda: tg.linalg.multi_dot([a()]), RuntimeError, "multi_dot(): expected at least 2 tensors but got 1"),
    (lambda: tg.einsum("ij,jk", a(), b()), RuntimeError, "einsum(): subscript j has size 4 for operand 1 which does"),
    (lambda: tg.einsum("ij", v()), RuntimeError, "einsum(): the number of subscripts in the equation (2) does not"),
    (lambda: tg.einsum("ij->ik", a()), RuntimeError, "einsum(): output subscript k does not appear in the equation"),
    (lambda: tg.einsum("i,j", v()), RuntimeError, "einsum(): fewer operands were provided than specified"),
    (lambda: tg.einsum("i", v(), v()), RuntimeError, "einsum(): more operands were provided than specified"),
    (lambda: tg.einsum("i1", a()), RuntimeError, "einsum(): invalid subscript given at index 1"),
    (lambda: tg.einsum("ij->ii", a()), RuntimeError, "einsum(): output subscript i appears more than once in the"),
    (lambda: tg.add(i(), i(), alpha=0.5), RuntimeError, "For integral input tensors, argument alpha must not be a"),
    (lambda: tg.add(a(), b()), RuntimeError, "The size of tensor a (3) must match the size of tensor b (5)"),
    (lambda: tg.div(a(), a(), rounding_mode="x"), RuntimeError, "div expected rounding_mode to be one of None,"),
    (lambda: tg.clamp(v()), RuntimeError, "clamp: At least one of 'min' or 'max' must not be None"),
    (lambda: tg.exp(2.0), TypeError, "exp(): argument 'input' (position 1) must be Tensor, not float"),
    (lambda: tg.sum(2.0), TypeError, "sum(): argument 'input' (position 1) must be Tensor, not float"),
    (lambda: tg.mm(a(), 2.0), TypeError, "mm(): argument 'mat2' (position 2) must be Tensor, not float"),
    (lambda: tg.pow(i(), -1), RuntimeError, "Integers to negative integer powers are not allowed."),
    (lambda: a().sum(2), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    (lambda: a().softmax(-3), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got -3)"),
    (lambda: a().argmax(2), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    (lambda: a().amax(2), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    (lambda: tg.cumsum(a(), 5), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 5)"),
    (lambda: tg.tensor(1.0).sum(1), IndexError, "Dimension out of range (expected to be in range of [-1, 0], but got"),
    (lambda: a().sum((0, 0)), RuntimeError, "dim 0 appears multiple times in the list of dims"),
    (lambda: i().mean(), RuntimeError, "mean(): could not infer output dtype"),
    (lambda: i().var(), RuntimeError, "std and var only support floating point and complex dtypes"),
    (lambda: i().norm(), RuntimeError, "linalg.vector_norm: Expected a floating point or complex tensor as input. Got"),
    (lambda: a().norm("x"), RuntimeError, "linalg.matrix_norm: Order x not supported."),
    (lambda: tg.ones(0).max(), RuntimeError, "max(): Expected reduction dim to be specified for input.numel() == 0."),
    (lambda: tg.ones(0).argmax(), IndexError, "argmax(): Expected reduction dim to be specified for input.numel() =="),
    (lambda: tg.ones(0, 3).max(0), IndexError, "max(): Expected reduction dim 0 to have non-zero size."),
    (lambda: tg.topk(v(), 5), RuntimeError, "selected index k out of range"),
    (lambda: v().kthvalue(0), RuntimeError, "kthvalue(): selected number k out of range for dimension 0"),
    (lambda: tg.quantile(a(), 2.0), RuntimeError, "quantile() q must be in the range [0, 1] but got 2"),
    (lambda: tg.quantile(i(), 0.5), RuntimeError, "quantile() input tensor must be either float or double dtype"),
    (lambda: tg.quantile(a(), 0.5, interpolation="x"), RuntimeError, "quantile() interpolation must be one of linear"),
    (lambda: tg.bincount(tg.tensor([-1])), RuntimeError, "bincount only supports 1-d non-negative integral inputs"),
    (lambda: tg.histc(v(), bins=0), RuntimeError, "bins must be > 0"),
    (lambda: tg.cat([]), ValueError, "cat(): expected a non-empty list of Tensors"),
    (lambda: tg.stack([]), RuntimeError, "stack expects a non-empty TensorList"),
    (lambda: tg.cat([a(), b()]), RuntimeError, "Sizes of tensors must match except in dimension 0. Expected size 3"),
    (lambda: tg.cat([a(), v()]), RuntimeError, "Tensors must have same number of dimensions: got 2 and 1"),
    (lambda: tg.hstack([a(), b()]), RuntimeError, "Sizes of tensors must match except in dimension 1."),
    (lambda: a().split(0), RuntimeError, "split_size can only be 0 if dimension size is 0, but got dimension size of"),
    (lambda: a().split([1, 2]), RuntimeError, "split_with_sizes expects split_sizes to sum exactly to 2"),
    (lambda: a().split(-1), RuntimeError, "split expects split_size be non-negative, but got split_size=-1"),
    (lambda: a().chunk(0), RuntimeError, "chunk expects `chunks` to be greater than 0, got: 0"),
    (lambda: i() // zeros(2, 3), ZeroDivisionError, "ZeroDivisionError"),
    (lambda: i() % 0, RuntimeError, "ZeroDivisionError"),
    (lambda: tg.fmod(i(), zeros(2, 3)), RuntimeError, "ZeroDivisionError"),
    (lambda: tg.div(i(), zeros(2, 3), rounding_mode="trunc"), RuntimeError, "ZeroDivisionError"),
    (lambda: a().tensor_split(0), RuntimeError, "number of sections must be larger than 0"),
    (lambda: tg.tensor(1.0).unbind(), IndexError, "Dimension specified as 0 but tensor has no dimensions"),
    (lambda: a().narrow(0, 1, 5), RuntimeError, "start (1) + length (5) exceeds dimension size (2)."),
    (lambda: a().narrow(0, 5, 1), IndexError, "start out of range (expected to be in range of [-2, 2], but got 5)"),
    (lambda: a().narrow(0, 0, -1), RuntimeError, "narrow(): length must be non-negative."),
    (lambda: a().select(0, 5), IndexError, "select(): index 5 out of range for tensor of size [2, 3] at dimension 0"),
    (lambda: a().gather(0, i()), RuntimeError, "index 2 is out of bounds for dimension 0 with size 2"),
    (lambda: a().gather(0, v()), RuntimeError, "gather(): Expected dtype int32/int64 for index"),
    (lambda: a().gather(0, zeros(1)), RuntimeError, "Index tensor must have the same number of dimensions as input"),
    (lambda: a().gather(1, zeros(5, 3)), RuntimeError, "Size does not match at dimension 0 expected index [5, 3] to"),
    (lambda: a().index_select(0, tg.tensor([5])), IndexError, "index out of range in self"),
    (lambda: a().index_select(0, i()), IndexError, "index_select(): Index is supposed to be a vector"),
    (lambda: a().index_select(0, v()), RuntimeError, "index_select(): Expected dtype int32"),
    (lambda: a().masked_select(i()), RuntimeError, "masked_select: expected BoolTensor for mask"),
    (lambda: a().masked_fill(i(), 0), RuntimeError, "masked_fill_ only supports boolean masks, but got mask with"),
    (lambda: a().masked_fill(a() > 0, v()), RuntimeError, "only supports a 0-dimensional value tensor, but got"),
    (lambda: a().masked_scatter(a() > 0, v()), RuntimeError, "masked_scatter: expected self and source"),
    (lambda: a().take(tg.tensor([9])), IndexError, "out of range: tried to access index 9 on a tensor of 6 elements."),
    (lambda: a().take(v()), RuntimeError, "take(): Expected a long tensor for index, but got"),
    (lambda: a().scatter(0, tg.tensor([[5, 0, 0]]), 1.0), RuntimeError, "index 5 is out of bounds for dimension 0"),
    (lambda: a().scatter(0, zeros(1, 3), i()), RuntimeError, "scatter(): Expected self.dtype to be equal to src.dtype"),
    (lambda: a().scatter_add(0, zeros(3, 3), a()), RuntimeError, "expected index [3, 3] to be no larger than self"),
    (lambda: a().scatter(0, zeros(1, 3), a(), reduce="mean"), RuntimeError, "reduce argument must be either add or"),
    (lambda: a().index_add(0, tg.tensor([0]), a()), RuntimeError, "index_add_(): Number of indices (1) should be"),
    (lambda: a().index_add(0, tg.tensor([5]), a()[:1]), RuntimeError, "index 5 is out of bounds for dimension 0 with"),
    (lambda: a().index_copy(0, tg.tensor([0]), a()), IndexError, "index_copy_(): Number of indices (1) should be"),
    (lambda: a().index_fill(0, tg.tensor([5]), 1.0), IndexError, "index 5 is out of bounds for dimension 0 with size"),
    (lambda: tg.where(a(), a(), a()), RuntimeError, "where expected condition to be a boolean tensor, but got a"),
    (lambda: tg.meshgrid(a(), a()), RuntimeError, "meshgrid: Expected 0D or 1D tensor in the tensor list but"),
    (lambda: tg.meshgrid(v(), indexing="q"), RuntimeError, 'meshgrid: indexing must be one of "xy" or "ij", but'),
    (lambda: tg.trace(v()), RuntimeError, "trace: expected a matrix, but got tensor with dim 1"),
    (lambda: tg.diag(tg.ones(2, 2, 2)), RuntimeError, "diag(): Supports 1D or 2D tensors. Got 3D"),
    (lambda: tg.tril(v()), RuntimeError, "tril: input tensor must have at least 2 dimensions"),
    (lambda: tg.diagonal(v()), IndexError, "Dimension out of range (expected to be in range of [-1, 0], but got 1)"),
    (lambda: tg.diagonal(a(), 0, 1, 1), RuntimeError, "diagonal dimensions cannot be identical 1, 1"),
    (lambda: a().unflatten(0, (3, 4)), RuntimeError, "unflatten: Provided sizes [3, 4] don't multiply up to the size"),
    (lambda: a().view(7), RuntimeError, "shape '[7]' is invalid for input of size 6"),
    (lambda: a().T.view(6), RuntimeError, "view size is not compatible with input tensor's size and stride"),
    (lambda: a().reshape(-1, -1), RuntimeError, "only one dimension can be inferred"),
    (lambda: tg.ones(0).reshape(-1, 0), RuntimeError, "cannot reshape tensor of 0 elements into shape [-1, 0] because"),
    (lambda: a().permute(0), RuntimeError, "number of dimensions in the tensor input does not match the length of the"),
    (lambda: a().permute(0, 0), RuntimeError, "permute(): duplicate dims are not allowed"),
    (lambda: a().movedim((0, 1), (0,)), RuntimeError, "movedim: Invalid source or destination dims: source ([0, 1]"),
    (lambda: a().transpose(0, 3), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 3)"),
    (lambda: a().squeeze(5), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 5)"),
    (lambda: a().expand(3), RuntimeError, "the number of sizes provided (1) must be greater or equal to the number of"),
    (lambda: a().expand(4, 3), RuntimeError, "The expanded size of the tensor (4) must match the existing size (2) at"),
    (lambda: a().repeat(2), RuntimeError, "Number of dimensions of repeat dims can not be smaller than number of"),
    (lambda: a().repeat(-1, 1), RuntimeError, "Trying to create tensor with negative dimension"),
    (lambda: a().repeat_interleave(tg.tensor([1, 2, 3]), 0), RuntimeError, "repeats must have the same size as input"),
    (lambda: a().roll((1, 2), 0), RuntimeError, "shifts and dimensions must align. shifts: 2, dims:1"),
    (lambda: a().flip(0, 0), RuntimeError, "dim 0 appears multiple times in the list of dims"),
    (lambda: a().rot90(1, (0, 0)), RuntimeError, "expected rotation dims to be different, but got dim0 = 0 and dim1"),
    (lambda: a().unfold(0, 5, 1), RuntimeError, "maximum size for tensor at dimension 0 is 2 but size is 5"),
    (lambda: a().unfold(0, 1, 0), RuntimeError, "step is 0 but must be > 0"),
    (lambda: tg.diff(tg.tensor(1.0)), RuntimeError, "diff expects input to be at least one-dimensional"),
    (lambda: tg.cartesian_prod(a()), RuntimeError, "Expect a 1D vector, but got shape [2, 3]"),
    (lambda: tg.block_diag(tg.ones(2, 2, 2)), RuntimeError, "block_diag: Input tensors must have 2 or fewer"),
    (lambda: tg.cov(tg.ones(2, 2, 2)), RuntimeError, "cov(): expected input to have two or fewer dimensions but got"),
    (lambda: tg.searchsorted(a(), tg.ones(3, 1)), RuntimeError, "searchsorted(): boundaries tensor should be 1"),
    (lambda: tg.bucketize(v(), a()), RuntimeError, "boundaries tensor must be 1 dimension, but got dim(2)"),
    (lambda: tg.linalg.inv(a()), RuntimeError, "linalg.inv: A must be batches of square matrices, but they are 2 by 3"),
    (lambda: tg.linalg.inv(tg.zeros(2, 2)), RuntimeError, "singular"),
    (lambda: tg.linalg.inv(i()[:, :2]), RuntimeError, "linalg.inv: Expected a floating point or complex tensor as"),
    (lambda: tg.linalg.inv(v()), RuntimeError, "linalg.inv: The input tensor A must have at least 2 dimensions"),
    (lambda: tg.linalg.det(a()), RuntimeError, "linalg.det: A must be batches of square matrices"),
    (lambda: tg.linalg.solve(tg.eye(2), v()), RuntimeError, "linalg.solve: Incompatible shapes of A and B for the"),
    (lambda: tg.linalg.solve(tg.zeros(2, 2), tg.ones(2)), RuntimeError, "linalg.solve: The solver failed"),
    (lambda: tg.linalg.cholesky(-tg.eye(2)), RuntimeError, "linalg.cholesky: The factorization could not be completed"),
    (lambda: tg.linalg.qr(a(), mode="x"), RuntimeError, "qr received unrecognized mode 'x' but expected one of"),
    (lambda: tg.linalg.matrix_norm(v()), RuntimeError, "linalg.matrix_norm: The input tensor A must have at least 2"),
    (lambda: tg.linalg.norm(a(), "x"), RuntimeError, "linalg.matrix_norm: Order x not supported."),
    (lambda: tg.matrix_power(a(), 2), RuntimeError, "linalg.matrix_power: A must be batches of square matrices"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "kind", "text"), WRONG, ids=[w[2][:50] for w in WRONG])
def test_a_wrong_call_raises_pytorchs_class_with_its_words(wrong: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        wrong()


def test_a_complete_tall_factorization_has_no_derivative_and_says_so() -> None:
    x = tg.ones(3, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="The derivative is not implemented when mode='complete'"):
        tg.linalg.qr(x, mode="complete")
    assert tg.linalg.qr(x.detach(), mode="complete").Q.shape == (3, 3)
    assert tg.linalg.qr(x.detach(), mode="r").R.shape == (2, 2)


def test_a_third_tensor_and_a_number_among_matrices_are_refused() -> None:
    x = tg.ones(2)
    with pytest.raises(TypeError, match="argument 'keepdim' must be bool, not Tensor"):
        tg.max(x, x, x)
    with pytest.raises(TypeError, match=r"chain_matmul\(\): argument 'matrices' .* must be Tensor, not float"):
        tg.chain_matmul(1.0, 2.0)
