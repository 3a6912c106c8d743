"""The scripts in examples/ learn, on this library, on PyTorch when the import line is changed, and through `compat`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import compat
from tests.scripts import FOLDER, SCRIPTS, double, draw_as_tensorgrad_does, finite, losses, pytorchs

# What the first and the last number of main() are, where they are not the losses of one run.
MANY_RUNS = {"hyperparameter_search", "initialization", "second_order", "weight_decay"}

each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)


def test_there_are_scripts_of_every_kind() -> None:
    assert len(SCRIPTS) >= 12


@each_script
def test_a_script_runs_and_what_it_trains_learns(path: Path) -> None:
    found = finite(losses(path.read_text("utf-8"), path))
    if path.stem not in MANY_RUNS:
        assert found[-1] < 0.9 * found[0]


@each_script
def test_a_script_gives_the_same_losses_on_pytorch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the script runs on tensorgrad alone")
    source = path.read_text("utf-8")
    with double(tg):
        found = finite(losses(source, path))
        draw_as_tensorgrad_does(torch, monkeypatch)
        with double(torch):
            wanted = finite(losses(pytorchs(source), path))
    assert len(found) == len(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9, equal_nan=False)


@each_script
def test_a_pytorch_script_gives_the_same_losses_unchanged(path: Path) -> None:
    source = path.read_text("utf-8")
    with compat.installed():
        assert losses(pytorchs(source), path) == losses(source, path)


def test_a_script_names_no_other_library_than_pytorch_would_need() -> None:
    for path in SCRIPTS:
        changed = pytorchs(path.read_text("utf-8"))
        assert "import torch" in changed
        assert "tensorgrad" not in changed, f"{path.name} uses this library under a name that PyTorch does not have"
    assert (FOLDER.parent / "data" / "digits.npz").is_file()
