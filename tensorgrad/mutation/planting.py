"""Where faults are planted: every mutant of a module, each its source with one expression or statement replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tensorgrad.errors import TensorgradError

from .code import Code, called, codes, is_function
from .mistakes import MISTAKES, Mistake


@dataclass(frozen=True)
class Planted:
    """A module with one fault.

    Attributes:
        fault: the kind of the fault.
        function: where it is: ``Cube.backward``.
        line: the line in the user's file, from 1.
        before, after: that line, and what it has become.
        source: the whole module with the fault.
    """

    fault: Mistake
    function: str
    line: int
    before: str
    after: str
    source: str

    @property
    def owner(self) -> str:
        """The class or function that is named after the colon."""
        return self.function.partition(".")[0]


def targets(source: str, names: list[str]) -> list[str]:
    """Return the names of the classes and functions to be made wrong: `names`, or every Function of the module.

    Raises:
        TensorgradError: a name is not there or is no Function, or there is none at all.
    """
    body = ast.parse(source).body
    there = {s.name: s for s in body if isinstance(s, ast.ClassDef | ast.FunctionDef)}
    functions = [name for name, s in there.items() if isinstance(s, ast.ClassDef) and is_function(s)]
    for name in names:
        if name not in there:
            known = ", ".join(there) or "nothing"
            raise TensorgradError(f"there is no class or function {name!r} at the outermost level; there: {known}")
        if isinstance(there[name], ast.ClassDef) and name not in functions:
            raise TensorgradError(f"the class {name} has no forward and backward (or jvp): it is no Function")
    if not names and not functions:
        raise TensorgradError("there is no class with forward and backward; name a plain function: module.py:function")
    return names or functions


def planted(source: str, names: list[str]) -> list[Planted]:
    r"""Return every mutant of the classes and functions `names`, in the order of their lines.

    >>> found = planted("def gradient(g, x):\n    return g * x\n", ["gradient"])
    >>> [(mutant.fault.name, mutant.after.strip()) for mutant in found][:3]
    [('sign', 'return -(g * x)'), ('factor', 'return 2 * (g * x)'), ('gradient forgotten', 'return 0 * (g * x)')]
    """
    tree = ast.parse(source)
    found: dict[str, Planted] = {}
    for code in codes(tree, names):
        for mistake in MISTAKES:
            for node, parent in places(code):
                for wrong in mistake.change(node, code):
                    mutant = replaced(source, code, mistake, node, parent, wrong)
                    if mutant.source != source:
                        found.setdefault(mutant.source, mutant)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def places(code: Code) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield what stands in the code and may be replaced, with what it stands in: no texts, types or errors."""
    body = code.definition.body if code.kind != "saving" else [s for s in ast.walk(code.definition) if saves(s)]
    waiting: list[tuple[ast.AST, ast.AST]] = [(statement, code.definition) for statement in body]
    for node, parent in waiting:  # grows while it is walked
        if isinstance(node, ast.JoinedStr | ast.Raise | ast.Assert):
            continue
        if hasattr(node, "lineno"):
            yield node, parent
        inner = [node.value] if isinstance(node, ast.AnnAssign) and node.value else ast.iter_child_nodes(node)
        waiting += [(child, node) for child in inner]


def saves(statement: ast.AST) -> bool:
    """Whether a statement keeps something for the derivative: ``ctx.save_for_backward(x)``, ``ctx.n = n``."""
    if isinstance(statement, ast.Expr):
        return called(statement.value).startswith("save_for")
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) for t in targets for n in ast.walk(t))


LOOSE = (ast.stmt, ast.Call, ast.keyword, ast.Tuple, ast.List)  # in these an operation needs no brackets


def replaced(source: str, code: Code, mistake: Mistake, node: ast.AST, parent: ast.AST, wrong: ast.AST) -> Planted:
    """Return the mutant with `wrong` in the place of `node`; all else stays as it is written."""
    lines = source.encode().splitlines(keepends=True)
    assert isinstance(node, ast.expr | ast.stmt)
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    start = sum(map(len, lines[:first])) + node.col_offset
    end = sum(map(len, lines[:last])) + (node.end_col_offset or 0)
    whole = source.encode()
    text = ast.unparse(ast.fix_missing_locations(wrong))
    if isinstance(wrong, ast.Tuple):
        text = text if whole[start : start + 1] == b"(" else text[1:-1]
    elif (whole[start - 1 : start], whole[end : end + 1]) != (b"(", b")") and not holds(wrong, node, parent):
        text = f"({text})"
    made = (whole[:start] + text.encode() + whole[end:]).decode()
    return Planted(mistake, code.name, first + 1, source.splitlines()[first], made.splitlines()[first], made)


def holds(wrong: ast.AST, node: ast.AST, parent: ast.AST) -> bool:
    """Whether `wrong` needs no brackets where `node` stands in `parent`."""
    if isinstance(wrong, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript | ast.stmt):
        return True
    return isinstance(parent, LOOSE) and getattr(parent, "func", None) is not node
