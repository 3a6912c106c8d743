"""What a docstring of a public name must say: of errors which, of tensors which shapes."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import random
import re
import sys
import textwrap
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.distributions import Distribution
from tensorgrad.nn import Module
from tensorgrad.reference.manual import said, surface
from tests.wrongcalls import LEFT_OUT

SHAPE = re.compile(
    r"\bshapes?\b|\blengths?\b|\bsizes?\b|\bax[ei]s\b|\bdim(ension)?s?\b|\bbroadcast|\belements?\b|\bmatri|\bvectors?\b"
    r"|\brows?\b|\bcolumns?\b|\bscalar\b|\bnumber\b|Size\(\[|\([A-Z.*][\w.*, /+]*\)|\bin place\b|\btensors?\b.*\beach\b"
)


def functions() -> Iterator[tuple[str, Any]]:
    """Every public function once, under its first name, as it is written: no wrapper, and nothing that is generated."""
    seen = set()
    for path, value in surface().items():
        function = inspect.unwrap(value) if inspect.isroutine(value) else None
        written = inspect.isfunction(function) and not function.__code__.co_filename.startswith("<")
        if written and function.__name__ == path.rpartition(".")[2] and id(function) not in seen:
            seen.add(id(function))
            yield path, function


def classes() -> dict[str, type]:
    """Every public class of the library once, under its first name."""
    found: dict[type, str] = {}
    for path, value in surface().items():
        if inspect.isclass(value) and value.__module__.startswith("tensorgrad"):
            found.setdefault(value, path)
    return {path: value for value, path in found.items()}


def constructors(cls: type, public: Collection[type]) -> Iterator[Any]:
    """What is written to make an object of `cls`: its own, and what it has from bases that are not public themselves.

    Nothing that is generated: what `settings` makes lets the class's own `_complete` look at the values.
    """
    for base in cls.__mro__:
        if base is not cls and base in public:
            return
        if not base.__module__.startswith("tensorgrad"):
            continue
        for name in ("__init__", "__new__", "__post_init__", "_complete"):
            member = base.__dict__.get(name)
            function = inspect.unwrap(getattr(member, "__func__", member)) if member else None
            if inspect.isfunction(function) and function.__code__.co_filename == sys.modules[base.__module__].__file__:
                yield function


def raises(function: Any) -> bool:
    """Whether `function` itself raises, other than what is to be written by those who derive from its class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raised = [ast.unparse(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
    return any("NotImplementedError" not in text for text in raised)


def checks(function: Any) -> bool:
    """Whether `function` calls one whose name says that it raises: ``check_real``, ``_check_sizes``."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    called = [ast.unparse(node.func).rpartition(".")[2] for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return any(name.lstrip("_").startswith("check_") for name in called)


def has_shapes(function: Any) -> bool:
    """Whether `function` makes tensors of tensors: of a parameter, other than `self`, that is said to be one."""
    signature = inspect.signature(function)
    taken = [str(p.annotation) for name, p in signature.parameters.items() if name not in ("self", "out")]
    return "Tensor" in str(signature.return_annotation) and any("Tensor" in kind for kind in taken)


def shapes_are_due(cls: type) -> bool:
    """Whether `cls` computes tensors: a layer of tensors, or a distribution of its parameters."""
    return issubclass(cls, Distribution) or (issubclass(cls, Module) and has_shapes(cls.forward))


def lacking() -> Iterator[str]:
    """What docstrings lack."""
    for path, function in functions():
        text = inspect.getdoc(function) or ""
        if (raises(function) or checks(function)) and "Raises:" not in text:
            yield f"{path}: which errors"
        if has_shapes(function) and not SHAPE.search(text):
            yield f"{path}: which shapes"
    named = classes()
    public = set(named.values())
    for path, cls in named.items():
        text = said(cls)
        if any(raises(made) or checks(made) for made in constructors(cls, public)) and "Raises:" not in text:
            yield f"{path}: which errors it raises when it is made"
        if shapes_are_due(cls) and not SHAPE.search(f"{text}\n{inspect.getdoc(getattr(cls, 'forward', None))}"):
            yield f"{path}: which shapes"


WRONG = (-1, 0, 1.5, "nonsense", math.nan, (1, 2, 3))
"""What a constructor may refuse though it is of a kind that it takes."""
GIVEN: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("Tensor", lambda: tg.ones(2, 2)), ("Module", lambda: tg.nn.Linear(2, 2)), ("Sequence[int]", lambda: [1, 2]),
    ("Callable", lambda: abs), ("float", lambda: 0.5), ("bool", lambda: False), ("Any", lambda: 4), ("int", lambda: 4),
    ("Sizes", lambda: 4),
)  # fmt: skip
BY_NAME: dict[str, Callable[[], Any]] = {
    "params": lambda: [tg.ones(2, requires_grad=True)],
    "optimizer": lambda: tg.optim.SGD([tg.ones(2, requires_grad=True)], lr=0.1),
}


def given(parameter: inspect.Parameter) -> Any:
    """Something that a constructor takes for `parameter`."""
    kinds = (make for kind, make in GIVEN if kind in str(parameter.annotation))
    return BY_NAME.get(parameter.name, next(kinds, lambda: 4))()


def refused(cls: type) -> Iterator[str]:
    """The parameters of `cls` that are refused for their value, and how; nothing where it is not known how to make one.

    What is of a wrong type, or no device, is refused everywhere.
    """
    parameters = inspect.signature(cls).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    values = {p.name: given(p) for p in named if p.default is p.empty}
    try:
        cls(**values)
    except Exception:  # noqa: BLE001 - what it takes is not known here
        return
    for p, wrong in itertools.product(named, WRONG):
        try:
            cls(**{**values, p.name: wrong})
        except (TypeError, AttributeError, tg.errors.DeviceError):
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be said
            yield f"{p.name}={wrong!r}: {type(error).__name__}"


def test_every_public_name_has_a_docstring() -> None:
    named = {path: value for path, value in surface().items() if callable(value)}
    assert len(named) > 1500
    assert [path for path, value in named.items() if not inspect.getdoc(value)] == []


def test_docstrings_say_errors_and_shapes() -> None:
    assert list(lacking()) == [], "say it in the docstring: `Raises:` with each error, shapes in and out"


WRITES = {"SummaryWriter", "JournalStorage"}


@pytest.mark.slow
def test_what_a_constructor_refuses_is_said() -> None:
    others = {path: cls for path, cls in classes().items() if not issubclass(cls, BaseException)}
    known = {path: cls for path, cls in others.items() if path.rpartition(".")[2] not in LEFT_OUT | WRITES}
    found = {path: list(refused(cls)) for path, cls in known.items()}
    assert sum(map(bool, found.values())) > 100
    silent = {path: said_no[:2] for path, said_no in found.items() if said_no and "Raises:" not in said(known[path])}
    assert silent == {}, "say it in the docstring of the class, or of its constructor: `Raises:` with each error"


def test_sixty_names_say_what_they_raise_and_which_shapes() -> None:
    drawn = set(random.Random(20261130).sample(sorted({*dict(functions()), *classes()}), 60))
    assert [line for line in lacking() if line.partition(":")[0] in drawn] == []


def test_what_is_looked_for_is_found() -> None:
    def silent(x: int) -> int:
        raise ValueError(x)

    def abstract() -> None:
        raise NotImplementedError

    assert raises(silent)
    assert not raises(abstract)
    assert checks(tg.fmax)
    assert not checks(tg.testing.gradcheck)
    assert SHAPE.search("Return (N, C) from (N, C, L).")
    assert not SHAPE.search("Return ``e ** x``.")
    assert sum(map(raises, (function for _, function in functions()))) > 100
    assert sum(map(has_shapes, (function for _, function in functions()))) > 300
    named = classes()
    made = [list(constructors(cls, set(named.values()))) for cls in named.values()]
    assert sum(any(map(raises, found)) for found in made) > 60
    assert sum(map(shapes_are_due, named.values())) > 120
