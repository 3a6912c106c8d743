"""The plugin for pytest: tests of `tensorgrad.testing.gradients` have a mark, and fail with a message and a script.

pytest loads this file in every session of whoever has installed the package. It imports nothing that pytest has not
loaded before, and so stands outside of the package, of which no line runs without NumPy.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from typing import Any

import pytest

SLOW = "gradients that took long"


def pytest_configure(config: pytest.Config) -> None:
    """Say what the mark is."""
    config.addinivalue_line("markers", "gradients: all gradients of a function, by tensorgrad.testing.gradients")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that `gradients` made, so that ``-m gradients`` chooses them."""
    if hasattr(getattr(item, "obj", None), "is_gradients_test"):
        item.add_marker("gradients")


def _pace(item: pytest.Item) -> Any:
    """Return what knows how long the points of a test of `gradients` take; None for another test."""
    return getattr(getattr(item, "obj", None), "pace", None) if item.get_closest_marker("gradients") else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test that takes long say how far it is, on the terminal, whatever is captured."""
    pace, reporter = _pace(item), item.config.pluginmanager.getplugin("terminalreporter")
    capture = item.config.pluginmanager.getplugin("capturemanager")
    if pace is not None and reporter is not None:

        def tell(text: str) -> None:
            with nullcontext() if capture is None else capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(text)

        pace.tell = tell
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what a wrong gradient says of itself, in place of a traceback through the checker."""
    report = yield
    told = getattr(call.excinfo.value, "gradients_told", None) if call.excinfo else None
    if report.failed and told is not None:
        report.longrepr = told
    pace = _pace(item)
    if report.when == "call" and pace is not None and (slow := pace.why_slow()):
        report.user_properties.append((SLOW, slow))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests of gradients have taken long, and what makes them shorter."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.getreports(kind)]
    found = [text for r in reports for name, text in getattr(r, "user_properties", ()) if name == SLOW]
    if found:
        terminalreporter.section("gradients that took long")
        for text in found:
            terminalreporter.write_line(text)
