"""PyTorch, what leads to the loss compiled by `torch.compile`, which needs a C++ compiler; the optimiser eager."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import torch

from benchmarks.peers import torch_surface
from benchmarks.problems import Architecture, Chain, Network, Problem, Run

torch.set_num_threads(1)


def prepare(problem: Problem) -> Run | None:
    """The problem at its start, in PyTorch; compiled at the first step of the first run."""
    if isinstance(problem, Chain):
        return None  # a graph of a hundred operations takes it minutes
    model, initial, loss = _compiled(problem)
    model.load_state_dict(initial)
    return torch_surface.training(torch, problem, model, loss)


@cache
def _compiled(problem: Network | Architecture) -> tuple[Any, dict[str, Any], torch_surface.Loss]:
    torch.compiler.reset()  # it compiles one function for so many networks, and then no more
    model = torch_surface.model_of(torch, problem)
    loss: torch_surface.Loss = torch.compile(torch_surface.loss_of(torch, model))
    return model, deepcopy(model.state_dict()), loss
