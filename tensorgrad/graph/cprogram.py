"""The NumPy file of a graph run once on watched arrays: the program of its calls, which is printed as C or JavaScript.

So there is one lowering. What the file says is what these compute, line by line.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import FunctionType
from typing import Any, NoReturn

import numpy as np

from tensorgrad.base.arraycalls import Method
from tensorgrad.base.callsite import told
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import repeated, restrided
from tensorgrad.base.watched import is_watched, memory_of, watched_by, watched_in
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.tensor import Node
from tensorgrad.errors import AutogradError, CompileError
from tensorgrad.program.contents import Step
from tensorgrad.program.recorder import Recording

from .cfile import CFile, CProgram, Line, Named
from .cfiletext import CFileText
from .identifiers import unique_names
from .nodes import GraphNode
from .python import PythonFile

_VIEWS = (repeated, restrided)
"""What looks whether an array is watched, and is one call then."""
_TRI: Any = np.tri
_PLAINER: dict[Any, Callable[..., Any]] = {
    np.tril: lambda x, k=0: np.where(_TRI(*x.shape[-2:], k=k, dtype=bool), x, np.zeros(1, x.dtype)),
    np.triu: lambda x, k=0: np.where(_TRI(*x.shape[-2:], k=k - 1, dtype=bool), np.zeros(1, x.dtype), x),
    np.isclose: lambda *args: _near(*args),
    np.count_nonzero: lambda x, axis=None, keepdims=False: np.sum(x != 0, axis, np.intp, keepdims=keepdims),
}
"""What these are inside of NumPy, out of sight of a watch."""
# Names that no identifier of the file can be.
_AT, _NAMED, _DRAWN, _ASARRAY, _METHOD = "@at", "@named", "@drawn", "@asarray", "@method"


def c_source(file: PythonFile) -> str:
    """Return the program of `file` as C, see `Graph.to_c`."""
    return CFileText(CFile(program_of(file, "to_c()"))).text()


def program_of(file: PythonFile, by: str, looked_into: Callable[[str], bool] = lambda _: False) -> CProgram:
    """Return the program of `file`, for what is called `by`, which errors name.

    Of functions that say themselves how C has them, those whose text for it is `looked_into` are told as what they do.

    Raises:
        CompileError: the program depends on a number that is read.
    """
    return _Run(file, _Lines(by, looked_into)).source()


def _near(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    b = np.multiply(b, 1.0)  # NumPy, too, makes whole numbers floats
    found = np.logical_or((np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(b), a == b)
    return np.logical_or(found, np.isnan(a) & np.isnan(b)) if equal_nan else found


class _Lines(Recording):
    """A recording that knows of every step which line it comes from, and what values are called.

    What the library has one function for is looked into, for C has only what NumPy's own calls are.
    """

    one_way = True

    def __init__(self, by: str, looked_into: Callable[[str], bool]) -> None:
        super().__init__()
        self.by, self.looked_into = by, looked_into
        self.lines: list[Line] = []
        self.line = -1
        self.at: list[int] = []

    def note(self, step: Step) -> None:
        """Add a step of this line."""
        super().note(step)
        self.at.append(self.line)

    def called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], out: tuple[Any, ...] | None
    ) -> Any:
        """Run a call, and note it or what it consists of."""
        if function in _PLAINER:
            return _PLAINER[function](*args, **kwargs)
        of_each = next((f for f in (function, *args[:1]) if hasattr(f, "in_c")), None)
        if of_each is not None and self.looked_into(of_each.in_c):
            return of_each(*(args if of_each is function else args[1:]), **kwargs)
        if of_each is function:
            return super().called(function, args, kwargs, out)
        if isinstance(function, FunctionType) and not any(map(callable, args)) and function not in _VIEWS:
            return function(*args, **kwargs)
        return super().called(function, args, kwargs, out)

    def broke(self, how: str, value: Any) -> NoReturn:  # noqa: ARG002 - what a watch is told
        """Refuse what depends on a value that is read."""
        self.unfit(f"numbers are read there, by {how.strip(' ,')}")

    def unfit(self, why: str) -> NoReturn:
        """Refuse what no program can say."""
        line = self.lines[self.line]
        where = f" at {told(line.place)}" if line.place else ""
        raise CompileError(f"{self.by} cannot follow{where}, in the line {line.text}: {why}")

    def helper(self, function: Any) -> Any:
        """Return what stands for a function of the file: that of the library."""

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            watched = watched_in(args) or watched_in(tuple(kwargs.values()))
            return self.called(function, args, kwargs, None) if watched else function(*args, **kwargs)

        return run


class _Told(ast.NodeTransformer):
    """Adds to a function what tells of each line that it begins, and of each value its name."""

    def __init__(self, generators: Iterable[str]) -> None:
        self.generators = set(generators)
        self.lines: list[ast.stmt] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.body = [told for line in node.body for told in self._told(line)]
        return node

    def _told(self, line: ast.stmt) -> list[ast.stmt]:
        self.lines.append(line)
        begins = ast.Expr(_call(_AT, ast.Constant(len(self.lines) - 1)))
        drawn = {n.id for n in ast.walk(line) if isinstance(n, ast.Name)} & self.generators
        found: list[ast.stmt] = [begins, self.generic_visit(line)]  # type: ignore[list-item]
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            word = line.targets[0].id
            if drawn:
                line.value = _call(_DRAWN, ast.Constant(word), _lambda(line.value))
            found.append(ast.Expr(_call(_NAMED, ast.Constant(word), ast.Name(word, ast.Load()))))
        return found

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        text = ast.unparse(node)
        if text == "np.asarray":
            return ast.Name(_ASARRAY, ast.Load())
        if text.startswith("np.ndarray."):
            return _call(_METHOD, ast.Constant(node.attr))
        return self.generic_visit(node)  # type: ignore[return-value]


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _lambda(body: ast.expr) -> ast.expr:
    empty = ast.arguments([], [], None, [], [], None, [])
    return ast.Lambda(empty, body)


class _Run:
    """One run of the file, on the values of the trace."""

    def __init__(self, file: PythonFile, recording: _Lines) -> None:
        self.file, self.recording = file, recording
        text = file.text()
        tree = ast.parse(text)
        generators = {word for word, node in file.arguments.items() if node is None}
        telling = _Told(generators)
        parts = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name in ("forward", "backward")}
        texts = {id(line): ast.unparse(line) for f in parts.values() for line in f.body}
        places = {file.words[n.index]: n.place for n in file.nodes[: file.forward]}  # of derivatives there is no line
        modules = _modules(parts.values(), text.splitlines())
        for part in parts.values():
            telling.visit(part)
        self.lines = recording.lines = [
            Line(" ".join(texts[id(line)].split()), modules[line.lineno], places.get(_target(line)))
            for line in telling.lines
        ]
        self.given: list[list[Named]] = [[], []]
        self.part = 0
        self.words: dict[int, str] = {}
        self.numbers: dict[tuple[int, str], int] = {}
        self.namespace: dict[str, Any] = {}
        exec(compile(ast.fix_missing_locations(tree), recording.by, "exec"), self.namespace)  # noqa: S102 - our own text
        self.namespace |= {k: self.recording.helper(f) for k, f in file.source.originals.items()} | {
            _AT: self._at, _NAMED: self._named, _DRAWN: self._drawn, _ASARRAY: self._array, _METHOD: Method,
        }  # fmt: skip

    def source(self) -> CProgram:
        """Return what is printed."""
        file, program = self.file, self.recording.program
        with watched_by(self.recording), np.errstate(all="ignore"):
            found = self.namespace["forward"](*[self._argument(*pair) for pair in file.arguments.items()])
            outputs, cache = found if file.gradients else (found, ())
            outputs = outputs if len(file.outputs) > 1 else (outputs,)
            names = [[file.words[i] for i in file.outputs], [f"d{file.words[i]}" for i in file.leaves]]
            words = iter(unique_names([*names[0], *names[1]]))
            results = [self._copied(outputs, words)]
            if file.gradients:
                self.part, program.part = 1, len(program.steps)
                gradients = self.namespace["backward"](*[self._argument(*p) for p in file.seeds.items()], cache)
                results.append(self._copied(gradients if len(file.gradients) > 1 else (gradients,), words))
        for v in program.values:
            array = program.arrays[v.number]
            if v.kind == "constant":
                self._constant(v.number, array)
        program.results, program.later = ([r.number for r in part] for part in (*results, [])[:2])
        given = self.given[: len(results)]
        at, by = self.recording.at, self.recording.by
        return CProgram(program, by, self.lines, at, self.words, given, results, file.told_breaks(), self.numbers)

    def _constant(self, number: int, array: Array) -> None:
        for word in self.file.constants:
            if self.namespace[word] is array:
                self.words.setdefault(number, word)

    def _argument(self, word: str, node: GraphNode | Node | None) -> Any:
        """Return an argument with the numbers of the trace, watched; a generator where it is one."""
        if node is None:
            return np.random.default_rng(0)
        value = node.value if isinstance(node, GraphNode) else np.zeros(node.shape, node.dtype)
        if value is None:
            raise AutogradError(
                f"the value of {word} is not known any more: trace the function with Graph.trace, and let it write to "
                f"clones of what it is given"
            )
        return self._given(word, value, f"{node.dtype} {node.shape}")

    def _given(self, word: str, value: Any, note: str) -> Any:
        watched = self.recording.root(np.array(value, order="C"), "fetched")
        self.given[self.part].append(Named(word, watched.number, note))
        self.numbers[self.part, word] = watched.number
        return watched

    def _copied(self, arrays: Iterable[Any], words: Iterable[str]) -> list[Named]:
        """Return the results, copied row by row."""
        self.recording.line = -1
        found = []
        for array, word in zip(arrays, words, strict=False):
            watched = array if is_watched(array) else self.recording.root(np.asarray(array), "constant")
            made = watched.copy()
            found.append(Named(word, made.number, f"{made.dtype} {made.shape}"))
        return found

    def _array(self, value: Any, dtype: Any = None) -> Any:
        """Return a value as an array, as NumPy does."""
        if is_watched(value) and not isinstance(memory_of(value), np.ndarray):
            value = self.recording.called(np.asarray, (value,), {}, None)
        return asarray(value, dtype)

    # ---- what the file tells

    def _at(self, line: int) -> None:
        self.recording.line = line

    def _named(self, word: str, value: Any) -> None:
        """Note what a value is called: the memory that a view stands in after the first view of it."""
        if not is_watched(value):
            return
        self.numbers[self.part, word] = value.number
        v = self.recording.program.values[value.number]
        while v.source is not None:
            v = self.recording.program.values[v.source]
        self.words.setdefault(v.number, word)

    def _drawn(self, word: str, draw: Callable[[], Any]) -> Any:
        """Return what is drawn, which C is given: in the run that was traced, where that is known."""
        known = self.file.nodes[self.file.words.index(word)].value
        with watched_by(None):
            value = np.asarray(draw()) if known is None else known
        line = self.lines[self.recording.line].text
        return self._given(word, value, f"{value.dtype} {value.shape}, drawn by {line.partition(' = ')[2]}")


def _target(line: ast.stmt) -> str:
    return line.targets[0].id if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) else ""


def _modules(parts: Iterable[ast.FunctionDef], rows: list[str]) -> Mapping[int, str]:
    """Return the module above each line, by its number: what the last comment above it says, unless a row is empty."""
    found = {}
    for part in parts:
        module = ""
        for line in part.body:
            above = rows[line.lineno - 2].strip()
            module = above[2:] if above.startswith("# ") else module if above else ""
            found[line.lineno] = module
    return found
