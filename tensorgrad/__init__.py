"""tensorgrad: an autograd engine on NumPy that records, differentiates, draws and trains.

>>> import tensorgrad as tg
>>> x = tg.tensor([1.0, 2.0], requires_grad=True)
>>> (x**2).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

from __future__ import annotations

import importlib
from math import e, inf, nan, pi
from typing import Any

from tensorgrad.tensor.attach import (
    FUNCTIONS as _FUNCTIONS,  # first: the function `tensor` takes the folder's name afterwards
    NAMES as _NAMES,
)

# isort: split
from tensorgrad import autograd
from tensorgrad.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tensorgrad.base import switches as _switches
from tensorgrad.base.answers import guard as _guard
from tensorgrad.base.caching import keep_freed_memory as _keep_freed_memory
from tensorgrad.base.devices import (
    contiguous_format,
    device,
    get_default_device,
    layout,
    memory_format,
    preserve_format,
    set_default_device,
    strided,
)
from tensorgrad.base.dtypes import can_cast, finfo, iinfo, set_default_dtype
from tensorgrad.base.numbertypes import (
    bool_ as bool,
    complex64,
    complex64 as cfloat,
    complex128,
    complex128 as cdouble,
    dtype,
    float16,
    float16 as half,
    float32,
    float32 as float,
    float64,
    float64 as double,
    get_default_dtype,
    int8,
    int16,
    int16 as short,
    int32,
    int32 as int,
    int64,
    int64 as long,
    promote_types,
    result_type,
    uint8,
    uint16,
    uint32,
    uint64,
)
from tensorgrad.base.size import Size
from tensorgrad.base.switches import (
    are_deterministic_algorithms_enabled,
    get_float32_matmul_precision,
    get_kernels,
    get_num_threads,
    is_deterministic_algorithms_warn_only_enabled,
    set_float32_matmul_precision,
    set_kernels,
    set_num_threads,
    use_deterministic_algorithms,
)
from tensorgrad.base.unknown import missing as _missing_name
from tensorgrad.create.creation import (
    arange,
    as_tensor,
    asarray,
    complex,
    empty,
    empty_like,
    eye,
    from_dlpack,
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
from tensorgrad.engine.tensor import Constant, Tensor
from tensorgrad.version import __version__

# fmt: off
__all__ = [
    "Constant", "Size", "Tensor", "__version__", "arange", "are_deterministic_algorithms_enabled", "as_tensor",
    "asarray", "autograd", "bool", "can_cast", "cdouble", "cfloat", "complex", "complex128", "complex64",
    "contiguous_format", "device", "double", "dtype", "e", "empty", "empty_like", "enable_grad", "eye", "finfo",
    "float", "float16", "float32", "float64", "from_dlpack", "from_numpy", "full", "full_like",
    "get_default_device", "get_default_dtype", "get_float32_matmul_precision", "get_kernels", "get_num_threads",
    "half", "iinfo", "inf", "inference_mode", "int", "int16", "int32", "int64", "int8",
    "is_deterministic_algorithms_warn_only_enabled", "is_grad_enabled", "is_inference_mode_enabled", "layout",
    "linspace", "logspace", "long", "memory_format", "nan", "newaxis", "no_grad", "ones", "ones_like", "pi",
    "preserve_format", "promote_types", "random", "range", "result_type", "scalar_tensor", "set_default_device",
    "set_default_dtype", "set_float32_matmul_precision", "set_grad_enabled", "set_kernels", "set_num_threads",
    "short", "strided", "tensor", "uint16", "uint32", "uint64", "uint8", "use_deterministic_algorithms", "zeros",
    "zeros_like",
]
# fmt: on

newaxis = None

_SUBPACKAGES = (
    "accelerator", "amp", "backends", "compat", "cuda", "data", "debug", "distributed", "distributions", "func",
    "graph", "jit", "linalg", "mps", "nn", "onnx", "optim", "profiler", "random", "search", "special", "testing",
    "utils", "viz", "xpu",
)  # fmt: skip
_PARTS = {  # what else loads later, and where it stands
    **dict.fromkeys((
        "BoolTensor", "ByteTensor", "CharTensor", "ComplexDoubleTensor", "ComplexFloatTensor", "DoubleTensor",
        "FloatTensor", "HalfTensor", "IntTensor", "LongTensor", "ShortTensor", "set_default_tensor_type", "typename",
    ), "tensor.tensortypes"),
    **dict.fromkeys(
        ("Generator", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"), "random"
    ),
    "autocast": "amp", "compile": "compiled", "is_autocast_enabled": "idle.mixedprecision", "load": "files",
    **dict.fromkeys((
        "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
    ), "create.sampling"),
    "save": "files", "set_printoptions": "base.printing", "vmap": "func",
}  # fmt: skip
_missing = _missing_name("tensorgrad")
_guard("tensorgrad")
_keep_freed_memory()
_switches.COMPILER.append(lambda: importlib.import_module("tensorgrad.kernels"))
__all__ += ["linalg", "special"]
__all__ += list(_PARTS)
__all__ += list(_NAMES)


def __getattr__(name: str) -> Any:
    # what is not used is not loaded, so that `import tensorgrad` costs little more than `import numpy`
    if name in _NAMES:
        return globals().setdefault(name, _FUNCTIONS[name])
    if name in _PARTS:
        return globals().setdefault(name, getattr(importlib.import_module(f"tensorgrad.{_PARTS[name]}"), name))
    return importlib.import_module(f"tensorgrad.{name}") if name in _SUBPACKAGES else _missing(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *_SUBPACKAGES, *_PARTS})


if _switches.from_environment() == "c":
    # now, for at the first operation a fork or a signal may come in between; and here, for it asks for names of above
    _switches.COMPILER[0]()
