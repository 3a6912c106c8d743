"""What scripts ask before they use several processes, with the answers of one.

>>> import tensorgrad as tg
>>> tg.distributed.is_available() and tg.distributed.is_initialized()
False
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.hardware import is_available, is_initialized

__all__ = ["is_available", "is_initialized"]

_complete(__name__)
