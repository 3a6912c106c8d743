"""The parts of the lowered form as statements of JavaScript: plain loops over arrays without axes, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import prod

from tensorgrad.program.cops import Check, Fold, Lookup, Map, Matrix, Product, Walk
from tensorgrad.program.cspelling import fold
from tensorgrad.program.cvalues import Access, Domain, Number, Operand

from .jsspelling import number, said

Part = Map | Fold | Product | Lookup | Walk | Check
Named = Callable[[Access], tuple[str, int]]
"""From an access to the name of its array, and the index of its first element there."""


def statements(op: Part, named: Named) -> list[str]:
    """Return the statements of a part; where numbers take another way than they did, one returns 1.

    Raises:
        Unspoken: JavaScript has none.
    """
    if isinstance(op, Map):
        return _map(op, named)
    if isinstance(op, Fold):
        return _fold(op, named)
    if isinstance(op, Product):
        return _product(op, named)
    if isinstance(op, Lookup):
        return _lookup(op, named)
    if isinstance(op, Walk):
        return _walk(op, named)
    wrong = "==" if op.expected else "!="
    return [f"if ({_element(op.value, (), [], named)} {wrong} 0) return 1;"]


_LOOP = re.compile(r"(for \(let i = 0; i < \d+; i\+\+\)) ((\w+)\[i\] = [^{]*;)")
_READ = re.compile(r"(\w+)\[(.*?)\]")


def joined(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines, in which loops that follow each other over as many elements are one: shorter, and equal.

    So are loops that take, of every array that one of them writes to, the element that they are at and no other.

    >>> list(joined([f"for (let i = 0; i < 3; i++) {body};" for body in ("a[i] = b[i]", "c[i] = a[i]", "d[i] = c[2]")]))
    ['for (let i = 0; i < 3; i++) { a[i] = b[i]; c[i] = a[i]; }', 'for (let i = 0; i < 3; i++) d[i] = c[2];']
    """
    head, bodies, written, places = "", list[str](), set[str](), set[tuple[str, str]]()
    for line in [*lines, ""]:
        found = _LOOP.fullmatch(line)
        new, target, more = (found[1], {found[3]}, set(_READ.findall(found[2]))) if found else ("", set(), set())
        apart = any(name in written | target and at != "i" for name, at in places | more)
        if bodies and (new != head or apart):
            yield f"{head} {bodies[0]}" if len(bodies) == 1 else f"{head} {{ {' '.join(bodies)} }}"
            bodies, written, places = [], set(), set()
        if found:
            head = new
            bodies.append(found[2])
            written |= target
            places |= more
        elif line:
            yield line


def _element(access: Access, strides: Sequence[int], names: Sequence[str], named: Named) -> str:
    name, offset = named(access)
    return f"{name}[{_index(offset, strides, names)}]"


def _index(offset: int, strides: Sequence[int], names: Sequence[str]) -> str:
    parts = [n if s == 1 else f"{n} * {s}" for n, s in zip(names, strides, strict=True) if s]
    return " + ".join([*parts, *([str(offset)] if offset or not parts else [])])


def _value(x: Operand, names: Sequence[str], named: Named) -> str:
    return number(x.value) if isinstance(x, Number) else _element(x, x.strides, names, named)


def _converted(text: str, source: str, target: str) -> str:
    """Return an expression of one type as one of another: what an array does not do when it takes a number."""
    return f"({text} != 0)" if target == "b1" != source else text


def _names(domain: Domain) -> list[str]:
    return ["i", "j", "k", "l", *(f"i{n}" for n in range(4, 40))][: len(domain)]


def _inside(names: Sequence[str], domain: Domain, lines: Sequence[str]) -> list[str]:
    """Return lines inside of loops over a domain."""
    heads = "".join(f"for (let {n} = 0; {n} < {size}; {n}++) " for n, size in zip(names, domain, strict=True))
    if len(lines) == 1:
        return [heads + lines[0]]
    return [f"{heads}{{", *(f"  {line}" for line in lines), "}"] if heads else [*lines]


def _map(op: Map, named: Named) -> list[str]:
    axes = _joined(op.domain, [x.strides for x in (op.out, *op.operands) if isinstance(x, Access)])
    domain = tuple(prod(op.domain[i] for i in joined) for joined in axes)
    names, last = _names(domain), [joined[-1] for joined in axes]
    operands = []
    for x, dtype in zip(op.operands, op.types, strict=True):
        text = number(x.value) if isinstance(x, Number) else _element(x, [x.strides[i] for i in last], names, named)
        operands.append(_converted(text, x.dtype, dtype))
    text = said(op.text, op.types)
    made = (f"({text}) != 0" if op.out.dtype == "b1" != op.result else text).format(*operands)
    return _inside(names, domain, [f"{_element(op.out, [op.out.strides[i] for i in last], names, named)} = {made};"])


def _joined(domain: Domain, strides: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the axes of a domain, those together that all of `strides` go along as one.

    >>> _joined((7, 3), [(3, 1), (3, 1)]), _joined((7, 3), [(3, 1), (0, 1)])
    ([[0, 1]], [[0], [1]])
    """
    found: list[list[int]] = []
    for i in range(len(domain)):
        if found and all(s[i - 1] == s[i] * domain[i] for s in strides):
            found[-1].append(i)
        else:
            found.append([i])
    return found


def _fold(op: Fold, named: Named) -> list[str]:
    names, dtype = _names(op.domain), op.out.dtype
    text, start = fold(op.name, dtype)
    kept = [i for i, f in enumerate(op.folded) if not f]
    folded = [i for i, f in enumerate(op.folded) if f]
    value = _converted(_element(op.operand, op.operand.strides, names, named), op.operand.dtype, dtype)
    more = said(text, (dtype,) * 2).format("s", value)
    inner = _inside([names[i] for i in folded], tuple(op.domain[i] for i in folded), [f"s = {more};"])
    target = _element(op.out, op.out.strides, names, named)
    body = [f"let s = {_start(start)};", *inner, f"{target} = s;"]
    lines = _inside([names[i] for i in kept], tuple(op.domain[i] for i in kept), body)
    return lines if kept else ["{", *(f"  {line}" for line in lines), "}"]


def _start(text: str) -> str:
    """Return what a fold begins with: the least or the greatest number of a type is infinite here."""
    if text.endswith(("_MIN", "_MAX")):
        return "-Infinity" if text.endswith("_MIN") else "Infinity"
    return text.replace("INFINITY", "Infinity")


def _product(op: Product, named: Named) -> list[str]:
    batch = [f"i{n}" for n in range(len(op.out.batch))]
    (m, k), n = op.a.shape, op.b.shape[1]

    def at(x: Matrix, row: str, column: str) -> str:
        down, along = (1, x.distance) if x.transposed else (x.distance, 1)
        strides = (*x.access.strides[: len(batch)], down, along)
        return _element(x.access, strides, [*batch, row, column], named)

    body = [
        "let s = 0;",
        f"for (let l = 0; l < {k}; l++) s += {at(op.a, 'i', 'l')} * {at(op.b, 'l', 'j')};",
        f"{at(op.out, 'i', 'j')} = s;",
    ]
    return _inside([*batch, "i", "j"], (*op.out.batch, m, n), body)


def _lookup(op: Lookup, named: Named) -> list[str]:
    """Return looking up, which returns 1 where an index is out of range."""
    names = [f"i{n}" for n in range(len(op.domain))]
    found: list[str] = []
    for axis, (x, length) in enumerate(zip(op.indices, op.lengths, strict=True)):
        found += [
            f"let at{axis} = {_value(x, names, named)};",
            f"if (at{axis} < 0) at{axis} += {length};",
            f"if (!(at{axis} >= 0 && at{axis} < {length})) return 1;",
        ]
    strides = (*op.table.strides, *op.steps)
    places = [*names, *(f"at{axis}" for axis in range(len(op.lengths)))]
    place, value = _element(op.table, strides, places, named), _value(op.value, names, named)
    if op.way == "gets":
        act = f"{value} = {_converted(place, op.table.dtype, op.value.dtype)};"
    else:
        act = f"{place} {'+=' if op.way == 'adds' else '='} {_converted(value, op.value.dtype, op.table.dtype)};"
    lines = _inside(names, op.domain, [*found, act])
    return lines if op.domain else ["{", *(f"  {line}" for line in lines), "}"]


def _walk(op: Walk, named: Named) -> list[str]:
    names = [*(f"i{n}" for n in range(len(op.domain) - 1)), "j"]
    x = _element(op.operand, op.operand.strides, names, named)
    length = op.domain[-1]
    if op.name in ("argmax", "argmin"):
        first = _element(op.operand, op.operand.strides[:-1], names[:-1], named)
        sign = ">" if op.name == "argmax" else "<"
        target = _element(op.out, op.out.strides[:-1], names[:-1], named)
        better = f"if ({x} {sign} best || ({x} != {x} && best == best)) {{ best = {x}; at = j; }}"
        body = [f"let best = {first}, at = 0;", f"for (let j = 0; j < {length}; j++) {better}", f"{target} = at;"]
    else:
        text, start = fold(op.name, op.out.dtype)
        more = said(text, (op.out.dtype,) * 2).format("s", _converted(x, op.operand.dtype, op.out.dtype))
        out = _element(op.out, op.out.strides, names, named)
        body = [f"let s = {_start(start)};", f"for (let j = 0; j < {length}; j++) {out} = s = {more};"]
    lines = _inside(names[:-1], op.domain[:-1], body)
    return lines if op.domain[:-1] else ["{", *(f"  {line}" for line in lines), "}"]
