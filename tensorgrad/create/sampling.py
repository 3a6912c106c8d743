"""Functions that draw random tensors, with PyTorch's names and defaults. None carries a gradient."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from tensorgrad.base.answers import guard
from tensorgrad.base.caching import remembered
from tensorgrad.base.dtypes import Array, DType, finfo, get_default_dtype, iinfo, int64
from tensorgrad.base.literals import filling, forgotten
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError

from .factory import LikeOptions, Options, SizedOptions, delivered, made, shape_from, sized
from .random import Generator, generator_of

__all__ = ["normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]


def drawn(source: np.random.Generator, kind: str, shape: tuple[int, ...], dtype: DType) -> Array:
    """Return numbers of NumPy's method `kind`, drawn in single precision for half, by parts for complex."""
    if dtype.kind not in "fc":
        raise DTypeError(f"{kind} numbers are not implemented for {dtype}: ask for a floating point dtype")
    if dtype.kind == "c":  # of variance 1: each part has half of it
        part = np.dtype(f"f{dtype.itemsize // 2}")
        real, imag = (drawn(source, kind, shape, part) for _ in range(2))
        return ((real + 1j * imag) / (np.sqrt(2.0) if kind == "standard_normal" else 1.0)).astype(dtype)
    native = dtype if dtype.itemsize in (4, 8) else np.dtype(np.float32)
    found: Array = asarray(getattr(source, kind)(shape, dtype=native))
    if kind == "random" and native != dtype:  # cut to the 11 bits of half precision: rounding would reach 1
        found = np.floor(found * 2048) / 2048
    return found.astype(dtype, copy=False)


def _drawn(kind: str, shape: tuple[int, ...], dtype: DType, generator: Generator | None) -> Array:
    return drawn(generator_of(generator), kind, shape, dtype)


def rand(
    *lengths: Any,
    generator: Generator | None = None,
    out: Tensor | None = None,
    **options: Unpack[SizedOptions],
) -> Tensor:
    """Return independent numbers, uniform in [0, 1)."""
    return sized("rand", lambda shape, dtype: _drawn("random", shape, dtype, generator), lengths, options, out=out)


def randn(
    *lengths: Any,
    generator: Generator | None = None,
    out: Tensor | None = None,
    **options: Unpack[SizedOptions],
) -> Tensor:
    """Return independent numbers from the normal distribution with mean 0 and standard deviation 1."""
    return sized(
        "randn", lambda shape, dtype: _drawn("standard_normal", shape, dtype, generator), lengths, options, out=out
    )


def rand_like(input: Tensor, *, generator: Generator | None = None, **options: Unpack[LikeOptions]) -> Tensor:
    """Return uniform numbers in the shape and dtype of `input`."""
    x = input.array
    return made("rand_like", lambda dtype: _drawn("random", x.shape, dtype, generator), options, default=x.dtype)


def randn_like(input: Tensor, *, generator: Generator | None = None, **options: Unpack[LikeOptions]) -> Tensor:
    """Return standard normal numbers in the shape and dtype of `input`."""
    x = input.array
    return made(
        "randn_like", lambda dtype: _drawn("standard_normal", x.shape, dtype, generator), options, default=x.dtype
    )


def check_bounds(low: int, high: int, dtype: DType) -> None:
    """Raise unless there are whole numbers in [low, high), and `dtype` has a place for them.

    Raises:
        ArgumentError: there are none.
        DTypeError: the first or the last is out of bounds.
    """
    if low >= high:
        raise ArgumentError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if dtype.kind in "iuf":
        least, most = _range(dtype)
        if not least <= low <= high - 1 <= most:
            raise DTypeError(f"from or to - 1 is out of bounds for {dtype}: from={low}, to={high}")


@remembered()
def _range(dtype: DType) -> tuple[float, float]:
    """Return the least and the greatest number of `dtype`."""
    limits = finfo(dtype) if dtype.kind == "f" else iinfo(dtype)
    return limits.min, limits.max


def _integers(low: Any, high: Any, shape: tuple[int, ...], dtype: DType, generator: Generator | None) -> Array:
    for name, bound in (("low", low), ("high", high)):
        if not hasattr(bound, "__index__"):
            raise TypeError(f"randint(): argument '{name}' must be int, not {type(bound).__name__}")
    check_bounds(low, high, dtype)
    return generator_of(generator).integers(low, high, shape, dtype=np.int64).astype(dtype)


def randint(
    *bounds: Any,
    low: Any = 0,
    high: Any = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    **options: Unpack[SizedOptions],
) -> Tensor:
    """Return numbers uniform in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``; int64 by default.

    Raises:
        TypeError: a bound or `size` is missing, or there is more.

    >>> randint(5, 6, (2,))
    tensor([5, 5])
    """
    given = list(bounds)
    if "size" not in options and given:
        options["size"] = given.pop()
    if given and high is None:
        high = given.pop()
    if given:
        low = given.pop()
    if high is None or given or "size" not in options:
        raise TypeError("randint() takes (high, size) or (low, high, size): one of them is missing or there are more")
    return sized("randint", lambda shape, dtype: _integers(low, high, shape, dtype, generator), (), options, out=out,
                 default=int64)  # fmt: skip


def randint_like(
    input: Tensor,
    *bounds: Any,
    low: Any = 0,
    high: Any = None,
    generator: Generator | None = None,
    **options: Unpack[LikeOptions],
) -> Tensor:
    """Return numbers uniform in [low, high), or below `high` alone, in the shape and dtype of `input`.

    Raises:
        TypeError: a bound is missing, or there is more.
    """
    given = list(bounds)
    if given and high is None:
        high = given.pop()
    if given:
        low = given.pop()
    if high is None or given:
        raise TypeError("randint_like() takes (input, high) or (input, low, high): one is missing or there are more")
    x = input.array
    return made("randint_like", lambda dtype: _integers(low, high, x.shape, dtype, generator), options, default=x.dtype)


def randperm(
    n: int, *, generator: Generator | None = None, out: Tensor | None = None, **options: Unpack[Options]
) -> Tensor:
    """Return the numbers 0 to n - 1 in random order, int64 by default."""
    (count,) = shape_from("randperm", (n,))

    def shuffled(dtype: DType) -> Array:
        filling(max(count - 1, 0), dtype)  # the largest has a place there, or is refused
        return generator_of(generator).permutation(count).astype(dtype)

    return made("randperm", shuffled, options, out=out, default=int64)


def normal(
    mean: float | Tensor,
    std: float | Tensor = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    **options: Unpack[Options],
) -> Tensor:
    """Return normal numbers with `mean` and `std`: tensors that broadcast, or numbers and the shape `size`.

    Raises:
        ArgumentError: a `std` is negative.
        TypeError: `size` is given beside tensors, or missing beside numbers.

    >>> normal(0.0, 0.0, (2,))
    tensor([0., 0.])
    """
    for name, x in (("mean", mean), ("std", std)):
        forgotten(x, f"normal(): argument '{name}'")
    m, s = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
    if not (asarray(s) >= 0).all():
        raise ArgumentError(f"normal expects std >= 0.0, but found std {s}")
    tensors = [x.array.dtype for x in (mean, std) if isinstance(x, Tensor)]
    if (size is None) != bool(tensors):
        raise TypeError("normal() takes tensors mean or std without size, or two numbers and size")
    try:
        shape = np.broadcast_shapes(np.shape(m), np.shape(s)) if size is None else shape_from("normal", (size,))
    except ValueError as error:
        raise ShapeError(
            f"normal(): mean of shape {list(np.shape(m))} and std of shape {list(np.shape(s))} do not broadcast"
        ) from error
    return made("normal", lambda dtype: asarray(m + s * _drawn("standard_normal", shape, dtype, generator), dtype),
                options, out=out, default=tensors[0] if tensors else get_default_dtype())  # fmt: skip


def _check_probabilities(p: Array) -> None:
    if p.dtype.kind != "f":
        raise DTypeError(f"bernoulli is not implemented for {p.dtype}: probabilities are floating point numbers")
    if not ((p >= 0) & (p <= 1)).all():
        raise ArgumentError("Expected p_in >= 0 && p_in <= 1 to be true, but got false: probabilities lie in [0, 1]")


def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """Return ones with the probability that each element of `input` is, or with `p` everywhere; zeros else.

    Raises:
        ArgumentError: probabilities outside of 0 and 1.
    """
    x = input.array
    chances = x if p is None else np.asarray(p, np.float64)
    _check_probabilities(chances)
    result = asarray(generator_of(generator).random(x.shape) < chances, x.dtype)
    return wrap(result) if out is None else delivered("bernoulli", result, out)


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return int64 indices drawn with weights `input`, of shape (num_samples,) or, for (N, C), (N, num_samples).

    Without replacement the samples are the `num_samples` smallest of exponential variables with rates `input`, which
    come in the order in which successive draws would (Efraimidis and Spirakis 2006).

    Raises:
        DTypeError: the weights are no floating point numbers.
        ShapeError: they have other than one or two axes.
        ArgumentError: a weight is negative or not finite, all are 0, or more samples are asked for than there are.
    """
    weights = input.array
    if weights.dtype.kind != "f":
        raise DTypeError(f"multinomial only supports floating-point dtypes for input, got: {weights.dtype}")
    if weights.ndim not in (1, 2):
        raise ShapeError(f"prob_dist must be 1 or 2 dim, found shape {list(weights.shape)}")
    if num_samples <= 0:
        raise ArgumentError(f"cannot sample n_sample <= 0 samples, found {num_samples}")
    if not replacement and num_samples > weights.shape[-1]:
        raise ArgumentError(
            f"cannot sample n_sample > prob_dist.size(-1) samples without replacement: {num_samples} of "
            f"{weights.shape[-1]}"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ArgumentError("probability tensor contains either `inf`, `nan` or element < 0")
    wide = weights.astype(np.float64)
    if not (wide.sum(axis=-1) > 0).all():
        raise ArgumentError("invalid multinomial distribution (sum of probabilities <= 0)")
    result = (_with_replacement if replacement else _without_replacement)(wide, num_samples, generator_of(generator))
    return wrap(result) if out is None else delivered("multinomial", result, out)


def _with_replacement(weights: Array, n: int, source: np.random.Generator) -> Array:
    rows = np.atleast_2d(weights)
    sums = np.cumsum(rows, axis=1)
    points = source.random((len(rows), n)) * sums[:, -1:]  # below the last sum, and never in a category of weight zero
    drawn = np.stack([np.searchsorted(row, p, side="right") for row, p in zip(sums, points, strict=True)])
    last = rows.shape[1] - 1 - np.argmax(rows[:, ::-1] > 0, axis=1)  # a point rounded up to the last sum
    found: Array = np.minimum(drawn, last[:, None]).astype(np.int64)
    return found.reshape(*weights.shape[:-1], n)


def _without_replacement(weights: Array, n: int, source: np.random.Generator) -> Array:
    waits = source.standard_exponential(weights.shape)
    with np.errstate(divide="ignore"):
        waits = np.where(weights > 0, waits / weights, np.inf)
    order: Array = np.argsort(waits, axis=-1, kind="stable").astype(np.int64)
    return order[..., :n].copy()


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Return numbers from the Poisson distributions with rates `input`, in its dtype.

    Each element by itself, in the shape of `input`.

    Raises:
        DTypeError: the rates are no floating point numbers.
        ArgumentError: a rate is negative.
    """
    rates = input.array
    if rates.dtype.kind != "f":
        raise DTypeError(f"poisson is not implemented for {rates.dtype}: rates are floating point numbers")
    if not (rates >= 0).all():
        raise ArgumentError("invalid Poisson rate, expected rate to be non-negative")
    return wrap(asarray(generator_of(generator).poisson(rates), rates.dtype))


guard(__name__)
