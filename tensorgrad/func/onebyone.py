"""The examples of a batch one after the other: the definition of `vmap`, and what it does where there is no rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tensorgrad.create.random import default_generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.engine.tracedtensors import unasked
from tensorgrad.errors import AutogradError
from tensorgrad.func.trees import Tree, filled, leaves, structure
from tensorgrad.functions.joining import stack
from tensorgrad.ops import contiguous, getitem

_FEW = 16


def one_by_one(func: Callable[..., Any], rows: list[Tree], kwargs: dict[str, Any], randomness: str) -> list[Tree]:
    """Return what `func` gives of each of `rows`, the arguments of one example."""
    draws, results = Draws(randomness), []
    for row in rows:
        with draws.one_example():
            results.append(func(*row, **kwargs))
    return results


def rows_of(args: Tree, values: list[Any], dims: list[Any], size: int) -> list[Tree]:
    """Return the arguments of each example, `args` with copies of the slices of `values`, its leaves, along `dims`."""
    columns = [
        [value] * size if dim is None else [unasked(contiguous(x)) for x in unbound(value, dim)]
        for value, dim in zip(values, dims, strict=True)
    ]
    form = structure(args)
    return [filled(form, row) for row in zip(*columns, strict=True)]


@dataclass
class Draws:
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


def unbound(x: Tensor, axis: int) -> list[Tensor]:
    """Return the slices of `x` along `axis`, of many by halving.

    The adjoint of one slice fills an array as large as what was sliced: n slices of the whole would cost n times its
    size in the reverse sweep, the halves of halves cost log n times. Of a few a picture shows each slice as one.
    """
    leading = (slice(None),) * (axis % x.array.ndim)
    n = x.array.shape[axis]
    if n <= _FEW:
        return [getitem(x, index=(*leading, i)) for i in range(n)]
    halves = [getitem(x, index=(*leading, half)) for half in (slice(None, n // 2), slice(n // 2, None))]
    return [part for half in halves for part in unbound(half, axis)]


def joined(call: str, results: list[Tree], dims: list[Any]) -> Tree:
    """Return one tree in the place of `results`, those of all examples: each leaf stacked along its axis in `dims`.

    Raises:
        ValueError: their structures differ.
    """
    form = structure(results[0])
    for result in results:
        if structure(result) != form:
            raise ValueError(
                f"{call}: outputs of different structure for different examples: {form} and {structure(result)}"
            )
    columns = zip(*[leaves(result) for result in results], strict=True)
    return filled(form, [_column(call, list(c), dim) for c, dim in zip(columns, dims, strict=True)])


def _column(call: str, values: list[Any], dim: Any) -> Any:
    for value in () if dim is None else values:
        check_output(call, value, dim)
    return values[0] if dim is None else stack(values, dim)


def check_output(call: str, value: Any, dim: Any) -> None:
    """Raise TypeError unless `value` is a Tensor, and `dim` an int."""
    if not isinstance(dim, int):
        raise TypeError(f"{call}: `out_dims` must be an int, None or a python collection of ints, found {dim!r}")
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{call}: must only return Tensors, got type {type(value)}. Did you mean to set out_dims= to None for "
            f"output?"
        )
