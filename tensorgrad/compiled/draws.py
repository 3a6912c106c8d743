"""Random words in C: those of draws that follow each other, at once and into memory that is there.

They are the words of `tensorgrad.create.random.words`, and the generator is left where these leave it
(tests/test_compile_draws.py). NumPy makes each number of the one before; here many in turn stand side by side, each
made of the one so many before it, in a third of the time (``python -m benchmarks --workloads dropout``).
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import replace
from typing import Any

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address, aligned
from tensorgrad.create.random import words
from tensorgrad.program.contents import Program, Ref, Step
from tensorgrad.program.recorder import Draws

from .toolchain import build

SOURCE = """\
#include <stdint.h>
#ifdef __SIZEOF_INT128__
typedef unsigned __int128 wide;
enum { LANES = 32 };

static inline uint64_t output(uint64_t high, uint64_t low) {
  uint64_t x = high ^ low, turn = high >> 58;
  return x >> turn | x << (-turn & 63);
}

/* Write `count` halves of numbers of PCG64 (O'Neill 2014), whose state and increment are g. */
void words(wide *g, uint32_t *out, int64_t count) {
  const wide a = (wide)0x2360ed051fc65da4u << 64 | 0x4385df649fccf645u, c = g[1];
  wide s = g[0], b = 1, d = 0;
  uint64_t high[LANES], low[LANES];
  for (int k = 0; k < LANES; k++) {
    s = s * a + c;
    high[k] = (uint64_t)(s >> 64);
    low[k] = (uint64_t)s;
    b *= a;
    d = d * a + c;
  }
  /* so many steps at once are one with b and d; a product of 128 bits is made of such as vectors have */
  const uint64_t b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b, d1 = (uint64_t)(d >> 64), d0 = (uint64_t)d;
  const uint64_t up = b0 >> 32, down = (uint32_t)b0;
  int64_t i = 0;
  for (s = g[0]; i + 2 * LANES <= count; i += 2 * LANES) {
    s = (wide)high[LANES - 1] << 64 | low[LANES - 1];
    for (int k = 0; k < LANES; k++) {
      uint64_t x = high[k], y = low[k], y1 = y >> 32, y0 = (uint32_t)y;
      uint64_t first = y1 * down + (y0 * down >> 32), second = y0 * up + (uint32_t)first;
      ((uint64_t *)(out + i))[k] = output(x, y);
      low[k] = y * b0 + d0;
      high[k] = y1 * up + (first >> 32) + (second >> 32) + y * b1 + x * b0 + d1 + (low[k] < d0);
    }
  }
  for (; i < count; i += 2) {
    s = s * a + c;
    uint64_t x = output((uint64_t)(s >> 64), (uint64_t)s);
    out[i] = (uint32_t)x;
    if (i + 1 < count) out[i + 1] = (uint32_t)(x >> 32);
  }
  g[0] = s;
}
#endif
"""


class Words(Draws):
    """Draws of words from one generator, one after the other."""

    def __init__(self, generator: Any, function: Any) -> None:
        super().__init__(generator, words)
        self.function = function

    def __call__(self, *arrays: Array) -> None:
        """Fill `arrays`, which lie row by row."""
        source = self.generator.numpy.bit_generator
        memory = aligned(32)
        state, both = address(memory), memory.data
        with source.lock:  # as NumPy does
            found = source.state
            inside = found["state"]
            both[:] = inside["state"].to_bytes(16, "little") + inside["inc"].to_bytes(16, "little")
            for array in arrays:
                self.function(state, address(array), array.size)
            inside["state"] = int.from_bytes(both[:16], "little")
            source.state = found


def drawn_in_c(program: Program) -> Program:
    """Return a program that draws words in C, where C can: of one generator, all that nothing else is drawn between.

    Raises:
        CompileError: there is no compiler, or it fails.
    """
    if sys.byteorder != "little" or not any(map(_is_of_words, program.steps)):
        return program
    function = getattr(build(SOURCE), "words", None)
    if function is None:  # integers of 128 bits are not known to every compiler
        return program
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64), None
    fresh = program.handed_out(program.steps)
    values, part = list(program.values), program.part
    steps: list[Step] = []
    pending: dict[int, Step] = {}  # by generator, the draw that one more is added to
    for index, step in enumerate(program.steps):
        if index == program.part:
            part = len(steps)
        if step.kind == "outside":
            pending.clear()
        if not _is_of_words(step) or step.out is None or values[step.out].block in fresh:
            if step.kind == "draw":
                pending.pop(id(step.function.generator), None)
            steps.append(step)
            continue
        generator = step.function.generator
        if id(generator) not in pending:
            pending[id(generator)] = Step("draw", Words(generator, function))
            steps.append(pending[id(generator)])
        draw = pending[id(generator)]
        draw.args, draw.writes = (*draw.args, Ref(step.out)), (*draw.writes, step.out)
        values[step.out] = replace(values[step.out], kind="own")
    return replace(program, values=values, steps=steps, part=part)


def _is_of_words(step: Step) -> bool:
    return step.kind == "draw" and step.function.call is words
