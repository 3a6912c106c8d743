"""The source of a function as a syntax tree, lambdas in the middle of a line included."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
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


def names_in(code: CodeType) -> set[str]:
    """Return the names that a function, with the comprehensions and functions in it, looks up."""
    inner = (names_in(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)
