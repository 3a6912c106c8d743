"""Transformers: layers, stacks of them, and an encoder with a decoder."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.create.creation import zeros
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.nn import functional, init
from tensorgrad.nn.module.containers import ModuleList
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
        """Make the parts.

        Raises:
            ArgumentError: `d_model` or `nhead` is not positive, or one no multiple of the other, or `activation` is
                another word.
            ShapeError: `dim_feedforward` is negative.
            ValueError: `dropout` is not within [0, 1].
        """
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
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


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


class _Stack(Module):
    """Copies of a layer, which draw from its generator and not from copies of that, and what comes after them."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        kept = {id(g): g for m in layer.modules() if (g := m.__dict__.get("generator")) is not None}
        if num_layers > sys.maxsize:
            raise ArgumentError(f"num_layers must be a number of layers that memory can hold, but got {num_layers}")
        self.layers = ModuleList([copy.deepcopy(layer, {**kept}) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm


class TransformerEncoder(_Stack):
    """`num_layers` copies of an encoder layer, one after the other, then `norm`.

    As in PyTorch the copies start with the same values: draw them anew, for instance with `apply`. Outputs at padded
    places are computed like all others; PyTorch writes zeros there in evaluation without gradients. The last two
    arguments choose between fast paths in PyTorch and change nothing here.

    Raises:
        ArgumentError: memory cannot hold `num_layers`.

    >>> import tensorgrad as tg
    >>> TransformerEncoder(TransformerEncoderLayer(8, 2, 16), num_layers=2)(tg.ones(5, 3, 8)).shape
    tensorgrad.Size([5, 3, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Return the encoded sequence, of the shape of `src`; masks as for MultiheadAttention, for all layers."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(_Stack):
    """`num_layers` copies of a decoder layer, one after the other, each attending to the same memory, then `norm`.

    Raises:
        ArgumentError: memory cannot hold `num_layers`.
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the decoded sequence, of the shape of `tgt`; masks as for MultiheadAttention, for all layers."""
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                bool(tgt_is_causal), memory_is_causal,
            )  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder whose output is the memory of a decoder (Vaswani et al. 2017); positions are the caller's business.

    `custom_encoder` and `custom_decoder` replace either; the other arguments are those of the layers and stacks. All
    matrices start uniform by Xavier's rule.

    Raises:
        ArgumentError: `d_model` or `nhead` is not positive, or one no multiple of the other, or `activation` is
            another word.
        ShapeError: `dim_feedforward` is negative.
        ValueError: `dropout` is not within [0, 1].

    >>> import tensorgrad as tg
    >>> Transformer(8, 2, 1, 1, 16)(tg.ones(5, 3, 8), tg.ones(4, 3, 8)).shape
    tensorgrad.Size([4, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = functional.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        placed: dict[str, Any] = {"device": device, "dtype": dtype}

        def stacked(stack: type[_Stack], layer: type[_Layer], count: int) -> _Stack:
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **placed)
            return stack(layer(*sizes, **placed, generator=generator), count, norm)

        if custom_encoder is None:
            custom_encoder = stacked(TransformerEncoder, TransformerEncoderLayer, num_encoder_layers)
        self.encoder = custom_encoder
        if custom_decoder is None:
            custom_decoder = stacked(TransformerDecoder, TransformerDecoderLayer, num_decoder_layers)
        self.decoder = custom_decoder
        self._reset_parameters(generator)
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the matrices anew, each layer its own."""
        for parameter in self.parameters():
            if parameter.array.ndim > 1:
                init.xavier_uniform_(parameter, generator=generator)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the decoded sequence, of the shape of `tgt`; masks as for MultiheadAttention.

        `src` is (S, N, d_model), `tgt` (T, N, d_model); with `batch_first` N comes first; one example has no N.
        ShapeError for batches or features that do not fit.
        """
        a, b, batch = src.array.shape, tgt.array.shape, 0 if self.batch_first else 1
        if len(a) != len(b) or (len(a) == 3 and a[batch] != b[batch]):
            raise ShapeError(f"the batch number of src and tgt must be equal, found shapes {list(a)} and {list(b)}")
        if a[-1] != self.d_model or b[-1] != self.d_model:
            raise ShapeError(
                f"the feature number of src and tgt must be equal to d_model, {self.d_model}, found shapes {list(a)} "
                f"and {list(b)}"
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        y: Tensor = self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal,
            memory_is_causal,
        )  # fmt: skip
        return y

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: DTypeLike = None) -> Tensor:
        """Return the mask (sz, sz) that, added to scores, hides the future: minus infinity above the diagonal.

        >>> Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        nothing = zeros(sz, sz, device=device, dtype=dtype).array
        return wrap(np.where(np.tri(sz, dtype=bool), nothing, -math.inf).astype(nothing.dtype))
