"""The text of loops that are no groups: looking up by an index, walks along an axis, batches of products."""

from __future__ import annotations

from .cops import Lookup, Product, Walk
from .cprint import CFunction, Pointers, Reach, converted
from .cspelling import fold
from .cvalues import TYPES, Access, Domain, Number, literal

BESIDE = 64
"""Walks that are gone side by side, where they stand so in memory."""


def looked_up(op: Lookup, reach: Reach) -> tuple[Pointers, list[str]]:
    """Return the lines of looking up, which answer 1 where an index is out of range; then nothing is set."""
    gets = op.way == "gets"
    values = [(op.value, gets)] if isinstance(op.value, Access) else []
    indices = [(x, False) for x in op.indices if isinstance(x, Access)]
    pointers = reach([*values, (op.table, not gets), *indices])
    names = [f"i{n}" for n in range(len(op.domain))]
    # the loops that an index depends on; inside of them it is known
    depth = max((i + 1 for x, _ in indices for i, stride in enumerate(x.strides) if stride), default=0)
    found: list[str] = []
    checks: list[str] = []
    for axis, (x, length) in enumerate(zip(op.indices, op.lengths, strict=True)):
        index = literal(x.value, "i8") if isinstance(x, Number) else pointers.element(x, x.strides, names)
        found += [f"int64_t at{axis} = {index};", f"if (at{axis} < 0) at{axis} += {length};"]
        checks.append(f"if (at{axis} < 0 || at{axis} >= {length}) return 1;")
    strides = (*op.table.strides, *op.steps)
    place = pointers.element(op.table, strides, [*names, *(f"at{axis}" for axis in range(len(op.lengths)))])
    dtype = op.table.dtype
    if isinstance(op.value, Number):
        value = literal(op.value.value, dtype)
    else:
        value = pointers.element(op.value, op.value.strides, names)
    given = converted(value, op.value.dtype, dtype)
    act = f"{place} = {fold('add', dtype)[0].format(place, given)};" if op.way == "adds" else f"{place} = {given};"
    act = f"{value} = {place};" if gets else act
    acts = _inside(names[depth:], op.domain[depth:], [act])

    def over(*lines: str) -> list[str]:
        return ["{", *_inside(names[:depth], op.domain[:depth], [*found, *lines]), "}"]

    return pointers, over(*checks, *acts) if gets else [*over(*checks), *over(*acts)]


def _inside(names: list[str], domain: Domain, lines: list[str]) -> list[str]:
    """Return lines inside of loops over a domain."""
    for n, size in reversed(list(zip(names, domain, strict=True))):
        lines = [f"for (int64_t {n} = 0; {n} < {size}; {n}++) {{", *(f"  {line}" for line in lines), "}"]
    return lines


def batched(op: Product) -> tuple[str, list[str]]:
    """Return the heads of the loops over a batch of products, and the names of their places."""
    names = [f"i{n}" for n in range(len(op.out.batch))]
    pairs = zip(names, op.out.batch, strict=True)
    return "".join(f"for (int64_t {n} = 0; {n} < {size}; {n}++) " for n, size in pairs), names


def walked(op: Walk, reach: Reach) -> tuple[Pointers, list[str]]:
    """Return the lines of a walk."""
    pointers = reach([(op.operand, False), (op.out, True)])
    names = [*(f"i{n}" for n in range(len(op.domain) - 1)), "j"]
    x, out = pointers.element(op.operand, op.operand.strides, names), pointers.element(op.out, op.out.strides, names)
    kind = TYPES[op.operand.dtype]
    if op.name in ("argmax", "argmin"):
        first = pointers.element(op.operand, op.operand.strides[:-1], names[:-1])
        sign, nan = ">" if op.name == "argmax" else "<", op.operand.dtype[0] == "f"
        better = f"{x} {sign} best || ({x} != {x} && best == best)" if nan else f"{x} {sign} best"
        inside = [f"if ({better}) {{ best = {x}; at = j; }}"]
        ends = [f"{pointers.element(op.out, op.out.strides[:-1], names[:-1])} = at;"]
        body = ["int64_t at = 0;", f"{kind} best = {first};", *_inside(names[-1:], op.domain[-1:], inside), *ends]
        return pointers, _inside(names[:-1], op.domain[:-1], body)
    text, start = fold(op.name, op.out.dtype)
    if op.name == "add" and op.out.dtype[0] == "f":
        start = "-0.0"  # to which minus zero is added without losing its sign
    value, whole = converted(x, op.operand.dtype, op.out.dtype), TYPES[op.out.dtype]
    if len(names) > 1 and op.out.strides[-2] == 1:
        side, n = names[-2], op.domain[-2]
        before, place = f"for (int64_t {side} = from; {side} < upto; {side}++)", f"so_far[{side} - from]"
        act = f"{before} {out} = {place} = {text.format(place, value)};"
        body = [
            f"for (int64_t from = 0; from < {n}; from += {BESIDE}) {{",
            f"  const int64_t upto = from + {BESIDE} < {n} ? from + {BESIDE} : {n};",
            f"  {whole} so_far[{BESIDE}];",
            f"  {before} {place} = {start};",
            *(f"  {line}" for line in _inside(names[-1:], op.domain[-1:], [act])),
            "}",
        ]
        return pointers, _inside(names[:-2], op.domain[:-2], body)
    act = f"{out} = so_far = {text.format('so_far', value)};"
    body = [f"{whole} so_far = {start};", *_inside(names[-1:], op.domain[-1:], [act])]
    return pointers, _inside(names[:-1], op.domain[:-1], body)


def alone(op: Lookup | Walk) -> CFunction:
    """Return the function of looking up, which answers 1 where an index is out of range, or of a walk."""
    pointers, lines = looked_up(op, Pointers) if isinstance(op, Lookup) else walked(op, Pointers)
    answers = isinstance(op, Lookup)
    body = "\n".join(f"  {line}" for line in [*lines, *(["return 0;"] if answers else [])])
    return CFunction(pointers.parameters(), body, pointers.arguments(), answers)
