"""The source text of a rule in mathematical notation: what the reference page prints for a derivative.

A rule is code that the sweeps run, so the page cannot disagree with it. A helper function that is one expression
without docstring is replaced by that expression; any other keeps its name, and the page explains it below the table.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from tensorgrad.base.caching import remembered
from tensorgrad.base.sources import computed
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.graph.notation import (
    ATOM,
    CHOICE,
    COMPARISON,
    FORMS,
    OPERATORS,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Form,
    Formula,
    applied,
    superscript,
)

# What only the source of rules holds, and what reads better on a page than in a drawing.
RULES = FORMS | {
    "mul": Form("{} · {}", PRODUCT, (PRODUCT, SIGN)),
    "pow": Form("{}^{}", POWER, (ATOM, ATOM)),
    "bitwise_and": Form("{} and {}", COMPARISON, (COMPARISON, SUM)),
    "bitwise_or": Form("{} or {}", COMPARISON, (COMPARISON, SUM)),
    "bitwise_xor": Form("{} xor {}", COMPARISON, (COMPARISON, SUM)),
    "is": Form("{} is {}", COMPARISON, (SUM, SUM)),
    "is not": Form("{} is not {}", COMPARISON, (SUM, SUM)),
    "in": Form("{} ∈ {}", COMPARISON, (SUM, SUM)),
    "not in": Form("{} ∉ {}", COMPARISON, (SUM, SUM)),
    "if": Form("{} if {} else {}", CHOICE, (COMPARISON, COMPARISON, COMPARISON)),
    "not": Form("not {}", SIGN, (SIGN,)),
    "bitwise_not": Form("¬{}", SIGN, (SIGN,)),
    "logical_not": Form("¬{}", POWER, (ATOM,)),
}
_WORDS = OPERATORS | {
    ast.Not: "not", ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
SILENT = {"tuple", "list", "tolist"}  # they change the container, not what is in it


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
    return summary(rule) if rule.__doc__ else _printed(rule)[0] or f"see `{name}` in `{rule.__module__}`"


def helpers(rule: Any) -> dict[str, Any]:
    """Return the functions and numbers that the formula of `rule` calls by name, and those that explain these."""
    found: dict[str, Any] = {}
    if isinstance(rule, FunctionType) and not rule.__doc__ and rule.__name__ not in PRIMITIVES:
        for name, thing in _printed(rule)[1].items():
            found |= {name: thing, **helpers(thing)}
    return found


@remembered()
def _printed(rule: Any) -> tuple[str, dict[str, Any]]:
    """Return the formula of a function and what it calls by name; nothing where it is more than definitions."""
    before, result = computed(rule)
    if result is None:
        return "", {}
    printer = _Printer(rule.__globals__, dict.fromkeys(rule.__code__.co_varnames))
    text = printer.of(result).text
    where = "; ".join(f"{printer.of(name).text} = {printer.of(value).text}" for name, value in before)
    return text + (f" where {where}" if where else ""), printer.called


def summary(thing: Any) -> str:
    """Return the first paragraph of the docstring of `thing` as one line, without "Return" and the full stop."""
    text = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
    return text.removeprefix("Return ").removesuffix(".")


class _Printer:
    """Prints expressions; `names` holds local names and, for an inlined helper, what its parameters stand for."""

    def __init__(self, namespace: Mapping[str, Any], names: Mapping[str, Formula | None]) -> None:
        self.namespace = namespace
        self.names = names
        self.called: dict[str, Any] = {}

    def of(self, node: ast.expr) -> Formula:
        """Return the formula of `node`; Python's text for what has none."""
        method: Callable[[Any], Formula] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        return Formula(ast.unparse(node)) if method is None else method(node)

    def _applied(self, name: str, *operands: ast.expr) -> Formula:
        """Return an operation on operands; what is multiplied by itself is a square."""
        square = name == "mul" and len(operands) == 2 and ast.dump(operands[0]) == ast.dump(operands[1])
        if square or (name == "pow" and len(operands) == 2):
            base, exponent = self.of(operands[0]), Formula("2") if square else self.of(operands[1])
            if exponent.text.removeprefix("−").isdecimal():
                return Formula(base.within(ATOM) + superscript(exponent.text), POWER)
        return applied(name, [*map(self.of, operands)], RULES)

    def _name(self, node: ast.Name) -> Formula:
        meant = self.names.get(node.id)
        if meant is not None:
            return meant
        if node.id not in self.names and isinstance(self.namespace.get(node.id), int | float):
            self.called[node.id] = self.namespace[node.id]
        argument, _, end = node.id.rpartition("_")
        return Formula(f"shape({argument})" if end == "shape" and argument else node.id)

    def _attribute(self, node: ast.Attribute) -> Formula:
        if node.attr in ("shape", "ndim", "dtype"):
            return self._applied(node.attr, node.value)
        return Formula({"pi": "π"}.get(node.attr, ast.unparse(node)))

    def _binop(self, node: ast.BinOp) -> Formula:
        return self._applied(_WORDS[type(node.op)], node.left, node.right)

    def _unaryop(self, node: ast.UnaryOp) -> Formula:
        return self._applied(_WORDS[type(node.op)], node.operand)

    def _compare(self, node: ast.Compare) -> Formula:
        (op,), (right,) = node.ops, node.comparators  # arrays cannot be compared in chains
        return self._applied(_WORDS[type(op)], node.left, right)

    def _ifexp(self, node: ast.IfExp) -> Formula:
        return self._applied("if", node.body, node.test, node.orelse)

    def _tuple(self, node: ast.Tuple) -> Formula:
        return self._applied("", *node.elts)

    def _subscript(self, node: ast.Subscript) -> Formula:
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return Formula(f"{self.of(node.value).within(ATOM)}[{', '.join(self.of(part).text for part in index)}]")

    def _slice(self, node: ast.Slice) -> Formula:
        lower, upper, step = (
            "" if part is None else self.of(part).text for part in (node.lower, node.upper, node.step)
        )
        return Formula(f"{lower}:{upper}" + (f":{step}" if step else ""))

    def _call(self, node: ast.Call) -> Formula:
        name, given = ast.unparse(node.func), [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if not isinstance(self.namespace.get(ast.unparse(node.func.value)), ModuleType):
                given.insert(0, node.func.value)  # a method: x.sum(axis) is sum(x, axis)
        if name in SILENT:
            return self.of(given[0])
        helper = self.namespace.get(name)
        if isinstance(helper, FunctionType) and helper.__name__ not in PRIMITIVES and name not in RULES:
            return self._helper(helper, name, given)
        return self._applied(name, *given)

    def _helper(self, helper: FunctionType, name: str, given: list[ast.expr]) -> Formula:
        variadic = helper.__code__.co_flags & inspect.CO_VARARGS
        before, result = ([], None) if helper.__doc__ or variadic else computed(helper)
        values = [self.of(value) for value in given]
        if result is None or before:
            self.called[name] = helper
            return applied(name, values)
        inner = _Printer(helper.__globals__, dict(zip(inspect.signature(helper).parameters, values, strict=False)))
        found = inner.of(result)
        self.called |= inner.called
        return found
