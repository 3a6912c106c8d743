"""Checks for the exercises of chapter 6: each takes what a learner has written, and says what is wrong, and where.

>>> from tensorgrad.chapter6 import exercises
>>> exercises.running(lambda old, new: 0.1 * old + 0.9 * new)
not yet: 0.9 weighs the new value, as 0.1 does in PyTorch's convention: the book's weighs the old one
>>> bool(exercises.running(lambda old, new: 0.9 * old + 0.1 * new))
True
"""

from .normalising import batchnorm, running
from .regular import dropout, weight_decay
from .result import Result
from .searches import draw, narrow, split
from .starts import weights
from .steppers import adagrad, momentum

__all__ = [
    "Result",
    "adagrad",
    "batchnorm",
    "draw",
    "dropout",
    "momentum",
    "narrow",
    "running",
    "split",
    "weight_decay",
    "weights",
]
