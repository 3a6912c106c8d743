"""`draw(live=True)`: a picture that computes itself anew, in a browser, beside what the library computes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.errors import CompileError, TensorgradError
from tensorgrad.nn import functional
from tensorgrad.viz.output.live import Live

SVG = "{http://www.w3.org/2000/svg}"
TEXTS = """return Object.fromEntries([...document.querySelectorAll('.node.numbered,.edge')].map(
    g => [g.id, [...g.querySelectorAll('text')].map(t => t.textContent)]))"""
TITLES = "return Object.fromEntries([...document.querySelectorAll('.node')].map(g => [g.id, g.firstChild.textContent]))"
PAINTED = "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))"
SET = """const [name, i, value] = arguments, list = document.querySelector('.tg-live select');
    list.value = [...list.options].findIndex(o => o.textContent == name); list.onchange();
    const input = document.querySelectorAll('.tg-live td > :first-child')[i];
    input.focus(); input.value = value; input.dispatchEvent(new Event('input'))"""
NUMBERS = "return [...document.querySelectorAll('.tg-live td > :first-child')].map(i => i.value ?? i.textContent)"
TOLD = "return document.querySelector('.tg-live output').textContent"
FAULT = re.compile(", (first )?(NaN|Inf)( here)?, [0-9,]+ not finite")
NAMES = "return [...document.querySelectorAll('option')].map(o => o.textContent)"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3)).round(3)
TARGET = [0, 2, 1, 1]
SEED = tg.tensor(RNG.normal(size=(4, 3)))


def batchnorm() -> nn.Module:
    return nn.BatchNorm1d(3).to(tg.float64)


def layers() -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(tg.float64)


FUNCTIONS = {
    "batchnorm": (batchnorm(), SEED),
    "softmax and cross entropy": (lambda x: functional.cross_entropy(x, tg.tensor(TARGET)), None),
    "layers": (layers(), None),
    "activations": (lambda x: (functional.gelu(x) * x.tanh().exp() + functional.softplus(x)).sum(), None),
    "maxima": (lambda x: x.max(1).values.cumsum(0).prod(), None),
    "used twice": (lambda x: (x @ x.T * x[:, :1]).mean(), None),
    "statistics": (lambda x: (x.std(0) / (x.var() + 1)).norm(), None),
}


def leaf(array: np.ndarray) -> tg.Tensor:
    return tg.tensor(array, requires_grad=True)


def expected(function, array: np.ndarray, seed) -> dict[str, list[str]]:
    """What stands at each circle and arrow in a still picture of these numbers."""
    root = ET.fromstring(viz.draw(function, leaf(array), seed=seed, labels="values").svg)
    found = {}
    for g in root.iter(SVG + "g"):
        kinds = (g.get("class") or "").split(" ")
        if "edge" in kinds or "numbered" in kinds:
            found[g.get("id")] = [t.text for t in g.iter(SVG + "text")]
    return found


def close(found: str, wanted: str) -> bool:
    """Whether two texts are the same but for the last digit of their numbers, which rounding may turn."""
    number = re.compile(r"-?\d+\.?\d*(?:e[+-]\d+)?")
    if number.sub("#", found) != number.sub("#", wanted):
        return False
    pairs = zip(number.findall(found), number.findall(wanted), strict=True)
    return all(abs(float(a) - float(b)) <= 0.011 * max(abs(float(a)), abs(float(b))) for a, b in pairs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_shown_after_a_change_is_what_the_library_computes(browser, name) -> None:
    function, seed = FUNCTIONS[name]
    browser.open(viz.draw(function, leaf(X), seed=seed, live=True).svg, ".svg")
    array = X.copy()
    for place, value in ((0, 0.25), (5, -1.5), (0, 3.125)):
        array.flat[place] = value
        browser.run(SET, "x", place, str(value))
        browser.run_async(PAINTED)
        found, wanted = browser.run(TEXTS), expected(function, array, seed)
        assert found.keys() == wanted.keys()
        wrong = {id: (found[id], wanted[id]) for id in found if not all(map(close, found[id], wanted[id]))}
        assert not wrong
    assert browser.log("browser") == []


def test_what_is_told_of_a_circle_follows(browser) -> None:
    browser.open(viz.draw(lambda x: (x * x).sum(), leaf(np.array([1.0, 2.0])), live=True).svg, ".svg")
    browser.run(SET, "x", 0, "4")
    browser.run_async(PAINTED)
    told = browser.run(TITLES)
    assert "min 2, mean 3, max 4, gradient norm 8.944" in told["n0"]
    assert "value 20" in " ".join(told.values())


def test_a_drag_on_a_number_moves_it_and_all_follow(browser) -> None:
    function, seed = FUNCTIONS["batchnorm"]
    browser.open(viz.draw(function, leaf(X), seed=seed, live=True).svg, ".svg")
    browser.run(
        """const i = document.querySelector('.tg-live td input'), at = i.getBoundingClientRect();
        const event = (type, x) => i.dispatchEvent(new PointerEvent(type,
            {clientX: x, clientY: at.y + 5, pointerId: 1, buttons: type == 'pointerup' ? 0 : 1, bubbles: true}));
        i.setPointerCapture = () => 0;
        event('pointerdown', at.x + 10); event('pointermove', at.x + 60); event('pointerup', at.x + 60)"""
    )
    browser.run_async(PAINTED)
    array = X.copy()
    array.flat[0] = float(browser.run(NUMBERS)[0])
    assert array.flat[0] != X.flat[0]
    found, wanted = browser.run(TEXTS), expected(function, array, seed)
    assert all(all(map(close, found[id], wanted[id])) for id in wanted)


def test_keys_a_slider_and_reset(browser) -> None:
    browser.open(viz.draw(lambda x: x * 2, leaf(np.array([1.0, 2.0])), live={"x": (0.0, 10.0)}).svg, ".svg")
    browser.run("document.querySelector('.tg-live td input').focus()")
    browser.press("ArrowUp")
    assert browser.run(NUMBERS) == ["1.1", "2"]
    browser.press("ArrowDown", holding=["Shift"])
    assert browser.run(NUMBERS) == ["0.1", "2"]
    browser.run("const r = document.querySelector('[type=range]'); r.value = 500; r.oninput()")
    browser.run_async(PAINTED)
    assert browser.run(TEXTS)["n1"][-1].startswith("[10, 4]")
    browser.click(".tg-live button")
    browser.run_async(PAINTED)
    assert browser.run(TEXTS)["n1"][-1].startswith("[2, 4]")


def test_numbers_with_a_name_move_and_whole_ones_stay_whole(browser) -> None:
    browser.open(viz.draw(batchnorm(), leaf(X), live=True).svg, ".svg")
    names = browser.run("return [...document.querySelectorAll('.tg-live option')].map(o => o.textContent)")
    assert [name.split(" of ")[0] for name in names[:4]] == ["x", "γ", "β", "ε"]
    before = browser.run(TEXTS)
    browser.run(SET, names[3], 0, "100")
    browser.run_async(PAINTED)
    assert browser.run(TEXTS) != before
    browser.open(
        viz.draw(lambda x, t: functional.cross_entropy(x, t), leaf(X), tg.tensor(TARGET), live=True).svg, ".svg"
    )
    browser.run(SET, "t", 0, "1")
    browser.run_async(PAINTED)
    wanted = functional.cross_entropy(tg.tensor(X), tg.tensor([1, 2, 1, 1])).item()
    shown = browser.run(TEXTS)
    assert any(text.startswith(f"{wanted:.4g}") for texts in shown.values() for text in texts)
    browser.run(SET, "t", 0, "7")
    browser.run_async(PAINTED)
    assert "does not follow" in browser.run(TOLD)
    assert browser.run(TEXTS) == shown


def test_a_link_holds_the_state_and_nothing_else(browser) -> None:
    drawing = viz.draw(lambda x: x.exp(), leaf(np.array([1.0, 2.0])), live=True)
    path = drawing.save(browser.folder / "linked.svg")
    for state, wanted in (("0.1=0.5", ["1", "0.5"]), ("9.1=0.5&0.7=1&0.0=1e999&<b>&0.0=x", ["1", "2"])):
        key = re.search(r'aria-labelledby="title-(\w+)"', drawing.svg)[1]
        browser._tell("url", {"url": f"{path.as_uri()}?{len(state)}#other:0.0=9;{key}:{state}"})
        browser.run_async(PAINTED)
        assert browser.run(NUMBERS) == wanted
    browser.run(SET, "x", 0, "0.25")
    browser.run("document.querySelectorAll('.tg-live button')[1].click()")
    assert browser.run("return location.hash") == f"#other:0.0=9;{key}:0.0=0.25"
    browser.run(f"location.hash = '{key}:0.1=4'")
    browser.run_async(PAINTED)
    assert browser.run(NUMBERS) == ["1", "4"]


LONG = "a_name_that_is_much_longer_than_an_arrow"
ALIKE = {
    "a gradient's name": (lambda t, dt: (t + dt * t.sin()).sum(), "dt", [1.0, 2.0], 0.1),
    "a gradient's name twice": (lambda x, dx: (x * dx).sum(), "dx", [1.0, 2.0], [0.5, 0.25]),
    "words of a title": (lambda value, norm: (value * norm).sum(), "norm", [1.0, 2.0], [0.5, 0.25]),
    "a long name": (eval(f"lambda {LONG}, b: ({LONG} * b * {LONG}).sum()"), "b", [1.0, 2.0], [0.5, 0.25]),
    "what is zero": (lambda x, w: ((x * w).relu() * 3).sum(), "w", [-1.0, -2.0], [1.0, 1.0]),
    "a mask": (lambda x, m: (x + m).softmax(0), "m", [1.0, 2.0, 3.0], [0.0, 0.0, -np.inf]),
}  # fmt: skip
LINES = """return [...document.querySelectorAll('.node,.edge')].map(
    g => [g.id, g.matches('.zero'), g.getAttribute('stroke-dasharray'), g.querySelector('title').textContent])"""


@pytest.mark.parametrize("name", ALIKE)
def test_names_titles_and_marks_follow_also_where_they_look_like_others(browser, name) -> None:
    function, changed, x, other = ALIKE[name]
    first, second = (np.asarray(array, float) for array in (x, other))
    browser.open(viz.draw(function, leaf(first), leaf(second), live=True).svg, ".svg")
    for value in (-3.5, 0.75):
        second = second.copy()
        second.flat[0] = value
        browser.run(SET, changed, 0, str(value))
        browser.run_async(PAINTED)
        found, lines = browser.run(TEXTS), browser.run(LINES)
        still = viz.draw(function, leaf(first), leaf(second), labels="values").svg
        browser.open(still, ".svg")
        wanted, drawn = browser.run(TEXTS), browser.run(LINES)
        if name != "a long name":  # whose numbers are whole here
            assert not {id: (found[id], wanted[id]) for id in wanted if not all(map(close, found[id], wanted[id]))}
        assert any("…" in text or name != "a long name" for texts in found.values() for text in texts)
        assert [line[:3] for line in lines] == [line[:3] for line in drawn]
        # where NaN and Inf are first is told by the still picture alone
        assert all(close(a[3], FAULT.sub("", b[3])) for a, b in zip(lines, drawn, strict=True))
        browser.open(viz.draw(function, leaf(first), leaf(second), live=True).svg, ".svg")
    assert browser.log("browser") == []


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_recurrent_layers_of_three_steps_have_room_and_their_still_pictures_the_numbers_of_the_run(kind) -> None:
    tg.manual_seed(0)
    model = kind(2, 2).to(tg.float64)
    drawing = viz.draw(lambda x: model(x)[0].sum(), leaf(RNG.normal(size=(3, 1, 2))), live=True)
    texts = [t.text for t in ET.fromstring(drawing.svg).iter(SVG + "text")]
    assert not [text for text in texts if text and ("-0.123" in text or "-0.01234" in text)]


@pytest.mark.parametrize("suffix", [".tex", ".json", ".dot", ".mmd", ".pdf", ".png"])
def test_on_paper_it_is_the_picture_as_it_was_drawn(suffix, tmp_path) -> None:
    if suffix in (".pdf", ".png"):
        pytest.importorskip("typst")
    written = viz.draw(batchnorm(), leaf(X), live=True).save(tmp_path / f"live{suffix}").read_bytes()
    assert len(written) > 1000
    assert b"currentScript" not in written


def test_rounding_is_no_gradient_in_single_precision_either(browser) -> None:
    x = tg.tensor(X, dtype=tg.float32, requires_grad=True)
    browser.open(viz.draw(lambda x: x.softmax(1).sum(), x, live=True).svg, ".svg")
    assert browser.run(TEXTS)["n0"][-1].endswith(("| ≈ 0", "| 0 ± 0"))


def test_a_label_that_the_library_refuses_is_not_followed(browser) -> None:
    drawing = viz.draw(lambda x, t: functional.cross_entropy(x, t), leaf(X), tg.tensor(TARGET), live=True)
    browser.open(drawing.svg, ".svg")
    before = browser.run(TEXTS)
    browser.run(SET, "t", 0, "-1")
    browser.run_async(PAINTED)
    assert "does not follow" in browser.run(TOLD)
    assert browser.run(TEXTS) == before


def test_marks_follow_and_rounding_is_no_gradient_beside_what_is_not_finite(browser) -> None:
    x, y = leaf(np.array([0.3, 1.2, 0.7])), leaf(np.array([-1.0]))
    with np.errstate(invalid="ignore"):
        drawing = viz.draw(lambda x, y: x.softmax(0).sum() + y.sqrt().sum(), x, y, live=True)
    browser.open(drawing.svg, ".svg")
    marked = "return [...document.querySelectorAll('.node.bad')].length"
    titles = "return [...document.querySelectorAll('title')].map(t => t.textContent).join()"
    assert browser.run(marked) > 0
    assert browser.run(TEXTS)["n0"][-1].endswith("| ≈ 0")
    browser.run(SET, "y", 0, "4")
    browser.run_async(PAINTED)
    assert browser.run(marked) == 0
    assert not re.search("NaN|nan|not finite", browser.run(titles))


def test_another_address_leaves_what_was_changed_and_whole_numbers_are_whole(browser) -> None:
    whole = tg.tensor([1234567, 2])
    browser.open(viz.draw(lambda x, n: (x * n).sum(), leaf(np.array([1.0, 2.0])), whole, live=True).svg, ".svg")
    browser.run(SET, "x", 0, "9")
    browser.run_async(PAINTED)
    browser.run("location.hash = 'elsewhere'")
    assert browser.run(NUMBERS)[0] == "9"
    browser.run(SET, "n", 1, "7")
    browser.run_async(PAINTED)
    assert browser.run(NUMBERS) == ["1234567", "7"]
    browser.run(SET, "n", 1, "2.5")
    browser.run_async(PAINTED)
    assert "2.5 is no number for it" in browser.run(TOLD)


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_keys_in_the_panel_are_not_those_of_the_viewer(browser, suffix) -> None:
    drawing = viz.draw(lambda x: x.exp(), leaf(np.array([0.0, 1.0])), live=True)
    browser.open(drawing.html if suffix == ".html" else drawing.svg, suffix)
    browser.run("document.querySelector('[type=range]').focus()")
    browser.press("ArrowRight", "f", "End", "/")
    assert browser.run("return [...document.querySelector('svg.tg').classList]") == ["tg", "full"]


def test_a_number_that_cannot_be_is_refused_and_told(browser) -> None:
    browser.open(viz.draw(lambda x: x + 1, tg.tensor([1, 2], dtype=tg.int8), live=True).svg, ".svg")
    browser.run(SET, "x", 0, "300")
    assert "300 is no number for it" in browser.run(TOLD)
    browser.open(viz.draw(batchnorm(), leaf(X), live=True).svg, ".svg")
    name = next(
        n for n in browser.run("return [...document.querySelectorAll('option')].map(o => o.textContent)") if "ε" in n
    )
    browser.run(SET, name, 0, "-1")
    assert "-1 is no number for it" in browser.run(TOLD)
    browser.run(SET, name, 0, "0")
    browser.run_async(PAINTED)
    browser.press("ArrowUp")
    assert float(browser.run(NUMBERS)[0]) > 0


def test_a_circle_that_is_clicked_shows_its_numbers(browser) -> None:
    browser.open(viz.draw(lambda x: x.exp() * 2, leaf(np.array([0.0, 1.0])), live=True).svg, ".svg")
    browser.click("#n1")
    assert browser.run(NUMBERS) == ["1", "2.718"]


def test_in_a_page_of_others_the_panel_stands_below_it(browser) -> None:
    svg = viz.draw(lambda x: x.exp(), leaf(np.array([0.0, 1.0])), live=True).svg
    browser.open(f"<!doctype html><meta charset=utf-8><p>before</p>{svg}<p>after</p>")
    assert browser.run("return document.querySelector('svg.tg').nextElementSibling.className") == "tg-live"
    browser.run(SET, "x", 0, "1")
    browser.run_async(PAINTED)
    assert browser.run(TEXTS)["n1"][-1].startswith("[2.72, 2.72]")
    assert browser.log("browser") == []


def test_names_are_texts_and_never_run(browser) -> None:
    hostile = "</script><script>document.title='run'</script>\"]];document.title='run'//`${document.title='run'}`"
    model = nn.Module()
    model.register_parameter(hostile.replace(".", ""), nn.Parameter(tg.tensor([1.0, 2.0])))
    model.forward = lambda x: x * next(iter(model.parameters()))
    drawing = viz.draw(model, leaf(np.array([1.0, 2.0])), title=hostile, live=True)
    ET.fromstring(drawing.svg)
    for text, suffix in ((drawing.svg, ".svg"), (drawing.html, ".html")):
        browser.open(text, suffix)
        names = browser.run(NAMES)
        assert any(name.startswith("</script>") for name in names)
        assert browser.run("return document.title") != "run"
        assert not re.search(r"\beval\(|new Function|https?://(?!www\.w3\.org)", text)


def test_without_its_script_it_is_the_still_picture() -> None:
    drawing = viz.draw(batchnorm(), leaf(X), seed=SEED, live=True)
    assert isinstance(drawing, Live)
    shown = expected(batchnorm(), X, SEED)
    root = ET.fromstring(re.sub(r"<script>.*?</script>", "", drawing.svg, flags=re.DOTALL))
    found = {g.get("id"): [t.text for t in g.iter(SVG + "text")] for g in root.iter(SVG + "g") if g.get("id") in shown}
    assert found == shown
    assert root.find(f".//{SVG}foreignObject[@class='live bar']").get("display") == "none"
    still = viz.draw(batchnorm(), leaf(X), seed=SEED, labels="values").svg
    assert len(drawing.svg.encode()) - len(still.encode()) < 40_000


def test_what_cannot_follow_is_refused_and_told() -> None:
    x = leaf(X)
    with pytest.raises(CompileError, match=r"draw\(live=True\) cannot follow .*test_viz_live.*read a value"):
        viz.draw(lambda x: x * x.max().item(), x, live=True)
    with pytest.raises(CompileError, match=r"draw\(live=True\) has no JavaScript for the call .*sort"):
        viz.draw(lambda x: x.sort(0).values, x, live=True)
    with pytest.raises(TensorgradError, match=r"takes .* bytes, and 40,000 may"):
        _ = viz.draw(lambda x: x * 2, leaf(RNG.normal(size=(60, 60))), live=True).svg
    with pytest.raises(TensorgradError, match=r"there is no such input; there are x"):
        viz.draw(lambda x: x * 2, x, live={"rate": (0, 1)})
    for ends in (3, (1, 2, 3), (0, 0), ("a", "b")):
        with pytest.raises(TensorgradError, match=r"give the two ends of a slider"):
            viz.draw(lambda x: x * 2, x, live={"x": ends})
    with pytest.raises(TensorgradError, match=r"give True, or the ends of sliders"):
        viz.draw(lambda x: x * 2, x, live=1)
    assert isinstance(viz.draw(lambda x: x * 2, x, live={}), Live)
    with pytest.raises(TensorgradError, match="nothing here can be changed"):
        viz.draw(lambda: tg.ones(3) * 2, live=True)
    with pytest.raises(TensorgradError, match="leave out heat"):
        viz.draw(lambda x: x * 2, x, live=True, heat="gradient")
    with pytest.raises(ZeroDivisionError) as failed:
        viz.draw(lambda x: x * (1 / 0), x)
    with pytest.raises(TensorgradError, match=r"is for a function, a module"):
        viz.draw(failed.value, live=True)
    with pytest.raises(TensorgradError, match=r"leave out labels"):
        viz.draw(lambda x: x * 2, x, live=True, labels="shapes")
