"""Small graphs at random: what is drawn of them must be as clear as what is drawn of networks."""

from __future__ import annotations

import random
from typing import Any

import tensorgrad as tg
from tensorgrad import nn, viz

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


class Layers(nn.Module):
    """One to three layers, one after the other, used on one to three inputs; all parameters squared, and added."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.penalty = rng.random() < 0.5
        kinds = [rng.choice((_affine, _normalised, _convolution)) for _ in range(rng.randint(1, 3))]
        self.layers = nn.Sequential(*[kind() for kind in kinds])

    def forward(self, *inputs: tg.Tensor) -> tg.Tensor:
        """Return the loss."""
        total = sum((self.layers(x) ** 2).mean() for x in inputs)
        return total + sum((p * p).sum() for p in self.parameters()) if self.penalty else total


def _affine() -> nn.Module:
    return nn.Linear(6, 6)


def _normalised() -> nn.Module:
    return nn.LayerNorm(6)


def _convolution() -> nn.Module:
    return nn.Conv2d(128, 128, (1, 1))


def layered(seed: int, **options: Any) -> viz.Drawing:
    """Return the drawing of a few layers in their frames, whose parameters are used once or several times."""
    rng = random.Random(seed)
    tg.manual_seed(seed)
    network, uses = Layers(rng), rng.randint(1, 3)
    return viz.draw(network, *[tg.randn(2, 128, 6, 6, requires_grad=True) for _ in range(uses)], **options)


def fan(seed: int, **options: Any) -> viz.Drawing:
    """Return the drawing of values that meet, six to eight of them, at one circle, and of what they are made of."""
    rng = random.Random(seed)
    tg.manual_seed(seed)
    inputs = [tg.randn(*rng.choice(_SHAPES[1:3]), requires_grad=True) for _ in range(rng.randint(1, 3))]
    parts = []
    for _ in range(rng.randint(6, 8)):
        part = rng.choice(inputs)
        for _ in range(rng.randint(0, 2)):
            part = getattr(part, rng.choice(("exp", "tanh", "sin", "relu", "neg")))()
        parts.append(part)
    met = tg.cat(parts) if rng.random() < 0.5 else tg.stack(parts)
    return viz.draw((met * met).sum() if rng.random() < 0.5 else met.sum(), **options)
