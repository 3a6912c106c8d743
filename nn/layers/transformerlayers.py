"""The layers of a transformer: attention to oneself, attention to a memory, and a small network at every place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn import functional
from tensorgrad.nn.module.module import Module

from .attention import MultiheadAttention
from .dropout import Dropout
from .linear import Linear
from .normalization import LayerNorm

Activation = Callable[[Tensor], Tensor]

_ACTIVATIONS: dict[str, Activation] = {"relu": functional.relu, "gelu": functional.gelu}


class _Layer(Module):
    """What both layers share: parts around which the input is added, each with its normalisation.

    `parts` counts them; the last is the network at every place, ``linear2(dropout(activation(linear1(x))))``.
    """

    parts: int

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        placed: dict[str, Any] = {"device": device, "dtype": dtype}
        for name in ("self_attn", "multihead_attn")[: self.parts - 1]:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, generator=generator, **placed
            )
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, generator=generator, **placed)
        self.dropout = Dropout(dropout, generator=generator)
        self.linear2 = Linear(dim_feedforward, d_model, bias, generator=generator, **placed)
        self.norm_first = norm_first
        for i in range(1, self.parts + 1):
            self.add_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **placed))
        for i in range(1, self.parts + 1):
            self.add_module(f"dropout{i}", Dropout(dropout, generator=generator))
        self.activation = _activation(activation)

    def _add(self, x: Tensor, number: int, part: Callable[[Tensor], Tensor]) -> Tensor:
        """Return `x` plus what part `number` makes of it; normalised before the part, or after the sum."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        y: Tensor = x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))
        return y

    def _network(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y


def _activation(given: str | Activation) -> Activation:
    if callable(given):
        return given
    if given not in _ACTIVATIONS:
        raise ArgumentError(f"activation should be relu/gelu, not {given}")
    return _ACTIVATIONS[given]


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then a network at every place (Vaswani et al. 2017).

    ``x = norm1(x + self_attn(x)); x = norm2(x + linear2(activation(linear1(x))))``; with `norm_first` the normalisation
    stands before each part instead (Xiong et al. 2020).

    Args:
        d_model: the features of input and output.
        nhead: the number of heads.
        dim_feedforward: the features between `linear1` and `linear2`.
        dropout: the probability of zeroing in training: attention weights, hidden features, the output of each part.
        activation: "relu", "gelu" or a function of a tensor.
        layer_norm_eps: added to the variances.
        batch_first: sequences are (N, S, d_model) instead of (S, N, d_model).
        norm_first: normalise before each part.
        bias: biases in all linear maps and normalisations.
        generator: draws initial values and dropout.

    >>> import tensorgrad as tg
    >>> TransformerEncoderLayer(8, 2, 16)(tg.ones(5, 3, 8)).shape
    tensorgrad.Size([5, 3, 8])
    """

    parts = 2

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Return the encoded sequence, of the shape of `src`; masks as for MultiheadAttention."""

        def attention(x: Tensor) -> Tensor:
            return _attended(self.self_attn, x, x, src_mask, src_key_padding_mask, is_causal)

        return self._add(self._add(src, 1, attention), 2, self._network)


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, then to a memory, then a network at every place.

    Arguments are those of TransformerEncoderLayer; the parts are `self_attn`, `multihead_attn` and the network, with
    `norm1` to `norm3`.

    >>> import tensorgrad as tg
    >>> TransformerDecoderLayer(8, 2, 16)(tg.ones(4, 3, 8), tg.ones(5, 3, 8)).shape
    tensorgrad.Size([4, 3, 8])
    """

    parts = 3

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the decoded sequence, of the shape of `tgt`; masks as for MultiheadAttention."""

        def to_itself(x: Tensor) -> Tensor:
            return _attended(self.self_attn, x, x, tgt_mask, tgt_key_padding_mask, tgt_is_causal)

        def to_memory(x: Tensor) -> Tensor:
            return _attended(self.multihead_attn, x, memory, memory_mask, memory_key_padding_mask, memory_is_causal)

        return self._add(self._add(self._add(tgt, 1, to_itself), 2, to_memory), 3, self._network)


def _attended(
    attention: Callable[..., tuple[Tensor, Any]],
    x: Tensor,
    memory: Tensor,
    mask: Tensor | None,
    padding: Tensor | None,
    is_causal: bool,
) -> Tensor:
    return attention(
        x, memory, memory, attn_mask=mask, key_padding_mask=padding, is_causal=is_causal, need_weights=False
    )[0]
