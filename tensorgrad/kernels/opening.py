"""Sizes of a lowered program as names: what was a number in the recorded run is given when the code runs.

Which number is a size is found by its value: a run is recorded with sizes that are prime numbers, and their products
are those of several axes. It is checked by a second run with other ones: the same code has to come out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tensorgrad.program.cops import Check, Fold, Lookup, Map, Op, Walk
from tensorgrad.program.cvalues import Access, Domain, Number, OpenNumber, OpenSize, Operand

from .sample import Dims, NoFormError
from .vectors import AS_VECTORS


class Opening:
    """The names of the sizes of one run, and of the products of several."""

    def __init__(self, sizes: Sequence[int], arrays: Iterable[Dims]) -> None:
        self.sizes = sizes
        products: dict[int, Dims] = {}
        for dims in arrays:
            known = [d for d in dims if d is not None]
            for count in range(1, len(known) + 1):
                products |= {self._size(part): part for part in itertools.combinations(known, count)}
        self._products = products
        texts = {size: self.text(part) for size, part in self._products.items()}
        self._names = {size: OpenSize.named(size, text) for size, text in texts.items()}
        self._numbers: dict[float, str] = {}
        for size, name in self._names.items():
            double = " * ".join(f"(double){factor}" for factor in str(name).split(" * "))
            self._numbers |= {float(size): double, 1 / size: f"1 / ({double})", -1 / size: f"-1 / ({double})"}
        self._names |= {-size: OpenSize.named(-size, f"-({text})") for size, text in texts.items()}  # steps backwards

    def _size(self, dims: Dims) -> int:
        whole = 1
        for d in dims:
            whole *= 1 if d is None else self.sizes[d]
        return whole

    def text(self, dims: Dims) -> str:
        """Return the product of sizes in C."""
        return " * ".join(f"n{d}" for d in dims if d is not None) or "1"

    def dims(self, shape: tuple[int, ...]) -> tuple[Dims, ...]:
        """Return of which sizes each axis is the product.

        Raises:
            NoFormError: one is of another length.
        """
        try:
            return tuple(() if n == 1 else self._products[n] for n in shape)
        except KeyError as error:
            raise NoFormError(f"an axis of {error} elements is of no size that is given") from None

    def opened(self, op: Op) -> Op:
        """Return a part of a program with names for its sizes.

        Raises:
            NoFormError: there is no such part of open sizes.
        """
        if isinstance(op, Check):
            return op
        domain = self._named(op.domain) if isinstance(op, Map | Fold | Walk | Lookup) else ()
        if isinstance(op, Map):
            operands = tuple([self._operand(x, domain) for x in op.operands])
            text = AS_VECTORS.get((op.text, op.result), op.text)
            return replace(op, domain=domain, out=self._access(op.out, domain), operands=operands, text=text)
        if isinstance(op, Fold) and True in op.folded and not op.folded[-1]:
            raise NoFormError("sums down columns, which C adds row after row, and NumPy in blocks: errors add up")
        if isinstance(op, Fold | Walk):
            out, operand = self._access(op.out, domain), self._access(op.operand, domain)
            return replace(op, domain=domain, out=out, operand=operand)
        if isinstance(op, Lookup):
            indices = tuple([self._operand(x, domain) for x in op.indices])
            value, table = self._operand(op.value, domain), self._access(op.table, domain)
            lengths, steps = self._named(op.lengths), self._named(op.steps)
            return replace(op, domain=domain, value=value, table=table, indices=indices, lengths=lengths, steps=steps)
        raise NoFormError(f"{type(op).__name__} has no open sizes")

    def _named(self, numbers: Domain) -> Domain:
        return tuple(self._names.get(n, n) for n in numbers)

    def _access(self, access: Access, domain: Domain) -> Access:
        strides = self._named(access.strides)
        # what is gone through backwards begins at its end
        backwards = [(n, -s) for n, s in zip(domain, strides, strict=True) if s < 0]
        offset = access.offset
        if backwards and offset == sum((n - 1) * step for n, step in backwards):
            offset = OpenSize.named(
                offset, " + ".join(f"({n} - 1) * {self._named((step,))[0]}" for n, step in backwards)
            )
        return replace(access, strides=strides, offset=offset)

    def _operand(self, x: Operand, domain: Domain) -> Operand:
        if isinstance(x, Access):
            return self._access(x, domain)
        text = self._numbers.get(float(x.value))
        return x if text is None else Number(OpenNumber(text, float(x.value)), "f8")


class Closed(Opening):
    """The sizes of a run that is for these alone: they stay numbers."""

    def __init__(self) -> None:
        super().__init__((), ())

    def text(self, dims: Dims) -> str:
        """Return the product of lengths in C."""
        return " * ".join(map(str, dims)) or "1"

    def dims(self, shape: tuple[int, ...]) -> tuple[Dims, ...]:
        """Return the lengths of the axes themselves."""
        return tuple([(n,) for n in shape])
