"""The viewer inside a drawing: scale, place, search, minimap, folding that rearranges, by mouse, keys and touch."""

from __future__ import annotations

import functools
import math
import re
import statistics

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import Drawing, draw
from tests.browser import SEEN, Browser, drawings
from tests.test_viz_geometry import MLP, normals

DRAWINGS = drawings()
FIGURE, NETWORK = DRAWINGS.values()
INLINE = "<!doctype html><meta charset=utf-8><p>above</p>{}<div style='height:3000px'></div>"
SCALE = "return document.querySelector('.node circle').getScreenCTM().a"
VIEW = "const r = document.querySelector('.view').getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]"
TOLD = "return document.querySelector('.told').textContent"
CLICK = "document.getElementById(arguments[0]).dispatchEvent(new MouseEvent('click', {bubbles: true}))"
MIDDLE = """const r = document.getElementById(arguments[0]).getBoundingClientRect();
    return [r.left + r.width / 2, r.top + r.height / 2]"""


def wheel(browser: Browser, delta: int, x: int = 640, y: int = 400) -> None:
    scroll = {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": delta, "origin": "viewport", "duration": 0}
    browser._tell("actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [scroll]}]})


def drag(browser: Browser, start: tuple[int, int], way: tuple[int, int]) -> None:
    places = [start, (start[0] + way[0] // 2, start[1] + way[1] // 2), (start[0] + way[0], start[1] + way[1])]
    moves = [{"type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y} for x, y in places]
    press, release = ({"type": f"pointer{kind}", "button": 0} for kind in ("Down", "Up"))
    browser._act("pointer", [moves[0], press, *moves[1:], release])


def touch(browser: Browser, *steps: list[tuple[int, int]]) -> None:
    """Put fingers down at the places of the first step, move them to those of the next, and lift them."""
    for kind, points in zip(("touchStart", *["touchMove"] * (len(steps) - 1)), steps, strict=True):
        touched = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        browser.cdp("Input.dispatchTouchEvent", type=kind, touchPoints=touched)
    browser.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


def tap(browser: Browser, selector: str) -> None:
    at = browser.run("""const r = document.querySelector(arguments[0]).getBoundingClientRect();
        return [r.left + r.width / 2, r.top + r.height / 2]""", selector)  # fmt: skip
    touch(browser, [(round(at[0]), round(at[1]))])


# Scale and place


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_it_is_shown_in_its_natural_size_at_first_and_the_window_does_not_scroll(browser, suffix):
    browser.open(getattr(draw(nn.Linear(4, 3), normals(5, 4)), suffix), f".{suffix}")
    assert browser.run(SCALE) == pytest.approx(4 / 3)
    browser.open(FIGURE.svg, ".svg")
    assert browser.run(SCALE) == pytest.approx(4 / 3)
    assert browser.run("const e = document.documentElement; return [e.scrollWidth > innerWidth, scrollX]") == [False, 0]


def test_the_wheel_changes_the_scale_and_what_is_under_the_pointer_stays_there(browser):
    browser.open(FIGURE.svg, ".svg")
    node = FIGURE.picture.vertices[4].id
    x, y = map(round, browser.run(MIDDLE, node))
    for delta in (-200, -200, 300, 500):
        before = browser.run(SCALE)
        wheel(browser, delta, x, y)
        assert (browser.run(SCALE) > before) == (delta < 0)
        assert math.dist(browser.run(MIDDLE, node), (x, y)) < 2


def test_keys_and_buttons_change_the_scale(browser):
    browser.open(FIGURE.svg, ".svg")
    natural = browser.run(SCALE)
    for key in "+-01":
        found = []
        for way in ("key", "button", "tap"):
            browser.press("1")
            if way == "key":
                browser.press(key)
            elif way == "button":
                browser.click(f"[value='{key}']")
            else:
                tap(browser, f"[value='{key}']")
            found.append(browser.run(SCALE))
        assert len(set(found)) == 1
        assert (found[0] - natural) * {"+": 1, "-": -1, "0": -1, "1": 0}[key] >= 0
    browser.press("0")
    left, top, right, bottom = browser.run(VIEW)
    width, height = browser.run("return [innerWidth, innerHeight]")
    assert 0 <= left < right <= width
    assert 40 <= top < bottom <= height
    assert right - left > 0.9 * width or bottom - top > 0.8 * height


def test_dragging_shift_with_arrows_and_a_finger_move_the_picture(browser):
    browser.open(FIGURE.svg, ".svg")
    ways = [
        lambda: drag(browser, (600, 600), (-60, 40)),
        lambda: touch(browser, [(600, 600)], [(570, 620)], [(540, 640)]),
    ]
    for move in ways:
        left, top, *_ = browser.run(VIEW)
        move()
        now = browser.run(VIEW)
        assert (now[0] - left, now[1] - top) == pytest.approx((-60, 40), abs=1)
    for key, way in {"ArrowLeft": (80, 0), "ArrowRight": (-80, 0), "ArrowUp": (0, 80), "ArrowDown": (0, -80)}.items():
        left, top, *_ = browser.run(VIEW)
        browser.press(key, holding=["Shift"])
        now = browser.run(VIEW)
        assert (now[0] - left, now[1] - top) == pytest.approx(way, abs=1)
    assert browser.run(TOLD) == ""


def test_what_was_dragged_was_not_clicked(browser):
    browser.open(FIGURE.svg, ".svg")
    x, y = map(round, browser.run(MIDDLE, FIGURE.picture.vertices[2].id))
    drag(browser, (x, y), (90, 30))
    browser.point_at(2, 700)
    assert not browser.run("return document.documentElement.matches('.on')")


def test_two_fingers_change_the_scale(browser):
    browser.open(FIGURE.svg, ".svg")
    before = browser.run(SCALE)
    touch(browser, [(500, 400), (700, 400)], [(450, 400), (750, 400)], [(400, 400), (800, 400)])
    assert browser.run(SCALE) == pytest.approx(2 * before, rel=0.1)
    touch(browser, [(400, 400), (800, 400)], [(500, 400), (700, 400)])
    assert browser.run(SCALE) == pytest.approx(before, rel=0.2)


def test_in_a_page_of_others_the_wheel_is_left_to_the_page_but_with_control(browser):
    browser.open(INLINE.format(FIGURE.svg))
    before = browser.run(SCALE)
    wheel(browser, 200, 640, 150)
    browser.wait("return scrollY > 0")
    assert browser.run(SCALE) == before
    browser.run("scrollTo(0, 0)")
    browser.run("""document.querySelector('svg').dispatchEvent(new WheelEvent('wheel',
        {deltaY: -200, clientX: 640, clientY: 150, ctrlKey: true, bubbles: true, cancelable: true}))""")
    assert browser.run(SCALE) > 1.3 * before
    width, shown = browser.run("return [innerWidth, document.querySelector('svg').getBoundingClientRect().width]")
    assert shown <= width


def test_on_paper_it_is_whole_whatever_the_screen_shows(browser):
    browser.open(FIGURE.svg, ".svg")
    browser.press("+", "+", "+")
    browser.media("print")
    browser.wait("return document.documentElement.hasAttribute('viewBox')")
    left, top, right, bottom = browser.run(VIEW)
    width = browser.run("return innerWidth")
    assert 0 <= left < right <= width + 1
    assert 0 <= top < bottom
    browser.media()
    browser.wait("return !document.documentElement.hasAttribute('viewBox')")
    assert browser.run(SCALE) == pytest.approx(4 / 3 * 1.2**3)


# Search


def test_slash_searches_and_enter_goes_from_one_to_the_next(browser):
    browser.open(NETWORK.svg, ".svg")
    seen = f"{SEEN} return seen(document.querySelector('input'))"
    got = "return [...document.querySelectorAll('.got')].map(g => g.id)"
    assert browser.run(seen) is False
    browser.press("/")
    assert browser.run(seen) is True
    browser.press(*"batchnorm")
    frame = next(m for v in NETWORK.picture.vertices for m in v.around if "BatchNorm" in m.label)
    found = browser.run(got)
    assert frame.id in found
    assert browser.run(TOLD) == f"{len(found)} hits"
    for k in (*range(1, len(found) + 1), 1):
        browser.press("Enter")
        assert browser.run(TOLD).startswith(f"{k} / {len(found)}: ")
        (current,) = browser.run("return [...document.querySelectorAll('.cur')].map(g => g.id)")
        assert current in found
        x, y = browser.run(MIDDLE, current)
        assert 0 < x < 1280
        assert 0 < y < 900
    browser.press("Escape")
    assert browser.run(seen) is False
    assert browser.run(got) == []
    browser.press("ArrowRight")
    assert browser.run(TOLD).startswith("forward 1 / ")


def test_what_is_typed_is_no_command_and_a_button_opens_the_search(browser):
    browser.open(FIGURE.html)
    browser.click("[value='/']")
    browser.press(*"fb10")
    assert browser.run("return document.querySelector('input').value") == "fb10"
    assert browser.run(TOLD) == "0 hits"
    browser.press("Enter")
    assert not browser.run("return document.querySelector('svg').matches('.nof,.nob')")
    tap(browser, "[value='/']")  # where there is no Escape
    assert browser.run(f"{SEEN} return seen(document.querySelector('input'))") is False


def test_what_is_found_in_a_folded_frame_is_unfolded(browser):
    browser.open(NETWORK.svg, ".svg")
    inner = next(v for v in NETWORK.picture.vertices if len(v.around) == 2)
    browser.run("for (const f of document.querySelectorAll('.cluster'))"
                "f.dispatchEvent(new MouseEvent('click', {bubbles: true}))")  # fmt: skip
    browser.press("/", *inner.tooltip[:12].lower(), "Enter")
    assert browser.run(f"{SEEN} return [...document.querySelectorAll('.cur')].every(seen)")


# Copying


def test_a_click_copies_the_line_and_says_so(browser):
    browser.open(FIGURE.html)
    browser.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    browser.press("0")
    vertex = FIGURE.picture.vertices[4]
    (line,) = re.findall(r"[^\s,]+:\d+$", vertex.tooltip)
    browser.click(f"#{vertex.id}")
    browser.wait(f"{TOLD} === arguments[0]", f"copied {line}")
    assert browser.run_async("navigator.clipboard.readText().then(arguments[0])") == line
    assert ("status", "") in browser.read_aloud()


def test_where_nothing_may_be_copied_the_line_is_shown(browser):
    browser.open(FIGURE.html)
    browser.press("0")
    browser.run("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    vertex = FIGURE.picture.vertices[4]
    browser.click(f"#{vertex.id}")
    assert browser.run(TOLD) == vertex.tooltip.rpartition(", ")[2]


# Folding


LINES = """const found = {};
    const box = g => { const r = g.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] };
    const seen = g => g.getClientRects().length > 0;
    for (const g of document.querySelectorAll('.edge')) if (seen(g)) {
        const p = g.querySelector('path:not(.hit)'), m = p.getScreenCTM(), l = p.getTotalLength();
        found[g.id] = [0, l].map(t => { const q = p.getPointAtLength(t).matrixTransform(m); return [q.x, q.y] });
    }
    const boxes = {};
    for (const g of document.querySelectorAll('.node,.cluster')) if (seen(g))
        boxes[g.id] = box(g.querySelector('circle,rect:not(.hit)'));
    const texts = [...document.querySelectorAll('.view text')].filter(seen).map(t => [t.textContent, box(t)]);
    return {lines: found, boxes, texts, scale: document.querySelector('.view path').getScreenCTM().a}"""


def away(point: list[float], box: list[float]) -> float:
    """How far a point is from the border of a box, or from a circle in it."""
    x, y = point
    left, top, right, bottom = box
    outside = math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
    inside = min(x - left, right - x, y - top, bottom - y)
    square = abs(outside or inside)
    middle = ((left + right) / 2, (top + bottom) / 2)
    return min(square, abs(math.dist(point, middle) - (right - left) / 2))


LAYERED = functools.cache(lambda: draw(MLP(), normals(32, 64, requires_grad=True)))
NESTED = functools.cache(lambda: NETWORK)


@pytest.mark.parametrize("made", [LAYERED, NESTED], ids=["layers", "nested"])
def test_a_folded_frame_makes_the_picture_smaller_and_what_is_left_stays_in_order(browser, made):
    drawing: Drawing = made()
    browser.open(drawing.svg, ".svg")
    browser.press("1")
    size = "const s = document.documentElement; return [+s.getAttribute('width'), +s.getAttribute('height')]"
    whole, order = browser.run(size), list(browser.run(LINES)["boxes"].items())
    frames = [m.id for m in dict.fromkeys(m for v in drawing.picture.vertices for m in v.around)]
    area = whole
    for frame in frames:
        browser.run(CLICK, frame)
        now, found = browser.run(size), browser.run(LINES)
        assert now[0] <= area[0] + 12  # where arrows end at two closed frames, each needs its place
        assert now[1] <= area[1] + 12
        area = now
        shown = [(id, box) for id, box in order if id in found["boxes"]]
        for axis in (0, 1):  # the order of the middles, as far as it was clear
            before = [(box[axis] + box[axis + 2]) / 2 for _, box in shown]
            after = [(found["boxes"][id][axis] + found["boxes"][id][axis + 2]) / 2 for id, _ in shown]
            pairs = [(i, j) for i in range(len(shown)) for j in range(len(shown)) if before[i] < before[j]]
            assert all(after[i] <= after[j] + 1 for i, j in pairs if shown[i][0][0] == shown[j][0][0] == "n")
        assert not [(a, b) for a in shown for b in shown if a[0] < b[0] and a[0][0] == b[0][0] == "n"
                    and meet(found["boxes"][a[0]], found["boxes"][b[0]])]  # fmt: skip
    assert area[0] < 0.7 * whole[0]
    for frame in reversed(frames):
        browser.run(CLICK, frame)
    assert browser.run(size) == whole
    again = dict(browser.run(LINES)["boxes"])
    shift = [again[order[0][0]][i] - order[0][1][i] for i in range(2)]
    assert all(again[id][i] - box[i] == pytest.approx(shift[i], abs=0.5) for id, box in order for i in (0, 1))


def meet(a: list[float], b: list[float]) -> bool:
    return a[0] < b[2] - 1 and b[0] < a[2] - 1 and a[1] < b[3] - 1 and b[1] < a[3] - 1


@pytest.mark.parametrize("made", [LAYERED, NESTED], ids=["layers", "nested"])
def test_arrows_of_a_folded_frame_end_at_it_and_its_name_says_that_it_opens(browser, made):
    drawing: Drawing = made()
    around = {vertex.id: [m.id for m in vertex.around] for vertex in drawing.picture.vertices}
    browser.open(drawing.svg, ".svg")
    for frame in [m.id for m in dict.fromkeys(m for v in drawing.picture.vertices for m in v.around[:1])]:
        browser.run(CLICK, frame)
        found = browser.run(LINES)
        box, name = found["boxes"][frame], f"return document.getElementById('{frame}').querySelector('tspan')"
        assert browser.run(f"{name}.getClientRects().length") > 0
        assert browser.run(f"{name}.textContent") == " [+]"
        (text,) = [place for shown, place in found["texts"] if shown.endswith(" [+]") and place[0] >= box[0] - 1
                   and place[2] <= box[2] + 1 and box[1] < place[1] < box[3]]  # fmt: skip
        assert text[2] - text[0] < box[2] - box[0]
        assert box[3] - box[1] < 130 * found["scale"]  # from its title to its arrows: no hole where its content was
        crossing = 0
        for edge in drawing.edges:
            for id, ends in ((f"f{edge.id}", (edge.tail, edge.head)), (f"b{edge.id}", (edge.head, edge.tail))):
                within = [frame in around[end] for end in ends]
                if id not in found["lines"]:
                    continue
                assert not all(within)
                for end, inside, point in zip(ends, within, found["lines"][id], strict=True):
                    if inside:
                        crossing += 1
                        assert away(point, box) < 11 * found["scale"], (frame, id)
                    elif end in found["boxes"]:
                        assert away(point, found["boxes"][end]) < 11 * found["scale"], (frame, id)
        assert crossing > 0
        browser.run(CLICK, frame)


# Large drawings


@functools.cache
def large() -> Drawing:
    """A drawing of 2,002 vertices."""
    tg.manual_seed(0)
    net = nn.Sequential(*[m for _ in range(500) for m in (nn.Linear(4, 4), nn.Tanh())])
    return draw(net, normals(3, 4, requires_grad=True), max_nodes=10_000, timeout=600)


STEPS = """const done = arguments[0], s = document.documentElement, took = [];
    const step = () => {
        if (took.length === 20) return done(took);
        const start = performance.now();
        s.dispatchEvent(new WheelEvent('wheel', {deltaY: took.length % 2 ? -100 : 100, clientX: 640, clientY: 400,
            bubbles: true, cancelable: true}));
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => { took.push(performance.now() - start); setTimeout(step, 30) };
            channel.port2.postMessage(0)
        })
    };
    step()"""


@pytest.mark.slow
def test_two_thousand_vertices_stay_fluid_and_are_all_named(browser):
    drawing = large()
    browser.open(drawing.svg, ".svg")
    for key in "10":
        browser.press(key)
        assert min(statistics.median(browser.run_async(STEPS)) for _ in range(3)) < 50  # the machine may be busy
    told = browser.read_aloud()
    names = [name for role, name in told if role == "graphics-symbol"]
    edges = sum(1 + (edge.backward is not None) for edge in drawing.edges)
    assert len(names) == sum(v.kind != "output" for v in drawing.picture.vertices) + edges
    assert all(names)


@functools.cache
def middling() -> Drawing:
    tg.manual_seed(0)
    net = nn.Sequential(*[m for _ in range(30) for m in (nn.Linear(4, 4), nn.Tanh())])
    return draw(net, normals(3, 4, requires_grad=True), collapse=(), wrap=False)


def test_the_minimap_stands_beside_more_than_a_hundred_vertices_and_moves_the_picture(browser):
    browser.open(NETWORK.svg, ".svg")
    assert browser.run("return document.querySelectorAll('.map').length") == 0
    browser.open(middling().svg, ".svg")
    dots = browser.run("return document.querySelector('.map path').getAttribute('d').match(/M/g).length")
    assert dots == sum(v.kind != "output" for v in middling().picture.vertices) > 100
    eye = """const r = document.querySelector('.map .eye').getBoundingClientRect(),
        m = document.querySelector('.map').getBoundingClientRect(); return [r.left - m.left, m.left, m.top, m.height]"""
    before, left, top, height = browser.run(eye)
    last = middling().picture.vertices[-2].id
    assert browser.run(MIDDLE, last)[0] > 1280
    drag(browser, (round(left) + 5, round(top + height / 2)), (170, 0))
    assert browser.run(eye)[0] > before + 100
    assert 0 < browser.run(MIDDLE, last)[0] < 1280
    assert browser.run("return document.querySelector('.on') === null")


def test_in_a_large_drawing_what_is_near_has_its_texts_and_what_is_far_has_none(browser):
    browser.open(middling().svg, ".svg")
    shown = f"{SEEN} return [...document.querySelectorAll('.view .node text')].filter(seen).length"
    near = browser.run(shown)
    assert 3 < near < 60
    browser.press("0")
    assert browser.run(shown) == 0
    browser.media("print")
    assert browser.run(shown) == len([v for v in middling().picture.vertices if v.kind != "output"])


def test_without_style_and_script_every_name_is_still_there(browser):
    stripped = re.sub(r"<(style|script)>.*?</\1>", "", NETWORK.svg, flags=re.DOTALL)
    browser.open(stripped, ".svg")
    texts = browser.run(f"{SEEN} return [...document.querySelectorAll('text')].filter(seen).map(t => t.textContent)")
    assert {v.label for v in NETWORK.picture.vertices if v.kind != "box"} <= set(texts)
    assert browser.run(f"{SEEN} return [...document.querySelectorAll('button,input,p')].some(seen)") is False
    left, top, right, bottom = browser.run(VIEW)
    width, height = (float(n) for n in re.findall(r'(?:width|height)="(\d+)"', stripped)[:2])
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_in_rows_no_frame_folds(browser):
    drawing = draw(MLP(), normals(32, 64, requires_grad=True), width="400pt", wrap=True)
    assert any(len(arrow.pieces) > 1 for arrow in drawing.scene.arrows)
    browser.open(drawing.svg, ".svg")
    assert browser.run("return document.querySelectorAll('.cluster,[data-in]').length") == 0
    assert len({m for v in drawing.picture.vertices for m in v.around}) == browser.run(
        "return document.querySelectorAll('.module').length"
    )
