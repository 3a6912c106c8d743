"""vmap: a function of one example, applied to a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.create.random import default_generator
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import AutogradError, ShapeError
from tensorgrad.func.trees import Tree, filled, leaves, spread, structure
from tensorgrad.functions.indexing import narrow
from tensorgrad.functions.joining import stack
from tensorgrad.ops import contiguous, getitem

RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that applies `func` to every example of a batch and stacks the results.

    Equation: ``vmap(f)(xs) = stack([f(x) for x in xs])``, and that is how it is computed, for any function of the
    library, derivatives and data-dependent branches included. Cost: as many calls of `func` as there are examples, so
    it is a notation, not an acceleration: where an operation takes a batch itself, that is much faster.

    Args:
        func: takes Tensors, or tuples, lists and dicts of them, and returns such; without the axis of examples.
        in_dims: the axis of examples of each argument; None for one that is the same for all examples. An int for all
            arguments, or a tuple with an entry per argument, which may be nested as the argument is. Keyword arguments
            are the same for all examples.
        out_dims: where the axis of examples goes in each output; None for an output that is the same for all of them,
            given once.
        randomness: what random numbers do, from the default generator: "error" refuses them, "different" draws anew for
            each example, "same" gives every example the same.
        chunk_size: accepted for PyTorch's sake, positive or None: one example is in memory at a time.

    Examples enter `func` as copies: operations in place on them do not reach the batch. Transforms nest in any order.

    Raises:
        ShapeError: axes of examples of different lengths; an in_dim that is no axis.
        ValueError: in_dims or out_dims do not fit the structure of arguments or outputs.
        TypeError: an output, or an argument with an in_dim, is not a Tensor; an in_dim is no int.
        AutogradError: a random number was drawn with randomness="error".

    >>> import tensorgrad as tg
    >>> xs = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.func.vmap(lambda x: (x * x).sum())(xs)
    tensor([ 5., 25.])
    >>> tg.func.vmap(tg.func.grad(lambda x, p: (x**p).sum()), in_dims=(0, None))(xs, 2)
    tensor([[2., 4.],
            [6., 8.]])
    """
    if randomness not in RANDOMNESS:
        raise AutogradError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness!r}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func, updated=())
    def batched(*args: Any, **kwargs: Any) -> Any:
        batch, nothing = _batch(func, in_dims, args)
        draws = _Draws(randomness)
        results = []
        for example in batch:
            with draws.one_example():
                results.append(func(*example, **kwargs))
        return _stacked(func, out_dims, results, nothing)

    return batched


@dataclass
class _Draws:
    """What `randomness` asks of the default generator."""

    randomness: str
    start: Any = None

    @contextmanager
    def one_example(self) -> Iterator[None]:
        """Run one example: from the state where the first one began with "same", and drawing nothing with "error"."""
        stream = default_generator.numpy.bit_generator
        if self.start is None:
            self.start = stream.state
        elif self.randomness == "same":
            stream.state = self.start
        yield
        if self.randomness == "error" and default_generator.numpy.bit_generator.state != self.start:
            raise AutogradError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                "'different' randomness flags on vmap or perform the randomness operation out of vmap"
            )


def _batch(func: Callable[..., Any], in_dims: Any, args: tuple[Any, ...]) -> tuple[list[Tree], bool]:
    """Return the arguments of each example, and whether there is none: then of one of zeros, which tells the shapes."""
    call = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, int | tuple):
        raise TypeError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, "
            f"got: {type(in_dims)}."
        )
    values = leaves(args)
    if not values:
        raise ValueError(
            f"{call}: got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function with no "
            f"inputs. The latter is unsupported."
        )
    dims = spread(in_dims, args)
    if dims is None:
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{structure(in_dims)} but inputs has structure {structure(args)}."
        )
    for value, dim in zip(values, dims, strict=True):
        _check_dim(call, value, dim)
    sizes = [value.array.shape[dim] for value, dim in zip(values, dims, strict=True) if dim is not None]
    if not sizes:
        raise ValueError(f"{call}: vmap: Expected at least one Tensor to vmap over, but every in_dim is None")
    if len(set(sizes)) > 1:
        raise ShapeError(
            f"{call}: vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for "
            f"the mapped dimension"
        )
    if not sizes[0]:
        values = [value if dim is None else _of_zeros(value, dim) for value, dim in zip(values, dims, strict=True)]
    columns = [
        [value] * max(sizes[0], 1) if dim is None else [contiguous(x) for x in _unbound(value, dim)]
        for value, dim in zip(values, dims, strict=True)
    ]
    form = structure(args)
    return [filled(form, row) for row in zip(*columns, strict=True)], not sizes[0]


def _of_zeros(x: Tensor, axis: int) -> Tensor:
    shape = list(x.array.shape)
    shape[axis] = 1
    return wrap(np.zeros(shape, x.array.dtype))


def _check_dim(call: str, value: Any, dim: Any) -> None:
    if dim is None:
        return
    if not isinstance(dim, int):
        raise TypeError(
            f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
        )
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{call}: Got in_dim={dim} for an input but the input is of type {type(value)}. We cannot vmap over "
            f"non-Tensor arguments, please use None as the respective in_dim"
        )
    n = value.array.ndim
    if not -n <= dim < n:
        raise ShapeError(
            f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {n} so expected "
            f"in_dim to satisfy -{n} <= in_dim < {n}."
        )


def _unbound(x: Tensor, axis: int) -> list[Tensor]:
    """Return the slices of `x` along `axis`, by halving.

    The adjoint of one slice fills an array as large as what was sliced: n slices of the whole would cost n times its
    size in the reverse sweep, the halves of halves cost log n times.
    """
    leading = (slice(None),) * (axis % x.array.ndim)
    n = x.array.shape[axis]
    if n == 1:
        return [getitem(x, index=(*leading, 0))]
    halves = [getitem(x, index=(*leading, half)) for half in (slice(None, n // 2), slice(n // 2, None))]
    return [part for half in halves for part in _unbound(half, axis)]


def _stacked(func: Callable[..., Any], out_dims: Any, results: list[Tree], nothing: bool) -> Tree:
    """Return one tree in the place of the results of all examples; `nothing`: of which there is none."""
    call = f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>)"
    form = structure(results[0])
    dims = spread(out_dims, results[0])
    if dims is None:
        raise ValueError(
            f"{call}: out_dims is not compatible with the structure of `outputs`. out_dims has structure "
            f"{structure(out_dims)} but outputs has structure {form}."
        )
    for result in results:
        if structure(result) != form:
            raise ValueError(
                f"{call}: outputs of different structure for different examples: {form} and {structure(result)}"
            )
    columns = zip(*[leaves(result) for result in results], strict=True)
    return filled(form, [_column(call, list(c), dim, nothing) for c, dim in zip(columns, dims, strict=True)])


def _column(call: str, values: list[Any], dim: Any, nothing: bool) -> Any:
    if dim is None:
        return values[0]
    if not isinstance(dim, int):
        raise TypeError(f"{call}: `out_dims` must be an int, None or a python collection of ints, found {dim!r}")
    for value in values:
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{call}: must only return Tensors, got type {type(value)}. Did you mean to set out_dims= to None for "
                f"output?"
            )
    y = stack(values, dim)
    return narrow(y, dim, 0, 0) if nothing else y


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", None) or repr(func)
