"""The public names, and what their docstrings say as pages in Markdown: the reference of the site."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any, TypeVar

MODULES = [
    "amp", "autograd", "autograd.functional", "compat", "cuda", "data", "debug", "distributed",
    "distributed.nn", "distributions", "errors", "func", "graph", "jit", "kernels", "kinds", "linalg", "mutation", "nn",
    "nn.functional", "nn.init", "nn.parallel", "nn.utils", "nn.utils.parametrize", "nn.utils.parametrizations",
    "nn.utils.prune", "nn.utils.rnn", "onnx", "optim", "optim.lr_scheduler", "optim.regularizers", "optim.swa_utils",
    "profiler", "random", "search", "special", "testing",
    "testing.programs", "testing.strategies", "utils.checkpoint", "utils.data", "utils.einops",
    "utils.progress", "utils.resume", "utils.tensorboard", "viz", "chapter6",
]  # fmt: skip
WITH_MEMBERS = ("Tensor", "Module", "Optimizer", "Graph", "Drawing")

_SECTION = re.compile(r"(Args|Attributes|Example|Examples|Note|Raises|Returns|Source|Yields|Yield):$")
_ITEM = re.compile(r"    (\*{0,2}\w[\w, *.]*): (.*)")


def members(name: str) -> Iterator[tuple[str, Any]]:
    """Yield the public names of the module `name` with their values, and those inside its large classes."""
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    for public in sorted(set(listed or [n for n in dir(module) if not n.startswith("_")])):
        value = getattr(module, public, None)
        own = listed is not None or str(getattr(value, "__module__", name)).startswith(name)
        if value is None or inspect.ismodule(value) or isinstance(value, TypeVar) or not own:
            continue
        yield f"{name}.{public}", value
        if inspect.isclass(value) and public in WITH_MEMBERS:
            for member in sorted(m for m in dir(value) if not m.startswith("_")):
                yield f"{name}.{public}.{member}", getattr(value, member, None)


def surface() -> dict[str, Any]:
    """Return every public name with its value."""
    names = ["tensorgrad", *(f"tensorgrad.{module}" for module in MODULES)]
    return {path: value for name in names for path, value in members(name)}


def pages() -> dict[str, str]:
    """Return a page for each public module, and for each class with many methods, by its name.

    >>> "## gradcheck" in pages()["tensorgrad.testing"]
    True
    """
    found: dict[str, list[str]] = {}
    for name in ["tensorgrad", *(f"tensorgrad.{module}" for module in MODULES)]:
        found[name] = [f"# `{name}`\n", f"{text(inspect.getdoc(importlib.import_module(name)) or '')}\n"]
        for path, value in members(name):
            home, _, last = path.rpartition(".")
            page = found.setdefault(path if last in WITH_MEMBERS else home, [f"# `{path}`\n"])
            page.append(entry(last, value))
    return {name: "\n".join(parts) for name, parts in found.items()}


def entry(name: str, value: Any) -> str:
    """Return the part of the page on one name: heading, signature, docstring."""
    try:
        signature = f"```python\n{name}{_plain(str(inspect.signature(value)))}\n```\n\n" if callable(value) else ""
    except (TypeError, ValueError):  # of what is made in C
        signature = ""
    own = callable(value) or isinstance(value, property) or inspect.isdatadescriptor(value)
    return f"## {name}\n\n{signature}{text(said(value)) if own else f'`{_plain(repr(value)):.200}`'}\n"


def said(value: Any) -> str:
    """Return the docstring of `value`, and of a class that of its constructor, where this one has its own."""
    init = value.__init__ if inspect.isclass(value) else None
    own = inspect.getdoc(init) if inspect.isfunction(init) else None
    return "\n\n".join(part for part in (inspect.getdoc(value), own) if part)


def _plain(signature: str) -> str:
    """Return a signature, or another text, without the quotes of annotations and without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", re.sub(r"((?:: |-> ))'([^']*)'", r"\1\2", signature))


def text(docstring: str) -> str:
    r"""Return a docstring in Markdown: sections in bold with a list each, sessions as code.

    >>> print(text("Return `x`.\n\nArgs:\n    x: a number."))
    Return `x`.
    <BLANKLINE>
    **Args**
    <BLANKLINE>
    * `x`: a number.
    """
    return "\n".join(_lines(docstring))


def _lines(docstring: str) -> Iterator[str]:
    """Yield the lines of `text`."""
    session = section = False
    for line in docstring.splitlines():
        if not session and line.lstrip().startswith(">>>"):
            session = True
            yield "```pycon"
        elif session and not line.strip():
            session = False
            yield "```"
        if session:
            yield line.strip() if section else line
        elif found := _SECTION.match(line):
            section = True
            yield from (f"**{found[1]}**", "")
        elif section and (item := _ITEM.match(line)):
            yield f"* `{item[1]}`: {_escaped(item[2])}"
        else:
            section = section and (not line or line.startswith(" "))
            yield _escaped(line.strip() if section else line)
    if session:
        yield "```"


def _escaped(line: str) -> str:
    """Return a line whose signs of HTML, but for those in code, are shown."""
    return re.sub(r"(`+[^`]*`+)|<", lambda found: found[1] or "&lt;", line)
