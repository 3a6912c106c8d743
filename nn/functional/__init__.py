"""Layers as functions: compositions of primitives, with no rule of their own. Each subject has its module."""

# fmt: off
# isort: off
from tensorgrad.functions import logsumexp
from tensorgrad.names import answer_unknown_names
from tensorgrad.ops import sigmoid, tanh

from .activations import (
    celu, elu, gelu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, logsigmoid, mish, prelu, relu, relu6,
    rrelu, selu, silu, softplus, softshrink, softsign, tanhshrink, threshold,
)
from .dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from .inplace import celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_
from .layernorm import group_norm, layer_norm, local_response_norm, rms_norm
from .linear import linear
from .losses import cross_entropy, mse_loss
from .normalization import batch_norm, instance_norm
from .softmax import glu, gumbel_softmax, log_softmax, softmax, softmin
# isort: on

__all__ = [
    "alpha_dropout", "batch_norm", "celu", "celu_", "cross_entropy", "dropout", "dropout1d", "dropout2d", "dropout3d",
    "elu", "elu_", "feature_alpha_dropout", "gelu", "glu", "group_norm", "gumbel_softmax", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "hardtanh_", "instance_norm", "layer_norm", "leaky_relu", "leaky_relu_", "linear",
    "local_response_norm", "log_softmax", "logsigmoid", "logsumexp", "mish", "mse_loss", "prelu", "relu", "relu6",
    "relu_", "rms_norm", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
]
# fmt: on

answer_unknown_names(__name__)
