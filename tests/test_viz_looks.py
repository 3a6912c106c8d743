"""How drawings look in a real browser: contrast, legibility, paper, telephones, images, and hostile names."""

from __future__ import annotations

import base64
import itertools
import math
import re
from collections import OrderedDict

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.output.browser import framed
from tensorgrad.viz.picture.text import clean
from tests.browser import SEEN, Browser, drawings
from tests.test_viz_geometry import MLP, normals
from tests.test_viz_output import EVIL, luminance

DRAWINGS = drawings()
FIGURE, NETWORK = DRAWINGS.values()
BOTH = pytest.mark.parametrize("drawing", [pytest.param(drawing, id=name) for name, drawing in DRAWINGS.items()])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


# Looks


def contrast(one: str, other: str) -> float:
    """The contrast of two computed colours, "rgb(1, 2, 3)"."""
    both = ["#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", color)[:3]) for color in (one, other)]
    high, low = sorted(map(luminance, both), reverse=True)
    return (high + 0.05) / (low + 0.05)


COLORS = """const style = (g, k) => getComputedStyle(g)[k], found = {}, ground = style(arguments[0] ?
        document.body : document.querySelector('svg'), 'backgroundColor');
    const add = (what, color, on) => found[what + ' ' + color + ' ' + on] = [what, color, on];
    for (const t of document.querySelectorAll('text')) {
        if (!t.textContent.trim()) continue;
        const shape = t.closest('.node,.closed')?.querySelector('circle,rect:not(.hit)');
        add(t.closest('.bwd') ? 'red text' : 'text', style(t, 'fill'), shape ? style(shape, 'fill') : ground);
    }
    for (const g of document.querySelectorAll('.edge')) for (const p of g.querySelectorAll('path:not(.hit),polygon'))
        add(g.matches('.bwd') ? 'red edge' : 'black edge', style(p, 'stroke'), ground);
    for (const g of document.querySelectorAll('.tg-help,kbd')) add('help', style(g, 'color'), ground);
    return Object.values(found)"""


@SCHEMES
@BOTH
def test_every_text_and_both_kinds_of_edges_have_contrast_enough_in_light_and_dark(browser, drawing, scheme):
    browser.media(prefers_color_scheme=scheme)
    browser.open(drawing.html)
    browser.run("document.querySelector('.cluster')?.dispatchEvent(new Event('click', {bubbles: true}))")
    browser.press("ArrowRight")
    found = browser.run(COLORS)
    assert {what for what, *_ in found} == {"text", "red text", "red edge", "black edge", "help"}
    assert {what: round(contrast(color, on), 2) for what, color, on in found if contrast(color, on) < 4.5} == {}
    page, told = browser.run("return ['body', '.told'].map(q => getComputedStyle(document.querySelector(q)))"
                             ".map(s => [s.color, s.backgroundColor])")  # fmt: skip
    assert contrast(*told) >= 4.5
    assert contrast(page[1], "rgb(0, 0, 0)" if scheme == "light" else "rgb(255, 255, 255)") > 15


def test_the_colours_are_those_of_the_two_schemes_with_a_ground_of_their_own(browser):
    found = {}
    for scheme in ("light", "dark"):
        browser.media(prefers_color_scheme=scheme)
        browser.open(FIGURE.svg, ".svg")
        found[scheme] = browser.run("""return [['.bwd path:not(.hit)', 'stroke'], ['svg', 'backgroundColor']]
            .map(([q, k]) => getComputedStyle(document.querySelector(q))[k])""")
    assert found == {
        "light": ["rgb(200, 16, 46)", "rgb(255, 255, 255)"],
        "dark": ["rgb(255, 107, 107)", "rgb(22, 24, 29)"],
    }


def test_paper_is_white_in_a_dark_room_too(browser):
    browser.media("print", prefers_color_scheme="dark")
    browser.open(FIGURE.html)
    look = """return [['text', 'fill'], ['svg', 'backgroundColor'], ['.node circle', 'fill'], ['.tg-help', 'display']]
        .map(([q, k]) => getComputedStyle(document.querySelector(q))[k])"""
    assert browser.run(look) == ["rgb(0, 0, 0)", "rgba(0, 0, 0, 0)", "rgb(255, 255, 255)", "none"]
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize(("wish", "duration"), [("reduce", "0s"), ("no-preference", "0.12s")])
def test_nothing_moves_for_those_who_wish_so(browser, wish, duration):
    browser.media(prefers_reduced_motion=wish)
    browser.open(FIGURE.svg, ".svg")
    assert browser.run("return getComputedStyle(document.querySelector('.node')).transitionDuration") == duration


LEGIBLE = {
    "batch normalisation": lambda: draw(nn.BatchNorm1d(3), normals(7, 3, requires_grad=True)),
    "dropout": lambda: draw(nn.Dropout(0.5), normals(5, 4, requires_grad=True)),
    "affine": lambda: draw(nn.Linear(4, 3), normals(5, 4, requires_grad=True)),
    "network": lambda: draw(MLP(), normals(32, 64, requires_grad=True)),
    "network closed": lambda: draw(MLP(), normals(32, 64, requires_grad=True), depth=1),
    "network down": lambda: draw(MLP(), normals(32, 64, requires_grad=True), rankdir="TB"),
}
BOXES = (
    f"{SEEN}"
    """const box = g => {const r = g.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]};
    return [...document.querySelectorAll('text')].filter(t => t.textContent.trim() && seen(t)).map(t => {
        const g = t.closest('.node'), outline = g && g.querySelector('circle,rect');
        return {text: t.textContent, box: box(t), lines: g ? g.querySelectorAll('text').length : 1,
                size: parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a,
                outline: outline && box(outline), round: !!outline && outline.tagName === 'circle'}})"""
)


def touching(found: list[dict]) -> list[tuple[str, str]]:
    """Texts that meet a text, or the outline of a vertex that is not theirs."""

    def meet(a, b):
        return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

    texts = [(a["text"], b["text"]) for a, b in itertools.combinations(found, 2)
             if meet(a["box"], b["box"]) and not (a["outline"] and a["outline"] == b["outline"])]  # fmt: skip
    for a, b in itertools.product(found, [b for b in found if b["outline"]]):
        left, top, right, bottom = b["outline"]
        x, y, r = (left + right) / 2, (top + bottom) / 2, (right - left) / 2
        away = math.hypot(max(a["box"][0] - x, 0, x - a["box"][2]), max(a["box"][1] - y, 0, y - a["box"][3]))
        if not a["outline"] and (away < r if b["round"] else meet(a["box"], b["outline"])):
            texts.append((a["text"], b["text"]))
    return texts


def overflowing(found: list[dict]) -> list[str]:
    """Texts that reach beyond the outline of their vertex; capitals and digits are about 0.72 of the size high."""
    wrong = []
    for entry in found:
        if entry["outline"]:
            (left, top, right, bottom), outline = entry["box"], entry["outline"]
            inside = outline[0] <= left and right <= outline[2] and outline[1] <= top and bottom <= outline[3]
            reach = math.hypot((right - left) / 2, 0.36 * entry["size"])
            if not inside or (entry["round"] and reach > (outline[2] - outline[0]) / 2):
                wrong.append(entry["text"])
    return wrong


def measured(browser: Browser, svg: str) -> list[dict]:
    """Every text in sight, at the natural size of the drawing."""
    browser.window(12000, 12000)
    browser.open(svg, ".svg")
    found = browser.run(BOXES)
    browser.window(1280, 900)
    return found


@pytest.mark.parametrize("name", LEGIBLE)
def test_no_text_meets_another_or_a_vertex_or_leaves_its_own_as_the_browser_measures(browser, name):
    drawing = LEGIBLE[name]()
    found = measured(browser, drawing.svg)
    assert len(found) >= len(drawing.picture.vertices)
    assert touching(found) == []
    assert overflowing(found) == []


def test_the_measures_find_a_text_too_long_for_its_vertex_and_one_moved_onto_another(browser):
    wide = FIGURE.svg.replace(">**2<", ">**2**2**2<")
    assert overflowing(measured(browser, wide)) == ["**2**2**2"]
    moved = re.sub(r'x="[\d.]+"( y="[-\d.]+"[^>]*>dγx̂<)', r'x="1233"\1', FIGURE.svg)
    assert moved != FIGURE.svg
    assert touching(measured(browser, moved)) != []


# Where it stands


INK = """const [text, done] = arguments, image = new Image();
    image.onload = () => {
        const c = document.createElement('canvas').getContext('2d');
        c.canvas.width = image.naturalWidth; c.canvas.height = image.naturalHeight;
        c.drawImage(image, 0, 0);
        const d = c.getImageData(0, 0, c.canvas.width, c.canvas.height).data, ink = {black: 0, red: 0};
        for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 128) {
            if (d[i] < 80 && d[i + 1] < 80 && d[i + 2] < 80) ink.black++;
            if (d[i] > 180 && d[i + 1] < 80 && d[i + 2] < 100) ink.red++;
        }
        done([image.naturalWidth, image.naturalHeight, ink.black, ink.red]);
    };
    image.onerror = () => done(null);
    image.src = 'data:image/svg+xml;base64,' + text;"""


def ink(browser: Browser, svg: str) -> list[int] | None:
    """Width, height, black and red pixels of the drawing as an image; None if it is no image."""
    found: list[int] | None = browser.run_async(INK, base64.b64encode(svg.encode()).decode())
    return found


@BOTH
def test_as_an_image_it_is_as_large_as_in_a_page_and_has_black_and_red_in_it(browser, drawing):
    browser.media(prefers_color_scheme="light")
    browser.open("<!doctype html>")
    width, height, black, red = ink(browser, drawing.svg)
    assert f'<svg width="{width}" height="{height}"' in drawing.svg
    assert black > 5000
    assert red > 2000
    assert ink(browser, re.sub('<g id="b.*?</g>', "", drawing.svg, flags=re.DOTALL))[3] < red / 4
    assert ink(browser, drawing.svg.replace("</svg>", "")) is None


def test_a_page_shows_the_file_as_an_image(browser):
    path = FIGURE.save(browser.folder / "figure.svg")
    browser.open(f'<!doctype html><img src="{path.name}" style="max-width:100%">')
    sizes = browser.run("const i = document.images[0]; return [i.complete, i.naturalWidth, i.width]")
    assert sizes == [True, 1733, browser.run("return document.body.clientWidth")]


@BOTH
def test_without_scripts_everything_is_shown_and_nothing_pretends_to_be_a_button(browser, drawing):
    browser.scripts(on=False)
    for text, suffix in ((drawing.svg, ".svg"), (drawing.html, ".html")):
        browser.open(text, suffix)
        shown = f"{SEEN} return [...document.querySelectorAll('.node,.edge,.cluster')].map(seen)"
        assert all(browser.run(shown))
        assert {role for role, _ in browser.read_aloud()}.isdisjoint({"button"})
        browser.press("ArrowRight", "f")
        browser.point(".node")
        assert all(browser.run(shown))
        assert browser.run("return document.querySelector('svg').getAttribute('class')") == "tg"


def test_a_page_that_allows_neither_scripts_nor_styles_shows_the_figure_all_the_same(browser):
    policy = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
    browser.open(f"<!doctype html><meta charset=utf-8>{policy}{FIGURE.svg}")
    refused = [entry["message"] for entry in browser.log("browser")]
    assert any("script-src" in message or "inline script" in message for message in refused)
    assert any("style" in message for message in refused)
    found = browser.run("""const style = (q, k) => getComputedStyle(document.querySelector(q))[k];
        return [style('.bwd path:not(.hit)', 'stroke'), style('.fwd path:not(.hit)', 'stroke'),
                style('.node circle', 'stroke'), document.querySelector('svg').getBoundingClientRect().width]""")
    assert found == ["rgb(200, 16, 46)", "rgb(17, 17, 17)", "rgb(17, 17, 17)", 1733]


@BOTH
def test_on_a_telephone_the_texts_can_be_read_and_the_figure_is_moved_not_the_page(browser, drawing):
    browser.window(390, 800)
    browser.open(drawing.html)
    size = "const t = document.querySelector('.edge text'); return parseFloat(getComputedStyle(t).fontSize) * "
    assert browser.run(f"{size} t.getScreenCTM().a") > 10
    right = "return document.querySelector('.view').getBoundingClientRect().right"
    assert browser.run(right) > 890
    assert browser.run("const e = document.documentElement; return e.scrollWidth - e.clientWidth") == 0
    browser.click("[value='0']")
    assert browser.run(right) <= 390


def test_a_tall_figure_is_shown_whole_when_asked_for(browser):
    browser.open(draw(MLP(), normals(32, 64), rankdir="TB").html)
    high = "const r = document.querySelector('.view').getBoundingClientRect(); return [r.bottom, r.height, innerHeight]"
    _, height, window = browser.run(high)
    assert height > 2 * window
    browser.run("document.querySelector('[value=\"0\"]').focus()")
    browser.press("Space")
    bottom, height, window = browser.run(high)
    assert window / 2 < height < bottom <= window


def test_a_small_figure_keeps_its_size(browser):
    browser.open(draw(nn.Linear(4, 3), normals(5, 4)).html)
    assert browser.run("return document.querySelector('.node circle').getScreenCTM().a") == pytest.approx(4 / 3)


@pytest.mark.parametrize("width", [700, 1280, 2600])
def test_the_frame_in_a_notebook_is_as_high_as_its_page(browser, width):
    browser.window(width, 900)
    browser.open(f"<!doctype html><meta charset=utf-8>{framed(FIGURE.html, FIGURE.svg)}")
    browser.into_frame("iframe")
    spare, bar = browser.run("""const e = document.documentElement;
        return [innerHeight - document.querySelector('.tg-help').getBoundingClientRect().bottom,
                e.scrollHeight - e.clientHeight]""")
    assert bar == 0
    assert 0 <= spare < 90


def test_the_page_tells_the_keys(browser):
    browser.open(FIGURE.html)
    told = browser.run("return [...document.querySelectorAll('kbd')].map(k => k.textContent)")
    assert told == ["→", "←", "End", "Esc", "+", "-", "0", "1", "Shift", "/", "Enter", "Tab", "f", "b"]


# Hostile names


HOSTILE = [
    "<script>pwned=1</script>", "</title><script>pwned=1</script>", '"><img src=x onerror=pwned=1>',
    "</desc><img src=x onerror=pwned=1>", "</text><svg onload=pwned=1>", "]]><script>pwned=1</script>",
    "</style><script>pwned=1</script>", "--><script>pwned=1</script>", "&lt;img src=x onerror=pwned=1&gt;",
]  # fmt: skip
PWNED = "return 'pwned' in window"


def hostile() -> Drawing:
    """A drawing with bad names wherever a name can stand: tensors, modules, the title, the letters of dimensions."""
    total = tg.zeros(2)
    for name in [*HOSTILE, *EVIL]:
        x = tg.tensor([1.0, 2.0], requires_grad=True)
        x.name = name
        y = x.exp()
        y.name = name
        total = total + y
    net = nn.Sequential(OrderedDict({name: nn.Sequential(nn.ReLU(), nn.Tanh()) for name in HOSTILE}))
    return draw(lambda: net(total), title=" ".join(HOSTILE[:5]), dims={2: HOSTILE[0]})


def test_no_name_runs_a_script_or_asks_for_anything(browser):
    drawing = hostile()
    assert {clean(name) for name in HOSTILE} < {vertex.label for vertex in drawing.picture.vertices}
    for text, suffix in ((drawing.svg, ".svg"), (drawing.html, ".html"), (framed(drawing.html, drawing.svg), ".html")):
        browser.open(text, suffix)
        if "<iframe" in text:
            assert browser.run(PWNED) is False
            browser.click("iframe")
            browser.into_frame("iframe")
        assert browser.run(PWNED) is False
        assert browser.run("return document.querySelectorAll('img,script').length") == 1
        assert browser.run("return document.querySelectorAll('.node').length") > 50
        browser.press("End")
        assert browser.run("return document.querySelector('.told').textContent") != ""
    asked = browser.requests()
    assert len(asked) == 3
    assert all(re.fullmatch(r".*/page\d+\.(svg|html)", address) for address in asked)


def test_a_hostile_name_that_is_not_escaped_is_seen(browser):
    browser.open(f"<!doctype html><p>{HOSTILE[0]}")
    assert browser.run(PWNED) is True
    browser.open(f"<!doctype html><p>{HOSTILE[2]}")
    browser.wait(PWNED)
    assert any(address.endswith("/x") for address in browser.requests())
    browser.log("browser")
