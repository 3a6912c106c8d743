"""Random programs as C files: on other inputs they give what the NumPy file does, or they are refused."""

from __future__ import annotations

import re
import warnings
from random import Random

import numpy as np
import pytest

from tensorgrad.errors import CompileError

from .cfiles import COMPILER, STRICT, Answered, compare, compiled
from .fuzz.elsewhere import TOLD, other, traced

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")
PROGRAMS, PART = 300, 100
QUICK = tuple("-O1" if flag == "-O2" else flag for flag in STRICT)
NO_FORM = re.compile(
    r"float16|complex|svd|qr|inv|solve|slogdet|eigh|cholesky|det|argsort|unique|bincount|commonest|getitem of .*bool"
)
"""Half precision, linear algebra, sorting, what is counted: C has no form for these, of which programs are full."""
REFUSED, REFUSED_OTHERWISE = 0.5, 0.08
RTOL, ATOL = 1e-4, 1e-5


def tried(number: int, folder) -> str:
    """Return what came of a program: "same", "refused" with a reason, or "none" where there is no NumPy file either."""
    if (known := traced(number)) is None:
        return "none"
    graph, python, arrays = known
    rng = Random(f"C {number}")
    try:
        source = graph.to_c()
    except CompileError as error:
        assert str(error).startswith("to_c() ")  # noqa: PT017 - how it is refused
        return "refused" if NO_FORM.search(str(error)) else "refused otherwise"
    made = compiled(source, folder, QUICK)
    for inputs in [arrays, *([] if TOLD in python else ([other(rng, a) for a in arrays] for _ in range(3)))]:
        try:
            compare(made, python, [a.copy() for a in inputs], RTOL, ATOL)
        except (Answered, ValueError):  # an assumption does not hold: of the file of NumPy's, too, or of a choice in it
            assert inputs is not arrays
    return "same"


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(PART, PROGRAMS, PART))])
def test_random_programs_give_what_their_numpy_files_do(first, tmp_path) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = [tried(number, tmp_path) for number in range(first, first + PART)]
    print({kind: found.count(kind) for kind in sorted(set(found))})
    assert found.count("refused otherwise") <= REFUSED_OTHERWISE * PART
    assert sum(kind.startswith("refused") for kind in found) <= REFUSED * PART
