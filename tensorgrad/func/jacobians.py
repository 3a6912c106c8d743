"""All derivatives of all outputs: jacrev, jacfwd, hessian; and hvp, which needs no matrix."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import check_real
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.func.forward import jvp
from tensorgrad.func.recording import Argnums, Recording, check_differentiable_outputs, record
from tensorgrad.func.reverse import grad
from tensorgrad.func.trees import filled, structure
from tensorgrad.functions.joining import stack
from tensorgrad.functions.shapes import reshape


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """Return a function that computes the Jacobian of `func`, row by row in reverse mode.

    Equation: ``jacrev(f)(x)[i, j] = dy[i] / dx[j]``, of the shape ``y.shape + x.shape``. Each output gives a Jacobian
    for each input: the result has the structure of the output, with that of the inputs at each leaf.

    Cost: `func` once and one reverse sweep per element of the output: prefer it where there are more inputs than
    outputs. Of how many rows there is memory for at a time, `chunk_size`, means nothing here: it is one.

    Args:
        func, argnums, has_aux: as for `grad`, but for an output of any shape.
        chunk_size: accepted for PyTorch's sake; positive or None.

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
        blocks = filled(structure(run.output), [run.filled(_rows(run, k)) for k in range(len(run.outputs))])
        return run.closed((blocks, run.aux) if has_aux else blocks)

    return jacobian


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """Return a function that computes the Jacobian of `func`, column by column in forward mode.

    Equation, arguments and result are those of `jacrev`. Cost: `func` once and one forward sweep per element of the
    inputs: prefer it where there are more outputs than inputs. `randomness`, PyTorch's word on random numbers in
    batches of columns, means nothing here: `func` runs once.

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


def _unit_vectors(like: Tensor) -> Iterator[Tensor]:
    """Yield the tensors of the shape of `like` with 1 in one place and 0 elsewhere."""
    for i in range(like.array.size):
        unit = np.zeros_like(like.array)
        unit.flat[i] = 1
        yield wrap(unit)


def _rows(run: Recording, k: int) -> list[Tensor]:
    """Return the Jacobian of output `k` with respect to each input."""
    y, count = run.outputs[k], len(run.outputs)
    rows = [run.pullback([unit if i == k else None for i in range(count)]) for unit in _unit_vectors(y)]
    zeros = [wrap(np.zeros_like(x.array)) for x in run.inputs]
    columns = [[zero if row[j] is None else row[j] for row in rows] for j, zero in enumerate(zeros)]
    return [
        _joined(parts, 0, (*y.array.shape, *x.array.shape), x) for parts, x in zip(columns, run.inputs, strict=True)
    ]


def _columns(run: Recording, k: int) -> list[Tensor]:
    """Return the Jacobian of each output with respect to input `k`."""
    x = run.inputs[k]
    zeros = [wrap(np.zeros_like(other.array)) for other in run.inputs]
    columns = [run.pushforward([*zeros[:k], unit, *zeros[k + 1 :]]) for unit in _unit_vectors(x)]
    parts = zip(*columns, strict=True) if columns else [() for _ in run.outputs]
    return [_joined(p, -1, (*y.array.shape, *x.array.shape), y) for p, y in zip(parts, run.outputs, strict=True)]


def _joined(parts: Any, axis: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
    return reshape(stack(list(parts), axis), shape) if parts else wrap(np.zeros(shape, like.array.dtype))


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return a function that computes the matrix of second derivatives of `func`, forward over reverse.

    Equation: ``hessian(f)(x)[i, j] = d2f / dx[i] dx[j]``, of the shape ``y.shape + x.shape + x.shape``; with several
    inputs, a block for each pair. ``hessian(f) = jacfwd(jacrev(f))``: `func` once, one recorded reverse sweep per
    element of its output, one forward sweep per element of the inputs.

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
