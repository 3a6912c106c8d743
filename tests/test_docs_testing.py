"""Every snippet of the page on testing is run, in its order."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SNIPPETS = [block for block in BLOCKS if not block.startswith(">>>")]


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_the_snippet_runs(number, capsys) -> None:
    snippet = SNIPPETS[number]
    names: dict = {}
    for earlier in SNIPPETS[:number]:
        exec("\n".join(re.findall(r"^(?:from|import) (?!.*Function).*$", earlier, re.MULTILINE)), names)
    names["x"] = names["tg"].tensor([0.5, 2.0], dtype="float64", requires_grad=True) if number else None
    exec(compile(snippet, f"docs/testing.md, snippet {number}", "exec"), names)


def test_the_sessions_print_what_they_say() -> None:
    names: dict = {}
    exec(
        "from tensorgrad.autograd import Function\nfrom tensorgrad.testing import check, gradcheck, gradgradcheck",
        names,
    )
    exec("import tensorgrad as tg", names)
    session = "".join(block for block in BLOCKS if block.startswith(">>>"))
    test = doctest.DocTestParser().get_doctest(session, names, "docs/testing.md", None, None)
    assert doctest.DocTestRunner().run(test).failed == 0
    for verdict in ("passed", "failed", "kink", "undecided"):
        assert f"('{verdict}'" in session or f"'{verdict}'\n" in session


def test_the_page_names_every_public_name() -> None:
    for name in ("check", "gradcheck", "gradgradcheck", "indices", "inside", "programs", "source", "run"):
        assert f"{name}" in PAGE
    assert len(SNIPPETS) == 4
