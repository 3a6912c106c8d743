"""The source text of a rule in mathematical notation: what the reference page prints for a derivative.

A rule is code that the sweeps run, so the page cannot disagree with it. A helper function that is one expression
without docstring is replaced by that expression; any other keeps its name, and the page explains it below the table.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

from tensorgrad.base.sources import definition
from tensorgrad.engine.primitive import PRIMITIVES

CHOICE, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(7)
"""How strongly the parts of a formula hold together; a weaker part inside a stronger one gets parentheses."""

BINARY = {
    ast.Add: ("+", SUM),
    ast.Sub: ("−", SUM),
    ast.Mult: ("·", PRODUCT),
    ast.Div: ("/", PRODUCT),
    ast.FloorDiv: ("//", PRODUCT),
    ast.Mod: ("mod", PRODUCT),
    ast.MatMult: ("@", PRODUCT),
    ast.BitAnd: ("and", COMPARISON),
    ast.BitOr: ("or", COMPARISON),
    ast.BitXor: ("xor", COMPARISON),
    ast.LShift: ("<<", COMPARISON),
    ast.RShift: (">>", COMPARISON),
}
COMPARE = {
    ast.Eq: "=",
    ast.NotEq: "≠",
    ast.Lt: "<",
    ast.LtE: "≤",
    ast.Gt: ">",
    ast.GtE: "≥",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "∈",
    ast.NotIn: "∉",
}
UNARY = {ast.USub: "−", ast.UAdd: "+", ast.Not: "not ", ast.Invert: "¬"}
INFIX: dict[str, ast.operator] = {
    "add": ast.Add(),
    "sub": ast.Sub(),
    "mul": ast.Mult(),
    "div": ast.Div(),
    "pow": ast.Pow(),
    "matmul": ast.MatMult(),
}
SIGNS = {"abs": ("|", "|"), "sqrt": ("√", ""), "swapped": ("", "ᵀ"), "logical_not": ("¬", ""), "neg": ("−", "")}
SILENT = {"tuple", "list", "tolist"}  # they change the container, not what is in it
SUPERSCRIPT = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def formula(rule: Any) -> str:
    """Return the rule of a record, as its table states it: a formula, or the docstring of a helper function.

    >>> formula(PRIMITIVES["div"].stated["partial"][1]), formula(PRIMITIVES["tanh"].stated["partial"][0])
    ('−y / b', '1 − y²')
    """
    if rule is None:
        return "none"
    if not callable(rule):
        return str(rule).replace("-", "−")
    name = getattr(rule, "__name__", type(rule).__name__)
    if name in PRIMITIVES:
        return f"{name}({', '.join(inspect.signature(rule).parameters)})"
    if rule.__doc__:
        return summary(rule)
    return _printed(rule)[0] or f"see `{name}` in `{rule.__module__}`"


def helpers(rule: Any) -> dict[str, Any]:
    """Return the functions and numbers that the formula of `rule` calls by name, and those that explain these."""
    found: dict[str, Any] = {}
    if isinstance(rule, FunctionType) and not rule.__doc__ and rule.__name__ not in PRIMITIVES:
        for name, thing in _printed(rule)[1].items():
            found |= {name: thing, **helpers(thing)}
    return found


@cache
def _printed(rule: Any) -> tuple[str, dict[str, Any]]:
    """Return the formula of a function and what it calls by name; nothing where it is more than definitions."""
    body = _body(rule)
    if body is None:
        return "", {}
    printer = _Printer(rule.__globals__, dict.fromkeys(rule.__code__.co_varnames))
    text = printer.text(body[1])[0]
    where = "; ".join(f"{printer.text(name)[0]} = {printer.text(value)[0]}" for name, value in body[0])
    return text + (f" where {where}" if where else ""), printer.called


def summary(thing: Any) -> str:
    """Return the first paragraph of the docstring of `thing` as one line, without "Return" and the full stop."""
    text = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
    return text.removeprefix("Return ").removesuffix(".")


def _body(function: Any) -> tuple[list[tuple[ast.expr, ast.expr]], ast.expr] | None:
    """Return the definitions and the result of `function`; None where it does more than define and return."""
    tree = definition(function)
    if tree is None:
        return None
    if isinstance(tree, ast.Lambda):
        return [], tree.body
    *before, last = tree.body
    known = [(s.targets[0], s.value) for s in before if isinstance(s, ast.Assign)]
    if len(known) < len(before) or not isinstance(last, ast.Return) or last.value is None:
        return None
    return known, last.value


class _Printer:
    """Prints expressions; `names` holds local names and, for an inlined helper, what its parameters stand for."""

    def __init__(self, namespace: Mapping[str, Any], names: Mapping[str, tuple[str, int] | None]) -> None:
        self.namespace = namespace
        self.names = names
        self.called: dict[str, Any] = {}

    def text(self, node: ast.expr) -> tuple[str, int]:
        """Return the text of `node` and how strongly it holds together."""
        method: Callable[[Any], tuple[str, int]] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        return (ast.unparse(node), ATOM) if method is None else method(node)

    def _inside(self, node: ast.expr, strength: int) -> str:
        text, own = self.text(node)
        return text if own >= strength else f"({text})"

    def _name(self, node: ast.Name) -> tuple[str, int]:
        meant = self.names.get(node.id)
        if meant is not None:
            return meant
        if node.id not in self.names and isinstance(self.namespace.get(node.id), int | float):
            self.called[node.id] = self.namespace[node.id]
        argument, _, end = node.id.rpartition("_")
        return (f"shape({argument})" if end == "shape" and argument else node.id), ATOM

    def _attribute(self, node: ast.Attribute) -> tuple[str, int]:
        if node.attr in ("shape", "ndim", "dtype"):
            return f"{node.attr}({self.text(node.value)[0]})", ATOM
        return {"pi": "π"}.get(node.attr, ast.unparse(node)), ATOM

    def _binop(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Pow):
            return self._power(node.left, node.right)
        if isinstance(node.op, ast.Mult) and ast.dump(node.left) == ast.dump(node.right):
            return self._power(node.left, ast.Constant(2))
        sign, strength = BINARY[type(node.op)]
        return f"{self._inside(node.left, strength)} {sign} {self._inside(node.right, strength + 1)}", strength

    def _power(self, base: ast.expr, exponent: ast.expr) -> tuple[str, int]:
        bottom, top = self._inside(base, ATOM), self.text(exponent)[0]
        if top.removeprefix("−").isdecimal():
            return bottom + top.translate(SUPERSCRIPT), POWER
        return f"{bottom}^{self._inside(exponent, ATOM)}", POWER

    def _unaryop(self, node: ast.UnaryOp) -> tuple[str, int]:
        return UNARY[type(node.op)] + self._inside(node.operand, SIGN), SIGN

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        parts = [self._inside(node.left, SUM)]
        for op, right in zip(node.ops, node.comparators, strict=True):
            parts += [COMPARE[type(op)], self._inside(right, SUM)]
        return " ".join(parts), COMPARISON

    def _ifexp(self, node: ast.IfExp) -> tuple[str, int]:
        parts = [self._inside(part, COMPARISON) for part in (node.body, node.test, node.orelse)]
        return "{} if {} else {}".format(*parts), CHOICE

    def _tuple(self, node: ast.Tuple) -> tuple[str, int]:
        return f"({', '.join(self.text(item)[0] for item in node.elts)})", ATOM

    def _subscript(self, node: ast.Subscript) -> tuple[str, int]:
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return f"{self._inside(node.value, ATOM)}[{', '.join(self.text(part)[0] for part in index)}]", ATOM

    def _slice(self, node: ast.Slice) -> tuple[str, int]:
        lower, upper, step = (
            "" if part is None else self.text(part)[0] for part in (node.lower, node.upper, node.step)
        )
        return f"{lower}:{upper}" + (f":{step}" if step else ""), ATOM

    def _call(self, node: ast.Call) -> tuple[str, int]:
        name, given = ast.unparse(node.func), [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if not isinstance(self.namespace.get(ast.unparse(node.func.value)), ModuleType):
                given.insert(0, node.func.value)  # a method: x.sum(axis) is sum(x, axis)
        if name in SILENT:
            return self.text(given[0])
        if name in INFIX:
            return self._binop(ast.BinOp(given[0], INFIX[name], given[1]))
        if name in SIGNS:
            before, after = SIGNS[name]
            return before + self._inside(given[0], ATOM) + after, ATOM if after else POWER
        helper = self.namespace.get(name)
        if isinstance(helper, FunctionType) and helper.__name__ not in PRIMITIVES:
            return self._helper(helper, name, given)
        return f"{name}({', '.join(self.text(value)[0] for value in given)})", ATOM

    def _helper(self, helper: FunctionType, name: str, given: list[ast.expr]) -> tuple[str, int]:
        variadic = helper.__code__.co_flags & inspect.CO_VARARGS
        body = None if helper.__doc__ or variadic else _body(helper)
        values = [self.text(value) for value in given]
        if body is None or body[0]:
            self.called[name] = helper
            return f"{name}({', '.join(text for text, _ in values)})", ATOM
        inner = _Printer(helper.__globals__, dict(zip(inspect.signature(helper).parameters, values, strict=False)))
        result = inner.text(body[1])
        self.called |= inner.called
        return result
