"""What the documents refer to exists: files, headings, tests; and every snippet runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.reference.manual import MODULES
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


def imported_there(text: str) -> set[str]:
    """The modules of the library that the snippets of a page use, below ``tensorgrad``."""
    found = set()
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    for path in re.findall(r"\b(?:tensorgrad|tg)((?:\.[a-z_0-9]+)+)", code):
        holder: Any = tg
        for part in path[1:].split("."):
            holder = getattr(holder, part, None)
            if not inspect.ismodule(holder):
                break
            found.add(holder.__name__.removeprefix("tensorgrad."))
    return found


def test_every_module_that_a_snippet_uses_is_in_the_reference() -> None:
    named = set().union(*(imported_there(page.read_text("utf-8")) for page in DOCUMENTS))
    assert len(named) > 10
    assert named - {"utils"} <= {*MODULES}  # which only holds modules


def test_the_size_that_the_readme_tells_is_that_of_the_code() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    told = re.search(r"about ([\d,]+) lines to read: .* some ([\d,]+) more", text)
    assert told
    folders = [ROOT / name for name in ("tensorgrad", "nn", "optim", "viz", "data", "chapter6")]
    files = {file.resolve() for folder in folders for file in folder.rglob("*.py")}  # the links among them once
    lines = {file: len(file.read_text("utf-8").splitlines()) for file in files}
    core = [ROOT / "tensorgrad" / name for name in ("engine", "ops", "autograd")]
    read = sum(count for file, count in lines.items() if any(folder in file.parents for folder in core))
    for number, found in zip(told.groups(), (read, sum(lines.values()) - read), strict=True):
        assert int(number.replace(",", "")) == pytest.approx(found, rel=0.2)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_every_test_that_a_page_names_exists(page: Path) -> None:
    assert LINK.search(page.read_text(encoding="utf-8")), "no link at all: the pattern does not fit the page"
    assert not broken(page)


def test_every_statement_on_numerics_names_a_test() -> None:
    statements = re.split(r"\n\* ", (ROOT / "docs" / "numerics.md").read_text(encoding="utf-8"))[1:]
    assert len(statements) > 10
    assert [s for s in statements if not NAMED_TEST.search(s)] == []


def snippets(page: Path) -> list[tuple[int, str]]:
    """The snippets of `page` with the lines that they start at; those that are only shown are marked as text."""
    text = page.read_text(encoding="utf-8")
    found = [(text.count("\n", 0, m.start(1)), m[1]) for m in re.finditer(r"^```python\n(.*?)^```$", text, RUN)]
    assert len(found) == text.count("```python"), f"{page}: a snippet that is not seen, or does not end"
    return found


RUN = re.MULTILINE | re.DOTALL
CODE = [page for page in DOCUMENTS if snippets(page)]
AFTER = {  # what holds when the snippets of a page have run
    "README.md": "loss.item() < 1.0 and (slope.item(), third.item()) == (12.0, 6.0)",
    "compile.md": "'3 of 5 calls were runs of a plan' in printed",
    "drawing.md": "'dxhat: float32[7,3] = ' in printed",
    "files.md": "epoch == 2",
    "gallery.md": "source.startswith('\"\"\"') and 'return dx, d' in printed",
}


def run(snippet: str, line: int, page: Path, names: dict[str, Any]) -> None:
    """Run a snippet, or a session, which must print what it says; lines of errors are those of the page."""
    if not snippet.startswith(">>>"):
        exec(compile("\n" * line + snippet, str(page), "exec"), names)
        return
    session = doctest.DocTestParser().get_doctest(snippet, {}, page.name, str(page), line)
    session.globs = names
    said: list[str] = []
    failed = doctest.DocTestRunner().run(session, out=said.append, clear_globs=False).failed
    assert not failed, "".join(said)


@pytest.mark.parametrize("page", CODE, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run_as_they_stand_one_after_another(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    known = {*PRIMITIVES}
    names: dict[str, Any] = {"__name__": page.stem}
    tg.manual_seed(0)
    try:
        for line, snippet in snippets(page):
            run(snippet, line, page, names)
    finally:
        for name in {*PRIMITIVES} - known:
            PRIMITIVES.pop(name)
    saved = re.findall(r"""\.save\("([\w.-]+)"\)""", "".join(code for _, code in snippets(page)))
    assert [name for name in saved if not (tmp_path / name).exists()] == []
    assert eval(AFTER.get(page.name, "True"), names | {"printed": capsys.readouterr().out})


def test_a_snippet_that_fails_and_a_session_that_prints_something_else_are_found() -> None:
    page = ROOT / "README.md"
    with pytest.raises(NameError, match="nowhere"):
        run("x = nowhere\n", 3, page, {})
    with pytest.raises(AssertionError, match="Expected"):
        run(">>> 1 + 1\n3\n\n", 3, page, {})


def test_the_page_on_testing_shows_every_verdict_and_every_public_name() -> None:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    for verdict in ("passed", "failed", "kink", "undecided"):
        assert re.search(rf"^\(?'{verdict}'", text, re.MULTILINE)
    for name in ("check", "gradcheck", "gradgradcheck", "indices", "inside", "programs", "source", "run"):
        assert name in text


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
