"""The program of a graph as JavaScript: a module for any engine, and the parts of it that a live picture carries."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import CompileError
from tensorgrad.graph.cfile import CProgram, flat_memory, refusal, shift_of
from tensorgrad.graph.cnames import Words
from tensorgrad.graph.cprogram import program_of
from tensorgrad.graph.python import PythonFile
from tensorgrad.program.clowering import Lowering
from tensorgrad.program.contents import Step, Value
from tensorgrad.program.cops import Call
from tensorgrad.program.cvalues import Access, Unspoken, short
from tensorgrad.program.liveness import needed

from .jsloops import statements
from .jsspelling import ARRAYS, HELPERS, MATHS, number

_NO_FUNCTION = ("erf", "erfc", "lgamma", "tgamma", "fma")
"""What the math library of C has, and JavaScript has not."""
_RESERVED = (
    *["i", "j", "k", "l", "s"], *(f"i{n}" for n in range(40)), *(f"at{n}" for n in range(40)), "at", "best", "forward",
    "backward", "Math", "Object", "Infinity", "NaN", "abs", "arguments", "await", "debugger", "delete", "eval",
    "finally", "function", "implements", "in", "instanceof", "interface", "let", "null", "package", "super", "var",
    "with", "yield", *ARRAYS.values(), *HELPERS,
)  # fmt: skip
_NONE: Mapping[int, Array] = {}
_CALLED = re.compile(r"(?<![.\w])(\w+)\(")
_HEAD = """\
// The recorded computation in JavaScript: {functions}.
// Each takes arrays of numbers row by row, and answers with an array of such arrays; or with null, where an index is
// out of range or numbers take another way than those of the trace.
"""


def js_program(file: PythonFile, by: str) -> CProgram:
    """Return the program of `file` as JavaScript can say it, for what is called `by`."""
    return program_of(file, by, _is_missing)


def _is_missing(text: str) -> bool:
    """Return whether the text that C has for a function calls what JavaScript lacks."""
    return any(f"{name}@(" in text for name in _NO_FUNCTION)


def js_source(file: PythonFile) -> str:
    """Return the program of `file` as a module of JavaScript, see `Graph.to_js`."""
    return JSFile(js_program(file, "to_js()")).text()


class JSFile:
    """A program in JavaScript: arrays, each by its name, and what the two functions do with them.

    Attributes:
        names: the name of the array of each root.

    Raises:
        CompileError: JavaScript has no form for one of the steps.
    """

    def __init__(self, source: CProgram, *, numbered: bool = False) -> None:
        self.source, self.program = source, source.program
        self.lowering = Lowering(self.program, products=True)
        self.values: dict[int, Value] = {v.number: v for v in self.program.values}
        self.names: dict[int, str] = {}
        self.numbered = count() if numbered else None
        self.words = Words(_RESERVED)
        self.known = dict(source.words) | {n.number: n.word for part in source.given for n in part}
        self.line_of = {id(step): at for step, at in zip(self.program.steps, source.at, strict=True)}
        parts = needed(self.program)[: len(source.given)]
        self.functions = [list(self._function(steps)) for steps in parts]
        for n in (n for part in source.given for n in part):  # also what nothing reads
            self.name(n.number)

    def name(self, root: int) -> str:
        """Return the name of the array of a root."""
        if root not in self.names:
            word = self.known.get(root)
            if self.numbered is not None:
                self.names[root] = f"v{next(self.numbered)}"
            else:
                self.names[root] = self.words.numbered("t") if word is None else self.words.free(word)
        return self.names[root]

    def place(self, value: int) -> tuple[str, int, Sequence[int]]:
        """Return where a value stands: the name of an array, an offset, and the strides over its axes.

        Raises:
            CompileError: its elements stand in none.
        """
        v = self.values[value]
        try:
            found = self.lowering.memory.access(value, v.shape)
        except Unspoken:
            raise CompileError(f"{v.dtype} {v.shape} has no place in JavaScript") from None
        steps = iter(found.strides)
        strides = [next(steps) if n != 1 else 0 for n in v.shape]
        return self.name(found.root), found.offset + self._shift(found.root), strides

    def arrays(self, first: Mapping[int, Array] = _NONE) -> Iterator[tuple[str, str, Value]]:
        """Yield the declaration of every array: its name, what makes it, and the value.

        It begins with its numbers in a constant, with those of `first`, by root, in what is given, and with zeros else.
        """
        for root, name in self.names.items():
            v = self.values.get(root) or self.lowering.added[root]
            try:
                made = ARRAYS[short(v.dtype)]
            except (Unspoken, KeyError):
                raise CompileError(f"{self.source.by} has no JavaScript for {v.dtype}, the dtype of {name}") from None
            flat = flat_memory(self.program.arrays[root]) if v.kind == "constant" else first.get(root)
            numbers = "" if flat is None else ", ".join(number(x).strip("()") for x in flat.ravel())
            inside = math.prod(v.shape) if flat is None else f"[{numbers}]"
            yield name, f"new {made}({inside})", v

    def text(self) -> str:
        """Return the whole module."""
        several = len(self.functions) > 1
        parts = [_HEAD.format(functions="forward, and the gradients by backward" if several else "forward").rstrip()]
        parts[0] += "".join(f"\n// {line}" for line in self.source.head)
        functions = ["\n".join(self._exported(i)) for i in range(len(self.functions))]
        lines = [f"const {name} = {made}; // {v.dtype} {v.shape}" for name, made, v in self.arrays()]
        parts += [self.helpers(functions), "\n".join(lines), *functions]
        return "\n\n".join(filter(None, parts)) + "\n"

    def helpers(self, texts: Sequence[str]) -> str:
        """Return the declarations of the functions that are called in `texts`."""
        called = set(_CALLED.findall("\n".join(texts)))
        here = [f"const {name} = {text};" for name, text in HELPERS.items() if name in called]
        maths = sorted(called.intersection(MATHS))
        return "\n".join([*([f"const {{{', '.join(maths)}}} = Math;"] if maths else []), *here])

    def _exported(self, part: int) -> Iterator[str]:
        given, results = self.source.given[part], self.source.results[part]
        words = [f"{self.name(n.number)}_" for n in given]
        name = ("forward", "backward")[part]
        yield from (f"// {self.name(n.number)}: {n.told}" for n in given)
        yield f"export function {name}({', '.join(words)}) {{"
        for array, word in zip((self.name(n.number) for n in given), words, strict=True):
            wrong = f"throw new RangeError(`{name}: {array} has ${{{array}.length}} numbers`);"
            yield f"  if ({word}.length !== {array}.length) {wrong}"
            yield f"  {array}.set({word});"
        yield f"  return run{name}() ? null : [{', '.join(self.name(r.number) + '.slice()' for r in results)}];"
        yield "}"
        yield f"function run{name}() {{"
        above = ""
        for line, found in self.functions[part]:
            if line != above:
                yield f"  // {line}"
                above = line
            yield from (f"  {one}" for one in found)
        yield "  return 0;"
        yield "}"

    def _function(self, steps: Sequence[Step]) -> Iterator[tuple[str, list[str]]]:
        """Yield the statements of each step, with the line that it comes from."""
        roots = self.lowering.memory.roots
        for step in steps:
            at = self.line_of[id(step)]
            line = self.source.line(at).text
            if step.kind == "view" and step.out is not None and roots[step.out] != step.out:
                continue
            if any(0 in self.values[n].shape for n in (*step.writes, *(() if step.out is None else (step.out,)))):
                continue
            for op in self.lowering.ops([step]):
                try:
                    if isinstance(op, Call):
                        raise Unspoken
                    yield line, statements(op, self._shifted)
                except Unspoken:
                    raise CompileError(refusal(self.source, "JavaScript", step, at)) from None

    def _shifted(self, access: Access) -> tuple[str, int]:
        return self.name(access.root), access.offset + self._shift(access.root)

    def _shift(self, root: int) -> int:
        v = self.values.get(root)
        return shift_of(self.program.arrays[root]) if v is not None and v.kind == "constant" else 0
