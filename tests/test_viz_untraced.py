"""Pictures of what was computed already: where inputs stand, what they are called, and what is told of lost numbers."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import func, nn, viz
from tensorgrad.errors import AutogradError
from tensorgrad.graph import Graph


def center(drawing: viz.Drawing, id: str) -> tuple[float, float]:
    """Return the middle of a vertex."""
    return next(outline.center for outline in drawing.scene.outlines if outline.vertex.id == id)


def labels(drawing: viz.Drawing) -> list[str]:
    return [vertex.label for vertex in drawing.picture.vertices]


def critic() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.Linear(3, 2, bias=False), nn.Bilinear(3, 3, 2)])
def test_an_input_goes_straight_into_its_layer(rankdir: str, layer: nn.Module) -> None:
    x = tg.ones(4, 3)
    y = layer(x, x) if isinstance(layer, nn.Bilinear) else layer(x)
    drawing = viz.draw(y.sum(), rankdir=rankdir)
    edge = next(edge for edge in drawing.edges if edge.source == "x")
    across = 1 if rankdir == "LR" else 0
    assert center(drawing, edge.tail)[across] == pytest.approx(center(drawing, edge.head)[across])


def test_a_weight_that_a_derivative_reads_before_its_layer_is_a_tap() -> None:
    net, real, fake = critic(), tg.randn(4, 2), tg.randn(4, 2)
    mixed = tg.lerp(real, fake, 0.3).requires_grad_()
    (slope,) = tg.autograd.grad(net(mixed).sum(), mixed, create_graph=True)
    loss = net(fake).mean() - net(real).mean() + 10 * ((slope.norm(dim=1) - 1) ** 2).mean()
    drawing = viz.draw(loss)
    assert {"fake", "real"} <= set(labels(drawing))
    assert {"0.W", "2.W"} <= {arrow.label for arrow in drawing.scene.arrows}


def test_what_a_module_makes_besides_stands_in_its_frame() -> None:
    class Policy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x: tg.Tensor, scale: tg.Tensor) -> tg.Tensor:
            """Return (N, 2)."""
            return nn.functional.softmax(self.head(x) * scale, -1)

    policy, state, scale = Policy(), tg.ones(4, 3), tg.ones(4, 1)
    drawing = viz.draw(policy(state, scale).log().sum())
    around = {vertex.label: [call.label for call in vertex.around] for vertex in drawing.picture.vertices}
    assert around["constant"] == ["policy: Policy"]  # the largest of each row
    assert around["state"] == around["scale"] == []


def test_all_of_a_tensor_in_another_shape_has_its_name() -> None:
    layer, images, whole = nn.Linear(4, 2), tg.ones(3, 2, 2), tg.ones(6, 4)
    assert "images" in labels(viz.draw(layer(images.flatten(1)).sum()))
    assert "images" in labels(viz.draw(layer(images.detach().reshape(3, 4)).sum()))
    assert "whole" not in labels(viz.draw(layer(whole[:3]).sum()))


def test_gradients_whose_numbers_are_gone_are_told() -> None:
    a = tg.tensor([2.0, 1.0], requires_grad=True)
    loss = a.softmax(-1)[0]
    assert viz.draw(loss).caption == ""
    loss.backward()  # and with that goes the largest of both, which no variable holds
    told = viz.draw(loss, labels="values")
    assert told.caption == "gradients have no numbers: what they are computed of was freed by backward()"
    assert {edge.gradient for edge in told.edges} == {None}
    written = a.exp()
    product = written * written
    with tg.no_grad():
        written.zero_()
    assert viz.draw(product).caption.startswith("gradients have no numbers: what they are computed of has been written")


def test_a_picture_after_the_backward_pass_is_that_before() -> None:
    a, b = tg.tensor([2.0, 1.0], requires_grad=True), tg.tensor(-3.0, requires_grad=True)
    whole = (a * b).exp() + b.sin()
    whole[1:] *= a[0]
    loss = whole.norm()
    before = viz.draw(loss, labels="values").svg
    loss.backward()
    assert viz.draw(loss, labels="values").svg == before
    with pytest.raises(AutogradError, match="a second time"):
        loss.backward()
    with tg.no_grad():
        a += 1
    assert "freed by backward()" in viz.draw(loss).caption


def test_a_real_leaf_of_a_complex_product_keeps_its_numbers() -> None:
    phase = tg.tensor([0.5, 1.0], requires_grad=True)
    graph = Graph.of((1j * phase).exp().abs().sum())
    assert np.array_equal(next(node.value for node in graph.nodes if node.is_leaf), phase.detach().numpy())


def test_examples_of_a_small_batch_are_taken_at_once() -> None:
    weight = tg.ones(3, requires_grad=True)
    drawing = viz.draw(lambda x: func.vmap(lambda row: (row @ weight).tanh())(x).sum(), tg.ones(5, 3))
    assert [label for label in labels(drawing) if label.startswith("[")] == ["[0]", "[1]", "[2]", "[3]", "[4]"]


def test_numpys_products_show_the_arrays_and_no_copies() -> None:
    data, w = np.arange(15.0).reshape(5, 3), tg.zeros(3, dtype=tg.float64, requires_grad=True)
    assert labels(viz.draw(np.dot(data, w).sum())) == ["w", "data", "@", "Σ", "out"]


def test_numbers_that_leaves_have_only_since_are_not_taken_for_those_of_the_run() -> None:
    def another_array(w: tg.Tensor, x: np.ndarray) -> None:
        w.data = w.data - 0.5 * w.grad

    def memory_of_numpy(w: tg.Tensor, x: np.ndarray) -> None:
        x[:] = 0.5

    for change in (another_array, memory_of_numpy):
        array = np.array([2.0, 1.0])
        w, x = tg.tensor([0.5, 0.25], dtype=tg.float64, requires_grad=True), tg.from_numpy(array)
        loss = (w * x).exp().square().sum()
        loss.backward()
        before = [edge.gradient for edge in viz.draw(loss, labels="values").picture.edges]
        assert any(gradient is not None for gradient in before)
        change(w, array)
        drawing = viz.draw(loss, labels="values")
        assert all(edge.gradient is None for edge in drawing.picture.edges)
        assert all(edge.value is None or edge.head.startswith("out") for edge in drawing.picture.edges)
        assert "gradients have no numbers" in drawing.caption
