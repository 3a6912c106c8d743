"""Compiled forms of functions of arrays: what the library computes with NumPy, line by line, as loops of C.

A function is followed once on watched arrays, as `compile` follows a step, goes through the same lowering and the same
printer of C, and is called with the sizes of what it is given (see `tensorgrad.base.switches.Kernel`).
"""

from .calling import check, compiled

__all__ = ["check", "compiled"]
