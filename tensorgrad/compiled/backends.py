"""Which kind of plan a program becomes."""

from __future__ import annotations

import logging

from tensorgrad.base.caching import remembered
from tensorgrad.errors import CompileError
from tensorgrad.program.blas import products
from tensorgrad.program.contents import Program
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.numpyplan import NumpyPlan

from .draws import drawn_in_c
from .toolchain import build, compiler
from .updates import in_c

log = logging.getLogger("tensorgrad.compile")

BACKENDS = ("auto", "numpy", "c")


def planned(program: Program, backend: str) -> NumpyPlan:
    """Return a plan of `program`.

    Raises:
        CompileError: the backend is "c", and there is no compiler, or it fails.
    """
    if backend == "numpy" or (backend == "auto" and not _has_compiler()):
        return NumpyPlan(program)
    try:
        in_c(program)
        return CPlan(drawn_in_c(program), build, products())
    except CompileError as error:
        if backend == "c":
            raise
        log.warning("plans are made of calls of NumPy: %s", error)
        return NumpyPlan(program)


@remembered()
def _has_compiler() -> bool:
    """Return whether there is a C compiler, and say once if there is none."""
    if compiler() is None:
        log.info("no C compiler was found: plans are made of calls of NumPy")
        return False
    return True
