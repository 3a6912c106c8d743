"""Modules: layers, containers, losses, initialisation. Every layer is a composition of primitives."""

from tensorgrad.names import answer_unknown_names

from . import functional, init, utils
from .activations import Dropout, ReLU, Sigmoid, Tanh
from .batchnorm import BatchNorm1d
from .containers import ModuleDict, ModuleList, Sequential
from .embedding import Embedding, EmbeddingBag
from .lazy import LazyModuleMixin
from .linear import Bilinear, LazyLinear, Linear
from .losses import CrossEntropyLoss, MSELoss
from .module import Module
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
from .parameterlists import ParameterDict, ParameterList
from .reshaping import Flatten, Identity, Unflatten

__all__ = [
    "BatchNorm1d",
    "Bilinear",
    "Buffer",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "EmbeddingBag",
    "Flatten",
    "Identity",
    "LazyLinear",
    "LazyModuleMixin",
    "Linear",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "Unflatten",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
    "utils",
]

answer_unknown_names(__name__)
