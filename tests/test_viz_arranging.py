"""What functions of the library do to shapes is no circle of the user's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tests.measuring import Measures, measured
from tests.test_viz_measures import told

F = nn.functional


def given(*shape: int, dtype: tg.dtype = tg.float64) -> tg.Tensor:
    return tg.randn(*shape, dtype=dtype, requires_grad=True)


ONE: dict[str, tuple[Callable[..., Any], list[tg.Tensor], str]] = {
    "matrix and vector": (lambda w, v: w @ v, [given(2, 3), given(3)], "@"),
    "vector and matrix": (lambda v, w: v @ w, [given(2), given(2, 3)], "@"),
    "vectors": (lambda v, w: v @ w, [given(3), given(3)], "@"),
    "batch": (lambda w, v: w @ v, [given(4, 2, 3), given(3)], "@"),
    "dot": (lambda v, w: tg.dot(v, w), [given(3), given(3)], "dot"),
    "mv": (lambda w, v: tg.mv(w, v), [given(2, 3), given(3)], "mv"),
    "outer": (lambda v, w: tg.outer(v, w), [given(2), given(3)], "outer"),
    "inner": (lambda v, w: tg.inner(v, w), [given(2), given(2)], "inner"),
    "kron": (lambda v, w: tg.kron(v, w), [given(2, 2), given(2, 1)], "kron"),
    "stack": (lambda v, w: tg.stack([v, w]), [given(2), given(2)], "stack"),
    "repeat": (lambda x: x.repeat(2, 1), [given(2, 3)], "repeat\nrepeats=(2, 1)"),
    "gather": (lambda x: x.gather(0, tg.tensor([[0], [1]])), [given(2, 3)], "gather\ndim=0"),
    "solve": (tg.linalg.solve, [given(3, 3), given(3)], "a⁻¹b"),
    "einsum": (lambda a, b: tg.einsum("ij,jk->ki", a, b), [given(2, 3), given(3, 2)], "einsum\nij,jk->ki"),
}


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("options", [{}, {"unfold": False}, {"labels": "values"}, {"rankdir": "TB"}], ids=str)
def test_a_call_that_arranges_for_one_operation_is_one_circle(name: str, options: dict[str, Any]) -> None:
    function, inputs, label = ONE[name]
    drawing = viz.draw(function, *inputs, **options)
    (circle,) = (v for v in drawing.picture.vertices if not v.leaf and v.kind != "output")
    assert (circle.label, circle.kind) == (label, "op")
    out = function(*inputs)
    out.backward(tg.ones(*out.shape))
    into = [edge for edge in drawing.edges if edge.head == circle.id]
    assert [edge.slot for edge in into] == [*range(len(inputs))]
    for edge, x in zip(into, inputs, strict=True):
        assert edge.shape == x.shape
        np.testing.assert_allclose(edge.gradient, x.grad.numpy(), rtol=1e-9)
        x.grad = None
    (end,) = (edge for edge in drawing.edges if edge.tail == circle.id)
    np.testing.assert_allclose(end.value, out.detach().numpy(), rtol=1e-9)
    assert measured(drawing.svg, told(drawing)) == Measures(0, 0, 0, 0)


def labels(drawing: viz.Drawing) -> list[str]:
    return [v.label for v in drawing.picture.vertices if not v.leaf and v.kind != "output"]


def test_a_tensor_that_was_computed_before_is_drawn_alike() -> None:
    w, v = given(2, 3), given(3)
    assert labels(viz.draw(tg.relu(w @ v))) == ["@", "relu"]


def test_every_product_of_a_loop_is_a_circle() -> None:
    w, v = given(3, 3), given(3)

    def power(w: tg.Tensor, v: tg.Tensor) -> tg.Tensor:
        for _ in range(3):
            v = w @ v
        return v

    for drawing in (viz.draw(power, w, v), viz.draw(power(w, v))):
        assert labels(drawing) == ["@"] * 3
        assert {edge.shape for edge in drawing.edges} == {(3, 3), (3,)}


@pytest.mark.parametrize(
    "layer", [nn.Conv1d(2, 3, 2), nn.Conv2d(2, 3, 2), nn.BatchNorm2d(2), nn.AvgPool1d(2)], ids=repr
)
def test_layers_show_no_reshape(layer: nn.Module) -> None:
    x = given(*[2, 2, 4, 4][: 4 if "2d" in repr(layer) else 3], dtype=tg.float32)
    assert not {"reshape", "xᵀ"} & {*labels(viz.draw(layer, x)), *labels(viz.draw(layer(x)))}


def test_what_the_user_has_arranged_is_drawn() -> None:
    x = given(2, 3)
    assert labels(viz.draw(lambda x: x.reshape(6) @ x.reshape(6), x)) == ["reshape", "reshape", "@"]
    assert labels(viz.draw(lambda x: x.unsqueeze(0) * x.flatten().reshape(2, 3), x)) == ["reshape"] * 3 + ["*"]
    assert labels(viz.draw(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), given(2, 1, 3, dtype=tg.float32))) == [
        "reshape",
        "Affine",
    ]


def test_names_follow_what_is_shown() -> None:
    w, v = given(2, 3), given(3)
    drawing = viz.draw(lambda w, v: (w @ v).exp() + (w @ v).sum(), w, v)
    assert {edge.forward for edge in drawing.edges} >= {"matmul₁", "matmul₂", "exp", "sum"}
    drawing = viz.draw(lambda w, v: w @ v, w, v, hide=["matmul"])
    assert [(edge.source, edge.target) for edge in drawing.edges] == [("w", "out"), ("v", "out")]


def test_a_function_is_known_where_the_library_has_called_it_before_anyone_else() -> None:
    script = """
import tensorgrad as tg
tg.viz.draw(tg.nn.Bilinear(2, 3, 4), tg.ones(5, 2), tg.ones(5, 3))
drawing = tg.viz.draw(lambda a, b: tg.einsum("ij,jk->ki", a, b), tg.ones(2, 3), tg.ones(3, 2))
print([vertex.label for vertex in drawing.picture.vertices])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "einsum" in run.stdout


def test_the_first_operand_of_what_is_a_product_of_arranged_ones_is_told() -> None:
    circles = [v for v in viz.draw(tg.outer, given(2), given(3)).picture.vertices if v.label == "outer"]
    assert [v.asymmetric for v in circles] == [True]


def test_an_einsum_of_three_is_a_box() -> None:
    drawing = viz.draw(lambda a, b, c: tg.einsum("ij,jk,kl->li", a, b, c) * 2, given(2, 3), given(3, 4), given(4, 2))
    assert labels(drawing) == ["einsum\nequation='ij,jk,kl->li' [+]", "x*2"]
