"""A row of the table of the surface, which stands in `names`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Row(NamedTuple):
    """An operation: what computes it, and its names, see `names`.

    `method` is what Tensor is given where that is not `function` itself. With `reshapes`, the form with the underscore
    gives the tensor another shape, where all others give its elements other values.
    """

    function: Callable[..., Any]
    names: str
    method: Callable[..., Any] | None = None
    reshapes: bool = False

    @property
    def functions(self) -> list[str]:
        """The names under which the package has it."""
        return [name.removeprefix("tg.") for name in self.names.split() if name[0] != "."]

    @property
    def methods(self) -> list[str]:
        """The names under which Tensor has it."""
        return [name.removeprefix(".") for name in self.names.split() if name[:3] != "tg."]
