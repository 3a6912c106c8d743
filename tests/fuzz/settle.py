"""Who is right where two libraries differ: the program in float64, moved by rounding, differentiated numerically."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tests.fuzz.compare import (
    LEVELS,
    Comparison,
    Difference,
    answer_of,
    beyond,
    compared,
    of_numbers,
    scale,
    unit_of,
)
from tests.fuzz.program import Program, weights
from tests.fuzz.run import Refused, Run, run
from tests.fuzz.vocabulary import MATRICES, named

Peer = Callable[[Program], Run]

STEP = 1e-5  # of a numerical derivative
FACTORIZED = {named(template)[0] for template in MATRICES}
MOVES = 8  # runs with other roundings
MOST = 40  # elements whose derivative is taken numerically


@dataclass(frozen=True)
class Verdict:
    """What came of a program: the comparison, and what is to be said of its difference.

    Attributes:
        comparison: up to the first difference.
        failure: the difference, where it stands.
        why: why it does not stand: "conditioning", "nearer" (to the result in float64), "numerical" (our number is the
            numerical derivative, theirs is not), "unknown" (NaN is our slope of what is NaN).
    """

    comparison: Comparison
    failure: Difference | None = None
    why: str | None = None


def judged(program: Program, peer: Peer) -> Verdict:
    """Run `program` on this library and on its peer, and settle the first difference."""
    ours, theirs = run(program, "tensorgrad"), peer(program)
    unit = unit_of(program, ours)
    comparison = compared(program, ours, theirs, unit)
    difference = comparison.difference
    if difference is None:
        return Verdict(comparison)
    if (
        difference.kind == "nan"
        and difference.level != "value"
        and any(isinstance(x, np.ndarray) and np.isnan(x).any() for x in map(ours.end.get, program.outputs))
    ):
        return Verdict(comparison, None, "unknown")
    if difference.kind not in {"wrong", "nan", "number"} or not isinstance(difference.found, np.ndarray):
        return Verdict(comparison, difference)
    lifted = program.lifted()
    why = (
        _by_float64(program, lifted, difference, peer, unit)
        if lifted
        else _by_moving(program, difference, ours, theirs, unit)
    )
    return Verdict(comparison, None if why else difference, why)


def _by_float64(program: Program, lifted: Program, difference: Difference, peer: Peer, unit: float) -> str | None:
    """In float64 both must agree; then the one that is nearer to that is right."""
    above = judged(lifted, peer)
    if above.failure is not None and LEVELS.index(above.failure.level) <= LEVELS.index(difference.level):
        return None
    truth = answer_of(run(lifted, "tensorgrad"), difference)
    if not isinstance(truth, np.ndarray) or truth.shape != difference.found.shape:
        return None
    a, b = (np.asarray(x, np.float64) for x in (difference.found, difference.expected))
    if difference.found.dtype.kind != "f":
        return (
            "conditioning" if (truth == a).mean() >= (truth == b).mean() or _spread(program, difference).any() else None
        )
    room = 16 * unit * (np.abs(truth) + scale(truth)) + 30 * _spread(program, difference)
    with np.errstate(invalid="ignore", over="ignore"):
        room = room + 4 * np.where(np.isfinite(b - truth), np.abs(b - truth), 0)
    ours_is = (a == truth) | (np.isnan(a) & np.isnan(truth)) | ~beyond(a, truth, room) | (room == np.inf)
    too_large = np.isinf(a) & (np.abs(truth) > np.finfo(difference.found.dtype).max)
    return "nearer" if (ours_is | too_large | ((a == b) | (np.isnan(a) & np.isnan(b)))).all() else None


def _by_moving(program: Program, difference: Difference, ours: Run, theirs: Run, unit: float) -> str | None:
    """A difference no larger than what roundings make of it is none; a jump counts only where roundings differ."""
    a, b = (np.asarray(x, np.float64) for x in (difference.found, difference.expected))
    if difference.level != "value" and _is_numerical(program, difference, a, b):
        return "numerical"
    fine = _spread(program, difference, 1.0)
    if difference.found.dtype.kind == "f":
        coarse = _spread(program, difference, 1000.0)
        smooth = fine <= coarse / 50
    else:
        smooth = np.zeros(a.shape, bool)
    jumps = not smooth.all() and _same_bits(program, difference, ours, theirs)
    room = np.where(smooth | (not jumps), 100 * fine, 0.0)
    kind = of_numbers(*_within(a, b, room), unit)
    return None if kind else "conditioning"


def _within(a: np.ndarray, b: np.ndarray, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers, with those that are at most `room` apart made equal."""
    near = ~beyond(a, b, room) | (np.isinf(room) & (room > 0))
    return np.where(near, b, a), b


def _spread(program: Program, difference: Difference, factor: float = 1.0) -> np.ndarray:
    """How far the answer goes where every computed value is moved by a unit of rounding; infinite where it breaks."""
    shape = np.shape(difference.found)
    found = [np.asarray(difference.found, np.float64)]
    for seed in range(MOVES):
        rng = np.random.default_rng(seed)
        arrays = [
            x.array
            * (1 + factor * np.finfo(x.array.dtype).eps * rng.uniform(-1, 1, x.array.shape)).astype(x.array.dtype)
            if x.array.dtype.kind == "f"
            else x.array
            for x in program.leaves
        ]
        moved = answer_of(run(program, "tensorgrad", arrays, noise=rng, factor=factor), difference)
        if isinstance(moved, Refused) or np.shape(moved) != shape:
            return np.full(shape, np.inf)
        found.append(np.asarray(moved, np.float64))
    with np.errstate(invalid="ignore"):
        far = np.abs(np.array(found[1:]) - found[0]).max(0)
    same = np.all([(x == found[0]) | (np.isnan(x) & np.isnan(found[0])) for x in found], axis=0)
    return np.where(same, 0.0, np.where(np.isnan(far), np.inf, far))


def _same_bits(program: Program, difference: Difference, ours: Run, theirs: Run) -> bool:
    """Whether both computed the same bits up to the difference, so that no rounding can explain it."""
    lines = slice(difference.line) if difference.line is not None else slice(None)
    differs = program.ops if difference.line is None else program.ops[difference.line : difference.line + 1]
    if FACTORIZED & set(differs):
        return False  # the operation rounds within
    return all(
        isinstance(a, Refused) or isinstance(b, Refused) or all(_same(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(ours.lines[lines], theirs.lines[lines], strict=True)
    )


def _same(x: object, y: object) -> bool:
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
    return True


def _is_numerical(program: Program, difference: Difference, a: np.ndarray, b: np.ndarray) -> bool:
    """Whether our numbers are the numerical derivatives wherever they are not the peer's."""
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b))) & ~(np.abs(a - b) <= 1e-9 * (np.abs(b) + scale(b)))
    if np.isnan(a[differs]).any() or differs.sum() > MOST or "register_hook" in program.ops:
        return False
    times = 2 if program.twice else 1
    number = program.leaves.index(program.tracked[difference.index])
    slopes = (slope(program, difference.level, number, tuple(place)) for place in np.argwhere(differs))
    return all(
        slope is not None and abs(times * slope[0] - mine) <= times * slope[1] + 1e-5 * (abs(mine) + abs(slope[0]))
        for slope, mine in zip(slopes, a[differs], strict=True)
    )


def slope(program: Program, level: str, leaf: int, place: tuple[int, ...]) -> tuple[float, float] | None:
    """The numerical derivative by one element, with its error; None where the slopes on the two sides differ."""
    arrays = [x.array for x in program.leaves]
    kept = _kept(program)
    h = STEP * max(1.0, abs(float(arrays[leaf][place])))

    def parts(shift: float) -> np.ndarray:
        moved = [x.copy() for x in arrays]
        moved[leaf][place] += shift
        return _parts(run(program, "tensorgrad", moved, kept, derivatives=int(level == "second")), program, level)

    middle, *others = (parts(x * h) for x in (0.0, -1.0, -0.5, 0.5, 1.0))
    if any(x.shape != middle.shape for x in others):
        return None
    known = ~np.isnan(middle)
    if any((np.isnan(x) == known).any() for x in others):
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        low, half_low, half_high, high = (np.where(np.isfinite(x[known]), x[known], 0).sum() for x in others)
        zero = np.where(np.isfinite(middle[known]), middle[known], 0).sum()
    whole, half = (high - low) / (2 * h), (half_high - half_low) / h
    right, left = (high - zero) / h, (zero - low) / h
    if not np.isfinite(half) or abs(right - left) > 1e-2 * (abs(half) + 1e-3):
        return None
    return float(half), abs(whole - half) + 1e-7 * (1 + abs(zero))


def _parts(found: Run, program: Program, level: str) -> np.ndarray:
    """The elements of the outputs, or of the gradients, times their weights."""
    answers = [found.end.get(n) for n in program.outputs] if level == "gradient" else found.gradient
    if isinstance(answers, Refused):
        return np.zeros(0)
    with np.errstate(invalid="ignore"):
        parts = [(x * weights(x.shape)).ravel() for x in answers if isinstance(x, np.ndarray)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _kept(program: Program) -> dict[str, np.ndarray]:
    """The values of what is detached: constants, wherever the leaves go."""
    values = run(program, "tensorgrad", derivatives=0)
    return {
        target: value
        for line, answer in zip(program.lines, values.lines, strict=True)
        if line.cut and line.targets and not isinstance(answer, Refused)
        for target, value in zip(line.targets, answer, strict=True)
    }


def failing_as(program: Program, peer: Peer, difference: Difference) -> Difference | None:
    """The difference of `program`, if it fails as `difference` does."""
    found = judged(program, peer).failure
    same = found is not None and (found.level, found.kind) == (difference.level, difference.kind)
    return replace(found) if same and found is not None else None
