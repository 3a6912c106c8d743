"""tensorgrad, whole steps compiled in C, which needs a C compiler."""

from __future__ import annotations

from benchmarks.peers import compiled
from benchmarks.problems import Problem, Run


def prepare(problem: Problem) -> Run:
    """The problem at its start."""
    return compiled.prepare(problem, "c")
