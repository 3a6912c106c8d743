"""All derivatives of all outputs: jacrev, jacfwd, hessian; and hvp, which needs no matrix."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import check_real
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.func.batching import vmap
from tensorgrad.func.forward import jvp
from tensorgrad.func.recording import Argnums, Recording, check_differentiable_outputs, record
from tensorgrad.func.reverse import grad
from tensorgrad.func.trees import filled, structure
from tensorgrad.functions.shapes import reshape


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """Return a function that computes the Jacobian of `func` in reverse mode, all rows at once.

    Equation: ``jacrev(f)(x)[i, j] = dy[i] / dx[j]``, of the shape ``y.shape + x.shape``. Each output gives a Jacobian
    for each input: the result has the structure of the output, with that of the inputs at each leaf.

    Cost: `func` once and one reverse sweep over batches of as many cotangents as the output has elements (see `vmap`):
    prefer it where there are more inputs than outputs.

    Args:
        func, argnums, has_aux: as for `grad`, but for an output of any shape.
        chunk_size: of how many rows there is memory for at a time; None: of all.

    Raises:
        as `grad` does; DTypeError: an output is not floating point.

    >>> import tensorgrad as tg
    >>> tg.func.jacrev(lambda x: x * x)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"jacrev: `chunk_size` should be greater than 0, found {chunk_size}")

    @functools.wraps(func, updated=())
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = record("jacrev(f)(*args)", func, args, kwargs, argnums, has_aux)
        _check_outputs("jacrev", run)
        blocks = filled(structure(run.output), [run.filled(_rows(run, k, chunk_size)) for k in range(len(run.outputs))])
        return run.closed((blocks, run.aux) if has_aux else blocks)

    return jacobian


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """Return a function that computes the Jacobian of `func` in forward mode, all columns at once.

    Equation, arguments and result are those of `jacrev`. Cost: `func` once and one forward sweep over batches of as
    many tangents as the inputs have elements: prefer it where there are more outputs than inputs. `randomness`,
    PyTorch's word on random numbers in batches of columns, means nothing here: `func` runs once.

    Raises:
        AutogradError: the function returns other than tensors.

    >>> import tensorgrad as tg
    >>> tg.func.jacfwd(lambda x: tg.stack([x[0] * x[1], x[0]]))(tg.tensor([3.0, 5.0]))
    tensor([[5., 3.],
            [1., 0.]])
    """

    @functools.wraps(func, updated=())
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = record("jacfwd(f)(*args)", func, args, kwargs, argnums, has_aux)
        _check_outputs("jacfwd", run)
        per_input = [_columns(run, k) for k in range(len(run.inputs))]
        blocks = filled(structure(run.output), [run.filled(columns) for columns in zip(*per_input, strict=True)])
        return run.closed((blocks, run.aux) if has_aux else blocks)

    return jacobian


def _check_outputs(name: str, run: Recording) -> None:
    """Raise DTypeError unless a matrix of real numbers holds all derivatives: complex ones have two by each number."""
    check_differentiable_outputs(f"{name}(f)(*args)", run.outputs)
    check_real(name, *[x.array for x in (*run.inputs, *run.outputs)])


def _unit_vectors(like: Tensor) -> Tensor:
    """Return the tensors of the shape of `like` with 1 in one place and 0 elsewhere, along a new first axis."""
    n = like.array.size
    return wrap(np.eye(n, dtype=like.array.dtype).reshape(n, *like.array.shape))


def _rows(run: Recording, k: int, chunk_size: int | None) -> list[Tensor]:
    """Return the Jacobian of output `k` with respect to each input."""
    y, count = run.outputs[k], len(run.outputs)

    def row(unit: Tensor) -> list[Tensor | None]:
        return run.pullback([unit if i == k else None for i in range(count)])

    row.__name__ = "rows of jacrev"  # what a warning calls it
    rows = vmap(row, chunk_size=chunk_size)(_unit_vectors(y)) if y.array.size else [None] * len(run.inputs)
    return [_shaped(part, (*y.array.shape, *x.array.shape), x) for part, x in zip(rows, run.inputs, strict=True)]


def _columns(run: Recording, k: int) -> list[Tensor]:
    """Return the Jacobian of each output with respect to input `k`."""
    x = run.inputs[k]
    zeros = [wrap(np.zeros_like(other.array)) for other in run.inputs]

    def column(unit: Tensor) -> list[Tensor]:
        return run.pushforward([*zeros[:k], unit, *zeros[k + 1 :]])

    column.__name__ = "columns of jacfwd"
    columns = vmap(column, out_dims=-1)(_unit_vectors(x)) if x.array.size else [None] * len(run.outputs)
    return [_shaped(part, (*y.array.shape, *x.array.shape), y) for part, y in zip(columns, run.outputs, strict=True)]


def _shaped(part: Tensor | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
    return wrap(np.zeros(shape, like.array.dtype)) if part is None else reshape(part, shape)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return a function that computes the matrix of second derivatives of `func`, forward over reverse.

    Equation: ``hessian(f)(x)[i, j] = d2f / dx[i] dx[j]``, of the shape ``y.shape + x.shape + x.shape``; with several
    inputs, a block for each pair. ``hessian(f) = jacfwd(jacrev(f))``: `func` once, a recorded reverse sweep and a
    forward sweep over batches.

    >>> import tensorgrad as tg
    >>> tg.func.hessian(lambda x: x[0] * x[0] * x[1])(tg.tensor([1.0, 2.0]))
    tensor([[4., 2.],
            [2., 0.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def hvp(func: Callable[..., Any], inputs: Any, vector: Any) -> Any:
    """Return the Hessian of the scalar `func` at `inputs` times `vector`, without the matrix: forward over reverse.

    Equation: ``hvp(f, x, v) = d/ds grad f(x + s v) at s = 0 = H v``. Source: Pearlmutter 1994. Cost: a small multiple
    of `func`.

    Args:
        func: takes the inputs as its arguments and returns a 0-d Tensor.
        inputs: the argument, or a tuple of arguments.
        vector: a tree of the structure and shapes of `inputs`; so is the result.

    >>> import tensorgrad as tg
    >>> tg.func.hvp(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0]))
    tensor([ 6., 12.])
    """
    several = isinstance(inputs, tuple)
    primals, tangents = (inputs, vector) if several else ((inputs,), (vector,))
    return jvp(grad(func, tuple(range(len(primals))) if several else 0), primals, tangents)[1]
