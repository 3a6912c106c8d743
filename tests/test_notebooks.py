"""The examples are notebooks as well: made of the scripts, and they do what these do."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tensorgrad as tg
from tests.inkernel import executed
from tests.notebooks import EXERCISES, PAGES, SCRIPTS, Cell, main, of_page, of_script
from tests.scripts import losses

each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
RUN = ("linear_regression_by_hand", "custom_function", "batch_norm")


def shown(cells: list[Cell], name: str) -> Any:
    """What the last of the cells shows, when all have run one after another."""
    module = ModuleType(name)
    value = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, module)
        for cell in cells:
            if cell.kind == "code":
                *before, last = ast.parse(cell.text).body
                if not isinstance(last, ast.Expr):
                    before, last = [*before, last], None
                exec(compile(ast.Module(before, []), name, "exec"), vars(module))
                value = eval(compile(ast.Expression(last.value), name, "eval"), vars(module)) if last else None
    return value


@each_script
def test_the_cells_of_a_script_give_what_its_main_returns(path: Path) -> None:
    source = path.read_text("utf-8")
    cells = of_script(source)
    assert cells[0].kind == "markdown"
    assert len(cells) > 3
    said = [line.strip() for line in source.splitlines() if line.strip()]
    held = [line.strip() for cell in cells for line in cell.text.splitlines() if line.strip()]
    assert len(said) - len(held) <= 4, "a line that is in no cell"
    assert shown(cells, path.stem) == losses(source, path)


def test_the_cells_of_a_page_are_its_snippets() -> None:
    cells = of_page("# A\n\nsaid\n\n```python\nx = 1\n```\n\nmore\n\n```python\nx + 1\n```\n")
    assert [cell.kind for cell in cells] == ["markdown", "code", "markdown", "code"]
    assert shown(cells, "page") == 2


def test_they_are_written_and_are_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["notebooks", str(tmp_path / "new")])
    main()
    written = {path.stem for path in (tmp_path / "new").iterdir()}
    assert written == {path.stem for path in (*SCRIPTS, *PAGES)} | {f"exercise_{path.stem}" for path in EXERCISES}
    nbformat = pytest.importorskip("nbformat", reason="what a notebook must be is asked of nbformat")
    for path in (tmp_path / "new").iterdir():
        nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in (*SCRIPTS, *PAGES) if p.stem in (*RUN, "tour")], ids=lambda p: p.stem)
def test_a_kernel_runs_it(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = (of_page if path.suffix == ".md" else of_script)(path.read_text("utf-8"))
    made = executed(cells, tmp_path, monkeypatch)
    assert not [out for cell in made.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    assert any(cell.get("outputs") for cell in made.cells)
    assert tg.get_default_dtype() is tg.float32
