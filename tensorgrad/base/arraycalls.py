"""Calls that have no function of their own: a method of an array, an attribute."""

from __future__ import annotations

from typing import Any


class ByParts:
    """Something callable that is known by its class and its `parts`: equal where these are.

    A dataclass would say the same, but `import` would wait for the source texts that it compiles for that.
    """

    __slots__ = ("parts",)

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByParts) and type(self) is type(other) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash((type(self), self.parts))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.parts))})"


class Method(ByParts):
    """The method `name` of an array: ``x.sum(axis=0)``."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return getattr(x, self.name)(*args, **kwargs)


class Attribute(ByParts):
    """The attribute `name` of an array: ``x.T``."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __call__(self, x: Any) -> Any:
        """Read it."""
        return getattr(x, self.name)
