"""Drawings in a real browser: what is seen, pointed at, stepped through, read aloud and kept out."""

from __future__ import annotations

import pytest

from tensorgrad import nn
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.output.browser import framed
from tests.browser import SEEN, drawings
from tests.test_viz_geometry import normals

DRAWINGS = drawings()
FIGURE, NETWORK = DRAWINGS.values()
BOTH = pytest.mark.parametrize("drawing", [pytest.param(drawing, id=name) for name, drawing in DRAWINGS.items()])
SHOWN = f"{SEEN} return [...document.querySelectorAll('.node,.edge')].filter(seen).map(g => g.id)"
LIT = """return [...document.querySelectorAll('.node,.edge')]
    .filter(g => getComputedStyle(g).opacity === '1').map(g => g.id)"""
TOLD = "return [...document.querySelectorAll('.told')].map(t => t.textContent).join('')"
ACTIVE = "return document.activeElement.id || document.activeElement.tagName"


def order(drawing: Drawing) -> list[str]:
    return [vertex.id for vertex in drawing.picture.vertices if vertex.kind != "output"]


def everything(drawing: Drawing) -> set[str]:
    red = {f"b{e.id}" for e in drawing.edges if e.backward is not None}
    return {*order(drawing), *(f"f{e.id}" for e in drawing.edges), *red}


def related(drawing: Drawing, start: str) -> set[str]:
    """The ids of a vertex, of what it depends on, of what depends on it, and of the arrows between, both ways."""
    found = {start}
    for near, far in (("tail", "head"), ("head", "tail")):
        reached = [start]
        for vertex in reached:
            for edge in drawing.edges:
                if getattr(edge, near) == vertex:
                    found |= {f"f{edge.id}", f"b{edge.id}", getattr(edge, far)}
                    reached += [] if getattr(edge, far) in reached else [getattr(edge, far)]
    return found & everything(drawing)


def frames(drawing: Drawing) -> dict[str, set[str]]:
    """The ids that are in each frame."""
    around = {vertex.id: [m.id for m in vertex.around] for vertex in drawing.picture.vertices}
    found: dict[str, set[str]] = {}
    for vertex, modules in around.items():
        for module in modules:
            found.setdefault(module, set()).add(vertex)
    for edge in drawing.edges:
        for module in set(around[edge.tail]) & set(around[edge.head]):
            found[module] |= {f"f{edge.id}", f"b{edge.id}"}
    return found


# Pointing


@BOTH
def test_pointing_at_a_vertex_lights_all_that_it_depends_on_and_all_that_depends_on_it(browser, drawing):
    browser.open(drawing.html)
    assert set(browser.run(LIT)) == everything(drawing)
    browser.press("0")  # all vertices within the window
    wanted = {vertex: related(drawing, vertex) for vertex in order(drawing)[::3]}
    assert min(map(len, wanted.values())) < len(everything(drawing)) / 2
    for vertex, lit in wanted.items():
        browser.point(f"#{vertex}")
        assert set(browser.run(LIT)) == lit
        title = "return [...document.querySelectorAll('.note:not([data-of])')].map(g => getComputedStyle(g).opacity)"
        assert set(browser.run(title)) <= {"1"}
        browser.point_at(2, 2)
        assert set(browser.run(LIT)) == everything(drawing)


@BOTH
def test_a_vertex_with_the_focus_is_lit_like_one_pointed_at_until_the_focus_goes(browser, drawing):
    browser.open(drawing.svg, ".svg")
    middle = order(drawing)[5]
    browser.press("Tab")  # a window that nobody has touched hears of no focus
    browser.run("document.getElementById(arguments[0]).focus()", middle)
    assert set(browser.run(LIT)) == related(drawing, middle)
    browser.run("document.activeElement.blur()")
    assert set(browser.run(LIT)) == everything(drawing)


@BOTH
def test_a_click_keeps_the_light_until_a_second_click_or_escape(browser, drawing):
    browser.open(drawing.html)
    browser.press("0")
    first, other = order(drawing)[4], order(drawing)[0]
    for release in (lambda: browser.click(f"#{first}"), lambda: browser.press("Escape")):
        browser.click(f"#{first}")
        browser.point(f"#{other}")
        browser.point_at(2, 2)
        assert set(browser.run(LIT)) == related(drawing, first)
        release()
        assert set(browser.run(LIT)) == everything(drawing)


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_enter_and_space_keep_the_light_as_a_click_does(browser, key):
    browser.open(FIGURE.svg, ".svg")
    vertex = order(FIGURE)[6]
    browser.run("document.getElementById(arguments[0]).focus()", vertex)
    browser.press(key)
    browser.run("document.activeElement.blur()")
    assert set(browser.run(LIT)) == related(FIGURE, vertex)


@BOTH
def test_f_and_b_hide_a_direction_and_show_it_again(browser, drawing):
    browser.open(drawing.html)
    for key in "fb":
        browser.press(key)
        assert set(browser.run(SHOWN)) == {id for id in everything(drawing) if not id.startswith(key)}
        browser.press(key)
        assert set(browser.run(SHOWN)) == everything(drawing)


# Frames


@pytest.mark.parametrize("way", ["click", "Enter", "Space"])
def test_a_frame_folds_over_what_is_in_it_and_unfolds(browser, way):
    browser.open(NETWORK.svg, ".svg")
    browser.press("0")
    assert len(frames(NETWORK)) == 5
    for frame, inside in frames(NETWORK).items():
        for expanded, shown in (("false", everything(NETWORK) - inside), ("true", everything(NETWORK))):
            if way == "click":
                browser.click(f"#{frame} text")
            else:
                browser.run("document.getElementById(arguments[0]).focus()", frame) if expanded == "false" else None
                browser.press(way)
            assert browser.run("return document.getElementById(arguments[0]).ariaExpanded", frame) == expanded
            assert set(browser.run(SHOWN)) == shown


def test_a_folded_frame_covers_the_arrows_that_lead_into_it_and_unfolds_at_a_click_anywhere(browser):
    browser.open(NETWORK.svg, ".svg")
    browser.press("0")
    frame = next(iter(frames(NETWORK)))
    top = """const r = document.getElementById(arguments[0]).getBoundingClientRect();
        return document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2).closest('g')?.id"""
    assert browser.run(top, frame) != frame
    browser.click(f"#{frame} text")
    assert browser.run(top, frame) == frame
    browser.click(f"#{frame}")
    assert set(browser.run(SHOWN)) == everything(NETWORK)


def test_a_frame_inside_a_folded_one_stays_folded_when_that_unfolds(browser):
    browser.open(NETWORK.svg, ".svg")
    browser.press("0")
    outer, inner = [m.id for v in NETWORK.picture.vertices if len(v.around) == 2 for m in v.around][:2]
    for frame, shown in ((inner, inner), (outer, outer), (outer, inner)):
        browser.click(f"#{frame} text")
        assert set(browser.run(SHOWN)) == everything(NETWORK) - frames(NETWORK)[shown]
        seen = browser.run(f"{SEEN} return seen(document.getElementById(arguments[0]))", inner)
        assert seen is (shown != outer)


# Step by step


def shown_at(drawing: Drawing, count: int, lowest: int) -> set[str]:
    """What is shown when `count` vertices are computed and the gradients of those from `lowest` on are."""
    place = {vertex: i for i, vertex in enumerate(order(drawing))}
    found = set(order(drawing)[:count])
    for edge in drawing.edges:
        found |= {f"f{edge.id}"} if place[edge.tail] < count and place.get(edge.head, 0) < count else set()
        found |= {f"b{edge.id}"} if edge.backward is not None and place[edge.tail] >= lowest else set()
    return found


@BOTH
def test_the_arrow_keys_replay_the_computation_forward_and_then_backward(browser, drawing):
    browser.open(drawing.html)
    places = {vertex: i for i, vertex in enumerate(order(drawing))}
    n = len(places)
    back = sorted({places[edge.tail] for edge in drawing.edges if edge.backward is not None}, reverse=True)
    states = [(f"forward {k} / {n}: ", shown_at(drawing, k, n)) for k in range(1, n + 1)]
    states += [(f"backward {k + 1} / {n}: ", shown_at(drawing, n, k)) for k in back]
    assert len(back) > 5
    for told, shown in states:
        browser.press("ArrowRight")
        assert browser.run(TOLD).startswith(told)
        assert set(browser.run(SHOWN)) == shown
    assert shown == everything(drawing)
    browser.press("ArrowRight")
    assert browser.run(TOLD).startswith(told)
    for told, shown in states[-2::-1]:
        browser.press("ArrowLeft")
        assert browser.run(TOLD).startswith(told)
        assert set(browser.run(SHOWN)) == shown
    assert browser.run(f"{SEEN} return seen(document.querySelector('.told'))") is True
    browser.press("ArrowLeft")
    assert (browser.run(TOLD), set(browser.run(SHOWN))) == ("", everything(drawing))
    assert browser.run(f"{SEEN} return seen(document.querySelector('.told'))") is False


def test_a_step_tells_what_is_computed_and_the_contributions_that_arrive(browser):
    browser.open(FIGURE.html)
    told = []
    for _ in range(24):
        browser.press("ArrowRight")
        told.append(browser.run(TOLD))
    assert {"forward 3 / 12: input x", "forward 5 / 12: xμ = x − μ", "forward 9 / 12: ivar = 1 / sqrtvar"} < set(told)
    assert {"backward 12 / 12: dout", "backward 5 / 12: dxμ₁ + dxμ₂", "backward 3 / 12: dx₁ + dx₂"} < set(told)
    assert told[-1] == "backward 1 / 12: dγ"


@pytest.mark.parametrize("way", ["Home", "Escape"])
def test_end_goes_to_the_last_step_and_home_and_escape_to_the_whole_figure(browser, way):
    browser.open(FIGURE.svg, ".svg")
    browser.press("End")
    assert browser.run(TOLD) == "backward 1 / 12: dγ"
    browser.press("ArrowLeft")
    assert set(browser.run(SHOWN)) == everything(FIGURE) - {"bn0", "b11_1"}
    browser.press(way)
    assert (browser.run(TOLD), set(browser.run(SHOWN))) == ("", everything(FIGURE))


def test_what_is_new_at_a_step_stands_out(browser):
    browser.open(FIGURE.html)
    new = """return [...document.querySelectorAll('.node,.edge')].filter(g => g.matches('.edge')
        ? getComputedStyle(g.querySelector('path:not(.hit)')).strokeWidth === '2.4px'
        : getComputedStyle(g.querySelector('circle')).strokeWidth === '3px').map(g => g.id)"""
    assert browser.run(new) == []
    browser.press(*["ArrowRight"] * 5)
    assert set(browser.run(new)) == {"f4_0", "f4_1", "n4"}
    browser.press("End", *["ArrowLeft"] * 4)
    assert browser.run(TOLD) == "backward 5 / 12: dxμ₁ + dxμ₂"
    assert set(browser.run(new)) == {"n4", *(f"b{e.id}" for e in FIGURE.edges if e.tail == "n4")}


def test_a_long_text_is_wrapped_in_a_narrow_drawing_and_a_short_one_is_not(browser):
    browser.open(f"<!doctype html><meta charset=utf-8><div>{draw(lambda x: x.sum(), normals(2)).svg}</div>")
    sizes = """const r = document.querySelector('.told').getBoundingClientRect();
        return [document.querySelector('.told').textContent, r.height, r.right,
                document.querySelector('svg').getBoundingClientRect().right]"""
    browser.run("document.querySelector('div').style.width = '220px'; document.querySelector('svg').focus()")
    browser.press("ArrowRight")
    text, line, right, end = browser.run(sizes)
    assert text == "forward 1 / 2: input x"
    assert right < end
    browser.press("ArrowRight")
    text, lines, right, end = browser.run(sizes)
    assert text.startswith("forward 2 / 2: out = Σ(x)")
    assert lines > 1.5 * line
    assert right <= end + 1


def test_without_gradients_the_replay_ends_with_the_last_vertex(browser):
    browser.open(draw(nn.Linear(4, 3), normals(5, 4), grads=False).svg, ".svg")
    browser.press("End")
    assert browser.run(TOLD).startswith("forward 4 / 4: ")


def test_names_and_shapes_beside_a_vertex_come_with_it(browser):
    browser.open(FIGURE.svg, ".svg")
    texts = f"""{SEEN} return [...document.querySelectorAll('.note text')].filter(seen)
        .map(t => t.textContent.replace('\\u00a0', ' '))"""
    whole = browser.run(texts)
    assert sorted(whole) == sorted(["x", "dx", "γ", "dγ", "β", "dβ", "out", "dout", *["(N, D)"] * 2, *["(D,)"] * 2])
    browser.press("ArrowRight")
    assert sorted(browser.run(texts)) == sorted(["γ", "(D,)"])
    browser.press(*["ArrowRight"] * 12)
    assert browser.run(TOLD) == "backward 12 / 12: dout"
    assert sorted(browser.run(texts)) == sorted(text for text in whole if text not in {"dx", "dγ", "dβ"})


def places() -> dict[str, tuple[str, str]]:
    return {
        "alone": (NETWORK.svg, ".svg"),
        "inline": (f"<!doctype html><meta charset=utf-8><p>text</p>{NETWORK.svg}<p>text</p>", ".html"),
        "page": (NETWORK.html, ".html"),
        "notebook": (f"<!doctype html><meta charset=utf-8>{framed(NETWORK.html, NETWORK.svg)}", ".html"),
    }


@pytest.mark.parametrize("place", ["alone", "inline", "page", "notebook"])
def test_stepping_works_and_its_text_can_be_read_wherever_the_drawing_stands(browser, place):
    browser.open(*places()[place])
    if place == "notebook":
        browser.click("iframe")
        browser.into_frame("iframe")
    elif place == "inline":
        browser.click("svg", dy=130)  # where nothing is that a click would show
    browser.press(*["ArrowRight"] * 6)
    assert browser.run(TOLD).startswith("forward 6 / 19: ")
    assert set(browser.run(SHOWN)) == shown_at(NETWORK, 6, 19)
    text, drawn = browser.run("""const told = [...document.querySelectorAll('.told')].find(t => t.textContent),
        box = r => [r.left, r.top, r.right, r.bottom];
        return [box(told.getBoundingClientRect()), box(document.querySelector('svg').getBoundingClientRect())]""")
    width, height = browser.run("return [innerWidth, innerHeight]")
    assert 0 <= text[0] < text[2] <= width
    assert 0 <= text[1] < text[3] <= height
    if place in {"alone", "inline"}:
        assert text[3] <= drawn[3] + 1


def test_the_vertex_of_the_step_is_scrolled_into_sight(browser):
    browser.window(390, 700)
    browser.open(NETWORK.html)
    seen = "const r = document.querySelector('.node.now').getBoundingClientRect(); return [r.left, r.right]"
    for _ in range(19):
        browser.press("ArrowRight")
        left, right = browser.run(seen)
        assert 0 <= left < right <= 390


def test_stepping_keys_do_not_scroll_the_page_and_other_keys_are_left_to_the_browser(browser):
    browser.open(f"<!doctype html><meta charset=utf-8>{FIGURE.svg}<div style='width:3000px;height:3000px'></div>")
    browser.run("window.kept = []; addEventListener('keydown', e => kept.push(e.key + e.defaultPrevented))")
    browser.click("svg", dy=100)
    browser.press("ArrowRight", "ArrowLeft", "End", "ArrowLeft", "f")
    told = browser.run(TOLD)
    assert browser.run("return [scrollX, scrollY]") == [0, 0]
    assert browser.run("return kept.splice(0)") == [
        f"{key}true" for key in ("ArrowRight", "ArrowLeft", "End", "ArrowLeft", "f")
    ]
    browser.press("x", "ArrowDown")
    assert browser.run("return kept") == ["xfalse", "ArrowDownfalse"]
    browser.wait("return scrollY > 0")
    assert browser.run(TOLD) == told
    browser.run("document.activeElement.blur()")
    browser.press("End")  # nothing has the focus: the page's own key
    browser.wait("return scrollY > 1000")


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_a_key_with_a_modifier_does_nothing(browser, modifier):
    browser.open(FIGURE.html)
    browser.run("addEventListener('keydown', e => {window.kept = [e.key, e.defaultPrevented]; e.preventDefault()})")
    for key in ("ArrowRight", "b", "End"):
        browser.press(key, holding=[modifier])
        assert browser.run("return kept") == [key, False]
    assert (browser.run(TOLD), set(browser.run(SHOWN))) == ("", everything(FIGURE))


def test_two_drawings_in_one_page_do_not_meddle_with_each_other(browser):
    browser.open(f"<!doctype html><meta charset=utf-8><main>{FIGURE.svg}</main><aside>{NETWORK.svg}</aside>")
    of = f"{SEEN} return [...document.querySelectorAll(arguments[0] + ' svg :is(.node,.edge)')]"
    visible, lit = f"{of}.filter(seen).length", f"{of}.filter(g => g.matches('.hl')).length"
    whole = browser.run(visible, "main")
    browser.point("aside .node")
    assert browser.run(lit, "aside") > 5
    assert browser.run(lit, "main") == 0
    browser.click("aside .node")
    browser.press("ArrowRight", "ArrowRight")
    assert browser.run(visible, "main") == whole
    assert 0 < browser.run(visible, "aside") < 10
    assert browser.run("return [...document.querySelectorAll('.told')].map(t => t.textContent !== '')") == [False, True]
    names = {name for role, name in browser.read_aloud() if role == "graphics-document"}
    assert names == {"Computational graph", "A network"}
    browser.click("aside .cluster text")
    assert browser.run(visible, "main") == whole


# Reading aloud and by keyboard


@BOTH
def test_a_screen_reader_meets_title_frames_and_every_vertex_in_the_order_of_computation(browser, drawing):
    browser.open(drawing.html)
    told = browser.read_aloud()
    assert ("graphics-document", drawing.heading) in told
    tips = [vertex.tooltip for vertex in drawing.picture.vertices if vertex.kind != "output"]
    assert [name for role, name in told if role == "graphics-symbol" and name in tips] == tips
    assert sum(role == "graphics-symbol" for role, _ in told) == len(everything(drawing))
    assert sum(role == "button" for role, _ in told) == len(frames(drawing)) + 11  # of the bar
    browser.press("0")
    browser.click(".node")
    browser.press("ArrowRight")
    assert ("status", "") in browser.read_aloud()
    assert any("forward 1 / " in name for _, name in browser.read_aloud())
    described = browser.run("""const id = document.querySelector('svg').getAttribute('aria-describedby');
        return document.getElementById(id).textContent""")
    assert described.startswith(drawing.description)
    assert "arrow keys" in described


@BOTH
def test_tab_goes_through_the_drawing_in_the_order_of_computation_and_the_focus_is_seen(browser, drawing):
    browser.open(f"<!doctype html><meta charset=utf-8>{drawing.svg}")
    vertices, reached = order(drawing), []
    ring = """const g = document.activeElement, s = getComputedStyle(g), o = getComputedStyle(
        g.querySelector(':scope > circle, :scope > rect:not(.hit)') || g);
        return [g.id || g.tagName, s.outlineStyle, o.stroke, o.strokeWidth]"""
    for _ in range(1 + len(vertices) + len(frames(drawing))):
        browser.press("Tab")
        name, outline, stroke, width = browser.run(ring)
        reached.append(name)
        assert outline == "solid" if name == "svg" else (stroke, width) == ("rgb(11, 98, 214)", "3px"), name
    assert reached[0] == "svg"
    assert [name for name in reached if name in vertices] == vertices
    assert set(reached) == {"svg", *vertices, *frames(drawing)}
    for frame, inside in frames(drawing).items():
        assert reached.index(frame) < min(reached.index(vertex) for vertex in inside if vertex in vertices)


def test_what_a_step_or_a_folded_frame_hides_is_not_reached_and_does_not_keep_the_focus(browser):
    browser.open(f"<!doctype html><meta charset=utf-8>{NETWORK.svg}<button id=after>after</button>")
    last = order(NETWORK)[-1]
    browser.run("document.getElementById(arguments[0]).focus()", last)
    browser.press("ArrowRight", "ArrowRight")
    assert browser.run(ACTIVE) == "svg"
    assert browser.run(TOLD).startswith("forward 2 / ")
    reached = []
    while not reached or reached[-1] != "after":
        browser.press("Tab")
        reached.append(browser.run(ACTIVE))
    assert set(reached) == {"after", "BUTTON", *frames(NETWORK), *order(NETWORK)[:2]}
