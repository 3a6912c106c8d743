"""tensorgrad: an autograd engine on NumPy that records, differentiates, draws and trains.

>>> import tensorgrad as tg
>>> x = tg.tensor([1.0, 2.0], requires_grad=True)
>>> (x**2).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

from __future__ import annotations

import importlib
from typing import Any

from tensorgrad import autograd, functions, linalg, methods  # noqa: F401 - importing methods gives Tensor its methods
from tensorgrad.autograd import enable_grad, is_grad_enabled, no_grad
from tensorgrad.creation import (
    arange,
    as_tensor,
    empty,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    normal,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from tensorgrad.dtypes import bool_ as bool
from tensorgrad.dtypes import (
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from tensorgrad.functions import *  # noqa: F403 - the list of names is functions.__all__
from tensorgrad.random import Generator, manual_seed
from tensorgrad.tensor import Constant, Tensor

__version__ = "0.1.0"

# fmt: off
__all__ = [
    "Constant", "Generator", "Tensor", "arange", "as_tensor", "autograd", "bool", "empty", "enable_grad", "eye",
    "float16", "float32", "float64", "from_numpy", "full", "full_like", "get_default_dtype", "int16", "int32",
    "int64", "int8", "is_grad_enabled", "linalg", "linspace", "manual_seed", "no_grad", "normal", "ones",
    "ones_like", "rand", "rand_like", "randint", "randn", "randn_like", "randperm", "set_default_dtype", "tensor",
    "uint8", "zeros", "zeros_like",
]
# fmt: on
__all__ += functions.__all__

_SUBPACKAGES = ("data", "graph", "nn", "optim", "testing", "viz")


def __getattr__(name: str) -> Any:
    # subpackages load when first used, so that `import tensorgrad` costs little more than `import numpy`
    if name in _SUBPACKAGES:
        return importlib.import_module(f"tensorgrad.{name}")
    raise AttributeError(f"module 'tensorgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBPACKAGES})
