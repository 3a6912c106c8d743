"""From steps, which are calls of NumPy, to what C has for them; a step for which it has nothing stays a call."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.numerics import address

from .contents import Program, Ref, Step, Value, refs_in
from .cops import Call, Check, Fold, Lookup, Map, Matrix, Op, Product
from .cspelling import fold, spelled
from .cvalues import Access, Memory, Number, Operand, Unspoken, literal, short, thin
from .forms import chosen, copied, filled

_NUMBERS: dict[type, str] = {bool: "b1", int: "i8", float: "f8"}


class Lowering:
    """What the steps of a program are in C; `added` are the values that it made in between, by number."""

    def __init__(self, program: Program, products: bool) -> None:
        self.program = program
        self.memory = Memory(program)
        self.products = products
        self.added: dict[int, Value] = {}

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
        if isinstance(function, np.ufunc) and function is not np.matmul:
            return self._ufunc(step, function)
        of = getattr(function, "__self__", None)
        if isinstance(of, np.ufunc) and function.__name__ == "reduce":
            return self._reduce(step, of)
        special: dict[Any, Callable[[Step], list[Op]]] = {
            np.matmul: self._matmul, np.dot: self._matmul, np.vdot: self._vdot, copied: self._copied,
            filled: self._copied, chosen: self._chosen, operator.getitem: self._getitem,
            operator.setitem: self._setitem, np.clip: self._clip,
        }  # fmt: skip
        if function not in special:
            raise Unspoken
        return special[function](step)

    def _target(self, step: Step) -> int:
        """Return the number of the value that the result of a step goes to."""
        if step.out is not None:
            return step.out
        if len(step.writes) != 1:
            raise Unspoken
        return step.writes[0]

    def _operand(self, value: Any, shape: tuple[int, ...]) -> Operand:
        """Return an argument as C reaches it; one number that never changes stands in the code."""
        if isinstance(value, Ref):
            v, array = self.program.values[value.number], self.memory.array(value.number)
            if v.kind == "constant" and array.size == 1:
                return Number(array.reshape(-1)[0], short(v.dtype))
            return self.memory.access(value.number, shape)
        if isinstance(value, np.generic):
            return Number(value, short(value.dtype))
        if type(value) not in _NUMBERS:
            raise Unspoken
        return Number(value, _NUMBERS[type(value)])

    def _types(self, ufunc: np.ufunc, args: Sequence[Any], out: int) -> tuple[str, ...]:
        """Return the types that a ufunc computes in, as NumPy chooses them."""
        given = [
            self.program.values[a.number].dtype if isinstance(a, Ref)
            else a.dtype if isinstance(a, np.generic) else type(a)
            for a in args
        ]  # fmt: skip
        try:
            types = ufunc.resolve_dtypes((*given, self.program.values[out].dtype), casting="same_kind")
        except TypeError:
            raise Unspoken from None
        if len(set(types[:-1])) > 1:  # C would make one type of them, which is another than NumPy's
            raise Unspoken
        return tuple(map(short, types))

    def _map(self, out: int, text: str, args: Sequence[Any], types: tuple[str, ...]) -> list[Op]:
        """Return a map to the value `out`; refused where it would read what it has changed already."""
        shape = self.program.values[out].shape
        target = self.memory.access(out, shape)
        operands = tuple(self._operand(a, shape) for a in args)
        domain = thin(shape)
        for x, dtype in zip(operands, types, strict=False):
            check_converts(x, dtype)
            if isinstance(x, Access) and x != target and self.overlap(x, target, domain, domain):
                raise Unspoken
        return [Map(domain, target, text, operands, types[:-1], types[-1])]

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
        out = self._target(step)
        if ufunc.nout != 1 or set(step.kwargs) - {"out", "dtype"} or len(step.args) != ufunc.nin:
            raise Unspoken
        types, dtype = self._types(ufunc, step.args, out), step.kwargs.get("dtype")
        if dtype is not None and types[-1] != short(dtype):
            raise Unspoken
        return self._map(out, spelled(ufunc.__name__, types[0]), step.args, types)

    def _clip(self, step: Step) -> list[Op]:
        out = self._target(step)
        dtype = self.program.values[out].dtype
        first = step.args[0]
        if set(step.kwargs) - {"out"} or len(step.args) != 3 or not isinstance(first, Ref):
            raise Unspoken
        if self.program.values[first.number].dtype != dtype:
            raise Unspoken
        return self._map(out, spelled("clip", short(dtype)), step.args, (short(dtype),) * 4)

    def _copied(self, step: Step) -> list[Op]:
        out = self._target(step)
        value = step.args[0]
        dtype = short(self.program.values[out].dtype)
        operand = self._operand(value, self.program.values[out].shape)
        check_converts(operand, dtype)
        return self._map(out, "{0}", (value,), (operand.dtype, operand.dtype))

    def _chosen(self, step: Step) -> list[Op]:
        out = self._target(step)
        dtype = short(self.program.values[out].dtype)
        if step.kwargs or self._operand(step.args[0], self.program.values[out].shape).dtype != "b1":
            raise Unspoken
        return self._map(out, "{0} ? {1} : {2}", step.args, ("b1", dtype, dtype, dtype))

    def _reduce(self, step: Step, ufunc: np.ufunc) -> list[Op]:
        out = self._target(step)
        kwargs = {k: v for k, v in step.kwargs.items() if k != "out"}
        if set(kwargs) - {"axis", "dtype", "keepdims"} or len(step.args) != 1 or not isinstance(step.args[0], Ref):
            raise Unspoken
        number = step.args[0].number
        shape = self.program.values[number].shape
        axes = kwargs.get("axis", 0)
        axes = range(len(shape)) if axes is None else (axes,) if isinstance(axes, int) else axes
        folded = [i in {a % len(shape) for a in axes} for i in range(len(shape))]
        return self._fold(ufunc.__name__, number, out, folded, bool(kwargs.get("keepdims")))

    def _fold(self, name: str, number: int, out: int, folded: list[bool], keepdims: bool = False) -> list[Op]:
        """Return the fold of a value along some of its axes."""
        shape = self.program.values[number].shape
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
        made = self._made(first.shape, result.dtype)
        domain, dtype = thin(first.shape), short(result.dtype)
        operands = (self.memory.access(a, first.shape), self.memory.access(b, first.shape))
        target = Access(self.memory.roots[step.out], dtype, 0, (0,) * len(domain))
        return [
            Map(domain, made, "{0} * {1}", operands, (dtype, dtype), dtype),
            Fold(domain, target, "add", made, (True,) * len(domain)),
        ]

    def _made(self, shape: tuple[int, ...], dtype: Any) -> Access:
        """Return a new value of the program's own."""
        array = np.empty(shape, dtype)
        number = len(self.program.values) + len(self.added)
        self.added[number] = Value(number, "own", -number, array.shape, array.dtype, array.strides)
        strides = tuple(s // array.itemsize for s, n in zip(array.strides, shape, strict=True) if n != 1)
        return Access(number, short(dtype), 0, strides)

    def _matmul(self, step: Step) -> list[Op]:
        out = self._target(step)
        if set(step.kwargs) - {"out"} or not all(isinstance(x, Ref) for x in step.args):
            raise Unspoken
        a, b = (x.number for x in step.args)
        ones = self._sum_of_rows(a, b, out)
        if ones:
            return ones
        dtype = self.program.values[out].dtype
        if {self.program.values[n].dtype for n in (a, b)} != {dtype} or dtype.kind != "f" or not self.products:
            raise Unspoken
        left, right = self._matrix(a, True), self._matrix(b, False)
        made = self._matrix(out, True, (left.shape[0], right.shape[1]))
        if any(self.overlap(m.access, made.access, m.shape, made.shape) for m in (left, right)):
            raise Unspoken
        return [
            Product(_turned(made), _turned(right), _turned(left)) if made.transposed else Product(made, left, right)
        ]

    def _sum_of_rows(self, a: int, b: int, out: int) -> list[Op] | None:
        """Return the sum along the first axis that a product with a row of ones is."""
        left, right = self.program.values[a], self.program.values[b]
        if left.kind != "constant" or thin(left.shape) != thin(left.shape[-1:]) or len(right.shape) != 2:
            return None
        if not (self.memory.array(a) == 1).all() or {left.dtype, right.dtype} != {self.program.values[out].dtype}:
            return None
        return self._fold("add", b, out, [True, False], keepdims=len(self.program.values[out].shape) == 2)

    def _matrix(self, number: int, row: bool, shape: tuple[int, int] | None = None) -> Matrix:
        """Return a value as a matrix; a vector is a `row` or a column.

        Raises:
            Unspoken: neither its rows nor its columns are of one piece.
        """
        array = self.memory.array(number)
        if shape is not None:
            array = array.reshape(shape) if array.ndim < 2 else array
        elif array.ndim == 1:
            array = array[None] if row else array[:, None]
        if array.ndim != 2 or 0 in array.shape:
            raise Unspoken
        size = array.dtype.itemsize
        (m, n), (down, along) = array.shape, (s // size for s in array.strides)
        shift = address(array) - address(self.memory.array(self.memory.roots[number]))
        if any(s % size for s in array.strides) or shift % size or short(array.dtype) not in ("f4", "f8"):
            raise Unspoken
        access = Access(self.memory.roots[number], short(array.dtype), shift // size, (down, along))
        if (along == 1 or n == 1) and (m == 1 or down >= n):
            return Matrix(access, (m, n), False, max(down if m > 1 else n, n))
        if (down == 1 or m == 1) and (n == 1 or along >= m):
            return Matrix(access, (m, n), True, max(along if n > 1 else m, m))
        raise Unspoken

    def _index(self, number: int, index: Any) -> tuple[list[Operand], list[int], list[int], tuple[int, ...]]:
        """Return the parts of an index of whole numbers for each axis: operands, lengths, steps, and their shape."""
        v, array = self.program.values[number], self.memory.array(number)
        parts = index if isinstance(index, tuple) else (index,)
        if len(parts) != len(v.shape) or not all(isinstance(p, Ref | int) and not isinstance(p, bool) for p in parts):
            raise Unspoken
        arrays = [self.memory.array(p.number) if isinstance(p, Ref) else np.asarray(p) for p in parts]
        if any(a.dtype.kind != "i" for a in arrays):
            raise Unspoken
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        if any(s % array.itemsize for s in array.strides) or 0 in v.shape or 0 in shape:
            raise Unspoken
        steps = [s // array.itemsize for s in array.strides]
        return [self._operand(p, shape) for p in parts], list(v.shape), steps, shape

    def _lookup(self, sets: bool, number: int, value: Operand, found: Any) -> list[Op]:
        """Return what looks up, or sets, the elements of a value that are `found` by an index."""
        operands, lengths, steps, shape = found
        check_converts(value, short(self.program.values[number].dtype))
        whole = self.memory.access(number, self.program.values[number].shape)
        op = Lookup(
            thin(shape), sets, value, Access(whole.root, whole.dtype, whole.offset, ()),
            tuple(operands), tuple(lengths), tuple(steps),
        )  # fmt: skip
        if any(self.overlap(r, w, d, e) for r, d in op.reads() for w, e in op.writes()):
            raise Unspoken
        return [op]

    def _getitem(self, step: Step) -> list[Op]:
        source, index = step.args
        if not isinstance(source, Ref) or step.out is None:
            raise Unspoken
        found = self._index(source.number, index)
        if found[3] != self.program.values[step.out].shape:
            raise Unspoken
        return self._lookup(False, source.number, self.memory.access(step.out, found[3]), found)

    def _setitem(self, step: Step) -> list[Op]:
        target, index, value = step.args
        if not isinstance(target, Ref):
            raise Unspoken
        if any(True for _ in refs_in(index)):
            found = self._index(target.number, index)
            return self._lookup(True, target.number, self._operand(value, found[3]), found)
        part = self.memory.array(target.number)[index]
        if not isinstance(part, np.ndarray) or not np.shares_memory(part, self.memory.array(target.number)):
            raise Unspoken
        dtype, operand = short(part.dtype), self._operand(value, part.shape)
        access = self.memory.access(target.number, part.shape, part)
        domain = thin(part.shape)
        check_converts(operand, dtype)
        if isinstance(operand, Access) and operand != access and self.overlap(operand, access, domain, domain):
            raise Unspoken
        return [Map(domain, access, "{0}", (operand,), (operand.dtype,), operand.dtype)]


def check_converts(operand: Operand, dtype: str) -> None:
    """Raise unless C makes of an operand, in another type, what NumPy makes of it.

    Raises:
        Unspoken: it is a float that is made an integer, or a number that the type does not hold.
    """
    if operand.dtype[0] == "f" and dtype[0] in "iu":
        raise Unspoken
    if isinstance(operand, Number):
        try:
            literal(operand.value, dtype)
        except OverflowError:
            raise Unspoken from None


def _turned(m: Matrix) -> Matrix:
    """Return the transpose of a matrix."""
    return Matrix(m.access, (m.shape[1], m.shape[0]), not m.transposed, m.distance)
