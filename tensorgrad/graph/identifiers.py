"""Names of values as identifiers of Python, no two alike."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable, Sequence


def identifier(name: str) -> str:
    """Return `name` with an underscore for everything that an identifier cannot hold.

    >>> identifier("x̂"), identifier("fc1.weight"), identifier("2 + 2"), identifier("lambda"), identifier("")
    ('x̂', 'fc1_weight', '_2_2', 'lambda_', '_')
    """
    kept = "".join(c if f"a{c}".isidentifier() else " " for c in unicodedata.normalize("NFKC", name))
    word = "_".join(kept.split())
    if not word.isidentifier():
        word = f"_{word}"
    return f"{word}_" if keyword.iskeyword(word) else word


def on_one_line(text: str) -> str:
    """Return `text` as a comment can hold it: nothing in it ends the line, or cannot be printed.

    >>> on_one_line("a" + chr(10) + "import os")
    'a import os'
    """
    return "".join(c if c.isprintable() else " " for c in text).strip()


def unique_names(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Return an identifier for each of `names`: the first bearer keeps the name, the others get a number.

    >>> unique_names(["h", "h", "np"], taken=["np"])
    ['h', 'h_2', 'np_2']
    """
    used = set(taken)
    numbers: dict[str, int] = {}
    found = []
    for name in names:
        word = stem = identifier(name)
        while word in used:
            numbers[stem] = numbers.get(stem, 1) + 1
            word = f"{stem}_{numbers[stem]}"
        used.add(word)
        found.append(word)
    return found
