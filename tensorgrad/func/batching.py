"""vmap: a function of one example, applied to a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import warn
from tensorgrad.base.context import BATCHING, SHAKING, TRACING, context, within
from tensorgrad.base.watched import watching
from tensorgrad.engine.batched import Level, RandomnessError, is_batched, running_levels, within_levels
from tensorgrad.engine.crossings import ENTER, LEAVE
from tensorgrad.engine.dispatch import INSIDE, apply
from tensorgrad.engine.shared_memory import still_exposed
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.tracedtensors import unasked
from tensorgrad.errors import AutogradError, ShapeError
from tensorgrad.func.onebyone import Draws, check_output, joined, one_by_one, rows_of
from tensorgrad.func.trees import Tree, filled, leaves, mapped, spread, structure
from tensorgrad.functions.indexing import narrow
from tensorgrad.functions.joining import cat
from tensorgrad.ops import contiguous

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

    Equation: ``vmap(f)(xs) = stack([f(x) for x in xs])``, but `func` runs once: its tensors hold the values of all
    examples, and every operation computes them at once. A branch of Python, or a number that it reads, must come out
    the same for all examples. Where it does not, where `func` writes in place to a tensor of an example, or where
    something has no form for batches, the examples are run one after the other, with a warning that says why; what
    `func` did by then outside of tensors, a print perhaps, has happened once more.

    Args:
        func: takes Tensors, or tuples, lists and dicts of them, and returns such; without the axis of examples.
        in_dims: the axis of examples of each argument; None for one that is the same for all examples. An int for all
            arguments, or a tuple with an entry per argument, which may be nested as the argument is. Keyword arguments
            are the same for all examples.
        out_dims: where the axis of examples goes in each output; None for an output that is the same for all of them,
            given once.
        randomness: what random numbers do: "error" refuses them, "different" draws for each example, "same" gives every
            example the same.
        chunk_size: how many examples are computed at once; None: all.

    Operations in place on arguments do not reach the batch. Transforms nest in any order.

    Raises:
        ShapeError: axes of examples of different lengths; an in_dim that is no axis.
        ValueError: in_dims or out_dims do not fit the structure of arguments or outputs; an output that differs between
            examples has the out_dim None.
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
        batch = _batch(f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)", in_dims, args)
        run = _Run(func, out_dims, randomness, f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>)")
        if not batch.size:
            y = run.of(batch.of_zeros(), kwargs)
            return mapped(lambda x, d: x if d is None else narrow(x, d, 0, 0), y, filled(structure(y), run.dims_of(y)))
        if chunk_size is None or chunk_size >= batch.size:
            return run.of(batch, kwargs)
        return run.of_chunks([batch.part(i, chunk_size) for i in range(0, batch.size, chunk_size)], kwargs)

    return batched


class Batch(NamedTuple):
    """The arguments of a function for all examples: `values` are the leaves of `args`, which lie along `dims`."""

    args: Tree
    values: list[Any]
    dims: list[Any]
    size: int

    def of_zeros(self) -> Batch:
        """Return one example of zeros, which tells the shapes where there is none."""
        values = [x if dim is None else _of_zeros(x, dim) for x, dim in zip(self.values, self.dims, strict=True)]
        return self._replace(values=values, size=1)

    def part(self, start: int, size: int) -> Batch:
        """Return at most `size` of the examples, from `start` on."""
        size = min(size, self.size - start)
        pairs = zip(self.values, self.dims, strict=True)
        return self._replace(values=[x if d is None else narrow(x, d, start, size) for x, d in pairs], size=size)


class _Run(NamedTuple):
    """What is to be done with the examples."""

    func: Callable[..., Any]
    out_dims: Any
    randomness: str
    call: str

    def of(self, batch: Batch, kwargs: dict[str, Any]) -> Tree:
        """Return the results of all examples, at once if there is a rule for all that is done with them."""
        if context().special & (TRACING | SHAKING):  # what is recorded, or rounded, are the operations of one example
            return self.of_each(batch, kwargs)
        if watching() is not None and self.randomness != "error":  # a plan repeats the draws of one example
            return self.of_each(batch, kwargs)
        level = Level(batch.size, self.randomness)
        try:
            result, found = self.at_once(batch, kwargs, level)
        except RandomnessError:
            raise
        except Exception as error:  # noqa: BLE001 - what is wrong with an example, its own run tells
            reason = level.refused or error
        else:
            handed: set[int] = set()
            pairs = zip(found, self.dims_of(result), strict=True)
            return filled(result, [_outside(self.call, y, dim, level, handed) for y, dim in pairs])
        level.undo()
        result = self.of_each(batch, kwargs)
        warn(f"vmap({_name(self.func)}) ran the examples one after the other, not at once: {reason}")
        return result

    def of_each(self, batch: Batch, kwargs: dict[str, Any]) -> Tree:
        """Return the results of all examples, one after the other."""
        results = one_by_one(self.func, rows_of(*batch), kwargs, self.randomness)
        return joined(self.call, results, self.dims_of(results[0]))

    def of_chunks(self, parts: list[Batch], kwargs: dict[str, Any]) -> Tree:
        """Return the results of all examples, of which those of each part are computed at once."""
        draws, results = Draws(self.randomness), []
        for part in parts:
            with draws.one_example() if self.randomness == "same" else nullcontext():
                results.append(self.of(part, kwargs))
        columns = zip(*map(leaves, results), self.dims_of(results[0]), strict=True)
        return filled(structure(results[0]), [x[0] if x[-1] is None else cat(x[:-1], x[-1]) for x in columns])

    def at_once(self, batch: Batch, kwargs: dict[str, Any], level: Level) -> tuple[Tree, list[Any]]:
        """Return what one run of the function gives for all examples, and its leaves as they stand inside.

        Raises:
            UnbatchableError: something in it has no rule for batches.
        """
        given = [
            x if dim is None else apply(ENTER, (x.clone() if still_exposed(x) else x,), {"level": level, "axis": dim})
            for x, dim in zip(batch.values, batch.dims, strict=True)
        ]
        levels = (*running_levels(), level)
        try:
            with within_levels(levels), within(special=context().special | BATCHING):
                result = self.func(*filled(batch.args, given), **kwargs)
                found = [INSIDE[0](y) if isinstance(y, Tensor) and y.tracked else y for y in leaves(result)]
        finally:
            level.gates.clear()
        if level.refused is not None:
            raise level.refused  # the function went on
        return result, found

    def dims_of(self, result: Tree) -> list[Any]:
        """Return the axis of the examples in each leaf of a result."""
        dims = spread(self.out_dims, result)
        if dims is None:
            raise ValueError(
                f"{self.call}: out_dims is not compatible with the structure of `outputs`. out_dims has structure "
                f"{structure(self.out_dims)} but outputs has structure {structure(result)}."
            )
        return dims


def _outside(call: str, y: Any, dim: Any, level: Level, handed: set[int]) -> Any:
    """Return an output with the examples along `dim`, on memory of its own: `handed` holds what others stand on."""
    if dim is None:
        if isinstance(y, Tensor) and is_batched(y.array):
            raise ValueError(f"{call}: can not return a tensor that differs between the examples when out_dim is None")
        return y
    check_output(call, y, dim)
    found = apply(LEAVE, (y,), {"level": level, "axis": dim})
    array = found.array
    if is_batched(array):
        return found
    if array.base is None and array.flags.c_contiguous and id(array) not in handed:
        handed.add(id(array))
        return found
    return unasked(contiguous(found))


def _batch(call: str, in_dims: Any, args: tuple[Any, ...]) -> Batch:
    """Return the checked arguments; `call` begins the messages."""
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
    return Batch(args, values, dims, sizes[0])


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


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", None) or repr(func)
