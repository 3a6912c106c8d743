"""Every operation runs its forward function once, whatever the operands and the mode: counted from outside."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.base import answers

ROOT = Path(__file__).resolve().parent.parent


def test_every_operation_runs_its_forward_once() -> None:
    command = [sys.executable, "-m", "tests.forwards"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not answer.returncode, answer.stderr
    counts: dict[str, list[str]] = json.loads(answer.stdout)
    assert len(counts) > 100
    assert {name: calls for name, calls in counts.items() if len(calls) != 1} == {}


def test_a_step_compares_no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("graph", "viz", "testing", "func", "search"):  # whose classes answer wrong arguments, too
        importlib.import_module(f"tensorgrad.{name}")
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(3, 2))
    optimizer = optim.Adam(net.parameters())
    loss_function = nn.CrossEntropyLoss()
    x, y = tg.randn(6, 4), tg.randint(0, 2, (6,))
    compared: list[str] = []

    def noted(function: Any, name: str, *rest: Any) -> Any:
        compared.append(name)
        return misfit(function, name, *rest)

    misfit = answers._misfit
    monkeypatch.setattr(answers, "_misfit", noted)
    optimizer.zero_grad()
    loss_function(net(x), y).backward()
    optimizer.step()
    assert compared == []
    nn.Linear(2, 2)
    assert "Linear" in compared
