"""Calls that have no function of their own: a method of an array, an attribute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Method:
    """The method `name` of an array: ``x.sum(axis=0)``."""

    name: str

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return getattr(x, self.name)(*args, **kwargs)


@dataclass(frozen=True)
class Attribute:
    """The attribute `name` of an array: ``x.T``."""

    name: str

    def __call__(self, x: Any) -> Any:
        """Read it."""
        return getattr(x, self.name)
