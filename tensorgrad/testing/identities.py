"""What must hold between sweeps, whatever the derivative is: no step is made, and the function hardly called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from tensorgrad.base.dtypes import Array

from .comparison import Comparison
from .layouts import laid, others
from .report import failing
from .shaking import SMALLEST
from .steps import ROUNDING, TINY, anywhere, scale_of
from .subject import UNRECORDED, Subject

SCALES = (0.0, 2.0**-50, 2.0**-20, 2.0**20, 2.0**50)  # of cotangents: a loss may be scaled, a gradient vanish
FLOAT32 = 4  # bytes
SWEEPS = 6  # sweeps that round otherwise
BLUR = 64.0  # the blur of a gradient is seen in a few samples, each of which may be small by luck


class Identities:
    """The comparisons of sweeps with each other.

    Args:
        subject: the function at a point.
        gradients: those of the weighted sum, by position.
        blurs: what rounding makes of them, by position.
        size: the sum of the weighted outputs' absolute values.
        random: draws directions and cotangents.
    """

    def __init__(
        self,
        subject: Subject,
        gradients: dict[int, Array],
        blurs: dict[int, Array],
        size: float,
        random: np.random.Generator,
    ) -> None:
        self.subject, self.gradients, self.blurs, self.size, self.random = subject, gradients, blurs, size, random
        self.left_out: list[str] = []

    def adjoint(self) -> Comparison:
        """Return the comparison of <Jv, g> with <v, JTg>, v a direction in which all inputs move."""
        arrays = {i: self.subject.arguments[i].array for i in self.subject.checked}
        vs = {i: anywhere(x, scale_of(x)[0], self.random) for i, x in arrays.items()}
        with np.errstate(all="ignore"):
            left = self.subject.tangent(vs)
            right = np.concatenate([(self.gradients[i] * v).ravel() for i, v in vs.items()])
            blur = sum(BLUR * float((self.blurs[i] * np.abs(v)).sum()) for i, v in vs.items())
            blur += 4 * SMALLEST * sum(float(np.abs(v).sum()) for v in vs.values())
            rounding = ROUNDING * (float(np.abs(left).sum() + np.abs(right).sum()) + self.size) + blur
        return _equality(None, None, "adjoint", float(left.sum()), float(right.sum()), rounding)

    def undefined(self) -> Iterator[Comparison]:
        """Yield, for each output and input, the comparison of no cotangent for that output with one of zeros."""
        for k in range(len(self.subject.outputs)):
            yield from self._same("left out", self.subject.gradients(left_out=k), self.subject.gradients(zero=k))

    def linear(self) -> Iterator[Comparison]:
        """Yield, for each input, the comparisons that say whether the gradient is linear in the cotangent.

        That for a sum is the sum of gradients: the second cotangent has both signs, as a rule that takes the absolute
        value of it is right for the first. That for a cotangent far larger or smaller is as much larger or smaller.
        """
        subject, every = self.subject, range(len(self.subject.outputs))
        base = [self.gradients[i] for i in subject.checked]
        ws = [-w if w.size == 1 else w * self.random.choice([-1.0, 1.0], w.shape) for w in subject.cotangents]
        second = subject.pulled_back(every, ws)
        both = subject.pulled_back(every, [v - 2 * w for v, w in zip(subject.cotangents, ws, strict=True)])
        with np.errstate(all="ignore"):
            sums = [g - 2 * h for g, h in zip(base, second, strict=True)]
            sizes = [np.abs(g) + 2 * np.abs(h) for g, h in zip(base, second, strict=True)]
        yield from self._same("linear", both, sums, sizes, "a sum of two cotangents")
        for factor in SCALES if subject.narrowest.itemsize >= FLOAT32 else (0.0,):  # others leave the range of float16
            yield from self._scaled(factor, [factor * w for w in subject.cotangents], base)

    def _scaled(self, factor: float, seeds: list[Array], base: list[Array]) -> Iterator[Comparison]:
        """Yield the comparisons of the gradients for `seeds`, cotangents `factor` times as large, with those in `base`.

        Not where a number on the way may have left the range of floats: where one of 5e-324 more or less is seen.
        """
        every = range(len(seeds))
        found = self.subject.pulled_back(every, seeds)
        with np.errstate(all="ignore"):
            expected = [np.where(np.isfinite(g), factor * g, g) for g in base]
            if factor:
                spoilt = [~np.isfinite(f) | (np.abs(e) < TINY) for f, e in zip(found, expected, strict=True)]
                found = [np.where(s & (f != 0), e, f) for s, f, e in zip(spoilt, found, expected, strict=True)]
        detail = f"a cotangent {factor:.3g} times as large" if factor else "a cotangent of zeros"
        compared = list(self._same("linear", found, expected, detail=detail, factor=factor))
        if factor and any(c.verdict == "disagrees" for c in compared):
            with np.errstate(all="ignore"):
                shaken = [self.subject.swept(self.random, seeds) for _ in range(SWEEPS)]
                lost = [
                    BLUR * np.max([np.nan_to_num(np.abs(s[k] - f)) for s in shaken], axis=0)
                    for k, f in enumerate(found)
                ]
                found = [np.where(np.abs(f - e) <= x, e, f) for f, e, x in zip(found, expected, lost, strict=True)]
            compared = list(self._same("linear", found, expected, detail=detail, factor=factor))
        yield from compared

    def again(self, first: list[Array], second: list[Array]) -> Iterator[Comparison]:
        """Yield, for each input, the comparison of a second sweep over one graph with the first."""
        yield from self._same("again", second, first, blurred=False)

    def alone(self) -> Iterator[Comparison]:
        """Yield the comparisons of each input's gradient where some inputs require none.

        Where it alone requires one, and where all do but one: of up to three inputs those are all choices there are.
        """
        checked = self.subject.checked
        chosen = [[i] for i in checked] if len(checked) > 1 else []
        chosen += [[i for i in checked if i != j] for j in checked] if len(checked) > 2 else []
        for some in chosen:
            named = f"only {'input' if len(some) == 1 else 'inputs'} {', '.join(map(str, some))}"
            try:
                found = self.subject.only(some)
            except UNRECORDED as error:  # of a function that takes gradients itself
                self.left_out.append(f"gradients where {named} require one: {error}")
            else:
                for i, gradient in zip(some, found, strict=True):
                    yield from self._same("alone", [gradient], [self.gradients[i]], detail=named, only=i)

    def layouts(self) -> Iterator[Comparison]:
        """Yield the comparisons of the gradients with those where inputs, or cotangents, lie otherwise in memory.

        Raises:
            GradcheckError: there, and only there, a gradient cannot be computed.
        """
        subject, weights = self.subject, self.subject.cotangents
        expected = [self.gradients[i] for i in subject.checked]
        for name in _named(subject.arguments[i].shape for i in subject.checked):
            yield from self._laid(f"inputs lie {name}", partial(self._of_inputs, name), expected)
        # recorded, for a sweep that is not takes a copy of the cotangent for a function of the user's
        for name in _named(y.shape for y in subject.outputs):
            yield from self._laid(
                f"the cotangent lies {name}", self._pulled([laid(w, name) for w in weights]), expected
            )
        if any(y.array.size > 1 for y in subject.outputs):
            ones = [np.broadcast_to(np.max(w, initial=1.0), w.shape) for w in weights]
            expected = subject.pulled_back(range(len(ones)), [np.array(w, order="C") for w in ones])
            yield from self._laid("the cotangent is expanded", self._pulled(ones), expected)

    def _of_inputs(self, name: str) -> list[Array]:
        return self.subject.laid(name).gradients()

    def _pulled(self, seeds: list[Array]) -> Callable[[], list[Array]]:
        return partial(self.subject.pulled_back, range(len(seeds)), seeds, create_graph=True)

    def _laid(self, detail: str, gradients: Callable[[], list[Array]], expected: list[Array]) -> Iterator[Comparison]:
        try:
            found = gradients()
        except UNRECORDED as error:
            self.left_out.append(f"gradients where {detail}: {error}")
        except Exception as error:
            raise failing("gradcheck", self.subject.checked[0], f"the gradient where {detail}", error) from error
        else:
            yield from self._same("layout", found, expected, detail=detail)

    def _same(
        self,
        mode: str,
        found: list[Array],
        expected: list[Array],
        sizes: list[Array] | None = None,
        detail: str = "",
        factor: float = 1.0,
        only: int | None = None,
        blurred: bool = True,
    ) -> Iterator[Comparison]:
        """Yield for each input the comparison at the element where `found` is furthest from what is `expected`.

        Args:
            mode, detail: those of the comparisons.
            found, expected: one array for each input, or for the one that is called `only`.
            sizes: of the numbers that were added up; default: of what is expected.
            factor: the size of the cotangent.
            blurred: whether rounding on the way may have been another.
        """
        sizes = [np.abs(e) for e in expected] if sizes is None else sizes
        for i, a, right, size in zip(
            self.subject.checked if only is None else [only], found, expected, sizes, strict=True
        ):
            if not a.size:
                continue
            # where a slope is infinite no sum, and no product with 0, tells anything
            e = np.where(np.isfinite(self.gradients[i]), right, a) if mode == "linear" else right
            x = self.subject.arguments[i].array
            with np.errstate(all="ignore"):
                least = float(np.max(size, initial=0.0, where=np.isfinite(size))) + factor * self.size / scale_of(x)[0]
                rounding = ROUNDING * (size + least) + (4 * BLUR * factor * self.blurs[i] if blurred else 0.0)
                off = np.abs(a - e) - rounding
            both = (a == e) | (np.isnan(a) & np.isnan(e))
            at = np.unravel_index(
                int(np.argmax(np.where(both, -np.inf, np.where(np.isnan(off), np.inf, off)))), a.shape
            )
            index = tuple(map(int, at))
            yield _equality(i, index, mode, float(a[index]), float(e[index]), float(rounding[index]), detail)


def _named(shapes: Iterable[tuple[int, ...]]) -> list[str]:
    return list(dict.fromkeys(name for shape in shapes for name in others(shape)))


def _equality(
    input: int | None,
    index: tuple[int, ...] | None,
    mode: str,
    left: float,
    right: float,
    rounding: float,
    detail: str = "",
) -> Comparison:
    """Return the comparison of two numbers that must be the same but for rounding; the same infinity is."""
    finite = bool(np.isfinite(left) and np.isfinite(right))
    same = left == right or (np.isnan(left) and np.isnan(right)) or abs(left - right) <= rounding
    verdict = ("agrees" if same else "disagrees") if finite or same else "not finite"
    scale = max(abs(left), abs(right), rounding, float(np.finfo(np.float64).tiny)) if finite else 1.0
    return Comparison(input, index, mode, left, right, rounding, scale, verdict, "sweep", detail=detail)
