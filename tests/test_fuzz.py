"""The fuzz itself: some of its programs, that it finds what is wrong and makes it small, that it survives a crash."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest

from tensorgrad.engine.primitive import PRIMITIVES
from tests.fuzz import __main__ as command
from tests.fuzz.compare import of_numbers
from tests.fuzz.exceptions import EXCEPTIONS
from tests.fuzz.generator import generated
from tests.fuzz.peers import PEERS
from tests.fuzz.pool import results
from tests.fuzz.report import Report
from tests.fuzz.trial import Result, tried

PROGRAMS, PART = 300, 50


def shown(found: list[Result]) -> str:
    return "\n\n".join(f"{x.failure} (program {x.number})\n{x.script}" for x in found)


@pytest.mark.parametrize("first", range(0, PROGRAMS, PART))
@pytest.mark.parametrize("peer", PEERS)
def test_random_programs_give_what_the_peer_gives(peer: str, first: int) -> None:
    if peer == "torch":
        pytest.importorskip("torch", reason="PyTorch is asked where it is installed")
    found = [tried(0, number, peer) for number in range(first, first + PART)]
    failed = [x for x in found if x.failure]
    assert not failed, shown(failed)
    assert sum(x.outcome == "answered" for x in found) > PART // 2


@pytest.mark.filterwarnings("ignore")
def test_a_seed_gives_the_same_programs() -> None:
    style = PEERS["torch"].style
    first, again, other = ([str(generated(seed, n, style)) for n in range(20)] for seed in (1, 1, 2))
    assert first == again
    assert len({*first, *other}) == 40


def test_a_wrong_rule_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PRIMITIVES["tanh"].vjps[0]
    monkeypatch.setitem(vars(PRIMITIVES["tanh"]), "vjps", (lambda v, s, n: right(v, s, n) * 1.01,))
    found = (tried(0, number, "naive") for number in range(500))
    script = next(x.script for x in found if x.failure.startswith("gradient wrong"))
    assert script.count(" = xp.tensor(") <= 2, script
    assert "tanh" in script
    compile(script, "script", "exec")


def test_numbers_nan_and_infinities_are_told_apart() -> None:
    one = np.array([1.0, np.nan, np.inf])
    assert of_numbers(one, one, 1e-12) is None
    assert of_numbers(one, np.array([1.0, 2.0, np.inf]), 1e-12) == "nan"
    assert of_numbers(np.array([1.0, 2.0, np.inf]), one, 1e-12) == "number"
    assert of_numbers(one, np.array([1.0, np.nan, -np.inf]), 1e-12) == "sign"
    assert of_numbers(one, np.array([1.0, np.nan, 1.0]), 1e-12) == "wrong"
    assert of_numbers(np.array([1.0, 1e-20]), np.array([1.0, 0.0]), 1e-12) is None


def trial(seed: int, number: int, peer: str) -> Result:
    """A program that ends its process, one that hangs, and others."""
    if number == 1:
        os._exit(3)
    if number == 2:
        time.sleep(3600)
    if number == 3:
        raise ValueError("a fault of the fuzz")
    return Result(number, "answered")


def test_a_crash_and_a_hang_are_failures_and_the_others_go_on() -> None:
    found = {x.number: x for x in results(0, 6, "naive", 2, 5.0, trial, patience=2.0)}
    assert [found[n].outcome for n in range(6)] == ["answered", "crash", "hang", "error", "answered", "answered"]
    assert "ValueError" in found[3].script
    assert all(found[n].failure for n in (1, 2, 3))


def test_the_report_counts_by_operation(tmp_path, capsys) -> None:
    report = Report(7, "naive")
    for number in range(10):
        report.add(tried(7, number, "naive"))
    report.print(1.0)
    assert "10 programs against naive" in capsys.readouterr().out
    report.write(tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["programs"] == 10
    answered = sum(levels.get("value", {}).get("answered", 0) for levels in found["operations"].values())
    assert answered > 10


@pytest.mark.slow
def test_the_command_ends_with_the_verdict(tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "found.json"
    monkeypatch.setattr(sys, "argv", ["fuzz", "--programs", "6", "--jobs", "2", "--peer", "naive", "--out", str(out)])
    assert command.main() == 0
    assert out.exists()
    assert "0 failures" in capsys.readouterr().out


def test_every_exception_gives_its_reason() -> None:
    assert all(len(x.reason.split()) > 1 for x in EXCEPTIONS)
    assert len({(x.pattern, x.levels, x.kinds, x.message, x.beside) for x in EXCEPTIONS}) == len(EXCEPTIONS)
    assert find_spec("rich") is not None
