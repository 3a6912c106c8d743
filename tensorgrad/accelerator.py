"""What scripts ask about the accelerator of a machine, which tensorgrad does not use.

>>> import tensorgrad as tg
>>> tg.accelerator.current_accelerator().type if tg.accelerator.is_available() else "cpu"
'cpu'
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.hardware import current_accelerator, device_count, is_available

__all__ = ["current_accelerator", "device_count", "is_available"]

_complete(__name__)
