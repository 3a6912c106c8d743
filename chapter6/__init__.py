"""Chapter 6 of *Deep Learning from Scratch* as experiments: one file each, in the order of the book.

Each can be run by itself, ``python -m tensorgrad.chapter6.optimizers --data mnist``, and all of them by
``tensorgrad chapter6``.
"""

from __future__ import annotations

EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "random_search": ("6-24", "6-24-rounds"),
    "bayesian_search": ("6-24-bayesian",),
    "hypergradients": ("6-24-hypergradients",),
}
"""The figures that each experiment draws, by the name of its file, in the book's order."""
