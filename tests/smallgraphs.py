"""Small graphs at random: what is drawn of them must be as clear as what is drawn of networks."""

from __future__ import annotations

import random
from typing import Any

import tensorgrad as tg
from tensorgrad import viz

_UNARY = ("exp", "tanh", "sum", "abs", "prod", "mean", "sin", "relu", "neg")
_SHAPES = ((), (3,), (3,), (2, 3))


def small(seed: int, **options: Any) -> viz.Drawing:
    """Return the drawing of one to three inputs and three to nine steps, values used once, twice or many times."""
    rng = random.Random(seed)
    count, steps = rng.randint(1, 3), rng.randint(3, 9)
    tg.manual_seed(seed)
    values = [tg.randn(*rng.choice(_SHAPES), requires_grad=True) for _ in range(count)]
    for _ in range(steps):
        near = values[rng.randrange(max(0, len(values) - 4), len(values))]
        if rng.random() < 0.4:
            values.append(getattr(near, rng.choice(_UNARY))())
        else:
            other = rng.choice(values)
            values.append([near + other, near - other, near * other, near / (other * other + 1)][rng.randrange(4)])
    return viz.draw(values[-1].sum() if values[-1].shape else values[-1], **options)
