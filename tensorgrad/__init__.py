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

from tensorgrad import autograd, inplace  # noqa: F401 - importing inplace gives Tensor all of its methods
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
from tensorgrad.functions import (
    all,
    allclose,
    amax,
    amin,
    any,
    argmax,
    argmin,
    broadcast_to,
    cat,
    clamp,
    equal,
    flatten,
    isfinite,
    isnan,
    log_softmax,
    logsumexp,
    matmul,
    max,
    mean,
    min,
    numel,
    permute,
    reshape,
    softmax,
    squeeze,
    stack,
    std,
    sum,
    t,
    transpose,
    unsqueeze,
    var,
    where,
)
from tensorgrad.ops import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    ceil,
    cos,
    cosh,
    div,
    eq,
    exp,
    exp2,
    expm1,
    floor,
    floor_divide,
    ge,
    gt,
    le,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_not,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    pow,
    relu,
    remainder,
    round,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    sub,
    tan,
    tanh,
)
from tensorgrad.random import Generator, manual_seed
from tensorgrad.tensor import Constant, Tensor

__version__ = "0.1.0"

# fmt: off
__all__ = [
    "Constant", "Generator", "Tensor", "abs", "acos", "acosh", "add", "all", "allclose", "amax", "amin", "any",
    "arange", "argmax", "argmin", "as_tensor", "asin", "asinh", "atan", "atan2", "atanh", "autograd", "bool",
    "broadcast_to", "cat", "ceil", "clamp", "cos", "cosh", "div", "empty", "enable_grad", "eq", "equal", "exp",
    "exp2", "expm1", "eye", "flatten", "float16", "float32", "float64", "floor", "floor_divide", "from_numpy",
    "full", "full_like", "ge", "get_default_dtype", "gt", "int16", "int32", "int64", "int8", "is_grad_enabled",
    "isfinite", "isnan", "le", "linspace", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp",
    "logical_not", "logsumexp", "lt", "manual_seed", "matmul", "max", "maximum", "mean", "min", "minimum", "mul",
    "ne", "neg", "no_grad", "normal", "numel", "ones", "ones_like", "permute", "pow", "rand", "rand_like",
    "randint", "randn", "randn_like", "randperm", "relu", "remainder", "reshape", "round", "set_default_dtype",
    "sigmoid", "sign", "sin", "sinh", "softmax", "sqrt", "squeeze", "stack", "std", "sub", "sum", "t", "tan",
    "tanh", "tensor", "transpose", "uint8", "unsqueeze", "var", "where", "zeros", "zeros_like",
]
# fmt: on

_SUBPACKAGES = ("data", "func", "graph", "nn", "optim", "testing", "viz")


def __getattr__(name: str) -> Any:
    # subpackages load when first used, so that `import tensorgrad` costs little more than `import numpy`
    if name in _SUBPACKAGES:
        return importlib.import_module(f"tensorgrad.{name}")
    raise AttributeError(f"module 'tensorgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBPACKAGES})
