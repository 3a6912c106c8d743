"""Chapter 6 of *Deep Learning from Scratch* as experiments: one file each, in the order of the book.

Each can be run by itself, ``python -m tensorgrad.chapter6.optimizers --data mnist``, and all of them by
``tensorgrad chapter6``.
"""

from __future__ import annotations

EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "surface": ("6-1", "6-2"),
    "paths": ("6-3", "6-5", "6-6", "6-7", "6-8"),
    "optimizers": ("6-9",),
    "activations": ("6-10", "6-11", "6-13"),
    "xavier": ("6-12",),
    "relu_activations": ("6-14",),
    "initial_values": ("6-15",),
    "batchnorm_graph": ("6-16", "6-17"),
    "batchnorm": ("6-18", "6-19"),
    "weight_decay": ("6-20", "6-21"),
    "loss_surface": ("6-21-surface",),
    "dropout": ("6-22", "6-23"),
    "random_search": ("6-24", "6-24-rounds"),
    "bayesian_search": ("6-24-bayesian",),
    "hypergradients": ("6-24-hypergradients",),
}
"""The figures that each experiment draws, by the name of its file, in the book's order."""
