"""The public names and their parameters are those of tests/public_surface.txt: none is lost by a rearrangement.

`python -m tests.test_public_surface` writes the list anew, for a change that means to add or to take away.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from tensorgrad.reference.manual import surface

LIST = Path(__file__).with_name("public_surface.txt")
ANY = {"-", "?", "args kwargs", "self args kwargs"}  # parameters that say nothing
LOOSE = {"args", "kwargs", "params"}


def parameters(value: Any) -> str:
    try:
        return " ".join(inspect.signature(value).parameters) if callable(value) else "-"
    except (ValueError, TypeError):
        return "?"


def listed() -> dict[str, str]:
    return {path: parameters(value) for path, value in surface().items()}


def test_no_public_name_and_no_parameter_is_lost() -> None:
    now = listed()
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
    LIST.write_text("".join(f"{path}: {text}\n" for path, text in sorted(listed().items())), "utf-8")
