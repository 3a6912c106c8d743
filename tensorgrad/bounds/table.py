"""The enclosure of every primitive, by its name: intervals of the arguments and the parameters -> that of the value.

For all real numbers inside the arguments, what the operation gives of them in exact arithmetic lies inside the result.
An infinity or a NaN is no bound, of which NumPy need not warn: whoever calls enclosures silences it, once for them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.ops.processes import EXCHANGES
from tensorgrad.ops.reductions import reduced as count_of

from . import choices, monotone, powers, sums, systems
from .interval import Interval, between, each_end, point, real, spread, whole, within
from .monotone import Enclosure, even, falling, of_positive, rising, sloping, stepping
from .powers import size

UNENCLOSED = {
    "pinv": "its rank may change between two matrices of an interval",
    "eigh": "no enclosure of eigenvectors is built in",
    "svd": "no enclosure of singular vectors is built in",
    "qr": "no enclosure of this factorization is built in",
    "view_as_real": "there are no intervals of complex numbers",
    "view_as_complex": "there are no intervals of complex numbers",
    "dft": "there are no intervals of complex numbers",
    **dict.fromkeys(EXCHANGES, "the intervals of other ranks are not exchanged"),
}
"""What has the whole line for an answer, and why."""


def enclosure(primitive: Primitive) -> Enclosure | None:
    """Return the enclosure of `primitive`; None where there is none."""
    return _all().get(primitive.name) if PRIMITIVES.data.get(primitive.name) is primitive else None


def _forward(name: str) -> Callable[..., Any]:
    return PRIMITIVES[name].forward


@remembered()
def _all() -> dict[str, Enclosure]:
    return {**_of_arithmetic(), **_of_functions(), **_of_special(), **_of_choices(), **_of_axes(), **_of_matrices()}


def _of_arithmetic() -> dict[str, Enclosure]:
    return {
        "add": powers.add, "sub": powers.sub, "neg": powers.negative, "mul": powers.mul,
        "div": powers.div, "pow": powers.power, "sqrt": powers.root, "abs": powers.size,
        "even_power": powers.even_power, "odd_power": powers.odd_power, "hypot": powers.hypot,
        "direction": powers.direction, "floor_divide": powers.floor_div, "remainder": powers.remainder,
        "fmod": powers.fmod, "contiguous": lambda x: x, "conj": lambda x: x, "round": monotone.rounded,
        "floor": stepping(np.floor), "ceil": stepping(np.ceil), "trunc": stepping(np.trunc), "sign": stepping(np.sign),
    }  # fmt: skip


def _of_functions() -> dict[str, Enclosure]:
    one, half = np.nextafter(np.pi, 4), np.nextafter(np.pi / 2, 2)
    return {
        "exp": rising(np.exp, values=(0.0, np.inf)), "exp2": rising(np.exp2, values=(0.0, np.inf)),
        "expm1": rising(np.expm1, values=(-1.0, np.inf)), "log": rising(np.log, (0.0, np.inf)),
        "log1p": rising(np.log1p, (-1.0, np.inf)), "log2": rising(np.log2, (0.0, np.inf)),
        "log10": rising(np.log10, (0.0, np.inf)), "sin": monotone.sine, "cos": monotone.cosine,
        "tan": monotone.tangent, "asin": rising(np.arcsin, (-1.0, 1.0), (-half, half)),
        "acos": falling(np.arccos, (-1.0, 1.0), (0.0, one)), "atan": rising(np.arctan, values=(-half, half)),
        "sinh": rising(np.sinh), "cosh": monotone.hyperbolic_cosine, "tanh": rising(np.tanh, values=(-1.0, 1.0)),
        "asinh": rising(np.arcsinh), "acosh": rising(np.arccosh, (1.0, np.inf), (0.0, np.inf)),
        "atanh": rising(np.arctanh, (-1.0, 1.0)),
        "sigmoid": rising(_forward("sigmoid"), values=(0.0, 1.0)), "atan2": monotone.angle,
        "logaddexp": monotone.log_of_sum(np.logaddexp), "logaddexp2": monotone.log_of_sum(np.logaddexp2),
    }  # fmt: skip


def _of_special() -> dict[str, Enclosure]:
    own, f = monotone.OWN_PLACES, _forward
    return {
        "erf": rising(f("erf"), values=(-1.0, 1.0)), "erfc": falling(f("erfc"), values=(0.0, 2.0)),
        "erfinv": rising(f("erfinv"), (-1.0, 1.0), places=own), "erfcx": _scaled_complement,
        "ndtr": rising(f("ndtr"), values=(0.0, 1.0), places=own),
        "log_ndtr": rising(f("log_ndtr"), values=(-np.inf, 0.0), places=own),
        "ndtri": _quantile, "entr": monotone.entropy(f("entr")), "lgamma": monotone.log_of_gamma(f("lgamma")),
        "digamma": of_positive(f("digamma"), 1), "polygamma": _polygamma, "i0": even(f("i0"), 1),
        "i1": rising(f("i1"), places=own), "i0e": even(f("i0e"), -1), "i1e": sloping(f("i1e"), 0.5), "bessel": _bessel,
        "sinc": _sinc,
    }  # fmt: skip


def _scaled_complement(x: Interval, *, n: int = 0) -> Interval:
    made = falling if n % 2 == 0 else rising  # each derivative falls in size, and they change signs
    return made(lambda v: _forward("erfcx")(v, n=n), places=monotone.OWN_PLACES * (n + 1))(x)


def _quantile(x: Interval) -> Interval:
    found = rising(_forward("ndtri"), (0.0, 1.0))(x)
    unit = monotone.OWN_PLACES * 2.0**-52
    return between(found.low - unit * (1 + np.abs(found.low)), found.high + unit * (1 + np.abs(found.high)))


def _polygamma(x: Interval, *, n: int = 1) -> Interval:
    return of_positive(lambda v: _forward("polygamma")(v, n=n), -1 if n % 2 else 1)(x)


def _bessel(x: Interval, *, n: int = 1, scaled: bool = False) -> Interval:
    return even(lambda v: _forward("bessel")(v, n=n, scaled=scaled), -1 if scaled else 1)(x)


def _sinc(x: Interval, *, n: int = 0) -> Interval:
    # the integral of cos(pi x t) over t from 0 to 1: its n-th derivative is at most that of (pi t) ** n
    most = np.pi ** (n + 1) / (n + 2) * (1 + 1e-15)
    places = monotone.OWN_PLACES * max(1.0, np.pi**n)
    return sloping(lambda v: _forward("sinc")(v, n=n), most, places=places)(x)


def _of_choices() -> dict[str, Enclosure]:
    return {
        "eq": choices.equal, "ne": choices.unequal, "lt": choices.less, "le": choices.less_equal,
        "gt": choices.greater, "ge": choices.greater_equal, "logical_not": choices.negated, "step": choices.positive,
        "share": choices.share, "inside": choices.inside, "where": choices.where, "clip": choices.clipped,
        "maximum": choices.extreme(np.maximum), "minimum": choices.extreme(np.minimum),
        "relu": lambda x: within(real(x), 0.0), "bitwise_and": choices.both, "bitwise_or": choices.either,
        "bitwise_xor": choices.one_of_two, "bitwise_not": choices.inverted, "ties": choices.ties,
        "amax": choices.reduced(_forward("amax")), "amin": choices.reduced(_forward("amin")),
        "argmax": choices.place_of(1, _forward("argmax")), "argmin": choices.place_of(-1, _forward("argmin")),
    }  # fmt: skip


_MOVING = ("reshape", "transpose", "getitem", "diagonal", "embedded", "unfold", "windowed")


def _of_axes() -> dict[str, Enclosure]:
    total = sums.adding(_forward("sum"), sums.evenly)
    return {
        **{name: sums.moving(_forward(name)) for name in _MOVING},
        **{name: sums.adding(_forward(name), sums.counted(_forward(name))) for name in ("scatter", "fold")},
        "broadcast_to": spread,
        "sum": total,
        "sum_to": sums.adding(_forward("sum_to"), sums.evenly),
        "mean": sums.averaging(lambda x, refined=False, **params: total(x, **params), count_of),
        "cumsum": sums.cumsum(_forward("cumsum")),
        "astype": converted,
        "assign": _assigned,
        "concatenate": _joined,
        "length": _length,
    }


def converted(x: Interval, *, dtype: Any) -> Interval:
    """Return `x` in another dtype: a float is the same number in each of them, a whole one what is left of it."""
    kind = np.dtype(dtype).kind
    if kind == "c":
        return whole(x.shape)
    if kind == "f":
        return real(x)
    if kind == "b":
        return choices.unequal(x, point(0.0))
    x = each_end(np.trunc, real(x) if x.low.dtype.kind == "b" else x)
    return each_end(lambda v: v.astype(dtype), x) if _has_place(x, dtype) else whole(x.shape)


def _has_place(x: Interval, dtype: Any) -> bool:
    """Return whether all whole numbers inside have a place in `dtype`."""
    info = np.iinfo(dtype)
    return not ((x.low < float(info.min)) | (x.high >= float(int(info.max) + 1))).any()


def in_dtype(x: Interval, dtype: Any) -> Interval | None:
    """Return `x`, known to hold booleans, or whole numbers of `dtype`, as such; None where it may lie beyond that.

    The sum of two booleans is whether there is one that holds.
    """
    if np.dtype(dtype).kind == "b":
        return x if x.low.dtype.kind == "b" else choices.unequal(x, point(0.0))
    if x.low.dtype.kind == "f":
        x = between(low := np.ceil(x.low), low if x.is_point else np.floor(x.high))
    endless = np.isinf(real(x).low).all() and np.isinf(real(x).high).all()
    return x if endless or _has_place(real(x), dtype) else None


def _assigned(a: Interval, b: Interval, *, index: Any) -> Interval:
    a, b = (real(a), real(b)) if "f" in (a.low.dtype.kind, b.low.dtype.kind) else (a, b)
    return each_end(lambda v, w: _forward("assign")(v, w, index=index), a, b)


def _joined(*xs: Interval, axis: int) -> Interval:
    if any(x.low.dtype.kind == "f" for x in xs):
        xs = tuple(map(real, xs))
    return each_end(lambda *parts: np.concatenate(parts, axis), *xs)


def _length(x: Interval, *, p: Any = 2, axis: Any = None, keepdims: Any = False) -> Interval:
    x, total = size(x), sums.adding(_forward("sum"), sums.evenly)
    if p in (np.inf, -np.inf):
        return choices.reduced(np.max if p > 0 else np.min)(x, axis=axis, keepdims=keepdims)
    if p == 1:
        return total(x, axis=axis, keepdims=keepdims)
    if p == 2:
        return powers.root(total(powers.square(x), axis=axis, keepdims=keepdims))
    sizes = total(powers.even_power(x, p=p), axis=axis, keepdims=keepdims)
    return powers.power(sizes, powers.inverse(point(float(p))))


def _of_matrices() -> dict[str, Enclosure]:
    return {
        "matmul": sums.matmul, "linear": sums.linear, "affine": sums.affine, "inv": systems.inverse,
        "solve": systems.solved, "det": systems.determinant, "logabsdet": systems.log_determinant,
        "cholesky": systems.cholesky,
    }  # fmt: skip
