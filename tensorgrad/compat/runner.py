"""What a script uses of PyTorch, read from its text, and the run of it."""

from __future__ import annotations

import argparse
import ast
import importlib
import runpy
import signal
import sys
import tokenize
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tensorgrad.base.callsite import is_users_code
from tensorgrad.base.unknown import advice
from tensorgrad.compat import PYTORCH, installed, ours

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Use(NamedTuple):
    """A name of PyTorch's that a script uses, and the first line that does."""

    name: str
    line: int


def uses(source: str, filename: str = "<script>") -> list[Use]:
    r"""Return the dotted names of PyTorch's that `source` uses, each once, in the order of the lines.

    >>> uses("import torch.nn as nn\nlayer = nn.Linear(1, 1)")
    [Use(name='torch.nn', line=1), Use(name='torch.nn.Linear', line=2)]
    """
    tree = ast.parse(source, filename)
    imports = list(_imports(tree))
    aliases = {bound: meant for bound, meant, _ in imports}
    found = [*(use for *_, use in imports), *_attributes(tree, aliases, _bound(tree))]
    first: dict[str, int] = {}
    for use in sorted(found, key=lambda use: use.line):
        first.setdefault(use.name, use.line)
    return [Use(name, line) for name, line in first.items()]


def _is_pytorchs(name: str | None) -> bool:
    return name is not None and name.split(".")[0] == PYTORCH


def _imports(tree: ast.AST) -> Iterator[tuple[str, str, Use]]:
    """Yield for each import the name that it binds, what that stands for, and what is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                if _is_pytorchs(a.name):
                    yield a.asname or PYTORCH, a.name if a.asname else PYTORCH, Use(a.name, node.lineno)
        elif isinstance(node, ast.ImportFrom) and _is_pytorchs(node.module) and not node.level:
            for a in node.names:
                if a.name != "*":
                    name = f"{node.module}.{a.name}"
                    yield a.asname or a.name, name, Use(name, node.lineno)


def _attributes(tree: ast.AST, aliases: dict[str, str], assigned: dict[str, int]) -> Iterator[Use]:
    """Yield every chain of attributes that begins with an imported name which means the import there.

    In a function it does not if the function binds it, anywhere; elsewhere not after the line in `assigned`.
    """
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, _SCOPES):
            bound = _bound(child)
            yield from _attributes(child, {name: of for name, of in aliases.items() if name not in bound}, assigned)
            continue
        (head, parts), line = _chain(child), getattr(child, "lineno", 0)
        if parts and head in aliases and line <= assigned.get(head, line):
            yield Use(".".join([aliases[head], *parts]), line)
        yield from _attributes(child, aliases, assigned)


def _chain(node: ast.AST) -> tuple[str, list[str]]:
    """Return the name that attributes are taken of, and those in their order; none if `node` is no such chain."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return (node.id, parts) if isinstance(node, ast.Name) else ("", [])


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of `scope` but for those inside the scopes that it contains, and inside handlers of errors.

    What a handler binds, as after ``except ImportError``, stands in for what could not be imported.
    """
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, (*_SCOPES, ast.ClassDef, ast.ExceptHandler)):
            yield from _own(child)


def _bound(scope: ast.AST) -> dict[str, int]:
    """Return the names that `scope` gives a meaning of its own, parameters and what it assigns, with the first line."""
    found: dict[str, int] = {}
    for node in _own(scope):
        if isinstance(node, ast.arg):
            found.setdefault(node.arg, node.lineno)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = min(node.lineno, found.get(node.id, node.lineno))
    elsewhere = [name for node in _own(scope) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names]
    return {name: line for name, line in found.items() if name not in elsewhere}


def lacking(names: Sequence[Use]) -> list[tuple[Use, str]]:
    """Return those of `names` that this library does not have, each with what to do.

    Attributes of classes and of values are left alone: only a name looked for in a module can be known to be missing.
    """
    found: dict[str, tuple[Use, str]] = {}
    for use in names:
        answer = _answer(use.name)
        if answer is not None:
            found.setdefault(answer[0], (Use(answer[0], use.line), answer[1]))
    return list(found.values())


def _answer(name: str) -> tuple[str, str] | None:
    """Return the part of `name` that is not there, with what to do; None if all of it is."""
    place, module = PYTORCH, importlib.import_module(ours(PYTORCH))
    for part in name.split(".")[1:]:
        if not hasattr(module, part):
            try:
                importlib.import_module(f"{ours(place)}.{part}")
            except ModuleNotFoundError:
                return f"{place}.{part}", advice(ours(place), part)
        place, inner = f"{place}.{part}", getattr(module, part)
        if not hasattr(inner, "__spec__"):
            return None
        module = inner
    return None


def report(source: str, filename: str) -> str:
    """Return a line for each name that `source` uses and this library does not have; empty if there is none."""
    lines = [
        f"{filename}:{use.line}: {use.name} is not in tensorgrad{': ' * bool(answer)}{answer}"
        for use, answer in lacking(uses(source, filename))
    ]
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` what `run_as_asked` takes."""
    parser.add_argument("--names", action="store_true", help="run nothing: list the names that tensorgrad lacks")
    parser.add_argument("script", type=Path, help="a Python file that imports torch")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script finds in sys.argv")
    parser.set_defaults(run=run_as_asked, error=parser.error)


def run_as_asked(options: argparse.Namespace) -> int:
    """Run the script, or list what it lacks, and return the exit status: 1 where a name is missing."""
    if not options.script.is_file():
        options.error(f"{options.script}: no such file")
    if not options.names:
        return run(options.script, options.arguments)
    with tokenize.open(options.script) as file:
        lacking = report(file.read(), str(options.script))
    print(lacking or f"{options.script}: tensorgrad has every name of PyTorch's that it uses")
    return bool(lacking)


def run(path: Path, arguments: Sequence[str]) -> int:
    """Run the script as ``__main__`` with these arguments, and return the exit status.

    An uncaught error is shown as Python shows it, without the frames of this runner, and followed by the names that the
    script uses and this library does not have. Where it is interrupted, the frames of the script say where it was.
    """
    with tokenize.open(path) as file:
        source = file.read()
    try:
        with surroundings(path, arguments), installed():
            runpy.run_path(str(path), run_name="__main__")
    except Exception as error:  # noqa: BLE001 - whatever the script raises is shown, as Python itself would
        _show(error, path)
        if not isinstance(error, SyntaxError) and (lacking := report(source, str(path))):
            print(lacking, file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        _show_where(stop, path)
        return 128 + signal.SIGINT
    return 0


@contextmanager
def surroundings(path: Path, arguments: Sequence[str] = ()) -> Iterator[None]:
    """Return a context with the ``sys.argv`` of a script, and its folder first in ``sys.path``; restored afterwards."""
    saved = sys.argv, sys.path[:]
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = saved


def _show(error: Exception, path: Path) -> None:
    traceback.print_exception(type(error), error, _frames(error, path))


def _show_where(stop: KeyboardInterrupt, path: Path) -> None:
    """Print where the script was when it was stopped: nobody asks where the library was."""
    frames = (at for at in traceback.walk_tb(_frames(stop, path)) if is_users_code(at[0]))
    told = traceback.StackSummary.extract(frames).format()
    print("Traceback (most recent call last):\n", *told, type(stop).__name__, sep="", file=sys.stderr)


def _frames(error: BaseException, path: Path) -> TracebackType | None:
    """Return the traceback of `error` from the script at `path` on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != str(path):
        frames = frames.tb_next
    return frames
