"""How long a drawing takes beside torchviz's: `python -m benchmarks --pictures`, of networks that both libraries make.

Ours is laid out in this process; torchviz has Graphviz's `dot` do it, whose CPU time counts as well. Compared are later
drawings of the same network, whose places are known by then; what it takes to find them stands beside it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from benchmarks.timing import ROOT, core
from benchmarks.worker import pin

OURS, ANEW, PEER = "tensorgrad", "tensorgrad, laid out anew", "torchviz"
ROUNDS, DRAWINGS = 7, 10


def _layers(nn: Any, t: Any) -> tuple[Any, Any]:
    layers = [layer for _ in range(6) for layer in (nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())]
    return nn.Sequential(*layers), t.randn(5, 8)


def _mlp(nn: Any, t: Any) -> tuple[Any, Any]:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)), t.randn(3, 4)


def _recurrent(nn: Any, t: Any) -> tuple[Any, Any]:
    return nn.RNN(4, 8), t.randn(10, 2, 4)


def _normalized(nn: Any, t: Any) -> tuple[Any, Any]:
    return nn.BatchNorm1d(3), t.randn(7, 3, requires_grad=True)


def _encoder(nn: Any, t: Any) -> tuple[Any, Any]:
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), t.randn(2, 4, 8)


def _residual(nn: Any, t: Any) -> tuple[Any, Any]:
    class Residual(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            made = [layer for _ in range(2) for layer in (nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))]
            self.first, self.norm, self.second, self.last = made

        def forward(self, x: Any) -> Any:
            return (x + self.last(self.second(self.norm(self.first(x)).relu()))).relu()

    return nn.Sequential(*[Residual() for _ in range(3)]), t.randn(1, 4, 8, 8)


NETWORKS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "18 layers": _layers,
    "MLP": _mlp,
    "RNN, ten steps": _recurrent,
    "BatchNorm": _normalized,
    "transformer layer": _encoder,
    "3 residual blocks": _residual,
}


def missing() -> str:
    """Return why torchviz cannot draw here; empty if it can."""
    modules = [module for module in ("torch", PEER) if find_spec(module) is None]
    return f"not installed: {', '.join(modules)}" if modules else "" if shutil.which("dot") else "no dot here"


def measure(rounds: int = ROUNDS, drawings: int = DRAWINGS) -> dict[str, dict[str, float]]:
    """Return the seconds of CPU of a drawing, by who draws and the network; without torchviz where it is not there."""
    return {peer: _measured(peer, rounds, drawings) for peer in (OURS, ANEW, *([] if missing() else [PEER]))}


def _measured(peer: str, rounds: int, drawings: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.pictures", peer, str(rounds), str(drawings)]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, env=os.environ | single)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def table(found: dict[str, dict[str, float]]) -> str:
    """Return the times as a table of a document."""
    heads = ("network", "torchviz, ms", "tensorgrad, ms", "ratio", "laid out anew, ms", "ratio")
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for network in found[OURS]:
        other = found.get(PEER, {}).get(network)
        told = [network, f"{1e3 * other:.0f}" if other else missing()]
        for seconds in (found[OURS][network], found[ANEW][network]):
            told += [f"{1e3 * seconds:.0f}", f"{seconds / other:.1f}" if other else ""]
        lines.append(f"| {' | '.join(told)} |")
    return "\n".join(lines)


def _worked() -> float:
    """Return the seconds of CPU of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _drawer(peer: str, network: str) -> Callable[[], object]:
    """Return what draws `network` anew, from the computation to the SVG."""
    if peer in (OURS, ANEW):
        import tensorgrad as tg
        from tensorgrad import nn, viz

        net, x = NETWORKS[network](nn, tg)
        titles = map(str, itertools.count()) if peer == ANEW else itertools.repeat("")  # a title has a place, too
        return lambda: viz.draw(net, x, title=next(titles)).svg
    import torch
    from torchviz import make_dot  # type: ignore[import-untyped, import-not-found, unused-ignore]

    module, given = NETWORKS[network](torch.nn, torch)
    return lambda: make_dot(module(given), params=dict(module.named_parameters())).pipe("svg")


def main(peer: str, rounds: int, drawings: int) -> None:
    """Say how much CPU time a later drawing of each network takes: the least of the rounds, for machines are shared."""
    pin(core())
    found = {}
    for network in NETWORKS:
        draw, least = _drawer(peer, network), float("inf")
        draw()
        for _ in range(rounds):
            before = _worked()
            for _ in range(drawings):
                draw()
            least = min(least, (_worked() - before) / drawings)
        found[network] = least
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
