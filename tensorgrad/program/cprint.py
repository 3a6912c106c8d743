"""The text of groups of loops, as functions of C or in line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .cops import Fold, Group, Map
from .cspelling import fold
from .cvalues import TYPES, Access, Number, OpenSize, Operand, literal

CHUNK = 256  # elements of an innermost axis that are folded at once
LANES = 16  # of them side by side
BLOCK = 1024  # elements of several results that are computed before they are stored, one result after the other

WIDE = {"f4": "int32_t", "f8": "int64_t"}
"""What a truth value is in a register: as wide as what was compared, for gcc 12 makes no vectors of a narrower one."""

HEAD = """\
#include <math.h>
#include <stdint.h>
#include <string.h>
"""


class Argument(NamedTuple):
    """A pointer that a function is given: to the memory of a root, from an element on."""

    root: int
    dtype: str
    shift: int


class CFunction(NamedTuple):
    """The parameters and the body of a C function, and what it is called with."""

    parameters: str
    body: str
    arguments: list[Argument]
    answers: bool = False


def converted(text: str, source: str, target: str) -> str:
    """Return an expression of one type as one of another."""
    if source == target:
        return text
    return f"({text} != 0)" if target == "b1" else f"({TYPES[target]}){text}"


def indexed(strides: tuple[int, ...], names: list[str], offset: int = 0) -> str:
    """Return the index of an element: ``i * 10 + j``."""
    parts = [n if s == 1 else f"{n} * {s}" for n, s in zip(names, strides, strict=True) if s]
    return " + ".join([*parts, *([str(offset)] if offset or not parts else [])])


def is_short(size: int) -> bool:
    """Return whether an axis is one chunk, whatever is run."""
    return size <= CHUNK and not isinstance(size, OpenSize)


class Pointers:
    """The pointers of a function, by root and type; where all accesses begin at one element, it begins there."""

    def __init__(self, accesses: list[tuple[Access, bool]]) -> None:
        starts: dict[tuple[int, str], set[int]] = {}
        self.written: set[int] = set()
        for access, writes in accesses:
            starts.setdefault((access.root, access.dtype), set()).add(access.offset)
            if writes:
                self.written.add(access.root)
        self.shifts = {key: min(found) if len(found) == 1 else 0 for key, found in starts.items()}
        self.names = {key: f"a{i}" for i, key in enumerate(self.shifts)}

    def parameters(self) -> str:
        """Return the parameters of the function."""
        roots = [root for root, _ in self.names]
        found = []
        for (root, dtype), name in self.names.items():
            const = "" if root in self.written else "const "
            alone = "restrict " if roots.count(root) == 1 else ""
            found.append(f"{const}{TYPES[dtype]} *{alone}{name}")
        return ", ".join(found)

    def arguments(self) -> list[Argument]:
        """Return what the function is called with."""
        return [Argument(root, dtype, self.shifts[root, dtype]) for root, dtype in self.names]

    def element(self, access: Access, strides: tuple[int, ...], names: list[str]) -> str:
        """Return the element of an access in a loop."""
        key = access.root, access.dtype
        return f"{self.names[key]}[{indexed(strides, names, access.offset - self.shifts[key])}]"

    def register(self, access: Access, number: int) -> str:  # noqa: ARG002 - named arrays have named elements
        """Return the name of the variable that holds the element of an access; no other one has the `number`."""
        return f"v{number}"


class _Nest:
    """A group as a nest of loops: its axes in the order of memory, joined where all that is touched allows it."""

    def __init__(self, group: Group, reach: Reach) -> None:
        self.group = group
        known: set[Access] = set()
        self.touched: list[tuple[Access, bool]] = []
        for loop in group.loops:
            operands = loop.operands if isinstance(loop, Map) else (loop.operand,)
            self.touched += [(x, False) for x in operands if isinstance(x, Access) and x not in known]
            if isinstance(loop, Fold) or id(loop) in group.stored:
                self.touched.append((loop.out, True))
            known |= {x for x in operands if isinstance(x, Access)} | {loop.out}
        self.pointers = reach(self.touched)
        weight = [sum(abs(a.strides[i]) for a, _ in self.touched) for i in range(len(group.domain))]
        order = sorted(range(len(group.domain)), key=lambda i: -weight[i])
        self.axes: list[list[int]] = []
        for i in order:
            if self.axes and self._join(self.axes[-1][-1], i):
                self.axes[-1].append(i)
            else:
                self.axes.append([i])
        self.sizes = [_product(group.domain[i] for i in axes) for axes in self.axes]
        self.names = ["i", "j", "k", "l", *(f"i{n}" for n in range(4, 40))][: len(self.axes)]

    def _join(self, i: int, j: int) -> bool:
        """Return whether a loop over the axes i and j is one over both."""
        folds = all(f.folded[i] == f.folded[j] for f in self.group.loops if isinstance(f, Fold))
        return folds and all(a.strides[i] == a.strides[j] * self.group.domain[j] for a, _ in self.touched)

    def strides(self, access: Access) -> tuple[int, ...]:
        """Return the strides of an access along the loops."""
        return tuple(access.strides[axes[-1]] for axes in self.axes)

    def folded(self, loop: Fold) -> list[bool]:
        """Return which of the loops a fold folds."""
        return [loop.folded[axes[-1]] for axes in self.axes]

    def element(self, access: Access) -> str:
        """Return the element of an access."""
        return self.pointers.element(access, self.strides(access), self.names)


Reach = Callable[[list[tuple[Access, bool]]], Pointers]
"""What says how accesses are reached, each with whether it is written."""


def _product(sizes: Iterator[int]) -> int:
    whole = 1
    for n in sizes:
        whole *= n
    return whole


class GroupPrinter:
    """The text of a group, as loops that stand anywhere, or as a function of its own."""

    def __init__(self, group: Group, reach: Reach = Pointers) -> None:
        self.nest = _Nest(group, reach)
        self.group = group
        self.known: dict[Access, str] = {}
        self.body: list[str] = []
        depth = len(self.nest.sizes)
        self.opening: list[list[str]] = [[] for _ in range(depth + 1)]  # before the loop of this depth
        self.closing: list[list[str]] = [[] for _ in range(depth + 1)]
        self.chunked: list[str] = []  # after the innermost loop over one chunk
        self.helpers: list[str] = []
        self.apart = self._stored_apart()

    def function(self) -> CFunction:
        """Return the function."""
        text = "\n".join(self.lines("  "))
        return CFunction(self.nest.pointers.parameters(), text, self.nest.pointers.arguments())

    def lines(self, margin: str) -> list[str]:
        """Return the lines of the loops."""
        for loop in self.group.loops:
            if isinstance(loop, Map):
                self._map(loop)
            else:
                self._fold(loop)
        return list(self._nested(0, margin))

    def _stored_apart(self) -> set[int]:
        """Return the ids of the maps whose results are stored block by block: several over arrays of any size.

        NumPy lets arrays begin anywhere in a line of the cache. Vectors that two results take turns to store then cross
        lines of both: of 100,000 floats 60 microseconds, by blocks 26, where 20 is what memory takes.
        """
        loops, sizes = self.group.loops, self.nest.sizes
        if len(sizes) != 1 or not isinstance(sizes[0], OpenSize) or any(isinstance(loop, Fold) for loop in loops):
            return set()
        stored = {id(x) for x in loops if id(x) in self.group.stored and self.nest.strides(x.out) == (1,)}
        return stored if len(stored) > 1 else set()

    def _place(self, loop: Map) -> str:
        """Return where the result of a map that is stored goes: to its element, or into its block."""
        if id(loop) not in self.apart:
            return self.nest.element(loop.out)
        block = f"block{len(self.chunked)}"
        start = self.nest.pointers.element(loop.out, (1,), ["from"])
        self.opening[-1].append(f"{TYPES[loop.out.dtype]} {block}[{BLOCK}];")
        self.chunked.append(f"memcpy(&{start}, {block}, (upto - from) * sizeof *{block});")
        return f"{block}[{self._chunk_index()}]"

    def _variable(self, access: Access) -> str:
        return self.nest.pointers.register(access, len(self.body))

    def _operand(self, x: Operand, dtype: str) -> str:
        """Return the name of an operand in a type."""
        if isinstance(x, Number):
            return literal(x.value, dtype)
        if x not in self.known:
            name = self.known[x] = self._variable(x)
            self.body.append(f"const {TYPES[x.dtype]} {name} = {self.nest.element(x)};")
        return converted(self.known[x], x.dtype, dtype)

    def _map(self, loop: Map) -> None:
        operands = [self._operand(x, t) for x, t in zip(loop.operands, loop.types, strict=True)]
        text = loop.text.format(*operands)
        dtype, first = loop.out.dtype, loop.operands[0] if loop.operands else None
        same = loop.text == "{0}" and isinstance(first, Access) and {first.dtype, *loop.types, loop.result} == {dtype}
        if same and id(loop) not in self.group.stored:  # another name of the same number
            self.known[loop.out] = operands[0]
            return
        if loop.result != dtype:
            plain = loop.text == "{0}" and loop.types == (loop.result,)  # a variable, and of that type
            text = converted(text if plain else f"({TYPES[loop.result]})({text})", loop.result, dtype)
        if id(loop) in self.group.stored and not self._is_read(loop):
            self.body.append(f"{self._place(loop)} = {text};")
            return
        name = self._variable(loop.out)
        kind = TYPES[dtype] if dtype != "b1" else WIDE.get(loop.types[0] if loop.types else "", TYPES[dtype])
        self.body.append(f"const {kind} {name} = {text};")
        self.known[loop.out] = name
        if id(loop) in self.group.stored:
            self.body.append(f"{self._place(loop)} = {name};")

    def _is_read(self, loop: Map) -> bool:
        """Return whether a later loop reads what this one computes."""
        later = self.group.loops[self.group.loops.index(loop) + 1 :]
        return any(access == loop.out for other in later for access, _ in other.reads())

    def _fold(self, loop: Fold) -> None:
        folded, dtype = self.nest.folded(loop), loop.out.dtype
        text, start = fold(loop.name, dtype)
        target = self.nest.element(loop.out)
        depth = len(folded)
        if depth == 0:
            self.body.append(f"{target} = {self._operand(loop.operand, dtype)};")
            return
        if not folded[-1]:
            value = self._operand(loop.operand, dtype)
            self._begin(folded, target, start, depth)
            self.body.append(f"{target} = {text.format(target, value)};")
            return
        first = depth - next((i for i, f in enumerate(reversed(folded)) if not f), depth)
        number, part = len(self.chunked), self._part(loop, len(self.chunked))
        total = f"whole{number}"
        if loop.name == "add" and dtype == "f4" and first < depth - 1 and is_short(self.nest.sizes[-1]):
            self._fold_lanes(part, number, total, first)
        else:
            self._fold_chunks(loop, part, number, total, first)
        if any(folded[:first]):
            self._begin(folded, target, start, first)
            self.closing[first].append(f"{target} = {text.format(target, f'({TYPES[dtype]}){total}')};")
        else:
            self.closing[first].append(f"{target} = ({TYPES[dtype]}){total};")

    def _part(self, loop: Fold, number: int) -> str:
        """Return where the elements of one chunk stand: in memory, or in a copy that the innermost loop makes."""
        x, strides, inner = loop.operand, self.nest.strides(loop.operand), self.nest.sizes[-1]
        writing = [other for other in self.group.loops if id(other) in self.group.stored and other.out.root == x.root]
        before = self.group.loops[: self.group.loops.index(loop)]
        made = any(isinstance(other, Map) and other.out == x for other in before)
        there = all(other.out == x and other in before for other in writing) and (writing or not made)
        few = is_short(inner) and inner < LANES  # which the compiler keeps in registers
        if there and not few and x.dtype == loop.out.dtype and strides[-1] == 1:
            names = [*self.nest.names[:-1], "0" if is_short(inner) else "from"]
            return f"&{self.nest.pointers.element(x, strides, names)}"
        part = f"part{number}"
        self.opening[-1].append(f"{TYPES[loop.out.dtype]} {part}[{inner if is_short(inner) else CHUNK}];")
        self.body.append(f"{part}[{self._chunk_index()}] = {self._operand(x, loop.out.dtype)};")
        return part

    def _fold_chunks(self, loop: Fold, part: str, number: int, total: str, first: int) -> None:
        """Fold each chunk alone, and those results: a sum in a wider type."""
        dtype, helper, one = loop.out.dtype, f"{loop.name}_{loop.out.dtype}", f"one{number}"
        text, start = fold(loop.name, dtype)
        wide = {"f4": "double", "f8": "long double"}.get(dtype, TYPES[dtype]) if loop.name == "add" else TYPES[dtype]
        self.helpers.append(helper)
        self.opening[first].append(f"{wide} {total} = {start};")
        self.chunked.append(f"const {TYPES[dtype]} {one} = {helper}({part}, {self._chunk_length()});")
        self.chunked.append(f"{total} = {text.format(total, one)};")

    def _fold_lanes(self, part: str, number: int, total: str, first: int) -> None:
        """Sum many short rows in sixteen doubles, and these in the end: 1 microsecond for 100 x 100, by chunks 2.3."""
        self.helpers.append("lanes_f4")
        self.opening[first].append(f"double lanes{number}[16] = {{0}};")
        self.chunked.append(f"lanes_f4({part}, {self._chunk_length()}, lanes{number});")
        self.closing[first].append(f"const double {total} = sum_of_lanes(lanes{number});")

    def _begin(self, folded: list[bool], target: str, start: str, depth: int) -> None:
        """Let the memory that is folded into hold, at first, what the fold begins with."""
        loops = [
            f"for (int64_t {n} = 0; {n} < {size}; {n}++) "
            for n, size, f in zip(self.nest.names[:depth], self.nest.sizes, folded, strict=False)
            if not f
        ]
        self.opening[0].append(f"{''.join(loops)}{target} = {start};")

    def _chunk_index(self) -> str:
        name = self.nest.names[-1]
        return name if is_short(self.nest.sizes[-1]) else f"{name} - from"

    def _chunk_length(self) -> str:
        return str(self.nest.sizes[-1]) if is_short(self.nest.sizes[-1]) else "upto - from"

    def _nested(self, depth: int, margin: str) -> Iterator[str]:
        """Yield the lines of the loops from one depth on."""
        sizes, inner = self.nest.sizes, len(self.nest.sizes) - 1
        yield from (margin + line for line in self.opening[depth])
        if depth > inner:
            yield from (margin + line for line in self.body)
        elif depth < inner or not self.chunked:
            n = self.nest.names[depth]
            alone = depth < inner and not (self.opening[depth + 1] or self.closing[depth + 1])  # the loop inside
            alone = alone and not (self.chunked and depth + 1 == inner)
            yield f"{margin}for (int64_t {n} = 0; {n} < {sizes[depth]}; {n}++){'' if alone else ' {'}"
            yield from self._nested(depth + 1, margin + "  ")
            yield from () if alone else (margin + "}",)
        else:
            yield from self._in_chunks(sizes[-1], margin)
        yield from (margin + line for line in self.closing[depth])

    def _in_chunks(self, size: int, margin: str) -> Iterator[str]:
        """Yield the innermost loop, where something is folded along it: chunk by chunk."""
        name, deeper = self.nest.names[-1], margin
        yield from (margin + line for line in self.opening[-1])
        start, end, step = "0", str(size), BLOCK if self.apart else CHUNK
        if not is_short(size):
            deeper += "  "
            yield f"{margin}for (int64_t from = 0; from < {size}; from += {step}) {{"
            yield f"{deeper}const int64_t upto = from + {step} < {size} ? from + {step} : {size};"
            start, end = "from", "upto"
        if self.body:
            yield f"{deeper}for (int64_t {name} = {start}; {name} < {end}; {name}++) {{"
            yield from (f"{deeper}  {line}" for line in self.body)
            yield deeper + "}"
        yield from (deeper + line for line in self.chunked)
        if not is_short(size):
            yield margin + "}"


_LANES = """\
static inline void lanes_f4(const float *restrict t, int64_t n, double *restrict s) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int l = 0; l < 16; l++) s[l] += (double)t[i + l];
  for (int l = 0; i + l < n; l++) s[l] += (double)t[i + l];
}
static inline double sum_of_lanes(double *s) {
  for (int w = 8; w > 0; w /= 2)
    for (int l = 0; l < w; l++) s[l] = s[l] + s[l + w];
  return s[0];
}
"""


def helper(name: str) -> str:
    """Return the function that folds some elements: sixteen at a time, and those in pairs: so few errors add up.

    The pragma leaves loops over sixteen to be made vectors, which gcc 12 does not do of comparisons it has unrolled.
    """
    if name == "lanes_f4":
        return _LANES
    ufunc, dtype = name.rsplit("_", 1)
    text, start = fold(ufunc, dtype)
    kind = TYPES[dtype]
    # each width by itself: a loop over widths goes through memory at every step
    tree = "\n".join(
        f"  for (int l = 0; l < {w}; l++) s[l] = {text.format('s[l]', f's[l + {w}]')};" for w in (8, 4, 2, 1)
    )
    return f"""\
static inline {kind} {name}(const {kind} *restrict t, int64_t n) {{
  {kind} s[16], rest[16];
  int64_t i = 0;
  for (int l = 0; l < 16; l++) s[l] = rest[l] = {start};
  for (; i + 16 <= n; i += 16)
    #pragma GCC unroll 1
    for (int l = 0; l < 16; l++) s[l] = {text.format("s[l]", "t[i + l]")};
  if (i < n) {{
    for (int l = 0; i + l < n; l++) rest[l] = t[i + l];
    #pragma GCC unroll 1
    for (int l = 0; l < 16; l++) s[l] = {text.format("s[l]", "rest[l]")};
  }}
{tree}
  return s[0];
}}
"""
