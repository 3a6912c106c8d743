"""In which order a program's parts run, and which loops run as one: only so far as no value becomes another by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from .clowering import Lowering
from .contents import Program
from .cops import Call, Check, Fold, Group, Lookup, Loop, Map, Op, Product, Walk
from .cvalues import Access, Domain

Item = Group | Product | Lookup | Walk | Check
Stage = list[Item] | list[Call]
"""What runs as one function of C, or calls of NumPy."""

_Touched = tuple[int, Access | None, Domain, bool]
"""The index of a part, what it touches of a block (None: any of it), and whether it writes."""

MOST_LOOPS = 40  # in one group: more do not fit the registers


class Schedule:
    """The parts of a program, what has to come before each, and the stages that they make."""

    def __init__(
        self, program: Program, lowering: Lowering, ops: Sequence[Op], kept: Collection[int], most: int = MOST_LOOPS
    ) -> None:
        self.program = program
        self.lowering = lowering
        self.ops = ops
        self.kept = kept
        self.most = most
        self.before: list[dict[int, bool]] = [{} for _ in ops]  # what comes before, and whether in a loop of its own
        self.touched: dict[int, list[_Touched]] = defaultdict(list)
        self._of_memory()
        self._of_acts()
        self.loops = {index: op for index, op in enumerate(ops) if isinstance(op, Map | Fold)}
        self.blocks = {index: self._blocks(loop) for index, loop in self.loops.items()}
        self.over: dict[Domain, list[int]] = defaultdict(list)  # the loops by their domain, in order
        for index, loop in self.loops.items():
            self.over[loop.domain].append(index)
        self.left = dict.fromkeys(range(len(ops)))
        self.stages = list(self._staged())

    def _of_memory(self) -> None:
        """Note which parts touch memory that others write."""
        for index, op in enumerate(self.ops):
            for block, access, domain, writes in self._touches(op):
                for other, its, reach, wrote in self.touched[block]:
                    if other != index and (writes or wrote):
                        self._conflict(other, index, (its, reach), (access, domain))
                self.touched[block].append((index, access, domain, writes))

    def _touches(self, op: Op) -> Iterator[tuple[int, Access | None, Domain, bool]]:
        if isinstance(op, Call):
            step = op.step
            made = () if step.out is None else (step.out,)
            for number in self.program.reads(step):
                yield self.program.values[number].block, None, (), False
            for number in (*step.writes, *made):
                yield self.program.values[number].block, None, (), True
            return
        for access, domain in op.reads():
            yield self.lowering.block(access.root), access, domain, False
        for access, domain in op.writes():
            yield self.lowering.block(access.root), access, domain, True

    def _conflict(self, i: int, j: int, a: tuple[Access | None, Domain], b: tuple[Access | None, Domain]) -> None:
        """Note that part `j` touches `b`, of the same block that part `i` touches `a` of, and one of them writes."""
        if a[0] is None or b[0] is None:
            self.before[j][i] = True
        elif self.lowering.overlap(a[0], b[0], a[1], b[1]):
            first, second = self.ops[i], self.ops[j]
            pointwise = a == b and isinstance(first, Map | Fold) and isinstance(second, Map | Fold)
            folded = any(isinstance(op, Fold) and op.out == a[0] for op in (first, second))
            self.before[j][i] = self.before[j].get(i, False) or not pointwise or folded

    def _of_acts(self) -> None:
        """Note the order of what acts outside, and that nothing passes a call that looks after its arrays itself."""
        checks: list[int] = []
        draw = exchange = publish = outside = -1
        for index, op in enumerate(self.ops):
            kind = op.step.kind if isinstance(op, Call) else "check" if isinstance(op, Check | Lookup) else ""
            earlier = [outside]
            if kind == "check":
                checks.append(index)
            elif kind == "draw":
                earlier.append(draw)
                draw = index
            elif kind == "exchange":
                earlier.append(exchange)
                exchange = index
            elif kind == "publish":
                earlier += [publish, *checks]
                publish, checks = index, []
            elif kind == "outside":
                earlier += range(index)
                outside, checks = index, []
            self.before[index].update({i: True for i in earlier if i >= 0})

    def _staged(self) -> Iterator[Stage]:
        """Yield stages: as much as can be done in C, then as much as cannot."""
        while self.left:
            items: list[Item] = []
            while (index := self._ready()) is not None:
                item = self._item(index)
                if not isinstance(item, Group) or item.loops:
                    items.append(item)
            if items:
                yield items
            calls: list[Call] = []
            for index in list(self.left):
                op = self.ops[index]
                if isinstance(op, Call) and self._free(index):
                    calls.append(op)
                    del self.left[index]
            if calls:
                yield calls

    def _free(self, index: int, inside: Collection[int] = ()) -> bool:
        """Return whether all that has to come before is done, or stands in the same loop."""
        return not any(i in self.left and (i not in inside or alone) for i, alone in self.before[index].items())

    def _ready(self) -> int | None:
        return next((i for i in self.left if not isinstance(self.ops[i], Call) and self._free(i)), None)

    def _item(self, index: int) -> Item:
        """Return the part, or the group that grows from it, and take it out of what is left."""
        op = self.ops[index]
        if not isinstance(op, Map | Fold):
            assert not isinstance(op, Call)
            del self.left[index]
            return op
        members = self._grown(index, op)
        for i in members:
            del self.left[i]
        return self._group(op.domain, [loop for i in members if isinstance(loop := self.ops[i], Map | Fold)])

    def _grown(self, index: int, seed: Loop) -> list[int]:
        """Return the loops that can run with one that is ready: of its domain, and with memory in common."""
        members, blocks = [index], set(self.blocks[index])
        alike = [i for i in self.over[seed.domain] if i in self.left and _is_as_loud(self.loops[i], seed)]
        grew = True
        while grew:
            grew = False
            for i in alike:
                if i in members or not self.blocks[i] & blocks:
                    continue
                more = self._with_those_before(i, members, alike, seed.out.dtype)
                if more and len(members) + len(more) <= self.most:
                    members += more
                    blocks.update(*map(self.blocks.__getitem__, more))
                    grew = True
        return members

    def _with_those_before(self, index: int, members: list[int], alike: list[int], dtype: str) -> list[int]:
        """Return a loop with all that has to come before it, where all of these are `alike`; or else nothing.

        Those before are of one type of elements: of masks and numbers in one loop compilers make no vectors.
        """
        more, pending = {index}, [index]
        while pending:
            for i in self.before[pending.pop()]:
                if i in self.left and i not in members and i not in more:
                    if i not in alike or {a.dtype for _, a, *_ in self._touches(self.ops[i]) if a} != {dtype}:
                        return []
                    more.add(i)
                    pending.append(i)
        return sorted(more) if all(self._free(i, {*members, *more}) for i in more) else []

    def _blocks(self, loop: Loop) -> set[int]:
        return {self.lowering.block(a.root) for touches in (loop.reads(), loop.writes()) for a, _ in touches}

    def _group(self, domain: Domain, loops: list[Loop]) -> Group:
        """Return the group, which stores what others read, and what is kept."""
        wanted = {block for block in map(self.lowering.block, {loop.out.root for loop in loops}) if self._wanted(block)}
        last = {loop.out: loop for loop in loops}
        stored = {id(x) for x in last.values() if self.lowering.block(x.out.root) in wanted}
        unread = {id(x) for x in last.values()} - stored - {id(x) for x in _read(loops, stored)}
        stored |= {id(x) for x in loops if id(x) in unread and x.loud}  # a compiler would leave it out, and its flags
        return Group(domain, _read(loops, stored), stored)

    def _wanted(self, block: int) -> bool:
        """Return whether what is left reads of a block, or somebody outside does."""
        return block in self.kept or any(i in self.left and not (w and a) for i, a, _, w in self.touched[block])


def _is_as_loud(loop: Loop, seed: Loop) -> bool:
    """Return whether a loop may run with `seed`: NumPy warns of both or of none, and of truth values never."""
    return loop.loud is seed.loud or (isinstance(loop, Map) and loop.result == "b1")


def _read(loops: list[Loop], stored: set[int]) -> list[Loop]:
    """Return the loops without those whose result is neither stored nor read by a later one."""
    found: list[Loop] = []
    read: set[Access] = set()
    for loop in reversed(loops):
        if isinstance(loop, Map) and id(loop) not in stored and loop.out not in read:
            continue
        read.discard(loop.out)
        read |= {access for access, _ in loop.reads()}
        found.append(loop)
    return found[::-1]
