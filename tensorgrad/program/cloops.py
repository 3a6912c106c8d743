"""The text of loops that are no groups: looking up by an index, walks along an axis, batches of products."""

from __future__ import annotations

from .cops import Lookup, Product, Walk
from .cprint import CFunction, Pointers, Reach, converted
from .cspelling import fold
from .cvalues import TYPES, Access, Number, literal


def looked_up(op: Lookup, reach: Reach) -> tuple[Pointers, list[str]]:
    """Return the lines of looking up, which answer 1 where an index is out of range; then nothing is set."""
    gets = op.way == "gets"
    values = [(op.value, gets)] if isinstance(op.value, Access) else []
    indices = [(x, False) for x in op.indices if isinstance(x, Access)]
    pointers = reach([*values, (op.table, not gets), *indices])
    names = [f"i{n}" for n in range(len(op.domain))]
    pairs = zip(names, op.domain, strict=True)
    loops = [f"{'  ' * i}for (int64_t {n} = 0; {n} < {size}; {n}++)" for i, (n, size) in enumerate(pairs)] or [""]
    loops[-1] = f"{loops[-1]} {{" if op.domain else "{"
    found: list[str] = []
    checks: list[str] = []
    for axis, (x, length) in enumerate(zip(op.indices, op.lengths, strict=True)):
        index = literal(x.value, "i8") if isinstance(x, Number) else pointers.element(x, x.strides, names)
        found += [f"int64_t n{axis} = {index};", f"if (n{axis} < 0) n{axis} += {length};"]
        checks.append(f"if (n{axis} < 0 || n{axis} >= {length}) return 1;")
    strides = (*op.table.strides, *op.steps)
    place = pointers.element(op.table, strides, [*names, *(f"n{axis}" for axis in range(len(op.lengths)))])
    dtype = op.table.dtype
    if isinstance(op.value, Number):
        value = literal(op.value.value, dtype)
    else:
        value = pointers.element(op.value, op.value.strides, names)
    given = converted(value, op.value.dtype, dtype)
    act = f"{place} = {fold('add', dtype)[0].format(place, given)};" if op.way == "adds" else f"{place} = {given};"
    act = f"{value} = {place};" if gets else act
    margin, end = "  " * max(len(op.domain), 1), "  " * max(len(op.domain) - 1, 0) + "}"
    checked = [*loops, *(margin + line for line in (*found, *checks, *([act] if gets else []))), end]
    return pointers, checked if gets else [*checked, *loops, *(margin + line for line in (*found, act)), end]


def batched(op: Product) -> tuple[str, list[str]]:
    """Return the heads of the loops over a batch of products, and the names of their places."""
    names = [f"i{n}" for n in range(len(op.out.batch))]
    pairs = zip(names, op.out.batch, strict=True)
    return "".join(f"for (int64_t {n} = 0; {n} < {size}; {n}++) " for n, size in pairs), names


def walked(op: Walk, reach: Reach) -> tuple[Pointers, list[str]]:
    """Return the lines of a walk."""
    pointers = reach([(op.operand, False), (op.out, True)])
    names = [*(f"i{n}" for n in range(len(op.domain) - 1)), "j"]
    loops = [f"for (int64_t {n} = 0; {n} < {size}; {n}++) {{" for n, size in zip(names, op.domain, strict=False)]
    x, out = pointers.element(op.operand, op.operand.strides, names), pointers.element(op.out, op.out.strides, names)
    kind = TYPES[op.operand.dtype]
    if op.name in ("argmax", "argmin"):
        first = pointers.element(op.operand, op.operand.strides[:-1], names[:-1])
        sign, nan = ">" if op.name == "argmax" else "<", op.operand.dtype[0] == "f"
        better = f"{x} {sign} best || ({x} != {x} && best == best)" if nan else f"{x} {sign} best"
        begins = ["int64_t at = 0;", f"{kind} best = {first};"]
        inside = [f"if ({better}) {{ best = {x}; at = j; }}"]
        ends = [f"{pointers.element(op.out, op.out.strides[:-1], names[:-1])} = at;"]
    else:
        text, start = fold(op.name, op.out.dtype)
        whole = TYPES[op.out.dtype]
        begins, ends = [f"{whole} whole0 = {start};"], []
        value = converted(x, op.operand.dtype, op.out.dtype)
        inside = [f"whole0 = {text.format('whole0', value)};", f"{out} = whole0;"]
    margin = "  " * (len(names) - 1)
    head = [f"{'  ' * depth}{loop}" for depth, loop in enumerate(loops[:-1])]
    body = [*begins, loops[-1], *(f"  {line}" for line in inside), "}", *ends]
    tail = ["  " * depth + "}" for depth in reversed(range(len(loops) - 1))]
    return pointers, [*head, *(margin + line for line in body), *tail]


def alone(op: Lookup | Walk) -> CFunction:
    """Return the function of looking up, which answers 1 where an index is out of range, or of a walk."""
    pointers, lines = looked_up(op, Pointers) if isinstance(op, Lookup) else walked(op, Pointers)
    answers = isinstance(op, Lookup)
    body = "\n".join(f"  {line}" for line in [*lines, *(["return 0;"] if answers else [])])
    return CFunction(pointers.parameters(), body, pointers.arguments(), answers)
