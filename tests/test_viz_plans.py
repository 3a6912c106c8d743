"""Plans as pictures: each step is there, and what it reads comes from who wrote it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tests import compile_networks as nets
from tests.compile_networks import Run, batches, classifier

STEPS: dict[str, Any] = {
    "chapter": lambda: classifier(nets.mlp(), batches(16, 12, classes=4), lambda p: optim.Adam(p, lr=1e-2), clip=0.5),
    "convolutional": nets.convolutional,
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_drawn(backend: str, name: str) -> None:
    run: Run = STEPS[name]()
    step = tg.compile(run.step, backend=backend, fullgraph=True)
    for k in range(3):
        step(*run.given(k))
    (plan,) = step.plans
    drawing = viz.draw(plan)
    picture = drawing.picture
    steps = [v for v in picture.vertices if v.id.startswith("n")]
    assert len(steps) == sum(s.kind != "view" for s in plan.steps)
    assert {e.tail for e in picture.edges} | {e.head for e in picture.edges} <= picture.vertex.keys()
    order = {v.id: i for i, v in enumerate(picture.vertices)}
    assert all(order[e.tail] < order[e.head] for e in picture.edges)
    labels = [v.label for v in picture.vertices]
    assert labels.count(".grad") >= sum(1 for _ in run.modules[0].parameters())
    assert labels.count("out") == 1
    assert any(v.kind == "box" for v in picture.vertices)
    assert f"{plan.size:,} bytes of its own" in drawing.caption
    assert ET.fromstring(drawing.svg).tag.endswith("svg")
    assert drawing.text() == str(plan)


def test_what_is_read_comes_from_who_wrote_it(backend: str) -> None:
    weight = nn.Parameter(tg.ones(3))
    f = tg.compile(lambda x: ((x * weight).exp() - x).T, backend=backend, fullgraph=True)
    with tg.no_grad():
        for _ in range(3):
            f(tg.ones(2, 3))
    drawing = f.plans[0].draw()
    found = [(e.source, e.target, e.forward) for e in drawing.edges]
    assert ("multiply", "exp", "float32[2, 3] 24 B") in found
    assert {(s, t) for s, t, _ in found} == {
        ("given 0", "multiply"), ("parameter", "multiply"), ("multiply", "exp"), ("exp", "subtract"),
        ("given 0", "subtract"), ("subtract", "out"),
    }  # fmt: skip
    assert all("test_viz_plans.py" in v.tooltip for v in drawing.picture.vertices if v.label in ("exp", "multiply"))
