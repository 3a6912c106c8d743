"""Products of vectors and matrices: PyTorch's names, each with the shapes that it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tensorgrad import ops
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import Operand, dimension, in_dtype, keywords, operand
from tensorgrad.functions.precision import wide


def _words(x: Tensor) -> str:
    return "x".join(map(str, x.array.shape))


def _check_ndim(ndim: int, message: str, **given: Tensor) -> None:
    """Raise ShapeError with `message` for the first of the arguments `given` that has another number of axes."""
    for name, x in given.items():
        if x.array.ndim != ndim:
            raise ShapeError(message.format(name=name, shape=list(x.array.shape), ndim=x.array.ndim))


def multiplied(a: Operand, b: Operand) -> Tensor:
    """Return ``a @ b``: what the operator is bound to."""
    return composed.product(operand(a), operand(b))


@keywords
def matmul(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return the matrix product ``input @ other``; leading axes are batches and broadcast.

    >>> import tensorgrad as tg
    >>> (tg.ones(2, 3) @ tg.ones(3, 4)).shape
    tensorgrad.Size([2, 4])
    """
    return multiplied(input, other)


@keywords
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the product of the matrices `input` (n, k) and `mat2` (k, m).

    Raises:
        ShapeError: no two matrices, or their sizes do not fit.
    """
    _check_ndim(2, "{name} must be a matrix: mm() takes two, found shape {shape}; see matmul()", self=input, mat2=mat2)
    return composed.product(input, mat2)


@keywords
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the products of the matrices in `input` (b, n, k) and `mat2` (b, k, m).

    Raises:
        ShapeError: one is no batch of matrices, or their sizes do not fit.
    """
    _check_ndim(3, "{name} must be a 3D tensor: found shape {shape}; see matmul()", batch1=input, batch2=mat2)
    b, _, k = input.array.shape
    if mat2.array.shape[:2] != (b, k):
        raise ShapeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k}] but got: "
            f"{list(mat2.array.shape[:2])}."
        )
    return ops.matmul(input, mat2)


@keywords
def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the product of the matrix `input` (n, m) and the vector `vec` (m,).

    Raises:
        ShapeError: they are no matrix and vector, or their sizes do not fit.
    """
    if input.array.ndim != 2 or vec.array.ndim != 1:
        raise ShapeError(
            f"vector + matrix @ vector expected, got {input.array.ndim}D and {vec.array.ndim}D: mv() takes a matrix "
            f"and a vector; see matmul()"
        )
    if input.array.shape[1] != vec.array.shape[0]:
        raise ShapeError(
            f"size mismatch, got input ({input.array.shape[0]}), mat ({_words(input)}), vec ({vec.array.shape[0]})"
        )
    return composed.product(input, vec)


@keywords
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the inner product of two vectors of the same length.

    Raises:
        ShapeError: one is no vector, or their lengths differ.
    """
    if input.array.ndim != 1 or tensor.array.ndim != 1:
        raise ShapeError(f"1D tensors expected, but got {input.array.ndim}D and {tensor.array.ndim}D tensors")
    n, m = input.array.size, tensor.array.size
    if n != m:
        raise ShapeError(
            f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same number of elements, but "
            f"got {n} and {m} elements respectively"
        )
    return composed.product(input, tensor)


@keywords
def vdot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the inner product of two vectors of the same length, of which complex `input` is conjugated."""
    return dot(input.conj(), tensor)


@keywords
def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the matrix of all products of an element of `input` and one of `vec2`.

    Raises:
        ShapeError: an operand that is no vector.

    >>> import tensorgrad as tg
    >>> tg.outer(tg.tensor([1, 2]), tg.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    _check_ndim(1, "outer: Expected 1-D argument {name}, but got {ndim}-D", self=input, vec2=vec2)
    return ops.mul(composed.expanded(input, 1), vec2)


@keywords
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the sums of products over the last axes of both; with a 0-d tensor, the product.

    Raises:
        ShapeError: the last axes have different lengths.
    """
    a, b = operand(input), operand(other)
    if not a.array.ndim or not b.array.ndim:
        return ops.mul(a, b)
    if a.array.shape[-1] != b.array.shape[-1]:
        raise ShapeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(a.array.shape)} and "
            f"{list(b.array.shape)}"
        )
    return tensordot(a, b, ([-1], [-1]))


def _contracted(a: Tensor, b: Tensor, dims: Any) -> tuple[list[int], list[int]]:
    if isinstance(dims, Tensor):
        dims = dims.array.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.array.ndim, b.array.ndim):
            raise ShapeError(
                f"tensordot(): argument 'dims' is {dims}, of tensors with {a.array.ndim} and {b.array.ndim} dimensions"
            )
        return list(range(a.array.ndim - dims, a.array.ndim)), list(range(dims))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise ShapeError(f"both dimension lists should have same length, found {first} and {second}")
    return [dimension(d, a.array.ndim) for d in first], [dimension(d, b.array.ndim) for d in second]


@keywords
def tensordot(a: Operand, b: Operand, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Return the sum of products over `dims`: the last n of `a` and the first n of `b`, or a pair of lists.

    Raises:
        ShapeError: axes that are summed over have different lengths.
    """
    a, b = operand(a), operand(b)
    first, second = _contracted(a, b, dims)
    for i, j in zip(first, second, strict=True):
        if a.array.shape[i] != b.array.shape[j]:
            raise ShapeError(
                f"contracted dimensions need to match, but first has size {a.array.shape[i]} in dim {i} and second has "
                f"size {b.array.shape[j]} in dim {j}"
            )
    left = [i for i in range(a.array.ndim) if i not in first]
    right = [j for j in range(b.array.ndim) if j not in second]
    rows, columns = [a.array.shape[i] for i in left], [b.array.shape[j] for j in right]
    k = math.prod(a.array.shape[i] for i in first)
    x = ops.reshape(ops.transpose(a, axes=(*left, *first)), shape=(math.prod(rows), k))
    y = ops.reshape(ops.transpose(b, axes=(*second, *right)), shape=(k, math.prod(columns)))
    return ops.reshape(ops.matmul(x, y), shape=(*rows, *columns))


def _sum(input: Any, product: Tensor, beta: float, alpha: float) -> Tensor:
    """Return ``beta * input + alpha * product``; with beta = 0 the input is not read, not even where it is NaN."""
    scaled = product if alpha == 1 else ops.mul(product, alpha)
    return scaled if beta == 0 else ops.add(input if beta == 1 else ops.mul(input, beta), scaled)


@keywords
@wide
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """Return ``beta * input + alpha * mat1 @ mat2``.

    From (n, m), or what broadcasts to it, (n, k) and (k, m): shape (n, m).
    """
    return _sum(input, mm(mat1, mat2), beta, alpha)


@keywords
@wide
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """Return ``beta * input + alpha * mat @ vec``.

    From (n,), or what broadcasts to it, (n, m) and (m,): shape (n,).
    """
    return _sum(input, mv(mat, vec), beta, alpha)


@keywords
@wide
def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """Return ``beta * input + alpha * outer(vec1, vec2)``.

    From (n, m), or what broadcasts to it, (n,) and (m,): shape (n, m).

    Raises:
        ShapeError: `vec1` or `vec2` is no vector, or the shapes do not fit.
    """
    return _sum(input, outer(vec1, vec2), beta, alpha)


@keywords
@wide
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """Return ``beta * input + alpha * bmm(batch1, batch2)``.

    From (b, n, m), or what broadcasts to it, (b, n, k) and (b, k, m): shape (b, n, m).

    Raises:
        ShapeError: the batches are not of matrices that fit.
    """
    return _sum(input, bmm(batch1, batch2), beta, alpha)


@keywords
@wide
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """Return ``beta * input + alpha *`` the sum of the products in ``bmm(batch1, batch2)``.

    From (n, m), (b, n, k) and (b, k, m): shape (n, m).
    """
    products = bmm(batch1, batch2)
    return _sum(input, in_dtype(ops.sum(products, axis=0), products.array.dtype), beta, alpha)


@keywords
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the Kronecker product: every element of `input` times all of `other`, as blocks.

    >>> import tensorgrad as tg
    >>> tg.kron(tg.eye(2), tg.ones(1, 2)).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """
    ndim = max(input.array.ndim, other.array.ndim)
    a = (1,) * (ndim - input.array.ndim) + input.array.shape
    b = (1,) * (ndim - other.array.ndim) + other.array.shape
    left = ops.reshape(input, shape=tuple(n for m in a for n in (m, 1)))
    right = ops.reshape(other, shape=tuple(n for m in b for n in (1, m)))
    return ops.reshape(ops.mul(left, right), shape=tuple(m * n for m, n in zip(a, b, strict=True)))


@keywords
def cross(input: Tensor, other: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """Return the vector product along `dim`, of length 3 (None: the first such dimension).

    Raises:
        ShapeError: no axis has length 3.
    """
    if dim is None:
        threes = [i for i, n in enumerate(input.array.shape) if n == 3]
        if not threes:
            raise ShapeError(f"no dimension of size 3 in input of shape {list(input.array.shape)}")
        dim = threes[0] - input.array.ndim
    return cross_product(input, other, dim)


@wide
def cross_product(input: Tensor, other: Tensor, dim: int) -> Tensor:
    """Return the vector product along `dim`; the other dimensions broadcast."""
    for x in (input, other):
        (axis,) = normalized(dim, x.array.ndim)
        if x.array.shape[axis] != 3:
            raise ShapeError(
                f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.array.shape[dim]} and "
                f"{other.array.shape[dim]}"
            )

    def turned(x: Tensor, order: list[int]) -> Tensor:
        axis = dimension(dim, x.array.ndim)
        return ops.concatenate(
            *(ops.getitem(x, index=(*(slice(None),) * axis, slice(i, i + 1))) for i in order), axis=axis
        )

    on, back = [1, 2, 0], [2, 0, 1]
    return ops.sub(ops.mul(turned(input, on), turned(other, back)), ops.mul(turned(input, back), turned(other, on)))


@keywords
@wide
def chain_matmul(*matrices: Tensor) -> Tensor:
    """Return the product of several matrices, taken in the order that needs the fewest multiplications.

    Raises:
        ShapeError: there is no matrix.
    """
    if not matrices:
        raise ShapeError("chain_matmul(): Expected one or more matrices, found none")
    return in_best_order(matrices)


def in_best_order(matrices: Sequence[Tensor]) -> Tensor:
    """Return the product of `matrices`; the order is found by dynamic programming (Cormen et al., section 15.2)."""
    n = len(matrices)
    sizes = [m.array.shape[0] for m in matrices] + [matrices[-1].array.shape[1]]
    cost = {(i, i): 0 for i in range(n)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cut[i, j] = min(options, key=options.__getitem__)
            cost[i, j] = options[cut[i, j]]

    def product(i: int, j: int) -> Tensor:
        return matrices[i] if i == j else mm(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    return product(0, n - 1) if n > 1 else ops.contiguous(matrices[0])
