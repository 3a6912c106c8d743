"""Programs traced on one input and run, as the NumPy files that their graphs write, on others of the same shapes.

What the engine computes there is what the file gives, or the file says what was not followed: a *break*.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tests.fuzz.generator import Style, generated
from tests.fuzz.program import Line, Program, execute
from tests.fuzz.run import library

OTHERS = 3
TOLD = "# Read while tracing"
STYLE = Style(fits=lambda template: "register_hook" not in template)


class Outcome(NamedTuple):
    """What came of one program: "same", "told" of a break, "refused" by what writes the file, "empty", or "wrong"."""

    kind: str
    text: str = ""


def elsewhere(seed: int, number: int) -> Outcome:
    """Trace the program `number` of `seed` and run its file on other inputs."""
    program = generated(seed, number, STYLE)
    rng = Random(f"elsewhere {seed} {number}")
    lines = [line for line, runs in zip(program.lines, runs(program), strict=True) if runs]
    with np.errstate(all="ignore"):
        leaves = leaves_of(program, [leaf.array for leaf in program.leaves])
        if not lines or not leaves or not results_of(lines, program, leaves):
            return Outcome("empty")
        leaves = leaves_of(program, [leaf.array for leaf in program.leaves])  # the program may have written to them
        graph = Graph.trace(lambda *xs: results_of(lines, program, list(xs)), *leaves)
        try:
            source = graph.to_python()
        except TensorgradError as error:
            return Outcome("refused", str(error))
        names: dict[str, Any] = {}
        exec(compile(source, "generated.py", "exec"), names)
        kind = "told" if TOLD in source else "same"
        inputs = [[leaf.array for leaf in program.leaves]]
        inputs += [[other(rng, leaf.array) for leaf in program.leaves] for _ in range(OTHERS)]
        for arrays in inputs[: 1 if kind == "told" else None]:
            fault = _fault(names, lines, program, arrays)
            if fault:
                shown = "\n".join([*map(str, program.leaves), *map(str, lines), "on", *map(repr, arrays), source])
                return Outcome("wrong", f"{fault}\n{shown}")
    return Outcome(kind, source if kind == "told" else "")


def traced(number: int) -> tuple[Graph, str, list[np.ndarray]] | None:
    """Return the graph of a random program, its NumPy file and its arrays; None where there is no such file."""
    program = generated(0, number, STYLE)
    arrays = [leaf.array for leaf in program.leaves]
    lines = [line for line, done in zip(program.lines, runs(program), strict=True) if done]
    leaves = leaves_of(program, arrays)
    if not lines or not leaves or not results_of(lines, program, leaves):
        return None
    graph = Graph.trace(lambda *xs: results_of(lines, program, list(xs)), *leaves_of(program, arrays))
    try:
        return graph, graph.to_python(), arrays
    except TensorgradError:
        return None


def runs(program: Program) -> Iterator[bool]:
    """Tell of every line whether it runs."""
    names = _names(program, leaves_of(program, [leaf.array for leaf in program.leaves]))
    with np.errstate(all="ignore"):
        for line in program.lines:
            try:
                execute(line, names)
            except Exception:  # noqa: BLE001 - what is refused is left out
                yield False
            else:
                yield True


def leaves_of(program: Program, arrays: list[np.ndarray]) -> list[Tensor]:
    xp = library("tensorgrad")["xp"]
    pairs = zip(program.leaves, arrays, strict=True)
    return [xp.tensor(a.copy(), requires_grad=leaf.tracked) for leaf, a in pairs]


def _names(program: Program, leaves: list[Tensor]) -> dict[str, Any]:
    return {**library("tensorgrad"), **{leaf.name: x for leaf, x in zip(program.leaves, leaves, strict=True)}}


def results_of(lines: list[Line], program: Program, leaves: list[Tensor]) -> list[Tensor]:
    """Run the lines, and return all tensors that they made, those with a gradient first."""
    names = _names(program, leaves)
    for line in lines:
        execute(line, names)
    targets = [names[target] for line in lines for target in line.targets]
    found = [part for value in targets for part in (value if isinstance(value, tuple) else (value,))]
    return sorted((y for y in found if isinstance(y, Tensor)), key=lambda y: not y.requires_grad)


def other(rng: Random, array: np.ndarray) -> np.ndarray:
    """Return another array of the shape and dtype: the same numbers in another order, or others for floats."""
    flat = list(array.ravel())
    rng.shuffle(flat)
    moved = np.array(flat, array.dtype).reshape(array.shape)
    if array.dtype.kind != "f" or rng.random() < 0.3:
        return moved
    choices = rng.choice([[-2.0, -0.5, 0.0, 0.5, 1.0, 3.0], [0.25, 0.5, 0.75], [-1.5, 2.5, 1e3, -700.0]])
    return np.array([rng.choice(choices) for _ in flat], array.dtype).reshape(array.shape)


def _fault(names: dict[str, Any], lines: list[Line], program: Program, arrays: list[np.ndarray]) -> str:
    leaves = leaves_of(program, arrays)
    try:
        wanted = results_of(lines, program, leaves)
        first = wanted[0]
        tracked = [x for leaf, x in zip(program.leaves, leaves, strict=True) if leaf.tracked]
        xp = library("tensorgrad")["xp"]
        slopes = xp.autograd.grad(first.sum(), tracked, allow_unused=True) if first.requires_grad else []
    except Exception:  # noqa: BLE001 - these inputs are refused by the engine
        return ""
    try:
        result = names["forward"](*[a.copy() for a in arrays])
    except ValueError as error:
        known = all(a is leaf.array for a, leaf in zip(arrays, program.leaves, strict=True))
        assumed = "trace the function on inputs like these" in str(error)
        return "" if assumed and not known else f"the file refuses its inputs: {error}"
    outputs, cache = result if "backward" in names else (result, None)
    outputs = outputs if len(wanted) > 1 else (outputs,)
    for i, (got, y) in enumerate(zip(outputs, wanted, strict=True)):
        if not _close(got, y.array):
            return f"output {i}: {got!r}, not {y.array!r}"
    if "backward" in names:
        gradients = names["backward"](np.ones_like(first.array), cache)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        found = [g.array for g in slopes if g is not None]
        if len(gradients) != len(found):
            return f"{len(gradients)} gradients, not {len(found)}"
        for got, wanted_ in zip(gradients, found, strict=True):
            known = ~np.isnan(got)  # where a choice hides a NaN, the engine looks again
            if not _close(np.where(known, got, 0), np.where(known, wanted_, 0)):
                return f"a gradient: {got!r}, not {wanted_!r}"
    return ""


def _close(got: Any, wanted: np.ndarray) -> bool:
    unit = {2: 1e-2, 4: 1e-4}.get(wanted.dtype.itemsize if wanted.dtype.kind == "f" else 8, 1e-9)
    if np.shape(got) != wanted.shape or np.asarray(got).dtype != wanted.dtype:
        return False
    return bool(np.allclose(got, wanted, rtol=unit, atol=unit, equal_nan=True))
