"""Data sets as NumPy arrays: the bundled digits, MNIST from files, IDX files, a shuffled split.

>>> from tensorgrad.data import digits, holdout
>>> train, test = holdout(*digits())
>>> train.images.shape, test.images.shape
((1438, 8, 8), (359, 8, 8))
"""

from tensorgrad.data.digits import digits
from tensorgrad.data.idx import read_idx
from tensorgrad.data.mnist import mnist
from tensorgrad.data.split import Labelled, Split, holdout
from tensorgrad.names import answer_unknown_names

__all__ = ["Labelled", "Split", "digits", "holdout", "mnist", "read_idx"]

answer_unknown_names(__name__)
