"""How an operation is defined: `elementwise`, `multilinear`, `primitive` and `constant` (see `engine.kinds`)."""

from tensorgrad.engine.kinds import constant, elementwise, multilinear, primitive

__all__ = ["constant", "elementwise", "multilinear", "primitive"]
