"""Losses as modules."""

from __future__ import annotations

from tensorgrad.tensor import Tensor

from . import functional
from .module import Module


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{reduction} is not a valid value for reduction: mean, sum or none")
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """Softmax cross entropy of logits (N, C) with classes (N,) or probabilities (N, C).

    >>> import tensorgrad as tg
    >>> CrossEntropyLoss()(tg.zeros(1, 4), tg.tensor([2]))
    tensor(1.3863)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss; see `functional.cross_entropy`."""
        return functional.cross_entropy(input, target, self.reduction)


class MSELoss(_Loss):
    """Squared error."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss; see `functional.mse_loss`."""
        return functional.mse_loss(input, target, self.reduction)
