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
SET = """const [name, i, value] = arguments, list = document.querySelector('.panel select');
    list.value = [...list.options].findIndex(o => o.textContent == name); list.onchange();
    const input = document.querySelectorAll('.panel td > :first-child')[i];
    input.focus(); input.value = value; input.dispatchEvent(new Event('input'))"""
NUMBERS = "return [...document.querySelectorAll('.panel td > :first-child')].map(i => i.value ?? i.textContent)"
TOLD = "return document.querySelector('.panel output').textContent"
CHOSEN = "const list = document.querySelector('.panel select'); return list.options[list.value].textContent"
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
        """const i = document.querySelector('.panel td input'), at = i.getBoundingClientRect();
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
    browser.run("document.querySelector('.panel td input').focus()")
    browser.press("ArrowUp")
    assert browser.run(NUMBERS) == ["1.1", "2"]
    browser.press("ArrowDown", holding=["Shift"])
    assert browser.run(NUMBERS) == ["0.1", "2"]
    browser.run("const r = document.querySelector('[type=range]'); r.value = 500; r.oninput()")
    browser.run_async(PAINTED)
    assert browser.run(TEXTS)["n1"][-1].startswith("[10, 4]")
    browser.click(".panel button")
    browser.run_async(PAINTED)
    assert browser.run(TEXTS)["n1"][-1].startswith("[2, 4]")


def test_numbers_with_a_name_move_and_whole_ones_stay_whole(browser) -> None:
    browser.open(viz.draw(batchnorm(), leaf(X), live=True).svg, ".svg")
    names = browser.run("return [...document.querySelectorAll('.panel option')].map(o => o.textContent)")
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
        browser._tell("url", {"url": f"{path.as_uri()}?{len(state)}#{state}"})
        browser.run_async(PAINTED)
        assert browser.run(NUMBERS) == wanted
    browser.run(SET, "x", 0, "0.25")
    browser.run("document.querySelectorAll('.panel button')[1].click()")
    assert browser.run("return location.hash") == "#0.0=0.25"


def test_a_circle_that_is_clicked_shows_its_numbers(browser) -> None:
    browser.open(viz.draw(lambda x: x.exp() * 2, leaf(np.array([0.0, 1.0])), live=True).svg, ".svg")
    browser.click("#n1")
    assert browser.run(NUMBERS) == ["1", "2.718"]


def test_in_a_page_of_others_the_panel_stands_below_it(browser) -> None:
    svg = viz.draw(lambda x: x.exp(), leaf(np.array([0.0, 1.0])), live=True).svg
    browser.open(f"<!doctype html><meta charset=utf-8><p>before</p>{svg}<p>after</p>")
    assert browser.run("return document.querySelector('svg.tg').nextElementSibling.className") == "panel"
    browser.run(SET, "x", 0, "1")
    browser.run_async(PAINTED)
    assert browser.run(TEXTS)["n1"][-1].startswith("[2.72, 2.72]")
    assert browser.log("browser") == []


def test_names_are_texts_and_never_run(browser) -> None:
    hostile = "</script><script>document.title='run'</script>\"]];document.title='run'//`${document.title='run'}`"
    x = leaf(np.array([1.0, 2.0]))
    drawing = viz.draw(lambda x: x * 2, x, names={hostile[:40]: x}, title=hostile, live=True)
    ET.fromstring(drawing.svg)
    for text, suffix in ((drawing.svg, ".svg"), (drawing.html, ".html")):
        browser.open(text, suffix)
        assert browser.run("return document.title") != "run"
        assert browser.run("return document.querySelectorAll('.panel td').length") == 2
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
    with pytest.raises(ZeroDivisionError) as failed:
        viz.draw(lambda x: x * (1 / 0), x)
    with pytest.raises(TensorgradError, match=r"is for a function, a module"):
        viz.draw(failed.value, live=True)
    with pytest.raises(TensorgradError, match=r"leave out labels"):
        viz.draw(lambda x: x * 2, x, live=True, labels="shapes")
