"""`viz.film`: the drawings of a training as one file, whose slider shows the numbers of every step."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.viz import film
from tensorgrad.viz.output import film as films
from tensorgrad.viz.picture.summaries import brief
from tests.browser import SEEN
from tests.measuring import hovered

SVG = "{http://www.w3.org/2000/svg}"
FACES = "return Object.fromEntries([...document.querySelectorAll('.node')].map(g => [g.id, g.lastChild.textContent]))"
TEXTS = """return [...document.querySelectorAll('.view :is(.node,.edge,.note:not(.caption))')]
    .map(g => [g.id, ['title', 'text'].flatMap(name => [...g.querySelectorAll(name)]).map(t => t.textContent)])"""
TOLD = "return document.querySelector('.told').textContent"
VALUE = "return document.querySelector('input[type=range]').value"


def training(steps: int = 4, **options):
    """The drawings of a small training by their steps, and each parameter with its gradient at each of them."""
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    x, y = tg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), tg.tensor([[0.0], [1.0], [0.0]])
    drawings, numbers = {}, {}
    for step in range(0, 10 * steps, 10):
        loss = ((net(x) - y) ** 2).mean()
        drawings[step] = viz.draw(loss, names="variables", **{"labels": "values", **options})
        optimizer.zero_grad()
        loss.backward()
        numbers[step] = [(np.array(p.detach()), np.array(p.grad)) for p in net.parameters()]
        optimizer.step()
    return drawings, numbers


DRAWINGS, NUMBERS = training()
FILM = film(DRAWINGS)


def texts(drawing) -> dict[str, list[str]]:
    """What stands at each node and arrow of a drawing, what hovering over it tells, and what stands free."""
    found: dict[str, list[str]] = {}
    root = ET.fromstring(drawing.svg)
    hovering = hovered(root)
    for g in root.iter(SVG + "g"):
        kind, *more = (g.get("class") or "").split(" ")
        if kind in {"node", "edge", "note"} and "caption" not in more:
            told = [*filter(None, [hovering.get(g.get("id"))]), *(t.text for t in g.iter(SVG + "text"))]
            found.setdefault(g.get("id") or "notes", []).extend(told)
    return found


def shown(browser) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id, told in browser.run(TEXTS):
        found.setdefault(id or "notes", []).extend(text for text in told if text.strip())
    return found


# What it shows


def test_the_slider_shows_the_numbers_that_the_library_computes_at_each_step(browser):
    browser.open(FILM.html)
    browser.run("document.querySelector('input[type=range]').focus()")
    browser.press("Home")
    for step, numbers in NUMBERS.items():
        faces = browser.run(FACES)
        want = [f"{brief(value)} | {brief(gradient)}" for value, gradient in numbers]
        vertices = [v.id for v in DRAWINGS[step].picture.vertices if v.kind == "parameter"]
        assert [faces[id] for id in vertices] == want
        assert browser.run("return document.querySelector('output').textContent") == f"step {step}"
        assert browser.run("return document.querySelector('.caption').textContent").startswith(f"step {step}")
        browser.press("ArrowRight")
    assert len({tuple(brief(v) for v, _ in numbers) for numbers in NUMBERS.values()}) == 4


@pytest.mark.parametrize("labels", ["values", "names", "shapes", "formulas"])
def test_each_step_has_every_text_of_its_own_drawing(browser, labels):
    drawings, _ = training(3, labels=labels)
    browser.open(film(drawings).svg, ".svg")
    for place, drawing in enumerate(drawings.values()):
        browser.run("const i = document.querySelector('input[type=range]'); i.value = arguments[0]; i.oninput()", place)
        assert shown(browser) == texts(drawing)


def test_a_drawing_keeps_its_numbers_whatever_is_trained_afterwards():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    seed = np.ones(2, np.float32)
    drawing = viz.draw(w * tg.tensor([3.0, 4.0]), labels="values", seed=seed)
    with tg.no_grad():
        w.fill_(0.0)
    seed[:] = 5.0
    assert ">[1, 2] | [3, 4]<" in drawing.svg
    assert drawing.edges[0].value.tolist() == [1.0, 2.0]
    assert drawing.edges[-1].gradient.tolist() == [1.0, 1.0]


def test_without_scripts_it_is_the_last_step_and_nothing_pretends_to_be_a_slider(browser):
    browser.scripts(on=False)
    browser.open(FILM.html)
    roles = {role for role, _ in browser.read_aloud()}
    assert not roles & {"slider", "button"}
    browser.usual()
    assert texts(FILM) == texts(DRAWINGS[30])
    assert FILM.caption.startswith("step 30")
    assert FILM.description.endswith(FILM.caption)
    assert FILM.edges[0].value is DRAWINGS[30].edges[0].value


def broken(step: int):
    """A training that comes to a NaN at the third step."""
    x = tg.tensor([2.0 - step, 3.0], requires_grad=True)
    with np.errstate(all="ignore"):
        return viz.draw(lambda x: (x.log() * 2).sum(), x, labels="values", heat="gradient")


def test_a_nan_is_marked_at_its_step_alone(browser):
    drawings = {f"epoch {k}": broken(k) for k in range(4)}
    assert "first NaN" in drawings["epoch 3"].caption
    found = film(drawings)
    assert found.steps == ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    browser.open(found.svg, ".svg")
    marks = "return [...document.querySelectorAll('.fault')].map(g => g.textContent.trim())"
    bad = "return [...document.querySelectorAll('.bad')].map(g => g.id)"
    fills = "return [...document.querySelectorAll('.node > circle,.node > rect')].map(c => getComputedStyle(c).fill)"
    seen = []
    for place, drawing in enumerate(drawings.values()):
        browser.run("const i = document.querySelector('input[type=range]'); i.value = arguments[0]; i.oninput()", place)
        root = ET.fromstring(drawing.svg)
        want = [g.get("id") for g in root.iter(SVG + "g") if "bad" in (g.get("class") or "").split()]
        assert browser.run(bad) == want
        assert [mark for mark in browser.run(marks) if mark] == [v.mark for v in drawing.picture.vertices if v.mark]
        seen.append(tuple(browser.run(fills)))
    assert len(set(seen)) > 2  # the heat of each step


@pytest.mark.parametrize("options", [{"depth": 1}, {"rankdir": "TB"}, {"width": "400pt"}, {"theme": "book"}], ids=str)
def test_it_is_drawn_with_the_choices_of_its_drawings(browser, options):
    drawings, _ = training(2, **options)
    browser.open(film(drawings).svg, ".svg")
    browser.run("const i = document.querySelector('input[type=range]'); i.value = 0; i.oninput()")
    closed = {id: [text.removesuffix("[+]").rstrip() for text in told] for id, told in texts(drawings[0]).items()}
    assert shown(browser) == {id: [text for text in told if text] for id, told in closed.items()}


def test_no_text_is_dropped_or_struck_in_any_step():
    for scene in FILM.scenes:
        assert all(arrow.centers for arrow in scene.arrows if arrow.label)
        assert len({tuple(o.center for o in scene.outlines), FILM.scenes[0].bounds()} & {scene.bounds()}) == 1


# How it is moved


def test_the_keys_of_the_slider_are_its_own_and_point_and_comma_move_it_from_anywhere(browser):
    browser.open(FILM.html)
    browser.run("document.querySelector('input[type=range]').focus()")
    for key, value in (("Home", "0"), ("ArrowRight", "1"), ("End", "3"), ("ArrowLeft", "2")):
        browser.press(key)
        assert (browser.run(VALUE), browser.run(TOLD)) == (value, "")
    browser.run("document.activeElement.blur()")
    for key, value in ((".", "3"), (".", "3"), (",", "2"), (",", "1")):
        browser.press(key)
        assert browser.run(VALUE) == value
    browser.press(",", holding=["Control"])
    browser.press("/", ",", "x")
    assert browser.run(VALUE) == "1"
    assert browser.run("return document.querySelector('.tg .bar input').value") == ",x"


def test_a_finger_and_the_mouse_move_it_and_not_the_picture(browser):
    browser.open(FILM.svg, ".svg")
    place = """const r = document.querySelector('input[type=range]').getBoundingClientRect();
        return [r.left, r.right, r.top + r.height / 2]"""
    left, right, y = browser.run(place)
    moved = "return document.querySelector('.view').style.transform"
    before = browser.run(moved)
    for way, x in (("touchStart", right - 8), ("touchMove", (left + right) / 2), ("touchMove", left + 8)):
        browser.cdp("Input.dispatchTouchEvent", type=way, touchPoints=[{"x": x, "y": y}])
    browser.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert browser.wait(f"{VALUE} === '0'")
    browser.click("input[type=range]", dx=100)
    assert browser.run(VALUE) == "2"
    assert browser.run(moved) == before
    assert browser.run("return document.querySelector('output').textContent") == "step 20"


def test_a_screen_reader_meets_a_slider_and_the_name_of_the_step(browser):
    browser.open(FILM.svg, ".svg")
    assert ("slider", "step of the training") in browser.read_aloud()
    browser.press(",")
    assert browser.run("return document.querySelector('input[type=range]').ariaValueText") == "step 20"
    assert "The slider" in ET.fromstring(FILM.svg).find(SVG + "desc").text


def test_playing_goes_from_the_first_step_to_the_last_and_ends(browser):
    browser.open(FILM.html.replace(",600)", ",5)"))
    browser.click(".steps button")
    name = "return document.querySelector('.steps button').getAttribute('aria-label')"
    assert browser.wait(f"return (() => {{ {name} }})() === 'play' && (() => {{ {VALUE} }})() === '3'")
    assert shown(browser) == texts(DRAWINGS[30])


def test_what_the_replay_tells_is_told_with_the_numbers_of_the_step(browser):
    browser.open(FILM.html)
    parameter = next(i for i, v in enumerate(DRAWINGS[0].picture.vertices, 1) if v.kind == "parameter")
    browser.press(*["ArrowRight"] * parameter)
    browser.press(",", ",")
    (value, _), *_ = NUMBERS[10]
    assert browser.run(TOLD) == f"forward {parameter} / 12: parameter W = {brief(value)}"
    browser.press("End", ".")
    assert browser.run(TOLD).endswith(f" = {brief(NUMBERS[20][0][1])}")


def test_folding_and_search_go_on_in_every_step(browser):
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    x = tg.ones(2, 3)
    found = film([viz.draw(net, x * k, labels="values") for k in range(1, 3)])
    browser.open(found.svg, ".svg")
    browser.press("0")
    frame = browser.run("return document.querySelector('.cluster').id")
    browser.click(f"#{frame} text")
    browser.press(",")
    assert browser.run(f"{SEEN} return [...document.querySelectorAll('.node')].some(g => !seen(g))")
    browser.click(f"#{frame}")
    value = found.scenes[0].outlines[0].vertex.numbers
    browser.press("/", *value.split(" ")[0])
    assert browser.run("return document.querySelector('.got').id")


def test_two_films_and_a_figure_in_one_page_do_not_meddle(browser):
    other = film(training(3)[0])
    figure = DRAWINGS[0].svg
    browser.open(f"<!doctype html><meta charset=utf-8><div>{FILM.svg}</div><div>{figure}</div><div>{other.svg}</div>")
    browser.run("document.querySelectorAll('svg.tg')[2].focus()")
    browser.press(",")
    assert browser.run("return [...document.querySelectorAll('input[type=range]')].map(i => i.value)") == ["3", "1"]


# What it costs, and what it refuses


def test_a_step_costs_some_fifty_bytes_for_each_circle_and_arrow_and_a_drawing_none():
    few, many = (len(film(training(n)[0]).svg.encode()) for n in (2, 12))
    things = len(FILM.picture.vertices) + 2 * len(FILM.edges)
    assert (many - few) / 10 < 80 * things
    assert len(films._SCRIPT) < 2000
    assert "slider" not in DRAWINGS[0].svg


def test_more_than_it_can_hold_is_refused(monkeypatch):
    monkeypatch.setattr(films, "_MOST", 100)
    with pytest.raises(TensorgradError, match=r"film\(\) of 4 steps: [\d,]+ bytes differ.*fewer steps"):
        _ = film(DRAWINGS).svg


def test_names_that_end_scripts_do_not(browser):
    x = tg.tensor([1.0], requires_grad=True)
    x.name = "]]></script><script>alert(1)//"
    found = film({f"]]></script>{k} TABLE": viz.draw((x * k).exp(), labels="values") for k in (2, 3)})
    ET.fromstring(found.svg)
    assert len(re.findall("<script", found.svg)) == 3
    browser.open(found.html)
    browser.press(",")
    assert browser.run("return document.querySelector('output').textContent") == "]]></script>2 TABLE"


def net(kind=nn.Tanh, rows=2, bias=True, **options):
    return viz.draw(nn.Sequential(nn.Linear(3, 2, bias=bias), kind()), tg.ones(rows, 3), **options)


@pytest.mark.parametrize(("other", "words"), [
    (lambda: net(nn.Sigmoid), r"at step 1 .* not that of step 0, first difference: node, the oper.*: tanh against"),
    (lambda: net(rows=3), r"the shape of .*\(2, 3\) against \(3, 3\)"),
    (lambda: net(bias=False), "first difference: node, the oper"),
    (lambda: net(depth=1), "first difference: (circle|box) .* against "),
    (lambda: net(labels="values"), "drawn with labels='names' against drawn with labels='values'"),
    (lambda: net(grads=False), "first difference: arrow .* against arrow .* with no gradient"),
])  # fmt: skip
def test_what_has_another_structure_is_refused_with_the_first_difference(other, words):
    with pytest.raises(TensorgradError, match=words):
        film([net(), other()])


def test_constants_and_indices_may_change_from_step_to_step():
    def at(step: int):
        rows = tg.tensor([step, 0])
        return viz.draw(lambda x: (x[rows] * (0.5 * step)).sum() * 0.9**step, tg.ones(3, 2, requires_grad=True))

    assert film(at(k) for k in range(3)).steps == ["step 0", "step 1", "step 2"]


@pytest.mark.parametrize(("steps", "words"), [([], "of no drawings"), ({}, "of no drawings"), ([1], "not int"),
                                              ({4: tg.ones(1)}, r"film\(step 4\).*not Tensor")])  # fmt: skip
def test_what_is_no_drawing_is_refused(steps, words):
    with pytest.raises(TensorgradError, match=words):
        film(steps)


@pytest.mark.parametrize("suffix", [".html", ".svg", ".tex", ".json", ".dot", ".mmd"])
def test_every_format_is_written_still_ones_at_the_last_step(tmp_path, suffix):
    path = FILM.save(tmp_path / f"film{suffix}")
    assert path.stat().st_size > 500
    assert repr(FILM) == "<Film of 4 steps, 13 vertices and 12 edges>"


def test_a_notebook_shows_it():
    assert "range" in FILM._repr_mimebundle_()["text/html"]


def test_two_rounds_of_a_loop_have_the_same_graph_whatever_was_used_before():
    x, y, w = (tg.ones(3, 2, requires_grad=grad) for grad in (True, False, True))
    graphs = [Graph.of(((x.exp() - y) * w).sum()) for _ in range(2)]
    assert graphs[0].text() == graphs[1].text()
    assert [node.op for node in graphs[0].nodes] == ["parameter", "exp", "constant", "sub", "parameter", "mul", "sum"]
    one, other = ({i: g.tolist() for i, g in graph.gradients().nodes.items()} for graph in graphs)
    assert one == other
