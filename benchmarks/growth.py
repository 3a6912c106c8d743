"""How the time of a step grows with the width, the depth and the batch of a network: a picture."""

from __future__ import annotations

from pathlib import Path

from benchmarks.problems import GROWTH
from benchmarks.timing import Samples, middle, time_in_turn

Course = dict[str, dict[int, float]]
"""By peer: the seconds of a step for each value of what is varied."""


def measure(names: list[str], seconds: float) -> dict[str, Course]:
    """Return the course of every series of `GROWTH`, each point measured for about so many seconds."""
    return {series: _course(series, values, names, seconds) for series, values in GROWTH.items()}


def _course(series: str, values: tuple[int, ...], names: list[str], seconds: float) -> Course:
    found: Course = {}
    for value in values:
        results: dict[str, Samples] = time_in_turn(f"{series}={value}", names, seconds)
        for name, samples in results.items():
            found.setdefault(name, {})[value] = middle(samples.cpu)[1]
    return found


def plot(courses: dict[str, Course], path: Path) -> None:
    """Draw the courses beside each other, both axes logarithmic."""
    from matplotlib.figure import Figure  # an optional library: imported when used

    figure = Figure(figsize=(4 * len(courses), 3.6), layout="constrained")
    axes = figure.subplots(1, len(courses), sharey=True, squeeze=False)[0]
    for place, (series, course) in zip(axes, courses.items(), strict=True):
        for name, points in course.items():
            place.loglog(list(points), [1e6 * seconds for seconds in points.values()], marker="o", ms=3, label=name)
        place.set_xlabel(series)
        place.set_xticks(list(points), labels=list(map(str, points)))
        place.minorticks_off()
        place.grid(alpha=0.3)
    axes[0].set_ylabel("µs a step (CPU time)")
    axes[-1].legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
