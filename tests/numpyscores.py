"""Who keeps a gradient through NumPy's functions: `python -m tests.numpyscores` prints the table of docs/numpy.md.

Every call of `numpycalls` is made with the tensors of a library in each place, without and with a gradient. It is right
if the values are NumPy's and the derivative along a direction is that of differences; refused if an error is raised;
wrong otherwise: another value, another derivative, or none where there is one. What is not installed is left out.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from tests.numpycalls import ARRAYS, CALLS, computed, directions, leaves, placements

H = 1e-6


def is_number(x: Any) -> bool:
    """Return whether `x` holds numbers that a direction may change."""
    return isinstance(x, np.ndarray | np.generic | float | complex) and np.asarray(x).dtype.kind in "fc"


def weights(shape: tuple[int, ...]) -> Any:
    """Return the numbers by which results are summed up, the same in every library."""
    return np.random.default_rng(len(shape)).normal(size=shape)


def wanted(call: str, along: dict[str, Any]) -> list[float | None]:
    """Return the derivative of each result by differences; None where it is no such number."""
    ends = [leaves(computed(call, {x: ARRAYS[x] + sign * H * d for x, d in along.items()})) for sign in (1, -1)]
    found: list[float | None] = []
    for above, below in zip(*ends, strict=True):
        slope = (np.asarray(above) - np.asarray(below)) / (2 * H) if is_number(above) else None
        told = None if slope is None else float((np.nan_to_num(slope) * weights(slope.shape)).sum().real)
        found.append(told)
    return found


class Library:
    """How the tensors of a library are made, read and differentiated, with NumPy's own functions."""

    def __init__(self, name: str, make: Callable[[Any, bool], Any], array: Callable[[Any], Any]) -> None:
        self.name, self.make, self.array = name, make, array

    def results(self, call: str, given: dict[str, Any]) -> list[Any]:
        """Return what a call gives, with the library's tensors."""
        return leaves(computed(call, given))

    def slopes(self, call: str, along: dict[str, Any], others: dict[str, Any]) -> list[float | None]:
        """Return the derivative of each result along a direction; None where there is none."""
        found: list[float | None] = []
        for i, y in enumerate(self.results(call, {**others, **{x: self.make(ARRAYS[x], True) for x in along}})):
            if not getattr(y, "requires_grad", not getattr(y, "constant", True)):
                found.append(None)
                continue
            given = {x: self.make(ARRAYS[x], True) for x in along}  # a graph of its own for each
            result = self.results(call, {**others, **given})[i]
            total = (result * self.make(weights(tuple(result.shape)), False)).sum()
            (total.real if "complex" in str(total.dtype) else total).backward()
            parts = [(given[x].grad, d) for x, d in along.items()]
            found.append(sum(float((np.conj(self.array(g)) * d).sum().real) for g, d in parts if g is not None))
        return found


class Boxed(Library):
    """HIPS autograd, whose functions stand in a module of its own."""

    def results(self, call: str, given: dict[str, Any]) -> list[Any]:
        """Return what its own NumPy gives."""
        return leaves(eval(f"np.{call}", {"np": import_module("autograd.numpy"), **ARRAYS, **given}))

    def slopes(self, call: str, along: dict[str, Any], others: dict[str, Any]) -> list[float | None]:
        """Return what its reverse mode says of each result."""
        found: list[float | None] = []
        for i in range(len(self.results(call, {}))):
            slope = 0.0
            for x, d in along.items():
                pull, y = import_module("autograd").make_vjp(
                    lambda a, x=x, i=i: self.results(call, {**others, x: a})[i]  # type: ignore[misc]
                )(ARRAYS[x])
                if not is_number(y):
                    continue
                slope += float((pull(weights(np.shape(y)) + 0 * y) * d).sum().real)
            found.append(slope)
        return found


def libraries() -> list[Library]:
    """Return those that are installed."""
    installed = {module: import_module(module) for module in NAMES if find_spec(module) is not None}
    print(
        *[f"left out: {name} is not installed" for module, name in NAMES.items() if module not in installed], sep="\n"
    )
    found = []
    for module, library in installed.items():
        if module == "autograd":
            found.append(Boxed(NAMES[module], lambda a, grad: a, lambda x: x))
        else:
            found.append(Library(NAMES[module], maker(library), lambda x, kind=library.Tensor: read(x, kind)))  # type: ignore[misc]
    return found


NAMES = {"tensorgrad": "tensorgrad", "autograd": "HIPS autograd", "mygrad": "MyGrad", "torch": "PyTorch"}


def maker(library: Any) -> Callable[[Any, bool], Any]:
    """Return what makes a tensor of an array, which asks for a gradient or does not."""
    if library.__name__ == "mygrad":
        return lambda a, grad: library.tensor(a, constant=not grad)
    return lambda a, grad: library.tensor(a, requires_grad=grad)


def read(x: Any, kind: type) -> Any:
    """Return the array of a tensor; all else as it is."""
    return x if not isinstance(x, kind) else x.detach().numpy() if hasattr(x, "detach") else x.data


def verdict(library: Library, call: str, place: tuple[str, ...], grad: bool) -> str:
    """Return what becomes of a call: "right", "wrong" or "refused"."""
    along = directions(place) if grad else {}
    try:
        given = {x: library.make(ARRAYS[x], x in along) for x in place}
        results = library.results(call, given)
        known = leaves(computed(call, {}))
        slopes = library.slopes(call, along, {x: t for x, t in given.items() if x not in along}) if grad else []
    except Exception:  # noqa: BLE001 - whatever a library says no with
        return "refused"
    values = [library.array(x) if not isinstance(x, str) else x for x in results]
    if len(values) != len(known) or not all(map(alike, values, known)):
        return "wrong"
    pairs = zip(slopes, wanted(call, along), strict=True) if grad else []
    return (
        "right"
        if all(want is None or np.isclose(slope or 0.0, want, rtol=1e-3, atol=1e-4) for slope, want in pairs)
        else "wrong"
    )


def alike(found: Any, known: Any) -> bool:
    """Return whether a result holds what NumPy's does."""
    if not isinstance(known, np.ndarray | np.generic | float | complex):
        return True
    found = np.asarray(getattr(found, "_value", found))
    return found.dtype != object and found.shape == np.shape(known) and np.allclose(found, known, 1e-6, 1e-9, True)


def scores(library: Library) -> Counter[str]:
    """Return how often each verdict is given."""
    counted: Counter[str] = Counter()
    for call in CALLS:
        for place in placements(call):
            for grad in (False, True):
                if not grad or directions(place):
                    counted[verdict(library, call, place, grad)] += 1
    return counted


def table() -> str:
    """Return the table of the page."""
    rows = ["| library | right | wrong | refused |", "|---|---|---|---|"]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for library in libraries():
            found = scores(library)
            rows.append(f"| {library.name} | {found['right']:,} | {found['wrong']:,} | {found['refused']:,} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
