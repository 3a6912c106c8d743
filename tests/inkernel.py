"""Notebooks run by a kernel of Jupyter, as a reader runs them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import ROOT, Cell, notebook


def executed(cells: Sequence[Cell], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the notebook of `cells` with what a kernel gave, whose files stand in `folder`; skip where none is."""
    nbformat = pytest.importorskip("nbformat", reason="running a notebook needs nbclient: pip install nbclient")
    nbclient = pytest.importorskip("nbclient", reason="running a notebook needs nbclient: pip install nbclient")
    pytest.importorskip("ipykernel", reason="running a notebook needs ipykernel: pip install ipykernel")
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("RUNTIME", "CONFIG", "DATA")}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    made = nbformat.reads(json.dumps(notebook(cells)), as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries that run notebooks
        nbclient.NotebookClient(made, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    return made
