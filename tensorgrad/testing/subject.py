"""A function at a point, as the checks see it: one number to differentiate, both sweeps, and a value at every step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.autograd import enable_grad, grad, jvp
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import AutogradError

from .steps import require_float64

LEAST = 2.0**20  # rounding errors that an output is taken for at least
_FINER = float(np.finfo(np.float64).eps) / float(np.finfo(np.float32).eps)


def tensors_of(result: Any) -> list[Tensor]:
    """Return what a function returned as a list of tensors."""
    return [result] if isinstance(result, Tensor) else list(result)


class Subject:
    """The sum of the outputs of `fn` at `arguments` with random weights, recorded once.

    The weights bring every output to the size of the largest, so that none hides behind another.

    Args:
        fn: the function under test; it is always run as its user runs it: recorded.
        arguments: its arguments.
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
        self.arguments = [_leaf(x.array) if i in self.checked else x for i, x in enumerate(arguments)]
        self.outputs = self._run(self.arguments)
        self.cotangents = _weights(self.outputs, self._coarse(), random)
        self.weights = np.concatenate([np.zeros(0), *(w.ravel() for w in self.cotangents)])
        self.recorded = [i for i, y in enumerate(self.outputs) if y.requires_grad]
        if not self.recorded:
            raise AutogradError(
                "gradcheck: no output requires a gradient: the function leaves the graph, for instance by .detach(), "
                ".numpy() or no_grad()"
            )
        for k in self.recorded:
            require_float64(self.outputs[k], f"output {k}")

    def _run(self, arguments: Sequence[Any]) -> list[Tensor]:
        with enable_grad(), np.errstate(all="ignore"):  # NaN and infinity are answers here, and wrong ones
            return tensors_of(self.fn(*arguments))

    def again(self, arguments: Sequence[Any] | None = None) -> Subject:
        """Return the same weighted sum recorded anew, at the same `arguments` or at others."""
        other = copy.copy(self)
        other.arguments = self.arguments if arguments is None else list(arguments)
        other.outputs = self._run(other.arguments)
        return other

    def values(self, i: int, x: Array) -> Array:
        """Return all outputs in one vector with `x` in place of argument `i`; complex `x` makes every argument so."""
        kind = np.result_type(x, np.float64)
        moved = [
            _leaf((x if j == i else a.array).astype(kind)) if j in self.checked else a
            for j, a in enumerate(self.arguments)
        ]
        return _vector(self._run(moved))

    def gradients(self, left_out: int | None = None, zero: int | None = None) -> list[Array]:
        """Return the gradients of the sum, without one output, or with zeros as its cotangent; unused inputs have 0."""
        chosen = [k for k in self.recorded if k != left_out]
        return self.pulled_back(chosen, [self.cotangents[k] * (k != zero) for k in chosen])

    def pulled_back(self, chosen: Sequence[int], seeds: Sequence[Array]) -> list[Array]:
        """Return the gradients for cotangents `seeds` of the outputs `chosen`."""
        ys = [self.outputs[k] for k in chosen]
        xs = [self.arguments[i] for i in self.checked]
        with np.errstate(all="ignore"):
            found = grad(
                ys,
                xs,
                [wrap(s.astype(y.dtype)) for s, y in zip(seeds, ys, strict=True)],
                retain_graph=True,
                materialize_grads=True,
            )
        return [g.array for g in found if g is not None]

    def tangent(self, directions: dict[int, Array]) -> Array:
        """Return what each output adds to the slope of the sum along `directions` (by position), in forward mode."""
        ys = [self.outputs[k] for k in self.recorded]
        xs = [self.arguments[i] for i in directions]
        with np.errstate(all="ignore"):
            found = jvp(ys, xs, [wrap(np.asarray(v)) for v in directions.values()])
        parts = [np.zeros(y.array.size) for y in self.outputs]
        for k, t in zip(self.recorded, found, strict=True):
            parts[k] = (self.cotangents[k] * t.array).ravel()
        return np.concatenate(parts)

    def blurred(self, random: np.random.Generator) -> tuple[Array, list[Array]]:
        """Return how well the outputs, and each gradient, are known at all: what rounding on the way makes of them.

        Rounding is seen by doing the same in float32, where every rounding error is larger by a known factor, and by
        moving the arguments by a rounding error of float64. Where the function does not take float32, the latter alone
        counts.
        """
        exact = self._in(np.float64, None) or []
        blurs = [np.zeros(a.shape) for a in exact]
        for kind, factor in ((np.float64, 1.0), (np.float32, _FINER), (np.float32, _FINER)):
            for k, found in enumerate(self._in(kind, random) or ()):
                if found.shape != exact[k].shape:
                    continue  # a mask that selects other elements there
                with np.errstate(all="ignore"):
                    moved = factor * np.abs(found - exact[k])
                blurs[k] = np.maximum(blurs[k], np.where(np.isfinite(moved), moved, 0.0))
        return blurs[0], blurs[1:]

    def _in(self, kind: Any, random: np.random.Generator | None) -> list[Array] | None:
        """Return all outputs as a vector, and the gradients, in the dtype `kind`; None if the function refuses it."""
        try:
            other = self.again(self._moved(kind, random))
            return [_vector(other.outputs), *other.gradients()]
        except Exception:
            if kind is np.float64:
                raise
            return None  # a function that was never meant for float32 may say so in any way

    def _coarse(self) -> list[Array]:
        """Return the outputs in float32, or as they are where the function refuses it."""
        try:
            outputs = self.again(self._moved(np.float32, None)).outputs
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
                arguments[i] = _leaf((x * (1 + eps * signs)).astype(kind))
        return arguments


def _vector(outputs: Sequence[Tensor]) -> Array:
    return np.concatenate([np.zeros(0), *(y.array.ravel() for y in outputs)])


def _leaf(array: Array) -> Tensor:
    return wrap(np.array(array, order="K")).requires_grad_()


def _weights(outputs: Sequence[Tensor], coarse: Sequence[Array], random: np.random.Generator) -> list[Array]:
    """Return a number between 1/2 and 1 for every element, times the power of two that makes its output a large one."""
    if sum(y.array.size for y in outputs) == 1:
        return [np.ones(y.shape) for y in outputs]
    powers = [_power(y.array, other) for y, other in zip(outputs, coarse, strict=True)]
    highest = max([p for p in powers if p is not None], default=0.0)
    return [
        np.asarray(random.uniform(0.5, 1.0, y.shape)) * 2.0 ** (0.0 if p is None else highest - p)
        for y, p in zip(outputs, powers, strict=True)
    ]


def _power(y: Array, coarse: Array) -> float | None:
    """Return the binary order of magnitude of `y`, None if it has none; what is mostly rounding counts as larger."""
    with np.errstate(all="ignore"):
        size = max(_rms(np.abs(y)), LEAST * _FINER * _rms(np.abs(y - coarse)))
    return float(np.clip(np.ceil(np.log2(size)), -400, 400)) if 0 < size < np.inf else None


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x.astype(np.float64))))) if x.size else 0.0
