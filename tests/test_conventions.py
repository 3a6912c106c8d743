"""docs/conventions.md: every row of its table has an example, and every example asserts; test_docs runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tensorgrad as tg
from tensorgrad.base.convention import CONVENTIONS, check_convention
from tensorgrad.errors import ArgumentError

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "conventions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \[(.+?)\]", TEXT, re.MULTILINE)
SECTIONS = dict(re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL))


def test_every_row_has_its_section() -> None:
    assert len(ROWS) == 8
    assert [row.lower() for row in ROWS] == [title.lower() for title in SECTIONS]
    assert all("assert" in code for code in SECTIONS.values())


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "RMSprop", "Adam"])
def test_a_word_that_is_no_convention_is_refused_with_both_that_are(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"'pytorch' or 'book', found 'Book'"):
        getattr(tg.optim, name)([tg.ones(1, requires_grad=True)], convention="Book")
    assert [check_convention(word) for word in CONVENTIONS] == [False, True]
