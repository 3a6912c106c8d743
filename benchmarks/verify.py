"""Do all peers compute the same? A benchmark of a wrong program is worthless."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers import REFERENCE
from benchmarks.problems import Network, Prepare, Problem, Run

STEPS = 5
TOLERANCE = 1e-4
# These divide by the root of a squared gradient, which magnifies rounding where that gradient is near zero; where
# rounding puts one number on the other side of ReLU's kink, a step of Adam makes about 1e-2 of it.
TOLERANCES = {"adam": 2e-2, "adagrad": 2e-2}
DROPOUT_RUNS = 60
DROPOUT_TOLERANCE = 0.05


def verify(workload: str, problem: Problem, peers: dict[str, Prepare]) -> bool:
    """Compare each peer to PyTorch (to the first peer if that is missing), print a line each, return if all agree.

    Compared are the losses of the first steps and everything that `Run.arrays` gives after them. Dropout's masks
    cannot agree: such a workload is compared without it, and with it by the average loss of many first steps.
    """
    reference_name = REFERENCE if REFERENCE in peers else next(iter(peers))
    reference = peers[reference_name]
    dropout = isinstance(problem, Network) and problem.dropout > 0
    exact = replace(problem, dropout=0.0) if isinstance(problem, Network) else problem
    good = True
    for name, prepare in peers.items():
        # whether a peer takes part is decided by the problem as it is measured
        started = prepare(problem)
        if name == reference_name or started is None or started.arrays is None:
            continue
        difference = _difference(exact, reference, prepare)
        agrees = difference <= TOLERANCES.get(getattr(problem, "optimizer", ""), TOLERANCE)
        text = f"losses and arrays of {STEPS} steps differ by {difference:.1e}"
        if dropout:
            expected, found = _mean_first_loss(reference, problem), _mean_first_loss(prepare, problem)
            agrees &= abs(found / expected - 1) <= DROPOUT_TOLERANCE
            text += f" without dropout; mean loss with it {found:.3f}, {reference_name}'s {expected:.3f}"
        print(f"{workload}: {name} {'agrees' if agrees else 'DISAGREES'} with {reference_name}: {text}")
        good &= agrees
    return good


def _started(prepare: Prepare, problem: Problem) -> Run:
    run = prepare(problem)
    assert run is not None
    return run


def _difference(problem: Problem, reference: Prepare, prepare: Prepare) -> float:
    """The largest distance between two arrays of the same place, relative to the length of the first."""
    expected, found = _trace(problem, reference), _trace(problem, prepare)
    assert [array.shape for array in expected] == [array.shape for array in found]
    return max(
        float(np.linalg.norm(theirs - ours) / np.linalg.norm(theirs))
        for theirs, ours in zip(expected, found, strict=True)
    )


def _trace(problem: Problem, prepare: Prepare) -> list[npt.NDArray[Any]]:
    """The losses as one array, and what the run ends with."""
    run = _started(prepare, problem)
    assert run.arrays is not None
    losses = np.array([float(run.step()) for _ in range(STEPS)])
    arrays = run.arrays()
    if isinstance(problem, Network) and problem.batchnorm:
        # BatchNorm takes away the bias before it: such biases have no gradient but rounding errors
        layers = len(problem.weights)
        del arrays[layers : 2 * layers - 1]
    return [losses, *arrays]


def _mean_first_loss(prepare: Prepare, problem: Problem) -> float:
    return fmean(float(_started(prepare, problem).step()) for _ in range(DROPOUT_RUNS))
