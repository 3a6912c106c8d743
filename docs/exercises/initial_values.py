"""# 6.2 Initial weights

Too large, and sigmoids stand at 0 or 1, where their slope is almost 0. Too small, and all units say the same. The
spread must fit the number n of inputs that a unit adds up:

| | standard deviation | for |
|---|---|---|
| Xavier | `1 / sqrt(n)` | sigmoid, tanh |
| He | `sqrt(2 / n)` | relu |
"""

import math

import tensorgrad as tg
from tensorgrad.chapter6 import exercises

"""Return a tensor of shape (n_in, n_out), normally distributed around 0, with the spread that fits the activation,
one of "sigmoid", "tanh" and "relu". `tg.randn(3, 4)` are normal random numbers with the standard deviation 1.
"""


def weights(n_in, n_out, activation):
    # your lines
    std = math.sqrt(2 / n_in) if activation == "relu" else 1 / math.sqrt(n_in)
    return tg.randn(n_in, n_out) * std
    # to here


exercises.weights(weights)

"""What it does, once it is right: how far the activations of five layers of relu spread."""


def spreads(make, layers=5):
    x, found = tg.randn(500, 100), []
    for _ in range(layers):
        x = tg.relu(x @ make(100, 100, "relu"))
        found.append(round(x.std().item(), 3))
    return found


spreads(weights)
