"""Intervals of real numbers, and what every operation of the table gives of them.

>>> from tensorgrad.bounds.table import enclosure
>>> from tensorgrad.engine.primitive import PRIMITIVES
>>> product = enclosure(PRIMITIVES["mul"])
>>> product(Interval(2.0, 3.0), Interval(-1.0, 1.0)).contains(Interval(-3.0, 3.0))
True
"""

from tensorgrad.base.answers import complete as _complete

from .interval import Interval

__all__ = ["Interval"]

_complete(__name__)
