"""Modules: layers, containers, losses, initialisation. Every layer is a composition of primitives."""

from tensorgrad.names import answer_unknown_names

from . import functional, init
from .activations import Dropout, ReLU, Sigmoid, Tanh
from .batchnorm import BatchNorm1d
from .containers import Sequential
from .linear import Linear
from .losses import CrossEntropyLoss, MSELoss
from .module import Module
from .parameter import Parameter

__all__ = [
    "BatchNorm1d",
    "CrossEntropyLoss",
    "Dropout",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "functional",
    "init",
]

answer_unknown_names(__name__)
