"""`debug.why` of what is right, of what is computed already, of one value among several; and on the picture."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.debug import Reason, why
from tensorgrad.errors import ArgumentError, TensorgradError
from tensorgrad.graph import Graph
from tests.plantedfaults import FAULTS, batch

F = nn.functional
NETWORKS = {
    "rectifiers": lambda: (nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2)), tg.randn(64, 3)),
    "normalised": lambda: (
        nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)),
        tg.randn(64, 3),
    ),
    "convolution": lambda: (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten()), tg.randn(4, 1, 6, 6)),
    "recurrent": lambda: (nn.LSTM(3, 4), tg.randn(5, 2, 3)),
    "encoder": lambda: (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), tg.randn(5, 2, 4)),
}


def row_of_zero() -> tg.Tensor:
    x = batch()
    x[3, 0] = 0.0
    return x.requires_grad_()


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_of_a_network_that_is_right_nothing_is_said_to_be_wrong(network):
    tg.manual_seed(0)
    model, x = network()
    found = why(model, x)
    assert not found, found
    assert str(found).startswith("nothing is wrong: the output is finite")


@pytest.mark.parametrize("optimiser", [tg.optim.SGD, tg.optim.Adam])
def test_of_a_training_that_is_right_nothing_is_said_to_be_wrong(optimiser):
    tg.manual_seed(0)
    model, x = NETWORKS["normalised"]()
    classes = tg.randint(0, 2, (64,))
    steps = optimiser(model.parameters(), lr=1e-3)

    def train():
        for _ in range(4):
            loss = F.cross_entropy(model(x), classes)
            steps.zero_grad()
            loss.backward()
            steps.step()
        return loss

    found = why(train)
    assert not found, found


def test_a_tensor_that_is_computed_already_is_asked_as_well():
    x = row_of_zero()
    with np.errstate(all="ignore"):
        y = x.log().sum()
    found = why(y)
    assert (found.operation, found.rows, found.cause) == ("log", (3,), "log of 0")
    assert found.place.startswith("test_debug.py:")
    assert found.line == "y = x.log().sum()"
    assert found.about == ("y",)
    assert found.index == why(Graph.of(y)).index


def test_a_gradient_of_what_is_computed_already_is_asked_by_its_value():
    x, w = row_of_zero(), tg.ones(3, requires_grad=True)
    root = (x * w).sqrt()
    loss = root.sum()
    found = why(loss, of=w)
    assert (found.kind, found.operation, found.rows) == ("NaN gradient", "sqrt", (3,)), found
    assert "it becomes NaN in mul at test_debug.py" in found.cause
    assert found.about == ("w",)
    assert not why(loss, of=root)
    assert why(loss, of=[x, "w"]).about == ("w", "x")


def test_a_gradient_itself_has_no_history_and_this_is_said():
    x = row_of_zero()
    x.sqrt().sum().backward()
    found = why(x.grad)
    assert (found.kind, found.operation, found.rows) == ("infinite", "constant", (3,))
    assert found.cause == ""
    assert "it is a gradient" in found.unknown
    assert "debug.why(loss, of=x)" in found.cure


def test_a_gradient_with_a_graph_of_its_own_is_walked_back():
    x = row_of_zero()
    (dx,) = tg.autograd.grad(x.sqrt().sum(), x, create_graph=True)
    found = why(dx)
    assert (found.kind, found.operation, found.rows, found.cause) == ("infinite", "div", (3,), "division by 0")


def test_what_a_backward_pass_has_freed_is_not_guessed():
    x = (batch() * 1).requires_grad_()
    loss = (x.exp() * x).sum()
    loss.backward()
    found = why(loss)
    assert not found
    assert "freed" in found.unknown
    assert "debug.why(function, *inputs)" in str(found)


def test_an_operand_that_nobody_kept_is_told_and_no_cause_is_guessed():
    x = row_of_zero()
    y = (x - batch()) + (x - tg.full((8, 3), float("nan")))  # no rule of a sum keeps its operands
    found = why(y)
    assert (found.kind, found.operation, found.cause) == ("NaN", "add", "")
    assert "sub at test_debug.py" in found.unknown
    assert "trace it" in found.cure
    assert "cause: not known" in str(found)


def test_what_was_recorded_without_gradient_is_told_to_be_traced():
    with tg.no_grad():
        y = batch() * 2
    assert "how y was computed" in why(y).unknown
    with tg.no_grad(), np.errstate(all="ignore"):
        spoilt = row_of_zero().detach() / 0 * 0
    assert (why(spoilt).kind, why(spoilt).cause) == ("NaN", "")
    assert "how spoilt was computed" in why(spoilt).unknown


def test_a_cause_that_is_not_known_is_empty():
    class Odd(tg.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x * np.float32("nan")

        @staticmethod
        def backward(_, g):
            return g

    found = why(lambda x: Odd.apply(x).sum(), batch().requires_grad_())
    assert (found.kind, found.cause, found.cure) == ("NaN", "", "")
    assert found.operation == "Odd"


def test_parameters_that_are_not_used_are_named():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    found = why(lambda x: model[0](x), batch())
    assert (found.kind, found.about) == ("unused", ("model.1.weight", "model.1.bias"))
    assert found.cause == "the output is not computed with them"
    w, v = tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=True)
    loss = (batch() * w).sum()
    assert (why(loss, of=v).kind, why(loss, of=v).about, why(loss, of=v).cause) == ("unused", ("v",), "")


def test_two_faults_are_both_told_the_gravest_first():
    def f(x, w, v):
        return (x * w).sqrt().sum() + (v - 9).relu().sum()

    found = why(f, row_of_zero(), tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=True))
    assert [(r.kind, r.operation) for r in (found, *found.more)] == [
        ("NaN gradient", "sqrt"),
        ("zero gradient", "relu"),
    ]
    assert found.about == ("w", "x")


def test_units_that_are_dead_for_a_whole_batch_are_counted():
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    with tg.no_grad():
        model[0].bias[tg.tensor([2, 5, 6])] = -100.0
    found = why(model, tg.randn(64, 3))
    assert (found.kind, found.operation, found.layer, found.units) == ("dead units", "relu", "1", (2, 5, 6))
    assert found.cause == "3 of 8 units are dead: their operands are at most 0 in all 64 rows"


def test_a_bias_before_a_normalisation_is_told_to_do_nothing_where_it_is_asked_about():
    tg.manual_seed(0)
    model, x = NETWORKS["normalised"]()
    loss = F.cross_entropy(model(x), tg.randint(0, 2, (64,)))
    found = why(loss, of=model[0].bias)
    assert found.kind == "zero gradient but for rounding", found
    assert not why(loss)


def test_the_layer_and_the_function_of_the_library_are_named():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Softmax(1)

        def forward(self, x):
            return self.second(self.first(x) * float("inf"))

    found = why(Net(), batch())
    assert (found.kind, found.operation, found.earlier.kind) == ("NaN", "sub", "infinite")
    assert (found.function, found.layer) == ("softmax", "second")


class Deep(nn.Module):
    """A network whose second layer is dead."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x):
        h = self.a(x).relu()
        h = (self.b(h) - 1000).relu()
        return self.c(h)


def test_all_that_a_dead_layer_stops_is_told_at_once_by_its_paths():
    found = why(Deep(), batch())
    assert (found.kind, found.operation, found.line) == ("zero gradient", "relu", "h = (self.b(h) - 1000).relu()")
    assert set(found.about) == {"a.weight", "a.bias", "b.weight", "b.bias", "c.weight"}
    assert not found.more


def test_a_norm_and_a_deviation_of_too_few_are_known():
    one = why(lambda x: x.std(0).sum(), batch(rows=1).requires_grad_())
    assert (one.kind, one.function, one.cause) == (
        "NaN",
        "std",
        "std of no more elements than its correction takes away: 0 / 0",
    )
    norm = why(lambda x: x.norm(dim=1).sum() + 1, tg.zeros(4, 3, requires_grad=True))
    assert (norm.operation, norm.cause) == ("length", "x is 0 everywhere, where length has a slope of 0")


@pytest.mark.parametrize(
    ("function", "x", "cause"),
    [
        (lambda x: x * x * 0, [1.0, 2.0], "a factor is the number 0"),
        (lambda x: x.sum(), [], "the sum of no elements"),
        (lambda x: (x / 9).floor(), [1.0, 2.0], "floor is a step, and gives 0 from 0.1111 to 0.2222"),
        (lambda x: x - x, [1.0, 2.0], "both operands are equal"),
        (lambda x: (x * tg.tensor([1.0, -1.0])).sum(), [2.0, 2.0], "the terms cancel"),
        (lambda x: x - x.mean(0, keepdim=True), [3.0], "the mean is over a single one, which is its own mean: "),
    ],
)
def test_why_a_value_is_zero_everywhere(function, x, cause):
    found = why(function, tg.tensor(x))
    assert found.kind == "zero"
    assert found.cause.startswith(cause)


def test_the_text_of_a_bad_input_says_where_it_is_read_first():
    found = why(lambda x: x.exp().sum(), tg.tensor([[1.0], [float("nan")]]))
    assert str(found).startswith("NaN: out, of the input itself, read first at test_debug.py:")


def test_products_that_overflow_to_nan_are_known():
    w = tg.tensor([[1e30, -1e30], [1e30, -1e30]])
    first = tg.tensor([[1e30, 1.0], [-1e30, 1.0]])
    found = why(lambda a, b: a @ b, first, w)
    assert (found.kind, found.operation) == ("infinite", "matmul")
    found = why(lambda a, b: a @ b, tg.tensor([[float("inf"), 1.0]]), tg.zeros(2, 2))
    assert (found.kind, found.cause) == ("NaN", "an operand is infinite, and 0 * inf or inf - inf in the sum is NaN")


def test_a_gradient_that_half_precision_loses_is_known():
    x = (tg.ones(8, 3, dtype=tg.float16)).requires_grad_()
    found = why(lambda x: x.float().pow(2).sum() * 1e-9, x)
    assert (found.kind, found.operation) == ("zero gradient", "astype")
    assert found.cause == "underflow: 2e-09 is less than the dtype of what is converted holds"


def test_a_mask_of_minus_infinity_is_no_fault():
    x = batch().requires_grad_()
    mask = tg.tensor([False, True, False])
    assert not why(lambda x: x.masked_fill(mask, float("-inf")).softmax(1).pow(2).sum(), x)


def test_a_row_that_is_masked_throughout_is_named():
    mask = tg.zeros(8, 3, dtype=tg.bool)
    mask[2] = True
    found = why(lambda x: x.masked_fill(mask, float("-inf")).softmax(1).sum(), batch())
    assert (found.kind, found.rows) == ("NaN", (2,))
    assert "as where a whole row is masked: -inf - -inf" in found.cause
    assert "-1e4" in found.cure


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_shown_on_the_picture(name):
    fault = FAULTS[name]
    found = why(fault.function, *fault.inputs())
    drawing = found.draw()
    marked = [v for v in drawing.picture.vertices if v.mark.startswith(found.kind[:10])]
    assert marked
    assert drawing.caption.startswith(f"{found.kind}: {found.cause[:20]}")
    assert "origin" in drawing.svg
    assert drawing.dot


def test_a_reason_is_drawn_as_an_error_is():
    found = why(lambda x: x.log().sum(), row_of_zero())
    assert viz.draw(found, labels="values").picture.caption == found.draw(labels="values").picture.caption
    with pytest.raises(TensorgradError, match="takes no inputs"):
        viz.draw(found, tg.ones(1))
    with pytest.raises(TensorgradError, match="without a graph"):
        Reason("NaN").draw()


def test_nothing_that_is_wrong_is_drawn_without_a_mark():
    drawing = why(lambda x: x.exp().sum(), batch().requires_grad_()).draw()
    assert not any(v.mark for v in drawing.picture.vertices)


def test_the_mark_is_on_the_closed_box_as_well():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with tg.no_grad():
        model[0].bias.fill_(-100.0)
    found = why(model, batch())
    boxes = [v.kind for v in found.draw(depth=0).picture.vertices if v.mark]
    assert boxes == ["box"]
    inside = found.draw(depth=0).picture.inside
    assert any(v.mark for v in inside.vertices)


def test_wrong_questions_are_refused():
    y = batch().requires_grad_().sum()
    with pytest.raises(ArgumentError, match="takes no inputs: it is computed already"):
        why(y, batch())
    with pytest.raises(ArgumentError, match="takes a tensor, a graph, a function or a module, not int"):
        why(3)
    with pytest.raises(ArgumentError, match="no value of the graph is called that"):
        why(lambda x: x.sum(), batch().requires_grad_(), of="w")


def test_the_size_from_which_a_gradient_explodes_may_be_told():
    x = batch().requires_grad_()
    assert not why(lambda x: (x * 100).sum(), x)
    found = why(lambda x: (x * 100).sum(), x, beyond=50.0)
    assert (found.kind, found.operation) == ("exploding gradient", "mul")


def test_a_seed_is_what_flows_in():
    x = batch().requires_grad_()
    found = why(lambda x: (x.sum(1), x * 2), x, seed=[np.zeros(8, np.float32), None])
    assert (found.kind, found.cause) == ("zero gradient", "what flows in at the output")
