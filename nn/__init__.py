"""Modules: layers, containers, losses, initialisation. Every layer is a composition of primitives."""

from tensorgrad.names import answer_unknown_names

from . import functional, init
from .activations import Dropout, ReLU, Sigmoid, Tanh
from .batchnorm import BatchNorm1d
from .containers import Sequential
from .lazy import LazyModuleMixin
from .linear import LazyLinear, Linear
from .losses import CrossEntropyLoss, MSELoss
from .module import Module
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "BatchNorm1d",
    "Buffer",
    "CrossEntropyLoss",
    "Dropout",
    "LazyLinear",
    "LazyModuleMixin",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
]

answer_unknown_names(__name__)
