"""The code of a user's gradient, as the faults read it: what is returned, what is given, what was saved."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

RULES = ("backward", "vjp", "jvp")
SAVING = ("forward", "setup_context")
GIVEN = re.compile(r"g|g_?[xyz]|d_?(y|out|outputs?|loss)|grads?(_.*)?|.*_grad|cotangents?|upstream|ct|delta")
REDUCTIONS = {"sum", "mean", "amax", "amin", "max", "min", "prod", "nansum", "nanmean", "var", "std", "cumsum", "any"}
PLACED = {"axis", "dim", "dims", "axes", "keepdims", "keepdim", "shape", "order", "dtype"}
ABOUT_PLACES = REDUCTIONS | {
    *("transpose", "permute", "swapaxes", "reshape", "view", "unsqueeze", "squeeze", "expand_dims", "moveaxis"),
    *("flip", "roll", "take", "gather", "index_select", "flatten", "broadcast_to", "expand", "zeros", "ones", "range"),
}


@dataclass(frozen=True, eq=False)
class Code:
    """A function whose lines are made wrong.

    Attributes:
        name: ``Cube.backward``, or the name of a plain function.
        definition: the function.
        library: "torch", "tensorgrad" or "numpy": whose methods its values have.
        kind: "gradient", "tangent", "saving" (a forward function, whose saving alone is made wrong) or "plain".
        given: the names of what comes from above: cotangents, or tangents.
        saved: the names of what the forward function has left, or of the other arguments of a plain function.
    """

    name: str
    definition: ast.FunctionDef
    library: str
    kind: str
    given: list[str] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    results: set[ast.AST] = field(default_factory=set)  # what is returned: each part that is not None
    returned: set[ast.AST] = field(default_factory=set)  # the same as a whole
    placing: set[ast.AST] = field(default_factory=set)  # what tells axes, shapes and indices, not numbers

    def mentions(self, node: ast.AST, names: list[str]) -> bool:
        """Whether one of `names` is read in `node`."""
        return any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(node))


def codes(tree: ast.Module, names: list[str]) -> Iterator[Code]:
    """Yield the code to be made wrong: of the classes and functions `names`; of all Functions, where that is empty."""
    library = library_of(tree)
    for statement in tree.body:
        if (
            isinstance(statement, ast.ClassDef)
            and is_function(statement)
            and statement.name in (names or [statement.name])
        ):
            for method in statement.body:
                if isinstance(method, ast.FunctionDef) and method.name in RULES + SAVING:
                    yield _code(f"{statement.name}.{method.name}", method, library)
        elif isinstance(statement, ast.FunctionDef) and statement.name in names:
            yield _code(statement.name, statement, library)


def is_function(statement: ast.ClassDef) -> bool:
    """Whether a class has a forward function and a derivative of its own."""
    found = {method.name for method in statement.body if isinstance(method, ast.FunctionDef)}
    return "forward" in found and bool(found & set(RULES))


def library_of(tree: ast.Module) -> str:
    """Return what a module computes with, by its imports.

    >>> library_of(ast.parse("import numpy as np, torch")), library_of(ast.parse("import numpy as np"))
    ('torch', 'numpy')
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return next((name for name in ("torch", "tensorgrad") if name in found), "numpy")


def _code(name: str, definition: ast.FunctionDef, library: str) -> Code:
    parameters = [a.arg for a in (*definition.args.posonlyargs, *definition.args.args)]
    parameters += [definition.args.vararg.arg] if definition.args.vararg else []
    if "." not in name:
        kind = "plain"
        given = [p for p in parameters if GIVEN.fullmatch(p)]
        saved = [p for p in parameters if p not in given]
    else:
        kind = "saving" if definition.name in SAVING else "tangent" if definition.name == "jvp" else "gradient"
        given = [] if kind == "saving" else parameters[1:]
        saved = [p for p in parameters if p not in {"ctx", "inputs", "output"}] if kind == "saving" else []
        saved += [n for s in ast.walk(definition) for n in unpacked(s)]
    code = Code(name, definition, library, kind, given, saved)
    for node in ast.walk(definition):
        if isinstance(node, ast.Return) and node.value is not None and kind != "saving":
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            code.returned.add(node.value)
            code.results.update(part for part in parts if not isinstance(part, ast.Constant))
        code.placing.update(inner for part in placing(node) for inner in ast.walk(part))
    return code


def unpacked(statement: ast.AST) -> list[str]:
    """Return the names that a statement gives to what was saved: ``x, w = ctx.saved_tensors``, ``x, w = inputs``."""
    if not isinstance(statement, ast.Assign):
        return []
    value = statement.value.value if isinstance(statement.value, ast.Subscript) else statement.value
    if not re.search("saved|^inputs$", getattr(value, "attr", "") or getattr(value, "id", "")):
        return []
    targets = [t for target in statement.targets for t in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [t.id for t in targets if isinstance(t, ast.Name)]


def placing(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of `node` that tell places: indices, axes, shapes."""
    if isinstance(node, ast.Subscript):
        yield node.slice
    elif isinstance(node, ast.keyword) and node.arg in PLACED:
        yield node.value
    elif isinstance(node, ast.Call) and called(node) in ABOUT_PLACES:
        yield from (a for a in node.args if all(isinstance(n, POSITION) for n in ast.walk(a)))


POSITION = (ast.Constant, ast.UnaryOp, ast.USub, ast.Tuple, ast.List, ast.Load, ast.Starred)


def called(node: ast.AST) -> str:
    """Return the last name of what is called: ``sum`` for ``x.sum()`` and ``np.sum(x)``; "" for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", "") or getattr(node.func, "id", "")


def subject(call: ast.Call) -> ast.expr | None:
    """Return the array that ``x.sum(0)`` or ``np.sum(x, 0)`` is about; None where there is none."""
    if isinstance(call.func, ast.Attribute) and not is_library(call.func.value):
        return call.func.value
    return call.args[0] if call.args else None


def is_library(node: ast.expr) -> bool:
    """Whether `node` is a name such as ``np``, ``torch.nn.functional``."""
    text = ast.unparse(node)
    return text.partition(".")[0] in {"np", "numpy", "torch", "tg", "tensorgrad", "F", "math", "ops", "linalg"}


def made(text: str, **parts: ast.AST) -> ast.expr:
    """Return the expression `text`, in which the names of `parts` stand for those.

    >>> ast.unparse(made("-e", e=ast.parse("a + b", mode="eval").body))
    '-(a + b)'
    """
    filled: ast.expr = _Filled(parts).visit(ast.parse(text, mode="eval")).body
    return filled


class _Filled(ast.NodeTransformer):
    def __init__(self, parts: Mapping[str, ast.AST]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.AST:
        found: ast.AST = deepcopy(self.parts.get(node.id, node))
        return found


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """Return a copy of `node` with other fields."""
    copy = deepcopy(node)
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy


def operation(node: ast.AST, *kinds: type[ast.operator]) -> tuple[ast.expr, ast.expr] | None:
    """Return both sides, if `node` is one of these operations."""
    return (node.left, node.right) if isinstance(node, ast.BinOp) and isinstance(node.op, kinds) else None


def name_of(node: ast.AST, names: list[str]) -> str | None:
    """Return the name that `node` reads, if it is one of `names`."""
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names else None
