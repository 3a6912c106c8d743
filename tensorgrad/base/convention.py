"""The two conventions: PyTorch's, which is the default, and that of the book whose chapter the figures are from.

Both use the same names for different formulas. ``convention="book"`` on the class chooses the book's; the choice is
read here and nowhere else.
"""

from __future__ import annotations

from tensorgrad.errors import ArgumentError

CONVENTIONS = ("pytorch", "book")


def check_convention(convention: str) -> bool:
    """Return whether `convention` is the book's; ArgumentError for a word that is neither.

    >>> check_convention("book"), check_convention("pytorch")
    (True, False)
    """
    if convention not in CONVENTIONS:
        raise ArgumentError(f"convention must be 'pytorch' or 'book', found {convention!r}")
    return convention == "book"
