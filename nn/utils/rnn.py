"""Sequences of different lengths as one tensor, padded or packed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tensorgrad import ops
from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.dtypes import Array, int64
from tensorgrad.create.creation import full
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import fitting
from tensorgrad.functions.joining import cat
from tensorgrad.nn.functional.packing import PackedSequence, invert_permutation, stretches

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Return sequences (L_i, ...) as one tensor (T, B, ...), or (B, T, ...) with `batch_first`, T the longest L_i.

    `padding_side`, "right" or "left", says where `padding_value` fills the shorter ones.

    Raises:
        ArgumentError: there is no sequence, or `padding_side` is another word.
        ShapeError: the sequences differ in another axis than the first.

    >>> import tensorgrad as tg
    >>> pad_sequence([tg.ones(2), tg.ones(3)], batch_first=True)
    tensor([[1., 1., 0.],
            [1., 1., 1.]])
    """
    if not isinstance(sequences, Iterable):
        raise ArgumentError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("right", "left"):
        raise ArgumentError(f"padding_side should be one of 'right' or 'left', but got {padding_side}.")
    held = list(sequences)
    if not held:
        raise ArgumentError("received an empty list of sequences")
    after = held[0].array.shape[1:]
    for i, x in enumerate(held):
        if x.array.shape[1:] != after:
            raise ShapeError(
                f"pad_sequence: sequences may differ in their first axis only: the first has shape "
                f"{list(held[0].array.shape)}, number {i} {list(x.array.shape)}"
            )
    longest = max(len(x.array) for x in held)
    padded = []
    for x in held:
        missing = longest - len(x.array)
        gap = full((missing, *after), padding_value, dtype=x.array.dtype)
        padded.append(x if not missing else cat([x, gap] if padding_side == "right" else [gap, x]))
    return composed.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Return the sequences that `pad_sequence` joined, cut to their `lengths` (B,)."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:n] for row, n in zip(rows, lengths.tolist(), strict=True)]


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return the sequences of a padded batch without the padding, which then has no influence and no gradient.

    Args:
        input: (T, B, *), or (B, T, *) with `batch_first`.
        lengths: (B,), how much of each sequence counts, at least 1 and at most T.
        batch_first: the axis of the sequences is the first.
        enforce_sorted: the lengths must not rise; if false, they come in any order, which `pad_packed_sequence` and
            the states of recurrent layers give back.

    Raises:
        ArgumentError: for a length below 1, and for lengths that rise where they must not.
        ShapeError: where `lengths` are not as many as the sequences, or longer than they are.

    >>> import tensorgrad as tg
    >>> padded = tg.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]])
    >>> pack_padded_sequence(padded, [3, 1], batch_first=True).data
    tensor([1., 4., 2., 3.])
    """
    given = np.asarray(lengths.array if isinstance(lengths, Tensor) else list(lengths)).astype(int64)
    _check_lengths(input, given, batch_first)
    order = np.argsort(-given, kind="stable")
    if enforce_sorted and (np.diff(given) > 0).any():
        raise ArgumentError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            f"`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence; found {given.tolist()}"
        )
    there = np.arange(given.max())[:, None] < given[order]
    places, columns = np.nonzero(there)
    rows = order[columns]
    data = ops.getitem(input, index=(rows, places) if batch_first else (places, rows))
    return PackedSequence(data, wrap(there.sum(1)), None if enforce_sorted else wrap(order))


def _check_lengths(x: Tensor, lengths: Array, batch_first: bool) -> None:
    if x.array.ndim < 2:
        raise ShapeError(f"pack_padded_sequence takes (T, B, ...) or (B, T, ...), found {list(x.array.shape)}")
    most, count = x.array.shape[:2][:: -1 if batch_first else 1]
    if lengths.shape != (count,):
        raise ShapeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {list(lengths.shape)} (batch_size={count}): "
            f"input has shape {list(x.array.shape)}, batch_first={batch_first}"
        )
    if not x.array.size:
        raise ShapeError(f"Cannot pack empty tensors: input has shape {list(x.array.shape)}")
    if lengths.min() < 1:
        raise ArgumentError(
            f"Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0: "
            f"number {lengths.argmin()} is {lengths.min()}"
        )
    if lengths.max() > most:
        raise ShapeError(f"length {lengths.max()} of sequence {lengths.argmax()} is more than the {most} places given")


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the padded batch, in the order in which the sequences were packed, and their lengths (B,).

    Args:
        sequence: what was packed, or what a recurrent layer returned for it.
        batch_first: give (B, T, *), not (T, B, *).
        padding_value: what stands behind the end of a sequence.
        total_length: T, if not the longest length.

    Raises:
        RangeError: `total_length` is less than the longest sequence.

    >>> import tensorgrad as tg
    >>> packed = pack_sequence([tg.ones(1), 2 * tg.ones(3)], enforce_sorted=False)
    >>> pad_packed_sequence(packed, batch_first=True)
    (tensor([[1., 0., 0.],
            [2., 2., 2.]]), tensor([1, 3]))
    """
    places, rows, lengths = _positions(sequence)
    longest = total_length if total_length is not None else int(lengths.max())
    if longest < lengths.max():
        raise RangeError(
            f"Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {lengths.max()}"
        )
    index = (rows, places) if batch_first else (places, rows)
    shape = (len(lengths), longest) if batch_first else (longest, len(lengths))
    after = sequence.data.array.shape[1:]
    y = ops.scatter(sequence.data, index=index, shape=(*shape, *after))
    if padding_value:
        there = np.zeros((*shape, *(1,) * len(after)), bool)
        there[index] = True
        y = ops.where(wrap(there), y, fitting(padding_value, y))
    return y, wrap(lengths)


def _positions(sequence: PackedSequence) -> tuple[Array, Array, Array]:
    """Return the place and the caller's number of the sequence of each row of the data, and the caller's lengths."""
    widths = np.concatenate([np.full(count, width) for _, count, width in stretches(sequence)])
    places, columns = np.nonzero(np.arange(widths[0]) < widths[:, None])
    lengths = (np.arange(widths[0])[:, None] < widths).sum(1)
    if sequence.sorted_indices is None or sequence.unsorted_indices is None:
        return places, columns, lengths
    return places, sequence.sorted_indices.array[columns], lengths[sequence.unsorted_indices.array]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Return sequences (L_i, *) packed; see `pack_padded_sequence` for `enforce_sorted`."""
    held = list(sequences)
    return pack_padded_sequence(pad_sequence(held), [len(x.array) for x in held], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the sequences that were packed, in the order in which they came.

    >>> import tensorgrad as tg
    >>> unpack_sequence(pack_sequence([tg.ones(1), 2 * tg.ones(3)], enforce_sorted=False))
    [tensor([1.]), tensor([2., 2., 2.])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


_complete(__name__)
