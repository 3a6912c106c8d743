"""Type checkers know what there is: the stubs are those that the table prints, are true, and are of use to a script."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.reference.stubs import STUBS
from tensorgrad.tensor.names import ROWS

ROOT = Path(__file__).resolve().parent.parent
# Silent about the package itself, as mypy is about what is installed: it is checked by `make check`, body by body.
CHECKERS = {"mypy": ["--strict", "--no-error-summary", "--follow-imports=silent"], "pyright": []}

# Every expression with its type, as both checkers print it.
KNOWN = {
    "x.add_(1)": "Tensor",
    "x.max(0)": "Selection",
    "x.max(axis=0)": "Selection",
    "x.max(0).values": "Tensor",
    "x.max(0).indices": "Tensor",
    "x.max()": "Tensor",
    "x.max(x)": "Tensor",
    "tg.max(x, dim=1, keepdim=True)": "Selection",
    "tg.max(x)": "Tensor",
    "x.median()": "Tensor",
    "x.median(0)": "Selection",
    "tg.sin(x)": "Tensor",
    "tg.sin_(x)": "Tensor",
    "tg.add(x, 2, alpha=3)": "Tensor",
    "tg.cat([x, x], dim=1)": "Tensor",
    "tg.tensor([1.0, 2.0], requires_grad=True)": "Tensor",
    "tg.zeros(2, 3, dtype=tg.float64)": "Tensor",
    "tg.nn.Linear(2, 3)": "Linear",
    "tg.linalg.inv(x)": "Tensor",
    "tg.linalg.norm(x, axis=0, keepdims=True)": "Tensor",
    "tg.special.ndtr(x)": "Tensor",
    "tg.linalg.slogdet(x)": "SignAndLogarithm",
    "x.sum(axis=0, keepdims=True)": "Tensor",
    "x.mean(dim=(0, 1))": "Tensor",
    "x.reshape(2, -1)": "Tensor",
    "x.reshape((2, -1))": "Tensor",
    "x.split(2)": "tuple[Tensor, ...]",
    "x.float()": "Tensor",
    "x.T": "Tensor",
    "x.ndim": "int",
    "x.numel()": "int",
    "x.size()": "Size",
    "x.size(0)": "int",
    "x.shape": "Size",
    "x.requires_grad": "bool",
    "x.unique(return_counts=True)": "tuple[Tensor, ...]",
    "x.nonzero()": "Tensor",
    "tg.where(x > 0, x, 0.0)": "Tensor",
    "x.backward()": "None",
    "x @ x": "Tensor",
    "x + 1": "Tensor",
    "2 * x": "Tensor",
    "1 / x": "Tensor",
    "2**x": "Tensor",
    "-x": "Tensor",
    "abs(x)": "Tensor",
    "x[0]": "Tensor",
    "x[None, ..., 1:]": "Tensor",
    "x == x": "Tensor",
    "x != 2": "Tensor",
    "x < 2": "Tensor",
    "x.lt(2)": "Tensor",
    "~(x > 0) & (x < 1)": "Tensor",
    "len(x)": "int",
    "float(x)": "float",
    "[row for row in x]": "list[Tensor]",
}

REFUSED = ["tg.nosuch", "x.nosuch()", "x.sum(dimension=0)", "tg.sin()", "tg.nn.nosuch", 'x + "text"', "x.numel().sum()"]


def answers(checker: str, file: Path) -> list[str]:
    """What `checker` says of `file`, line by line, as a user's own script: outside of this folder."""
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: what it knows of the package is left out")
    (file.parent / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT)]}))
    command = [sys.executable, "-m", checker, *CHECKERS[checker], file.name]
    settings = {**os.environ, "MYPYPATH": str(ROOT)}
    answer = subprocess.run(command, cwd=file.parent, env=settings, capture_output=True, text=True, check=False)
    found = [line.partition(f"{file.name}:")[2] for line in answer.stdout.splitlines() if f"{file.name}:" in line]
    assert found, answer.stdout + answer.stderr
    return found


def script(folder: Path, lines: list[str]) -> Path:
    file = folder / "script.py"
    file.write_text("\n".join(["import tensorgrad as tg", "x = tg.ones(2, 3)", *lines, ""]))
    return file


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.name)
def test_a_stub_is_the_one_that_the_table_prints(path: Path) -> None:
    assert path.read_text("utf-8") == STUBS[path](), "run python -m tensorgrad.reference.stubs"


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_checker_knows_what_a_script_writes_and_refuses_what_is_not_there(checker: str, tmp_path: Path) -> None:
    said = answers(checker, script(tmp_path, [*(f"reveal_type({text})" for text in KNOWN), *REFUSED]))
    types = [found[1] for line in said if (found := re.search(r'[Tt]ype (?:of ".*" )?is "(.*)"', line))]
    short = [re.sub(r"\b(?:\w+\.)+", "", re.sub(r"^tuple\[.*fallback=(.*)\]$", r"\1", kind)) for kind in types]
    assert dict(zip(KNOWN, short, strict=True)) == KNOWN, "\n".join(said)
    refused = {int(line.partition(":")[0]) for line in said if "error" in line}
    assert refused == set(range(3 + len(KNOWN), 3 + len(KNOWN) + len(REFUSED))), "\n".join(said)


@pytest.mark.slow
def test_the_stubs_are_true() -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed: whether the stubs are true is not asked")
    command = [sys.executable, "-m", "mypy.stubtest", "tensorgrad", "--concise", "--mypy-config-file", "setup.cfg"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not answer.returncode, answer.stdout + answer.stderr


def shown(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_help_shows_parameters_of_what_a_factory_made() -> None:
    assert shown(tg.lt) == ["input", "other", "out"]
    assert shown(tg.Tensor.lt) == shown(tg.Tensor.less_) == ["a", "b"]
    assert shown(tg.Tensor.add_) == ["input", "other", "alpha"]
    assert shown(tg.addmv_) == ["input", "mat", "vec", "beta", "alpha"]
    assert shown(tg.clone) == ["input", "memory_format"]
    assert shown(tg.Tensor.round_) == ["x", "decimals"]
    assert {"dim", "axis", "keepdim", "keepdims"} <= {*shown(tg.argmax)}
    made = {"method", "function", "op", "call"}
    members = [getattr(holder, name, None) for holder in (tg.Tensor, tg) for name in dir(holder)]
    assert not made & {getattr(member, "__name__", "") for member in members}
    for row in ROWS:
        for name in row.methods:
            assert "args" not in shown(getattr(tg.Tensor, name)), name


@pytest.mark.parametrize("module", [tg, tg.linalg], ids=lambda module: module.__name__)
def test_a_function_that_shows_numpys_words_is_found_under_its_name(module: Any) -> None:
    functions = [member for name in module.__all__ if inspect.isfunction(member := getattr(module, name))]
    twins = [function for function in functions if "axis" in shown(function) and hasattr(function, "__wrapped__")]
    assert len(twins) > 4
    for twin in twins:
        assert pickle.loads(pickle.dumps(twin)) is twin
        assert "axis" not in shown(inspect.unwrap(twin))
