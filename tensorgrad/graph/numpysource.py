"""A primitive as NumPy source: the expression that its forward function computes, and the functions it needs for that.

Nothing is written twice: the source is that of the table itself. What is one expression stands in line, what is longer
becomes a function of the file, without annotations and without the checks that a recorded run has passed.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import Attribute, Method
from tensorgrad.base.caching import remembered
from tensorgrad.base.numerics import repeated
from tensorgrad.base.sources import computed, definition, names_in
from tensorgrad.base.watched import is_watched, memory_of, one_way, watched_in, watched_now
from tensorgrad.engine.batched import differs
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.numpycalls import ITEM, REST, Draw, Part, Written, after, name_of
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.errors import AutogradError
from tensorgrad.ops.processes import EXCHANGES
from tensorgrad.ops.shapes import is_basic

from .notation import with_operator
from .spelling import Hoist, literal

_PLAIN: Mapping[Any, str] = {repeated: "broadcast_to", asarray: "asarray"}
"""NumPy's name for what the library does in fewer steps, or also while tracing, to the bit."""

_WATCHING = (is_watched, one_way, watched_in, watched_now, differs)
"""What asks for a watch, or a batch, which there never is where no library is."""


class NumPySource:
    """What a file needs beside its expressions: functions by name, each after those that it calls, and imports."""

    def __init__(self, hoist: Hoist) -> None:
        self.hoist = hoist
        self.functions: dict[str, ast.FunctionDef] = {}
        self.originals: dict[str, Any] = {}  # the functions of the library whose source these are
        self.modules = {"numpy"}
        self.generators: list[str] = []
        self._pending: set[str] = set()

    def call(
        self, primitive: Primitive, operands: Sequence[ast.expr], params: Mapping[str, Any], shape: tuple[int, ...]
    ) -> ast.expr:
        """Return the expression of `primitive`, whose result has `shape`.

        Raises:
            AutogradError: a `Function` of the user's, whose source is not NumPy's.
        """
        name = primitive.name
        if primitive.kind == "function":
            raise AutogradError(
                f"the Function {name} cannot be written as NumPy source: its forward is Python of yours; "
                f"compute the same with operations of the library"
            )
        if name in EXCHANGES:
            raise AutogradError(
                f"{name} needs the other processes, and cannot be written as NumPy source: call the function itself on "
                f"each rank"
            )
        signed = with_operator(name, operands) if not params else None
        if signed is not None:
            return signed
        operands = [*operands, *(literal(value, self.hoist) for value in params.get(REST, ()))]
        given = {key: literal(value, self.hoist) for key, value in params.items() if key != REST}
        call = self._numpy_call(primitive.forward, operands, given)
        if call is not None:
            return call
        if name == "getitem" and shape and is_basic(params["index"]):
            return ast.Subscript(operands[0], given["index"])
        return self._called(primitive.forward, operands, given, name)

    def _numpy_call(
        self, function: Any, operands: Sequence[ast.expr], given: Mapping[str, ast.expr]
    ) -> ast.expr | None:
        """Return the expression of a call on raw arrays; None for what has a source of its own."""
        if isinstance(function, Written | Draw):
            return self._effect(function, operands, given)
        keywords = [ast.keyword(k, v) for k, v in given.items()]
        if isinstance(function, Part):
            whole = self._numpy_call(function.call, operands, given) or self._called(function.call, operands, given, "")
            return ast.Subscript(whole, ast.Constant(function.index))
        if isinstance(function, Attribute):
            return ast.Attribute(operands[0], function.name)
        if isinstance(function, Method):
            return ast.Call(ast.Attribute(operands[0], function.name), list(operands[1:]), keywords)
        return ast.Subscript(operands[0], given["index"]) if function is ITEM else None

    def _effect(self, function: Any, operands: Sequence[ast.expr], given: Mapping[str, ast.expr]) -> ast.expr:
        """Return the expression of a call that writes to its first operand, or draws from a generator."""
        keywords = [ast.keyword(k, v) for k, v in given.items()]
        if isinstance(function, Written):
            method = getattr(function.call, "name", "")
            call = ast.parse(f"np.ndarray.{method}", mode="eval").body if method else self.value(function.call, "")
            return ast.Call(self.function(after, "after"), [call, *operands], keywords)
        while len(self.generators) <= function.stream:
            self.generators.append(f"generator_{len(self.generators) + 1}" if self.generators else "generator")
        source = ast.Name(self.generators[function.stream])
        if isinstance(function.call, str):
            return ast.Call(ast.Attribute(source, function.call), list(operands), keywords)
        return self._called(function.call, [source, *operands], given, name_of(function))

    def _called(
        self, function: Any, operands: Sequence[ast.expr], given: Mapping[str, ast.expr], name: str
    ) -> ast.expr:
        known, keywords = _public(function), [ast.keyword(k, v) for k, v in given.items()]
        if known is not None:
            return ast.Call(self._imported(known), list(operands), keywords)
        where, body = computed(function)
        parameters = inspect.signature(function).parameters
        varied = any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values())  # *xs and its like
        if body is not None and not where and not varied:
            arguments = dict(zip(parameters, operands, strict=False)) | dict(given)
            if all(_uses(body, k) <= 1 or isinstance(v, ast.Name | ast.Constant) for k, v in arguments.items()):
                tree = _Standalone(self, function, arguments).visit(deepcopy(body))
                return _without_defaults(tree, self.functions)
        name = name if function.__name__ == "<lambda>" else function.__name__
        return _without_defaults(ast.Call(self.function(function, name), list(operands), keywords), self.functions)

    def function(self, function: Any, name: str) -> ast.expr:
        """Return how to refer to a Python function of the library, added to the file under `name`, or one like it."""
        function, name = inspect.unwrap(function), name.lstrip("_")
        while self.originals.get(name, function) is not function:
            name += "_"
        if name not in self.functions and name not in self._pending:
            self._pending.add(name)
            self.originals[name] = function
            tree = definition(function)
            assert tree is not None, f"the source of {name} cannot be read"
            made = _Standalone(self, function, {}).visit(_as_function(deepcopy(tree), name))
            self.functions[name] = made
        return ast.Name(name)

    def value(self, value: Any, name: str) -> ast.expr:
        """Return how a file refers to `value`, which a function of the library knows as `name`."""
        known = _public(value)
        if known is not None:
            return self._imported(known)
        if isinstance(value, int | float | complex | np.dtype):
            return literal(value)
        if getattr(value, "__name__", None) in PRIMITIVES and isinstance(value, FunctionType):
            return self.function(PRIMITIVES[value.__name__].forward, value.__name__)
        return self.function(inspect.unwrap(value), name)

    def _imported(self, path: str) -> ast.expr:
        module = path.partition(".")[0]
        self.modules.add(module)
        return ast.parse(path.replace("numpy", "np", 1) if module == "numpy" else path, mode="eval").body


def _public(value: Any) -> str | None:
    """Return the dotted path of a module, or of what NumPy or the standard library exports; None for other things."""
    if value in _PLAIN:
        return f"numpy.{_PLAIN[value]}"
    if isinstance(value, ModuleType):
        return value.__name__
    name = getattr(value, "__name__", "")
    if isinstance(getattr(value, "__self__", None), np.ufunc):  # np.add.reduce
        return f"numpy.{value.__self__.__name__}.{name}"
    if name and getattr(np, name, None) is value:
        return f"numpy.{name}"
    if name and getattr(np.linalg, name, None) is value:
        return f"numpy.linalg.{name}"
    module = "" if isinstance(value, FunctionType) else getattr(value, "__module__", None) or ""
    return f"{module}.{name}" if module and "." not in module and module != "builtins" and name else None


def _uses(body: ast.expr, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(body))


def _as_function(tree: ast.FunctionDef | ast.Lambda, name: str) -> ast.FunctionDef:
    if isinstance(tree, ast.Lambda):
        made = ast.FunctionDef(name, tree.args, [ast.Return(tree.body)], [])
    else:
        made = tree
        made.name, made.decorator_list, made.returns = name, [], None
        text = ast.get_docstring(made)
        if text is not None:
            made.body[0] = ast.Expr(ast.Constant(text.partition("\n\n")[0].replace("\n", " ")))
    return made


class _Standalone(ast.NodeTransformer):
    """Makes the tree of a function of the library stand alone: names resolved, annotations and checks left out."""

    def __init__(self, source: NumPySource, function: Any, arguments: Mapping[str, ast.expr]) -> None:
        self.source = source
        self.arguments = arguments
        self.local = set(function.__code__.co_varnames) | set(function.__code__.co_cellvars)
        self.known = _namespace(function)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.arguments:
            return deepcopy(self.arguments[node.id])
        if node.id in self.local or node.id not in self.known:
            return node
        found = self.source.value(self.known[node.id], node.id)
        assert getattr(found, "id", "") not in self.local, f"{node.id} is called as a variable of its caller is"
        return found

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        assert node.value is not None
        return self.visit(ast.Assign([node.target], node.value))  # type: ignore[no-any-return]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        node.returns = None
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | None:
        if self._asks_for_a_watch(node.test):
            return None
        if all(isinstance(s, ast.Raise) for s in node.body) and not node.orelse:
            return None
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        found = node.orelse if self._asks_for_a_watch(node.test) else None
        return self.visit(found) if found else self.generic_visit(node)  # type: ignore[return-value]

    def _asks_for_a_watch(self, test: ast.expr) -> bool:
        """Return whether a condition asks if something is watched, or of a batch; with "and", as one of several."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            return any(map(self._asks_for_a_watch, test.values))
        return isinstance(test, ast.Call) and self.known.get(getattr(test.func, "id", "")) in _WATCHING

    def visit_For(self, node: ast.For) -> ast.stmt | None:
        self.generic_visit(node)
        return node if node.body else None

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if self.known.get(getattr(node.func, "id", "")) is memory_of:
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        self.generic_visit(node)
        return _without_defaults(node, self.source.functions)


@remembered()
def _namespace(function: Any) -> Mapping[str, Any]:
    """Return what the free names of `function` stand for, builtins left out."""
    known = function.__globals__
    found = {name: known[name] for name in names_in(function.__code__) if name in known}
    found |= inspect.getclosurevars(function).nonlocals
    return {name: value for name, value in found.items() if getattr(builtins, name, None) is not value}


def _without_defaults(call: ast.expr, functions: Mapping[str, ast.FunctionDef]) -> ast.expr:
    """Return a call of one of `functions` without the last arguments that are the defaults."""
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in functions):
        return call
    arguments = functions[call.func.id].args
    plain = [a.arg for a in arguments.args]
    defaults = dict(zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True))
    defaults |= {a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None}

    def is_default(name: str | None, value: ast.expr) -> bool:
        return name in defaults and ast.unparse(defaults[name]) == ast.unparse(value)

    call.keywords = [k for k in call.keywords if not is_default(k.arg, k.value)]
    while (
        call.args
        and not call.keywords
        and len(call.args) <= len(plain)
        and is_default(plain[len(call.args) - 1], call.args[-1])
    ):
        call.args.pop()
    return call
