"""tensorgrad, whole steps compiled: as calls of NumPy on memory laid out once, or in C."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache

import tensorgrad as tg
from benchmarks.peers import torch_surface
from benchmarks.problems import Chain, Problem, Run


def prepare(problem: Problem, backend: str) -> Run:
    """The problem at its start, its step compiled; a plan is made in the first steps of the first run."""
    run, restart = _compiled(problem, backend)
    restart()
    return run


@cache
def _compiled(problem: Problem, backend: str) -> tuple[Run, Callable[[], None]]:
    """Return the run, and what sets it to its start again."""
    if isinstance(problem, Chain):
        run = torch_surface.prepare(tg, problem)
        return Run(tg.compile(run.step, backend=backend, fullgraph=True), run.arrays), lambda: None
    model = torch_surface.model_of(tg, problem)
    optimizer = torch_surface.optimizer_of(tg, problem, model)
    initial = deepcopy(model.state_dict())
    run = torch_surface.training(tg, problem, model, torch_surface.loss_of(tg, model), optimizer)

    def restart() -> None:
        model.load_state_dict(initial)
        optimizer.state.clear()

    return Run(tg.compile(run.step, backend=backend, fullgraph=True), run.arrays), restart
