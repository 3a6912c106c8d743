"""Attention: sums of values, weighted by how well their keys fit a query."""

from __future__ import annotations

import math

import numpy as np

from tensorgrad import ops
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.repetition import repeat_interleave

from .dropout import dropout
from .naming import named
from .precision import narrowed, widened


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return ``softmax(query @ key.T * scale + mask) @ value`` (Vaswani et al. 2017).

    A query that may see no key at all gets zeros, and sends back zeros.

    Args:
        query: (..., L, E); the leading axes are batches and heads, and broadcast.
        key: (..., S, E).
        value: (..., S, Ev).
        attn_mask: broadcasts to (..., L, S); True where a query may see a key, or numbers that are added to the scores.
        dropout_p: the probability with which weights are zeroed, always: pass 0.0 in evaluation.
        is_causal: a query sees the keys up to its own place; instead of `attn_mask`.
        scale: 1/sqrt(E) if not given.
        enable_gqa: the heads, the axis -3, of key and value are fewer: each serves a group of heads of the query.
        generator: draws the dropout.

    Returns:
        (..., L, Ev).

    Raises:
        ShapeError, DTypeError, ArgumentError: shapes, dtypes or options that do not fit.

    >>> import tensorgrad as tg
    >>> x = tg.eye(2)
    >>> scaled_dot_product_attention(x, x, x, is_causal=True, scale=0.0)
    tensor([[1.0000, 0.0000],
            [0.5000, 0.5000]])
    """
    _check_operands(query, key, value)
    if attn_mask is not None:
        _check_mask(attn_mask, query, is_causal)
    if enable_gqa:
        key, value = (_repeated(x, query.array.shape[-3:][0]) for x in (key, value))
    _check_lengths(query, key, value)
    if is_causal:
        attn_mask = named("causal", wrap(np.tri(query.array.shape[-2], key.array.shape[-2], dtype=bool)))
    q, k, v = map(widened, (query, key, value))
    return narrowed(attend(q, k, v, attn_mask, dropout_p, scale, generator)[0], query)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    scale: float | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the output (..., L, Ev), and the weights (..., L, S) after dropout; arguments as above."""
    factor = 1 / math.sqrt(query.array.shape[-1] or 1) if scale is None else scale
    scores = ops.matmul(query * factor, composed.exchanged(key, -2, -1))
    if mask is not None:
        scores = ops.where(mask, scores, -math.inf) if mask.array.dtype == np.bool_ else scores + mask
    weights = dropout(_shares(scores), dropout_p, generator=generator)
    return ops.matmul(weights, value), weights


def _shares(scores: Tensor) -> Tensor:
    """Return the softmax over the last axis; rows of nothing but minus infinity, or of nothing, give zeros."""
    if not scores.array.shape[-1]:
        return scores
    highest = composed.detached(ops.amax(scores, axis=-1, keepdims=True))
    e = ops.exp(scores - ops.where(ops.eq(highest, -math.inf), 0.0, highest))
    total = ops.sum(e, axis=-1, keepdims=True)
    return e / ops.where(ops.eq(total, 0.0), 1.0, total)


def _check_operands(query: Tensor, key: Tensor, value: Tensor) -> None:
    q, k, v = (x.array for x in (query, key, value))
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError(
            f"Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: {q.ndim} key.dim: "
            f"{k.ndim} and value.dim: {v.ndim} instead."
        )
    if not q.dtype == k.dtype == v.dtype:
        raise DTypeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {q.dtype} key.dtype: "
            f"{k.dtype} and value.dtype: {v.dtype} instead."
        )
    if q.dtype.kind != "f":
        raise DTypeError(f"expected scalar type Float but found {q.dtype}: attention is of floating point tensors")


def _check_mask(mask: Tensor, query: Tensor, is_causal: bool) -> None:
    if is_causal:
        raise ArgumentError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True: join the two in "
            "attn_mask"
        )
    if mask.array.dtype not in (np.bool_, np.float32, query.array.dtype):
        raise DTypeError(
            f"Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{mask.array.dtype} and  query.dtype: {query.array.dtype} instead."
        )


def _check_lengths(query: Tensor, key: Tensor, value: Tensor) -> None:
    q, k, v = (x.array.shape for x in (query, key, value))
    if q[-1] != k[-1] or k[-2] != v[-2]:
        raise ShapeError(
            f"scaled_dot_product_attention: expected query (..., L, E), key (..., S, E) and value (..., S, Ev), found "
            f"{list(q)}, {list(k)} and {list(v)}"
        )


def _repeated(x: Tensor, heads: int) -> Tensor:
    """Return `x` (..., h, S, E) with each of its heads repeated, so that there are `heads`."""
    own = x.array.shape[-3:][0]
    if x.array.ndim < 3 or heads % own:
        raise ShapeError(
            f"Number of heads in key and value must divide the number of heads in query: found {heads} heads in the "
            f"query, and key or value of shape {list(x.array.shape)}, whose axis -3 are the heads"
        )
    return repeat_interleave(x, heads // own, dim=x.array.ndim - 3)
