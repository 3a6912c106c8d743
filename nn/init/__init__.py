"""Initial values of weights. Each function fills a tensor in place, without recording, and returns it.

Every function that draws takes `generator`, the source of its random numbers; the default one otherwise.
"""

from tensorgrad.base.answers import complete as _complete

from .deprecated import (
    constant,
    dirac,
    eye,
    kaiming_normal,
    kaiming_uniform,
    normal,
    orthogonal,
    sparse,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from .filling import constant_, normal_, ones_, trunc_normal_, uniform_, zeros_
from .scaling import (
    calculate_gain,
    fans,
    he_normal_,
    he_uniform_,
    kaiming_normal_,
    kaiming_uniform_,
    xavier_normal_,
    xavier_uniform_,
)
from .structured import dirac_, eye_, orthogonal_, sparse_

_calculate_fan_in_and_fan_out = fans  # PyTorch's name, which many scripts call though it is private

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "fans",
    "he_normal_",
    "he_uniform_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

_complete(__name__)
