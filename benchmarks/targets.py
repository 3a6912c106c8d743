"""What is to be reached: tensorgrad's time, as it is and compiled, by the peer's, in one table."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.peers import COMPILED, IN_C, REFERENCE, SUBJECT


class Target(NamedTuple):
    """The highest ratio that will do; `must` marks those that `--check` insists on."""

    ratio: float
    must: bool = False


_CHAPTER = ("mnist_sgd", "mnist_momentum", "mnist_adagrad", "mnist_adam", "bn", "dropout", "bn_dropout_adam")

# by who of tensorgrad is measured, workload and peer
TARGETS = {
    (SUBJECT, "chain10", REFERENCE): Target(0.6, must=True),
    (SUBJECT, "mnist_sgd", REFERENCE): Target(0.9, must=True),
    (SUBJECT, "bn", REFERENCE): Target(0.9, must=True),
    (SUBJECT, "mnist_adam", REFERENCE): Target(0.9),
    (SUBJECT, "dropout", REFERENCE): Target(0.9),
    (SUBJECT, "bn_dropout_adam", REFERENCE): Target(0.9),
    (SUBJECT, "import", "numpy"): Target(1.3),
    **{(COMPILED, workload, REFERENCE): Target(0.7) for workload in _CHAPTER},
    **{(IN_C, workload, REFERENCE): Target(0.45) for workload in _CHAPTER},
    **{(IN_C, workload, "jax"): Target(0.75) for workload in ("bn", "dropout", "bn_dropout_adam", "mnist_adam")},
    (IN_C, "mnist_sgd", "jax"): Target(0.85),
    (IN_C, "wide", "jax"): Target(0.85),
    (IN_C, "chain10000", "jax"): Target(1.5),
    (IN_C, "bn", "products"): Target(1.3),
    (IN_C, "mnist_sgd", "products"): Target(1.15),
    (IN_C, "wide", "products"): Target(1.05),
}
