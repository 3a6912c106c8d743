"""The examples as notebooks, made of the scripts: `python -m tests.notebooks out/notebooks`; so are some documents.

What a script does in `main()` stands in cells of its own, parted where the script has an empty line, and the last one
shows what `main()` returns. Each is run, and holds what it gave. Of the exercises the lines that a learner is to write
are taken out.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from doctest import DocTestParser
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any, NamedTuple

from tensorgrad.files.atomic import write_whole

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "examples").rglob("*.py"))
EXERCISES = sorted((ROOT / "docs" / "exercises").glob("*.py"))
PAGES = [ROOT / "docs" / name for name in ("tour.md", "concepts.md", "bug.md")]


class Cell(NamedTuple):
    """A cell of a notebook."""

    kind: str
    text: str


DIGITS = re.compile(
    r'Path\(__file__\)(?:\.parents?(?:\[2\])?)+ / "data"'
)  # a notebook has no file: it asks the package


def of_script(source: str) -> list[Cell]:
    """Return the cells of a script."""
    source = DIGITS.sub('importlib.resources.files("tensorgrad.data")', source)
    if "importlib" in source:
        source = re.sub(r"^(?=import|from)", "import importlib.resources\n", source, count=1, flags=re.MULTILINE)
    tree, lines = ast.parse(source), source.splitlines()
    doc, *rest = tree.body
    cells = [Cell("markdown", ast.get_docstring(tree) or "")]
    *rest, last = rest
    assert isinstance(doc, ast.Expr)
    assert isinstance(last, ast.If)
    assert ast.unparse(last).endswith("main()")
    for text, body in parts(rest, lines, doc.end_lineno or 1):
        main = body[-1]
        if isinstance(main, ast.FunctionDef) and main.name == "main" and unrolled(main):
            own = [dedent(part) for part, _ in parts(main.body, lines, main.lineno)]
            own[-1] = re.sub(r"^return ", "", own[-1], flags=re.MULTILINE)
            cells += [Cell("code", part) for part in own]
        else:
            cells.append(Cell("code", text))
    return cells


def unrolled(main: ast.FunctionDef) -> bool:
    """Return whether what `main` does may stand outside of it."""
    inner = [node for node in ast.walk(main) if isinstance(node, ast.Return)]
    functions = [node for node in ast.walk(main) if isinstance(node, ast.FunctionDef | ast.Lambda) and node is not main]
    theirs = {id(node) for function in functions for node in ast.walk(function)}
    return [node for node in inner if id(node) not in theirs] == [main.body[-1]] and not any(
        isinstance(node, ast.Nonlocal) for node in ast.walk(main)
    )


def parts(body: list[ast.stmt], lines: list[str], start: int) -> list[tuple[str, list[ast.stmt]]]:
    """Return the statements of `body`, those that no empty line parts together, each with the comments before it."""
    found: list[list[ast.stmt]] = [[body[0]]]
    for before, after in pairwise(body):
        between = lines[before.end_lineno : first(after) - 1]
        if "" in [line.strip() for line in between]:
            found.append([])
        found[-1].append(after)
    texts = []
    for group in found:
        end = group[-1].end_lineno or 0
        texts.append(("\n".join(lines[start:end]).strip("\n"), group))
        start = end
    return texts


def first(statement: ast.stmt) -> int:
    """Return the line that a statement begins at, with its decorators."""
    return min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])


def of_page(text: str) -> list[Cell]:
    """Return the cells of a document: its snippets, and what is said between them."""
    texts = re.split(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    kinds = [("code", snippets(part)) if i % 2 else ("markdown", [part]) for i, part in enumerate(texts)]
    return [Cell(kind, part.strip()) for kind, parts in kinds for part in parts if part.strip()]


def snippets(text: str) -> list[str]:
    """Return a snippet, or one for each answer of a dialogue with Python, without the answers."""
    if not text.startswith(">>>"):
        return [text]
    found = [""]
    for example in DocTestParser().get_examples(text):
        found[-1] += example.source
        found += [""] if example.want else []
    return found


SOLUTION = re.compile(r"^( *)# your lines\n.*?^ *# to here\n", re.MULTILINE | re.DOTALL)


def of_exercise(source: str, *, solved: bool = False) -> list[Cell]:
    """Return the cells of an exercise, with its solution if `solved`; texts between the statements are markdown."""
    source = source if solved else SOLUTION.sub(r"\1# your lines\n\1raise NotImplementedError\n", source)
    cells = []
    for text, body in parts(ast.parse(source).body, source.splitlines(), 0):
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            cells.append(Cell("markdown", str(first.value.value).strip()))
        else:
            cells.append(Cell("code", text))
    return cells


def notebook(cells: list[Cell]) -> dict[str, Any]:
    """Return a notebook, as what is written as JSON."""
    code: dict[str, Any] = {"execution_count": None, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "cells": [
            {"id": f"cell-{i}", "cell_type": cell.kind, "metadata": {}, "source": cell.text.splitlines(keepends=True)}
            | (code if cell.kind == "code" else {})
            for i, cell in enumerate(cells)
        ],
    }


def executed(cells: Sequence[Cell], folder: Path) -> Any:
    """Return the notebook of `cells` with what a kernel of Jupyter gave, whose files stand in `folder`."""
    import nbclient
    import nbformat

    made = nbformat.reads(json.dumps(notebook(cells)), as_version=4)
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "IPYTHONDIR": str(folder / "ipython")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries that run notebooks
        place = {"metadata": {"path": str(folder)}}
        client = nbclient.NotebookClient(made, timeout=None, resources=place, extra_arguments=["--log-level=ERROR"])
        asyncio.run(client.async_execute(env=env))  # which closes what it has opened, in a thread, too
    return made


def main() -> None:
    """Write them all to the folder that is named, with what they give; the exercises, which are unsolved, without."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    made = {path: of_script(path.read_text("utf-8")) for path in SCRIPTS}
    made |= {path: of_page(path.read_text("utf-8")) for path in PAGES}
    unsolved = {path.with_stem(f"exercise_{path.stem}"): of_exercise(path.read_text("utf-8")) for path in EXERCISES}

    def write(path: Path, told: Any) -> None:
        write_whole(folder / f"{path.stem}.ipynb", json.dumps(told, indent=1, ensure_ascii=False) + "\n")

    def run(path: Path) -> None:
        with TemporaryDirectory() as place:
            write(path, executed(made[path], Path(place)))

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a process of its own
        list(pool.map(run, made))
    for path, cells in unsolved.items():
        write(path, notebook(cells))


if __name__ == "__main__":
    main()
