"""NumPy's functions of values alone, which have no slope; those that write; those that are refused, with a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import LostGraphError

from .mixed import F, converted, floating, is_recorded, tensor, values
from .rearranging import arranged

Rule = Callable[..., Any]

CONSTANT = frozenset({
    "all", "allclose", "any", "argmax", "argmin", "argpartition", "argsort", "argwhere", "array2string",
    "array_equal", "array_equiv", "array_repr", "array_str", "busday_count", "busday_offset", "can_cast",
    "common_type", "count_nonzero", "datetime_as_string", "diag_indices_from", "digitize", "einsum_path",
    "empty_like", "fix", "flatnonzero", "in1d", "is_busday", "isclose", "iscomplex", "iscomplexobj", "isin", "isneginf",
    "isposinf", "isreal", "isrealobj", "lexsort", "matrix_rank", "may_share_memory", "min_scalar_type",
    "nanargmax", "nanargmin", "ndim", "nonzero", "ones_like", "packbits", "ravel_multi_index", "result_type",
    "searchsorted", "shape", "shares_memory", "size", "tril_indices_from", "triu_indices_from", "unpackbits",
    "unravel_index", "zeros_like",
})  # fmt: skip
"""What is a whole number, a truth, a text or a step: computed of the values, with a gradient of zero."""

ACTING = frozenset({
    "apply_along_axis", "apply_over_axes", "astype", "copyto", "fill_diagonal", "piecewise", "place", "put",
    "put_along_axis", "putmask",
})  # fmt: skip
"""What writes or calls functions of the caller's, which is done once."""

_DETACHED = "x.detach() for its values without history"
_WRITES = "a tensor to write to, which keeps the graph"
_OF_COMPLEX = ("arccos", "arcsin", "arctanh", "log", "log10", "log2", "power", "sqrt")  # of np.emath
_METHODS = "method= linear, lower, higher, nearest or midpoint, without weights"
INSTEAD: dict[str, str] = {
    "eig": "np.linalg.eigh of a symmetric matrix",
    "eigvals": "np.linalg.eigvalsh of a symmetric matrix",
    "roots": "a Newton step of np.polyval",
    "histogram": "np.digitize of x.detach(), whose counts have no slope",
    "histogram2d": "np.digitize of x.detach(), whose counts have no slope",
    "histogramdd": "np.digitize of x.detach(), whose counts have no slope",
    "histogram_bin_edges": "np.linspace between x.min() and x.max()",
    "put": _WRITES, "place": _WRITES, "putmask": _WRITES, "put_along_axis": _WRITES, "fill_diagonal": _WRITES,
    "save": "tensorgrad.save", "savez": "tensorgrad.save", "savez_compressed": "tensorgrad.save",
    "savetxt": "tensorgrad.save",
    "concatenate": "x.to(dtype) of the result", "stack": "x.to(dtype) of the result",
    "einsum": "a text, 'ij,jk->ik', for the lists of indices",
    "gradient": "edge_order=1", "polyfit": "neither weights nor full= nor cov=",
    "percentile": _METHODS, "quantile": _METHODS, "nanpercentile": _METHODS, "nanquantile": _METHODS,
    "cross": "vectors of three numbers", "interp": "points xp that increase, without period=",
    "cov": "no weights", "corrcoef": "real numbers", "unwrap": "a number as the period",
    **dict.fromkeys(_OF_COMPLEX, "the function of np itself, of x + 0j"),
    "logn": "np.log(x) / np.log(n)",
    "clip": "np.minimum and np.maximum", "select": "np.where",
    "pad": "a mode that moves elements: constant, edge, reflect, symmetric, wrap",
}  # fmt: skip
"""What to write instead, of functions whose derivative is not known here."""


def way_out(name: str) -> str:
    """Return what to do instead of a function that is refused."""
    return f"{INSTEAD[name]}, or {_DETACHED}" if name in INSTEAD else _DETACHED


def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """``np.apply_along_axis``: what a function gives of each row."""
    rows = F.movedim(tensor(arr), axis, -1)
    lead = rows.array.shape[:-1]
    if not rows.array.size:
        return NotImplemented
    found = F.stack([tensor(func1d(row, *args, **kwargs)) for row in rows.reshape(-1, rows.array.shape[-1])])
    found = found.reshape(*lead, *found.array.shape[1:])
    made = tuple(range(len(lead), found.ndim))
    return F.movedim(found, made, tuple(range(axis % rows.ndim, axis % rows.ndim + len(made)))) if made else found


def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """``np.apply_over_axes``: one axis after the other, each kept."""
    x = tensor(a)
    for axis in np.atleast_1d(values(axes)).tolist():
        found = tensor(func(x, axis))
        x = found if found.ndim == x.ndim else found.unsqueeze(axis % x.ndim)
    return x


def full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
              device: None = None) -> Any:  # fmt: skip
    """``np.full_like``."""
    made = np.full_like(values(a), 0, dtype, shape=shape)
    return tensor(fill_value).to(made.dtype).broadcast_to(made.shape).clone()


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """``np.copyto``: a tensor is written with its gradient, an array with what has none."""
    if isinstance(dst, Tensor):
        x = tensor(src)
        if not np.can_cast(values(x).dtype, values(dst).dtype, casting):  # type: ignore[arg-type]
            raise TypeError(
                f"np.copyto: {values(x).dtype} cannot be written to {values(dst).dtype}: casting={casting!r}"
            )
        dst.copy_(x if where is True else F.where(tensor(where), x, dst))
        return
    if is_recorded(src):
        raise LostGraphError(
            f"np.copyto cannot write a Tensor that requires grad to an array, which has no history: use {_DETACHED}"
        )
    np.copyto(dst, values(src), casting, where=values(where))  # type: ignore[arg-type]


def written(function: Callable[..., Any], target: str, source: str) -> Rule:
    """Return what writes to its first argument, `target`, as `function` does: to a tensor with its gradient."""

    def moved(*args: Any, **kwargs: Any) -> Any:
        function(*args, **kwargs)
        return args[0]

    rearranged = arranged(moved, target, source, name=function.__name__)

    def rule(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, Tensor):
            return NotImplemented
        x.copy_(rearranged(x, *args, **kwargs))
        return None

    return rule


def angle(z: Any, deg: bool = False) -> Any:
    """``np.angle``: of a real number a step."""
    x = floating(z)
    parts = (F.imag(x), F.real(x)) if values(x).dtype.kind == "c" else (tensor(np.zeros((), values(x).dtype)), x)
    found = F.atan2(*parts)
    return F.rad2deg(found) if deg else found


def imag(val: Any) -> Any:
    """``np.imag``: of a real number 0."""
    x = tensor(val)
    return F.imag(x) if values(x).dtype.kind == "c" else tensor(np.zeros_like(values(x)))


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: None = None) -> Any:
    """``np.astype``."""
    return converted(tensor(x).clone() if copy else x, dtype)


FOLLOWED: dict[str, Rule] = {
    "apply_along_axis": apply_along_axis, "apply_over_axes": apply_over_axes, "copyto": copyto,
    "fill_diagonal": written(np.fill_diagonal, "a", "val"), "full_like": full_like,
    "place": written(np.place, "arr", "vals"), "put": written(np.put, "a", "v"),
    "put_along_axis": written(np.put_along_axis, "arr", "values"), "putmask": written(np.putmask, "a", "values"),
    "angle": angle, "astype": astype, "i0": lambda x: F.i0(tensor(x)), "imag": imag,
    "real": lambda val: F.real(tensor(val)),
    "real_if_close": lambda a, tol=100: tensor(a).clone() if values(a).dtype.kind != "c" else NotImplemented,
    "sinc": lambda x: F.sinc(tensor(x)),
}  # fmt: skip
"""What other functions do of tensors."""
