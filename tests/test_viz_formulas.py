"""Formulas name what stands in the picture: a closed box by what was called, a gradient as its arrow does."""

from __future__ import annotations

import re
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tests.smallgraphs import small

F = nn.functional


def given(*shape: int) -> tg.Tensor:
    return tg.randn(*shape, requires_grad=True)


def formulas(drawing: viz.Drawing) -> list[str]:
    texts, legend = drawing.page.shortened(drawing.picture)
    return [text for pair in texts for text in pair if text] + [told for told, _ in legend.values()]


def test_a_closed_function_is_called_with_what_it_was_given() -> None:
    def loss(x: tg.Tensor, w: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return F.mse_loss(x @ w, y) * 2

    found = formulas(viz.draw(loss, given(2, 3), given(3, 1), given(2, 1), labels="formulas", unfold=False))
    assert {"mse_loss(x @ w, y)", "out = mse_loss(x @ w, y) * 2", "dmse_loss"} <= {*found}
    assert not any("mean" in text for text in found)
    drawing = viz.draw(loss, given(2, 3), given(3, 1), given(2, 1), unfold=False)
    assert {"mse_loss", "dmse_loss"} <= {name for e in drawing.edges for name in (e.forward, e.backward)}


def test_a_closed_module_is_called_by_its_path_or_its_class() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.rest = nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 2))

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.rest(self.fc1(x))

    assert "out = rest(fc1(x))" in formulas(viz.draw(Net(), given(2, 3), labels="formulas", depth=1))
    assert "out = Net(x)" in formulas(viz.draw(Net(), given(2, 3), labels="formulas", depth=0))


def test_a_call_that_is_one_circle_is_written_as_one() -> None:
    found = formulas(viz.draw(lambda a, b: tg.outer(a, b).exp(), given(2), given(3), labels="formulas"))
    assert "outer(a, b)" in found
    assert "da = Σ(dout * out * b)" in found


def test_what_is_given_out_twice_has_the_gradients_that_its_arrows_name() -> None:
    found = formulas(viz.draw(lambda x: ((x * 2).exp(),) * 2, given(2), labels="formulas"))
    assert "dx = (dout₂,₁ + dout₂,₂) * out₂ * 2" in found


@pytest.mark.parametrize("function", [
    lambda x: x - (x / 2).floor(), lambda x: (x // 2) * x, lambda x: x.round() * x.sign(), tg.frac, lambda x: x % 3,
])  # fmt: skip
def test_no_formula_names_what_no_picture_shows(function: Any) -> None:
    found = formulas(viz.draw(function, given(3), labels="formulas"))
    assert found
    assert not [text for text in found if re.search(r"\bv\d", text)]


def test_no_formula_of_small_graphs_names_what_no_picture_shows() -> None:
    for seed in range(25):
        drawing = small(seed, labels="formulas")
        assert not [text for text in formulas(drawing) if re.search(r"\bv\d", text)]


@pytest.mark.parametrize("order", [0, 1, 2])
def test_every_operation_is_placed_in_the_script(order: int) -> None:
    def loss(x: tg.Tensor) -> tg.Tensor:
        return F.gelu(F.log_softmax(x * x, -1)).sum()

    vertices = viz.draw(loss, given(2, 3), order=order, unfold=True).picture.vertices
    operations = [v.tooltip for v in vertices if v.kind == "op"]
    assert operations
    assert {re.findall(r"(\S+):\d+$", told)[0] for told in operations} == {"test_viz_formulas.py"}
