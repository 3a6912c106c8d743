"""What of PyTorch is left out, as a page of its own: the table that also answers who asks for one of these names."""

from __future__ import annotations

from tensorgrad.base.unknown import ABSENT

HEAD = """# What is left out

What PyTorch has and tensorgrad has not, and what to do instead; the error of a name that is not there says the same.
`name.*` is whatever else a module lacks. A refusal counts as left out, too: see [PyTorch scripts](scripts.md).

Written by `python -m tensorgrad.reference left-out > docs/left-out.md`.

| `torch.` | instead |
|---|---|
"""


def left_out() -> str:
    """Return the page: a row for each answer, with all the names that it is given to."""
    names: dict[str, list[str]] = {}
    for path, answer in ABSENT.items():
        names.setdefault(answer, []).append(f"`{path}`")
    return HEAD + "".join(
        f"| {', '.join(paths)} | {answer.replace('|', chr(92) + '|')} |\n" for answer, paths in names.items()
    )
