"""``python -m tensorgrad.mutation.witness FILE``: for each fault that the tests have missed, an input that shows it.

A process of its own, in a copy of the user's folder: what is searched may hang. FILE tells what to search; each answer
is a line of JSON in the file that it names. The code as it is must answer an input twice in the same way, with finite
numbers; and where its gradient is the derivative of its value at the shapes of the tests, it must be so at other
shapes: what the code was not made for shows nothing.
"""

from __future__ import annotations

import ast
import importlib
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tensorgrad.testing.properties.point import spelled

from .inputs import LIBRARIES, Probe, as_recorded, families, of_family
from .showing import TENSORS, Seeing, is_right, seen
from .untried import is_reached, lines_run, texts_of, untried

Answer = dict[str, Any]
FAMILIES = 60  # combinations of shapes that are tried
BOUND = 100  # above it a number of the code is none that values are compared with
UNREACHED = "no call of the tests comes to this line, nor does any other that was tried"
GUESSED = ((2, 3), (3,), (3, 3))  # the shapes that are tried of a function that no test has called


def main(path: str) -> None:
    """Answer what the file at `path` asks."""
    asked = json.loads(Path(path).read_text("utf-8"))
    sys.path.insert(0, asked["root"])
    module = importlib.import_module(asked["module"])
    calls = list(notes_in(Path(asked["calls"])))
    tree = ast.parse(Path(module.__file__ or "").read_text("utf-8"))
    known: dict[str, list[tuple[Probe, Seeing]]] = {}
    lines: set[int] = set()
    for mutant in asked["mutants"]:
        owner = mutant["owner"]
        if owner not in known:
            with lines_run(module.__file__ or "", lines):
                known[owner] = trusted(module, owner, calls, asked["library"], tree)
        found = answer(module, mutant, known[owner])
        if not found["shows"] and not is_reached(tree, mutant["line"], lines):
            found["shows"] = UNREACHED
        with Path(asked["answers"]).open("a", encoding="utf-8") as file:
            print(json.dumps(found), file=file)


def notes_in(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what the recorder has written."""
    for path in sorted(folder.glob("*.calls")):
        with path.open("rb") as file:
            while file.peek(1):
                yield pickle.load(file)  # noqa: S301 - written by our recorder


def trusted(
    module: ModuleType, owner: str, calls: list[dict[str, Any]], library: str, tree: ast.Module
) -> list[tuple[Probe, Seeing]]:
    """Return the inputs to be tried on `owner`, each with what the code as it is shows there."""
    target = getattr(module, owner)
    of_owner = [c for c in calls if c.get("function") == owner] or list(guessed(target, library))
    others = list(untried(of_owner, texts_of(tree, owner)))
    right = hasattr(target, "apply") and any(agrees(target, base) for base in families(of_owner, broadcast=False))
    bases = [
        base
        for kinds in (of_owner, others)
        for base in [b for b in families(kinds, broadcast=right) if not right or agrees(target, b)][:FAMILIES]
    ]
    limits = limits_of(tree, owner)
    tried = [*as_recorded(of_owner), *(probe for base in bases for probe in of_family(base, limits))]
    found = []
    for probe in sorted(tried, key=lambda probe: (not probe.size, probe.size)):  # an empty input shows little
        shown = once(target, probe)
        again = once(target, probe)
        if (
            not isinstance(shown, str)
            and not isinstance(again, str)
            and is_finite(shown)
            and not differing(shown, again)
        ):
            found.append((probe, shown))
    return found


def guessed(target: Any, library: str) -> Iterator[dict[str, Any]]:
    """Yield calls with arrays of one shape, as many as the function takes."""
    applied = hasattr(target, "apply")
    count = getattr(target, "forward", target).__code__.co_argcount - (applied and "setup_context" not in vars(target))
    for shape in GUESSED:
        kept = library if applied else "numpy"
        yield {"args": [(kept, np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape))] * count, "words": {}}


def limits_of(tree: ast.Module, owner: str) -> list[float]:
    """Return the numbers that stand in the code of `owner`: values may be compared with them."""
    found = [n for s in tree.body if getattr(s, "name", None) == owner for n in ast.walk(s)]
    constants = [n.value for n in found if isinstance(n, ast.Constant)]
    return sorted({float(n) for n in constants if isinstance(n, int | float) and abs(n) <= BOUND})


def agrees(target: Any, probe: Probe) -> bool:
    """Whether the gradient is the derivative of the value; not where the call is refused."""
    try:
        return is_right(target, probe)
    except Exception:  # noqa: BLE001 - an input that the user's code refuses in its own way is none
        return False


def once(target: Any, probe: Probe) -> Seeing | str:
    """Return what is seen, or the error that is raised."""
    try:
        return seen(target, probe)
    except Exception as error:  # noqa: BLE001 - of the user's code: a refused input, or what a fault does
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def is_finite(shown: Seeing) -> bool:
    """Whether all values and gradients are finite."""
    return all(np.isfinite(v).all() for _, v in shown if isinstance(v, np.ndarray) and v.dtype.kind in "fc")


def variant(module: ModuleType, source: str) -> ModuleType:
    """Return `module` with another source."""
    made = ModuleType(module.__name__)
    made.__dict__.update({k: v for k, v in vars(module).items() if k.startswith("__")})
    exec(compile(source, module.__file__ or "", "exec"), made.__dict__)  # noqa: S102 - the user's own code
    return made


def answer(module: ModuleType, mutant: dict[str, Any], known: list[tuple[Probe, Seeing]]) -> Answer:
    """Return the first input on which the fault shows, or that there is none; and how many were tried."""
    try:
        target = getattr(variant(module, mutant["source"]), mutant["owner"])
    except Exception as error:  # noqa: BLE001 - the module cannot even be loaded with the fault
        return {"tried": 1, "shows": f"the module cannot be loaded: {type(error).__name__}: {error}"}
    for probe, right in known:
        wrong = once(target, probe)
        if shows := f"raises {wrong}" if isinstance(wrong, str) else differing(right, wrong):
            call = text_of(mutant["owner"], hasattr(target, "apply"), probe, shows, right)
            return {"tried": len(known), "shows": shows, "call": call}
    return {"tried": len(known), "shows": None}


def differing(right: Seeing, wrong: Seeing) -> str | None:
    """Return how two seeings differ by more than rounding; None if they do not."""
    others = dict(wrong)
    numbers = [v for _, v in right if isinstance(v, np.ndarray) and v.size and v.dtype.kind in "fc"]
    size = max((float(np.abs(v).max()) for v in numbers), default=1.0)
    for what, value in right:
        if isinstance(value, str):
            continue
        if what not in others:
            if value is None or not value.any():
                continue  # no derivative, whether it is told or refused
            raised = next((v for v in others.values() if isinstance(v, str)), "nothing")
            return f"{what} is there, with the fault it is not: {raised}"
        if text := different(value, others[what], size):
            return f"{what}{text}"
    return None


def different(right: Any, wrong: Any, size: float) -> str | None:
    """Return where two arrays differ, told with both numbers; no gradient and zeros are the same."""
    if right is None and wrong is None:
        return None
    right, wrong = (np.zeros_like(b) if a is None else a for a, b in ((right, wrong), (wrong, right)))
    if right.shape != wrong.shape:
        return f" has the shape {right.shape}, with the fault {wrong.shape}"
    if right.dtype != wrong.dtype:
        return f" has the dtype {right.dtype}, with the fault {wrong.dtype}"
    exact = right.dtype.kind not in "fc"
    relative = 0.0 if exact else 1e-9 if right.dtype.itemsize >= 8 * (1 + (right.dtype.kind == "c")) else 1e-3
    near = np.isclose(wrong, right, rtol=relative, atol=relative * 1e-4 * size, equal_nan=False)
    if near.all():
        return None
    place = tuple(int(i) for i in np.argwhere(~near)[0])
    return f" at {place} is {right[place]!s}, with the fault {wrong[place]!s}"


def text_of(owner: str, applied: bool, probe: Probe, shows: str, right: Seeing) -> str:
    """Return the expression that makes the call again, to the last bit; of a gradient, with the same cotangents."""
    places = [i for i, (w, v) in enumerate(probe.args) if w in TENSORS and v.dtype.kind in "fc"]
    places = [i for i in places if applied and probe.alone in {None, i}]
    given = [_argument(w, v, probe.layout, i in places) for i, (w, v) in enumerate(probe.args)]
    words = [f"{name}={_argument(w, v, probe.layout, needed=False)}" for name, (w, v) in probe.words.items()]
    if not shows.startswith("gradient of argument"):
        return f"{owner}{'.apply' if applied else ''}({', '.join([*given, *words])})"
    given = [f"x{i} := {text}" if i in places else text for i, text in enumerate(given)]
    what = probe.args[places[0]][0]
    cotangents = [v for w, v in right if w.startswith("cotangent") and w.endswith("after the sweep")]
    seeds = ", ".join(_argument(what, g, probe.layout, needed=False) for g in cotangents)
    leaves = ", ".join(f"x{i}" for i in places)
    call = f"{owner}.apply({', '.join([*given, *words])})"
    return f"{SHORT[what]}.autograd.grad({call}, [{leaves}], [{seeds}], allow_unused=True)"


SHORT = {"torch": "torch", "tensorgrad": "tg"}


def _argument(what: str, value: Any, layout: str, needed: bool) -> str:
    """Return the expression that makes an argument again: with all digits, its dtype, and as it lies in memory."""
    if what not in LIBRARIES:
        return repr(value)
    text = spelled(np.array(value, order="F" if layout == "F" else "C"))
    if what == "numpy":
        return text
    gradient = ", requires_grad=True" * needed
    if text.endswith("order='F')") or not (value.size and np.isfinite(value).all()):
        return f"{SHORT[what]}.from_numpy({text}){'.requires_grad_()' * needed}"
    return f"{SHORT[what]}.tensor({value.tolist()}, dtype={SHORT[what]}.{value.dtype}{gradient})"


if __name__ == "__main__":
    main(sys.argv[1])
