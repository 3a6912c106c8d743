"""Random programs: whole graphs with views, choices, reductions, constants, writes and derivatives inside.

A `Program` is a list of lines of Python, and the numbers it starts from. Its `source` is a script that anybody can run,
`run` executes the same lines on tensorgrad or on PyTorch, and `check` compares its derivatives with numerical ones. A
program that fails a test shrinks, with Hypothesis, to the few lines that matter.

>>> program = built([(0, 0, 0, 0, 0, 0), (5, 0, 0, 0, 0, 0)], shape=(2,))
>>> print(program.source())
import tensorgrad as xp
<BLANKLINE>
v0 = xp.tensor([0.35, 1.05], dtype=xp.float64, requires_grad=True)
v1 = v0 * v0
v2 = xp.sin(v1)
outputs = [v2]
>>> program.check().verdict
'passed'
"""

from __future__ import annotations

from typing import Any

from tensorgrad.errors import needing

from .asked import verifying
from .building import Code, built
from .program import Line, Program
from .vocabulary import CUTS, ROWS, WRITES

with needing("tensorgrad.testing.programs", "hypothesis"):
    from hypothesis import strategies as st

__all__ = ["Code", "Line", "Program", "built", "programs"]


SHAPES = ((2,), (), (3,), (2, 3), (3, 2), (1, 3), (2, 1), (2, 2))


@verifying
@st.composite
def programs(draw: Any, min_ops: int = 5, max_ops: int = 60, in_place: bool = True) -> Program:
    """Return a Hypothesis strategy for programs of `min_ops` to `max_ops` lines; they shrink to few and simple ones.

    The values stay finite and small, logarithms see positive numbers only, and no value lies close to a kink.

    Args:
        min_ops, max_ops: how many lines.
        in_place: also write into memory: ``x[i] = v``, ``x += y``, ``x.mul_(0.5)``.

    >>> from hypothesis import find
    >>> print(find(programs(1, 2), lambda program: True).lines[0])
    v1 = v0 * v0
    """
    rows = len(ROWS) + len(CUTS) + (len(WRITES) if in_place else 0)
    # three numbers for a line and no more: Hypothesis deletes up to five at a time, and so whole lines
    drawn = st.tuples(st.integers(0, rows - 1), st.integers(0, 511), st.integers(0, 4095))
    leaves, shape = draw(st.integers(1, 3)), draw(st.sampled_from(SHAPES))
    codes = [
        (row, places % 8, places // 8 % 8, places // 64, free % 64, free // 64)
        for row, places, free in draw(st.lists(drawn, min_size=min_ops, max_size=max_ops))
    ]
    return built(codes, shape, leaves, draw(st.integers(0, 35)), in_place)
