"""The chain rule, and what a write does to a gradient: the sweeps, what users call of them, `Function`, the modes.

To be read in this order: `sweep` (the chain rule, both ways), `careful` (what it does where numbers are not finite),
`derivatives` (what users call), `history` (writes).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tensorgrad.base.answers import guard as _guard
from tensorgrad.base.unknown import UnknownNameError

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

if TYPE_CHECKING:
    from .derivatives import Variable, backward, grad, jvp
    from .function import Function

# what is loaded when it is first used, and where it stands: some of it above this folder, under the names that PyTorch
# gives it here
_LATER = {
    "Function": "tensorgrad.autograd.function",
    "Variable": "tensorgrad.autograd.derivatives",
    "backward": "tensorgrad.autograd.derivatives",
    "function": "tensorgrad.autograd.function",
    "functional": "tensorgrad.autograd.functional",
    "grad": "tensorgrad.autograd.derivatives",
    "gradcheck": "tensorgrad.testing",
    "gradgradcheck": "tensorgrad.testing",
    "jvp": "tensorgrad.autograd.derivatives",
}

__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode", "is_anomaly_enabled",
    "is_grad_enabled", "is_inference_mode_enabled", "jvp", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

_guard(__name__)


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise UnknownNameError(__name__, name)
    module = importlib.import_module(_LATER[name])
    return getattr(module, name, module)
