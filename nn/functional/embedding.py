"""Rows of a table, by their numbers, one by one and in bags."""

from __future__ import annotations

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import norm
from tensorgrad.engine.generalforms import asarray, own, perhaps
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note
from tensorgrad.errors import ArgumentError, DTypeError, RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.ordering import max as maximum_along
from tensorgrad.functions.precision import wide
from tensorgrad.tensor.tensortypes import typename


def _indices(name: str, input: Tensor, weight: Tensor) -> Array:
    """Return the row numbers, checked."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'indices' (position 2) must be Tensor, not {typename(input)}")
    if input.array.dtype.kind not in "iu" or input.array.dtype.itemsize < 4:
        raise DTypeError(
            f"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{typename(input)} instead (while checking arguments for {name}): convert them with .long()"
        )
    if weight.array.ndim != 2:
        raise ShapeError(f"'weight' must be 2-D, found shape {list(weight.array.shape)}")
    rows = len(weight.array)
    if input.array.size and not 0 <= input.array.min() <= input.array.max() < rows:
        raise RangeError(
            f"index out of range in self: rows are 0 to {rows - 1}, the indices of {name} go from "
            f"{input.array.min()} to {input.array.max()}"
        )
    indices: Array = own(input.array)
    return indices  # what is recorded must not change with the tensor


def padding_row(padding_idx: int | None, rows: int) -> int | None:
    """Return `padding_idx` counted from the start; ArgumentError if there is no such row."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ArgumentError(f"Padding_idx must be within num_embeddings: found {padding_idx} for {rows} rows")
    return padding_idx % rows


def _renormalize(weight: Tensor, rows: Array, max_norm: float, norm_type: float) -> None:
    """Scale those of `rows` whose norm is above `max_norm` down to it, in place and unrecorded."""
    used = np.unique(rows)
    norms = norm(weight.array[used], norm_type, 1)
    long = norms > max_norm
    if long.any():
        weight.array[used[long]] *= (max_norm / (norms[long] + 1e-7))[:, None].astype(weight.array.dtype)
        note(weight, "max_norm of embedding")


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return the rows of `weight` (V, D) that `input`, integers of any shape (...), names: shape (..., D).

    Args:
        input: row numbers, int64 or int32, from 0 to V - 1.
        weight: the table.
        padding_idx: a row that gets no gradient; a negative one counts from the end.
        max_norm: rows that are read and have a larger norm are first scaled down to it, in `weight` itself.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide the gradient of a row by how often `input` names it.
        sparse: accepted; the gradient is dense.

    >>> import tensorgrad as tg
    >>> embedding(tg.tensor([2, 0]), tg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.]])
    """
    rows = _indices("embedding", input, weight)
    padding = padding_row(padding_idx, len(weight.array))
    if max_norm is not None:
        _renormalize(weight, rows, max_norm, norm_type)
    y = ops.getitem(weight, index=(rows,))
    if padding is not None and perhaps((rows == padding).any()):
        y = ops.where(wrap((rows == padding)[..., None]), composed.detached(y), y)
    if scale_grad_by_freq and rows.size:
        y = _shared(y, rows, np.bincount(rows.ravel()))
    return y


def _shared(y: Tensor, rows: Array, counts: Array) -> Tensor:
    """Return `y`, the rows of a table, with a gradient divided by how often each was read."""
    share = (1 / np.maximum(counts, 1))[rows][..., None].astype(y.array.dtype)
    value = composed.detached(y)
    return value + (y - value) * wrap(share)


@wide
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or maximum of the rows of `weight` (V, D) in each bag: shape (B, D). An empty bag gives 0.

    Args:
        input: row numbers, (B, N) for bags of N, or all bags in one sequence.
        weight: the table.
        offsets: where in the sequence each bag starts, and with `include_last_offset` where the last one ends.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for `embedding`.
        mode: "sum", "mean" or "max".
        per_sample_weights: factors of the rows, of the shape of `input`; only with "sum".
        include_last_offset: see `offsets`.
        padding_idx: a row that counts in no bag.

    Raises:
        ArgumentError: `mode` is another word.
        NotImplementedError: `per_sample_weights` in another mode than 'sum'.
        ShapeError: `per_sample_weights` has another shape than `input`.
    """
    if mode not in ("sum", "mean", "max"):
        raise ArgumentError(f"mode has to be one of sum, mean or max, found {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}')"
        )
    if per_sample_weights is not None and per_sample_weights.array.shape != input.array.shape:
        raise ShapeError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights.array.shape)}) is not None, then it must "
            f"have the same shape as the input ({list(input.array.shape)})"
        )
    rows = _indices("embedding_bag", input, weight)
    places, full = _bags(rows, offsets, include_last_offset)
    padding = padding_row(padding_idx, len(weight.array))
    chosen = rows.ravel()[places] if rows.size else np.zeros(places.shape, np.int64)
    if padding is not None:
        full = full & (chosen != padding)
    y = embedding(wrap(chosen), weight, None, max_norm, norm_type)
    if scale_grad_by_freq and rows.size:
        y = _shared(y, chosen, np.bincount(chosen[full], minlength=len(weight.array)))
    if per_sample_weights is not None:
        factors = ops.getitem(composed.flattened(per_sample_weights), index=(places,))
        y = y * composed.expanded(factors, -1)
    return _gathered(y, full[..., None], mode)


def _gathered(y: Tensor, there: Array, mode: str) -> Tensor:
    """Return the sum, mean or maximum over axis 1 of `y` (B, N, D) where `there` (B, N, 1); 0 where nothing is."""
    if mode == "max":
        if not there.shape[1]:
            return ops.sum(y, axis=1)
        highest = maximum_along(ops.where(wrap(there), y, -np.inf), 1)[0]
        return ops.where(wrap(asarray(there.any(1))), highest, 0.0)
    total = ops.sum(ops.where(wrap(there), y, 0.0), axis=1)
    return total if mode == "sum" else total / wrap(np.maximum(there.sum(1), 1).astype(y.array.dtype))


def _bags(rows: Array, offsets: Tensor | None, include_last: bool) -> tuple[Array, Array]:
    """Return, for each bag, the places of its elements in the sequence, and which of those places it really has."""
    if rows.ndim == 2:
        if offsets is not None:
            raise ArgumentError(
                f"if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        return np.arange(rows.size).reshape(rows.shape), np.ones(rows.shape, bool)
    if rows.ndim != 1:
        raise ShapeError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {rows.ndim}")
    if offsets is None or offsets.array.ndim != 1:
        found = None if offsets is None else list(offsets.array.shape)
        raise ShapeError(f"offsets has to be a 1D Tensor but got {found}")
    starts = offsets.array
    if len(starts) and starts[0] != 0:
        raise ArgumentError(
            f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
            f"However, got {starts[0]}"
        )
    if len(starts) and starts[-1] > len(rows):
        raise ArgumentError(
            f"offsets[-1] can not be greater than input's length {len(rows)} but got offsets[-1] of {starts[-1]}"
        )
    ends = starts[1:] if include_last else np.append(starts[1:], len(rows))
    starts = starts[: len(ends)]
    places = starts[:, None] + np.arange(int((ends - starts).max(initial=0)))
    full = places < ends[:, None]
    return np.where(full, places, 0), full
