"""A program as data: the numbers it starts from, lines of Python, what is differentiated; a script, when printed."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import numpy as np

NAME = re.compile(r"\bv\d+\b")


@dataclass(frozen=True)
class Leaf:
    """A tensor that the program starts from."""

    name: str
    array: np.ndarray
    tracked: bool

    def __str__(self) -> str:
        options = f"dtype=xp.{self.array.dtype}{', requires_grad=True' if self.tracked else ''}"
        made = f"xp.tensor({self.array.tolist()!r}, {options})"
        return f"{self.name} = {made}" if self.array.size else f"{self.name} = xp.zeros({self.array.shape}, {options})"


@dataclass(frozen=True)
class Line:
    """``targets = text``, or a statement where there are no targets; `op` is what the table of results calls it."""

    op: str
    text: str
    targets: tuple[str, ...] = ()
    silent: bool = False  # under no_grad

    def __str__(self) -> str:
        statement = f"{', '.join(self.targets)} = {self.text}" if self.targets else self.text
        return f"with xp.no_grad():\n    {statement}" if self.silent else statement

    @property
    def reads(self) -> set[str]:
        return set(NAME.findall(self.text))

    @property
    def cut(self) -> bool:
        """Whether its results are constants, whatever they were computed from."""
        return self.silent or ".detach()" in self.text


@dataclass(frozen=True)
class Program:
    """A straight-line program; `twice`: the gradients are accumulated by two backward passes of one graph."""

    leaves: tuple[Leaf, ...]
    lines: tuple[Line, ...]
    outputs: tuple[str, ...]
    twice: bool = False

    @property
    def tracked(self) -> tuple[Leaf, ...]:
        return tuple(leaf for leaf in self.leaves if leaf.tracked)

    @property
    def ops(self) -> tuple[str, ...]:
        return tuple(line.op for line in self.lines)

    def lifted(self) -> Program | None:
        """The same program in float64; None where it is that already."""
        if all(x.array.dtype.name not in LOW for x in self.leaves) and not any(
            LOWER.search(x.text) for x in self.lines
        ):
            return None
        leaves = (replace(x, array=x.array.astype(np.float64)) if x.array.dtype.name in LOW else x for x in self.leaves)
        lines = (replace(x, text=LOWER.sub(lambda m: LOWER_TO[m[0]], x.text)) for x in self.lines)
        return replace(self, leaves=tuple(leaves), lines=tuple(lines))

    def pruned(self) -> Program:
        """The same program without the leaves that nothing reads."""
        read = set(self.outputs).union(*(line.reads for line in self.lines))
        return replace(self, leaves=tuple(x for x in self.leaves if x.name in read))

    def source(self, level: str, found: str, expected: str) -> str:
        """A script that shows what this library and PyTorch give, down to the gradients of the order in `level`."""
        body = [*map(str, self.leaves), *(part for line in self.lines for part in str(line).splitlines())]
        answer = ", ".join(dict.fromkeys(name for line in self.lines[-1:] for name in (*line.targets, *line.reads)))
        if level != "value":
            body, answer = body + self._gradient_lines(level), "gradients"
        inner = "\n".join(f"    {part}" for part in [*body, f"return {answer}"])
        return f"{HEADER}\n\ndef program(xp):\n    F = xp.nn.functional\n{inner}\n\n{FOOTER}".format(
            found=_commented(found), expected=_commented(expected)
        )

    def _gradient_lines(self, level: str) -> list[str]:
        leaves, outputs = ", ".join(x.name for x in self.tracked), ", ".join(self.outputs)
        lines = [f"leaves, ys = [{leaves}], [y for y in ({outputs},) if y.requires_grad]"]
        if self.twice:
            lines += ["for _ in range(2):", "    xp.autograd.backward(ys, list(map(weights, ys)), retain_graph=True)"]
            return [*lines, "gradients = [x.grad for x in leaves]"]
        step = "xp.autograd.grad(ys, leaves, list(map(weights, ys)), create_graph=True, allow_unused=True)"
        lines.append(f"gradients = {step}")
        if level == "second":
            lines += ["ys = [g for g in gradients if g is not None and g.requires_grad]", f"gradients = {step}"]
        return lines


HEADER = '''import tensorgrad as tg
import torch

nan, inf = float("nan"), float("inf")


def weights(y):
    """The number that each element of `y` counts with."""
    library = torch if isinstance(y, torch.Tensor) else tg
    values = [((7 * i + 3) % 16 - 7.5) / 8 for i in range(y.numel())]
    return library.tensor(values, dtype=y.dtype).reshape(y.shape)

'''

FOOTER = """
for library in (torch, tg):
    try:
        print(library.__name__, program(library), sep="\\n")
    except Exception as error:
        print(library.__name__, type(error).__name__, error, sep="\\n")
# expected:
{expected}
# found:
{found}
"""

LOW = ("float16", "float32")
LOWER = re.compile(r"xp\.float(16|32)\b|\.half\(\)|\.float\(\)")
LOWER_TO = {"xp.float16": "xp.float64", "xp.float32": "xp.float64", ".half()": ".double()", ".float()": ".double()"}


def _commented(text: str) -> str:
    return "\n".join(f"#   {line}" for line in text.splitlines())


def weights(shape: tuple[int, ...]) -> np.ndarray:
    """The number that each element of an output counts with: none is 0, all are exact in float16."""
    size = int(np.prod(shape))
    return (((7 * np.arange(size) + 3) % 16 - 7.5) / 8).reshape(shape)


@functools.lru_cache(maxsize=8192)
def compiled(text: str) -> CodeType:
    return compile(text, "<program>", "exec")


def execute(line: Line, names: dict[str, Any]) -> None:
    """Run `line` in `names`."""
    exec(compiled(str(line)), names)
