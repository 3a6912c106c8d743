"""What scripts ask about the accelerator of a machine, which tensorgrad does not use.

>>> import tensorgrad as tg
>>> tg.accelerator.current_accelerator().type if tg.accelerator.is_available() else "cpu"
'cpu'
"""

from tensorgrad.base.hardware import current_accelerator, device_count, is_available
from tensorgrad.base.unknown import answer_unknown_names

__all__ = ["current_accelerator", "device_count", "is_available"]

answer_unknown_names(__name__)
