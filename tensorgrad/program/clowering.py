"""From steps, which are calls of NumPy, to what C has for them; a step for which it has nothing stays a call."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .cforms import cast, form
from .contents import Program, Ref, Step, Value, same_bits
from .cops import Call, Check, Fold, Map, Op
from .cspelling import fold, spelled
from .cvalues import Access, Domain, Memory, Number, Operand, Unspoken, check_converts, short, thin
from .forms import chosen, copied, filled

_DIVISIONS = (np.floor_divide, np.remainder, np.fmod)
_NUMBERS: dict[type, str] = {bool: "b1", int: "i8", float: "f8"}


class Lowering:
    """What the steps of a program are in C; `added` are the values that it made in between, by number."""

    def __init__(self, program: Program, products: bool) -> None:
        self.program = program
        self.memory = Memory(program)
        self.products = products
        self.added: dict[int, Value] = {}
        self._of_one_number: dict[int, bool] = {}

    def ops(self, steps: Sequence[Step]) -> list[Op]:
        """Return what stands for `steps`, in order."""
        found: list[Op] = []
        for step in steps:
            try:
                made = self._of(step)
            except Unspoken:
                made = [Call(step)]
            for op in made:
                if not isinstance(op, Call):
                    op.loud = step.loud
            found += made
        return found

    def _of(self, step: Step) -> list[Op]:
        function = step.function
        if step.kind == "check" and function is operator.truth and isinstance(step.args[0], Ref):
            return [Check(self.memory.access(step.args[0].number, ()), bool(step.expected))]
        if step.kind != "call":
            raise Unspoken
        if isinstance(function, np.ufunc) and function not in (np.matmul, np.ldexp):
            return self._ufunc(step, function)
        of = getattr(function, "__self__", None)
        if isinstance(of, np.ufunc) and function.__name__ == "reduce":
            return self._reduce(step, of)
        special: dict[Any, Callable[[Step], list[Op]]] = {
            np.vdot: self._vdot, copied: self._copied, filled: self._copied, chosen: self._chosen, np.clip: self._clip,
        }  # fmt: skip
        if function in special:
            return special[function](step)
        return form(step)(self, step)

    def target(self, step: Step) -> int:
        """Return the number of the value that the result of a step goes to."""
        if step.out is not None:
            return step.out
        if len(step.writes) != 1:
            raise Unspoken
        return step.writes[0]

    def operand(self, value: Any, shape: tuple[int, ...], part: Array | None = None) -> Operand:
        """Return an argument, or a part of it, as C reaches it; one number that never changes stands in the code."""
        if isinstance(value, Access | Number):
            return value
        if isinstance(value, Ref):
            v, array = self.program.values[value.number], self.memory.array(value.number)
            if v.kind == "constant" and array.size and self._is_one_number(value.number):
                return Number(array.flat[0], short(v.dtype))
            return self.memory.access(value.number, shape, part)
        if isinstance(value, np.generic):
            return Number(value, short(value.dtype))
        if type(value) not in _NUMBERS:
            raise Unspoken
        return Number(value, _NUMBERS[type(value)])

    def _is_one_number(self, number: int) -> bool:
        """Return whether all elements of a constant are the same."""
        if number not in self._of_one_number:
            array = self.memory.array(number)
            self._of_one_number[number] = same_bits(array, np.full_like(array, array.flat[0]))
        return self._of_one_number[number]

    def types(self, ufunc: np.ufunc, args: Sequence[Any], out: int) -> tuple[str, ...]:
        """Return the types that a ufunc computes in, as NumPy chooses them."""
        given = [
            self.program.values[a.number].dtype if isinstance(a, Ref)
            else a.dtype if isinstance(a, np.generic) else np.dtype(bool) if isinstance(a, bool) else type(a)
            for a in args
        ]  # fmt: skip
        try:
            types = ufunc.resolve_dtypes((*given, self.program.values[out].dtype), casting="same_kind")
        except TypeError:
            raise Unspoken from None
        if len(set(types[:-1])) > 1:  # C would make one type of them, which is another than NumPy's
            raise Unspoken
        return tuple(map(short, types))

    def mapped(self, out: int, text: str, args: Sequence[Any], types: tuple[str, ...]) -> list[Op]:
        """Return a map to the value `out`; refused where it would read what it has changed already."""
        shape = self.program.values[out].shape
        target = self.memory.access(out, shape)
        return self.mapped_to(target, thin(shape), text, [self.operand(a, shape) for a in args], types)

    def computed(self, out: int, text: str, args: Sequence[Any], dtype: str) -> list[Op]:
        """Return a map to the value `out`, all of it in one type."""
        return self.mapped(out, text, args, (dtype,) * (len(args) + 1))

    def moved(self, source: Operand, target: Access, shape: tuple[int, ...]) -> list[Op]:
        """Return the copy of elements to where they are reached over the same shape, converted."""
        check_converts(source, target.dtype)
        kept = target.dtype if isinstance(source, Number) else source.dtype
        return self.mapped_to(target, thin(shape), "{0}", [source], (kept, kept))

    def mapped_to(
        self, target: Access, domain: Domain, text: str, operands: Sequence[Operand], types: tuple[str, ...]
    ) -> list[Op]:
        """Return a map of operands to elements; refused as in `mapped`."""
        for x, dtype in zip(operands, types, strict=False):
            check_converts(x, dtype)
            if isinstance(x, Access) and x != target and self.overlap(x, target, domain, domain):
                raise Unspoken
        return [Map(domain, target, text, tuple(operands), types[:-1], types[-1])]

    def overlap(self, a: Access, b: Access, first: tuple[int, ...], second: tuple[int, ...]) -> bool:
        """Return whether two accesses may touch the same memory."""
        if a.root != b.root:
            return self.block(a.root) == self.block(b.root)
        (start, end), (begin, stop) = a.extent(first), b.extent(second)
        return start < stop and begin < end

    def block(self, root: int) -> int:
        """Return the memory that a root stands in; what was made in between has one of its own."""
        return -root if root in self.added else self.program.values[root].block

    def _ufunc(self, step: Step, ufunc: np.ufunc) -> list[Op]:
        out = self.target(step)
        if ufunc.nout != 1 or set(step.kwargs) - {"out", "dtype"} or len(step.args) != ufunc.nin:
            raise Unspoken
        types, dtype = self.types(ufunc, step.args, out), step.kwargs.get("dtype")
        if dtype is not None and types[-1] != short(dtype):
            raise Unspoken
        if types[0][0] in "iu" and ufunc in _DIVISIONS and (step.loud or step.args[1] == 0):
            raise Unspoken  # of a division of whole numbers by 0 NumPy warns, and the processor says nothing
        return self.mapped(out, spelled(ufunc.__name__, types[0]), step.args, types)

    def _clip(self, step: Step) -> list[Op]:
        out = self.target(step)
        dtype = self.program.values[out].dtype
        first = step.args[0]
        if set(step.kwargs) - {"out"} or len(step.args) != 3 or not isinstance(first, Ref):
            raise Unspoken
        if self.program.values[first.number].dtype != dtype:
            raise Unspoken
        given = [x for x in step.args if x is not None]
        name = "clip" if len(given) == 3 else "maximum" if step.args[2] is None else "minimum"
        return self.computed(out, spelled(name, short(dtype)), given, short(dtype))

    def _copied(self, step: Step) -> list[Op]:
        out = self.target(step)
        shape = self.program.values[out].shape
        operand, target = self.operand(step.args[0], shape), self.memory.access(out, shape)
        if operand.dtype[0] == "f" and target.dtype[0] in "iu" and isinstance(operand, Access):
            return cast(self, operand, target, shape, step.loud)
        return self.moved(operand, target, shape)

    def _chosen(self, step: Step) -> list[Op]:
        out = self.target(step)
        dtype = short(self.program.values[out].dtype)
        if step.kwargs or self.operand(step.args[0], self.program.values[out].shape).dtype != "b1":
            raise Unspoken
        return self.mapped(out, "{0} ? {1} : {2}", step.args, ("b1", dtype, dtype, dtype))

    def _reduce(self, step: Step, ufunc: np.ufunc) -> list[Op]:
        out = self.target(step)
        kwargs = {k: v for k, v in step.kwargs.items() if k != "out"}
        initial = kwargs.pop("initial", None)
        if set(kwargs) - {"axis", "dtype", "keepdims"} or len(step.args) != 1 or not isinstance(step.args[0], Ref):
            raise Unspoken
        number = step.args[0].number
        shape = self.program.values[number].shape
        axes = kwargs.get("axis", 0)
        axes = range(len(shape)) if axes is None else (axes,) if isinstance(axes, int) else axes
        folded = [i in {a % len(shape) for a in axes} for i in range(len(shape))]
        found = self.folded(ufunc.__name__, number, out, folded, bool(kwargs.get("keepdims")))
        if initial is None:
            return found
        dtype = short(self.program.values[out].dtype)
        return [*found, *self.computed(out, fold(ufunc.__name__, dtype)[0], (Ref(out), initial), dtype)]

    def folded(self, name: str, number: int, out: int, folded: list[bool], keepdims: bool = False) -> list[Op]:
        """Return the fold of a value along some of its axes."""
        shape = self.program.values[number].shape
        if 0 in shape:  # of nothing, there is what the fold begins with
            dtype = short(self.program.values[out].dtype)
            return self.computed(out, fold(name, dtype)[1], (), dtype)
        array = self.memory.array(out)
        whole = array if keepdims else array.reshape([1 if f else n for f, n in zip(folded, shape, strict=True)])
        operand, target = self.memory.access(number, shape), self.memory.access(out, shape, whole)
        dtype = short(self.program.values[out].dtype)
        fold(name, dtype)
        domain = thin(shape)
        check_converts(operand, dtype)
        if self.overlap(operand, target, domain, domain):
            raise Unspoken
        kept = tuple(f for f, n in zip(folded, shape, strict=True) if n != 1)
        return [Fold(domain, target, name, operand, kept)]

    def _vdot(self, step: Step) -> list[Op]:
        """Return a product of all elements, which stands in no memory if all goes well, and its sum."""
        a, b = (x.number if isinstance(x, Ref) else None for x in step.args)
        if a is None or b is None or step.out is None:
            raise Unspoken
        first, second, result = (self.program.values[n] for n in (a, b, step.out))
        if first.shape != second.shape or {first.dtype, second.dtype} != {result.dtype} or result.dtype.kind != "f":
            raise Unspoken
        made = self.made(first.shape, result.dtype)
        domain, dtype = thin(first.shape), short(result.dtype)
        operands = (self.memory.access(a, first.shape), self.memory.access(b, first.shape))
        target = Access(self.memory.roots[step.out], dtype, 0, (0,) * len(domain))
        return [
            Map(domain, made, "{0} * {1}", operands, (dtype, dtype), dtype),
            Fold(domain, target, "add", made, (True,) * len(domain)),
        ]

    def made(self, shape: tuple[int, ...], dtype: Any) -> Access:
        """Return a new value of the program's own."""
        array = np.empty(shape, dtype)
        number = len(self.program.values) + len(self.added)
        self.added[number] = Value(number, "own", -number, array.shape, array.dtype, array.strides)
        strides = tuple(s // array.itemsize for s, n in zip(array.strides, shape, strict=True) if n != 1)
        return Access(number, short(dtype), 0, strides)
