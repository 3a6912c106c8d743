"""Layers as functions: compositions of primitives, with no rule of their own. Each subject has its module."""

# fmt: off
# isort: off
from tensorgrad.functions import log_softmax, logsumexp, softmax
from tensorgrad.names import answer_unknown_names
from tensorgrad.ops import relu, sigmoid, tanh
from .binary import (
    binary_cross_entropy, binary_cross_entropy_with_logits, hinge_embedding_loss, multilabel_soft_margin_loss,
    soft_margin_loss,
)
from .classification import cross_entropy, kl_div, multi_margin_loss, multilabel_margin_loss, nll_loss
from .distances import (
    cosine_embedding_loss, cosine_similarity, margin_ranking_loss, normalize, one_hot, pairwise_distance, pdist,
    triplet_margin_loss, triplet_margin_with_distance_loss,
)
from .dropout import dropout
from .embedding import embedding, embedding_bag
from .linear import bilinear, linear
from .losses import gaussian_nll_loss, huber_loss, l1_loss, mse_loss, poisson_nll_loss, smooth_l1_loss
from .normalization import batch_norm, batch_statistics, normalized, scaled
# isort: on

__all__ = [
    "batch_norm", "batch_statistics", "bilinear", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout", "embedding", "embedding_bag",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "linear", "log_softmax",
    "logsumexp", "margin_ranking_loss", "mse_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "nll_loss", "normalize", "normalized", "one_hot", "pairwise_distance", "pdist",
    "poisson_nll_loss", "relu", "scaled", "sigmoid", "smooth_l1_loss", "soft_margin_loss", "softmax", "tanh",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]
# fmt: on

answer_unknown_names(__name__)
