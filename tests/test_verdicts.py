"""The gradient checker on planted faults, each of which it sees, and on right functions: none is called wrong."""

from __future__ import annotations

import pytest

from tests.verdicts.__main__ import TABLES, WANTED, main, verdict


@pytest.mark.parametrize(("table", "name"), [(table, name) for table, cases in TABLES.items() for name in cases])
def test_the_verdict_is_as_it_should_be(table: str, name: str) -> None:
    assert verdict(TABLES[table][name]) in WANTED[table]


def test_the_tables_are_large_enough() -> None:
    assert len(TABLES["faults"]) >= 60
    assert len(TABLES["right"]) >= 70


def test_the_score_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for table, cases in TABLES.items():
        first = dict(list(cases.items())[:2])
        monkeypatch.setitem(TABLES, table, first)
    assert main() == 0
    assert capsys.readouterr().out.splitlines() == ["faults: 2 of 2", "right: 2 of 2", "open: 2 of 2"]
    monkeypatch.setitem(TABLES, "right", TABLES["faults"])
    assert main() == 1
    assert "right: the sign: failed" in capsys.readouterr().out
