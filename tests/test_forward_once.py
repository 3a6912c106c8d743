"""Every operation runs its forward function once, whatever the operands and the mode: counted from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_operation_runs_its_forward_once() -> None:
    command = [sys.executable, "-m", "tests.forwards"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not answer.returncode, answer.stderr
    counts: dict[str, list[str]] = json.loads(answer.stdout)
    assert len(counts) > 100
    assert {name: calls for name, calls in counts.items() if len(calls) != 1} == {}
