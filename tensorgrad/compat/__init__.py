"""PyTorch's names for this library: an unchanged PyTorch script runs on it.

``tensorgrad run script.py`` runs a script; `installed` does the same for a block of code. Nothing is emulated:
``torch.nn`` *is* `tensorgrad.nn` and so on, under the names that the script uses; ``torch`` has all that `tensorgrad`
has, and for its version that of PyTorch whose names and semantics these are.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from tensorgrad.base.unknown import advised, answer_unknown_names as _answer_unknown_names
from tensorgrad.version import Version, __version__

__all__ = ["installed"]

PYTORCH = "torch"
OURS = "tensorgrad"


def ours(name: str) -> str:
    """Return the name here of the module that PyTorch calls `name`.

    >>> ours("torch.nn.functional")
    'tensorgrad.nn.functional'
    """
    return OURS + name.removeprefix(PYTORCH)


class _Face(ModuleType):
    """What ``import torch`` gives: `tensorgrad`, with another version."""

    __version__ = Version(f"2.13.0+tensorgrad.{__version__}")

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules[OURS], name)

    def __dir__(self) -> list[str]:
        return dir(sys.modules[OURS])


class _Alias(Loader):
    """Puts the module of this library under PyTorch's name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return None: the module that Python makes is dropped by `exec_module`."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Replace the empty module by the one that the name stands for."""
        found = importlib.import_module(ours(module.__name__))
        sys.modules[module.__name__] = _Face(PYTORCH, found.__doc__) if module.__name__ == PYTORCH else found


class _Finder(MetaPathFinder):
    """Answers every import of ``torch`` and of what is below it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of an alias; ModuleNotFoundError, with what is there, for a module without counterpart."""
        if fullname != PYTORCH and not fullname.startswith(f"{PYTORCH}."):
            return None
        if importlib.util.find_spec(ours(fullname)) is None:
            raise ModuleNotFoundError(_no_module(fullname), name=fullname)
        return ModuleSpec(fullname, _Alias(), is_package=True)


def _no_module(name: str) -> str:
    parent, _, last = ours(name).rpartition(".")
    return advised(f"No module named {name!r} on tensorgrad", parent, last)


@contextmanager
def installed() -> Iterator[None]:
    """Return a context in which ``import torch`` gives this library; an imported PyTorch is there again afterwards.

    >>> with installed():
    ...     import torch
    ...     from torch.nn import functional as F
    ...     F.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    hidden = _take_out()
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _take_out()
        sys.modules.update(hidden)


def _take_out() -> dict[str, ModuleType]:
    """Remove every module under PyTorch's name from those that are imported, and return them."""
    names = [name for name in sys.modules if name == PYTORCH or name.startswith(f"{PYTORCH}.")]
    return {name: sys.modules.pop(name) for name in names}


_answer_unknown_names(__name__)
