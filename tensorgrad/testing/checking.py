"""`check`: every derivative of a function at a point, in both modes, against numerical ones and against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError

from .extrapolation import LARGEST_STEP, Slope
from .report import Comparison, Report, unrepeatable, verdict_of
from .steps import (
    ROUNDING,
    along,
    anywhere,
    coordinates_of,
    judged,
    measured,
    require_float64,
    rounded,
    scale_of,
)
from .subject import Subject

BLUR = 64.0  # the blur of a gradient is seen in a few samples, each of which may be small by luck
DIRECTIONS = 3  # in which all elements move, where not every element is tried alone


@dataclass(frozen=True)
class _Settings:
    coordinates: int
    directions: int | None
    reverse: bool
    forward: bool | None
    left_out: bool
    largest: float
    forgiven: tuple[float, float]


def check(
    fn: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Any],
    *,
    max_coordinates: int = 200,
    directions: int | None = None,
    check_reverse: bool = True,
    check_forward: bool | None = None,
    check_left_out: bool = True,
    largest_step: float = LARGEST_STEP,
    atol: float = 0.0,
    rtol: float = 0.0,
    nondet_tol: float = 0.0,
    seed: int = 0,
) -> Report:
    """Return how the derivatives of `fn` at `inputs` compare with numerical ones, coordinate by coordinate.

    No tolerance is needed: the numerical derivatives come with an estimate of their error, and a disagreement that
    neither this nor rounding explains is a failure, be the gradient large or tiny.

    Args:
        fn: function of the inputs; returns a tensor or several. What is differentiated is the sum of all elements, with
            a weight between 1/2 and 1 for each, and more for outputs that are small beside others.
        inputs: the arguments. Tensors that require a gradient are checked and must be float64; others are passed on.
        max_coordinates: inputs with more elements are checked at this many of them, drawn at random, and along random
            directions in which all elements move; a direction that disagrees is halved until the element is found.
        directions: how many random directions; default: three, for inputs with elements that are not tried alone.
        check_reverse: check the gradients of the reverse sweep.
        check_forward: check the tangents of the forward sweep as well, and that it is the adjoint of the other:
            ``<Jv, g> = <v, JTg>``, which needs no step. None: where every operation has a forward rule.
        check_left_out: check, for several outputs, that leaving a cotangent out means zeros.
        largest_step: the first and largest step, in units of the argument where that is larger than 1.
        atol, rtol: a disagreement that is forgiven all the same, absolute, and relative to the numerical derivative.
        nondet_tol: by how much values and gradients may change when `fn` is called again.
        seed: decides on weights, sample and directions.

    Raises:
        GradcheckError: `fn` gives other values when it is called again.
        DTypeError: an input that requires a gradient, or an output, is not float64.
        AutogradError: no input requires a gradient, or no output depends on one.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.5, 0.0], dtype=tg.float64, requires_grad=True)
    >>> report = check(lambda x: tg.relu(x).sum(), x)
    >>> report.verdict, [(c.input, c.index, c.sides) for c in report.kinks if c.mode == "reverse"]
    ('kink', [(0, (1,), (0.0, 1.0))])
    """
    arguments: list[Any] = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    checked = [i for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise AutogradError("gradcheck: no input requires a gradient: make one with requires_grad=True")
    for i in checked:
        require_float64(arguments[i], f"input {i}")
    random = Generator().manual_seed(seed).numpy
    subject = Subject(fn, arguments, checked, random)
    _repeatable(subject, nondet_tol)
    settings = _Settings(
        max_coordinates, directions, check_reverse, check_forward, check_left_out, largest_step, (atol, rtol)
    )
    return _Check(subject, settings, random).report()


def _repeatable(subject: Subject, tolerance: float) -> None:
    """Raise GradcheckError if values or gradients change by more than `tolerance` when computed again.

    Only that: a NaN that comes again is judged later, as a failure.
    """
    again = subject.again()
    pairs = [(y.array, z.array) for y, z in zip(subject.outputs, again.outputs, strict=True)]
    pairs += list(zip(subject.gradients(), again.gradients(), strict=True))
    for a, b in pairs:
        if not np.allclose(a, b, rtol=0.0, atol=tolerance, equal_nan=True):
            raise unrepeatable("gradcheck", subject.checked[0])


class _Check:
    """One check: what is known about the function at this point, and the comparisons made from it."""

    def __init__(self, subject: Subject, settings: _Settings, random: np.random.Generator) -> None:
        self.subject, self.settings, self.random = subject, settings, random
        self.left_out: list[str] = []
        self.forward = settings.forward is not False and self._has_forward()
        self.gradients = dict(zip(subject.checked, subject.gradients(), strict=True))
        with np.errstate(all="ignore"):
            ys = [(w * y.array).ravel() for w, y in zip(subject.cotangents, subject.outputs, strict=True)]
            self.sizes = np.abs(np.concatenate([np.zeros(0), *ys]))
        self.noise, blurs = subject.blurred(random)
        self.blurs = dict(zip(subject.checked, blurs, strict=True))

    def _has_forward(self) -> bool:
        i = self.subject.checked[0]
        try:
            self.subject.tangent({i: np.zeros(self.subject.arguments[i].shape)})
        except (AutogradError, NotImplementedError) as error:
            if self.settings.forward:
                raise
            self.left_out.append(f"forward mode: {error}")
            return False
        return True

    def report(self) -> Report:
        found = [c for i in self.subject.checked for c in self._of_input(i)]
        if self.forward and self.settings.reverse:
            found.append(self._adjoint())
        if len(self.subject.recorded) > 1 and self.settings.reverse and self.settings.left_out:
            found += self._undefined()
        return Report(tuple(found), tuple(self.left_out))

    def _of_input(self, i: int) -> Iterator[Comparison]:
        x, limit = self.subject.arguments[i].array, self.settings.coordinates
        for index in coordinates_of(x, limit, self.random):
            yield from self._along(i, along(index, x, scale_of(x, index)[0]), index)
        wanted = self.settings.directions
        for _ in range((DIRECTIONS if x.size > limit else 0) if wanted is None else wanted):
            yield from self._located(i, anywhere(x, scale_of(x)[0], self.random))

    def _along(self, i: int, direction: Array, index: tuple[int, ...] | None) -> list[Comparison]:
        """Return the comparisons of both modes with the slope along `direction`."""
        subject, settings = self.subject, self.settings
        found, length = measured(
            lambda x: subject.values(i, x),
            subject.weights,
            subject.arguments[i].array,
            direction,
            index,
            largest=settings.largest,
            noise=self.noise,
            analytic=True,
        )
        parts = {}
        with np.errstate(all="ignore"):
            if settings.reverse:
                parts["reverse"] = (self.gradients[i] * direction).ravel()
            if self.forward:
                parts["forward"] = subject.tangent({i: direction})
            size = float(self.sizes[self._concerned(found, parts.get("forward"))].sum())
            blur = BLUR * float((self.blurs[i] * np.abs(direction)).sum()) / length + rounded(size, length)
            return [
                judged(
                    found,
                    float(part.sum()) / length,
                    ROUNDING * float(np.abs(part).sum()) / length + blur,
                    size / length,
                    settings.forgiven,
                    input=i,
                    index=index,
                    mode=mode,
                )
                for mode, part in parts.items()
            ]

    def _concerned(self, found: Slope, tangent: Array | None) -> Array:
        """Return which outputs depend on the argument that moved; all of them where that cannot be told."""
        if tangent is None or found.moved is None or not (concerned := found.moved | (tangent != 0)).any():
            return np.ones(self.sizes.shape, dtype=bool)
        return np.asarray(concerned)

    def _located(self, i: int, direction: Array) -> list[Comparison]:
        """Return the comparisons along `direction`, or those at the one element in it that does not agree.

        Half of the direction that does not agree is halved again; where neither half disagrees alone, it stays a
        direction.
        """
        found = self._along(i, direction, None)
        places = np.arange(direction.size)
        while verdict_of(found) != "passed" and len(places) > 1:
            for half in np.array_split(places, 2):
                part = np.zeros(direction.shape)
                part.flat[half] = direction.flat[half]
                index = tuple(map(int, np.unravel_index(int(half[0]), part.shape))) if len(half) == 1 else None
                part = part if index is None else along(index, part, scale_of(self._array(i), index)[0])
                now = self._along(i, part, index)
                if verdict_of(now) != "passed":
                    found, places = now, half
                    break
            else:
                break
        return found

    def _array(self, i: int) -> Array:
        return self.subject.arguments[i].array

    def _adjoint(self) -> Comparison:
        """Return the comparison of <Jv, g> with <v, JTg>, v a direction in which all inputs move."""
        vs = {i: anywhere(self._array(i), scale_of(self._array(i))[0], self.random) for i in self.subject.checked}
        with np.errstate(all="ignore"):
            left = self.subject.tangent(vs)
            right = np.concatenate([(self.gradients[i] * v).ravel() for i, v in vs.items()])
            blur = sum(BLUR * float((self.blurs[i] * np.abs(v)).sum()) for i, v in vs.items())
            rounding = ROUNDING * (float(np.abs(left).sum() + np.abs(right).sum() + self.sizes.sum())) + blur
        return _equality(None, None, "adjoint", float(left.sum()), float(right.sum()), rounding)

    def _undefined(self) -> Iterator[Comparison]:
        """Yield, for each output and input, the comparison of no cotangent for that output with one of zeros."""
        for k in self.subject.recorded:
            pairs = zip(self.subject.gradients(left_out=k), self.subject.gradients(zero=k), strict=True)
            for i, (none, zeros) in zip(self.subject.checked, pairs, strict=True):
                if not none.size:
                    continue
                with np.errstate(all="ignore"):
                    off = np.abs(none - zeros)
                at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), none.shape)
                rounding = ROUNDING * float(np.max(np.abs(zeros), initial=0.0))
                index = tuple(map(int, at))
                yield _equality(i, index, "left out", float(none[index]), float(zeros[index]), rounding)


def _equality(
    input: int | None, index: tuple[int, ...] | None, mode: str, left: float, right: float, rounding: float
) -> Comparison:
    """Return the comparison of two numbers that must be the same but for rounding."""
    finite = bool(np.isfinite(left) and np.isfinite(right))
    verdict = ("agrees" if abs(left - right) <= rounding else "disagrees") if finite else "not finite"
    scale = max(abs(left), abs(right), rounding, float(np.finfo(np.float64).tiny)) if finite else 1.0
    return Comparison(input, index, mode, left, right, rounding, scale, verdict, "sweep")
