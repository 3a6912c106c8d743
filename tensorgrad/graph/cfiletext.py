"""The text of a C file: a struct, constants, what the loops call, and the functions, each loop under its lines."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator

from tensorgrad.program.cloops import batched, looked_up, walked
from tensorgrad.program.cops import Check, Lookup, Product, Walk
from tensorgrad.program.cprint import GroupPrinter, Pointers, helper, indexed
from tensorgrad.program.cschedule import Item
from tensorgrad.program.cvalues import TYPES, Access, literal, short

from .cfile import CFile, Routine, flat_memory
from .cnames import Words, commented

_COLUMNS = 110
_HEAD = """\
The recorded computation in C99: {functions}.

  cc -std=c99 -O3 -c file.c    (link with -lm; -DUSE_CBLAS: products of matrices by cblas.h, a plain loop without)

Arrays lie row by row, and those that are written overlap no others. A function answers 0; or 1, with results that mean
nothing, where an index is out of range or numbers take another way than those of the trace: each such place returns.{}
"""
_STRUCT = """
{struct} holds what the functions store: one for each computation at a time, in memory of the caller's. It needs no
first values.{} Nothing else is kept: functions can run in several threads, each with its own."""
_LENT = " `backward` reads the given arrays that it points to, too."
_MATMUL = """\
/* c = a b, of {{m, k}} and {{k, n}} numbers; ta and tb tell that a and b lie as their transposes */
static void matmul_{dtype}(int ta, int tb, int64_t m, int64_t n, int64_t k, const {type} *a, int64_t lda,
                      const {type} *b, int64_t ldb, {type} *c, int64_t ldc) {{
#ifdef USE_CBLAS
  {blas}(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, 1, a, lda, b, ldb,
              0, c, ldc);
#else
  for (int64_t i = 0; i < m; i++) {{
    for (int64_t j = 0; j < n; j++) c[i * ldc + j] = 0;
    for (int64_t l = 0; l < k; l++) {{
      const {type} x = ta ? a[l * lda + i] : a[i * lda + l];
      for (int64_t j = 0; j < n; j++) c[i * ldc + j] += x * (tb ? b[j * ldb + l] : b[l * ldb + j]);
    }}
  }}
#endif
}}
"""


class _Reached(Pointers):
    """Accesses of one function, by the names of what they reach."""

    def __init__(self, file: CFile, function: Routine, touched: list[tuple[Access, bool]]) -> None:
        super().__init__(touched)
        self.file, self.function = file, function
        self.inside = Words(file.words.used)

    def element(self, access: Access, strides: tuple[int, ...], names: list[str]) -> str:
        """Return the element of an access in a loop."""
        array, shift = self.file.element(self.function, access)
        return f"{array}[{indexed(strides, names, access.offset + shift)}]"

    def start(self, access: Access, strides: tuple[int, ...], names: list[str]) -> str:
        """Return the pointer to an element."""
        array, shift = self.file.element(self.function, access)
        index = indexed(strides, names, access.offset + shift)
        return array if index == "0" else f"&{array}[{index}]"

    def register(self, access: Access, number: int) -> str:  # noqa: ARG002 - see there
        """Return the name of the variable that holds the element of an access."""
        word = self.file.register(access)
        return self.inside.free(word) if word else self.inside.numbered("s")


class CFileText:
    """The printer of a file."""

    def __init__(self, file: CFile) -> None:
        self.file = file
        self.helpers: dict[str, str] = {}

    def text(self) -> str:
        """Return the file."""
        file = self.file
        functions = ["\n".join(self._function(f)) for f in file.functions]
        constants = dict(zip(file.constants.values(), file.constants, strict=True))  # each once
        head = [self._told(), "#include <math.h>", "#include <stdint.h>"]
        if any(name.startswith("matmul") for name in self.helpers):
            head += ["#ifdef USE_CBLAS", "#include <cblas.h>", "#endif"]
        parts = ["\n".join(head)]
        if file.struct:
            parts.append("\n".join(self._struct()))
        parts += [self._constant(root, name) for name, root in constants.items()]
        return "\n\n".join(part.rstrip("\n") for part in (*parts, *self.helpers.values(), *functions)) + "\n"

    def _told(self) -> str:
        """Return the comment at the head."""
        file = self.file
        names = "forward, and the gradients by backward" if len(file.functions) > 1 else "forward"
        struct = _STRUCT.format(_LENT if file.lent else "", struct=f"struct {file.struct}") if file.struct else ""
        parts = _HEAD.format(struct, functions=names).split("\n\n")
        wrapped = [part if part[0] == " " else textwrap.fill(part, _COLUMNS) for part in parts]
        lines = ["", *file.source.head] if file.source.head else []
        lines = [*"\n\n".join(wrapped).splitlines(), *lines]
        return "/* " + "\n".join(f" * {commented(line)}".rstrip() for line in lines)[3:] + "\n */"

    def _struct(self) -> Iterator[str]:
        """Yield the lines of the struct: what both functions need comes first."""
        file = self.file
        yield f"struct {file.struct} {{"
        for number in file.lent:
            yield f"  const {self._type(number)} *{file.inputs[number]};"
        for told, of in (("", [0, 1]), ("of forward alone", [0]), ("of backward alone", [1])):
            parts = range(len(file.functions))
            inside = [r for r in file.members if [i for i in parts if r in file.functions[i].roots] == of]
            if told and inside and len(file.functions) > 1:
                yield f"  /* {told} */"
            for root in inside:
                v, name = file.values[root], file.members[root]
                word = file.source.words.get(root, name)
                note = f"{'' if word == name else f'{word}: '}{v.dtype} {v.shape}"
                yield f"  {self._type(root)} {name}[{math.prod(v.shape)}];  /* {commented(note)} */"
        yield "};"

    def _type(self, number: int) -> str:
        return TYPES[short(self.file.values[number].dtype)]

    def _constant(self, root: int, name: str) -> str:
        flat = flat_memory(self.file.program.arrays[root])
        v = self.file.values[root]
        numbers = textwrap.wrap(", ".join(literal(x, short(v.dtype)) for x in flat), _COLUMNS)
        inside = "\n  ".join(numbers)
        return f"static const {self._type(root)} {name}[{flat.size}] = {{  /* {v.dtype} {v.shape} */\n  {inside}\n}};"

    def _function(self, function: Routine) -> Iterator[str]:
        """Yield the lines of a function."""
        file = self.file
        struct = file.struct
        parameters = [(f"const {self._type(n.number)} *{file.inputs[n.number]}", n.told) for n in function.given]
        if struct:
            parameters.append((f"struct {struct} *{struct}", ""))
        parameters += [(f"{self._type(r.number)} *{file.parameters[r.word]}", r.told) for r in function.results]
        yield f"int {function.name}("
        for i, (text, note) in enumerate(parameters):
            comma = "," if i < len(parameters) - 1 else ""
            yield f"  {text}{comma}{f'  /* {commented(note)} */' if note else ''}"
        yield ") {"
        body = "\n".join(self._body(function)).strip("\n")
        used = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)))
        names = [text.rpartition("*")[2] for text, _ in parameters]
        yield from (f"  (void){name};" for name in names if name not in used)
        yield from ([body] if body else [])
        yield "  return 0;"
        yield "}"

    def _body(self, function: Routine) -> Iterator[str]:
        """Yield what a function does, under the lines that it comes from."""
        file = self.file
        if function is file.functions[0]:
            yield from (f"  cache->{file.inputs[number]} = {file.inputs[number]};" for number in file.lent)
        above = module = ""
        for item in function.items:
            lines = file.lines_of(item)
            comment = "\n     ".join(dict.fromkeys(commented(line.text) for line in lines))
            if comment != above:
                yield ""
                if lines[0].module not in ("", module):
                    yield f"  /* {commented(lines[0].module)} */"
                yield f"  /* {comment} */"
                above, module = comment, lines[0].module
            yield from (f"  {line}" for line in self._item(function, item))

    def _item(self, function: Routine, item: Item) -> list[str]:
        """Return the lines of one part: a block of its own where it declares anything outside its loops."""

        def reach(touched: list[tuple[Access, bool]]) -> _Reached:
            return _Reached(self.file, function, touched)

        if isinstance(item, Check):
            found = reach([]).element(item.value, (), [])
            return [f"if ({found} {'==' if item.expected else '!='} 0) return 1;"]
        if isinstance(item, Product):
            return [self._product(reach([]), item)]
        if isinstance(item, Lookup):
            return looked_up(item, reach)[1]
        if isinstance(item, Walk):
            return _alone(walked(item, reach)[1])
        printer = GroupPrinter(item, reach)
        lines = printer.lines("")
        for one in printer.helpers:
            self.helpers.setdefault(one, helper(one))
        return _alone(lines)

    def _product(self, reached: _Reached, op: Product) -> str:
        dtype = op.out.access.dtype
        blas = {"f4": "cblas_sgemm", "f8": "cblas_dgemm"}[dtype]
        self.helpers.setdefault(f"matmul_{dtype}", _MATMUL.format(dtype=dtype, type=TYPES[dtype], blas=blas))
        loops, names = batched(op)
        matrices = (op.a, op.b, op.out)
        a, b, c = (f"{reached.start(m.access, m.access.strides[:-2], names)}, {m.distance}" for m in matrices)
        (m, k), n = op.a.shape, op.b.shape[1]
        return f"{loops}matmul_{dtype}({int(op.a.transposed)}, {int(op.b.transposed)}, {m}, {n}, {k}, {a}, {b}, {c});"


def _alone(lines: list[str]) -> list[str]:
    """Return lines as one statement."""
    inside = lines[1:-1] if lines[-1] == "}" else lines[1:]
    one_loop = lines[0].startswith("for (") and all(line.startswith(" ") for line in inside)
    return lines if one_loop else ["{", *(f"  {line}" for line in lines), "}"]
