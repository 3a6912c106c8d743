"""Functions that run as plans: what a run of Python code did to arrays is captured, and done again without Python.

`compile` is PyTorch's: it takes a function or a module, and returns one that does the same.
"""

from tensorgrad.base.answers import complete as _complete

from .entry import compile

__all__ = ["compile"]

_complete(__name__, kept=True)
