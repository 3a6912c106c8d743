"""Numbers that are not finite show where they appear first; gradients that vanish show; hovering tells everything."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.viz import draw
from tensorgrad.viz.picture.faults import faults, is_zero

pytestmark = pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")


def of(values):
    return tg.tensor(values, requires_grad=True)


def log_twice(x):
    a = x.log()
    b = a * 2
    return (b * b).sum()


def by_label(drawing):
    return {vertex.label: vertex for vertex in drawing.picture.vertices}


@pytest.mark.parametrize("traced", [True, False])
def test_the_first_nan_is_marked_strongly_and_what_passes_it_on_weakly(traced):
    x = of([-1.0, 2.0])
    drawing = draw(log_twice, x) if traced else draw(log_twice(x))
    found = {label: v.fault and (v.fault.kind, v.fault.first) for label, v in by_label(drawing).items()}
    assert found == {
        "x": None, "log": ("NaN", True), "x*2": ("NaN", False), "*": ("NaN", False), "Σ": ("NaN", False), "out": None,
    }  # fmt: skip
    svg = drawing.svg
    assert svg.count('class="node op bad origin"') == 1
    assert svg.count('class="node op bad"') == 3
    assert svg.count(">first NaN here<") == 1
    assert "first NaN here" in drawing.dot
    where = re.search(r"first NaN: log\(\w+\) (\S+):(\d+)", drawing.caption)
    assert where[1] == "test_viz_bad_numbers.py"
    assert "a = x.log()" in Path(__file__).read_text("utf-8").splitlines()[int(where[2]) - 1]
    assert drawing.caption in drawing.description


def test_a_finite_graph_has_no_mark():
    drawing = draw(log_twice, of([1.0, 2.0]))
    assert drawing.caption == ""
    assert not re.search(r'class="[^"]*(bad|origin|zero|fault)', drawing.svg)


def test_an_infinity_and_the_nan_made_of_it_are_both_first():
    drawing = draw(lambda x: x.log() * x, of([0.0, 1.0]))
    assert {v.label: v.fault.mark for v in drawing.picture.vertices if v.fault} == {
        "log": "first Inf here", "*": "first NaN here",
    }  # fmt: skip
    assert "first Inf" in drawing.caption
    assert "first NaN" in drawing.caption


def test_a_mask_of_infinities_does_not_hide_the_nan_behind_it():
    mask = tg.tensor([[0.0, -np.inf], [-np.inf, -np.inf]])
    drawing = draw(lambda x: ((x + mask) - (x + mask).amax(-1, keepdim=True)).exp().sum(), of([[1.0, 2.0], [3.0, 4.0]]))
    marks = [(v.label, v.fault.mark) for v in drawing.picture.vertices if v.fault and v.fault.first]
    assert [mark for _, mark in marks] == ["first Inf here", "first NaN here"]
    assert marks[1][0] == "−"


HOLES = tg.tensor([[True, False], [False, True]])
MASKS = {
    "masked_fill": lambda s: nn.functional.softmax(s.masked_fill(HOLES, -np.inf), 1),
    "where": lambda s: nn.functional.log_softmax(tg.where(HOLES, -np.inf, s), 1).exp(),
    "added": lambda s: nn.functional.softmax(s.T.reshape(2, 2) + tg.zeros(2, 2).masked_fill(HOLES, -np.inf), 1),
    "arranged": lambda s: s.masked_fill(HOLES, -np.inf).reshape(4).exp(),
    "turned": lambda s: s.masked_fill(tg.tensor([[False, True], [False, False]]), -np.inf).T.exp(),
    "attention": lambda s: nn.functional.scaled_dot_product_attention(s, s, s, is_causal=True),
    "maximum": lambda s: s.masked_fill(HOLES, -np.inf).amax(1),
}


@pytest.mark.parametrize("name", MASKS)
def test_the_infinities_of_a_mask_are_no_fault(name):
    drawing = draw(MASKS[name], of([[1.0, 2.0], [3.0, 4.0]]))
    assert drawing.caption == ""
    assert not any(vertex.fault for vertex in drawing.picture.vertices)


def test_a_mask_hides_no_infinity_that_is_computed_and_none_that_a_nan_comes_of():
    x = of([[0.0, 2.0], [3.0, 4.0]])
    drawing = draw(lambda x: x.log().masked_fill(~HOLES, -np.inf), x)
    assert {v.label: v.fault.mark for v in drawing.picture.vertices if v.fault}["log"] == "first Inf here"
    drawing = draw(lambda x: x.masked_fill(HOLES, -np.inf) * 1e38 * 1e38, of([[1.0, 2.0], [3.0, 4.0]]))
    assert "first Inf here" in [v.fault.mark for v in drawing.picture.vertices if v.fault]
    drawing = draw(lambda x: nn.functional.softmax(x.masked_fill(x > -1, -np.inf), 1), x)
    marks = [v.fault.mark for v in drawing.picture.vertices if v.fault and v.fault.first]
    assert marks[0] == "first Inf here"
    assert marks[-1] == "first NaN here"


def test_gradients_that_are_not_finite_are_marked_and_the_first_in_the_order_of_the_sweep_stands_out():
    drawing = draw(lambda x: (x.sqrt() * 3).sum(), of([0.0, 4.0]))
    marks = {e.forward: (e.fault.kind, e.fault.first) for e in drawing.edges if e.fault}
    assert marks == {"x": ("Inf", True)}
    (red,) = (g for g in re.findall(r'<g[^>]*class="edge bwd bad origin".*?</g>', drawing.svg, re.DOTALL))
    assert ">dx first Inf<" in red
    assert "not finite" in red
    assert not any(v.fault for v in drawing.picture.vertices)
    assert drawing.caption == "first Inf gradient: dx"


def test_the_first_bad_gradient_is_the_one_nearest_to_the_output():
    drawing = draw(log_twice, of([-1.0, 2.0]))
    first = [e for e in drawing.edges if e.fault and e.fault.first]
    assert [(e.source, e.target, e.slot) for e in first] == [("x*2", "*", 0)]
    assert [e.forward for e in drawing.edges if e.fault] == ["x", "log", "mul₁", "mul₁"]


def test_a_gradient_of_zeros_is_dashed_and_says_so():
    drawing = draw(lambda x: x.relu().sum(), of([-1.0, -2.0]))
    zero = re.findall(r'<g[^>]*class="edge bwd zero".*?</g>', drawing.svg, re.DOTALL)
    assert len(zero) == 1
    assert "all zero" in zero[0]
    assert "stroke-dasharray" in zero[0]
    assert 'class="bwd zero"' in drawing.dot
    assert "style=dashed" in drawing.dot


def test_a_gradient_without_elements_is_not_called_zero():
    assert not is_zero(np.zeros(0))
    assert is_zero(np.zeros(1))
    assert "zero" not in draw(lambda x: x.exp(), tg.zeros(0, requires_grad=True)).dot


def test_a_closed_module_shows_the_mark_of_what_is_inside_and_names_it():
    class Log(nn.Module):
        def forward(self, x):
            return x.log() * 2

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.log = Log()

        def forward(self, x):
            return self.log(x).exp()

    drawing = draw(Net(), of([-1.0, 1.0]), depth=1)
    (box,) = (v for v in drawing.picture.vertices if v.kind == "box")
    assert box.fault.first
    assert "first NaN here, 1 not finite in log₁ = log(x)" in box.tooltip  # the box is called log
    assert 'class="node box bad origin"' in drawing.svg


def test_drawing_neither_warns_nor_stops_under_anomaly_detection():
    x = of([0.0, 4.0])
    y = (x.sqrt() * 3).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = draw(y)
        with tg.autograd.set_detect_anomaly(True):
            careful = draw(y)
    assert [e.fault for e in plain.edges] == [e.fault for e in careful.edges]
    assert any(e.fault for e in plain.edges)


def test_faults_count_and_complex_numbers_can_be_nan_too():
    found = faults([(0, np.array([1, 2])), (1, None), (2, np.array([np.nan * 1j, 1])), (3, np.array([np.inf]))])
    assert [(key, fault.kind, fault.count, fault.first) for key, fault in found.items()] == [
        (2, "NaN", 1, True), (3, "Inf", 1, False),
    ]  # fmt: skip


# What hovering tells


def test_hovering_tells_operation_arguments_shape_dtype_numbers_gradient_and_place():
    x = of([[1.0, 2.0], [3.0, 6.0]])
    told = [v.tooltip for v in draw(lambda x: (x * x).sum(1), x).picture.vertices]
    assert told[0] == "input x, (2, 2) float32, min 1, mean 3, max 6, gradient norm 14.14"
    assert re.fullmatch(
        r"x \* x, \(2, 2\) float32, min 1, mean 12.5, max 36, gradient norm 2, test_viz_bad_numbers.py:\d+",
        told[1],
    )
    assert "out = Σ(mul), axis=1, keepdims=False, (2,) float32, min 5, mean 25, max 45" in told[2]


def test_a_place_has_no_folder_and_operations_of_the_library_carry_the_line_of_the_user():
    line = test_a_place_has_no_folder_and_operations_of_the_library_carry_the_line_of_the_user.__code__.co_firstlineno
    drawing = draw(nn.functional.softmax(of([[1.0, 2.0]]), 1))
    told = [v.tooltip for v in drawing.picture.vertices if v.kind == "op"]
    assert told
    assert all(text.endswith(f", test_viz_bad_numbers.py:{line + 2}") for text in told)
    layer = draw(nn.Linear(2, 2)(of([[1.0, 2.0]])))
    assert all(v.tooltip.endswith(f":{line + 6}") for v in layer.picture.vertices if v.kind == "op")
    assert "tests/" not in "".join(told)


def test_the_gradient_norm_is_that_of_the_sum_of_all_contributions():
    drawing = draw(lambda x: (x * x + x).sum(), of([1.0, 2.0]))
    assert f"gradient norm {np.hypot(3, 5):.4g}" in by_label(drawing)["x"].tooltip


def test_arrays_and_functions_among_the_arguments_are_told_in_few_words():
    index = np.arange(1000) % 3
    told = [v.tooltip for v in draw(lambda x: x[index].sum(), of([1.0, 2.0, 3.0])).picture.vertices]
    assert any("int64(1000,)" in text for text in told)
    assert max(map(len, told)) <= 400
    assert not any("0x" in text for text in told)


def test_a_value_that_the_record_does_not_hold_is_computed_again():
    x = of([1.0, 2.0])
    told = {v.label: v.tooltip for v in draw((x.exp() + 1).sum()).picture.vertices}
    assert "min 3.718, mean 6.054, max 8.389" in told["x+1"]


def test_a_number_that_is_complex_has_magnitudes():
    z = tg.tensor([3 + 4j, 0], requires_grad=True)
    told = [v.tooltip for v in draw(lambda z: z * z, z).picture.vertices]
    assert "magnitudes: min 0, mean 2.5, max 5" in told[0]


def test_a_loss_of_what_is_masked_is_at_fault() -> None:
    def loss(x: tg.Tensor) -> tg.Tensor:
        return nn.functional.cross_entropy((x + tg.tensor([0.0, -np.inf]))[None], tg.tensor([1]))

    drawing = draw(loss, tg.tensor([1.0, 2.0], requires_grad=True))
    assert "first Inf" in drawing.caption
    assert any(vertex.fault for vertex in drawing.picture.vertices)
