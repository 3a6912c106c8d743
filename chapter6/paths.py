"""Figures 6-3, 6-5, 6-6, 6-7 and 6-8: four optimisers on f(x, y) = x²/20 + y², thirty steps from (-7, 2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import tensorgrad as tg
from tensorgrad import optim, viz
from tensorgrad.chapter6.moving import Way, moving
from tensorgrad.chapter6.run import Run, Words, main
from tensorgrad.chapter6.surface import f

START, STEPS = (-7.0, 2.0), 30
OPTIMIZERS: dict[str, Callable[[list[tg.Tensor]], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.95, convention="book"),
    "Momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, convention="book"),
    "AdaGrad": lambda p: optim.Adagrad(p, lr=1.5, convention="book"),
    "Adam": lambda p: optim.Adam(p, lr=0.3, convention="book"),
}
NUMBERS = {"SGD": "6-3", "Momentum": "6-5", "AdaGrad": "6-6", "Adam": "6-7"}


def path_of(make: Callable[[list[tg.Tensor]], optim.Optimizer]) -> np.ndarray:
    """Return the points (STEPS, 2) that an optimiser passes, the first of them the start."""
    x, y = (tg.tensor(value, dtype=tg.float64, requires_grad=True) for value in START)
    optimizer = make([x, y])
    points = []
    for _ in range(STEPS):
        points.append((x.item(), y.item()))
        optimizer.zero_grad()
        f(x, y).backward()
        optimizer.step()
    return np.array(points)


def rate_of(make: Callable[[list[tg.Tensor]], optim.Optimizer]) -> float:
    """Return the learning rate of an optimiser."""
    return float(make([tg.zeros(1, requires_grad=True)]).param_groups[0]["lr"])


def experiment(run: Run) -> None:
    """SGD zigzags to the minimum; Momentum, AdaGrad and Adam take ways of their own."""
    paths = {name: path_of(make) for name, make in OPTIMIZERS.items()}
    turns = {name: int((np.sign(p[1:, 1]) != np.sign(p[:-1, 1])).sum()) for name, p in paths.items()}
    length = {name: float(np.linalg.norm(np.diff(p, axis=0), axis=1).sum()) for name, p in paths.items()}
    last = {name: float(p[-1, 0] ** 2 / 20 + p[-1, 1] ** 2) for name, p in paths.items()}
    run.record(paths=paths, sign_changes_of_y=turns, lengths=length, last_value=last)

    run.check(
        Words("SGD zigzags: y changes its sign at every step", "SGD 呈“之”字形移动：y 每一步都变号"),
        turns["SGD"] == STEPS - 1 and length["SGD"] == max(length.values()),
        f"{turns['SGD']} of {STEPS - 1} steps, length of the path {length['SGD']:.1f}",
    )
    run.check(
        Words("Momentum swings less, on a shorter way", "Momentum 的“之”字形程度减轻，路径更短"),
        0 < turns["Momentum"] < turns["SGD"] / 4 and length["Momentum"] < length["SGD"] / 2,
        f"{turns['Momentum']} changes of sign, length {length['Momentum']:.1f}",
    )
    run.check(
        Words(
            "AdaGrad goes to the minimum without swinging, and comes lowest",
            "AdaGrad 不摆动，高效地向最小值移动，最终值最小",
        ),
        turns["AdaGrad"] == 0 and last["AdaGrad"] == min(last.values()),
        f"no change of sign, length {length['AdaGrad']:.1f}, f = {last['AdaGrad']:.4f} at the last point",
    )
    run.check(
        Words("Adam swings a little, less than Momentum", "Adam 略有摆动，但比 Momentum 轻"),
        turns["AdaGrad"] < turns["Adam"] < turns["Momentum"],
        f"{turns['Adam']} changes of sign, length {length['Adam']:.1f}, f = {last['Adam']:.4f} at the last point",
    )
    draw(run, paths)


def draw(run: Run, paths: dict[str, np.ndarray]) -> None:
    """Draw each path by itself and all beside each other, still and moving."""
    figures = {
        number: ([name], Words(f"The path of {name} to the minimum", f"基于 {name} 的最优化的更新路径"))
        for name, number in NUMBERS.items()
    }
    figures["6-8"] = (list(paths), Words("The four optimisers compared", "四种最优化方法的比较"))
    for number, (names, caption) in figures.items():
        shown = {name: paths[name] for name in names}
        drawn = viz.plot_paths(f, shown, minimum=(0.0, 0.0), limits=((-10.0, 10.0), (-10.0, 10.0)))
        ways = {name: Way(rate_of(OPTIMIZERS[name]), points) for name, points in shown.items()}
        run.figure(number, drawn, caption, moving(ways, f"Figure {number}: {caption.en}"))


if __name__ == "__main__":
    raise SystemExit(main(experiment))
