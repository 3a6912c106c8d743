"""What a docstring of a public name must say: of errors which, of tensors which shapes.

What is still to be said stands in docstrings_left.txt, which may only shrink: `python -m tests.test_docstrings` writes
it anew, and refuses names that were not there.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorgrad.reference.manual import surface

LEFT = Path(__file__).with_name("docstrings_left.txt")
ERROR = re.compile(r"^Raises:$|Error\b|\bRaise\b|\brefused\b|\berror\b", re.MULTILINE)
SHAPE = re.compile(
    r"\bshapes?\b|\blengths?\b|\bsizes?\b|\bax[ei]s\b|\bdim(ension)?s?\b|\bbroadcast|\belements?\b|\bmatri|\bvectors?\b"
    r"|\brows?\b|\bcolumns?\b|\bscalar\b|\bnumber\b|Size\(\[|\([A-Z.*][\w.*, /+]*\)|\bin place\b|\btensors?\b.*\beach\b"
)


def functions() -> Iterator[tuple[str, Any]]:
    """Every public function once, under its first name, as it is written: no wrapper, and nothing that is generated."""
    seen = set()
    for path, value in surface().items():
        function = inspect.unwrap(value) if inspect.isroutine(value) else None
        if inspect.isfunction(function) and function.__name__ == path.rpartition(".")[2] and id(function) not in seen:
            seen.add(id(function))
            yield path, function


def raises(function: Any) -> bool:
    """Whether `function` itself raises, other than what is to be written by those who derive from its class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raised = [ast.unparse(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
    return any("NotImplementedError" not in text for text in raised)


def has_shapes(function: Any) -> bool:
    """Whether `function` makes tensors of tensors: of a parameter, other than `self`, that is said to be one."""
    signature = inspect.signature(function)
    taken = [str(p.annotation) for name, p in signature.parameters.items() if name not in ("self", "out")]
    return "Tensor" in str(signature.return_annotation) and any("Tensor" in kind for kind in taken)


def lacking() -> set[str]:
    """What docstrings lack, as lines of the list."""
    found = set()
    for path, function in functions():
        said = inspect.getdoc(function) or ""
        if raises(function) and not ERROR.search(said):
            found.add(f"{path}: which errors")
        if has_shapes(function) and not SHAPE.search(said):
            found.add(f"{path}: which shapes")
    return found


def test_every_public_name_has_a_docstring() -> None:
    named = {path: value for path, value in surface().items() if callable(value)}
    assert len(named) > 1500
    assert [path for path, value in named.items() if not inspect.getdoc(value)] == []


def test_what_docstrings_lack_only_shrinks() -> None:
    left = set(LEFT.read_text("utf-8").splitlines())
    found = lacking()
    assert sorted(found - left) == [], "say it in the docstring: `Raises:` with each error, shapes in and out"
    assert sorted(left - found) == [], "it is said now: take it off the list, python -m tests.test_docstrings"


def test_what_is_looked_for_is_found() -> None:
    def silent(x: int) -> int:
        raise ValueError(x)

    def abstract() -> None:
        raise NotImplementedError

    assert raises(silent)
    assert not raises(abstract)
    assert ERROR.search("Return it.\n\nRaises:\n    ValueError: it is not there.")
    assert not ERROR.search("Return `x`.")
    assert SHAPE.search("Return (N, C) from (N, C, L).")
    assert not SHAPE.search("Return ``e ** x``.")
    assert sum(map(raises, (function for _, function in functions()))) > 100
    assert sum(map(has_shapes, (function for _, function in functions()))) > 300


if __name__ == "__main__":
    now = lacking()
    if LEFT.exists() and (more := now - set(LEFT.read_text("utf-8").splitlines())):
        sys.exit("\n".join(["not said, and not on the list:", *sorted(more)]))
    LEFT.write_text("".join(f"{line}\n" for line in sorted(now)), "utf-8")
