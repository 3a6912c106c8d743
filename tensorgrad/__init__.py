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
from tensorgrad.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tensorgrad.creation import (
    arange,
    as_tensor,
    asarray,
    complex,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    range,
    scalar_tensor,
    tensor,
    zeros,
    zeros_like,
)
from tensorgrad.devices import (
    contiguous_format,
    device,
    get_default_device,
    layout,
    memory_format,
    preserve_format,
    set_default_device,
    strided,
)
from tensorgrad.dtypes import bool_ as bool
from tensorgrad.dtypes import (
    can_cast,
    complex64,
    complex128,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    result_type,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from tensorgrad.dtypes import complex64 as cfloat
from tensorgrad.dtypes import complex128 as cdouble
from tensorgrad.dtypes import float16 as half
from tensorgrad.dtypes import float32 as float
from tensorgrad.dtypes import float64 as double
from tensorgrad.dtypes import int16 as short
from tensorgrad.dtypes import int32 as int
from tensorgrad.dtypes import int64 as long
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
from tensorgrad.names import missing
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
from tensorgrad.printing import set_printoptions
from tensorgrad.random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from tensorgrad.sampling import (
    bernoulli,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)
from tensorgrad.settings import (
    are_deterministic_algorithms_enabled,
    get_float32_matmul_precision,
    get_num_threads,
    is_deterministic_algorithms_warn_only_enabled,
    set_float32_matmul_precision,
    set_num_threads,
    use_deterministic_algorithms,
)
from tensorgrad.size import Size
from tensorgrad.tensor import Constant, Tensor
from tensorgrad.tensortypes import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    ComplexDoubleTensor,
    ComplexFloatTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    is_complex,
    is_floating_point,
    is_nonzero,
    is_tensor,
    set_default_tensor_type,
    typename,
)
from tensorgrad.version import __version__

# fmt: off
__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "ComplexDoubleTensor", "ComplexFloatTensor", "Constant", "DoubleTensor",
    "FloatTensor", "Generator", "HalfTensor", "IntTensor", "LongTensor", "ShortTensor", "Size", "Tensor",
    "__version__", "abs", "acos", "acosh", "add", "all", "allclose", "amax", "amin", "any", "arange",
    "are_deterministic_algorithms_enabled", "argmax", "argmin", "as_tensor", "asarray", "asin", "asinh", "atan",
    "atan2", "atanh", "autograd", "bernoulli", "bool", "broadcast_to", "can_cast", "cat", "cdouble", "ceil", "cfloat",
    "clamp", "complex", "complex128", "complex64", "contiguous_format", "cos", "cosh", "device", "div", "double",
    "empty", "empty_like", "enable_grad", "eq", "equal", "exp", "exp2", "expm1", "eye", "finfo", "flatten", "float",
    "float16", "float32", "float64", "floor", "floor_divide", "from_numpy", "full", "full_like", "ge",
    "get_default_device", "get_default_dtype", "get_float32_matmul_precision", "get_num_threads", "get_rng_state",
    "gt", "half", "iinfo", "inference_mode", "initial_seed", "int", "int16", "int32", "int64", "int8", "is_complex",
    "is_deterministic_algorithms_warn_only_enabled", "is_floating_point", "is_grad_enabled",
    "is_inference_mode_enabled", "is_nonzero", "is_tensor", "isfinite", "isnan", "layout", "le", "linspace", "log",
    "log10", "log1p", "log2", "log_softmax", "logaddexp", "logical_not", "logspace", "logsumexp", "long", "lt",
    "manual_seed", "matmul", "max", "maximum", "mean", "memory_format", "min", "minimum", "mul", "multinomial", "ne",
    "neg", "no_grad", "normal", "numel", "ones", "ones_like", "permute", "poisson", "pow", "preserve_format",
    "promote_types", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "range",
    "relu", "remainder", "reshape", "result_type", "round", "scalar_tensor", "seed", "set_default_device",
    "set_default_dtype", "set_default_tensor_type", "set_float32_matmul_precision", "set_grad_enabled",
    "set_num_threads", "set_printoptions", "set_rng_state", "short", "sigmoid", "sign", "sin", "sinh", "softmax",
    "sqrt", "squeeze", "stack", "std", "strided", "sub", "sum", "t", "tan", "tanh", "tensor", "transpose", "typename",
    "uint16", "uint32", "uint64", "uint8", "unsqueeze", "use_deterministic_algorithms", "var", "where", "zeros",
    "zeros_like",
]
# fmt: on

_SUBPACKAGES = (
    "accelerator", "backends", "cuda", "data", "func", "graph", "mps", "nn", "optim", "testing", "utils", "viz", "xpu",
)  # fmt: skip
_missing = missing("tensorgrad")


def __getattr__(name: str) -> Any:
    # subpackages load when first used, so that `import tensorgrad` costs little more than `import numpy`
    return importlib.import_module(f"tensorgrad.{name}") if name in _SUBPACKAGES else _missing(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBPACKAGES})
