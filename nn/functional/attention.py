"""Attention: sums of values, weighted by how well their keys fit a query; alone, and in several heads."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.create.creation import zeros
from tensorgrad.create.random import Generator
from tensorgrad.engine.fused import fused, fusible
from tensorgrad.engine.generalforms import perhaps, surely
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.precision import narrowed, widened
from tensorgrad.functions.repetition import repeat_interleave
from tensorgrad.ops import rowwise

from .dropout import dropout
from .linear import linear, parts_or_none
from .naming import named


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

    A query that may see no key at all gets zeros, and sends back zeros. What a mask hides, by False or by minus
    infinity, has no influence: keys and values may be NaN there.

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
    """Return the output (..., L, Ev), and the weights (..., L, S) after dropout; arguments as above.

    What the mask hides, by False or by minus infinity, has no influence, whatever stands there.
    """
    factor = 1 / math.sqrt(query.array.shape[-1] or 1) if scale is None else scale
    scores = ops.matmul(query * factor, composed.exchanged(key, -2, -1))
    seen = None
    if mask is not None:
        seen = mask if mask.array.dtype == np.bool_ else ops.gt(mask, -math.inf)
        scores = scores if seen is mask else scores + mask
        if seen is mask or not surely(seen.array.all()):
            scores = ops.where(seen, scores, -math.inf)
        visible = np.atleast_2d(seen.array).any(-2, keepdims=True)  # to one query at least
        if not surely(visible.all()):
            value = ops.where(wrap(np.swapaxes(visible, -1, -2)), value, 0.0)
    weights = dropout(_shares(scores), dropout_p, generator=generator)
    return _mixed(weights, value, seen), weights


def _mixed(weights: Tensor, value: Tensor, seen: Tensor | None) -> Tensor:
    """Return ``weights @ value``; a weight of what is not `seen` is 0, also times infinity and NaN."""
    finite = np.isfinite(value.array)
    if seen is None or surely(finite.all()):
        return ops.matmul(weights, value)
    y = ops.matmul(weights, ops.where(wrap(finite), value, 0.0))
    whole = np.broadcast_to(seen.array, np.broadcast_shapes(seen.array.shape, weights.array.shape))
    struck = np.matmul(whole.astype(y.array.dtype), (~finite).astype(y.array.dtype)) > 0
    return ops.where(wrap(struck), ops.matmul(weights, value), y) if perhaps(struck.any()) else y


def _shares(scores: Tensor) -> Tensor:
    """Return the softmax over the last axis; rows of nothing but minus infinity, or of nothing, give zeros."""
    if not scores.array.size:
        return scores
    return _fused_shares(scores)[0] if fusible(scores) else _composed_shares(scores)


def _composed_shares(scores: Tensor) -> Tensor:
    highest = composed.detached(ops.amax(scores, axis=-1, keepdims=True))
    e = ops.exp(scores - ops.where(ops.eq(highest, -math.inf), 0.0, highest))
    total = ops.sum(e, axis=-1, keepdims=True)
    return e / ops.where(ops.eq(total, 0.0), 1.0, total)


_fused_shares = fused("softmax", _composed_shares, rowwise.shares, rowwise.softmax_adjoint, reads=(), compiles=True)


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


# fmt: off
def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
    out_proj_weight: Tensor, out_proj_bias: Tensor | None, training: bool = True,
    key_padding_mask: Tensor | None = None, need_weights: bool = True, attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None, static_k: Tensor | None = None, static_v: Tensor | None = None,
    average_attn_weights: bool = True, is_causal: bool = False, *, generator: Generator | None = None,
) -> tuple[Tensor, Tensor | None]:
    # fmt: on
    """Return the outputs (L, N, E) of attention in `num_heads` heads, and the weights; see nn.MultiheadAttention.

    Args:
        query, key, value: (L, N, E), (S, N, K) and (S, N, V); all without N for one example.
        embed_dim_to_check: E.
        in_proj_weight: (3 E, E), the projections of query, key and value below one another; or, with
            `use_separate_proj_weight`, `q_proj_weight` (E, E), `k_proj_weight` (E, K), `v_proj_weight` (E, V).
        in_proj_bias: (3 E,).
        bias_k, bias_v: (1, 1, E), one more key and value; `add_zero_attn` adds one of zeros.
        out_proj_weight, out_proj_bias: (E, E) and (E,).
        training: whether weights are zeroed with probability `dropout_p`.
        key_padding_mask: (N, S), True for keys that no query may see, or numbers that are added to the scores.
        attn_mask: (L, S) or (N * num_heads, L, S), True for keys that a query may not see, or numbers.
        static_k, static_v: (N * num_heads, S, E / num_heads), in the place of the projected key and value.
        need_weights: return the weights, (N, L, S) with `average_attn_weights`, else (N, num_heads, L, S).
        is_causal: a promise that `attn_mask` hides the future, which is not needed here: the mask is used.
        generator: draws the dropout.

    Raises:
        ArgumentError: `is_causal` without a mask.
    """
    _check_axes(query, key, value, key_padding_mask, attn_mask, num_heads)
    batched = query.array.ndim == 3
    xs = [x if batched else composed.expanded(x, 1) for x in (query, key, value)]
    separate = [q_proj_weight, k_proj_weight, v_proj_weight]
    projections = separate if use_separate_proj_weight else parts_or_none(in_proj_weight, 3)
    _check_sizes(xs, embed_dim_to_check, num_heads, projections)
    pairs = zip(xs, projections, parts_or_none(in_proj_bias, 3), strict=True)
    q, k, v = (_heads(linear(x, w, b), num_heads) for x, w, b in pairs if w is not None)
    k, v = (_static(x, given, name) for x, given, name in ((k, static_k, "static_k"), (v, static_v, "static_v")))
    own = k.array.shape[2]
    k, v = _extended(k, bias_k, add_zero_attn), _extended(v, bias_v, add_zero_attn)
    if is_causal and attn_mask is None:
        raise ArgumentError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    mask = _mask(key_padding_mask, attn_mask, q, own, k.array.shape[2] - own)
    y, weights = attend(q, k, v, mask, dropout_p if training else 0.0, generator=generator)
    outputs = linear(_joined(y), out_proj_weight, out_proj_bias)
    if not batched:
        outputs = composed.squeezed(outputs, 1)
    if not need_weights:
        return outputs, None
    if average_attn_weights:
        weights = ops.mean(weights, axis=1)
    return outputs, weights if batched else composed.squeezed(weights, 0)


def _heads(x: Tensor, count: int) -> Tensor:
    """Return `x` (T, N, E) as (N, heads, T, E / heads)."""
    length, n, features = x.array.shape
    return ops.transpose(ops.reshape(x, shape=(length, n, count, features // count)), axes=(1, 2, 0, 3))


def _joined(y: Tensor) -> Tensor:
    """Return `y` (N, heads, L, D) as (L, N, heads * D)."""
    n, heads, length, features = y.array.shape
    return ops.reshape(ops.transpose(y, axes=(2, 0, 1, 3)), shape=(length, n, heads * features))


def _static(x: Tensor, given: Tensor | None, name: str) -> Tensor:
    """Return `given` (N * heads, S, D) in the place and the form of `x` (N, heads, S, D)."""
    if given is None:
        return x
    n, heads, _, features = x.array.shape
    shape = given.array.shape
    if len(shape) != 3 or (shape[0], shape[2]) != (n * heads, features):
        raise ShapeError(f"expecting {name} of shape ({n * heads}, S, {features}), but got {list(shape)}")
    return ops.reshape(given, shape=(n, heads, shape[1], features))


def _extended(x: Tensor, bias: Tensor | None, add_zero: bool) -> Tensor:
    """Return `x` (N, heads, S, D) with one more place for `bias` (1, 1, E), and one for zeros."""
    n, heads, _, features = x.array.shape
    parts = [x]
    if bias is not None:
        parts.append(ops.broadcast_to(ops.reshape(bias, shape=(1, heads, 1, features)), shape=(n, heads, 1, features)))
    if add_zero:
        parts.append(zeros(n, heads, 1, features, dtype=x.array.dtype))
    return x if len(parts) == 1 else ops.concatenate(*parts, axis=2)


def _mask(padding: Tensor | None, mask: Tensor | None, q: Tensor, own: int, added: int) -> Tensor | None:
    """Return what `attend` takes for both masks, for scores (N, heads, L, own + added); added keys are always seen."""
    n, heads, length, _ = q.array.shape
    parts = []
    if padding is not None:
        expected = (n, own)[-padding.array.ndim :]
        if padding.array.shape != expected:
            raise ShapeError(f"Expected key_padding_mask of shape {expected}, but got {list(padding.array.shape)}")
        parts.append((ops.reshape(padding, shape=(n, 1, 1, own)), "key_padding_mask"))
    if mask is not None:
        shape, axes = mask.array.shape, mask.array.ndim
        wanted = (length, own) if axes == 2 else (n * heads, length, own)
        if shape != wanted:
            raise ShapeError(f"The shape of the {axes}D attn_mask is {list(shape)}, but should be {wanted}.")
        whole = (1, 1, *wanted) if axes == 2 else (n, heads, *wanted[1:])
        parts.append((ops.reshape(mask, shape=whole), "attn_mask"))
    if len(parts) == 2 and padding is not None and mask is not None and padding.array.dtype != mask.array.dtype:
        warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for both instead.",
        )
    if not parts:
        return None
    if all(m.array.dtype == np.bool_ for m, _ in parts):
        total = wrap(~(parts[0][0].array | parts[-1][0].array))
    else:
        total = functools.reduce(ops.add, [_additive(m, name, q) for m, name in parts])
    seen = np.full((*total.array.shape[:3], added), total.array.dtype == np.bool_, total.array.dtype)
    return ops.concatenate(total, wrap(seen), axis=3) if added else total


def _additive(mask: Tensor, name: str, q: Tensor) -> Tensor:
    """Return `mask` as numbers that are added to scores: minus infinity where it is True."""
    if mask.array.dtype == np.bool_:
        return wrap(np.where(mask.array, -math.inf, 0.0).astype(q.array.dtype))
    if mask.array.dtype.kind != "f":
        raise DTypeError(f"only bool and floating types of {name} are supported, found {mask.array.dtype}")
    return mask


def _check_axes(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, num_heads: int
) -> None:
    """Raise ShapeError unless all have the axis N, or none has it."""
    axes = query.array.ndim
    if axes not in (2, 3):
        raise ShapeError(f"query should be unbatched 2D or batched 3D tensor but received {axes}-D query tensor")
    kind = f"For {'batched (3-D)' if axes == 3 else 'unbatched (2-D)'} `query`, expected"
    if (key.array.ndim, value.array.ndim) != (axes, axes):
        raise ShapeError(
            f"{kind} `key` and `value` to be {axes}-D but found {key.array.ndim}-D and {value.array.ndim}-D tensors "
            f"respectively"
        )
    if padding is not None and padding.array.ndim != axes - 1:
        raise ShapeError(
            f"{kind} `key_padding_mask` to be `None` or {axes - 1}-D but found {padding.array.ndim}-D tensor instead"
        )
    if mask is None:
        return
    if mask.array.ndim not in (2, 3):
        raise ShapeError(
            f"{kind} `attn_mask` to be `None`, 2-D or 3-D but found {mask.array.ndim}-D tensor instead"
        )
    wanted = (num_heads, len(query.array), len(key.array))
    if axes == 2 and mask.array.ndim == 3 and mask.array.shape != wanted:
        raise ShapeError(f"Expected `attn_mask` shape to be {wanted} but got {mask.array.shape}")


def _check_sizes(xs: Sequence[Tensor], embed_dim: int, num_heads: int, projections: Sequence[Tensor | None]) -> None:
    """Raise ShapeError where lengths, batches or numbers of features do not fit."""
    query, key, value = (x.array.shape for x in xs)
    if query[2] != embed_dim:
        raise ShapeError(f"was expecting embedding dimension of {embed_dim}, but got {query[2]}")
    if embed_dim % num_heads:
        raise ShapeError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if key[:2] != value[:2]:
        raise ShapeError(f"key's sequence and batch dims {list(key[:2])} do not match value's {list(value[:2])}")
    if key[1] != query[1]:
        raise ShapeError(f"the batch of the query is {query[1]}, that of key and value {key[1]}")
    for name, x, weight in zip(("key", "value"), (key, value), projections[1:], strict=True):
        if weight is None or weight.array.shape != (embed_dim, x[2]):
            found = None if weight is None else list(weight.array.shape)
            raise ShapeError(f"expecting {name} weights shape of {(embed_dim, x[2])}, but got {found}")
