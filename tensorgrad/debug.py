"""Why a value is NaN, infinite or zero, and why a gradient is, explodes or vanishes.

>>> import tensorgrad as tg
>>> found = tg.debug.why(lambda x: (x - x.mean(0)) / x.std(0), tg.ones(4, 2))
>>> found.operation, found.cause, found.rows
('div', '0 / 0', (0, 1, 2, 3))
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.debugging.asking import why
from tensorgrad.debugging.reasons import Link, Reason

__all__ = ["Link", "Reason", "why"]

_complete(__name__)
