"""Ways of calling a function that its tests do not know, and the lines of its code that some call has come to."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from .inputs import LIBRARIES, Kept, recorded_kinds

CALLS = 3  # recorded kinds of calls, the smaller first, that are made otherwise


def untried(calls: list[dict[str, Any]], texts: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield calls with an argument that is the same in all `calls` otherwise: an array for None, "sum" for "mean".

    Args:
        calls: what the tests call the function with.
        texts: what the code compares its arguments with.
    """
    kinds = sorted(recorded_kinds(calls), key=lambda call: sum(v.size for w, v in call["args"] if w in LIBRARIES))
    for call in kinds[:CALLS]:
        arrays = [kept for kept in call["args"] if kept[0] in LIBRARIES]
        for part, places in (("args", range(len(call["args"]))), ("words", call["words"])):
            for place in places:
                known = [c[part][place] for c in calls if len(c["args"]) == len(call["args"])]
                for other in _others(known, arrays, texts):
                    changed: Any = call[part].copy()
                    changed[place] = other
                    yield {**call, part: changed}


def _others(known: list[Kept], arrays: list[Kept], texts: Collection[str]) -> Iterator[Kept]:
    """Yield what may stand for an argument that was one of `known` in all calls."""
    if any(what != "value" for what, _ in known):
        return
    values = [value for _, value in known]
    if all(v is None for v in values):
        shapes = {shape: what for what, a in arrays for shape in (a.shape[:1], a.shape[-1:], a.shape)}
        yield from ((what, np.linspace(0.5, 1.5, int(np.prod(s))).reshape(s)) for s, what in shapes.items())
    elif all(type(v) is bool for v in values):
        yield from (("value", v) for v in (True, False) if v not in values)
    elif all(isinstance(v, str) for v in values):
        yield from (("value", text) for text in texts if text not in values)


def texts_of(tree: ast.Module, owner: str) -> list[str]:
    """Return the texts that the code of `owner` compares something with."""
    inside = [n for s in tree.body if getattr(s, "name", None) == owner for n in ast.walk(s)]
    compared = [n for c in inside if isinstance(c, ast.Compare | ast.MatchValue) for n in ast.walk(c)]
    return list(dict.fromkeys(n.value for n in compared if isinstance(n, ast.Constant) and isinstance(n.value, str)))


@contextmanager
def lines_run(path: str, into: set[int]) -> Iterator[None]:
    """Add the lines of the file at `path` that run in this thread to `into`."""

    def in_line(frame: FrameType, event: str, arg: object) -> Any:
        into.add(frame.f_lineno)
        return in_line

    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: in_line if frame.f_code.co_filename == path else None)
    try:
        yield
    finally:
        sys.settrace(before)


def is_reached(tree: ast.Module, line: int, lines: Collection[int]) -> bool:
    """Return whether one of `lines`, which have run, is of the statement at `line`: what stands there has run, too."""
    around = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or n.lineno)]
    found = max(around, key=lambda n: n.lineno)
    if isinstance(found, ast.FunctionDef | ast.ClassDef):
        return True
    body = getattr(found, "body", None)
    last = max(found.lineno, body[0].lineno - 1) if body else found.end_lineno or found.lineno
    return any(found.lineno <= n <= last for n in lines)
