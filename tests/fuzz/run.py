"""A program run on a library with PyTorch's names: every value on the way, and the gradients of two orders."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from tensorgrad.engine.tensor import Tensor
from tests.fuzz.program import Line, Program, execute, weights
from tests.fuzz.vocabulary import ALIASES


@dataclass(frozen=True)
class Refused:
    """An error in place of an answer."""

    error: str
    message: str

    def __str__(self) -> str:
        return f"{self.error}: {self.message}"


Answer = list[Any] | Refused
"""Arrays, or what else an operation returns; an error."""


@dataclass
class Run:
    """What came of a program: one answer for each line, then the values at the end, then the gradients.

    A line that was refused, and what reads its results, has no values. The gradients of a leaf that nothing depends on
    are zeros.
    """

    lines: list[Answer] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    gradient: Answer = field(default_factory=list)
    second: Answer = field(default_factory=list)


@cache
def library(name: str) -> dict[str, Any]:
    xp = importlib.import_module(name)
    return {"xp": xp, "F": importlib.import_module(f"{name}.nn.functional")}


def run(
    program: Program,
    name: str,
    arrays: Sequence[np.ndarray] = (),
    kept: Mapping[str, Any] | None = None,
    noise: np.random.Generator | None = None,
    factor: float = 1.0,
    derivatives: int = 2,
) -> Run:
    """Run `program` on the library `name`.

    Args:
        arrays: values of the leaves in place of the program's own.
        kept: the values that what is detached shall have, by name, in place of those that it is computed to.
        noise, factor: what moves every value that is computed by `factor` units of rounding, to see what becomes of it.
        derivatives: how many orders.
    """
    names = dict(library(name))
    xp = names["xp"]
    for leaf, array in zip(program.leaves, arrays or [x.array for x in program.leaves], strict=True):
        tensor = xp.tensor(array)
        names[leaf.name] = tensor.requires_grad_() if leaf.tracked else tensor
    found = Run()
    with np.errstate(all="ignore"):
        for line in program.lines:
            try:
                execute(line, names)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
                found.lines.append(refusal(error))
                continue
            for target in line.targets:
                names[target] = _changed(names[target], target, line, kept, noise, factor, xp)
            shown = line.targets or (line.text.split("[")[0].split(".")[0].split()[0],)
            found.lines.append([plain(names.get(target)) for target in shown])
        found.end = {key: plain(value) for key, value in names.items() if key[0] == "v" and key[1:].isdigit()}
        if derivatives:
            _differentiate(program, xp, names, found, derivatives)
    return found


def _changed(value: Any, name: str, line: Line, kept: Any, noise: Any, factor: float, xp: Any) -> Any:
    if kept and line.cut and name in kept and isinstance(kept[name], np.ndarray):
        return xp.tensor(kept[name])
    if noise is None or line.op in ALIASES or not isinstance(value, xp.Tensor):
        return value
    if value.is_floating_point() and value.grad_fn is not None:
        unit = factor * float(xp.finfo(value.dtype).eps)
        return value * xp.tensor(1 + unit * noise.uniform(-1, 1, tuple(value.shape))).to(value.dtype)
    return value


def _differentiate(program: Program, xp: Any, names: dict[str, Any], found: Run, derivatives: int) -> None:
    leaves = [names[x.name] for x in program.tracked]
    outputs = [names[name] for name in program.outputs if name in names]
    found.gradient = found.second = [np.zeros(x.array.shape, x.array.dtype) for x in program.tracked]
    try:
        gradients = (_accumulated if program.twice else _gradients)(xp, outputs, leaves)
        found.gradient = _filled(gradients, leaves)
    except Exception as error:  # noqa: BLE001 - as above
        found.gradient = found.second = refusal(error)
        return
    if derivatives > 1 and not program.twice:
        try:
            found.second = _filled(_gradients(xp, gradients, leaves), leaves)
        except Exception as error:  # noqa: BLE001 - as above
            found.second = refusal(error)


def _seeds(xp: Any, outputs: list[Any]) -> tuple[list[Any], list[Any]]:
    ys = [y for y in outputs if y is not None and y.requires_grad]
    return ys, [xp.tensor(weights(tuple(y.shape))).to(y.dtype) for y in ys]


def _gradients(xp: Any, outputs: list[Any], leaves: list[Any]) -> list[Any]:
    ys, seeds = _seeds(xp, outputs)
    if not ys or not leaves:
        return [None] * len(leaves)
    return list(xp.autograd.grad(ys, leaves, seeds, create_graph=True, allow_unused=True))


def _accumulated(xp: Any, outputs: list[Any], leaves: list[Any]) -> list[Any]:
    ys, seeds = _seeds(xp, outputs)
    for _ in range(2):
        if ys:
            xp.autograd.backward(ys, seeds, retain_graph=True)
    return [x.grad for x in leaves]


def _filled(gradients: list[Any], leaves: list[Any]) -> list[Any]:
    zeros = (np.zeros(tuple(x.shape), plain(x).dtype) for x in leaves)
    return [z if g is None else plain(g) for g, z in zip(gradients, zeros, strict=True)]


def plain(value: Any) -> Any:
    """A copy of a tensor as an array; other results as they are, sequences as tuples."""
    if isinstance(value, Tensor):
        return np.array(value.array)  # numpy() would have the engine watch the memory
    if hasattr(value, "numpy"):
        if value._is_zerotensor():  # PyTorch's zeros without memory
            return np.zeros(tuple(value.shape), str(value.dtype).removeprefix("torch."))
        return np.array(value.numpy(force=True))
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    return value


def refusal(error: Exception) -> Refused:
    return Refused(type(error).__name__, str(error).split("\n")[0][:200])
