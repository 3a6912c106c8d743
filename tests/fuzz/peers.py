"""The libraries that a program is compared with: PyTorch, or the naive engine where there is none."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from tests.fuzz import naive
from tests.fuzz.generator import Style
from tests.fuzz.program import Program
from tests.fuzz.run import Run, run


class Library(NamedTuple):
    """What runs a program, and which programs it can run."""

    run: Callable[[Program], Run]
    style: Style


def _torch(program: Program) -> Run:
    return run(program, "torch")


PEERS = {
    "torch": Library(_torch, Style(lambda template: True)),
    "naive": Library(naive.answered, Style(naive.fits, smooth=True)),
}


def available() -> str:
    """PyTorch where it is installed, the naive engine elsewhere."""
    return "torch" if find_spec("torch") else "naive"
