"""What the documents refer to exists: files, headings, tests."""

from __future__ import annotations

import ast
import inspect
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import tensorgrad as tg
from tensorgrad.reference.operations import anchor

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*DOCUMENTS, TESTS / "README.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_TEST = re.compile(r"\b(tests/test_\w+\.py)::(\w+)")


def anchors(page: Path) -> set[str]:
    lines = page.read_text(encoding="utf-8").splitlines()
    return {anchor(line.lstrip("#").strip()) for line in lines if line.startswith("#")}


def broken(page: Path) -> list[str]:
    """The links of `page` that lead nowhere in the repository, and the tests it names that are not there."""
    text = page.read_text(encoding="utf-8")
    found = []
    for target in LINK.findall(text):
        path, _, heading = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (heading and heading not in anchors(file)):
            found.append(target)
    for file, name in NAMED_TEST.findall(text):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8")) if (ROOT / file).exists() else ast.Module([], [])
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            found.append(f"{file}::{name}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_every_test_that_a_page_names_exists(page: Path) -> None:
    assert LINK.search(page.read_text(encoding="utf-8")), "no link at all: the pattern does not fit the page"
    assert not broken(page)


def test_every_statement_on_numerics_names_a_test() -> None:
    statements = re.split(r"\n\* ", (ROOT / "docs" / "numerics.md").read_text(encoding="utf-8"))[1:]
    assert len(statements) > 10
    assert [s for s in statements if not NAMED_TEST.search(s)] == []


def test_the_snippets_on_memory_run() -> None:
    names: dict = {}
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "memory.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 4
    for snippet in snippets:
        exec(compile(snippet, "docs/memory.md", "exec"), names)


def test_the_snippets_on_numpy_run() -> None:
    names: dict = {}
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "numpy.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 4
    for snippet in snippets:
        exec(compile(snippet, "docs/numpy.md", "exec"), names)


def test_the_snippets_on_files_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "files.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 5
    for snippet in snippets:
        exec(compile(snippet, "docs/files.md", "exec"), names)
    assert names["epoch"] == 2


def test_the_snippets_on_scripts_run() -> None:
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "docs/scripts.md", "exec"), {})


def test_the_snippets_on_drawing_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    text = (ROOT / "docs" / "drawing.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(snippets) == 10
    for snippet in snippets:
        exec(compile(snippet, "docs/drawing.md", "exec"), names)
    assert (tmp_path / "batchnorm.svg").exists()
    assert "dxhat: float32[7,3] = " in capsys.readouterr().out


def test_the_snippets_on_chapter_6_run() -> None:
    text = (ROOT / "docs" / "chapter6.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(snippets) == 8
    names: dict = {}
    for snippet in snippets:
        exec(compile(snippet, "docs/chapter6.md", "exec"), names)


def test_every_plot_that_the_page_on_drawing_names_is_drawn(tmp_path: Path) -> None:
    figures = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed: no plot can be drawn")
    text = (ROOT / "docs" / "drawing.md").read_text(encoding="utf-8")
    calls = re.findall(r"^\| `viz\.(plot_\w+\(.*?\))` \|", text, re.MULTILINE)
    assert len(calls) == 6
    model = tg.nn.Sequential(tg.nn.Linear(784, 4), tg.nn.ReLU(), tg.nn.Linear(4, 2))
    x = tg.randn(8, 784)
    model(x).sum().backward()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    names = {
        "history": {"train_loss": [3.0, 2.0, 1.5], "test_loss": [3.1, 2.5, 2.4]},
        "model": model,
        "x": x,
        "weights": model[0].weight,
        "function": lambda x, y: x**2 / 20 + y**2,
        "paths": {"SGD": [(-7.0, 2.0), (-6.0, -1.0), (-5.0, 0.5)]},
        "scheduler": tg.optim.lr_scheduler.StepLR(optimizer, step_size=10),
    }
    for i, call in enumerate(calls):
        figure = eval(f"viz.{call}", {**names, "viz": tg.viz})
        assert isinstance(figure, figures.Figure)
        assert tg.viz.save_figure(figure, tmp_path / f"{i}.svg").stat().st_size > 1000


def test_the_arguments_of_draw_on_the_page_are_those_that_it_has() -> None:
    text = (ROOT / "docs" / "drawing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text.partition("## What stands on it")[2].partition("##")[0], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)(?:=|`)", row)}
    own = {name for name, p in inspect.signature(tg.viz.draw).parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert named == own


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCUMENTS[1:] if page.name != "README.md" and f"({page.name})" not in index] == []


def test_every_module_and_every_file_of_the_tests_is_in_their_index() -> None:
    index = (TESTS / "README.md").read_text(encoding="utf-8")
    shared = [path.stem for path in TESTS.glob("*.py") if not path.stem.startswith("test_")]
    assert [name for name in shared if f"]({name}.py)" not in index] == []
    named = re.findall(r"`(test_\w+\*?)`", index)
    files = [path.stem for path in TESTS.glob("test_*.py")]
    assert [name for name in files if not any(fnmatchcase(name, pattern) for pattern in named)] == []
    assert [pattern for pattern in named if not any(fnmatchcase(name, pattern) for name in files)] == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading\n\n[a](#a-heading) [b](#none) [c](missing.md) [d](https://example.org/x) [e](page.md)\n"
    )
    page.write_text(page.read_text() + "`tests/test_docs.py::test_nothing` `tests/test_none.py::test_x`\n")
    assert broken(page) == ["#none", "missing.md", "tests/test_docs.py::test_nothing", "tests/test_none.py::test_x"]
