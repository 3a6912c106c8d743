"""The pages that the command writes, in a real browser and on paper."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from tensorgrad.cli import demo

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the pages show its figures")

PAPER = round((210 - 2 * 12) / 25.4 * 96)  # CSS pixels between the margins of A4
CUT = """return [...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1 &&
    e.clientWidth > 0 && getComputedStyle(e).overflowX !== 'visible' || e.getBoundingClientRect().right >
    innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    out: Path = tmp_path_factory.mktemp("report")
    assert demo.run("digits", None, 0, 2, out) == 0
    return (out / "report.html").read_text("utf-8")


def sheets(browser) -> list[tuple[float, float]]:
    """The sizes in millimetres of the pages that the open page prints on."""
    pdf = base64.b64decode(browser.cdp("Page.printToPDF", preferCSSPageSize=True)["data"])
    boxes = re.findall(rb"/Type\s*/Page\b(?!s).*?/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf, re.DOTALL)
    return [(round(float(wide) / 72 * 25.4), round(float(high) / 72 * 25.4)) for wide, high in boxes]


def test_the_report_of_the_demo_prints_on_two_pages_of_a4(browser, report: str) -> None:
    browser.usual()
    browser.open(report)
    assert sheets(browser) == [(210, 297)] * 2


def test_on_paper_nothing_of_the_report_is_cut(browser, report: str) -> None:
    browser.usual()
    browser.media("print")
    browser.window(PAPER, 1100)
    browser.open(report)
    assert browser.run(CUT) == []
    for frame in (".beside iframe", "main > section:last-of-type iframe"):
        browser.open(report)
        browser.into_frame(frame)
        assert browser.run("return document.querySelector('svg').getBoundingClientRect().bottom <= innerHeight + 1")
