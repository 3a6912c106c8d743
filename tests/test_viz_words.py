"""What a picture calls that which has no name: by the user's variables, or by what it is; never by a name made up."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.graph import Graph

MADE_UP = re.compile(r"x\d+")  # as users call variables themselves


def leaves(drawing: viz.Drawing) -> set[str]:
    return {v.label for v in drawing.picture.vertices if v.leaf}


def framed(drawing: viz.Drawing) -> dict[str, list[str]]:
    """Return what every circle stands in, by its label, outermost first."""
    return {v.label: [call.label for call in v.around] for v in drawing.picture.vertices}


def raised(function, *inputs) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what is raised is looked at by the test
        function(*inputs)
    return caught.value


# By variables


def test_leaves_have_the_names_of_the_variables_where_a_tensor_is_drawn():
    noise, real = tg.randn(2, 3, requires_grad=True), tg.randn(2, 3)
    drawing = viz.draw((noise * real).sum())
    assert leaves(drawing) == {"noise", "real"}
    assert leaves(viz.draw((noise * tg.ones(2, 3).cumsum(0) * tg.ones(2, 3, requires_grad=True)).sum())) == {
        "noise", "constant", "tensor",
    }  # fmt: skip
    assert "noise: float32[2,3] = parameter" in Graph.of(noise * real).text()


def test_tensors_and_arrays_around_a_traced_function_have_their_names():
    weight, offset = tg.randn(3, requires_grad=True), np.array([1.0, 2.0, 3.0])
    drawing = viz.draw(lambda x: ((offset + x) * weight).sum(), tg.randn(3))
    assert leaves(drawing) == {"x", "offset", "weight"}


def test_an_array_that_two_variables_may_be_is_called_after_neither():
    one, other = np.array([1.0, 2.0]), np.array([1.0, 2.0])
    assert one is not other
    assert leaves(viz.draw(lambda x: x * one + x * other, tg.randn(2))) == {"x", "constant₁", "constant₂"}


def test_a_name_that_was_given_and_that_of_a_layer_stay():
    net = nn.Linear(3, 2)
    batch, kept = tg.randn(4, 3), net.weight
    assert leaves(viz.draw(net(batch).sum())) == {"batch", "W", "b"}
    kept.name = "kernel"
    assert leaves(viz.draw(net(batch).sum())) == {"batch", "kernel", "b"}


def test_a_variable_is_not_kept_alive_by_the_drawing_function():
    import weakref

    other = tg.randn(2, requires_grad=True)
    gone = tg.randn(2)
    seen = weakref.ref(gone)
    drawing = viz.draw((other * 2).sum())
    del gone
    assert seen() is None
    assert drawing.svg


@pytest.mark.parametrize("traced", [True, False])
def test_no_leaf_has_a_name_that_is_made_up(traced):
    def loss(data):
        shifted = data * np.arange(3.0) + tg.ones(4, 3).cumsum(0)
        return nn.functional.cross_entropy(nn.functional.leaky_relu(shifted), tg.tensor([0, 1, 2, 0]))

    data = tg.randn(4, 3, requires_grad=True)
    drawing = viz.draw(loss, data) if traced else viz.draw(loss(data))
    assert "data" in leaves(drawing)
    assert not any(MADE_UP.fullmatch(label) for label in leaves(drawing))
    assert not re.search(r"\bx\d+: ", drawing.text())


# Networks


def test_weights_of_two_networks_are_told_apart_by_what_the_script_calls_these():
    generator = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    discriminator = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    noise, real = tg.randn(4, 2), tg.randn(4, 2)
    drawing = viz.draw((discriminator(generator(noise)) * discriminator(real)).sum())
    frames = {frame.module.label for frame in drawing.scene.frames}
    assert {"generator: Sequential", "discriminator: Sequential"} <= frames
    texts = {text for text, _, _ in drawing.scene.texts()}
    assert {"discriminator.0.W", "discriminator.1.b"} <= texts
    assert not any(text.startswith(("0.", "linear.")) for text in texts)


def test_the_weights_of_one_network_are_told_apart_by_their_paths_also_when_it_is_gone():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.two(self.one(self.two(self.one(self.two(self.one(x))))))

    def drawn():
        return viz.draw(Twice(), tg.randn(3, 2))

    texts = {text for text, _, _ in drawn().scene.texts()}
    assert {"one.W", "two.W"} <= texts


def test_a_mask_stands_in_the_layer_that_made_it():
    layer, data = nn.LeakyReLU(0.1), tg.randn(3, requires_grad=True)
    drawing = viz.draw(layer(data * 2).sum())
    masks = [v for v in drawing.picture.vertices if v.label.startswith("constant")]
    assert [call.label for v in masks for call in v.around] == ["layer: LeakyReLU(0.1)"]


# After an error


class Classifier(nn.Module):
    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(4, 6), last

    def forward(self, images):
        hidden = self.hidden(images).relu()
        return self.head(hidden)


@pytest.mark.parametrize(
    "last", [nn.Linear(5, 3), nn.Conv1d(3, 2, 1), nn.BatchNorm1d(7)], ids=lambda m: type(m).__name__
)
def test_the_layer_that_failed_has_its_frame_with_its_weights_in_it(last):
    drawing = viz.draw(raised(Classifier(last), tg.randn(2, 4)))
    failed = drawing.picture.vertices[-1]
    assert failed.kind == "failed"
    assert [call.label.partition("(")[0] for call in failed.around] == [f"head: {type(last).__name__}"]
    beside = {v.label for v in drawing.picture.vertices if v.leaf and v.around == failed.around}
    assert beside == {edge.source for edge in drawing.edges if edge.head == "failed"} - {"relu"}
    assert "images" in leaves(drawing)
    assert not any(MADE_UP.fullmatch(label) for label in leaves(drawing))


def test_a_layer_without_weights_that_failed_has_its_frame():
    class Halves(nn.Module):
        def forward(self, x):
            return x.reshape(7)

    drawing = viz.draw(raised(Classifier(Halves()), tg.randn(2, 4)))
    assert [call.label for call in drawing.picture.vertices[-1].around] == ["head: Halves"]
    boxes = [v.label for v in viz.draw(raised(Classifier(Halves()), tg.randn(2, 4)), depth=1).picture.vertices]
    assert "hidden: Linear(4, 6)\n30 parameters" in [label.replace(" [+]", "") for label in boxes]


def test_the_values_of_a_failed_function_have_the_names_of_its_variables_where_asked():
    def script():
        scale = tg.randn(3, requires_grad=True)
        grown = (scale * 2).exp()
        return grown + tg.ones(4)

    error = raised(script)
    assert [edge.forward for edge in viz.draw(error).edges] == ["scale", "exp", "constant"]
    assert [edge.forward for edge in viz.draw(error, names="variables").edges] == ["scale", "grown", "constant"]


# Values of modules, and inputs


def test_a_tap_of_what_a_module_gives_out_is_called_after_that():
    class Sampled(nn.Module):
        def __init__(self):
            super().__init__()
            self.mu, self.logvar = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            mu, logvar = self.mu(x), self.logvar(x)
            z = mu + (0.5 * logvar).exp()
            return (z * z).sum() - (1 + logvar - mu**2 - logvar.exp()).sum()

    texts = [text for text, _, _ in viz.draw(Sampled(), tg.randn(4, 3)).scene.texts()]
    assert {"mu", "dmu₂"} <= {*texts} or {"mu", "dmu₁"} <= {*texts}
    assert not any(re.fullmatch(r"v\d", text) for text in texts)


def test_a_layer_needs_no_numbers_where_its_input_requires_a_gradient():
    layer, data = nn.Linear(3, 2), tg.randn(4, 3, requires_grad=True)
    drawing = viz.draw(layer(data).sum())
    assert not any(note.kind == "slot" for note in drawing.scene.notes)


def test_an_output_is_not_called_as_an_input_is():
    drawing = viz.draw(lambda out, x: out * x + x, tg.randn(2, requires_grad=True), tg.randn(2))
    assert [edge.forward for edge in drawing.edges if edge.head == "out0"] == ["result"]
    assert {edge.backward for edge in drawing.edges} >= {"dout", "dresult"}
    assert drawing.text().endswith("return result")


def test_a_long_name_leaves_room_for_the_class():
    class Long(nn.Module):
        def __init__(self):
            super().__init__()
            self.projection_of_the_values_of_the_encoder = nn.Linear(2, 3)

        def forward(self, x):
            return self.projection_of_the_values_of_the_encoder(x).tanh()

    (frame,) = viz.draw(Long(), tg.randn(4, 2)).scene.frames
    assert re.fullmatch(r"projection_of_\w+…: Linear\(2, 3\)", frame.module.label)
