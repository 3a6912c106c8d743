"""The reference page of the operations, in Markdown, made from the records: ``python -m tensorgrad.reference``.

Nothing here names an operation: what is added to the table, to the conventions or to the public names is on the page.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import tensorgrad
from tensorgrad.engine.primitive import PRIMITIVES, Kink, Primitive
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions import composed

from .formulas import formula, helpers, summary
from .kinks import KINKS, SINGULAR
from .parts import is_op, made_of, table

# Names that PyTorch does not have.
OWN = frozenset(
    {
        "ComplexDoubleTensor",
        "ComplexFloatTensor",
        "Constant",
        "Tensor.array",
        "Tensor.family",
        "Tensor.kept_grad",
        "Tensor.name",
        "Tensor.node",
        "Tensor.to_device",
        "Tensor.tracked",
        "get_kernels",
        "set_kernels",
    }
)

INTRODUCTION = """\
# Operations

Every primitive of the table with its derivative, every convention at a kink, the functions composed of primitives, and
the public names. This page is written by `python -m tensorgrad.reference > docs/operations.md` from the records that
the engine runs; the tests hold it to them.

**How to read a derivative.** `y` is the output, `g` its cotangent (dL/dy, of the shape of `y`), `t` the tangent of an
argument. `shape(x)` costs nothing: only values that a formula names are kept for backward. `ᵀ` swaps the last two axes,
`·` multiplies element by element, `@` matrices. No rule sums over broadcast axes: the sweeps do that for all. Of
complex numbers the reverse rule runs between two conjugations ([numerics](numerics.md#complex-numbers)).

| kind | stated | reverse mode | forward mode |
|---|---|---|---|
| elementwise | the partial ∂ by each argument | g · ∂ | t · ∂ |
| multilinear | the adjoint of each argument | the adjoint | the operation itself with `t` in place of the argument |
| primitive | both rules | as stated | as stated |
| constant | nothing: zero, or no derivative | none | none |
"""


def page() -> str:
    """Return the whole page."""
    sections = [*map(_subject, table()), _kinks(), _composed(), _functions(), _methods()]
    titles = [line.removeprefix("## ") for text in sections for line in text.splitlines() if line.startswith("## ")]
    links = " · ".join(f"[{title.replace('`', '')}](#{anchor(title)})" for title in titles)
    return "\n".join([INTRODUCTION, f"{links}\n", *sections])


def anchor(title: str) -> str:
    """Return the name that GitHub gives to a heading."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c == "-")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; bars inside cells are escaped, which GitHub undoes even in code."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def _code(text: str) -> str:
    """Return `text` as code, but for words: what is empty or quotes code itself."""
    return text if not text or "`" in text or text in ("none", "nothing") else f"`{text}`"


def _subject(module: ModuleType) -> str:
    """Return the section of the operations that `module` defines."""
    ops = table()[module]
    records = [PRIMITIVES[name] for name in ops]
    rows = [
        (
            _code(_call(record.name, record)),
            _code(record.symbol) if record.symbol != record.name else "",
            summary(ops[record.name]),
            "<br>".join(_derivative(record)) or "none",
            ", ".join(map(_code, _kept(record))) or "nothing",
            record.kind,
            "yes" if record.complex else "refused",
            _domain(record),
        )
        for record in records
    ]
    head = ("operation", "drawn as", "value", "derivative", "keeps", "kind", "complex numbers", "tested on")
    rules = (rule for record in records for group in record.stated.values() for rule in group)
    used = {name: thing for rule in rules for name, thing in helpers(rule).items()}
    notes = "".join(f"* {_note(name, used[name])}\n" for name in sorted(used))
    title = module.__name__.rpartition(".")[2].replace("_", " ").capitalize()
    return f"## {title}\n\n{summary(module)}.\n\n{_table(head, rows)}" + (notes and f"\n{notes}")


def _note(name: str, thing: Any) -> str:
    return f"{_code(name + _words(thing))}: {_rule(thing)}" if callable(thing) else _code(f"{name} = {thing}")


def _rule(rule: Any) -> str:
    """Return a rule as code, or in the words of its docstring."""
    words = callable(rule) and rule.__doc__ and rule.__name__ not in PRIMITIVES
    return formula(rule) if words else _code(formula(rule))


def _call(name: str, record: Primitive) -> str:
    """Return how the operation is called by `name`: its arguments, and after a semicolon its parameters."""
    defaults, words = record.signature.defaults, record.signature.parameters
    first = ("*" if record.signature.variadic else "") + ", ".join(record.signature.arguments)
    after = ", ".join(f"{word}={defaults[word]}" if word in defaults else word for word in words)
    return f"{name}({first}{'; ' if after else ''}{after})"


def _words(function: Callable[..., Any], skip: int = 0) -> str:
    """Return the parameters of `function` but the first `skip`, with their defaults, without annotations."""
    parts, starred = [], False
    for p in list(inspect.signature(function).parameters.values())[skip:]:
        if p.kind is p.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        mark = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        value = "" if p.default is p.empty else re.sub(r" at 0x\w+", "", f"={p.default!r}")  # the same in every run
        parts.append(f"{mark}{p.name}{value}")
    return f"({', '.join(parts)})"


def _derivative(record: Primitive) -> Iterator[str]:
    names = record.signature.arguments
    for word, rules in record.stated.items():
        label = {"partial": "∂{}", "adjoint": "adjoint {}", "reverse": "reverse {}", "forward": "forward {}"}[word]
        for name, rule in zip(names, rules, strict=False):
            yield f"{label.format(name)}: {_rule(rule)}"
    if record.kind == "multilinear":
        yield "tangent: the operation itself"


def _kept(record: Primitive) -> list[str]:
    """Return the names of the values that are kept for backward when every argument requires a gradient."""
    names = ("y", *record.signature.arguments)
    reads = frozenset[int]().union(*(record.reads(i) for i in range(len(names) - 1)))
    return [names[i] for i in sorted(reads)]


def _domain(record: Primitive) -> str:
    """Return from where the tests draw arguments: an interval for each, or the name of a family."""
    if not isinstance(record.samples, list):
        family = str(record.samples)
        return _code(family) if "(" in family else family
    names: dict[str, list[str]] = {}
    for name, domain in zip(record.signature.arguments, record.samples, strict=False):
        if isinstance(domain, str) and domain != "mask":
            return domain
        names.setdefault("true or false" if domain == "mask" else f"in [{_list(domain)}]", []).append(name)
    return "; ".join(f"{', '.join(group)} {text}" for text, group in names.items())


def _number(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{_list(value)}]"
    if value is None or isinstance(value, str | bool):
        return "none" if value is None else str(value)
    return {"inf": "∞", "-inf": "−∞", "nan": "NaN"}.get(str(float(value)), f"{value:g}".replace("-", "−"))


def _kinks() -> str:
    """Return the tables of all conventions at kinks."""
    of_primitives = [_kink(record.name, kink) for record in PRIMITIVES.values() for kink in record.kinks]
    of_functions = [_kink(name, kink) for name, kinks in KINKS.items() for kink in kinks]
    of_matrices = [(_code(name), _list(at), why) for name, points in SINGULAR.items() for at, why in points]
    head = ("operation", "at", "slopes", "PyTorch", "why", "from order 2")
    first, rule, *_ = (inspect.getdoc(Kink) or "").split("\n\n")
    return (
        f"## Conventions at kinks\n\n{first}\n\n{rule}\n\n"
        "The slopes are the derivatives of the sum of the output by each argument, the same in both modes.\n\n"
        f"### Of primitives\n\n{_table(head, of_primitives)}\n"
        f"### Of composed functions\n\n{_table(head, of_functions)}\n"
        f"### Of functions of matrices\n\n{_table(('function', 'at', 'derivatives'), of_matrices)}"
    )


def _kink(name: str, kink: Kink) -> tuple[str, ...]:
    words = ", ".join(f"{key}={_number(value)}" for key, value in kink.params.items())
    torch = kink.torch if isinstance(kink.torch, str) else _list(kink.torch)
    return (
        _code(name),
        _list(kink.at) + (f"; {words}" if words else ""),
        _list(kink.slopes),
        torch,
        kink.why,
        kink.beyond,
    )


def _list(values: Iterable[Any]) -> str:
    return ", ".join(map(_number, values))


def _public() -> dict[str, Any]:
    return {name: getattr(tensorgrad, name) for name in sorted(tensorgrad.__all__)}


def _made_of(function: Callable[..., Any]) -> str:
    names = dict.fromkeys(part if isinstance(part, str) else part.__name__ for part in made_of(function))
    return ", ".join(map(_code, names))


def _composed() -> str:
    """Return the table of the functions that public ones are made of, and of the others in `composed`."""
    public = [*_public().values(), *(getattr(Tensor, name) for name in dir(Tensor))]
    pending: list[Any] = [*filter(inspect.isfunction, public), *filter(inspect.isfunction, vars(composed).values())]
    for function in pending:  # grows while it is walked
        pending += [part for part in made_of(function) if not isinstance(part, str) and part not in pending]
    offered = {inspect.unwrap(f) for f in public if inspect.isfunction(f)}  # under twins, which show NumPy's words
    made = {f for f in pending if inspect.unwrap(f) not in offered and made_of(f)}
    listed = [f for f in made if "Tensor" in str(f.__annotations__.get("return"))]
    rows = [
        (_code(f.__name__ + _words(f)), _made_of(f), summary(f), _code(f.__module__))
        for f in sorted(listed, key=lambda f: (f.__module__, f.__name__))
    ]
    return (
        "## Composed functions\n\nThe functions without rules of which the public ones are made. Their derivatives of "
        "every order follow from those of\nthe operations that they are composed of.\n\n"
        + _table(("function", "composed of", "value", "module"), rows)
    )


def torch_name(name: str) -> str | None:
    """Return what PyTorch calls the public `name` ("abs", "Tensor.item"), None where it has no such thing.

    >>> torch_name("abs"), torch_name("Tensor.item"), torch_name("Constant")
    ('torch.abs', 'torch.Tensor.item', None)
    """
    return None if name in OWN else f"torch.{name}"


def _functions() -> str:
    """Return the table of the public functions, and the names of what else is public."""
    public = {name: value for name, value in _public().items() if inspect.isfunction(value)}
    others = [name for name in _public() if name not in public]
    rows = [
        (
            _code(_call(name, PRIMITIVES[value.__name__]) if is_op(value) else name + _words(value)),
            summary(value),
            "primitive" if is_op(value) else _made_of(value),
            _code(torch_name(name) or "none"),
        )
        for name, value in public.items()
    ]
    return (
        f"## Functions of `tensorgrad`\n\n{_table(('function', 'value', 'made of', 'PyTorch'), rows)}\n"
        f"Types, modes and modules beside them: {', '.join(map(_code, others))}.\n"
    )


def _methods() -> str:
    """Return what a Tensor has: methods that are functions of the same name, then the others."""
    public = _public()
    names = [name for name in dir(Tensor) if not name.startswith("_")]
    shared = [name for name in names if getattr(Tensor, name) is public.get(name)]
    others = [(name, getattr(Tensor, name)) for name in names if name not in shared]
    rows = [
        (
            _code(name + (_words(member, skip=1) if inspect.isfunction(member) else "")),
            _meaning(name, member),
            _code(torch_name(f"Tensor.{name}") or "none"),
        )
        for name, member in others
    ]
    return (
        f"## Methods and attributes of `Tensor`\n\nFunctions of the same name: {', '.join(map(_code, shared))}.\n\n"
        f"The others:\n\n{_table(('method or attribute', 'value', 'PyTorch'), rows)}"
    )


def _meaning(name: str, member: Any) -> str:
    for other, function in _public().items():
        if function is member:
            return f"as {_code(other)}"
    if is_op(member):
        return f"the operation {_code(member.__name__)}"
    if inspect.ismemberdescriptor(member):
        return "a field of the tensor"
    if not inspect.isroutine(member) and not inspect.isdatadescriptor(member):
        return f"always {_code(repr(member))}"
    return summary(member) or (f"as {_code(name[:-1])}, in place" if name.endswith("_") else "")
