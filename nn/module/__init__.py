"""`Module`, the base class of layers and models, and what a module is made of: parameters, names, state, hooks."""

from .module import Module
from .parameter import Buffer, Parameter

__all__ = ["Buffer", "Module", "Parameter"]
