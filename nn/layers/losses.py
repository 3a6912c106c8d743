"""Losses as modules: of numbers, classes, yes and no, margins, distances; each calls the function of its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar
from typing import ClassVar

from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.functional.classification import check_power
from tensorgrad.nn.functional.ctc import Counts
from tensorgrad.nn.functional.distances import check_margin
from tensorgrad.nn.functional.reduction import check_reduction, chosen
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.settings import Applied, setting, settings


class _Loss(Module):
    """A loss with a `reduction`: "mean", "sum" or "none". ValueError for another word."""

    reduction: str
    state: ClassVar[tuple[str, ...]] = ()  # the settings that are buffers

    def _complete(self, size_average: bool | None = None, reduce: bool | None = None) -> None:
        """Check the settings.

        Raises:
            ValueError: `reduction` is none of "mean", "sum" and "none" (`KLDivLoss` takes "batchmean" as well).
        """
        given, self.reduction = self.reduction, chosen(self.reduction, size_average, reduce)
        if given != "batchmean":
            check_reduction(self.reduction)
        for name in self.state:
            self.register_buffer(name, self.__dict__.pop(name))

    def extra_repr(self) -> str:
        """Return nothing, as PyTorch does for losses."""
        return ""


class _PlainLoss(Applied, _Loss):
    """A loss of an input and a target, whose function has the settings as keywords."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return self._applied(input, target)


@settings
class _ReducedLoss(_PlainLoss):
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class _WeightedLoss(_PlainLoss):
    """A loss whose `weight` belongs to its state."""

    weight: Tensor | None
    state: ClassVar[tuple[str, ...]] = ("weight",)


class L1Loss(_ReducedLoss, function=functional.l1_loss):
    """``|input - target|``, element by element; see `functional.l1_loss`."""


class MSELoss(_ReducedLoss, function=functional.mse_loss):
    """``(input - target) ** 2``, element by element; see `functional.mse_loss`."""


@settings
class SmoothL1Loss(_ReducedLoss, function=functional.smooth_l1_loss):
    """Squared below `beta`, absolute above, element by element; see `functional.smooth_l1_loss`."""

    beta: float = 1.0


@settings
class HuberLoss(_PlainLoss, function=functional.huber_loss):
    """Squared below `delta`, absolute above, element by element; see `functional.huber_loss`."""

    reduction: str = "mean"
    delta: float = 1.0


@settings
class PoissonNLLLoss(_Loss):
    """The negative log likelihood of counts, element by element; see `functional.poisson_nll_loss`."""

    log_input: bool = True
    full: bool = False
    size_average: InitVar[bool | None] = None
    eps: float = 1e-8
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return functional.poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


@settings
class GaussianNLLLoss(_Loss):
    """The negative log likelihood of normal numbers, element by element; see `functional.gaussian_nll_loss`."""

    full: bool = setting(default=False, kw_only=True)
    eps: float = setting(default=1e-6, kw_only=True)
    reduction: str = setting(default="mean", kw_only=True)

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return functional.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


@settings
class _ClassLoss(_WeightedLoss):
    weight: Tensor | None = None
    size_average: InitVar[bool | None] = None
    ignore_index: int = -100
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@settings
class CrossEntropyLoss(_ClassLoss):
    """Softmax cross entropy of logits with classes or probabilities; see `functional.cross_entropy`.

    Logits (C,), (N, C) or (N, C, d1, ...); classes of that shape without C, or probabilities of that shape.

    >>> import tensorgrad as tg
    >>> CrossEntropyLoss()(tg.zeros(1, 4), tg.tensor([2]))
    tensor(1.3863)
    """

    label_smoothing: float = 0.0

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        weight = self._buffers["weight"]  # the registry itself: an attribute goes through __getattr__, at every call
        return functional.cross_entropy(
            input, target, weight, None, self.ignore_index, None, self.reduction, self.label_smoothing
        )


class NLLLoss(_ClassLoss, function=functional.nll_loss):
    """The negative of the target class's element: (C,), (N, C) or (N, C, d1, ...) by classes of that shape without C.

    See `functional.nll_loss`.
    """


@settings
class CTCLoss(_Loss):
    """Minus the logarithm of the probability of labels at times that are not known; see `functional.ctc_loss`.

    Logarithms (T, N, C) or (T, C), labels (N, S) or one after the other, lengths (N,); a loss for each sequence, (N,).
    """

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Counts, target_lengths: Counts) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return functional.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


@settings
class KLDivLoss(_ReducedLoss, function=functional.kl_div):
    """Kullback and Leibler's divergence, element by element; see `functional.kl_div`."""

    log_target: bool = False


@settings
class _PlainWeightedLoss(_WeightedLoss):
    weight: Tensor | None = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


class BCELoss(_PlainWeightedLoss, function=functional.binary_cross_entropy):
    """Cross entropy of probabilities of yes, element by element; see `functional.binary_cross_entropy`."""


@settings
class BCEWithLogitsLoss(_PlainWeightedLoss, function=functional.binary_cross_entropy_with_logits):
    """Cross entropy of logits of yes, element by element; see `functional.binary_cross_entropy_with_logits`."""

    pos_weight: Tensor | None = None
    state = ("weight", "pos_weight")


@settings
class CosineSimilarity(Module):
    """The cosine of the angle between vectors; see `functional.cosine_similarity`."""

    dim: int = setting(default=1, shown="never")
    eps: float = setting(default=1e-8, shown="never")

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the cosines, of the shape of the inputs without `dim`."""
        return functional.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of the difference of vectors; see `functional.pairwise_distance`."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the distances, of the shape of the inputs without the last axis."""
        return functional.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


@settings
class _MarginLoss(_Loss):
    margin: float = 0.0
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"


@settings
class HingeEmbeddingLoss(_MarginLoss, _PlainLoss, function=functional.hinge_embedding_loss):
    """Distances, of any shape, that should be small, or above a margin; see `functional.hinge_embedding_loss`."""

    margin: float = 1.0


class MarginRankingLoss(_MarginLoss):
    """Which of two scores should be the larger, element by element; see `functional.margin_ranking_loss`."""

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return functional.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_MarginLoss):
    """Vectors (N, D) that should point in one direction, or not, (N,); see `functional.cosine_embedding_loss`."""

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return functional.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class SoftMarginLoss(_ReducedLoss, function=functional.soft_margin_loss):
    """The logistic loss of targets 1 and -1, element by element; see `functional.soft_margin_loss`."""


@settings
class MultiMarginLoss(_WeightedLoss, function=functional.multi_margin_loss):
    """The hinge loss of scores (N, C) and classes (N,); see `functional.multi_margin_loss`."""

    p: int = 1
    margin: float = 1.0
    weight: Tensor | None = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def _complete(self, size_average: bool | None = None, reduce: bool | None = None) -> None:
        """Check the settings.

        Raises:
            ArgumentError: `p` is neither 1 nor 2.
            ValueError: `reduction` is none of "mean", "sum" and "none".
        """
        check_power(self.p)
        super()._complete(size_average, reduce)


class MultiLabelMarginLoss(_ReducedLoss, function=functional.multilabel_margin_loss):
    """The hinge loss of scores (N, C) and lists of classes (N, C); see `functional.multilabel_margin_loss`."""


class MultiLabelSoftMarginLoss(_PlainWeightedLoss, function=functional.multilabel_soft_margin_loss):
    """Cross entropies of several labels, (N, C) both; see `functional.multilabel_soft_margin_loss`."""


@settings
class TripletMarginLoss(_Loss):
    """An anchor that should be nearer to one vector than to another, (N, D); see `functional.triplet_margin_loss`."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def _complete(self, size_average: bool | None = None, reduce: bool | None = None) -> None:
        """Check the settings.

        Raises:
            ArgumentError: `margin` is not positive.
            ValueError: `reduction` is none of "mean", "sum" and "none".
        """
        check_margin("TripletMarginLoss", self.margin)
        super()._complete(size_average, reduce)

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return functional.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(_MarginLoss):
    """`TripletMarginLoss` with a distance of one's own; see `functional.triplet_margin_with_distance_loss`.

    `distance_function` takes two tensors of one shape, and returns a number for each pair of vectors.

    Raises:
        ArgumentError: `margin` is not positive.
        ValueError: `reduction` is none of "mean", "sum" and "none".
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        check_margin("TripletMarginWithDistanceLoss", margin)
        super().__init__(margin, reduction=reduction)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss: a scalar, but with ``reduction="none"`` one for each of what is compared."""
        return functional.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
