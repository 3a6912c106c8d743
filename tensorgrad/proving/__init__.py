"""Bounds that are proved: intervals that hold the exact values of a function, and its exact gradients.

>>> import tensorgrad as tg
>>> x = tg.tensor([0.1, 0.2, 0.3], dtype=tg.float64, requires_grad=True)
>>> found = enclose(lambda x: (x * x).sum(), x)
>>> found.gradients[0].contains([0.2, 0.4, 0.6]), bool((found.gradients[0].width < 1e-15).all())
(True, True)
"""

from tensorgrad.base.answers import complete as _complete

from .enclosure import Enclosure, enclose

__all__ = ["Enclosure", "enclose"]

_complete(__name__)
