"""Embedding and EmbeddingBag against PyTorch and by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import close, leaves, same_module, scalar, torch_

RNG = np.random.default_rng
WORDS = np.array([[1, 2, 4, 4], [4, 3, 2, 0]])
TABLE = RNG(1).normal(size=(6, 3))


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"padding_idx": 4}, {"padding_idx": -2}, {"max_norm": 1.0}, {"max_norm": 0.5, "norm_type": 1.0},
        {"max_norm": 0.7, "norm_type": np.inf},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("words", [WORDS, WORDS[0], np.array(3)], ids=lambda w: str(w.shape))
def test_embedding_is_pytorchs_in_value_and_two_derivatives(settings: dict[str, Any], words: np.ndarray) -> None:
    same_module(lambda lib: lib.Embedding(6, 3, **settings), words)


@given(st.lists(st.integers(0, 5), max_size=8))
def test_an_embedding_is_a_product_with_one_hot_rows(words: list[int]) -> None:
    table = tg.tensor(TABLE, requires_grad=True)
    index = np.array(words, np.int64)
    y = functional.embedding(tg.tensor(index), table)
    close(y, np.eye(6)[index] @ TABLE)
    g = RNG(2).normal(size=y.shape)
    y.backward(tg.tensor(g))
    close(table.grad, np.eye(6)[index].T @ g)


def test_the_derivatives_of_embedding_are_right() -> None:
    table, factors = (tg.tensor(RNG(i).normal(size=n), requires_grad=True) for i, n in enumerate([(4, 2), (3, 2)]))
    words = tg.tensor([1, 3, 1])

    def read(table: tg.Tensor, factors: tg.Tensor) -> tg.Tensor:
        return functional.embedding(words, table**3) * factors

    assert gradcheck(read, (table, factors))
    assert gradgradcheck(read, (table, factors))


def test_the_row_of_padding_starts_at_zero_and_is_not_trained() -> None:
    layer = nn.Embedding(5, 3, padding_idx=-2)
    assert layer.padding_idx == 3
    assert layer.weight.detach()[3].tolist() == [0.0] * 3
    assert (layer.weight.detach().numpy()[[0, 1, 2, 4]] != 0).all()
    layer(tg.tensor([3, 3, 1])).sum().backward()
    assert layer.weight.grad[3].tolist() == [0.0] * 3
    assert layer.weight.grad[1].tolist() == [1.0] * 3


def test_rows_that_are_read_are_brought_to_the_largest_norm_and_the_others_stay() -> None:
    layer = nn.Embedding(6, 3, max_norm=0.5, _weight=tg.tensor(TABLE))
    y = layer(tg.tensor([0, 2]))
    norms = np.linalg.norm(layer.weight.detach().numpy(), axis=1)
    close(norms[[0, 2]], np.full(2, 0.5), 1e-6)
    close(y, layer.weight.detach().numpy()[[0, 2]])
    np.testing.assert_array_equal(layer.weight.detach().numpy()[[1, 3, 4, 5]], TABLE[[1, 3, 4, 5]])
    fresh = nn.Embedding(6, 3, max_norm=0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (fresh.weight**2).sum().add(fresh(tg.tensor([1])).sum()).backward()


def test_the_layer_starts_standard_normal_and_follows_its_generator() -> None:
    one, two = (nn.Embedding(200, 100, generator=tg.Generator().manual_seed(3)) for _ in range(2))
    values = one.weight.detach().numpy()
    np.testing.assert_array_equal(values, two.weight.detach().numpy())
    assert abs(values.mean()) < 4 / np.sqrt(values.size)
    assert abs(values.std() - 1) < 0.02


def test_a_pretrained_table_is_shared_and_frozen() -> None:
    table = tg.tensor(TABLE)
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad
    assert np.shares_memory(layer.weight.numpy(), table.numpy())
    assert nn.Embedding.from_pretrained(table, freeze=False, padding_idx=1).weight.requires_grad
    bag = nn.EmbeddingBag.from_pretrained(table, mode="sum")
    assert not bag.weight.requires_grad
    close(bag(tg.tensor(WORDS)), TABLE[WORDS].sum(1))
    for make in (nn.Embedding, nn.EmbeddingBag):
        with pytest.raises(ValueError, match="Embeddings parameter is expected to be 2-dimensional"):
            make.from_pretrained(tg.ones(3))
        with pytest.raises(ValueError, match="Shape of weight does not match num_embeddings and embedding_dim"):
            make(3, 3, _weight=tg.ones(2, 3))


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (tg.tensor([6]), IndexError, "index out of range in self"),
        (tg.tensor([-1]), IndexError, "index out of range in self"),
        (tg.tensor([1.0]), RuntimeError, r"Expected tensor for argument #1 'indices'.*Long, Int"),
        (tg.tensor([True]), RuntimeError, "Expected tensor for argument #1 'indices'"),
        ([1], TypeError, r"Embedding\(\): argument 'input' \(position 1\) must be Tensor, not list"),
    ],
)
def test_what_names_no_row_is_refused(words: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        nn.Embedding(6, 3)(words)
    with pytest.raises(ValueError, match="Padding_idx must be within num_embeddings"):
        nn.Embedding(6, 3, padding_idx=6)


def test_the_words_may_change_before_backward() -> None:
    words, table = tg.tensor([1, 2]), tg.ones(3, 1, requires_grad=True)
    y = functional.embedding(words, table)
    words.fill_(0)
    y.sum().backward()
    assert table.grad.tolist() == [[0.0], [1.0], [1.0]]


# --- bags -------------------------------------------------------------------------------------------------------------

SEQUENCE = np.array([1, 2, 4, 5, 4, 3, 2, 0])


def same_gradient(call: Any, *arrays: np.ndarray) -> None:
    """Values and first derivatives are PyTorch's, whose second ones here are not implemented or not right."""
    torch = torch_()
    found, wanted = [], []
    for lib, results in ((tg, found), (torch, wanted)):
        xs = leaves(arrays, lib)
        y = call(lib, *xs)
        results += [y, *lib.autograd.grad(scalar(y, lib), [x for x in xs if x.requires_grad])]
    for a, b in zip(found, wanted, strict=True):
        close(a, b)


@pytest.mark.parametrize("settings", [{}, {"padding_idx": 4}], ids=str)
def test_a_gradient_divided_by_how_often_a_row_is_read_is_pytorchs(settings: dict[str, Any]) -> None:
    same_gradient(
        lambda lib, table, words: lib.nn.functional.embedding(words, table, scale_grad_by_freq=True, **settings),
        TABLE, WORDS,
    )  # fmt: skip


def test_a_gradient_of_bags_divided_by_how_often_a_row_is_read_has_its_closed_form() -> None:
    # PyTorch's divides by the counts of other rows where a row is repeated
    table, g = tg.tensor(TABLE, requires_grad=True), RNG(3).normal(size=(2, 3))
    functional.embedding_bag(tg.tensor(WORDS), table, mode="sum", scale_grad_by_freq=True).backward(tg.tensor(g))
    counts = np.bincount(WORDS.ravel(), minlength=6)
    uses = np.stack([np.bincount(bag, minlength=6) for bag in WORDS])
    close(table.grad, uses.T @ g / np.maximum(counts, 1)[:, None])


def test_a_gradient_divided_by_how_often_a_row_is_read_has_its_own_derivative() -> None:
    table, g = tg.tensor(TABLE, requires_grad=True), tg.tensor(RNG(3).normal(size=(2, 4, 3)), requires_grad=True)
    y = functional.embedding(tg.tensor(WORDS), table, scale_grad_by_freq=True)
    (first,) = tg.autograd.grad(y, table, g, create_graph=True)
    v = RNG(4).normal(size=TABLE.shape)
    (second,) = tg.autograd.grad(first, g, tg.tensor(v))
    close(second, v[WORDS] / np.bincount(WORDS.ravel())[WORDS][..., None])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize(
    ("words", "offsets", "settings"),
    [
        (WORDS, None, {}),
        (WORDS, None, {"padding_idx": 4}),
        (np.full((2, 2), 4), None, {"padding_idx": 4}),
        (SEQUENCE, [0, 4], {}),
        (SEQUENCE, [0, 0, 3, 8], {}),
        (SEQUENCE, [0, 3, 8], {"include_last_offset": True}),
    ],
)
def test_embedding_bag_is_pytorchs_in_value_and_derivative(
    mode: str, words: np.ndarray, offsets: Any, settings: dict[str, Any]
) -> None:
    def call(lib: Any, table: Any) -> Any:
        starts = None if offsets is None else lib.tensor(offsets)
        return lib.nn.functional.embedding_bag(lib.tensor(words), table, starts, mode=mode, **settings)

    same_gradient(call, TABLE)


def test_weighted_bags_are_pytorchs() -> None:
    factors = RNG(5).normal(size=WORDS.shape)
    same_gradient(
        lambda lib, table, f, words: lib.nn.functional.embedding_bag(words, table, mode="sum", per_sample_weights=f),
        TABLE, factors, WORDS,
    )  # fmt: skip
    same_gradient(
        lambda lib, table, f: lib.nn.functional.embedding_bag(
            lib.tensor(SEQUENCE), table, lib.tensor([0, 4]), mode="sum", per_sample_weights=f
        ),
        TABLE, factors.ravel(),
    )  # fmt: skip


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=4),
    st.sampled_from(["sum", "mean", "max"]),
    st.sampled_from([None, 4]),
)
def test_a_bag_is_the_reduction_of_its_rows(bags: list[list[int]], mode: str, padding: int | None) -> None:
    sequence = np.array([word for bag in bags for word in bag], np.int64)
    offsets = np.cumsum([0, *map(len, bags)])[: len(bags)].astype(np.int64)
    kept = [[word for word in bag if word != padding] for bag in bags]
    reduce = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    wanted = np.array([reduce(TABLE[bag], axis=0) if bag else np.zeros(3) for bag in kept]).reshape(len(bags), 3)
    layer = nn.EmbeddingBag(6, 3, mode=mode, padding_idx=padding, _weight=tg.tensor(TABLE))
    close(layer(tg.tensor(sequence), tg.tensor(offsets)), wanted)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_the_derivatives_of_bags_are_right(mode: str) -> None:
    table = tg.tensor(TABLE, requires_grad=True)
    read = lambda table: functional.embedding_bag(tg.tensor(SEQUENCE), table**2, tg.tensor([0, 3, 3]), mode=mode)  # noqa: E731
    assert gradcheck(read, (table,))
    assert gradgradcheck(read, (table,))


def test_bags_with_a_largest_norm_are_pytorchs() -> None:
    torch = torch_()
    bags = [lib.nn.EmbeddingBag(6, 3, max_norm=1.0, _weight=lib.tensor(TABLE)) for lib in (tg, torch)]
    close(bags[0](tg.tensor(WORDS)), bags[1](torch.tensor(WORDS)), 1e-9)
    close(bags[0].weight, bags[1].weight, 1e-9)


def test_the_text_of_the_layers_is_pytorchs() -> None:
    torch = torch_()
    for make in (
        lambda lib: lib.Embedding(5, 3),
        lambda lib: lib.Embedding(
            5, 3, padding_idx=-1, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True, sparse=True
        ),
        lambda lib: lib.EmbeddingBag(5, 3),
        lambda lib: lib.EmbeddingBag(5, 3, 1.0, 3.0, True, "sum", padding_idx=2),
    ):
        assert repr(make(nn)) == repr(make(torch.nn))


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "text"),
    [
        ((SEQUENCE,), {}, ValueError, "offsets has to be a 1D Tensor but got None"),
        ((WORDS, [0]), {}, ValueError, "if input is 2D, then offsets has to be None"),
        ((SEQUENCE, [1]), {}, RuntimeError, r"offsets\[0\] has to be 0"),
        ((SEQUENCE, [0, 9]), {}, RuntimeError, r"offsets\[-1\] can not be greater than input's length 8"),
        ((WORDS[None],), {}, ValueError, "input has to be 1D or 2D Tensor, but got Tensor of dimension 3"),
        ((WORDS,), {"mode": "median"}, ValueError, "mode has to be one of sum, mean or max"),
    ],
)
def test_bags_that_are_none_are_refused(
    arguments: Any, settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    words, *offsets = map(tg.tensor, arguments)
    with pytest.raises(error, match=text):
        functional.embedding_bag(words, tg.tensor(TABLE), *offsets, **settings)
    with pytest.raises(NotImplementedError, match="only supported for mode='sum'"):
        functional.embedding_bag(tg.tensor(WORDS), tg.tensor(TABLE), per_sample_weights=tg.ones(2, 4))
    with pytest.raises(ValueError, match="must have the same shape as the input"):
        functional.embedding_bag(tg.tensor(WORDS), tg.tensor(TABLE), mode="sum", per_sample_weights=tg.ones(2))
