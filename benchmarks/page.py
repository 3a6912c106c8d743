"""The page of the documentation: `docs/benchmarks.md`, written by `python -m benchmarks --page docs/benchmarks.md`."""

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

`python -m benchmarks --start` has what it takes to get going: the CPU time of the first five steps of a fresh process,
with compiled objects made anew and found in their folder.

How a step grows with the width, the depth and the batch of a network with BatchNorm, drawn by `python -m benchmarks
--growth docs/benchmarks.svg`:

![the time of a step by width, depth and batch, both axes logarithmic](benchmarks.svg)
"""


def write_page(path: Path, rows: list[Row], missing: list[str], turn: float, rounds: int) -> None:
    """Write the page."""
    told = ", ".join(f"{name} {number}" for name, number in versions(missing).items())
    left_out = f"; not installed: {', '.join(missing)}" if missing else ""
    text = TEXT.format(
        turn=round(1000 * turn), rounds=rounds, machine=machine(), versions=told, missing=left_out,
        table=table_of(rows), explained="\n".join(f"* {heading}: {meaning}" for heading, meaning in EXPLAINED.items()),
    )  # fmt: skip
    path.write_text(text, "utf-8")
