"""What a trace takes for granted because it held is no break: the file checks it, and is right or refuses inputs."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.graph import Graph

F = nn.functional

LAYERS = {
    "layer_norm": lambda x: F.layer_norm(x, (4,)),
    "layer_norm without eps": lambda x: F.layer_norm(x, (4,), eps=0.0),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "group_norm": lambda x: F.group_norm(x, 2),
    "rms_norm": lambda x: F.rms_norm(x, (4,)),
    "rms_norm without eps": lambda x: F.rms_norm(x, (4,), eps=0.0),
    "instance_norm": lambda x: F.instance_norm(x[None]),
    "local_response_norm": lambda x: F.local_response_norm(x[None], 2),
    "normalize": F.normalize,
    "cosine_similarity": lambda x: F.cosine_similarity(x, x.flip(0)),
    "cosine_embedding_loss": lambda x: F.cosine_embedding_loss(x, x.flip(0), tg.ones(6)),
    "pairwise_distance": lambda x: F.pairwise_distance(x, -x),
    "cdist": lambda x: tg.cdist(x, -x),
}
SIZES = {"ordinary": 1.0, "large": 1e30, "at the end": 1e38, "small": 1e-30}


def of_size(size: float) -> tg.Tensor:
    numbers = np.random.default_rng(0).standard_normal((6, 4)).clip(-3, 3) * size
    return tg.tensor(numbers.astype(np.float32), requires_grad=True)


def as_the_engine(names: dict, layer, x: tg.Tensor) -> bool:
    """Return whether the file takes `x`, whose output and gradient are then those of the engine."""
    y = layer(x)
    weights = np.cos(np.arange(y.numel(), dtype=np.float32)).reshape(y.shape)  # the sum alone has a slope of 0
    (y * tg.tensor(weights)).sum().backward()
    try:
        found, cache = names["forward"](x.detach().numpy().copy())
    except ValueError as error:
        return "trace the function on inputs like these" not in str(error)
    np.testing.assert_allclose(found, y.array, rtol=1e-5)
    slope = names["backward"](weights, cache)
    largest = float(np.abs(x.grad.array).max())
    np.testing.assert_allclose(slope, x.grad.array, rtol=1e-3, atol=1e-5 * largest)
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LAYERS)
def test_the_file_of_a_norm_is_right_or_refuses_its_inputs(name: str, size: str) -> None:
    graph, names = Graph.trace(LAYERS[name], of_size(SIZES[size])), {}
    assert graph.breaks == ()
    exec(graph.to_python(), names)
    taken = {other for other in SIZES if as_the_engine(names, LAYERS[name], of_size(SIZES[other]))}
    assert size in taken
    if not graph.assumptions:
        assert taken == set(SIZES)


def test_an_assumption_tells_where_it_was_made_and_the_file_checks_it() -> None:
    graph = Graph.trace(lambda x: F.rms_norm(x, (3,)), tg.ones(2, 3))
    (found,) = graph.assumptions
    assert "in the library's rms_norm (if finite(squares.array)" in found.text
    assert found.place[0].co_filename == __file__
    assert (
        "in the library's rms_norm, these inputs take another way than those of the trace at test_g"
        in graph.to_python()
    )
    assert "Read while tracing" not in graph.to_python()


def test_no_picture_and_no_text_shows_the_condition() -> None:
    graph = Graph.trace(lambda x: F.layer_norm(x, (4,)), of_size(1.0))
    assert len(graph.assumptions) == 1
    assert "isfinite" not in graph.text()
    assert "isfinite" not in viz.draw(graph).dot
    assert "isfinite" not in graph.backward().text()
    assert "isfinite" in graph.to_python()


def test_a_network_of_norms_has_a_file_without_a_break() -> None:
    tg.manual_seed(0)
    model = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    graph, names = Graph.trace(model, tg.randn(5, 2, 4)), {}
    assert graph.breaks == ()
    assert len(graph.assumptions) == 2
    exec(graph.to_python(), names)
    other = tg.randn(5, 2, 4)
    parameters = {name: p.detach().numpy() for name, p in model.named_parameters()}
    words = names["forward"].__code__.co_varnames[1 : names["forward"].__code__.co_argcount]
    named = {id(p): parameters[name] for name, p in model.named_parameters()}
    leaves = [node.owner for node in graph.nodes if node.op == "parameter"]
    assert len(words) == len(leaves) == len(parameters)
    found, _ = names["forward"](other.numpy(), *[named[id(leaf)] for leaf in leaves])
    np.testing.assert_allclose(found, model(other).array, rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_loss_of_probabilities_is_right_for_infinite_logits() -> None:
    def loss(x):
        return F.binary_cross_entropy_with_logits(x, x.sigmoid())

    graph, names = Graph.trace(loss, tg.tensor([1.0, -1.0])), {}
    assert graph.breaks == ()
    exec(graph.to_python(), names)
    found = names["forward"](np.array([np.inf, -0.5], np.float32))
    np.testing.assert_allclose(found, loss(tg.tensor([np.inf, -0.5])).array, rtol=1e-6)
    beyond = Graph.trace(lambda x: F.binary_cross_entropy_with_logits(x, x * 2), tg.tensor([1.0, -1.0]))
    assert beyond.breaks


ROWS, WHOLE = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True), tg.tensor([0, 1])
INDEXED = {
    "cross_entropy": (lambda t: F.cross_entropy(ROWS, t), WHOLE, [2, 1], [[-1, 1], [3, 1]]),
    "nll_loss": (lambda t: F.nll_loss(ROWS, t), WHOLE, [2, 1], [[-1, 1], [3, 1]]),
    "embedding": (lambda t: F.embedding(t, ROWS), WHOLE, [1, 1], [[-1, 1], [2, 1]]),
    "one_hot": (lambda t: F.one_hot(t, 3), WHOLE, [2, 1], [[-1, 1], [3, 1]]),
    "gather": (lambda t: ROWS.gather(1, t), WHOLE[:, None], [[2], [0]], [[[-1], [0]], [[3], [0]]]),
    "index_select": (lambda t: ROWS.index_select(1, t), WHOLE, [2, 0], [[-1, 0], [3, 0]]),
    "take_along_dim": (lambda t: tg.take_along_dim(ROWS, t, 1), WHOLE[:, None], [[2], [0]], [[[-1], [0]], [[3], [0]]]),
    "scatter": (lambda t: tg.zeros_like(ROWS).scatter(1, t, ROWS[:, :1]), WHOLE[:, None], [[2], [0]], [[[-1], [0]]]),
    "index_add": (lambda t: ROWS.index_add(0, t, ROWS), WHOLE, [1, 1], [[-1, 1], [2, 1]]),
    "a check of the user's": (
        lambda t: checked(t) * ROWS,
        tg.tensor([1.0, 2.0, 3.0]),
        [3.0, 2.0, 1.0],
        [[0.0, 1.0, 1.0]],
    ),
}


def checked(t: tg.Tensor) -> tg.Tensor:
    """Return a tensor of positive numbers."""
    if (t <= 0).any():
        raise ValueError("positive numbers are needed")
    return t


@pytest.mark.parametrize("name", INDEXED)
def test_a_file_refuses_the_numbers_that_the_function_refuses(name: str) -> None:
    function, given, other, wrong = INDEXED[name]
    graph, names = Graph.trace(function, given), {}
    assert graph.breaks == ()
    exec(graph.to_python(), names)
    more = [ROWS.detach().numpy()] * (names["forward"].__code__.co_argcount - 1)
    found = names["forward"](np.array(other), *more)
    wanted = function(tg.tensor(other)).detach().numpy()
    np.testing.assert_allclose(found[0] if isinstance(found, tuple) else found, wanted, rtol=1e-12)
    for numbers in wrong:
        with pytest.raises((ValueError, IndexError)):
            function(tg.tensor(numbers))
        with pytest.raises((ValueError, IndexError)):
            names["forward"](np.array(numbers), *more)


def both(x: tg.Tensor) -> tg.Tensor:
    if (x > 10).any() and (x < 0).any():
        raise ValueError("both")
    return x * 2


def either(x: tg.Tensor) -> tg.Tensor:
    assert (x > 0).all() or (x < 0).all()
    return x * 2


def any_of(x: tg.Tensor) -> tg.Tensor:
    if not any(v > 0 for v in x):
        raise ValueError("none")
    return x * 2


def largest(x: tg.Tensor) -> tg.Tensor:
    assert max(x) < 10
    return x * 2


def one_of(x: tg.Tensor) -> tg.Tensor:
    assert x[0] in (1.0, 2.0)
    return x * 2


def in_order(x: tg.Tensor) -> tg.Tensor:
    assert not (x[0] < x[1] < 5)
    return x * 2


TAKEN = [
    (both, [1.0, 1.0], [11.0, 2.0]), (either, [-1.0, -1.0], [1.0, 2.0]), (any_of, [5.0, -5.0], [-1.0, 2.0]),
    (largest, [5.0, 1.0], [1.0, 5.0]), (one_of, [1.0, 0.0], [2.0, 0.0]), (in_order, [2.0, 1.0], [6.0, 7.0]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "given", "other"), TAKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_file_takes_what_passes_a_check_of_several_choices_by_another_way(function, given, other) -> None:
    names: dict = {}
    exec(Graph.trace(function, tg.tensor(given)).to_python(), names)
    np.testing.assert_array_equal(names["forward"](np.array(other)), np.array(other) * 2)


def test_what_stands_behind_a_check_on_its_line_is_a_break() -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        assert (x > 0).all(); return x * 2 if x[0] > 1 else x * 3  # fmt: skip # noqa: E702

    assert len(Graph.trace(function, tg.tensor([2.0, 1.0])).breaks) == 1


def test_a_check_without_a_form_is_left_out_and_told() -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        if not tg.linalg.eigvalsh(x).min() > 0:
            raise ValueError("not positive definite")
        return x.sum()

    x = tg.tensor([[11.0, 2.0], [2.0, 2.0]])
    graph = Graph.trace(function, x)
    assert "eigvalsh" in graph.to_python() or "eigh" in graph.to_python()
    for text in (graph.to_c(), graph.to_js()):
        assert text.startswith("// Not looked for: numbers that the function refuses by an error.")
    assert "foreignObject" in viz.draw(function, x, live=True).svg


def test_distributions_are_traced_with_their_checks() -> None:
    def function(rate: tg.Tensor) -> tg.Tensor:
        return tg.distributions.Exponential(rate).log_prob(tg.ones(2))

    graph, names = Graph.trace(function, tg.tensor([0.5, 1.0])), {}
    assert graph.breaks == ()
    exec(graph.to_python(), names)
    np.testing.assert_allclose(names["forward"](np.array([0.25, 2.0])), np.log([0.25, 2.0]) - [0.25, 2.0])
    with pytest.raises(ValueError, match="another way"):
        names["forward"](np.array([-0.25, 2.0]))
