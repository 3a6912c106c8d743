"""The tests' own browser: it says why it is not there, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import browser
from tests.browser import DRIVER, Browser, NoBrowserError


def living(word: str) -> list[int]:
    """The processes with `word` on their command line; those that have ended have none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:  # it ended meanwhile
            continue
        found += [int(path.parent.name)] if word.encode() in line else []
    return found


def test_without_chromium_the_reason_names_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoBrowserError, match="no chromium and no chromedriver here"):
        Browser()


@pytest.mark.parametrize("script", ["exec sleep 60", "exit 3"])
def test_a_driver_that_does_not_start_is_given_up_and_ended(monkeypatch, tmp_path, script):
    for name in ("chromium", DRIVER):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n: {tmp_path}\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(browser, "START", 0.3)
    monkeypatch.setattr(browser.tempfile, "mkdtemp", lambda prefix: str(tmp_path / "profile"))
    (tmp_path / "profile").mkdir()
    with pytest.raises(NoBrowserError, match=r"did not start within 0\.3 s"):
        Browser()
    assert not living(str(tmp_path))
    assert not (tmp_path / "profile").exists()


@pytest.mark.slow
def test_the_end_of_the_browser_is_the_end_of_its_processes_and_files(chromium):
    if not Path("/proc").is_dir():
        pytest.skip("processes are looked for in /proc, which is not there")
    own = Browser()
    assert len(living(str(own.folder))) > 2
    own.close()
    assert living(str(own.folder)) == []
    assert not own.folder.exists()


def test_an_error_in_the_page_is_told(chromium):
    chromium.open("<!doctype html>")
    with pytest.raises(RuntimeError, match="javascript error: wrong"):
        chromium.run("throw new Error('wrong')")
    with pytest.raises(AssertionError, match=r"never true in 0\.05 s"):
        chromium.wait("return false", seconds=0.05)
