"""Random numbers under PyTorch's path: the default generator, explicit ones, and their states (see `create.random`)."""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.create.random import (
    Generator,
    default_generator,
    fork_rng,
    generator_of,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
    states,
)

__all__ = [
    "Generator", "default_generator", "fork_rng", "generator_of", "get_rng_state", "initial_seed", "manual_seed",
    "seed", "set_rng_state", "states",
]  # fmt: skip

_complete(__name__)
