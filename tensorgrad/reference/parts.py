"""What a function without rules is made of, read from its source: the primitives and composed functions that it names.

Operators count where one of their operands is known to be a tensor: a parameter annotated so, or the result of one of
these functions.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from tensorgrad import ops
from tensorgrad.base.caching import remembered
from tensorgrad.base.sources import definition
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.graph.notation import OPERATORS

Part = Callable[..., Any] | str
"""An op or a composed function; an op that an operator means, by its name."""


@remembered()
def table() -> dict[ModuleType, dict[str, Callable[..., Any]]]:
    """Return the ops by the module of `tensorgrad.ops` that defines them, in the order of registration."""
    home: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(ops.__path__, f"{ops.__name__}."):
        module = importlib.import_module(info.name)
        statements = ast.parse(inspect.getsource(module)).body
        imported = {alias.name for s in statements if isinstance(s, ast.ImportFrom) for alias in s.names}
        home |= dict.fromkeys(vars(module).keys() & PRIMITIVES.keys() - imported, module)
    found: dict[ModuleType, dict[str, Callable[..., Any]]] = {module: {} for module in dict.fromkeys(home.values())}
    for name in filter(home.__contains__, PRIMITIVES):
        found[home[name]][name] = getattr(home[name], name)
    return found


def is_op(thing: Any) -> bool:
    """Return whether `thing` is the op of a record of the table."""
    return any(thing is op for named in table().values() for op in named.values())


@remembered()
def made_of(function: Callable[..., Any]) -> tuple[Part, ...]:
    """Return the ops and composed functions that `function` names; nothing for an op.

    What a private helper is made of stands in its place.

    >>> from tensorgrad.functions.composed import var
    >>> [part.__name__ for part in made_of(var)]
    ['sum', 'mul', 'mean', 'sub', 'centred', 'where']
    """
    return tuple(dict.fromkeys(_Reader(function, frozenset()).parts()))


_definition = remembered()(definition)


@remembered()
def _enclosed(function: Callable[..., Any]) -> Mapping[str, Any]:
    return inspect.getclosurevars(function).nonlocals


@remembered()
def _has_parts(function: Callable[..., Any], within: frozenset[Any]) -> bool:
    return is_op(function) or any(True for _ in _Reader(function, within).parts())


class _Reader:
    """Reads one function, without its decorators; `within` holds those whose reading led here: recursion ends there."""

    def __init__(self, function: Callable[..., Any], within: frozenset[Any]) -> None:
        self.function = inspect.unwrap(function)
        self.within = within | {self.function}
        self.tensors: set[str] = set()

    def parts(self) -> Iterator[Part]:
        """Yield what the function names, statement by statement, with repetitions."""
        function = self.function
        ours = (getattr(function, "__module__", None) or "").partition(".")[0] == "tensorgrad"
        if is_op(function) or not ours or not isinstance(function, FunctionType):
            return
        definition = _definition(function)
        if not isinstance(definition, ast.FunctionDef):
            return
        given = [*definition.args.posonlyargs, *definition.args.args]
        self.tensors = {
            a.arg for a in given if a.arg == "self" or (a.annotation and "Tensor" in ast.dump(a.annotation))
        }
        for node in (n for statement in definition.body for n in ast.walk(statement)):
            if isinstance(node, ast.Assign) and self._is_tensor(node.value):
                self.tensors |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in OPERATORS and self._is_tensor(node):
                yield OPERATORS[type(node.op)]
            elif isinstance(node, ast.Name | ast.Attribute) and (part := self._resolved(node)) is not None:
                yield from _Reader(part, self.within).parts() if part.__name__.startswith("_") else [part]

    def _resolved(self, node: ast.expr) -> Any:
        """Return the op or composed function that `node`, a name or ``module.name``, stands for; None for others."""
        assert isinstance(self.function, FunctionType)
        scope, local = self.function.__globals__, self.function.__code__.co_varnames
        found: Any = None
        if isinstance(node, ast.Name) and node.id not in local:
            found = _enclosed(self.function).get(node.id, scope.get(node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            holder = scope.get(node.value.id)
            found = getattr(holder, node.attr, None) if isinstance(holder, ModuleType) else None
        within = not isinstance(found, FunctionType) or inspect.unwrap(found) in self.within
        return None if within or not _has_parts(found, self.within) else found

    def _is_tensor(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self.tensors
        if isinstance(node, ast.Call):
            return self._resolved(node.func) is not None
        if isinstance(node, ast.BinOp):
            return self._is_tensor(node.left) or self._is_tensor(node.right)
        return isinstance(node, ast.UnaryOp) and self._is_tensor(node.operand)
