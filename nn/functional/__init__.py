"""Layers as functions: compositions of primitives, with no rule of their own. Each subject has its module."""

# fmt: off
# isort: off
from tensorgrad.functions import log_softmax, logsumexp, softmax
from tensorgrad.names import answer_unknown_names
from tensorgrad.ops import relu, sigmoid, tanh

from .convolution import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from .dropout import dropout
from .linear import linear
from .losses import cross_entropy, mse_loss
from .normalization import batch_norm, batch_statistics, normalized, scaled
from .padding import pad
from .pooling import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_max_pool1d, adaptive_max_pool2d, avg_pool1d, avg_pool2d,
    max_pool1d, max_pool2d,
)
from .windows import fold, unfold
# isort: on

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d", "avg_pool1d",
    "avg_pool2d", "batch_norm", "batch_statistics", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "cross_entropy", "dropout", "fold", "linear", "log_softmax",
    "logsumexp", "max_pool1d", "max_pool2d", "mse_loss", "normalized", "pad", "relu", "scaled", "sigmoid", "softmax",
    "tanh", "unfold",
]
# fmt: on

answer_unknown_names(__name__)
