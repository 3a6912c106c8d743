"""Losses of real numbers, of classes and of yes and no, as modules: each calls the function of the same name."""

from __future__ import annotations

from dataclasses import InitVar
from typing import ClassVar

from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.functional.reduction import check_reduction, chosen
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.settings import setting, settings


class _Loss(Module):
    """A loss with a `reduction`: "mean", "sum" or "none". ValueError for another word."""

    reduction: str
    state: ClassVar[tuple[str, ...]] = ()  # the settings that are buffers

    def _complete(self, size_average: bool | None = None, reduce: bool | None = None) -> None:
        given, self.reduction = self.reduction, chosen(self.reduction, size_average, reduce, stacklevel=4)
        if given != "batchmean":
            check_reduction(self.reduction)
        for name in self.state:
            self.register_buffer(name, self.__dict__.pop(name))

    def extra_repr(self) -> str:
        """Return nothing, as PyTorch does for losses."""
        return ""


@settings
class _ReducedLoss(_Loss):
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class _WeightedLoss(_Loss):
    """A loss whose `weight` belongs to its state."""

    weight: Tensor | None
    state: ClassVar[tuple[str, ...]] = ("weight",)


class L1Loss(_ReducedLoss):
    """``|input - target|``; see `functional.l1_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_ReducedLoss):
    """``(input - target) ** 2``; see `functional.mse_loss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.mse_loss(input, target, reduction=self.reduction)


@settings
class SmoothL1Loss(_ReducedLoss):
    """Squared below `beta`, absolute above; see `functional.smooth_l1_loss`."""

    beta: float = 1.0

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


@settings
class HuberLoss(_Loss):
    """Squared below `delta`, absolute above; see `functional.huber_loss`."""

    reduction: str = "mean"
    delta: float = 1.0

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.huber_loss(input, target, self.reduction, self.delta)


@settings
class PoissonNLLLoss(_Loss):
    """The negative log likelihood of counts; see `functional.poisson_nll_loss`."""

    log_input: bool = True
    full: bool = False
    size_average: InitVar[bool | None] = None
    eps: float = 1e-8
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


@settings
class GaussianNLLLoss(_Loss):
    """The negative log likelihood of normal numbers; see `functional.gaussian_nll_loss`."""

    full: bool = setting(default=False, kw_only=True)
    eps: float = setting(default=1e-6, kw_only=True)
    reduction: str = setting(default="mean", kw_only=True)

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Return the loss."""
        return functional.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


@settings
class CrossEntropyLoss(_WeightedLoss):
    """Softmax cross entropy of logits with classes or probabilities; see `functional.cross_entropy`.

    >>> import tensorgrad as tg
    >>> CrossEntropyLoss()(tg.zeros(1, 4), tg.tensor([2]))
    tensor(1.3863)
    """

    weight: Tensor | None = None
    size_average: InitVar[bool | None] = None
    ignore_index: int = -100
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.cross_entropy(
            input,
            target,
            self._buffers["weight"],  # the registry itself: an attribute goes through __getattr__, at every call
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


@settings
class NLLLoss(_WeightedLoss):
    """The negative of the target class's element; see `functional.nll_loss`."""

    weight: Tensor | None = None
    size_average: InitVar[bool | None] = None
    ignore_index: int = -100
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


@settings
class KLDivLoss(_ReducedLoss):
    """Kullback and Leibler's divergence; see `functional.kl_div`."""

    log_target: bool = False

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


@settings
class BCELoss(_WeightedLoss):
    """Cross entropy of probabilities of yes; see `functional.binary_cross_entropy`."""

    weight: Tensor | None = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


@settings
class BCEWithLogitsLoss(_WeightedLoss):
    """Cross entropy of logits of yes; see `functional.binary_cross_entropy_with_logits`."""

    weight: Tensor | None = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    pos_weight: Tensor | None = None
    state = ("weight", "pos_weight")

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
