"""The chain rule, and what a write does to a gradient: the sweeps, what users call of them, `Function`, the modes.

To be read in this order: `sweep` (the chain rule, both ways), `careful` (what it does where numbers are not finite),
`derivatives` (what users call), `history` (writes).
"""

from __future__ import annotations

import importlib
from typing import Any

from tensorgrad.base.answers import guard as _guard
from tensorgrad.base.unknown import UnknownNameError

from .derivatives import Variable, backward, grad, jvp
from .function import Function
from .modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)

__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode", "is_anomaly_enabled",
    "is_grad_enabled", "is_inference_mode_enabled", "jvp", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip


# what stands above this folder, under the names that PyTorch gives it here
_ABOVE = {
    "functional": "tensorgrad.autograd.functional",
    "gradcheck": "tensorgrad.testing",
    "gradgradcheck": "tensorgrad.testing",
}


_guard(__name__)


def __getattr__(name: str) -> Any:
    if name not in _ABOVE:
        raise UnknownNameError(__name__, name)
    module = importlib.import_module(_ABOVE[name])
    return getattr(module, name, module)
