"""Sequences of different lengths as one tensor."""

from __future__ import annotations

from collections.abc import Iterable

from tensorgrad.base.answers import complete as _complete
from tensorgrad.create.creation import full
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.joining import cat


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Return sequences (L_i, ...) as one tensor (T, B, ...), or (B, T, ...) with `batch_first`, T the longest L_i.

    `padding_side`, "right" or "left", says where `padding_value` fills the shorter ones.

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


_complete(__name__)
