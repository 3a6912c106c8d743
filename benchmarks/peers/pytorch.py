"""PyTorch, eager."""

from __future__ import annotations

import torch

from benchmarks.peers import torch_surface
from benchmarks.problems import Problem, Run

torch.set_num_threads(1)


def prepare(problem: Problem) -> Run:
    """The problem at its start, in PyTorch."""
    return torch_surface.prepare(torch, problem)
