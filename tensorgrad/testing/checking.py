"""`check`: every derivative of a function at a point, in both modes, against numerical ones and against each other."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError

from .asked import Options, verifying
from .comparison import Comparison
from .extrapolation import FAR, LARGEST_STEP
from .identities import BLUR, Identities
from .report import Report, unrepeatable, verdict_of, written
from .sides import Slope
from .slips import gone_through
from .steps import (
    GLIMPSE,
    ROUNDING,
    along,
    anywhere,
    coordinates_of,
    glimpsed,
    inside,
    judged,
    measured,
    require_float64,
    rounded,
    scale_of,
    times,
)
from .subject import UNRECORDED, Subject

MORE = 12  # runs with other rounding before a failure is told
DIRECTIONS = 3  # in which all elements move, where not every element is tried alone
TOGETHER = 10  # binary orders of magnitude: slopes that are looked at in one direction
FEWER = 2.0**-6  # the largest step along a direction, in which few evaluations are made


@verifying
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
    allow_undecided: bool = True,
    seed: int = 0,
) -> Report:
    """Return how the derivatives of `fn` at `inputs` compare with numerical ones, coordinate by coordinate.

    No tolerance is needed: the numerical derivatives come with an estimate of their error, and a disagreement that
    neither this nor rounding explains is a failure, be the gradient large or tiny.

    Args:
        fn: function of the inputs; returns a tensor or several. What is differentiated is the sum of all elements, with
            a weight between 1/2 and 1 for each, and more for outputs that are small beside others.
        inputs: the arguments. Tensors that require a gradient are checked and must be float64; others are passed on.
        max_coordinates: inputs with more elements are checked at this many of them, with two evaluations each where
            these agree and the others of them together, and along random directions in which all elements move; a
            direction that disagrees is halved until the element is found.
        directions: how many random directions; default: three, for inputs with elements that are not tried alone.
        check_reverse: check the gradients of the reverse sweep.
        check_forward: check the tangents of the forward sweep as well, and that it is the adjoint of the other:
            ``<Jv, g> = <v, JTg>``, which needs no step. None: where every operation has a forward rule.
        check_left_out: check, for several outputs, that leaving a cotangent out means zeros.
        largest_step: the first and largest step, in units of the argument where that is larger than 1.
        atol, rtol: a disagreement that is forgiven all the same, absolute, and relative to the numerical derivative.
        nondet_tol: by how much values and gradients may change when `fn` is called again.
        allow_undecided: whether the report is true in a condition where no numerical derivative converges.
        seed: decides on weights, sample and directions.

    Raises:
        GradcheckError: `fn` gives other values when it is called again, or writes to an input.
        DTypeError: an input that requires a gradient, or an output, is not float64.
        AutogradError: no input requires a gradient, or no output depends on one.
        ArgumentError: an option is not what it may be.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.5, 0.0], dtype=tg.float64, requires_grad=True)
    >>> report = check(lambda x: tg.relu(x).sum(), x)
    >>> report.verdict, [(c.input, c.index, c.sides) for c in report.kinks if c.mode == "reverse"]
    ('kink', [(0, (1,), (0.0, 1.0))])
    """
    options = Options(
        max_coordinates=max_coordinates,
        check_left_out=check_left_out,
        largest_step=largest_step,
        atol=atol,
        rtol=rtol,
        nondet_tol=nondet_tol,
        allow_undecided=allow_undecided,
        seed=seed,
        directions=directions,
        check_reverse=check_reverse,
        check_forward=check_forward,
    )
    return checked(fn, inputs, options)


def checked(fn: Callable[..., Tensor | Sequence[Tensor]], inputs: Tensor | Sequence[Any], options: Options) -> Report:
    """Return what `check` does, of verified `options`."""
    arguments: list[Any] = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    places = check_inputs(arguments)
    random = Generator().manual_seed(options.seed).numpy
    with np.errstate(all="ignore"):  # what leaves the range of floats is judged, or not used
        subject = Subject(fn, arguments, places, random)
        swept = _repeatable(subject, options.nondet_tol)
        return _Check(subject, options, random).report(swept)


def check_inputs(arguments: list[Any]) -> list[int]:
    """Return the places of the arguments that are differentiated, each of them float64.

    Raises:
        AutogradError: there are none.
        DTypeError: one is not float64.
    """
    places = [i for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad]
    if not places:
        arrays = [i for i, x in enumerate(arguments) if isinstance(x, np.ndarray)]
        found = f"; input {arrays[0]} is a numpy.ndarray, not a Tensor" if arrays else ""
        raise AutogradError(
            f"gradcheck: no input requires a gradient{found}: make one with tensorgrad.tensor(x, requires_grad=True)"
        )
    for i in places:
        require_float64(arguments[i], f"input {i}")
    return places


def _repeatable(subject: Subject, tolerance: float) -> tuple[list[Array], list[Array]]:
    """Return the gradients of two sweeps over another run of the function.

    Raises:
        GradcheckError: values or gradients change by more than `tolerance` when computed again. Only that: a NaN that
            comes again is judged later, as a failure.
    """
    again = subject.again()
    first = again.gradients()
    pairs = [(y.array, z.array) for y, z in zip(subject.outputs, again.outputs, strict=True)]
    pairs += list(zip(subject.gradients(), first, strict=True))
    for a, b in pairs:
        if not np.allclose(a, b, rtol=0.0, atol=tolerance, equal_nan=True):  # a NaN that comes again is judged later
            raise unrepeatable("gradcheck", subject.checked[0])
    for i in subject.checked:  # NaN that is still there was not written
        if not np.array_equal(subject.arguments[i].array, subject.arrays[i], equal_nan=True):
            raise written("gradcheck", i)
    return first, again.gradients()


class _Check:
    """One check: what is known about the function at this point, and the comparisons made from it."""

    def __init__(self, subject: Subject, options: Options, random: np.random.Generator) -> None:
        self.subject, self.options, self.random = subject, options, random
        self.left_out = [f"output {k}: it requires no gradient" for k in subject.constants]
        if subject.narrowest != np.float64:
            name = subject.narrowest.name
            self.left_out.append(f"digits beyond those of {name}: operations on the way are computed in {name}")
        self.forward = options.check_forward is not False and self._has_forward()
        self.gradients = dict(zip(subject.checked, subject.gradients(), strict=True))
        self.middle = np.concatenate([np.zeros(0), *(y.array.ravel() for y in subject.outputs)])
        with np.errstate(all="ignore"):
            self.sizes = np.abs(subject.weights * self.middle)
        self.noise, blurs = subject.blurred(random)
        self.asides = {i: subject.blurred_aside(i, random) for i in subject.checked}
        self.blurs = dict(zip(subject.checked, blurs, strict=True))

    def _has_forward(self) -> bool:
        try:
            for i in self.subject.checked:
                self.subject.tangent({i: np.ones(self.subject.arguments[i].shape)})
        except UNRECORDED as error:
            if self.options.check_forward:
                raise
            self.left_out.append(f"forward mode: {error}")
            return False
        return True

    def report(self, swept: tuple[list[Array], list[Array]]) -> Report:
        """Return all that is found; `swept`: the gradients of two sweeps over one graph.

        Before anything is called wrong rounding is looked at once more: a few samples of it may be small by luck.
        """
        told = list(self.left_out)
        try:
            found = self._found(swept)
        except UNRECORDED as error:  # of a backward that is linear in some directions only
            if not self.forward or self.options.check_forward:
                raise
            self.forward = False
            told.append(f"forward mode: {error}")
            self.left_out = list(told)
            found = self._found(swept)
        if verdict_of(found) == "failed":
            self.noise, blurs = self.subject.blurred(self.random, MORE)
            self.blurs = dict(zip(self.subject.checked, blurs, strict=True))
            self.left_out = list(told)
            found = self._found(swept)
        through = gone_through(self.subject.outputs)
        return Report(tuple(found), tuple(self.left_out), through, self.options.allow_undecided)

    def _found(self, swept: tuple[list[Array], list[Array]]) -> list[Comparison]:
        found = [c for i in self.subject.checked for c in self._of_input(i)]
        same = Identities(self.subject, self.gradients, self.blurs, float(self.sizes.sum()), self.random)
        if self.options.check_reverse:
            found += [same.adjoint()] if self.forward else []
            found += [*same.linear(), *same.again(*swept), *(() if self.options.second else same.alone())]
            found += same.layouts()
            found += same.undefined() if len(self.subject.outputs) > 1 and self.options.check_left_out else ()
        if self.options.second and np.isinf(self.middle).any() and not np.isnan(self.middle).any():
            found = [replace(c, verdict="undecided") if c.verdict == "not finite" else c for c in found]
        self.left_out += same.left_out
        return found

    def _of_input(self, i: int) -> Iterator[Comparison]:
        x, limit = self._array(i), self.options.max_coordinates
        chosen = coordinates_of(x, limit, self.random, self.gradients[i])
        if x.size > limit:
            yield from self._sampled(i, chosen)
        else:
            for index in chosen:
                yield from self._alone(i, index)
        wanted = self.options.directions
        for _ in range(((DIRECTIONS if limit else 1) if x.size > limit else 0) if wanted is None else wanted):
            yield from self._located(i, anywhere(x, scale_of(x)[0], self.random))
        if x.size > limit:
            tried = f"{limit} of {x.size} elements alone" if limit else "no element alone"
            self.left_out.append(f"input {i}: {tried}, the others along random directions only")

    def _alone(self, i: int, index: tuple[int, ...], quickly: bool = False) -> list[Comparison]:
        x = self._array(i)
        return self._along(i, along(index, x, scale_of(x, index)[0]), index, quickly)

    def _sampled(self, i: int, chosen: Iterable[tuple[int, ...]]) -> Iterator[Comparison]:
        """Yield the comparisons at the elements `chosen`, of two evaluations each where these agree.

        Elements where they do not are moved together, so that their number costs nothing where all is right: in one
        direction each for slopes of about the same size. Where it disagrees every one of them is tried alone.
        """
        groups: dict[int, list[tuple[int, ...]]] = defaultdict(list)
        for index in chosen:
            found = self._alone(i, index, quickly=True)
            yield from found
            if not found:
                groups[_magnitude(self.gradients[i][index])].append(index)
        x = self._array(i)
        for group in groups.values():
            if len(group) > 1:
                moved = np.isin(np.arange(x.size), [np.ravel_multi_index(index, x.shape) for index in group])
                found = self._along(i, anywhere(x, scale_of(x)[0], self.random) * moved.reshape(x.shape), None)
                if verdict_of(found) == "passed":
                    yield from found
                    continue
            for index in group:
                yield from self._alone(i, index)

    def _along(
        self, i: int, direction: Array, index: tuple[int, ...] | None, quickly: bool = False
    ) -> list[Comparison]:
        """Return the comparisons of both modes with the slope along `direction`; `quickly`: none unless two show it."""
        options, parts = self.options, {}
        with np.errstate(all="ignore"):
            if options.check_reverse:
                parts["reverse"] = times(self.gradients[i], direction).ravel()
            if self.forward:
                parts["forward"] = self.subject.tangent({i: direction})
            measure = self._glimpsed if quickly else self._slope
            slope = measure(i, direction, index, parts)
            if slope is None:
                return []
            found, length = slope
            size = float(self.sizes[self._concerned(found, parts.get("forward"))].sum())
            blur = BLUR * float(times(self.blurs[i], np.abs(direction)).sum()) / length
            blur += 0.0 if found.exact else rounded(size, length)
            compared = [
                judged(
                    found,
                    float(part.sum()) / length,
                    ROUNDING * float(np.abs(part).sum()) / length + blur,
                    size / length,
                    (options.atol, options.rtol),
                    input=i,
                    index=index,
                    mode=mode,
                )
                for mode, part in parts.items()
            ]
            if not found.exact and any(c.verdict == "disagrees" for c in compared):
                compared = self._held_inside(compared, i, direction, index, parts.get("forward"))
            return compared

    def _held_inside(
        self,
        compared: list[Comparison],
        i: int,
        direction: Array,
        index: tuple[int, ...] | None,
        tangent: Array | None,
    ) -> list[Comparison]:
        """Return the comparisons, undecided where a step so small that no kink lies in it cannot tell what is wrong."""
        concerned = None if tangent is None else tangent != 0
        slope, noise = inside(
            self._outputs(i), self.subject.weights, self._array(i), direction, index, self.noise, concerned
        )
        return [
            replace(c, verdict="undecided")
            if c.verdict == "disagrees" and not abs(c.analytic - slope) > FAR * noise
            else c
            for c in compared
        ]

    def _outputs(self, i: int) -> Callable[[Array], Array]:
        """Return the function that gives all outputs where argument `i` has other values."""
        x = self._array(i)
        return lambda moved: self.middle if moved is x else self.subject.values(i, moved)

    def _glimpsed(
        self, i: int, direction: Array, index: tuple[int, ...] | None, parts: dict[str, Array]
    ) -> tuple[Slope, float] | None:
        """Return the numerical slope of few evaluations, None unless these agree with the sum of all `parts`."""
        assert index is not None
        return glimpsed(
            self._outputs(i),
            self.middle,
            self.subject.weights,
            self._array(i),
            direction,
            index,
            [float(p.sum()) for p in parts.values()],
            self.noise + GLIMPSE * self.asides[i],
        )

    def _slope(
        self, i: int, direction: Array, index: tuple[int, ...] | None, parts: dict[str, Array]
    ) -> tuple[Slope, float]:
        """Return the numerical slope."""
        return measured(
            self._outputs(i),
            self.subject.weights,
            self._array(i),
            direction,
            index,
            largest=self.options.largest_step if index is not None else min(self.options.largest_step, FEWER),
            noise=self.noise,
            aside=self.asides[i],
            concerned=parts["forward"] != 0 if "forward" in parts else None,
            analytic=True,
        )

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


def _magnitude(slope: float) -> int:
    """Return the size of `slope` in powers of 2**TOGETHER, far from all others for a slope of 0."""
    return int(np.frexp(slope)[1]) // TOGETHER if slope else -sys.maxsize
