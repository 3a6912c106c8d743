"""A program as data: lines of Python and the numbers they start from, to print, to run anywhere, and to check."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.functions.joining import cat

from .checking import check
from .gradcheck import gradgradcheck
from .report import Report


@dataclass(frozen=True)
class Line:
    """One line of a program.

    Attributes:
        op: the row of the vocabulary that it comes from.
        text: an expression or, for a write, a statement.
        target: the name that the expression is given; None for a write.
        cut: whether its value is a constant of the program: detached, or computed under `no_grad`.
    """

    op: str
    text: str
    target: str | None
    cut: bool

    def __str__(self) -> str:
        statement = self.text if self.target is None else f"{self.target} = {self.text}"
        return f"with xp.no_grad():\n    {statement}" if self.op == "no_grad" else statement


@dataclass(frozen=True)
class Program:
    """A straight-line program on a few tensors.

    Attributes:
        leaves: the values of ``v0``, ``v1``, ... that it starts from, float64.
        lines: what it computes.
        outputs: the names of the values that nothing else reads.
    """

    leaves: tuple[Array, ...]
    lines: tuple[Line, ...]
    outputs: tuple[str, ...]

    def source(self, module: str = "tensorgrad") -> str:
        """Return the program as a script for `module`, "tensorgrad" or "torch", exact to the last bit."""
        made = [
            f"v{i} = xp.tensor({x.tolist()!r}, dtype=xp.float64, requires_grad=True)" for i, x in enumerate(self.leaves)
        ]
        ends = f"outputs = [{', '.join(self.outputs)}]"
        return "\n".join([f"import {module} as xp", "", *made, *map(str, self.lines), ends])

    def run(
        self, namespace: ModuleType | str = "tensorgrad", *leaves: Any, constants: dict[str, Array] | None = None
    ) -> list[Any]:
        """Return the outputs of the program on `namespace`, tensorgrad or torch.

        Args:
            namespace: the module that the lines call ``xp``, or its name.
            leaves: tensors of that module; default: new ones of the program's own values, which require gradients.
            constants: the values that detached lines shall keep, by name, also where the leaves have moved.
        """
        xp = module_of(namespace)
        xs = leaves or [xp.tensor(x, dtype=xp.float64, requires_grad=True) for x in self.leaves]
        names: dict[str, Any] = {"xp": xp, **{f"v{i}": x for i, x in enumerate(xs)}}
        for line in self.lines:
            execute(line, names)
            if constants is not None and line.cut and line.target is not None:
                names[line.target] = _kept(names[line.target], constants[line.target])
        return [names[name] for name in self.outputs]

    def constants(self) -> dict[str, Array]:
        """Return the values of the detached lines."""
        names: dict[str, Any] = {
            "xp": module_of("tensorgrad"),
            **{f"v{i}": leaf_of(x) for i, x in enumerate(self.leaves)},
        }
        found = {}
        for line in self.lines:
            execute(line, names)
            if line.cut and line.target is not None:
                found[line.target] = names[line.target].array.copy()
        return found

    def check(self, second: bool = True, every_element: bool = False, seed: int = 0) -> Report:
        """Return how the derivatives of the program compare with numerical ones, see `gradcheck`.

        Args:
            second: check the second derivatives as well.
            every_element: move every element alone, not only all of them in random directions.
            seed: decides on weights and directions.
        """
        constants = self.constants()

        def together(*leaves: Tensor) -> Tensor:
            return cat([y.reshape(-1) for y in self.run("tensorgrad", *leaves, constants=constants)])

        xs = [leaf_of(x) for x in self.leaves]
        if not together(*xs).requires_grad:
            return Report((), ("nothing in it requires a gradient",))
        limit, directions = (200, None) if every_element else (0, 1)
        report = check(together, xs, max_coordinates=limit, directions=directions, seed=seed)
        if second:
            report += gradgradcheck(together, xs, fast_mode=not every_element, raise_exception=False, seed=seed)
        return report

    def __str__(self) -> str:
        return self.source()

    __repr__ = __str__


def module_of(namespace: ModuleType | str) -> Any:
    """Return the module itself, or the one of that name."""
    return importlib.import_module(namespace) if isinstance(namespace, str) else namespace


@remembered(maxsize=4096)
def _compiled(text: str) -> CodeType:
    return compile(text, "<program>", "exec")


def execute(line: Line, names: dict[str, Any]) -> None:
    """Run `line` in `names`."""
    exec(_compiled(str(line)), names)  # noqa: S102 - the text is what the vocabulary wrote


def leaf_of(array: Array) -> Tensor:
    """Return a leaf of the values of `array` that requires a gradient."""
    return wrap(array.copy()).requires_grad_()


def _kept(value: Tensor, constant: Array) -> Tensor:
    """Return `value` where it still is the constant, and the constant where the leaves have moved it."""
    return value if np.array_equal(value.array, constant) else wrap(constant.astype(value.array.dtype))
