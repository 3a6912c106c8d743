"""C files that graphs write: compiled with all warnings as errors, and called with arrays."""

from __future__ import annotations

import ctypes
import math
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.compiled import toolchain
from tensorgrad.graph import Graph
from tensorgrad.program.cvalues import TYPES

COMPILER = toolchain.compiler()
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2")
_STRUCT = re.compile(r"^struct (\w+) \{", re.MULTILINE)
_PARAMETER = re.compile(r"^  (const )?(\w+) \*(\w+),?  /\* (\w+) \((.*?)\)")


class Parameter(NamedTuple):
    """What a function of the file is given, or gives."""

    name: str
    given: bool
    dtype: np.dtype
    shape: tuple[int, ...]


class Answered(Exception):  # noqa: N818 - an answer
    """A function answered 1."""


@dataclass
class Compiled:
    """A file, compiled: `forward` and `backward` return arrays."""

    source: str
    library: Any

    def __post_init__(self) -> None:
        size = getattr(self.library, "struct_size", None)
        self.struct = None if size is None else ctypes.create_string_buffer(size() + 64)

    def another(self) -> Compiled:
        """Return the same with a struct of its own."""
        return Compiled(self.source, self.library)

    def call(self, name: str, given: list[Any]) -> list[np.ndarray]:
        """Call a function of the file."""
        pointers: list[Any] = []
        results = []
        rest = iter(given)
        held = []
        for p in parameters(self.source, name):
            if p is None:
                pointers.append(ctypes.addressof(self.struct) + -ctypes.addressof(self.struct) % 64)
                continue
            if p.given:
                array = np.array(next(rest), p.dtype, order="C")
                assert array.shape == p.shape, (p, array.shape)
                held.append(array)
            else:
                array = np.full(p.shape, 77, p.dtype)
                results.append(array)
            pointers.append(array.ctypes.data)
        assert next(rest, None) is None
        if self.struct is not None and name == "forward":
            ctypes.memset(self.struct, 0x55, len(self.struct))
            self.held = held
        if getattr(self.library, name)(*map(ctypes.c_void_p, pointers)):
            raise Answered
        return results


def compiled(source: str, folder: Path, flags: tuple[str, ...] = STRICT) -> Compiled:
    """Compile a file."""
    assert COMPILER is not None
    struct = _STRUCT.search(source)
    size = "unsigned long struct_size(void)"
    more = f"\n{size};\n{size} {{ return sizeof(struct {struct[1]}); }}\n" if struct else ""
    text, made = folder / f"file{len(list(folder.iterdir()))}.c", folder / f"made{len(list(folder.iterdir()))}.so"
    text.write_text(source + more, "utf-8")
    command = [*COMPILER.command, *flags, "-fPIC", "-shared", "-o", str(made), str(text), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + source
    return Compiled(source, ctypes.CDLL(str(made)))


def parameters(source: str, name: str) -> list[Parameter | None]:
    """Return the parameters of a function of a file; None for the struct."""
    head = source.partition(f"int {name}(\n")[2].partition("\n) {")[0]
    found: list[Parameter | None] = []
    for line in head.splitlines():
        match = _PARAMETER.match(line)
        assert match or "struct" in line, line
        shape = () if match is None else tuple(int(n) for n in match[5].split(",") if n.strip())
        found.append(None if match is None else Parameter(match[3], bool(match[1]), np.dtype(match[4]), shape))
    return found


def main_of(source: str, first: Any) -> str:
    """Return a program that calls the functions of a file, each array in a place of its own; it prints the answers.

    The first argument has the numbers of `first`, the others are 0 and 1 in turn.
    """
    struct = _STRUCT.search(source)
    lines = [f"struct {struct[1]} *{struct[1]} = malloc(sizeof *{struct[1]});"] if struct else []
    frees = [struct[1]] if struct else []
    calls = []
    for name in ("forward", *(["backward"] if "int backward(" in source else [])):
        words = []
        for i, p in enumerate(parameters(source, name)):
            words.append(f"{name}_{i}" if p else frees[0])
            if p is None:
                continue
            size, kind = math.prod(p.shape), TYPES[f"{p.dtype.kind}{p.dtype.itemsize}"]
            lines.append(f"{kind} *{words[-1]} = malloc({size} * sizeof({kind}));")
            frees.append(words[-1])
            value = "k % 2"
            if name == "forward" and i == 0:
                lines.append(f"double first[] = {{{', '.join(map(str, np.ravel(first).tolist()))}}};")
                value = f"({kind})first[k]"
            if p.given:
                lines.append(f"for (int k = 0; k < {size}; k++) {words[-1]}[k] = {value};")
        calls.append(f"{name}({', '.join(words)})")
    free = " ".join(f"free({word});" for word in frees)
    lines += ["int found = 0;", *(f"found += {call};" for call in calls), 'printf("%d\\n", found);', free, "return 0;"]
    return "\n#include <stdio.h>\n#include <stdlib.h>\nint main(void) {\n  " + "\n  ".join(lines) + "\n}\n"


class Run(NamedTuple):
    """What the functions of a file gave."""

    outputs: list[np.ndarray]
    gradients: list[np.ndarray]


def run_python(source: str, given: list[Any], seed: Any = None) -> Run:
    """Run the NumPy file."""
    names: dict[str, Any] = {}
    exec(compile(source, "generated.py", "exec"), names)
    with np.errstate(all="ignore"):
        found = names["forward"](*given)
        if "backward" not in names:
            return Run(list(found) if isinstance(found, tuple) else [found], [])
        outputs, cache = found
        outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        seed = np.ones_like(outputs[0]) if seed is None else seed
        gradients = names["backward"](seed, cache)
    return Run(outputs, list(gradients) if isinstance(gradients, tuple) else [gradients])


def with_draws(source: str, python: str, given: list[Any], generator: np.random.Generator) -> list[Any]:
    """Return arguments for the C function: with what its comments say that is drawn."""
    names: dict[str, Any] = {}
    exec(compile(python, "generated.py", "exec"), names)
    head = source.partition("int forward(")[2].partition(") {")[0]
    drawn = re.findall(r"drawn by (.*) \*/$", head, re.MULTILINE)
    return [*given, *(eval(text, names | {"generator": generator}) for text in drawn)]


def same(graph: Graph, inputs: list[list[Any]], folder: Path, rtol: float = 1e-5, atol: float = 1e-6) -> str:
    """Assert that the C file of a graph gives what its NumPy file does on each of `inputs`; return it."""
    python, source = graph.to_python(), graph.to_c()
    made = compiled(source, folder)
    for arrays in inputs:
        compare(made, python, arrays, rtol, atol)
    return source


def compare(made: Compiled, python: str, arrays: list[Any], rtol: float, atol: float) -> None:
    """Assert that both files give the same for some arguments, the gradients for several cotangents."""
    wanted = run_python(python, arrays)
    found = made.call("forward", arrays)
    for a, b in zip(found, wanted.outputs, strict=True):
        near(a, b, rtol, atol)
    if not wanted.gradients:
        return
    rng = np.random.default_rng(0)
    first = np.asarray(wanted.outputs[0])
    for _ in range(2):  # twice: what the struct holds stays
        seed = np.asarray(rng.normal(size=first.shape), first.dtype)
        wanted = run_python(python, arrays, seed)
        for a, b in zip(made.call("backward", [seed]), wanted.gradients, strict=True):
            near(a, b, rtol, atol)


def near(a: Any, b: Any, rtol: float, atol: float) -> None:
    """Assert that a result is another one, to the last bits."""
    b = np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if b.dtype.kind != "f":
        np.testing.assert_array_equal(a, b)
        return
    scale = float(np.max(np.abs(b[np.isfinite(b)]), initial=1))
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol * scale)
