"""The public names and their parameters are those of tests/public_surface.txt: none is lost by a rearrangement.

`python -m tests.test_public_surface` writes the list anew, for a change that means to add or to take away.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("public_surface.txt")
MODULES = [
    "autograd", "autograd.functional", "data", "func", "graph", "linalg", "nn", "nn.functional", "nn.init",
    "nn.utils", "nn.utils.parametrize", "nn.utils.parametrizations", "nn.utils.rnn", "optim",
    "optim.lr_scheduler", "optim.regularizers", "random", "search", "special", "testing", "utils.checkpoint",
    "utils.data", "utils.progress", "utils.resume", "utils.tensorboard", "viz", "chapter6",
]  # fmt: skip
WITH_MEMBERS = ("Tensor", "Module", "Optimizer", "Graph", "Drawing")
ANY = {"-", "?", "args kwargs", "self args kwargs"}  # parameters that say nothing
LOOSE = {"args", "kwargs", "params"}


def parameters(value: Any) -> str:
    try:
        return " ".join(inspect.signature(value).parameters) if callable(value) else "-"
    except (ValueError, TypeError):
        return "?"


def members(name: str) -> Iterator[tuple[str, Any]]:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    for public in sorted(set(listed or [n for n in dir(module) if not n.startswith("_")])):
        value = getattr(module, public, None)
        own = listed is not None or str(getattr(value, "__module__", name)).startswith(name)
        if value is None or inspect.ismodule(value) or not own:
            continue
        yield f"{name}.{public}", value
        if inspect.isclass(value) and public in WITH_MEMBERS:
            for member in sorted(m for m in dir(value) if not m.startswith("_")):
                yield f"{name}.{public}.{member}", getattr(value, member, None)


def surface() -> dict[str, str]:
    names = ["tensorgrad", *(f"tensorgrad.{module}" for module in MODULES)]
    return {path: parameters(value) for name in names for path, value in members(name)}


def test_no_public_name_and_no_parameter_is_lost() -> None:
    now = surface()
    known = dict(line.split(": ", 1) for line in LIST.read_text("utf-8").splitlines() if ": " in line)
    assert len(known) > 1000
    assert sorted(known.keys() - now.keys()) == []
    lost = {
        path: missing
        for path, text in known.items()
        if text not in ANY and now[path] not in {"-", "?"}
        if (missing := set(text.split()) - set(now[path].split()) - LOOSE)
    }
    assert lost == {}


if __name__ == "__main__":
    LIST.write_text("".join(f"{path}: {text}\n" for path, text in sorted(surface().items())), "utf-8")
