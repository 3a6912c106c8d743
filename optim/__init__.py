"""Optimisers. They know tensors and gradients, and nothing of modules."""

from tensorgrad.names import answer_unknown_names

from . import lr_scheduler, regularizers
from .adagrad import Adagrad
from .adam import Adam
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "Optimizer", "lr_scheduler", "regularizers"]

answer_unknown_names(__name__)
