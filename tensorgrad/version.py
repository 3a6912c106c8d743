"""The version: a string that compares by number, as scripts compare PyTorch's."""

from __future__ import annotations

import re
from typing import Any


def _numbers(version: Any) -> tuple[int, ...]:
    """Return the leading numbers of a version, given as a string or as a tuple of numbers."""
    if isinstance(version, tuple | list):
        return tuple(map(int, version))
    found = re.match(r"\d+(\.\d+)*", version)
    if found is None:
        raise ValueError(f"a version starts with a number, found {version!r}")
    return tuple(map(int, found[0].split(".")))


class Version(str):
    """A version string: ``Version("0.10.0") > "0.9"`` and ``Version("0.10.0") >= (0, 10)`` hold.

    Equality is that of strings, so that a Version is found where its text is.
    """

    __slots__ = ()

    def __lt__(self, other: Any) -> bool:
        return self._against(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._against(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._against(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._against(other) >= 0

    def _against(self, other: Any) -> int:
        a, b = _numbers(str(self)), _numbers(other)
        length = max(len(a), len(b))
        a, b = (n + (0,) * (length - len(n)) for n in (a, b))
        return (a > b) - (a < b)


__version__ = Version("0.2.0")
cuda = hip = None  # what scripts print beside it: of which libraries there is none
