"""Attention in several heads as a module."""

from __future__ import annotations

from typing import Any

from tensorgrad import ops
from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.create.creation import empty
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn import functional, init
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter

from .linear import Linear


class NonDynamicallyQuantizableLinear(Linear):
    """A `Linear`, under the name by which PyTorch prints it within attention."""


class MultiheadAttention(Module):
    """Attention in several heads: each compares its own projections of query and key (Vaswani et al. 2017).

    ``head_i = softmax(Q_i K_i.T / sqrt(D)) V_i`` with ``Q_i, K_i, V_i`` the i-th D = embed_dim / num_heads features of
    the projected query, key and value; all heads side by side are projected once more by `out_proj`.

    Args:
        embed_dim: E, the features of queries and outputs.
        num_heads: a divisor of E.
        dropout: the probability with which attention weights are zeroed in training.
        bias: add biases to all projections.
        add_bias_kv: learn one more key and value, `bias_k` and `bias_v`, that every query sees.
        add_zero_attn: add one more key and value of zeros.
        kdim, vdim: the features of key and value, E if not given.
        batch_first: sequences are (N, L, E) instead of (L, N, E).
        generator: draws the initial values and the dropout.

    Parameters are `in_proj_weight` (3 E, E), or `q_proj_weight`, `k_proj_weight` and `v_proj_weight` where the features
    differ, uniform by Xavier's rule, `in_proj_bias` (3 E,), which starts at zero, and those of `out_proj`.

    Raises:
        ArgumentError: `embed_dim` or `num_heads` is not positive, or the one is not divisible by the other.

    >>> import tensorgrad as tg
    >>> x = tg.ones(5, 2, 8)
    >>> y, weights = MultiheadAttention(8, 2)(x, x, x)
    >>> y.shape, weights.shape
    (tensorgrad.Size([5, 2, 8]), tensorgrad.Size([2, 5, 5]))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ArgumentError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} "
                f"instead"
            )
        if embed_dim % num_heads:
            raise ArgumentError(f"embed_dim must be divisible by num_heads, found {embed_dim} and {num_heads}")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        self.generator = generator
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        for name, shape in self._shapes(bias, add_bias_kv).items():
            self.register_parameter(
                name, None if shape is None else Parameter(empty(shape, device=device, dtype=dtype))
            )
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype, generator=generator)
        self._reset_parameters(generator)

    def _shapes(self, bias: bool, add_bias_kv: bool) -> dict[str, tuple[int, ...] | None]:
        """Return the shapes of the parameters, in PyTorch's order; None for those that are not there."""
        e, same = self.embed_dim, self._qkv_same_embed_dim
        return {
            "q_proj_weight": None if same else (e, e),
            "k_proj_weight": None if same else (e, self.kdim),
            "v_proj_weight": None if same else (e, self.vdim),
            "in_proj_weight": (3 * e, e) if same else None,
            "in_proj_bias": (3 * e,) if bias else None,
            "bias_k": (1, 1, e) if add_bias_kv else None,
            "bias_v": (1, 1, e) if add_bias_kv else None,
        }

    def _reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values of the projections of query, key and value anew; all biases become zero."""
        for name, parameter in self._parameters.items():
            if parameter is None:
                continue
            if name == "in_proj_bias":
                init.zeros_(parameter)
            elif name.startswith("bias"):
                init.xavier_normal_(parameter, generator=generator)
            else:
                init.xavier_uniform_(parameter, generator=generator)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the outputs, in the form of `query`, and the attention weights, None without `need_weights`.

        A query that may see no key gets weights of zero; in PyTorch it gets NaN, unless without `need_weights`.

        Args:
            query: (L, N, E), or (N, L, E) with `batch_first`, or (L, E).
            key, value: (S, N, kdim) and (S, N, vdim), likewise.
            key_padding_mask: (N, S), or (S,) for one example: True for keys that are not there; or numbers that are
                added to the scores.
            need_weights: return the weights (N, L, S), the mean over the heads, or (N, num_heads, L, S) without
                `average_attn_weights`; they are those after dropout.
            attn_mask: (L, S), or (N * num_heads, L, S): True where a query may not see a key; or numbers.
            is_causal: a promise that `attn_mask`, which must be given, hides the future. The mask is used as it is.

        Raises:
            ShapeError, DTypeError, ArgumentError: shapes or dtypes that do not fit, `is_causal` without a mask.
        """
        turned = self.batch_first and query.array.ndim == 3
        if turned:
            query, key, value = (_turned(x) for x in (query, key, value))
        outputs, weights = functional.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal,
            generator=self.generator,
        )  # fmt: skip
        return (_turned(outputs) if turned else outputs), weights


def _turned(x: Tensor) -> Tensor:
    """Return `x` with its first two axes swapped, where it has three."""
    return ops.transpose(x, axes=(1, 0, 2)) if x.array.ndim == 3 else x
