"""tensorgrad, through PyTorch's surface."""

from __future__ import annotations

import tensorgrad as tg
from benchmarks.peers import torch_surface
from benchmarks.problems import Problem, Run


def prepare(problem: Problem) -> Run:
    """The problem at its start, in tensorgrad."""
    return torch_surface.prepare(tg, problem)
