"""Legibility, measured on the SVG itself: crossings, pairs of arrows, labels that touch."""

from __future__ import annotations

import functools
import itertools
import math
import re
import unicodedata
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import draw
from tensorgrad.viz.layout.splines import Line, between, cut_end, dense, lengths, lines, parallel, pieces, sampled

SVG = "{http://www.w3.org/2000/svg}"


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(64, 100), nn.BatchNorm1d(100)
        self.fc2, self.bn2, self.drop = nn.Linear(100, 100), nn.BatchNorm1d(100), nn.Dropout(0.5)
        self.fc3 = nn.Linear(100, 10)

    def forward(self, x):
        x = self.bn1(self.fc1(x)).relu()
        return self.fc3(self.drop(self.bn2(self.fc2(x)).relu()))


def normals(*shape, requires_grad=False):
    return tg.tensor(np.random.default_rng(0).normal(size=shape), dtype=tg.float32, requires_grad=requires_grad)


def batchnorm(**options):
    return draw(nn.BatchNorm1d(3), normals(7, 3, requires_grad=True), **options).svg


def network(**options):
    return draw(MLP(), normals(32, 64), **options).svg


def chapter(normalised: bool, dropped: bool, **options):
    """The network of five layers on MNIST, with or without batch normalisation and dropout."""
    sizes, layers = [784, 100, 100, 100, 100, 10], []
    for inputs, outputs in itertools.pairwise(sizes):
        layers.append(nn.Linear(inputs, outputs))
        if outputs != sizes[-1]:
            layers += [nn.BatchNorm1d(outputs)] * normalised + [nn.ReLU()] + [nn.Dropout(0.5)] * dropped
    return draw(nn.Sequential(*layers), normals(8, 784), **options).svg


DRAWINGS = {
    "batchnorm": lambda: batchnorm(),
    "batchnorm letters": lambda: batchnorm(dims={7: "N", 3: "D"}),
    "batchnorm shapes": lambda: batchnorm(labels="shapes"),
    "batchnorm down": lambda: batchnorm(rankdir="TB"),
    "network": lambda: network(),
    "network closed": lambda: network(depth=1),
    "network one open": lambda: network(collapse=("Linear", "bn2", "drop")),
    "network down": lambda: network(rankdir="TB"),
    "affine": lambda: draw(nn.Linear(4, 3), normals(5, 4, requires_grad=True)).svg,
    "dropout": lambda: draw(nn.Dropout(0.5), normals(5, 4, requires_grad=True)).svg,
}


for _bn, _drop, _rankdir, _depth in itertools.product((False, True), (False, True), ("LR", "TB"), (None, 1)):
    _name = f"chapter {'batchnorm ' * _bn}{'dropout ' * _drop}{_rankdir} {'closed' if _depth else 'open'}"
    DRAWINGS[_name] = functools.partial(chapter, _bn, _drop, rankdir=_rankdir, depth=_depth)
DRAWINGS = {name: functools.cache(made) for name, made in DRAWINGS.items()}


def curves(svg: str) -> dict[str, list[tuple[float, float]]]:
    """The points of every arrow's line, by its id."""
    found = {}
    for group in ET.fromstring(svg).iter(SVG + "g"):
        if (group.get("class") or "").startswith("edge"):
            numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", group.find(SVG + "path").get("d"))]
            points = list(zip(numbers[::2], numbers[1::2], strict=True))
            if len(points) == 2:  # a straight one
                points = [between(*points, t / 3) for t in range(4)]
            found[group.get("id")] = sampled(points, 20)
    return found


def side(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def cross(one, other) -> bool:
    return any(
        side(p, q, r) * side(p, q, s) < 0 and side(r, s, p) * side(r, s, q) < 0
        for p, q in itertools.pairwise(one)
        for r, s in itertools.pairwise(other)
    )


def crossings(svg: str) -> list[tuple[str, str]]:
    lines = curves(svg)
    return [(a, b) for a, b in itertools.combinations(lines, 2) if cross(lines[a], lines[b])]


def farthest_pair(svg: str) -> float:
    """The largest distance of a point on a red arrow from its black twin."""
    lines = curves(svg)
    red = [id for id in lines if id.startswith("b")]
    assert red
    return max(min(math.dist(p, q) for q in lines["f" + id[1:]]) for id in red for p in lines[id])


def text_boxes(svg: str) -> list[tuple[str, float, float, float, float]]:
    """Every text that stands free (on arrows, beside circles, on frames): left, top, right, bottom."""
    found = []
    for group in ET.fromstring(svg).iter(SVG + "g"):
        kind = group.get("class") or ""
        if not (kind.startswith(("edge", "cluster")) or "note" in kind):
            continue
        for text in group.findall(SVG + "text"):
            size, x, y = (float(text.get(k, "13")) for k in ("font-size", "x", "y"))
            half = sum(0 if unicodedata.combining(c) else 0.56 for c in text.text) * size / 2
            found.append((text.text, x - half, y - size * 0.8, x + half, y + size * 0.2))
    return found


def overlaps(svg: str) -> list[tuple[str, str]]:
    """Texts that meet a text or a vertex."""
    boxes = text_boxes(svg)
    found = [
        (a[0], b[0])
        for a, b in itertools.combinations(boxes, 2)
        if a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]
    ]
    for group in ET.fromstring(svg).iter(SVG + "g"):
        if not (group.get("class") or "").startswith("node"):
            continue
        for circle in group.iter(SVG + "circle"):
            x, y, r = (float(circle.get(k)) for k in ("cx", "cy", "r"))
            for text, left, top, right, bottom in boxes:
                if math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom)) < r:
                    found.append((text, group.get("id")))
        for rect in group.iter(SVG + "rect"):
            x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
            for text, left, top, right, bottom in boxes:
                if left < x + w and x < right and top < y + h and y < bottom:
                    found.append((text, group.get("id")))
    return found


def test_no_two_edges_cross_in_figure_6_17():
    svg = batchnorm()
    assert len(curves(svg)) == 28
    assert crossings(svg) == []


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_red_edge_runs_along_its_black_twin(name):
    assert farthest_pair(DRAWINGS[name]()) < 12


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_meets_a_text_or_a_node(name):
    svg = DRAWINGS[name]()
    assert text_boxes(svg)
    assert overlaps(svg) == []


@pytest.mark.parametrize("name", ["batchnorm", "batchnorm letters", "affine"])
def test_no_label_is_left_out_where_there_is_room(name):
    svg = DRAWINGS[name]()
    labelled = [g for g in ET.fromstring(svg).iter(SVG + "g") if (g.get("class") or "").startswith("edge")]
    assert all(g.find(SVG + "text") is not None for g in labelled)


def test_the_main_line_is_straight_and_branches_hang_below():
    root = ET.fromstring(batchnorm())
    heights = {}
    for group in root.iter(SVG + "g"):
        circle = group.find(SVG + "circle")
        if circle is not None:
            heights.setdefault(group.find(SVG + "text").text, []).append(float(circle.get("cy")))
    spine = [heights[name][0] for name in ("x", "−", "*", "+")] + [heights["*"][1]]
    assert max(spine) - min(spine) < 1
    assert all(min(heights[name]) > max(spine) for name in ("**2", "√(x+ε)", "1/x", "γ", "β"))
    branches = [heights["1/N Σxᵢ"], heights["**2"], heights["√(x+ε)"], heights["1/x"]]
    assert np.ptp(np.concatenate(branches)) < 1
    assert heights["γ"][0] < heights["β"][0]


# The checks themselves can fail: each is shown something wrong.


def edge(id: str, d: str, label: str = "") -> str:
    text = f'<text x="50" y="50" font-size="13">{label}</text>' if label else ""
    return f'<g id="{id}" class="edge"><path d="{d}"/>{text}</g>'


def drawn(*parts: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'


STRAIGHT, CROSSWISE = "M0,0C30,0 60,0 90,0", "M44,-9C44,-4 44,3 44,8"


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_arrow_is_made_of_cubics_with_all_their_points(name):
    """Level ones as well: who reads a file, or lays arrows out anew, needs one rule."""
    number = r"-?\d+(?:\.\d)?"
    point = f"{number},{number}"
    cubics = re.compile(f"(M{point}C{point}(?: {point}){{2}}(?: {point} {point} {point})*)+")
    root = ET.fromstring(DRAWINGS[name]())
    paths = [g.find(SVG + "path").get("d") for g in root.iter(SVG + "g") if (g.get("class") or "").startswith("edge ")]
    assert len(paths) > 2
    assert all(map(cubics.fullmatch, paths))


def test_the_checks_find_what_is_wrong():
    assert crossings(drawn(edge("f1", STRAIGHT), edge("b1", CROSSWISE))) == [("f1", "b1")]
    assert farthest_pair(drawn(edge("f1", STRAIGHT), edge("b1", "M90,20C60,20 30,20 0,20"))) == pytest.approx(20)
    assert overlaps(drawn(edge("f1", STRAIGHT, "a"), edge("f2", STRAIGHT, "b"))) == [("a", "b")]
    circle = '<g id="n1" class="node"><circle cx="50" cy="70" r="31"/></g>'
    assert overlaps(drawn(edge("f1", STRAIGHT, "a"), circle)) == [("a", "n1")]


ARC = [(0.0, 0.0), (0.0, 55.0), (45.0, 100.0), (100.0, 100.0)]


def test_a_parallel_keeps_its_distance():
    middle = sampled(ARC)
    for distance in (3.5, -3.5):
        found = [min(math.dist(p, q) for q in middle) for p in sampled(parallel(ARC, distance))]
        assert min(found) > 2.8
        assert max(found) < 4.2
    assert parallel(ARC, 3.5)[0] == (-3.5, 0.0)


def test_an_end_is_cut_by_its_length():
    body, tip = cut_end(ARC, 8.0)
    assert tip == ARC[-1]
    assert lengths(sampled(ARC))[-1] - lengths(sampled(body))[-1] == pytest.approx(8.0, abs=0.1)
    point, direction = Line(sampled([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)])).halfway(0.5)
    assert point == pytest.approx((1.5, 0.0))
    assert direction == pytest.approx((1.0, 0.0))


def test_many_curves_have_the_points_that_each_has():
    curves = [ARC, [*ARC, *((x + 100.0, y - 70.3) for x, y in ARC[1:])], [(x / 7, 3.0) for x, _ in ARC]]
    assert [line.points for line in lines(curves)] == [sampled(curve) for curve in curves]
    assert lines([]) == []
    points = list(zip(*dense(curves).tolist(), strict=True))
    assert points == [p for curve in curves for cubic in pieces(curve) for p in sampled(cubic, steps(cubic))]
    assert max(itertools.starmap(math.dist, itertools.pairwise(points[: 1 + steps(ARC)]))) < 3
    assert dense([]).shape == (2, 0)


def steps(cubic):
    return int(sum(itertools.starmap(math.dist, itertools.pairwise(cubic))) // 3) + 1
