"""What the documents refer to exists: files, headings, tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tensorgrad.reference import anchor

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
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
    assert len(snippets) == 3
    for snippet in snippets:
        exec(compile(snippet, "docs/memory.md", "exec"), names)


def test_the_snippets_on_files_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("safetensors", reason="safetensors is not installed: no file can be saved or loaded")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "files.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 4
    for snippet in snippets:
        exec(compile(snippet, "docs/files.md", "exec"), names)
    assert names["epoch"] == 2


def test_the_snippets_on_scripts_run() -> None:
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "docs/scripts.md", "exec"), {})


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if page.name != "README.md" and f"({page.name})" not in index] == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading\n\n[a](#a-heading) [b](#none) [c](missing.md) [d](https://example.org/x) [e](page.md)\n"
    )
    page.write_text(page.read_text() + "`tests/test_docs.py::test_nothing` `tests/test_none.py::test_x`\n")
    assert broken(page) == ["#none", "missing.md", "tests/test_docs.py::test_nothing", "tests/test_none.py::test_x"]
