"""The source of a function as a syntax tree, lambdas in the middle of a line included."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from .caching import remembered


def definition(function: Callable[..., Any]) -> ast.FunctionDef | ast.Lambda | None:
    """Return the tree of `function`, decorators included; None for one whose source cannot be read.

    >>> tree = definition(definition)
    >>> tree.name, [argument.arg for argument in tree.args.args]
    ('definition', ['function'])
    """
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    try:
        if code.co_name == "<lambda>":
            return next((node for node in _lambdas(code.co_filename) if _holds(node, code)), None)
        (found,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except OSError:  # typed into an interpreter
        return None
    return found if isinstance(found, ast.FunctionDef) else None


def computed(function: Callable[..., Any]) -> tuple[list[tuple[ast.expr, ast.expr]], ast.expr | None]:
    """Return what a function that only defines names and returns defines, name and value, and what it returns.

    No value for one that does more than that, or whose source cannot be read.

    >>> before, result = computed(_holds)
    >>> [ast.unparse(name) for name, _ in before], ast.unparse(result.values[1])
    (['body', '(start, end)', 'places', 'inside'], 'bool(places)')
    """
    tree = definition(function)
    if isinstance(tree, ast.Lambda):
        return [], tree.body
    if tree is None or not isinstance(tree.body[-1], ast.Return):
        return [], None
    before = tree.body[ast.get_docstring(tree) is not None : -1]
    known = [(s.targets[0], s.value) for s in before if isinstance(s, ast.Assign)]
    return (known, tree.body[-1].value) if len(known) == len(before) else ([], None)


@remembered()
def _lambdas(file: str) -> list[ast.Lambda]:
    return [node for node in ast.walk(ast.parse(Path(file).read_text("utf-8"))) if isinstance(node, ast.Lambda)]


def _holds(node: ast.Lambda, code: CodeType) -> bool:
    """Whether `code` was compiled from `node`: several lambdas may stand on one line."""
    body = node.body
    start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    places = [p for p in code.co_positions() if None not in p and p[2:] != (0, 0)]
    inside = all(start <= (p[0], p[2]) and (p[1], p[3]) <= end for p in places)
    return node.lineno == code.co_firstlineno and bool(places) and inside


_FACTS = ("size", "ndim", "shape", "dtype", "itemsize", "kind")
"""What is the same of an array whatever its numbers are."""
_READERS = (
    "all", "any", "bool", "dict", "filter", "list", "map", "max", "min", "next", "set", "sorted", "sum", "tuple",
)  # fmt: skip
"""What asks several choices, or others than its result tells of."""
_SEVERAL = ast.IfExp, ast.BoolOp, ast.Lambda, ast.NamedExpr, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp


def required(test: ast.expr, holds: bool) -> Iterator[tuple[ast.expr, bool]]:
    """Yield the choices in a `test` that can only have one value where it `holds`, or does not, and that value.

    >>> known = ast.parse("a.size and (a.min() < 0 or not a.all() or any(a))").body[0].value
    >>> [(ast.unparse(choice), value) for choice, value in required(known, False)]
    [('a.min() < 0', False), ('a.all()', True)]
    >>> list(required(ast.parse("a.any() and b.any()").body[0].value, False))  # either may be the one
    []
    """
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from required(test.operand, not holds)
    elif isinstance(test, ast.BoolOp):
        open_ = [value for value in test.values if not _is_fact(value)]
        if len(open_) == 1 or isinstance(test.op, ast.And) is holds:
            for value in open_:
                yield from required(value, holds)
    elif not (isinstance(test, ast.Compare) and len(test.ops) > 1 and not holds) and _asks_once(test):
        yield test, holds


def _is_fact(node: ast.expr) -> bool:
    """Return whether an expression is the same for all arrays of one shape and dtype."""
    if isinstance(node, ast.Attribute):
        return node.attr in _FACTS
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("len", "isinstance")
    if isinstance(node, ast.Compare) and all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
        return True
    if isinstance(node, ast.Subscript):
        return _is_fact(node.value)
    parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    return isinstance(node, ast.Constant) or (bool(parts) and all(map(_is_fact, parts)))


def _asks_once(node: ast.expr) -> bool:
    """Return whether an expression asks for one choice alone, its own."""
    return not any(
        isinstance(part, _SEVERAL)
        or (isinstance(part, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in part.ops))
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in _READERS)
        for part in ast.walk(node)
    )


def names_in(code: CodeType) -> set[str]:
    """Return the names that a function, with the comprehensions and functions in it, looks up."""
    inner = (names_in(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)
