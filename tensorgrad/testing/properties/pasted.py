"""The script that shows a failure, and how to have the same draws again."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .point import Point, choices

SCRIPT = "a script that shows it"


def script_of(test: Callable[..., Any], point: Point) -> str:
    """Return the lines that call `test` at `point` again: what is imported from where, and the call.

    A test that was made inside of a function cannot be imported: the last line alone is returned then.
    """
    text = repr(point)
    if "<locals>" in test.__qualname__:
        return f"{text}  # {test.__name__} is made in a function: call it where it is made"
    modules = "".join(f", {told}" for told, word in _MODULES.items() if re.search(rf"\b{word}\.", text))
    file = Path(inspect.getsourcefile(inspect.unwrap(test)) or "").resolve()
    parts = test.__module__.split(".")
    if (*file.parent.parts, file.stem)[-len(parts) :] != tuple(parts):  # run as a script, or loaded by its path
        parts = [file.stem]
    folder = file.parents[len(parts) - 1]
    named = {f"from {c.__module__} import {c.__qualname__.partition('.')[0]}" for c in choices(dict(point.arguments))}
    return "\n".join(
        [
            f"import sys, numpy as np{modules}; sys.path[:0] = [{str(folder)!r}]",
            f"from {'.'.join(parts)} import {test.__qualname__.partition('.')[0]}",
            *sorted(named),
            text,
        ]
    )


_MODULES = {"tensorgrad": "tensorgrad", "tensorgrad as tg": "tg", "torch": "torch"}


def drawn_again(test: Callable[..., Any]) -> str:
    """Return how to have the draws of this run of `test` again, as far as Hypothesis tells its seed."""
    own = getattr(test, "_hypothesis_internal_use_seed", None)
    if own is not None:
        return f"the same draws again: it has @seed({own})"
    seed = getattr(test, "_hypothesis_internal_use_generated_seed", None)
    if seed is None:
        forced = getattr(sys.modules.get("hypothesis.core"), "global_force_seed", None)
        if forced is None:
            return "the same draws again: run it again (derandomize)"
        seed = forced
    return f"the same draws again: @seed({seed}) above it, or pytest --hypothesis-seed={seed}"
