"""The examples are notebooks as well: made of the scripts, and they do what these do."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tensorgrad as tg
from tests import notebooks
from tests.inkernel import executed, need_kernel
from tests.notebooks import EXERCISES, PAGES, SCRIPTS, Cell, of_page, of_script
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
    dialogue = of_page("```python\n>>> x = 1\n>>> x + 1\n2\n>>> x\n1\n```\n")
    assert [cell.text for cell in dialogue] == ["x = 1\nx + 1", "x"]


@pytest.mark.slow
def test_they_are_written_with_what_they_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_kernel(tmp_path, monkeypatch)
    import nbformat

    kept = [path for path in SCRIPTS if path.stem in RUN]
    monkeypatch.setattr(notebooks, "SCRIPTS", kept)
    monkeypatch.setattr(notebooks, "PAGES", PAGES[-1:])
    monkeypatch.setattr(sys, "argv", ["notebooks", str(tmp_path / "new")])
    notebooks.main()
    written = {path.stem: nbformat.read(path, as_version=4) for path in (tmp_path / "new").iterdir()}
    unsolved = {f"exercise_{path.stem}" for path in EXERCISES}
    assert written.keys() == {path.stem for path in (*kept, *PAGES[-1:])} | unsolved
    for name, made in written.items():
        nbformat.validate(made)
        outputs = [out for cell in made.cells for out in cell.get("outputs", [])]
        assert bool(outputs) == (name not in unsolved), name
        assert all(out.output_type != "error" for out in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in (*SCRIPTS, *PAGES) if p.stem in (*RUN, "tour")], ids=lambda p: p.stem)
def test_a_kernel_runs_it(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = (of_page if path.suffix == ".md" else of_script)(path.read_text("utf-8"))
    made = executed(cells, tmp_path, monkeypatch)
    assert not [out for cell in made.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    assert any(cell.get("outputs") for cell in made.cells)
    assert tg.get_default_dtype() is tg.float32
