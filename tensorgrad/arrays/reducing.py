"""NumPy's sums, means, extrema and quantiles, of tensors: what the package has, with NumPy's options."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor

from .mixed import F, between, converted, floating, met, tensor, values
from .rearranging import concatenate

NOT_GIVEN: Any = np._NoValue
"""What NumPy gives for an option that was not."""
Rule = Callable[..., Any]


def axes_of(x: Tensor, axis: Any) -> tuple[int, ...]:
    """Return which axes of `x` are meant: all for None."""
    return tuple(range(x.ndim)) if axis is None else normalized(axis, x.ndim)


def is_set(option: Any) -> bool:
    """Return whether an option was given."""
    return option is not NOT_GIVEN and option is not None


def _kept(option: Any) -> bool:
    return is_set(option) and bool(option)


def _only(x: Tensor, where: Any, otherwise: Any) -> Tensor:
    """Return `x` with what says nothing in its place where `where` does not hold."""
    if where is NOT_GIVEN or where is True:
        return x
    return F.where(tensor(_truths(where)), x, otherwise)  # type: ignore[no-any-return]


def _truths(where: Any) -> Any:
    """Return a list of numbers as NumPy takes it here, as truths; all else as it is."""
    return np.asarray(where, bool) if isinstance(where, list | tuple) else where


def _count(x: Tensor, axes: tuple[int, ...], where: Any, keepdims: bool) -> Any:
    """Return how many elements are meant along `axes`."""
    if where is NOT_GIVEN or where is True:
        return math.prod(x.array.shape[i] for i in axes)
    return np.broadcast_to(values(_truths(where)), x.array.shape).sum(axes, keepdims=keepdims)


def sum(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = NOT_GIVEN,
        initial: Any = NOT_GIVEN, where: Any = NOT_GIVEN) -> Any:  # fmt: skip
    """``np.sum``."""
    x = _only(converted(tensor(a), dtype), where, 0)
    y = x.sum(axes_of(x, axis), _kept(keepdims)) if x.ndim else x.sum()
    return y + initial if is_set(initial) else y


def prod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = NOT_GIVEN,
         initial: Any = NOT_GIVEN, where: Any = NOT_GIVEN) -> Any:  # fmt: skip
    """``np.prod``."""
    x = _only(converted(tensor(a), dtype), where, 1)
    axes = axes_of(x, axis)
    last = x.movedim(axes, tuple(range(x.ndim - len(axes), x.ndim))) if len(axes) > 1 else x
    y = last.flatten(x.ndim - len(axes)).prod(-1) if len(axes) > 1 else x.prod(axes[0]) if axes else x
    y = y.reshape(_reduced(x.array.shape, axes)) if _kept(keepdims) else y
    return y * initial if is_set(initial) else y


def _reduced(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def extremum(name: str, neutral: float) -> Rule:
    """Return ``np.max`` or ``np.min``; where several are equal, the gradient is shared."""

    def rule(a: Any, axis: Any = None, out: None = None, keepdims: Any = NOT_GIVEN, initial: Any = NOT_GIVEN,
             where: Any = NOT_GIVEN) -> Any:  # fmt: skip
        if is_set(initial) and not tensor(a).array.size:
            return NotImplemented
        x = _only(tensor(a), where, neutral if is_set(initial) else None)
        y = getattr(x, f"a{name}")(axes_of(x, axis), _kept(keepdims)) if x.ndim else x.clone()
        return getattr(F, f"{name}imum")(*met([y, initial])) if is_set(initial) else y

    return rule


def mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = NOT_GIVEN, *,
         where: Any = NOT_GIVEN) -> Any:  # fmt: skip
    """``np.mean``."""
    x = floating(converted(tensor(a), dtype))
    axes, kept = axes_of(x, axis), _kept(keepdims)
    if where is NOT_GIVEN or where is True:
        return x.mean(axes, kept) if x.ndim else x.clone()
    return _only(x, where, 0).sum(axes, kept) / _count(x, axes, where, kept)


def var(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: Any = NOT_GIVEN, *,
        where: Any = NOT_GIVEN, mean: Any = NOT_GIVEN, correction: Any = NOT_GIVEN) -> Any:  # fmt: skip
    """``np.var``."""
    x = floating(converted(tensor(a), dtype))
    axes, kept = axes_of(x, axis), _kept(keepdims)
    less = correction if is_set(correction) else ddof
    if _is_plain(x, where, mean):
        return x.var(axes, correction=less, keepdim=kept)
    count = _count(x, axes, where, True)
    middle = _only(x, where, 0).sum(axes, True) / count if mean is NOT_GIVEN else mean
    total = _only((x - middle).abs() ** 2, where, 0).sum(axes, kept)
    return total / tensor(np.maximum(_count(x, axes, where, kept) - less, 0).astype(values(total).dtype))


def _is_plain(x: Tensor, where: Any, mean: Any) -> bool:
    """Return whether the package's own variance and deviation have all that was asked for."""
    return (where is NOT_GIVEN or where is True) and mean is NOT_GIVEN and x.ndim > 0 and values(x).dtype.kind != "c"


def std(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: Any = NOT_GIVEN, *,
        where: Any = NOT_GIVEN, mean: Any = NOT_GIVEN, correction: Any = NOT_GIVEN) -> Any:  # fmt: skip
    """``np.std``."""
    x = floating(converted(tensor(a), dtype))
    if _is_plain(x, where, mean):
        less = correction if is_set(correction) else ddof
        return x.std(axes_of(x, axis), correction=less, keepdim=_kept(keepdims))
    y = var(x, axis, None, None, ddof, keepdims, where=where, mean=mean, correction=correction)
    return F.where(y == 0, y, F.sqrt(F.where(y == 0, 1.0, y)))  # of what is the same everywhere, a slope of 0


def ptp(a: Any, axis: Any = None, out: None = None, keepdims: Any = NOT_GIVEN) -> Any:
    """``np.ptp``: from the least to the greatest."""
    x = tensor(a)
    return x.amax(axes_of(x, axis), _kept(keepdims)) - x.amin(axes_of(x, axis), _kept(keepdims))


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = NOT_GIVEN) -> Any:
    """``np.average``: of weights of the same shape, or along one axis."""
    x = floating(a)
    axes, kept = axes_of(x, axis), _kept(keepdims)
    if weights is None:
        found, total = x.mean(axes, kept), tensor(np.float64(_count(x, axes, True, kept)))
    else:
        w = floating(weights)
        if w.array.shape != x.array.shape:
            if len(axes) != 1 or w.ndim != 1:
                return NotImplemented
            w = w.reshape([-1 if i == axes[0] else 1 for i in range(x.ndim)]).broadcast_to(x.array.shape)
        total = w.sum(axes, kept)
        found = (x * w).sum(axes, kept) / total
    return (found, total.broadcast_to(found.array.shape)) if returned else found


def running(name: str, neutral: float) -> Rule:
    """Return ``np.cumsum`` or ``np.cumprod``."""

    def rule(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
        x = converted(tensor(a), dtype)
        x = converted(x, np.int64) if values(x).dtype.kind == "b" else x
        return getattr(x.reshape(-1), name)(0) if axis is None else getattr(x, name)(axis)

    def cumulative(x: Any, /, *, axis: Any = None, dtype: Any = None, out: None = None,
                   include_initial: bool = False) -> Any:  # fmt: skip
        given = tensor(x)
        if axis is None and given.ndim != 1:
            return NotImplemented
        along = normalized(axis or 0, given.ndim)[0]
        y = rule(given, along, dtype)
        if not include_initial:
            return y
        first = [1 if i == along else n for i, n in enumerate(y.array.shape)]
        return concatenate([np.full(first, neutral, y.array.dtype), y], along)

    rule.cumulative = cumulative  # type: ignore[attr-defined]
    return rule


def without_nan(rule: Rule, neutral: float) -> Rule:
    """Return what `rule` does of an array in which NaN says nothing."""

    def of_others(a: Any, *args: Any, **kwargs: Any) -> Any:
        x = tensor(a)
        return rule(F.where(x.isnan(), neutral, x), *args, **kwargs)

    return of_others


def counting(rule: Rule) -> Rule:
    """Return a mean or a variance of what is not NaN."""

    def of_others(a: Any, *args: Any, **kwargs: Any) -> Any:
        x = tensor(a)
        known = ~np.isnan(values(x))
        if "where" in kwargs or kwargs.get("out") is not None or not known.any():
            return NotImplemented
        found = rule(F.where(x.isnan(), 0.0, x), *args, where=known, **kwargs)
        return found if np.isfinite(values(found)).all() else NotImplemented  # NumPy warns of too few numbers

    return of_others


def extremum_of_others(name: str, neutral: float) -> Rule:
    """Return ``np.nanmax`` or ``np.nanmin``."""
    rule = extremum(name, neutral)

    def of_others(a: Any, *args: Any, **kwargs: Any) -> Any:
        x = tensor(a)
        found = rule(F.where(x.isnan(), neutral, x), *args, **kwargs)
        return found if np.isfinite(values(found)).all() else NotImplemented  # NumPy warns of a row of NaN alone

    return of_others


def median(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """``np.median``: the mean of the two in the middle."""
    return quantile(a, 0.5, axis, keepdims=keepdims)


def percentile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
               method: str = "linear", keepdims: bool = False, *, weights: Any = None) -> Any:  # fmt: skip
    """``np.percentile``."""
    return quantile(a, floating(q) / 100, axis, out, overwrite_input, method, keepdims, weights=weights)


_ROUNDED: dict[str, Rule] = {
    "lower": np.floor, "higher": np.ceil, "nearest": np.rint, "midpoint": lambda at: (np.floor(at) + np.ceil(at)) / 2,
}  # fmt: skip


def quantile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: str = "linear",
             keepdims: bool = False, *, weights: Any = None) -> Any:  # fmt: skip
    """``np.quantile``: between the two elements next to the place ``q (n - 1)`` in order."""
    x, parts = floating(a), floating(q)
    if weights is not None or (method != "linear" and method not in _ROUNDED) or np.isnan(values(x)).any():
        return NotImplemented
    return _quantiles(x, parts, axis, keepdims, method)


def nanquantile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
                method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:  # fmt: skip
    """``np.nanquantile``: of what is not NaN, at least one element of each row."""
    x = floating(a)
    axes = axes_of(x, axis)
    if weights is not None or method != "linear" or np.isnan(values(x)).all(axes).any():
        return NotImplemented
    return _quantiles(x, floating(q), axis, _kept(keepdims), method)


def _quantiles(x: Tensor, q: Tensor, axis: Any, keepdims: bool, method: str) -> Any:
    axes = axes_of(x, axis)
    if not x.array.size:  # NumPy warns of the middle of nothing
        return NotImplemented
    last = tuple(range(x.ndim - len(axes), x.ndim))
    rows = F.movedim(x, axes, last).flatten(x.ndim - len(axes)) if axes else x[..., None]
    rows = F.sort(rows, -1, stable=True).values  # NaN last
    count = np.count_nonzero(~np.isnan(values(rows)), -1)
    at = q.reshape(*q.array.shape, *[1] * (rows.ndim - 1)) * tensor(np.asarray(count - 1.0))
    if method in _ROUNDED:
        at = tensor(_ROUNDED[method](values(at)))
    low = np.floor(values(at)).astype(np.int64)
    high = np.minimum(low + 1, count - 1)
    rows = rows.broadcast_to((*q.array.shape, *rows.array.shape))
    first, second = (F.take_along_dim(rows, tensor(place[..., None]), -1)[..., 0] for place in (low, high))
    found = converted(between(first, second, at - tensor(low.astype(float))), values(x).dtype)
    shape = (*q.array.shape, *_reduced(x.array.shape, axes))
    return found.reshape(shape) if keepdims else found


def nanmedian(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """``np.nanmedian``."""
    return nanquantile(a, 0.5, axis, keepdims=keepdims)


def nanpercentile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
                  method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:  # fmt: skip
    """``np.nanpercentile``."""
    return nanquantile(a, floating(q) / 100, axis, out, overwrite_input, method, keepdims, weights=weights)


def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """``np.nan_to_num``."""
    return F.nan_to_num(tensor(x), nan, posinf, neginf) if copy else NotImplemented


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """``np.bincount`` with weights: their sums."""
    places = values(tensor(x))
    if weights is None:
        return NotImplemented
    w = floating(weights)
    return ops.scatter(w, index=places, shape=(max(minlength, int(places.max(initial=-1)) + 1),))


def around(a: Any, decimals: int = 0, out: None = None) -> Any:
    """``np.round``: of steps, which have no slope."""
    return F.round(tensor(a), decimals=decimals)


_SUM, _PRODUCT = running("cumsum", 0), running("cumprod", 1)

FOLLOWED: dict[str, Rule] = {
    "amax": extremum("max", -math.inf), "amin": extremum("min", math.inf), "around": around, "average": average,
    "bincount": bincount, "cumprod": _PRODUCT, "cumsum": _SUM, "cumulative_prod": _PRODUCT.cumulative,  # type: ignore[attr-defined]
    "cumulative_sum": _SUM.cumulative, # type: ignore[attr-defined]
    "max": extremum("max", -math.inf), "mean": mean, "median": median, "min": extremum("min", math.inf),
    "nan_to_num": nan_to_num, "nancumprod": without_nan(_PRODUCT, 1.0), "nancumsum": without_nan(_SUM, 0.0),
    "nanmax": extremum_of_others("max", -math.inf), "nanmean": counting(mean), "nanmedian": nanmedian,
    "nanmin": extremum_of_others("min", math.inf), "nanpercentile": nanpercentile, "nanprod": without_nan(prod, 1.0),
    "nanquantile": nanquantile, "nanstd": counting(std), "nansum": without_nan(sum, 0.0), "nanvar": counting(var),
    "percentile": percentile, "prod": prod, "ptp": ptp, "quantile": quantile, "round": around, "std": std, "sum": sum,
    "var": var,
}  # fmt: skip
"""What each of NumPy's functions computes of tensors."""
