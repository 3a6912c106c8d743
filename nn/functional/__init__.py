"""Layers as functions: compositions of primitives, with no rule of their own. Each subject has its module."""

# fmt: off
# isort: off
from tensorgrad.functions import log_softmax, logsumexp, softmax
from tensorgrad.names import answer_unknown_names
from tensorgrad.ops import relu, sigmoid, tanh

from .dropout import dropout
from .embedding import embedding, embedding_bag
from .linear import bilinear, linear
from .losses import cross_entropy, mse_loss
from .normalization import batch_norm, batch_statistics, normalized, scaled
# isort: on

__all__ = [
    "batch_norm", "batch_statistics", "bilinear", "cross_entropy", "dropout", "embedding", "embedding_bag",
    "linear", "log_softmax", "logsumexp", "mse_loss",
    "normalized", "relu", "scaled", "sigmoid", "softmax", "tanh",
]
# fmt: on

answer_unknown_names(__name__)
