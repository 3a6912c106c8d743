"""Methods of Tensor that PyTorch offers as functions too: ``torch.clone(x)`` is ``x.clone()``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.engine.tensor import Tensor
from tensorgrad.tensor import inplace  # noqa: F401 - it gives Tensor its methods

# fmt: off
__all__ = [
    "abs_", "acos_", "acosh_", "addmv_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_", "arctanh_",
    "asin_", "asinh_", "atan_", "atanh_", "ceil_", "clamp_", "clamp_max_", "clamp_min_", "clip_", "clone", "conj",
    "cos_", "cosh_", "deg2rad_", "detach", "detach_", "erf_", "erfc_", "exp2_", "exp_", "expm1_", "fill_", "fix_",
    "floor_", "frac_", "get_device", "index_put_", "is_signed", "log10_", "log1p_", "log2_", "log_", "logit_",
    "nan_to_num_", "neg_", "negative_", "rad2deg_", "reciprocal_", "relu_", "round_", "rsqrt_", "sigmoid_", "sin_",
    "sinh_", "sqrt_", "square_", "tan_", "tanh_", "trunc_", "xlogy_", "zero_",
]
# fmt: on


def _tensor(name: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return input


def _function(name: str) -> Callable[..., Any]:
    """Return the function whose first argument is the tensor that the method `name` is called on."""

    def function(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return getattr(_tensor(name, input), name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = getattr(Tensor, name).__doc__.replace("the tensor itself", "`input` itself")
    return function


# fmt: off
(
    abs_, acos_, acosh_, addmv_, arccos_, arccosh_, arcsin_, arcsinh_, arctan_, arctanh_, asin_, asinh_, atan_,
    atanh_, ceil_, clamp_, clamp_max_, clamp_min_, clip_, clone, conj, cos_, cosh_, deg2rad_, detach, detach_, erf_,
    erfc_, exp2_, exp_, expm1_, fill_, fix_, floor_, frac_, get_device, index_put_, is_signed, log10_, log1p_,
    log2_, log_, logit_, nan_to_num_, neg_, negative_, rad2deg_, reciprocal_, relu_, round_, rsqrt_, sigmoid_, sin_,
    sinh_, sqrt_, square_, tan_, tanh_, trunc_, xlogy_, zero_,
) = map(_function, __all__)
# fmt: on


def imag(input: Tensor) -> Tensor:
    """Return the imaginary part of a complex tensor, on the same memory; DTypeError for any other."""
    return _tensor("imag", input).imag


def real(input: Tensor) -> Tensor:
    """Return `input` itself, or the real part of a complex tensor, on the same memory."""
    return _tensor("real", input).real


__all__ += ["imag", "real"]
