"""A function at a point, as the checks see it: one number to differentiate, both sweeps, and a value at every step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

import numpy as np

from tensorgrad.autograd import enable_grad, grad, jvp
from tensorgrad.autograd.order import reachable
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, node_of, wrap
from tensorgrad.errors import AutogradError, InPlaceError

from .layouts import copied, laid, like
from .report import written
from .shaking import SMALLEST, shaking
from .steps import require_float64
from .weights import LEAST, weights_of

_FINER = float(np.finfo(np.float64).eps) / float(np.finfo(np.float32).eps)
NO_OUTPUT = (
    "gradcheck: no output requires a gradient: the function leaves the graph, for instance by .detach(), .numpy() or "
    "no_grad()"
)
UNRECORDED = (AutogradError, NotImplementedError, InPlaceError)
"""What a sweep says that records itself: where a backward leaves the graph, or writes to the gradient it is given."""
ASIDE = 0.125
NEARBY = 2.0**-20  # a step that shows how steep an element is
SHAKES, SHAKEN = 3, 0.5  # runs with other rounding, and its errors in units of how far these move a number


def tensors_of(result: Any) -> list[Tensor]:
    """Return what a function returned as a list of tensors: one, or lists and tuples of them, also nested."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, list | tuple):
        return [y for part in result for y in tensors_of(part)]
    raise TypeError(
        f"gradcheck: an output is {type(result).__name__}: a function that is checked returns a Tensor, or lists and "
        f"tuples of them"
    )


class Subject:
    """The sum of the outputs of `fn` at `arguments` with random weights, recorded once.

    The weights bring every output to the size of the largest, so that none hides behind another. Outputs that require
    no gradient take no part.

    Args:
        fn: the function under test; it is always run as its user runs it: recorded.
        arguments: its arguments; how they lie in memory is kept.
        checked: the positions of those that are differentiated.
        random: draws the weights.

    Raises:
        AutogradError: no output requires a gradient.
        DTypeError: an output that requires one is not float64.
    """

    def __init__(
        self, fn: Callable[..., Any], arguments: Sequence[Any], checked: Sequence[int], random: np.random.Generator
    ) -> None:
        self.fn = fn
        self.checked = list(checked)
        self.arguments = [_leaf(copied(x.array)) if i in self.checked else x for i, x in enumerate(arguments)]
        self.arrays = {i: x.array for i, x in enumerate(arguments) if i in self.checked}
        self.positions: list[int] | None = None
        self.others: list[Subject] = []
        found = self._run(self.arguments)
        self.positions = [k for k, y in enumerate(found) if y.requires_grad]
        self.constants = [k for k, y in enumerate(found) if not y.requires_grad]
        if not self.positions:
            raise AutogradError(NO_OUTPUT)
        self.outputs = [found[k] for k in self.positions]
        for k, y in zip(self.positions, self.outputs, strict=True):
            require_float64(y, f"output {k}")
        coarse = self._coarse()
        self.cotangents = weights_of([y.array for y in self.outputs], coarse, random, partial(self._floors, random))
        self.coarse = np.concatenate([np.zeros(0), *(y.ravel() for y in coarse)])
        self.weights = np.concatenate([np.zeros(0), *(w.ravel() for w in self.cotangents)])

    def _run(self, arguments: Sequence[Any]) -> list[Tensor]:
        with enable_grad(), np.errstate(all="ignore"):  # NaN and infinity are answers here, and wrong ones
            found = tensors_of(self.fn(*arguments))
        return found if self.positions is None else [found[k] for k in self.positions]

    def again(self, arguments: Sequence[Any] | None = None) -> Subject:
        """Return the same weighted sum recorded anew, at the same `arguments` or at others."""
        other = copy.copy(self)
        other.arguments = self.arguments if arguments is None else list(arguments)
        other.outputs = self._run(other.arguments)
        return other

    def only(self, some: list[int]) -> list[Array]:
        """Return the gradients of the arguments `some` where no other argument requires one."""
        other = self.again(
            [a if j in some or j not in self.checked else a.detach() for j, a in enumerate(self.arguments)]
        )
        chosen = [k for k, y in enumerate(other.outputs) if y.requires_grad]
        if not chosen:
            return [np.zeros(self.arguments[i].shape) for i in some]
        other.checked = some
        return other.pulled_back(chosen, [self.cotangents[k] for k in chosen])

    def laid(self, layout: str) -> Subject:
        """Return the same with arguments that lie in memory by `layout`."""
        moved = [_leaf(laid(a.array, layout)) if j in self.checked else a for j, a in enumerate(self.arguments)]
        return self.again(moved)

    def values(self, i: int, x: Array) -> Array:
        """Return all outputs in one vector with `x` in place of argument `i`; complex `x` makes every argument so."""
        kind = np.result_type(x, np.float64)
        moved = [
            _leaf(like((x if j == i else a.array).astype(kind), a.array)) if j in self.checked else a
            for j, a in enumerate(self.arguments)
        ]
        return _vector(self._run(moved))

    def gradients(self, left_out: int | None = None, zero: int | None = None) -> list[Array]:
        """Return the gradients of the sum, without one output, or with zeros as its cotangent; unused inputs have 0."""
        chosen = [k for k in range(len(self.outputs)) if k != left_out]
        return self.pulled_back(chosen, [self.cotangents[k] * (k != zero) for k in chosen])

    def pulled_back(self, chosen: Sequence[int], seeds: Sequence[Array], create_graph: bool = False) -> list[Array]:
        """Return the gradients for cotangents `seeds` of the outputs `chosen`; `create_graph`: by a recorded sweep.

        Raises:
            GradcheckError: a backward writes to the cotangent.
        """
        ys = [self.outputs[k] for k in chosen]
        xs = [self.arguments[i] for i in self.checked]
        seeds = [s if s.dtype == y.dtype else s.astype(y.dtype) for s, y in zip(seeds, ys, strict=True)]
        given = [copied(s) for s in seeds]
        with np.errstate(all="ignore"):
            found = grad(
                ys,
                xs,
                [wrap(s) for s in given],
                retain_graph=True,
                create_graph=create_graph,
                materialize_grads=True,
            )
        if not all(np.array_equal(s, g, equal_nan=True) for s, g in zip(seeds, given, strict=True)):
            raise written("gradcheck", self.checked[0], "a backward writes to the gradient that it is given")
        return [g.array for g in found]

    def tangent(self, directions: dict[int, Array]) -> Array:
        """Return what each output adds to the slope of the sum along `directions` (by position), in forward mode."""
        xs = [self.arguments[i] for i in directions]
        longest = max((float(np.max(np.abs(v), initial=0.0)) for v in directions.values()), default=0.0)
        unit = 2.0 ** np.floor(np.log2(longest)) if longest > 1 else 1.0  # what is no longer overflows on the way
        with np.errstate(all="ignore"):
            found = jvp(self.outputs, xs, [wrap(np.asarray(v / unit)) for v in directions.values()])
            parts = [(w * t.array * unit).ravel() for w, t in zip(self.cotangents, found, strict=True)]
        return np.concatenate([np.zeros(0), *parts])

    def _floors(self, random: np.random.Generator) -> list[Array]:
        """Return what each element counts for at least: many rounding errors, and its change per unit of a small step.

        Not its value alone: of ``sin`` at the number next to pi it is rounding, and the slope is -1.
        """
        self.others = [self._shaken(random) for _ in range(SHAKES)]
        runs = [(other.outputs, LEAST) for other in self.others]
        moved = list(self.arguments)
        for i in self.checked:
            x = moved[i].array
            length = NEARBY * np.maximum(1.0, np.abs(x)) * random.uniform(0.5, 1.0, x.shape)
            moved[i] = _leaf(like(np.asarray(x + np.copysign(length, x)), x))
        with suppress(Exception):  # the function may refuse arguments that lie elsewhere
            runs.append((self._run(moved), 1 / NEARBY))
        floors = [np.zeros(y.shape) for y in self.outputs]
        for found, factor in runs:
            for k, (y, z) in enumerate(zip(found, self.outputs, strict=True)):
                floors[k] = np.maximum(floors[k], _apart(y.array, z.array, factor))
        return floors

    def blurred(self, random: np.random.Generator, shakes: int = SHAKES) -> tuple[Array, list[Array]]:
        """Return how well the outputs, and each gradient, are known at all: what rounding on the way makes of them.

        Rounding is seen by moving every result on the way by a rounding error (see `shaking`), and by doing the same in
        float32, where a function in NumPy too has larger rounding errors, by a known factor. Gradients are also seen
        beside the arguments; outputs are not, for numerical derivatives know where they are.
        """
        exact = [_vector(self.outputs), *self.gradients()]
        blurs = [_apart(self.coarse, exact[0], _FINER), *(np.zeros(a.shape) for a in exact[1:])]
        for kind, factor in ((np.float64, 1.0), (np.float32, _FINER)):
            for k, found in enumerate(self._gradients_in(kind, random), 1):
                blurs[k] = np.maximum(blurs[k], _apart(found, exact[k], factor))
        self.others += [self._shaken(random) for _ in range(shakes - len(self.others))]
        for other in self.others:
            other.cotangents = self.cotangents
            for k, found in enumerate([_vector(other.outputs), *other.swept(random)]):
                blurs[k] = np.maximum(blurs[k], _apart(found, exact[k], 1.0 if k else SHAKEN))
        return np.maximum(blurs[0], 8 * SMALLEST), blurs[1:]

    @cached_property
    def narrowest(self) -> Any:
        """The smallest float dtype that operations on the way compute in."""
        dtypes = [np.dtype(node.dtype) for node in reachable([node_of(y) for y in self.outputs])]
        return min((d for d in dtypes if d.kind == "f"), key=lambda d: d.itemsize)

    def _shaken(self, random: np.random.Generator) -> Subject:
        """Return another run, which rounds otherwise."""
        with shaking(random, self.narrowest != np.float64):
            return self.again()

    def swept(self, random: np.random.Generator, seeds: Sequence[Array] | None = None) -> list[Array]:
        """Return the gradients of a sweep that rounds otherwise, for the cotangents `seeds` or those of the sum."""
        seeds = self.cotangents if seeds is None else seeds
        every = range(len(self.outputs))
        with shaking(random, self.narrowest != np.float64):
            try:  # a sweep that is recorded consists of operations
                return self.pulled_back(every, seeds, create_graph=True)
            except UNRECORDED:  # of a backward that leaves the graph
                return self.pulled_back(every, seeds)

    def blurred_aside(self, i: int, random: np.random.Generator) -> Array:
        """Return what rounding makes of the outputs aside, where argument `i` is as far away as the largest steps lead.

        Over the length of that step: in ``sin(x) - x`` nothing is rounded at 0, and the more of the result beside it.
        """
        nothing, x = np.zeros(self.weights.shape), self.arrays[i]
        aside = (x + random.choice([-ASIDE, ASIDE], x.shape) * np.maximum(1.0, np.abs(x))).astype(np.float32)
        found = []
        for kind in (np.float64, np.float32):
            moved = self._moved(kind, None)
            moved[i] = _leaf(like(aside.astype(kind), x))
            try:
                found.append(_vector(self._run(moved)))
            except Exception:  # noqa: BLE001 - the function may refuse another dtype, and arguments that lie elsewhere
                return nothing
        exact, rough = found
        return _apart(rough, exact, _FINER) / ASIDE if exact.shape == nothing.shape else nothing

    def _gradients_in(self, kind: Any, random: np.random.Generator) -> list[Array]:
        """Return the gradients in the dtype `kind`, a rounding error of it beside; none if the function refuses it."""
        try:
            return self.again(self._moved(kind, random)).gradients()
        except Exception:
            if kind is np.float64:
                raise
            return []  # a function that was never meant for float32 may say so in any way

    def _coarse(self) -> list[Array]:
        """Return the outputs in float32, or as they are where the function refuses it."""
        try:
            outputs = self._run(self._moved(np.float32, None))
        except Exception:  # noqa: BLE001 - the same
            outputs = self.outputs
        pairs = zip(outputs, self.outputs, strict=True)
        return [(y if y.shape == x.shape else x).array.astype(np.float64) for y, x in pairs]

    def _moved(self, kind: Any, random: np.random.Generator | None) -> list[Any]:
        """Return the arguments in the dtype `kind`; `random` moves them by two rounding errors of it."""
        eps = 2 * float(np.finfo(kind).eps)
        arguments = list(self.arguments)
        with np.errstate(all="ignore"):
            for i in self.checked:
                x = arguments[i].array
                signs = 0.0 if random is None else random.choice([-1.0, 1.0], x.shape)
                arguments[i] = _leaf(like((x * (1 + eps * signs)).astype(kind), x))
        return arguments


def _vector(outputs: Sequence[Tensor]) -> Array:
    return np.concatenate([np.zeros(0), *(y.array.ravel() for y in outputs)])


def _leaf(array: Array) -> Tensor:
    return wrap(array).requires_grad_()


def _apart(found: Array, exact: Array, factor: float) -> Array:
    """Return by how much `found` is off, times `factor`; 0 where that says nothing: not finite, other elements."""
    if found.shape != exact.shape:
        return np.zeros(exact.shape)
    with np.errstate(all="ignore"):
        moved = factor * np.abs(found - exact)
        lost = (found == 0) & (np.abs(exact) < np.finfo(np.float32).tiny)  # below all numbers of float32
    return np.where(np.isfinite(moved) & ~(lost & (factor == _FINER)), moved, 0.0)
