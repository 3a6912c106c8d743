"""The recipes of CONTRIBUTING.md are executed, each on a copy of the code; its map is the order of the folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_house import FOLDERS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
TOPS = ("tensorgrad", "nn", "optim", "viz", "data", "chapter6")
LINES = 15
START = "import tensorgrad as tg\nfrom tensorgrad import nn, optim, viz\n"

RECIPES = {
    title: re.findall(r"```python\n# (.*?)\n(.*?)```", body, re.DOTALL)
    for title, body in re.findall(r"^### (.*?)\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE)
}


def applied(folder: Path, place: str, lines: str) -> None:
    """Put `lines` where `place` says: a file, and after which text in it, if not at its end."""
    file, _, mark = place.partition(', after "')
    path = folder / file
    text = path.read_text("utf-8") if path.exists() else '"""A new file."""\n'
    if mark:
        start = text.index(mark.removesuffix('"'))
        end = text.index("\n", start) + 1
        path.write_text(text[:end] + lines + text[end:], "utf-8")
    else:
        path.write_text(f"{text}\n\n{lines}", "utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code, with its links."""
    for top in TOPS:
        shutil.copytree(ROOT / top, tmp_path / top, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_does_what_it_says(title: str, copy: Path) -> None:
    *steps, (last, trial) = RECIPES[title]
    assert last == "try it"
    assert sum(len(lines.splitlines()) for _, lines in steps) <= LINES
    for place, lines in steps:
        applied(copy, place, lines)
    command = [sys.executable, "-c", START + trial]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    answer = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_there_is_a_recipe_for_all_that_is_added_often() -> None:
    assert [title.partition(":")[0] for title in RECIPES] == [
        "A new operation", "A new layer", "A new optimiser", "A new mode of labels",
    ]  # fmt: skip


def test_the_map_is_the_order_of_the_folders() -> None:
    table = TEXT[TEXT.index("| folder |") : TEXT.index("To understand")]
    named = [
        name.rstrip("/").replace("/", ".")
        for name in re.findall(r"`([\w/]+)`", re.sub(r"\|[^|\n]*\|$", "|", table, flags=re.MULTILINE))
    ]
    order = [name for name in named if name in FOLDERS]
    assert order == sorted(order, key=FOLDERS.index)
    held = {name.partition(".")[0] for name in named}
    assert {folder.partition(".")[0] for folder in FOLDERS} - {"__init__"} <= held
