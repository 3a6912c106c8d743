"""Notebooks run by a kernel of Jupyter, as a reader runs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import notebooks
from tests.notebooks import Cell


def need_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what Jupyter writes stand in `folder`; skip where it is not there."""
    for name in ("nbformat", "nbclient", "ipykernel"):
        pytest.importorskip(name, reason=f"running a notebook needs {name}: pip install nbclient ipykernel")
    for kind in ("RUNTIME", "CONFIG", "DATA"):
        monkeypatch.setenv(f"JUPYTER_{kind}_DIR", str(folder / kind))


def executed(cells: Sequence[Cell], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the notebook of `cells` with what a kernel gave, whose files stand in `folder`; skip where none is."""
    need_kernel(folder, monkeypatch)
    return notebooks.executed(cells, folder)
