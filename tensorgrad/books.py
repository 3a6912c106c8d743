"""The two meanings that the same names have: PyTorch's, and that of the book *Deep Learning from Scratch*.

A class whose formula differs between them takes ``convention="book"``; docs/conventions.md holds the table.
"""

from __future__ import annotations

from tensorgrad.errors import ArgumentError

CONVENTIONS = ("pytorch", "book")


def check_convention(convention: str) -> bool:
    """Return whether `convention` is the book's; ArgumentError if it is neither of the two."""
    if convention not in CONVENTIONS:
        raise ArgumentError(f"convention must be {' or '.join(map(repr, CONVENTIONS))}, found {convention!r}")
    return convention == "book"
