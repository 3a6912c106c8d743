"""Every snippet of the page on testing is run, in its order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_the_snippet_runs(number, capsys) -> None:
    snippet = SNIPPETS[number]
    names: dict = {}
    for earlier in SNIPPETS[:number]:
        exec("\n".join(re.findall(r"^(?:from|import) (?!.*Function).*$", earlier, re.MULTILINE)), names)
    names["x"] = names["tg"].tensor([0.5, 2.0], dtype="float64", requires_grad=True) if number else None
    exec(compile(snippet, f"docs/testing.md, snippet {number}", "exec"), names)


def test_the_page_names_every_public_name() -> None:
    for name in ("check", "gradcheck", "gradgradcheck", "indices", "inside", "programs", "source", "run"):
        assert f"{name}" in PAGE
    assert len(SNIPPETS) == 6
