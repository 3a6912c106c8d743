"""Tables of vectors, read by number."""

from __future__ import annotations

from typing import Any, Self

from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.create.creation import empty
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.nn import functional, init
from tensorgrad.nn.functional.embedding import padding_row
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter

from .linear import begin


class _Table(Module):
    """What `Embedding` and `EmbeddingBag` share: the weight, how it starts, and the settings of reading it."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        weight: Tensor | None,
        freeze: bool,
        device: Any,
        dtype: DTypeLike,
        generator: Generator | None,
    ) -> None:
        super().__init__()
        if weight is not None and list(weight.shape) != [num_embeddings, embedding_dim]:
            raise ShapeError(
                f"Shape of weight does not match num_embeddings and embedding_dim: found {list(weight.shape)} for "
                f"{num_embeddings} and {embedding_dim}"
            )
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_row(padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        table = empty(num_embeddings, embedding_dim, device=device, dtype=dtype) if weight is None else weight
        self.weight = Parameter(table, requires_grad=not freeze)
        if weight is None:
            begin(self, generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew: standard normal ones, and zeros in the row of padding."""
        init.normal_(self.weight, generator=generator)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    def _settings(self, *names: str) -> str:
        """Return the sizes, and the settings of these names that are not the default."""
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "sparse": False}
        shown = [f"{name}={getattr(self, name)!r}" for name in names if getattr(self, name) != usual.get(name, ...)]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *shown])


class Embedding(_Table):
    """A table of `num_embeddings` vectors of length `embedding_dim`, read by integers of any shape (...).

    The result has shape (..., embedding_dim). The weight starts standard normal. See `functional.embedding` for
    `padding_idx`, whose row starts as zeros, `max_norm`, `norm_type`, `scale_grad_by_freq` and `sparse`.

    Raises:
        ArgumentError: `padding_idx` is no row.
        ShapeError: `_weight` has another shape.

    >>> import tensorgrad as tg
    >>> Embedding(10, 3)(tg.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape
    tensorgrad.Size([2, 4, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight,
            _freeze, device, dtype, generator,
        )  # fmt: skip

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """Return a layer on the memory of `embeddings` (V, D), which is not trained unless `freeze` is false."""
        return cls(
            *_sizes(embeddings), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the rows that `input` names."""
        return functional.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        """Return the sizes and what is not default."""
        return self._settings("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse")


class EmbeddingBag(_Table):
    """An `Embedding` whose vectors are summed, averaged or maximised within bags; see `functional.embedding_bag`.

    Raises:
        ArgumentError: `padding_idx` is no row.
        ShapeError: `_weight` has another shape.

    >>> import tensorgrad as tg
    >>> words = tg.tensor([1, 2, 4, 5, 4, 3, 2, 9])
    >>> EmbeddingBag(10, 3, mode="sum")(words, offsets=tg.tensor([0, 4])).shape
    tensorgrad.Size([2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight,
            False, device, dtype, generator,
        )  # fmt: skip
        self.mode = mode
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """Return a layer on the memory of `embeddings` (V, D), which is not trained unless `freeze` is false."""
        bag = cls(
            *_sizes(embeddings), max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
            include_last_offset, padding_idx,
        )  # fmt: skip
        bag.weight.requires_grad = not freeze
        return bag

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """Return a vector for each bag."""
        return functional.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Return the sizes, the mode and what is not default."""
        return self._settings("max_norm", "norm_type", "scale_grad_by_freq", "mode", "padding_idx")


def _sizes(embeddings: Tensor) -> tuple[int, int]:
    if embeddings.array.ndim != 2:
        raise ShapeError(f"Embeddings parameter is expected to be 2-dimensional, found shape {list(embeddings.shape)}")
    rows, columns = embeddings.array.shape
    return rows, columns
