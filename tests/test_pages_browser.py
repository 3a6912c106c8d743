"""The pages that the commands write, in a real browser and on paper, and the paths of the optimisers that move."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest

from tensorgrad.chapter6 import paths
from tensorgrad.chapter6.moving import MOST, Way, moving
from tensorgrad.cli import demo

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the pages show its figures")

PAPER = round((210 - 2 * 12) / 25.4 * 96)  # CSS pixels between the margins of A4
CUT = """return [...document.querySelectorAll('main *:not(svg *)')].filter(e => e.scrollWidth > e.clientWidth + 1 &&
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


# Figures 6-3 to 6-8


def at(name: str, rate: float):
    """Make the optimiser `name` of the figures with another learning rate."""

    def make(params):
        optimizer = paths.OPTIMIZERS[name](params)
        optimizer.param_groups[0]["lr"] = rate
        return optimizer

    return make


@pytest.fixture(scope="module")
def page() -> str:
    ways = {name: Way(paths.rate_of(make), paths.path_of(make)) for name, make in paths.OPTIMIZERS.items()}
    return moving(ways, "Figure 6-8")


def shown(browser) -> dict[str, np.ndarray]:
    """The points of each path on the page."""
    script = "return [...document.querySelectorAll('.panel')].map(p => [p.dataset.name, "
    lines = dict(browser.run(script + "p.querySelector('.line').getAttribute('d')])"))
    return {name: np.array([p.split() for p in line[1:].split("L")], dtype=float) for name, line in lines.items()}


@pytest.mark.parametrize("name", MOST)
def test_the_script_computes_what_the_library_does_at_any_rate(browser, page: str, name: str) -> None:
    browser.usual()
    browser.open(page)
    for rate in (0.01, paths.rate_of(paths.OPTIMIZERS[name]), 0.77 * MOST[name], MOST[name]):
        found = np.array(browser.run("return points(...arguments)", name, rate, paths.STEPS - 1))
        np.testing.assert_allclose(found, paths.path_of(at(name, rate)), rtol=1e-12, atol=1e-12)


def test_without_scripts_the_whole_paths_of_the_library_are_there_and_no_control(browser, page: str) -> None:
    browser.usual()
    browser.scripts(on=False)
    browser.open(page)
    names = [name for role, name in browser.read_aloud() if role in {"slider", "button"}]
    assert names == []
    for name, way in re.findall(r'data-name="(\w+)".*?class="line" d="M([^"]*)"', page, re.DOTALL):
        drawn = np.array([point.split() for point in way.split("L")], dtype=float)
        assert np.array_equal(drawn, paths.path_of(paths.OPTIMIZERS[name]))


def test_the_keyboard_moves_the_step_and_the_rates(browser, page: str) -> None:
    browser.usual()
    browser.open(page)
    browser.requests()
    browser.press("Tab", "Tab", "Home", *["ArrowRight"] * 3)
    for name, points in shown(browser).items():
        np.testing.assert_allclose(points, paths.path_of(paths.OPTIMIZERS[name])[:4], rtol=1e-12)
    browser.press("Tab", "ArrowLeft")  # the rate of SGD
    np.testing.assert_allclose(shown(browser)["SGD"], paths.path_of(at("SGD", 0.94))[:4], rtol=1e-12)
    assert browser.run("return document.querySelector('.rate > :last-child').textContent") == "0.94"
    assert browser.requests() == []


def test_playing_goes_from_the_start_to_the_last_step_and_ends(browser, page: str) -> None:
    browser.usual()
    browser.open(page.replace("}, 200);", "}, 5);"))
    browser.press("Tab", "Space")
    assert browser.wait("return document.querySelector('button').getAttribute('aria-pressed') === 'false'")
    assert {len(points) for points in shown(browser).values()} == {paths.STEPS}
    controls = [(role, name) for role, name in browser.read_aloud() if role in {"slider", "button"}]
    assert controls == [("button", "▶ play"), ("slider", "step"), *[("slider", "learning rate")] * 4]


def test_the_paths_in_chinese_and_on_a_telephone(browser, page: str) -> None:
    browser.usual()
    browser.window(390, 800)
    browser.open(page)
    browser.run("location.hash = '#zh'")
    assert browser.run("return document.querySelector('.rate').innerText").startswith("学习率")
    assert browser.run(CUT) == []
