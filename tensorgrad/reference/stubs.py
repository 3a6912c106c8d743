"""Type stubs of Tensor, of the face and of its pages `linalg` and `special`, printed from the functions users get.

``python -m tensorgrad.reference.stubs`` writes them; a test holds them equal to what this prints. They describe modules
without logic: that of the methods is empty, and what its stub describes is put together in `tensor/attach.py`.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import tensorgrad as tg
from tensorgrad.arrays.mixed import FUNCTIONS
from tensorgrad.engine.tensor import Tensor
from tensorgrad.tensor.attach import NAMES

PACKAGE = Path(tg.__file__).parent
WIDTH = 120
HEAD = "# {}; written by `python -m tensorgrad.reference.stubs`.\n# isort: skip_file\n"

SOURCES = {
    "Any": "typing",
    "Iterator": "collections.abc",
    "Literal": "typing",
    "NoReturn": "typing",
    "Sequence": "collections.abc",
    "Unpack": "typing",
    "overload": "typing",
    "type_check_only": "typing",
    "Array": "tensorgrad.base.dtypes",
    "DType": "tensorgrad.base.dtypes",
    "DTypeLike": "tensorgrad.base.dtypes",
    "Lengths": "tensorgrad.functions.common",
    "DeviceLike": "tensorgrad.tensor.conversions",
    "Dims": "tensorgrad.functions.common",
    "Hook": "tensorgrad.engine.tensor",
    "Operand": "tensorgrad.functions.common",
}
"""Where the names in annotations come from, but for classes, which say it themselves."""

Row = tuple[dict[str, str] | str, str]

RESULTS: dict[str, tuple[Row, ...]] = {
    "max min": (
        ({"dim": "None", "axis": "None", "other": "Tensor | None"}, "Tensor"),
        ({"dim": "Tensor"}, "Tensor"),
        ({"dim": "int"}, "Selection"),
        ({"dim": "None", "axis": "int"}, "Selection"),
    ),
    "median nanmedian": (
        ({"dim": "None", "axis": "None"}, "Tensor"),
        ({"dim": "int"}, "Selection"),
        ({"dim": "None", "axis": "int"}, "Selection"),
    ),
    "nonzero": (
        ({"as_tuple": "Literal[False]"}, "Tensor"),
        ({"as_tuple": "Literal[True]"}, "tuple[Tensor, ...]"),
    ),
    "unique unique_consecutive": (
        ({"return_inverse": "Literal[False]", "return_counts": "Literal[False]"}, "Tensor"),
        ({}, "tuple[Tensor, ...]"),
    ),
    "tg.where": (
        ({"input": "None", "other": "None"}, "tuple[Tensor, ...]"),
        ({"input": "Operand", "other": "Operand"}, "Tensor"),
    ),
    "tg.atleast_1d tg.atleast_2d tg.atleast_3d": (
        ("tensor: Operand, /", "Tensor"),
        ("tensors: Sequence[Operand], /", "tuple[Tensor, ...]"),
        ("first: Operand, second: Operand, /, *tensors: Operand", "tuple[Tensor, ...]"),
    ),
    "size": (({"dim": "None"}, "Size"), ({"dim": "int"}, "int")),
    "stride": (({"dim": "None"}, "tuple[int, ...]"), ({"dim": "int"}, "int")),
    "type": (({"dtype": "None"}, "str"), ({}, "Tensor")),
    "__eq__ __ne__": (({}, "Tensor"),),
}
"""For functions whose result depends on what they are given: the parameters whose type differs, or all, and the result.

``tg.where`` is the function alone, not the method.
"""

_RESULTS = {name: rows for names, rows in RESULTS.items() for name in names.split()}


class Stub:
    """The text of one scope, and what it imports; `hidden` are the names that mean something else inside it."""

    def __init__(self, hidden: set[str], indent: str) -> None:
        self.hidden, self.indent = hidden, indent
        self.lines: list[str] = []
        self.imports: dict[str, set[str]] = defaultdict(set)

    def annotation(self, text: str, known: dict[str, Any]) -> str:
        """Return `text` as it reads in the stub; `known` are the names of the module in which it was written."""

        def word(match: re.Match[str]) -> str:
            name = match[0]
            if name in SOURCES or (isinstance(known.get(name), type) and known[name].__module__ != "builtins"):
                self.imports[SOURCES.get(name) or known[name].__module__].add(name)
                return f"_{name}" if name in self.hidden else name
            return f"builtins.{name}" if name in self.hidden and hasattr(builtins, name) else name

        return re.sub(r"(?<![\w.])[A-Za-z_]\w*(?![\w.])", word, text)

    def parameter(self, p: Parameter, kind: str) -> str:
        """Return one parameter with its type, and with its default if that is simple and of this type."""
        mark = "*" if p.kind is Parameter.VAR_POSITIONAL else "**" if p.kind is Parameter.VAR_KEYWORD else ""
        text = f"{mark}{p.name}: {kind}"
        if p.default is Parameter.empty or ("Literal" in kind and repr(p.default) not in kind):
            return text
        if p.default is None and not re.search(r"None|Any|DTypeLike|DeviceLike|Dims", kind):
            return text
        simple = isinstance(p.default, int | float | str | tuple | None)
        return f"{text} = {repr(p.default).replace(chr(39), chr(34)) if simple else '...'}"

    def parameters(self, function: Callable[..., Any], method: bool, changes: dict[str, str]) -> list[str]:
        """Return the parameters of `function`, with the types that `changes` gives them, and the signs between them."""
        known, parts = globals_of(function), []
        before = None
        for p in signature(function).parameters.values():
            if before is Parameter.POSITIONAL_ONLY and p.kind is not before:
                parts.append("/")
            if p.kind is Parameter.KEYWORD_ONLY and before not in (Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL):
                parts.append("*")
            if method and before is None:
                parts.append(p.name)
            else:
                parts.append(self.parameter(p, self.annotation(changes.get(p.name, p.annotation), known)))
            before = p.kind
        return [*parts, *(["/"] if before is Parameter.POSITIONAL_ONLY else [])]

    def define(self, name: str, function: Callable[..., Any], method: bool, decorator: str = "") -> None:
        """Add the function `name`: once, or once for each kind of result that it has."""
        known = globals_of(function)
        rows = _RESULTS.get(name) or (() if method else _RESULTS.get(f"tg.{name}", ()))
        if len(rows) > 1:
            decorator = self.annotation("@overload", known)
        for changes, result in rows or (({}, signature(function).return_annotation),):
            parts = (
                self.annotation(changes, known).split(", ")
                if isinstance(changes, str)
                else self.parameters(function, method, changes)
            )
            self.write(decorator, name, parts, self.annotation(result, known))

    def write(self, decorator: str, name: str, parameters: list[str], result: str) -> None:
        """Add a definition, on as few lines as the formatter would take."""
        end = f") -> {result}: ..." + ("  # type: ignore[override]" if name in ("__eq__", "__ne__") else "")
        head, inner = f"{self.indent}def {name}(", ", ".join(parameters)
        self.lines += [f"{self.indent}{decorator}"] if decorator else []
        if len(head + inner) + len(end) <= WIDTH:
            self.lines.append(head + inner + end)
        elif len(self.indent) + 4 + len(inner) <= WIDTH:
            self.lines += [head, f"{self.indent}    {inner}", self.indent + end]
        else:
            self.lines += [head, *(f"{self.indent}    {p}," for p in parameters), self.indent + end]

    def imported(self, but: Sequence[str] = ()) -> list[str]:
        """Return the lines that import what annotations name (`but` these), by a name of its own where it is hidden."""
        lines = ["import builtins"] if any("builtins." in line for line in self.lines) else []
        for module in sorted(self.imports, key=lambda m: (m.startswith("tensorgrad"), m)):
            names = [
                f"{name} as _{name}" if name in self.hidden else name for name in sorted(self.imports[module] - {*but})
            ]
            lines += [f"from {module} import {', '.join(names)}"] if names else []
        return lines


def globals_of(function: Any) -> dict[str, Any]:
    """Return the names of the module in which `function`, or what it was made of, is written."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return {"Tensor": Tensor, **getattr(function, "__globals__", {})}


def methods() -> str:
    """Return the stub of what `attach` gives the class Tensor."""
    for name in sorted(vars(Tensor)):
        getattr(Tensor, name, None)  # the methods that wait to be asked for
    members = {
        name: member
        for name, member in sorted(vars(Tensor).items())
        if isinstance(member, property | FunctionType)
        and name != "__repr__"  # every class has it
        and getattr(member, "fget", member).__module__ != "tensorgrad.engine.tensor"
    }
    stub = Stub(set(members), "    ")
    for name, member in members.items():
        found = (
            {"@property": member.fget, f"@{name}.setter": member.fset} if isinstance(member, property) else {"": member}
        )
        for decorator, function in found.items():
            if function is not None:
                stub.define(name, function, True, decorator)
    stub.imports["typing"].add("type_check_only")
    return "\n".join(
        [
            HEAD.format("The methods of Tensor, for type checkers"),
            *stub.imported(),
            "",
            "@type_check_only",
            "class Methods:",
            "    def __hash__(self) -> builtins.int: ...",
            *stub.lines,
            "",
        ]
    )


def exported(names: Sequence[str]) -> list[str]:
    """Return the lines that say what ``from module import *`` gives."""
    text = ", ".join(f'"{name}"' for name in sorted(names))
    lines = textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return ["# fmt: off", "__all__ = [", *lines, "]", "# fmt: on"]


def face() -> str:
    """Return the stub of the package: what it imports, as its own file says it, and the functions of the table."""
    source = (PACKAGE / "__init__.py").read_text("utf-8")
    own = [
        ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom) and {a.asname or a.name for a in node.names} <= set(tg.__all__)
    ]
    stub = Stub(set(tg.__all__) & set(dir(builtins)), "")
    for name in sorted(NAMES):
        stub.define(name, FUNCTIONS[name], False)
    return "\n".join(
        [
            HEAD.format("What `import tensorgrad` gives, for type checkers"),
            *stub.imported(but=tg.__all__),
            *own,
            *(f"from . import {name} as {name}" for name in vars(tg)["_SUBPACKAGES"]),
            *(f"from .{part} import {name} as {name}" for name, part in vars(tg)["_PARTS"].items()),
            "",
            *exported(tg.__all__),
            "",
            "newaxis: None",
            "",
            *stub.lines,
            "",
        ]
    )


def functions_of(module: ModuleType) -> str:
    """Return the stub of a page of functions."""
    stub = Stub(set(), "")
    kinds = {name: member for name in module.__all__ if isinstance(member := getattr(module, name), type)}
    for name in sorted({*module.__all__} - {*kinds}):
        stub.define(name, getattr(module, name), False)
    return "\n".join(
        [
            HEAD.format(f"What `import {module.__name__}` gives, for type checkers"),
            *stub.imported(),
            *(f"from {kind.__module__} import {name} as {name}" for name, kind in kinds.items()),
            "",
            *exported(module.__all__),
            "",
            *stub.lines,
            "",
        ]
    )


STUBS: dict[Path, Callable[[], str]] = {
    PACKAGE / "tensor" / "methods.pyi": methods,
    PACKAGE / "__init__.pyi": face,
    PACKAGE / "linalg.pyi": lambda: functions_of(tg.linalg),
    PACKAGE / "special.pyi": lambda: functions_of(tg.special),
}


def write() -> None:
    """Write the stubs."""
    for path, text in STUBS.items():
        path.write_text(text(), "utf-8")


if __name__ == "__main__":
    write()
