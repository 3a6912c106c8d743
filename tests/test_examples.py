"""The scripts in examples/ learn, on this library, on PyTorch when the import line is changed, and through `compat`."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import compat
from tests.scripts import FOLDER, SCRIPTS, double, draw_as_tensorgrad_does, finite, losses, pytorchs

# What the first and the last number of main() are, where they are not the losses of one run.
MANY_RUNS = {
    *("hyperparameter_search", "initialization", "second_order", "weight_decay"),
    *("deep_q_network", "knowledge_distillation", "spectral_norm_gan"),
}
# Annotated as careful users do it: type checkers find nothing, at their strictest.
ANNOTATED = [path for path in SCRIPTS if "from __future__ import annotations" in path.read_text("utf-8")]
CHECKERS = {"mypy": ["--strict"], "pyright": []}

each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)


@cache
def here(path: Path) -> list[float]:
    """What the script returns on this library, which two tests ask."""
    return losses(path.read_text("utf-8"), path)


def test_there_are_scripts_of_every_kind() -> None:
    assert len(SCRIPTS) >= 40
    assert len(ANNOTATED) >= 12
    assert len({path.stem for path in SCRIPTS}) == len(SCRIPTS)


@each_script
def test_a_script_runs_and_what_it_trains_learns(path: Path) -> None:
    found = finite(here(path))
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
    wanted = here(path)
    with compat.installed():
        assert losses(pytorchs(path.read_text("utf-8")), path) == wanted


def test_a_script_names_no_other_library_than_pytorch_would_need() -> None:
    for path in SCRIPTS:
        changed = pytorchs(path.read_text("utf-8"))
        assert "import torch" in changed
        assert "tensorgrad" not in changed, f"{path.name} uses this library under a name that PyTorch does not have"
    assert (FOLDER.parent / "data" / "digits.npz").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_type_checker_finds_nothing_in_scripts_that_are_annotated(checker: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: what it says of the examples is left out")
    for path in ANNOTATED:
        shutil.copy(path, tmp_path)
    root = str(FOLDER.parent)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [root], "typeCheckingMode": "strict"}))
    command = [sys.executable, "-m", checker, *CHECKERS[checker], *(path.name for path in ANNOTATED)]
    settings = {**os.environ, "MYPYPATH": root}
    answer = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith(("Success: no issues found in", "0 errors")), answer.stdout
