"""The rules of the house, held by parsing every file of the package; each rule is also shown able to fail."""

from __future__ import annotations

import ast
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "tensorgrad"

# From low to high: a file imports only from its own folder and from folders that stand before it in this list; inside
# a folder there is no circle. `__init__` is the root: the face, and one-page public modules that only re-export. Below
# all of them stand the root's errors and version, which import nothing of the package.
FOLDERS = [
    "base", "engine", "program", "ops", "bounds", "autograd", "functions", "create", "arrays", "tensor", "func",
    "autograd.functional", "distributed", "graph", "javascript", "debugging", "proving", "testing", "mutation", "files",
    "onnx", "idle", "__init__", "nn.module", "nn.functional", "nn.init", "nn.layers", "nn", "distributions",
    "optim", "compiled", "kernels", "viz.picture", "viz.layout", "viz.output", "viz", "data", "utils", "search",
    "chapter6", "compat", "cli", "reference",
]  # fmt: skip
LOWEST = {"errors", "version"}
HIGHEST = {"__main__"}

# What a user may not have installed, or should not wait for: imported where it is used.
OPTIONAL = {
    *("graphviz", "matplotlib", "rich", "numba", "optuna", "pooch", "onnx", "einops", "mpi4py"),
    *(
        "mpmath",
        "hypothesis",
        "torch",
        "IPython",
        "threadpoolctl",
        "difflib",
        "hashlib",
        "html",
        "statistics",
        "json",
        "tensorboardX",
        "requests",
        "typst",
        "urllib3",
    ),
}

FILE_LINES = 400
FOLDER_FILES = 25
SLENDER = 40  # lines
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


def for_types(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below `if TYPE_CHECKING:`, which only type checkers read."""
    for block in ast.walk(node):
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING"):
            for statement in block.body:
                yield from ast.walk(statement)


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


def rank(name: str) -> int | None:
    """The place in FOLDERS of the folder that the module `name` is in; None for one that is in no such folder."""
    if name in LOWEST | HIGHEST:
        return -1 if name in LOWEST else len(FOLDERS)
    parts = name.split(".")
    places = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    found = next((place for place in places if place in FOLDERS), None)
    if found is None and (len(parts) == 1 or parts[0] in {"backends", "cuda"}):
        found = "__init__"
    return None if found is None else FOLDERS.index(found)


def upward_imports(modules: dict[str, Module]) -> list[str]:
    found = [
        f"{module.path}: {name} stands in no folder of the list: add it to FOLDERS in tests/test_house.py"
        for name, module in modules.items()
        if rank(name) is None
    ]
    for module, line, target in edges(modules):
        here, there = rank(module.name), rank(target)
        if here is not None and there is not None and there > here:
            found.append(f"{module.path}:{line}: {module.name} may not import {target}, which stands no lower")
    return list(dict.fromkeys(found))


def type_imports(modules: dict[str, Module]) -> list[str]:
    """What is imported for type checkers alone may stand higher only if it is Tensor; Tensor itself has its stub."""
    found = []
    for module in modules.values():
        for statement in for_types(module.tree):
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            for full in imported(module, statement):
                top, _, target = full.partition(".")
                while target and target not in modules:
                    target = target.rpartition(".")[0]
                here, there = rank(module.name), rank(target or "__init__")
                known = (module.name, full) == ("engine.tensor", "tensorgrad.tensor.methods.Methods")
                upward = here is not None and there is not None and there > here and target != "engine.tensor"
                if top == "tensorgrad" and upward and not known:
                    found.append(f"{module.path}:{statement.lineno}: {module.name} may not import {full} for types")
    return found


def crowded_folders(modules: dict[str, Module]) -> list[str]:
    held = Counter(module.path.parent for module in modules.values())
    return [f"{folder}: {n} files, at most {FOLDER_FILES}" for folder, n in held.items() if n > FOLDER_FILES]


def defines(statement: ast.stmt) -> bool:
    """Whether `statement` makes something, as no line of a page does that only re-exports."""
    return isinstance(statement, ast.FunctionDef | ast.ClassDef)


def slender(modules: dict[str, Module]) -> list[str]:
    """A small file with one reader belongs to that reader, or says why not ("... of its own ...")."""
    readers: dict[str, set[str]] = {name: set() for name in modules}
    for module, _, target in edges(modules):
        readers[target].add(module.name)
    return [
        f"{module.path}: {lines} lines, read by {next(iter(readers[name]))} alone: one file, or a reason"
        for name, module in modules.items()
        if "." in name and module.path.name not in {"__init__.py", "__main__.py"}
        if (lines := len(module.text.splitlines())) < SLENDER and len(readers[name]) == 1
        if "of its own" not in (ast.get_docstring(module.tree) or "") and any(map(defines, module.tree.body))
    ]


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
RULES: list[Rule] = [
    upward_imports, type_imports, import_cycles, hidden_imports, oversized, crowded_folders, slender,
]  # fmt: skip


@pytest.fixture(scope="module")
def modules() -> dict[str, Module]:
    return read_modules(PACKAGE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule, modules: dict[str, Module]) -> None:
    found = rule(modules)
    assert not found, "\n".join(found)


LONG = "def f():\n    '''One.\n\n    Two.\n    '''\n" + "    x = 1\n" * (FUNCTION_LINES - 1)


@pytest.mark.parametrize(
    ("rule", "file", "source", "expected"),
    [
        (upward_imports, "errors.py", "from tensorgrad.base.a import x", "errors may not import base.a"),
        (
            upward_imports,
            "base/a.py",
            "from tensorgrad.engine.tensor import Tensor",
            "base.a may not import engine.tensor",
        ),
        (upward_imports, "base/a.py", "from tensorgrad.engine import tensor", "base.a may not import engine.tensor"),
        (upward_imports, "base/a.py", "from ..engine import tensor", "base.a may not import engine.tensor"),
        (upward_imports, "ops/a.py", "import tensorgrad as tg", "ops.a may not import __init__"),
        (upward_imports, "ops/a.py", "def f():\n    from tensorgrad.nn.b import x", "a.py:2: ops.a may not"),
        (upward_imports, "nn/a.py", "import tensorgrad.optim.b", "nn.a may not import optim.b"),
        (upward_imports, "surprise/a.py", "", "surprise.a stands in no folder of the list: add it to FOLDERS"),
        (upward_imports, "base/a.py", "if TYPE_CHECKING:\n    from tensorgrad.engine.tensor import Tensor", None),
        (upward_imports, "nn/a.py", "from tensorgrad import Tensor\nfrom tensorgrad.ops.a import x", None),
        (type_imports, "base/a.py", "if TYPE_CHECKING:\n    from tensorgrad.engine.tensor import Tensor", None),
        (
            type_imports,
            "base/a.py",
            "if TYPE_CHECKING:\n    from tensorgrad.ops.a import x",
            "ops.a.x for types",
        ),
        (type_imports, "nn/a.py", "if TYPE_CHECKING:\n    from tensorgrad.ops.a import x", None),
        (slender, "nn/b.py", "from tensorgrad.nn.c import x\ndef f(): ...", None),
        (slender, "ops/b.py", "def f(): ...", "ops/b.py: 1 lines, read by ops.a alone"),
        (slender, "ops/b.py", "'A file of its own: two layers.'\ndef f(): ...", None),
        (import_cycles, "ops/__init__.py", "from tensorgrad.ops.a import x", None),
        (import_cycles, "ops/b.py", "from tensorgrad.ops.a import x", "ops.a"),
        (hidden_imports, "nn/a.py", "def f():\n    import csv", "nn/a.py:2: import of csv inside f"),
        (hidden_imports, "nn/a.py", "class A:\n    async def f(self):\n        from . import b", "tensorgrad.nn.b"),
        (hidden_imports, "nn/a.py", "def f():\n    import rich.table", None),
        (oversized, "nn/a.py", "x = 1\n" * (FILE_LINES + 1), "401 lines"),
        (oversized, "nn/a.py", "x = 1\n" * FILE_LINES, None),
        (oversized, "nn/a.py", LONG, None),
        (oversized, "nn/a.py", LONG + "    x = 1\n", "f has 41 lines"),
    ],
)
def test_each_rule_finds_its_violation_and_nothing_else(
    tmp_path: Path, rule: Rule, file: str, source: str, expected: str | None
) -> None:
    sample = {
        "__init__.py": "",
        "errors.py": "",
        "base/a.py": "",
        "engine/tensor.py": "from tensorgrad.errors import E",
    }
    sample |= {"ops/__init__.py": "", "ops/a.py": "from .b import x", "ops/b.py": "", "optim/b.py": "", "nn/b.py": ""}
    for name, text in (sample | {file: source}).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = rule(read_modules(tmp_path))
    assert len(found) == (expected is not None), found
    assert expected is None or expected in found[0].replace(os.sep, "/")
