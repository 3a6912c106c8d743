"""One C file: functions for groups, each once, and a function for each stage that calls them with its pointers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import cproducts
from .blas import Products
from .cfunctions import as_vectors
from .cloops import alone, batched
from .cops import Check, Group, Lookup, Map, Matrix, Product, Walk
from .cprint import HEAD, Argument, CFunction, GroupPrinter, helper, indexed
from .cschedule import Item
from .cvalues import TYPES, Access

_ALONE = """\
#include <fenv.h>
#define LOUD (FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID)
#define KERNEL static __attribute__((noinline))
"""
_BLAS = """\
typedef {integer} blas_int;
typedef void (*gemm_f4)(int, int, int, blas_int, blas_int, blas_int, float, const float *, blas_int, const float *,
                        blas_int, float, float *, blas_int);
typedef void (*gemm_f8)(int, int, int, blas_int, blas_int, blas_int, double, const double *, blas_int, const double *,
                        blas_int, double, double *, blas_int);
"""
_OWN = """\
KERNEL FUSED void %s(const float *restrict a, const float *restrict b, float *restrict c) {
%s
}
"""


class Source:
    """The text of a C file as it grows.

    `slots` says where in the table of pointers the one of a root stands: first those of `roots`. All functions are
    given the open `sizes` first.
    """

    def __init__(self, products: Products | None = None, roots: Sequence[int] = (), sizes: Sequence[str] = ()) -> None:
        addresses = products.addresses if products else {}
        self.fixed = dict(enumerate(addresses.values()))
        self._gemm = {dtype: slot for slot, dtype in enumerate(addresses)}
        self.slots = {root: len(self.fixed) + i for i, root in enumerate(roots)}
        self._integer = products.integer if products else "int"
        self._sizes = "".join(f"{name}, " for name in sizes)
        self._given = "".join(f"int64_t {name}, " for name in sizes)
        self._helpers: dict[str, str] = {}
        self._tiles: dict[str, str] = {}
        self._functions: dict[tuple[str, str], str] = {}
        self._multiplying: dict[str, str] = {}  # the names of the functions of products, by their bodies
        self._stages: list[str] = []

    def text(self, first: Sequence[str] = ()) -> str:
        """Return the file, with functions of another's that stand `first`."""
        blas = _BLAS.replace("{integer}", self._integer) if self._gemm else ""
        functions = [
            f"KERNEL {'int' if 'return' in body else 'void'} {name}({self._given}{parameters}) {{\n{body}\n}}\n"
            for (parameters, body), name in self._functions.items()
        ]
        text, before = as_vectors("\n".join(functions))
        own = [_OWN % (name, body) for body, name in self._multiplying.items()]
        multiplying = ["#ifdef __AVX512F__", cproducts.HEAD, *self._tiles.values(), *own, "#endif"] if own else []
        parts = [HEAD, _ALONE, blas, *first, *self._helpers.values(), *before, text, *multiplying, *self._stages]
        return "\n".join(parts)

    def slot(self, root: int) -> int:
        """Return where in the table the pointer of a root stands."""
        return self.slots.setdefault(root, len(self.slots) + len(self.fixed))

    def function(self, items: Sequence[Item]) -> str:
        """Add the function of a stage, and return its name."""
        name = f"stage{len(self._stages)}"
        lines: list[str] = []
        loud = False
        for number, item in enumerate(items, 1):
            if not isinstance(item, Check) and item.loud is not loud:
                loud = item.loud
                lines.append("feclearexcept(LOUD);" if loud else f"if (fetestexcept(LOUD)) return {number};")
            lines.append(self._line(item, number))
        if loud:
            lines.append(f"if (fetestexcept(LOUD)) return {len(items) + 1};")
        body = "\n".join(f"  {line}" for line in [*lines, "return 0;"])
        self._stages.append(f"int {name}({self._given}void **p) {{\n{body}\n}}\n")
        return name

    def _line(self, item: Item, number: int) -> str:
        if isinstance(item, Check):
            x = item.value
            found = f"*{self._pointer(Argument(x.root, x.dtype, x.offset))}"
            return f"if ({found} {'==' if item.expected else '!='} 0) return {number};"
        if isinstance(item, Product):
            return self._product(item)
        if isinstance(item, Lookup):
            return f"if ({self._call(alone(item))}) return {number};"
        if isinstance(item, Walk):
            return f"{self._call(alone(item))};"
        if (turned := self._turned(item)) is not None:
            return turned
        printer = GroupPrinter(item)
        function = printer.function()
        for one in printer.helpers:
            self._helpers.setdefault(one, helper(one))
        return f"{self._call(function)};"

    def _turned(self, group: Group) -> str | None:
        """Return the call that copies a transpose, where a group does no more."""
        loop = group.loops[0]
        if len(group.loops) > 1 or not isinstance(loop, Map) or loop.text != "{0}" or len(group.domain) != 2:
            return None
        source, out = loop.operands[0], loop.out
        if not isinstance(source, Access) or {source.dtype, loop.result, out.dtype} != {"f4"}:
            return None
        (n, m), (along, down), (across, beside) = group.domain, source.strides, out.strides
        if (along, beside) != (1, 1) or min(m, n) < 16 or down < n or across < m:
            return None
        self._helpers.setdefault("turn", cproducts.TURN)
        a, t = (self._pointer(Argument(x.root, x.dtype, x.offset)) for x in (source, out))
        return f"turn({m}, {n}, {a}, {down}, {t}, {across});"

    def _call(self, function: CFunction) -> str:
        key = function.parameters, function.body
        name = self._functions.setdefault(key, f"k{len(self._functions)}")
        return f"{name}({self._sizes}{', '.join(map(self._pointer, function.arguments))})"

    def _pointer(self, argument: Argument) -> str:
        pointer = f"({TYPES[argument.dtype]} *)p[{self.slot(argument.root)}]"
        return f"({pointer} + {argument.shift})" if argument.shift else pointer

    def _product(self, op: Product) -> str:
        dtype = op.out.access.dtype
        loops, names = batched(op)
        a, b, out = (self._matrix(m, names) for m in (op.a, op.b, op.out))
        ways = ", ".join("112" if m.transposed else "111" for m in (op.a, op.b))
        (m, k), n = op.a.shape, op.b.shape[1]
        called = (
            f"{loops}((gemm_{dtype})p[{self._gemm[dtype]}])(101, {ways}, {m}, {n}, {k}, 1, {a}, {op.a.distance}, "
            f"{b}, {op.b.distance}, 0, {out}, {op.out.distance});"
        )
        if op.b.transposed or not cproducts.is_own(op.a, op.b):
            return called
        body = cproducts.body(op, self._tiles)
        name = self._multiplying.setdefault(body, f"product{len(self._multiplying)}")
        return f"\n#ifdef __AVX512F__\n  {name}({a}, {b}, {out});\n#else\n  {called}\n#endif"

    def _matrix(self, m: Matrix, names: list[str]) -> str:
        pointer = self._pointer(Argument(m.access.root, m.access.dtype, m.access.offset))
        return f"{pointer} + {indexed(m.access.strides[:-2], names)}" if names else pointer

    @staticmethod
    def roots(item: Item) -> Iterable[int]:
        """Yield the roots whose memory a part touches."""
        if isinstance(item, Group):
            for argument in GroupPrinter(item).nest.pointers.arguments():
                yield argument.root
            return
        for touches in (item.reads(), item.writes()):
            for access, _ in touches:
                assert isinstance(access, Access)
                yield access.root
