"""The book's convention: BatchNorm, Dropout and Xavier against its formulas in plain NumPy, bit for bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import grad
from tensorgrad.base.convention import CONVENTIONS, check_convention
from tensorgrad.create.random import words
from tensorgrad.errors import ArgumentError
from tensorgrad.nn import init
from tensorgrad.utils.checkpoint import checkpoint
from tests.peer import close


class BookBatchNorm:
    """Equations 6.7 and 6.8, with running statistics, and the gradients along the edges of figure 6-17."""

    def __init__(self, gamma: np.ndarray, beta: np.ndarray, momentum: float = 0.9) -> None:
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = np.zeros(len(gamma)), np.zeros(len(gamma))

    def forward(self, x: np.ndarray, train: bool) -> np.ndarray:
        if train:
            mu = x.mean(axis=0)
            self.xc = x - mu
            var = np.mean(self.xc**2, axis=0)
            self.std = np.sqrt(var + 10e-7)
            self.xn = self.xc / self.std
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
            return self.gamma * self.xn + self.beta
        return self.gamma * ((x - self.running_mean) / np.sqrt(self.running_var + 10e-7)) + self.beta

    def backward(self, dout: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = len(dout)
        dxn = self.gamma * dout
        dstd = -np.sum(dxn * self.xc / (self.std * self.std), axis=0)
        dxc = dxn / self.std + 2.0 / n * self.xc * (0.5 * dstd / self.std)
        return dxc - np.sum(dxc, axis=0) / n, np.sum(self.xn * dout, axis=0), dout.sum(axis=0)


def layers(d: int, seed: int, **settings: Any) -> tuple[nn.BatchNorm1d, BookBatchNorm]:
    rng = np.random.default_rng(seed)
    gamma, beta = rng.uniform(0.5, 2, d), rng.normal(size=d)
    ours = nn.BatchNorm1d(d, convention="book", **settings).double()
    ours.weight.data.copy_(gamma)
    ours.bias.data.copy_(beta)
    return ours, BookBatchNorm(gamma, beta, **settings)


def same_bits(found: tg.Tensor, wanted: np.ndarray) -> None:
    values = found.detach().numpy()
    assert values.shape == wanted.shape
    np.testing.assert_array_equal(values.view(np.int64), np.ascontiguousarray(wanted).view(np.int64))


@given(
    n=st.integers(2, 512),
    d=st.integers(1, 20),
    seed=st.integers(0, 2**32 - 1),
    momentum=st.sampled_from([0.9, 0.5, 0.0]),
)
def test_batchnorm_is_the_books_to_the_bit_in_training_and_evaluation(
    n: int, d: int, seed: int, momentum: float
) -> None:
    ours, book = layers(d, seed, momentum=momentum)
    rng = np.random.default_rng(seed)
    for k in range(3):
        a = rng.normal(size=(n, d)) * (k + 1) + k
        same_bits(ours(tg.tensor(a)), book.forward(a, True))
        same_bits(ours.running_mean, book.running_mean)
        same_bits(ours.running_var, book.running_var)
    a = rng.normal(size=(5, d))
    same_bits(ours.eval()(tg.tensor(a)), book.forward(a, False))
    assert ours.num_batches_tracked.item() == 3


@given(n=st.integers(2, 100), d=st.integers(1, 10), seed=st.integers(0, 2**32 - 1))
def test_the_gradients_of_batchnorm_are_the_books(n: int, d: int, seed: int) -> None:
    ours, book = layers(d, seed)
    rng = np.random.default_rng(seed)
    a, dout = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    x = tg.tensor(a, requires_grad=True)
    book.forward(a, True)
    found = grad(ours(x), [x, ours.weight, ours.bias], tg.tensor(dout))
    spread = 1 / (book.std / book.gamma).min() ** 2  # two equal rows have no variance, and gradients as large as this
    for g, wanted in zip(found, book.backward(dout), strict=True):
        close(g, wanted, 1e-12, 1e-12 * max(1.0, spread))


def test_the_defaults_of_batchnorm_are_the_books_and_may_be_given() -> None:
    bn = nn.BatchNorm1d(3, convention="book")
    assert (bn.eps, bn.momentum) == (1e-6, 0.9)
    assert bn.running_var.tolist() == [0.0] * 3
    assert repr(bn).endswith("track_running_stats=True, convention='book')")
    given = nn.BatchNorm1d(3, 1e-5, 0.1, convention="book")
    assert (given.eps, given.momentum) == (1e-5, 0.1)
    plain = nn.BatchNorm1d(3)
    assert (plain.eps, plain.momentum, plain.running_var.tolist()) == (1e-5, 0.1, [1.0] * 3)
    assert type(plain.eps) is type(plain.momentum) is float
    assert "convention" not in repr(plain)


def test_the_two_conventions_differ_in_what_the_table_says() -> None:
    a = np.random.default_rng(0).normal(size=(5, 2)) + 3
    ours, book = nn.BatchNorm1d(2).double(), nn.BatchNorm1d(2, convention="book").double()
    ours(tg.tensor(a))
    book(tg.tensor(a))
    close(ours.running_mean, 0.1 * a.mean(0))
    close(book.running_mean, 0.1 * a.mean(0))
    close(ours.running_var, 0.9 + 0.1 * a.var(0, ddof=1))
    close(book.running_var, 0.1 * a.var(0))
    close(ours(tg.tensor(a)), (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5))
    close(book(tg.tensor(a)), (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-6))


def test_the_books_batchnorm_is_reset_and_counts_a_checkpointed_batch_once() -> None:
    a = np.random.default_rng(1).normal(size=(6, 3))
    ours, book = layers(3, 1)
    checkpoint(ours, tg.tensor(a, requires_grad=True), use_reentrant=False).sum().backward()
    book.forward(a, True)
    same_bits(ours.running_var, book.running_var)
    assert ours.num_batches_tracked.item() == 1
    ours.reset_parameters()
    assert ours.running_var.tolist() == ours.running_mean.tolist() == [0.0] * 3
    assert ours.weight.tolist() == [1.0] * 3


def test_the_books_batchnorm_takes_sequences_and_no_parameters() -> None:
    a = np.random.default_rng(2).normal(size=(4, 3, 5))
    bn = nn.BatchNorm1d(3, affine=False, convention="book").double()
    mean, var = a.mean((0, 2)), a.var((0, 2))
    wanted = (a - mean[:, None]) / np.sqrt(var[:, None] + 1e-6)
    close(bn(tg.tensor(a)), wanted)
    close(bn.running_var, 0.1 * var)
    wanted = (a - 0.1 * mean[:, None]) / np.sqrt(0.1 * var[:, None] + 1e-6)
    close(bn.eval()(tg.tensor(a)), wanted)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        bn.train()(tg.ones(1, 3, 1))
    assert nn.BatchNorm1d(3, track_running_stats=False, convention="book").eval()(tg.ones(2, 3)).shape == (2, 3)


@given(shape=st.lists(st.integers(0, 5), max_size=3), ratio=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_dropout_is_the_books_to_the_bit(shape: list[int], ratio: float, seed: int) -> None:
    a = np.random.default_rng(seed).normal(size=shape)
    x = tg.tensor(a, requires_grad=True)
    module = nn.Dropout(ratio, convention="book", generator=tg.Generator().manual_seed(seed))
    mask = words(tg.Generator().manual_seed(seed).numpy, tuple(shape)) >= round(ratio * 2**32)
    y = module(x)
    same_bits(y, a * mask)
    dout = np.random.default_rng(seed + 1).normal(size=shape)
    same_bits(grad(y, x, tg.tensor(dout))[0], dout * mask)
    y = module.eval()(x)
    same_bits(y, a * (1.0 - ratio))
    close(grad(y, x, tg.tensor(dout))[0], dout * (1.0 - ratio))


def test_the_text_of_the_books_dropout_names_its_convention() -> None:
    assert repr(nn.Dropout(0.2, convention="book")) == "Dropout(p=0.2, inplace=False, convention='book')"
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"


def test_xavier_is_the_books_to_the_bit() -> None:
    w = tg.empty(400, 100, dtype=tg.float64)
    init.xavier_normal_(w, generator=tg.Generator().manual_seed(3), convention="book")
    drawn = tg.Generator().manual_seed(3).numpy.standard_normal((400, 100))
    same_bits(w, drawn * (1 / math.sqrt(100)))
    assert w.std().item() == pytest.approx(0.1, rel=0.02)
    init.xavier_normal_(w, generator=tg.Generator().manual_seed(3))
    assert w.std().item() == pytest.approx(math.sqrt(2 / 500), rel=0.02)  # 0.063
    init.xavier_uniform_(w, 2.0, tg.Generator().manual_seed(4), convention="book")
    assert w.std().item() == pytest.approx(0.2, rel=0.02)


def test_the_book_has_no_average_of_all_batches() -> None:
    with pytest.raises(ArgumentError, match="momentum=None"):
        nn.BatchNorm1d(2, momentum=None, convention="book")


def test_a_convention_is_pytorchs_or_the_books_and_nothing_else() -> None:
    assert [check_convention(word) for word in CONVENTIONS] == [False, True]
    for call in (
        lambda: check_convention("torch"),
        lambda: nn.BatchNorm1d(2, convention="torch"),
        lambda: nn.Dropout(convention="torch"),
        lambda: init.xavier_normal_(tg.ones(2, 2), convention="torch"),
    ):
        with pytest.raises(ArgumentError, match="convention must be 'pytorch' or 'book', found 'torch'"):
            call()
