"""Checks for what users build: gradients against numerical ones, and generators of inputs and of whole programs.

>>> import tensorgrad as tg
>>> from tensorgrad.testing import gradcheck
>>> x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=tg.float64, requires_grad=True)
>>> gradcheck(lambda x: (x @ x).sum(), x).verdict
'passed'

`strategies` and `programs` need Hypothesis and are loaded when they are imported by name.
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.bounds import Interval
from tensorgrad.proving import Enclosure, enclose

from .checking import check
from .comparison import Comparison, Proof
from .extrapolation import slope
from .gradcheck import gradcheck, gradgradcheck
from .parameters import GradientReport, ParameterCheck, check_gradients
from .properties.decorator import gradients
from .report import GradcheckError, Report
from .sides import Slope

__all__ = [
    "Comparison",
    "Enclosure",
    "GradcheckError",
    "GradientReport",
    "Interval",
    "ParameterCheck",
    "Proof",
    "Report",
    "Slope",
    "check",
    "check_gradients",
    "enclose",
    "gradcheck",
    "gradgradcheck",
    "gradients",
    "slope",
]

_complete(__name__)
