"""Checks for what users build: gradients against numerical ones.

>>> import tensorgrad as tg
>>> from tensorgrad.testing import gradcheck
>>> x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=tg.float64, requires_grad=True)
>>> gradcheck(lambda x: (x @ x).sum(), x)
True
"""

from tensorgrad.names import answer_unknown_names

from .differences import Slope, slope
from .gradcheck import Comparison, GradcheckError, gradcheck
from .parameters import GradientReport, ParameterCheck, check_gradients

__all__ = [
    "Comparison",
    "GradcheckError",
    "GradientReport",
    "ParameterCheck",
    "Slope",
    "check_gradients",
    "gradcheck",
    "slope",
]

answer_unknown_names(__name__)
