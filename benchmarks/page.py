"""The pages of the documentation, `docs/benchmarks.md` and `docs/breadth.md`: each says by which command."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import EXPLAINED, Row, machine, table_of, versions

TEXT = """# Benchmarks

Written by `python -m benchmarks --page docs/benchmarks.md`; nothing here is typed by hand.

Each peer runs in a process of its own, pinned to one core before it is imported, where the system can do that:
environment variables do not keep every library to one thread. The peers take turns of {turn} ms, {rounds} rounds at
least, so that a noisy moment meets all of them, and each turn starts from the same initial parameters. Compared is the
CPU time of all threads of a process. What the peers compute is compared by `python -m benchmarks --verify`.

`compiled` and `compiled-c` are tensorgrad's own plans of whole steps, of NumPy's calls and in C (`docs/compile.md`).
`torch.compile` compiles what leads to the loss; `jax` the whole step, whose old state it may overwrite; `numpy` is the
step written by hand, every buffer used again, and `products` its matrix products alone, which no program can do
without.

Measured on {machine}: {versions}{missing}.

{table}

{explained}

[Operations and layers one by one](breadth.md) beside PyTorch's, and what a recorded operation costs, have their page.

`python -m benchmarks --start` has what it takes to get going: the CPU time of the first five steps of a fresh process,
with compiled objects made anew and found in their folder.

`python -m benchmarks --pictures` has what a drawing takes, beside torchviz's ([figures](drawing.md)).

How a step grows with the width, the depth and the batch of a network with BatchNorm, drawn by `python -m benchmarks
--growth docs/benchmarks.svg`:

![the time of a step by width, depth and batch, both axes logarithmic](benchmarks.svg)
"""

BREADTH = """# Operations and layers beside PyTorch's

Written by `python -m benchmarks --breadth --page docs/breadth.md`; nothing here is typed by hand.

A row is a line of a script that either library runs, in float32: an operation of 100,000 numbers, a layer of a small
batch, forward and backward unless it says otherwise. The two run in processes of their own on one core and take turns;
compared is CPU time, the median of {rounds} rounds. The last table has what a recorded operation costs, in long chains
of numbers. Activations on arrays of this size are what eager NumPy is slowest at: it takes a pass through memory for
each step of a formula. `set_kernels("c")` ([compile](compile.md)) makes one loop of them.

Measured on {machine}: {versions}.

{tables}
"""


def write_breadth(path: Path, tables: list[str], rounds: int) -> None:
    """Write the page of operations and layers."""
    told = ", ".join(f"{name} {number}" for name, number in versions([]).items() if name in _BESIDE)
    text = BREADTH.format(rounds=rounds, machine=machine(), versions=told, tables="\n\n".join(tables))
    path.write_text(text, "utf-8")


_BESIDE = ("numpy", "python", "tensorgrad", "torch")


def write_page(path: Path, rows: list[Row], missing: list[str], turn: float, rounds: int) -> None:
    """Write the page."""
    told = ", ".join(f"{name} {number}" for name, number in versions(missing).items())
    left_out = f"; not installed: {', '.join(missing)}" if missing else ""
    text = TEXT.format(
        turn=round(1000 * turn), rounds=rounds, machine=machine(), versions=told, missing=left_out,
        table=table_of(rows), explained="\n".join(f"* {heading}: {meaning}" for heading, meaning in EXPLAINED.items()),
    )  # fmt: skip
    path.write_text(text, "utf-8")
