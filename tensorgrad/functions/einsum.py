"""Einstein's summation: sums of products of elements, named by their indices.

Operands are multiplied two at a time as batches of matrices. Repeated indices of one operand become its diagonal, and
an index that nothing else needs is summed at once. All of it is made of primitives, so derivatives follow.
"""

from __future__ import annotations

import math
from typing import Any

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import Operand, operand, separate

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # by PyTorch's numbers: capitals first
Labels = list[Any]
"""One label per axis: a letter, or the (negative) place of an axis that the ellipsis stands for."""


def einsum(equation: str | Operand, *operands: Any) -> Tensor:
    """Return what `equation` says of `operands`, for instance ``"ij,jk->ik"``: the product of two matrices.

    Letters name axes; ``...`` stands for any number of them, which broadcast. Without ``->`` the result has the
    letters that occur once, in alphabetical order, after the ellipsis.

    In the second spelling each operand is followed by the list of its labels, numbers from 0 to 51 or an Ellipsis; a
    list at the end tells those of the result.

    >>> import tensorgrad as tg
    >>> tg.einsum("ii->", tg.eye(3)).item(), tg.einsum("i,j->ij", tg.ones(2), tg.ones(3)).shape
    (3.0, tensorgrad.Size([2, 3]))
    >>> tg.einsum(tg.eye(3), [0, 1], tg.ones(3), [1], [0])
    tensor([1., 1., 1.])

    Raises:
        ShapeError: labels and operands do not fit.
        ArgumentError: a label is no number from 0 to 51.
        TypeError: neither an equation nor operands with their labels.
    """
    if not isinstance(equation, str):
        equation, operands = _spelled(equation, *operands)
    tensors = [operand(x) for x in separate(operands)]
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        fewer = "fewer" if len(tensors) < len(terms) else "more"
        raise ShapeError(f"einsum(): {fewer} operands were provided than specified in the equation '{equation}'")
    labels = [_labels(term, x.array.ndim, i) for i, (term, x) in enumerate(zip(terms, tensors, strict=True))]
    wide = max((sum(isinstance(k, int) for k in ls) for ls in labels), default=0)
    output = _output(right, labels, wide) if arrow else _implicit(labels, wide)
    _check_sizes(labels, tensors)
    pairs = [_single(x, ls) for x, ls in zip(tensors, labels, strict=True)]
    x, names = pairs[0]
    for i, (y, others) in enumerate(pairs[1:], 1):
        needed = {*output, *(k for _, rest in pairs[i + 1 :] for k in rest)}
        x, names = _contracted(
            *_summed(x, names, needed | set(others)), *_summed(y, others, needed | set(names)), needed
        )
    x, names = _summed(x, names, set(output))
    y = ops.transpose(x, axes=tuple(names.index(k) for k in output))
    return y if len(tensors) == 1 else composed.row_major(y)


def _spelled(*given: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the equation and the operands of the second spelling."""
    right = f"->{_term(given[-1])}" if len(given) % 2 else ""
    return ",".join(map(_term, given[1::2])) + right, given[: len(given) - len(given) % 2 : 2]


def _term(labels: Any) -> str:
    if not isinstance(labels, list | tuple):
        raise TypeError(
            f"einsum() takes an equation and operands, or operands each followed by the list of its labels: found "
            f"{type(labels).__name__} in place of a list"
        )
    for k in labels:
        if k is not Ellipsis and not (isinstance(k, int) and 0 <= k < len(_LETTERS)):
            raise ArgumentError(f"einsum(): subscript {k} is not within the valid range [0, 52)")
    return "".join("..." if k is Ellipsis else _LETTERS[k] for k in labels)


def _split(term: str) -> tuple[str, str, str]:
    before, dots, after = term.partition("...")
    for at, letter in enumerate(before + after):
        if not (letter.isascii() and letter.isalpha()):
            raise ShapeError(
                f"einsum(): invalid subscript given at index {at} in '{term}', subscripts must be in [a-zA-Z]"
            )
    return before, dots, after


def _labels(term: str, ndim: int, position: int) -> Labels:
    before, dots, after = _split(term)
    wide = ndim - len(before) - len(after)
    if wide < 0 or (wide and not dots):
        raise ShapeError(
            f"einsum(): the number of subscripts in the equation ({len(before) + len(after)}) does not match the "
            f"number of dimensions ({ndim}) for operand {position}{'' if dots else ' and no ellipsis was given'}"
        )
    return [*before, *range(-wide, 0), *after]


def _output(right: str, labels: list[Labels], wide: int) -> Labels:
    before, dots, after = _split(right)
    for k in before + after:
        if not any(k in ls for ls in labels):
            raise ShapeError(f"einsum(): output subscript {k} does not appear in the equation for any input operand")
        if (before + after).count(k) > 1:
            raise ShapeError(f"einsum(): output subscript {k} appears more than once in the output")
    return [*before, *(range(-wide, 0) if dots else ()), *after]


def _implicit(labels: list[Labels], wide: int) -> Labels:
    letters = [k for ls in labels for k in ls if isinstance(k, str)]
    return [*range(-wide, 0), *sorted(k for k in set(letters) if letters.count(k) == 1)]


def _check_sizes(labels: list[Labels], tensors: list[Tensor]) -> None:
    sizes: dict[Any, int] = {}
    for i, (ls, x) in enumerate(zip(labels, tensors, strict=True)):
        for k, n in zip(ls, x.array.shape, strict=True):
            known = sizes.get(k, 1)
            if n != known and 1 not in (n, known):
                raise ShapeError(
                    f"einsum(): subscript {k} has size {n} for operand {i} which does not broadcast with previously "
                    f"seen size {known}"
                )
            sizes[k] = n if known == 1 else known


def _single(x: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """Return `x` with the diagonal in place of axes that have the same label."""
    labels = list(labels)
    while len(set(labels)) < len(labels):
        k = next(k for k in labels if labels.count(k) > 1)
        first = labels.index(k)
        second = labels.index(k, first + 1)
        rest = [i for i in range(len(labels)) if i not in (first, second)]
        x = ops.diagonal(ops.transpose(x, axes=(*rest, first, second)))
        labels = [labels[i] for i in rest] + [k]
    return x, labels


def _summed(x: Tensor, labels: Labels, needed: set[Any]) -> tuple[Tensor, Labels]:
    """Return `x` summed over the axes that nothing else needs."""
    axes = tuple(i for i, k in enumerate(labels) if k not in needed)
    return (ops.sum(x, axis=axes), [k for k in labels if k in needed]) if axes else (x, labels)


def _arranged(x: Tensor, labels: Labels, *groups: Labels) -> Tensor:
    """Return `x` with the axes of each group as one, in order; a label that `x` lacks has length 1."""
    order = [k for group in groups for k in group]
    axes = tuple(labels.index(k) for k in order if k in labels)
    x = x if axes == tuple(range(len(axes))) else ops.transpose(x, axes=axes)
    sizes = dict(zip([k for k in order if k in labels], x.array.shape, strict=True))
    return ops.reshape(x, shape=tuple(math.prod(sizes.get(k, 1) for k in group) for group in groups))


def _contracted(a: Tensor, first: Labels, b: Tensor, second: Labels, needed: set[Any]) -> tuple[Tensor, Labels]:
    """Return the product of two operands, summed over the labels that only these two have."""
    a, b = _stretched(a, first, b, second), _stretched(b, second, a, first)
    batch = [k for k in first if k in second and k in needed]
    inner = [k for k in first if k in second and k not in needed]
    rows = [k for k in first if k not in second]
    columns = [k for k in second if k not in first]
    x = _arranged(a, first, batch, rows, inner)
    y = _arranged(b, second, batch, inner, columns)
    sizes = {**dict(zip(first, a.array.shape, strict=True)), **dict(zip(second, b.array.shape, strict=True))}
    names = [*batch, *rows, *columns]
    return ops.reshape(ops.matmul(x, y), shape=tuple(sizes[k] for k in names)), names


def _stretched(x: Tensor, labels: Labels, other: Tensor, others: Labels) -> Tensor:
    """Return `x` with axes of length 1 repeated to the length they have in `other`."""
    there = dict(zip(others, other.array.shape, strict=True))
    shape = tuple(there[k] if n == 1 and k in there else n for k, n in zip(labels, x.array.shape, strict=True))
    return x if shape == x.array.shape else ops.broadcast_to(x, shape=shape)
