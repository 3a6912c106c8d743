"""Boxes that are closed when they are drawn: still as asked for, and open at a click, at Enter, or at Space."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.picture.text import clean
from tests.browser import SEEN
from tests.measuring import measured, unpacked
from tests.test_viz_geometry import normals
from tests.test_viz_output import EVIL

SVG = "{http://www.w3.org/2000/svg}"
SHOWN = f"{SEEN} return [...document.querySelectorAll('.node')].filter(seen).map(g => g.id)"
BUTTONS = """return [...document.querySelectorAll('.view [role=button]')].filter(g => g.getClientRects().length > 0)
    .map(g => [g.id, g.ariaExpanded === 'true'])"""
OPENED = "return document.querySelectorAll('.cluster').length > 0"


def nested() -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()), nn.Linear(3, 2))


def drawn(**options: object) -> Drawing:
    return draw(nested(), normals(5, 4, requires_grad=True), **options)


def circles(drawing: Drawing) -> set[str]:
    return {vertex.id for vertex in drawing.picture.vertices if vertex.kind != "output"}


def boxes(drawing: Drawing) -> list[str]:
    return [vertex.id for vertex in drawing.picture.vertices if vertex.kind == "box"]


def within(drawing: Drawing, frame: str) -> set[str]:
    return {v.id for v in drawing.picture.vertices if frame in [module.id for module in v.around]}


def test_without_scripts_it_is_the_closed_picture_and_nothing_pretends_to_open(browser):
    drawing = drawn(depth=1)
    browser.scripts(on=False)
    browser.open(drawing.svg, ".svg")
    root = ET.fromstring(drawing.svg)
    assert {g.get("id") for g in root.iter(SVG + "g") if "node" in (g.get("class") or "").split()} == circles(drawing)
    assert not re.search(r'="button"|aria-expanded=', drawing.svg)
    stripped = re.sub(r"<(style|script|metadata)\b.*?</\1>", "", drawing.svg, flags=re.DOTALL)
    assert measured(stripped, set()) == measured(drawing.svg, set())
    assert len(stripped) < 12_000


@pytest.mark.parametrize("way", ["click", "Enter", "Space"])
@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_a_box_opens_and_all_others_stay_closed(browser, way, suffix):
    drawing, whole = drawn(depth=1), drawn()
    browser.open(getattr(drawing, suffix), f".{suffix}")
    assert browser.run(BUTTONS) == [[box, False] for box in boxes(drawing)]
    first, middle, last = boxes(drawing)
    if way == "click":
        browser.press("0")
        browser.click(f"#{middle}")
    else:
        browser.run("document.getElementById(arguments[0]).focus()", middle)
        browser.press(way)
    browser.wait(OPENED)
    assert browser.run("return document.activeElement.id") == middle
    assert set(browser.run(SHOWN)) == {"n6", *within(whole, middle)}  # the input, and what is in the frame
    inner = {module.id for v in whole.picture.vertices if v.id in within(whole, middle) for module in v.around}
    assert dict(browser.run(BUTTONS)) == {first: False, last: False} | dict.fromkeys(inner, True)
    for box in (first, last):
        browser.run("document.getElementById(arguments[0]).focus()", box)
        browser.press("Enter")
    assert set(browser.run(SHOWN)) == circles(whole)
    browser.run("document.getElementById(arguments[0]).focus()", middle)
    browser.press("Enter")
    assert set(browser.run(SHOWN)) == circles(whole) - within(whole, middle)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x + self.b(self.a(x).tanh())


LOST = """const seen = g => g.getClientRects().length > 0, box = g => g.getBoundingClientRect(), lost = [];
    for (const g of document.querySelectorAll('.edge')) {
        const texts = [...g.querySelectorAll('text')];
        if (seen(g.querySelector('path:not(.hit)')) && texts.length && !texts.some(seen)) lost.push(g.id);
        for (const t of texts.filter(seen)) for (const r of document.querySelectorAll('.closed rect:not(.hit)')) {
            const [a, b] = [box(t), box(r)];
            if (seen(r) && a.left < b.right - 4 && a.right > b.left + 4 && a.top < b.bottom && a.bottom > b.top)
                lost.push(g.id + ' under a box')
        }
    }
    return lost"""


@pytest.mark.parametrize("options", [{}, {"labels": "values"}, {"rankdir": "TB"}], ids=str)
@pytest.mark.parametrize(
    "net", [nested, lambda: nn.Sequential(*[Residual() for _ in range(3)])], ids=["nested", "skips"]
)
def test_no_arrow_that_is_seen_loses_its_label_whatever_is_open(browser, net, options):
    drawing = draw(net(), normals(5, 4, requires_grad=True), depth=1, repeats=False, **options)
    first, *others = boxes(drawing)
    browser.open(drawing.svg, ".svg")
    assert browser.run(LOST) == []
    for box in (first, *others, *others, first):  # open one after the other, and close them
        browser.run("document.getElementById(arguments[0]).focus()", box)
        browser.press("Enter")
        browser.wait(OPENED)
        assert browser.run(LOST) == [], box


def test_an_open_box_is_replayed_searched_lit_and_read_aloud(browser):
    drawing, whole = drawn(depth=1), drawn()
    browser.open(drawing.svg, ".svg")
    browser.run("document.getElementById(arguments[0]).focus()", boxes(drawing)[0])
    browser.press("Enter")
    browser.wait(OPENED)
    for box in boxes(drawing)[1:]:
        browser.run("document.getElementById(arguments[0]).focus()", box)
        browser.press("Enter")
    told = [name for role, name in browser.read_aloud() if role == "graphics-symbol"]
    red = sum(edge.backward is not None for edge in whole.edges)
    assert len(told) == len(circles(whole)) + len(whole.edges) + red
    assert {v.tooltip for v in whole.picture.vertices if v.kind != "output"} < set(told)
    browser.run("document.activeElement.blur(); document.documentElement.focus()")
    browser.press(*["ArrowRight"] * 6)
    assert set(browser.run(SHOWN)) == {v.id for v in whole.picture.vertices[:6]}
    assert browser.run("return document.querySelector('.told').textContent").startswith(
        f"forward 6 / {len(circles(whole))}"
    )
    browser.press("Escape", "/", *"sqrtvar", "Enter")
    assert browser.run("return document.querySelectorAll('.cur').length") == 1


def test_a_box_that_stands_for_several_opens_as_its_first_beside_the_others(browser):
    net = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(3)])
    drawing = draw(net, normals(3, 4), depth=1)
    (box,) = boxes(drawing)
    browser.open(drawing.svg, ".svg")
    browser.click(f"#{box}")
    browser.wait(OPENED)
    outer = [expanded for id, expanded in browser.run(BUTTONS) if id.endswith("_1")]
    assert outer == [True, False, False]


def test_a_function_opens_too_and_a_step_begins_anew(browser):
    drawing = draw(lambda x: (x.softmax(1) * 2).sum(), normals(3, 4, requires_grad=True), collapse=["softmax"])
    (box,) = boxes(drawing)
    browser.open(drawing.svg, ".svg")
    browser.press("End")
    browser.click(f"#{box}")
    browser.wait(OPENED)
    assert browser.run("return document.documentElement.matches('.step')") is False
    assert len(browser.run(SHOWN)) > len(circles(drawing))


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_a_name_is_a_name_in_a_box_too(browser, suffix):
    net = nn.Sequential()
    for name in EVIL[:8]:
        net._modules[name] = nn.Sequential(nn.Linear(2, 2))
    drawing = draw(net, normals(3, 2), depth=1, repeats=False)
    browser.open(getattr(drawing, suffix), f".{suffix}")
    browser.run("document.getElementById(arguments[0]).focus()", boxes(drawing)[0])
    browser.press("Enter")
    browser.wait(OPENED)
    kinds = "return [...new Set([...document.querySelectorAll('.view, .view *')].map(g => g.localName))].sort()"
    assert browser.run(kinds) == ["circle", "g", "path", "rect", "text", "title", "tspan"]
    shown = browser.run("return [...document.querySelectorAll('.cluster text')].map(t => t.firstChild.data)")
    assert {f"{clean(name)}: Sequential".strip() for name in EVIL[:8]} <= {text.strip() for text in shown}


def test_the_open_picture_gets_its_minimap_when_it_is_large(browser):
    net = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(30)])
    drawing = draw(net, normals(3, 4), depth=1, repeats=False)
    seen = f"{SEEN} return seen(document.querySelector('.map'))"
    browser.open(drawing.svg, ".svg")
    assert browser.run(seen) is False
    browser.run("document.getElementById(arguments[0]).focus()", boxes(drawing)[4])
    browser.press("Enter")
    browser.wait(OPENED)
    assert browser.run(seen) is True


def test_what_is_inside_is_the_open_picture_as_far_as_that_has_no_more_than_max_nodes():
    drawing, whole = drawn(depth=1), drawn()
    inside = ET.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{unpacked(drawing.svg)}</svg>')
    assert {g.get("id") for g in inside.iter(SVG + "g") if "node" in (g.get("class") or "").split()} == circles(whole)
    count = len(circles(whole))
    assert unpacked(drawn(depth=1, max_nodes=count).svg)
    assert not unpacked(drawn(depth=1, max_nodes=count - 1).svg)
    assert not unpacked(drawn(depth=1, width="400pt").svg)
    assert not unpacked(whole.svg)
    assert boxes(drawn(max_nodes=count - 1))


@pytest.mark.parametrize("options", [{"width": "8cm"}, {"max_nodes": 4}])
def test_a_box_that_does_not_open_does_not_say_that_it_does(options: dict[str, Any]) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    assert "[+]" in draw(net, tg.ones(1, 2), depth=1).svg
    assert "[+]" not in draw(net, tg.ones(1, 2), depth=1, **options).svg
