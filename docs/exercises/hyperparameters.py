"""# 6.5 Hyperparameters

Learning rate and decay are not learned: they are tried. Three pieces of a search, in NumPy; `rng` is a generator as
`np.random.default_rng(0)` makes it.
"""

import numpy as np

from tensorgrad.chapter6 import exercises

"""## Validation data

Shuffle the rows, then keep a `share` of them to judge by. Return the training x and t and the validation x and t. The
labels t must stay with their images x: one permutation for both, `rng.permutation(len(x))`.
"""


def split(x, t, share, rng):
    # your lines
    rows = rng.permutation(len(x))
    cut = len(x) - round(len(x) * share)
    first, rest = rows[:cut], rows[cut:]
    return x[first], t[first], x[rest], t[rest]
    # to here


exercises.split(split)

"""## Draws

From 0.000001 to 0.01: a quarter of the draws from each power of ten. `rng.uniform(a, b)` is even between a and b.
"""


def draw(rng, low, high):
    # your lines
    return 10 ** rng.uniform(np.log10(low), np.log10(high))
    # to here


exercises.draw(draw)

"""## Narrowing

`trials` are pairs (value, accuracy). Return the lowest and the highest value of the `keep` trials with the best
accuracy: the range of the next round.
"""


def narrow(trials, keep):
    # your lines
    best = sorted(trials, key=lambda trial: trial[1], reverse=True)[:keep]
    values = [value for value, _ in best]
    return min(values), max(values)
    # to here


exercises.narrow(narrow)
