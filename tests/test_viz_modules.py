"""Networks: open modules are frames, closed ones single boxes; and the rules by which small things fold."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.engine.tensor import Constant
from tensorgrad.errors import TensorgradError
from tensorgrad.viz import draw


class Block(nn.Module):
    def __init__(self, n, m):
        super().__init__()
        self.fc, self.bn = nn.Linear(n, m), nn.BatchNorm1d(m)

    def forward(self, x):
        return self.bn(self.fc(x)).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = Block(6, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.last(self.first(x))


def x(*shape, requires_grad=True):
    return tg.tensor(np.random.default_rng(1).normal(size=shape), dtype=tg.float32, requires_grad=requires_grad)


def labels(drawing):
    return [vertex.label for vertex in drawing.picture.vertices if vertex.kind != "output"]


def ends(drawing):
    return [(edge.source, edge.target) for edge in drawing.edges]


def test_depth_1_draws_each_module_as_one_box_with_its_parameters():
    drawing = draw(Net(), x(4, 6), depth=1)
    assert labels(drawing) == ["x", "first: Block\n45 parameters [+]", "last: Linear(5, 2)\n12 parameters [+]"]
    assert ends(drawing) == [tuple(labels(drawing)[:2]), tuple(labels(drawing)[1:]), (labels(drawing)[2], "out")]
    assert 'class="node box"' in drawing.svg
    assert 'class="cluster' not in drawing.svg


def test_depth_2_opens_the_block():
    drawing = draw(Net(), x(4, 6), depth=2)
    assert [label for label in labels(drawing) if "fc" in label or "bn" in label or label == "relu"] == [
        "first.fc: Linear(6, 5)\n35 parameters [+]", "first.bn: BatchNorm1d(5)\n10 parameters [+]", "relu",
    ]  # fmt: skip
    assert drawing.svg.count('class="cluster module"') == 2
    assert "first: Block" in drawing.svg


def test_a_merged_edge_carries_the_sum_of_what_flows_along_it():
    net, data = Net(), x(4, 6)
    seed = np.random.default_rng(2).normal(size=(4, 2)).astype(np.float32)
    opened = draw(net, data, seed=seed)
    closed = draw(net, data, collapse="first.bn", seed=seed)
    (merged,) = [edge for edge in closed.edges if edge.target.startswith("first.bn")]
    parts = [e.gradient for e in opened.edges if e.forward == merged.forward]
    assert len(parts) == 2
    assert np.abs(merged.gradient).max() > 1e-6
    np.testing.assert_allclose(merged.gradient, parts[0] + parts[1], rtol=1e-6, equal_nan=False)
    assert "γ" not in labels(closed)
    assert "γ" in labels(opened)


def test_collapse_takes_paths_and_classes():
    net = Net()
    assert sum("[+]" in label for label in labels(draw(net, x(4, 6), collapse=("last",)))) == 1
    assert sum("[+]" in label for label in labels(draw(net, x(4, 6), collapse=["Linear"]))) == 2


def test_a_wrong_argument_is_named_with_the_right_ones():
    with pytest.raises(TensorgradError, match=r"collapse='bn9' is no module.*first\.bn"):
        draw(Net(), x(4, 6), collapse=("bn9",))
    with pytest.raises(TensorgradError, match=r"depth=-1.*outermost"):
        draw(Net(), x(4, 6), depth=-1)
    with pytest.raises(TensorgradError, match=r"labels='all'.*'names'"):
        draw(Net(), x(4, 6), labels="all")
    with pytest.raises(TensorgradError, match="cannot draw int"):
        draw(3)


def softened(x):
    return tg.nn.functional.softmax(x.relu(), -1)


def test_functions_close_by_their_names_and_modules_by_what_a_function_says():
    assert labels(draw(lambda x: softened(x) * 2, x(4, 6), collapse="softmax"))[:3] == [
        "x",
        "relu",
        "softmax\ndim=-1 [+]",
    ]
    assert labels(draw(lambda x: softened(x) * 2, x(4, 6), collapse="softened"))[:2] == ["x", "softened\n[+]"]
    found = labels(draw(Net(), x(4, 6), collapse=lambda module: isinstance(module, nn.BatchNorm1d)))
    assert next(label for label in found if "[+]" in label).startswith("first.bn")
    with pytest.raises(TensorgradError, match=r"collapse='soft' is no module.*its functions: softmax"):
        draw(softened, x(4, 6), collapse="soft")


def test_depth_0_is_the_whole():
    assert [label.partition("\n")[0] for label in labels(draw(Net(), x(4, 6), depth=0))] == ["x", "Net"]


def boxed(drawing):
    """Return the closed modules and the frames, without their sizes, of a picture that can be placed."""
    assert drawing.scene.outlines
    framed = {module.label: None for vertex in drawing.picture.vertices for module in vertex.around}
    closed = [label.partition("\n")[0] for label in labels(drawing) if "[+]" in label]
    return closed, [*framed]


def pair(first, second):
    return lambda data: first(data) + second(data * 2)


def test_depth_counts_from_one_level_for_all_modules():
    deep, flat, more = nn.Sequential(nn.Linear(4, 2)), nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    both = [
        (pair(deep, flat), ["first: Sequential", "second: Linear(4, 2)"]),
        (pair(more, more), ["first: Sequential"] * 2),
    ]
    for function, models in both:
        for depth in (0, 1):
            assert boxed(draw(function, x(5, 4), depth=depth, repeats=False)) == (models, [])
    assert boxed(draw(pair(deep, flat), x(5, 4), depth=2)) == (
        ["0: Linear(4, 2)"], ["second: Linear(4, 2)", "first: Sequential"],
    )  # fmt: skip


def test_what_comes_after_a_model_changes_no_depth():
    model, loss = nn.Sequential(nn.Linear(4, 2), nn.Tanh()), nn.MSELoss()
    parts = ["0: Linear(4, 2)", "1: Tanh"]
    for function, others in (
        (lambda data: model(data).sum(), []), (lambda data: loss(model(data), data[:, :2]), ["loss: MSELoss"]),
    ):  # fmt: skip
        assert boxed(draw(function, x(5, 4), depth=0)) == (["model: Sequential", *others], [])
        assert boxed(draw(function, x(5, 4), depth=1)) == ([*parts, *others], ["model: Sequential"])
    assert boxed(draw(model, x(5, 4), depth=1)) == (parts, [])


def test_a_frame_is_left_out_where_it_would_be_around_everything():
    model = nn.Sequential(nn.Linear(4, 2), nn.Tanh())
    assert "model: Sequential" not in boxed(draw(model, x(5, 4)))[1]
    assert "model: Sequential" in boxed(draw(lambda data: model(data).sum(), x(5, 4)))[1]
    assert boxed(draw(model, x(5, 4), collapse=["Sequential"])) == (["model: Sequential"], [])
    nested = nn.Sequential(nn.Sequential(nn.Linear(4, 2)), nn.Tanh())
    assert boxed(draw(nested, x(5, 4), collapse=["Sequential"])) == (["0: Sequential"], ["1: Tanh"])


def penalised(model, data):
    (slope,) = tg.autograd.grad(model(data).sum(), data, create_graph=True)
    return slope.sum() + model(data).sum()


@pytest.mark.parametrize(("function", "count"), [
    (penalised, 2), (lambda model, data: tg.autograd.grad(model(data).sum(), data, create_graph=True)[0].sum(), 1),
    (lambda model, data: model(data @ model[0].weight.T @ model[0].weight), 1),
    (lambda model, data: model(data).sum() + sum((p**2).sum() for p in model.parameters()), 1),
    (lambda model, data: model((data + model[2].bias).tanh()), 1),
])  # fmt: skip
@pytest.mark.parametrize("options", [{"depth": 0}, {"collapse": ["Sequential"]}, {"max_nodes": 3}], ids=str)
def test_a_weight_that_something_outside_reads_is_not_hidden(function, count, options):
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    drawing = draw(lambda data: function(model, data), x(5, 2), **options)
    assert drawing.svg
    known = set()
    for vertex in drawing.picture.vertices:  # what a vertex reads stands before it
        assert {edge.tail for edge in drawing.edges if edge.head == vertex.id} <= known
        known.add(vertex.id)
    if "max_nodes" not in options:
        assert boxed(drawing)[0] == ["model: Sequential"] * count
        assert {"W", "b"} & set(labels(drawing))


def test_above_max_nodes_the_deepest_modules_close_first_and_the_caption_says_so():
    everything = draw(Net(), x(4, 6))
    assert everything.caption == ""
    drawing = draw(Net(), x(4, 6), max_nodes=10)
    assert any(label.startswith("first.bn: BatchNorm1d(5)") for label in labels(drawing))
    assert "first: Block" in drawing.svg
    assert "max_nodes=10" in drawing.caption
    assert drawing.caption in drawing.svg
    assert len(labels(draw(Net(), x(4, 6), max_nodes=3))) == 3


@pytest.mark.slow
def test_a_long_chain_is_drawn_without_recursion_and_says_what_is_left_out():
    y = x(3)
    for _ in range(10_000):
        y = y.tanh()
    drawing = draw(y, max_nodes=50)
    assert len(labels(drawing)) <= 51
    assert "earlier operations are left out" in drawing.caption
    assert draw(y, max_nodes=20_000).dot.count("tanh") >= 10_000


def test_doubling_a_hundred_times_gives_a_hundred_nodes():
    y = x(3)
    for _ in range(100):
        y = y + y
    drawing = draw(y)
    assert len(labels(drawing)) == 101
    assert len(drawing.edges) == 201


def test_a_product_with_itself_has_two_edges_with_a_gradient_each():
    data = x(3)
    edges = draw(lambda x: x * x, data).edges
    assert [(e.source, e.target, e.slot, e.backward) for e in edges[:2]] == [("x", "*", 0, "dx₁"), ("x", "*", 1, "dx₂")]
    assert np.array_equal(edges[0].gradient + edges[1].gradient, 2 * data.detach().numpy())


def _used_twice(x):
    y = x + 1
    return y.sqrt() * y


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x**2, ["**2"]),
        (lambda x: 1 / x, ["1/x"]),
        (lambda x: x / 2, ["x/2"]),
        (lambda x: x - 0.5, ["x−0.5"]),
        (lambda x: 0.5 - x, ["0.5−x"]),
        (lambda x: 2**x, ["2**x"]),
        (lambda x: x + 1e-5, ["x+1e-05"]),
        (lambda x: (x + Constant(1e-5, "ε")).sqrt(), ["√(x+ε)"]),
        (lambda x: (x * 2).exp(), ["exp(x*2)"]),
        (lambda x: (1 / x).exp(), ["1/x", "exp"]),
        (lambda x: 1 / (x + 2), ["x+2", "1/x"]),
        (lambda x: (x + 1).sqrt() * (x + 1), ["√(x+1)", "x+1", "*"]),
        (_used_twice, ["x+1", "√x", "*"]),
        (lambda x: x.mean(0), ["1/N Σxᵢ"]),
    ],
)
def test_constants_and_small_operations_fold_by_the_rules(function, expected):
    data = tg.tensor([1.0, 2.0], requires_grad=True)
    assert labels(draw(function, data)) == ["x", *expected]


def test_what_is_folded_away_still_passes_its_true_gradient():
    edges = draw(lambda x: (x * 2).exp(), tg.tensor([0.0, 1.0], requires_grad=True)).edges
    np.testing.assert_allclose(edges[0].gradient, 2 * np.exp([0.0, 2.0]), rtol=1e-6, equal_nan=False)


def test_a_value_without_gradient_stops_the_red_edges():
    drawing = draw(lambda x, t: ((x - t) ** 2).sum(), x(3), x(3, requires_grad=False))
    assert {e.forward: e.backward for e in drawing.edges if e.source in "xt"} == {"x": "dx", "t": None}
    assert all(e.backward is None for e in draw(lambda x: x.argmax(), x(3)).edges)


def test_two_outputs_both_have_an_end():
    drawing = draw(lambda x: (x.exp(), x.tanh()), x(3))
    assert [edge.target for edge in drawing.edges if edge.head.startswith("out")] == ["out₁", "out₂"]
    assert drawing.svg


def test_parameters_without_a_name_are_called_what_their_module_calls_them():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(tg.ones(4))
            self.conv = nn.Conv1d(1, 1, 3)
            self.factors = nn.ParameterList([nn.Parameter(tg.ones(1))])
            self.register_buffer("offset", tg.ones(1))

        def forward(self, x):
            return self.conv(x * self.scale) * self.factors[0] + self.offset

    net = Scaled()
    for drawing in (draw(net, x(3, 1, 4)), draw(net(x(3, 1, 4)))):
        leaves = {v.label for v in drawing.picture.vertices if v.leaf}
        assert {"scale", "weight", "bias", "offset"} < leaves
        assert not {"0", "factors"} & leaves
    assert {"weight_ih_l0", "bias_hh_l0"} < set(labels(draw(nn.LSTM(3, 4), x(3, 2, 3))))
    assert {"W", "b"} < set(labels(draw(nn.Linear(3, 4), x(2, 3))))
    assert "dscale" in {e.backward for e in draw(net, x(3, 1, 4)).edges}
