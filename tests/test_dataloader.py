"""DataLoader: batches, orders, random numbers and refusals."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import data
from tensorgrad.data import DataLoader, TensorDataset, fetch, options
from tensorgrad.errors import ArgumentError
from tests.peer import WITHOUT_TORCH
from tests.samples import QUIET, Numbers, Stream, lists, no_process_is_left, plain  # noqa: F401 - no_process_is_left serves every test

pytestmark = QUIET


# --- batches ----------------------------------------------------------------------------------------------------------


@given(
    n=st.integers(0, 14),
    batch_size=st.none() | st.integers(1, 5),
    drop_last=st.booleans(),
    subset=st.booleans(),
    convert=st.booleans(),
)
def test_batches_are_pytorchs(n: int, batch_size: int | None, drop_last: bool, subset: bool, convert: bool) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    values = np.arange(2 * n, dtype=np.float32).reshape(n, 2)

    def run(d: Any, lib: Any) -> list[Any]:
        dataset = d.TensorDataset(lib.tensor(values), lib.arange(n))
        dataset = d.Subset(dataset, list(range(n))[::-2]) if subset else dataset
        options = {"collate_fn": d.default_convert} if convert else {}
        loader = d.DataLoader(dataset, batch_size, drop_last=drop_last and batch_size is not None, **options)
        batches = list(loader)
        assert len(loader) == len(batches)
        return plain(batches)

    assert run(data, tg) == run(torch.utils.data, torch)


@pytest.mark.parametrize("source", [tg.tensor, tg.from_numpy])
def test_one_index_for_a_batch_gives_what_collating_its_samples_does(source: Callable[[Any], Any]) -> None:
    rng = np.random.default_rng(0)
    dataset = TensorDataset(source(rng.normal(size=(30, 4))), source(rng.integers(0, 9, 30)), source(np.zeros((30, 0))))
    subset = data.Subset(data.Subset(dataset, range(29, 0, -1)), np.arange(20))
    for index in ([3, 1, 1], [-1, 5], [np.int64(2), 7]):
        for d in (dataset, subset):
            at_once = fetch.gathered(d, index)
            assert at_once is not None
            assert plain(at_once) == plain(data.default_collate([d[i] for i in index]))
            at_once[0][0] = 99.0
            assert not (dataset.tensors[0] == 99.0).any(), "a batch is memory of its own"


def test_samples_are_collated_one_by_one_where_that_may_not_be_the_same() -> None:
    class Negative(TensorDataset):
        def __getitem__(self, i):
            return tuple(-x for x in super().__getitem__(i))

    x = tg.arange(1.0, 5.0)
    for d, index in (
        (Negative(x), [0]),
        (data.Subset(Negative(x), [1]), [0]),
        (TensorDataset(x), [True]),
        (TensorDataset(x), [slice(2)]),
        (TensorDataset(x), [tg.tensor(0)]),
        (TensorDataset(x), []),
        (TensorDataset(x), 0),
        (x, [0]),
    ):
        assert fetch.gathered(d, index) is None
    assert lists(b for (b,) in DataLoader(Negative(x), 3)) == [[-1.0, -2.0, -3.0], [-4.0]]


def test_gradients_pass_through_a_batch_at_once() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(x), 2):
        (batch**2).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_the_arguments_can_be_read_again() -> None:
    dataset = Numbers()
    loader = DataLoader(dataset, 5, drop_last=True, pin_memory=True)
    assert loader.dataset is dataset
    assert (loader.batch_size, loader.drop_last, loader.num_workers, loader.prefetch_factor) == (5, True, 0, None)
    assert isinstance(loader.sampler, data.SequentialSampler)
    assert isinstance(loader.batch_sampler, data.BatchSampler)
    assert loader.collate_fn is data.default_collate
    assert DataLoader(dataset, None).collate_fn is data.default_convert
    assert DataLoader(dataset, num_workers=1).prefetch_factor == 2
    assert isinstance(DataLoader(dataset, shuffle=True).sampler, data.RandomSampler)
    assert DataLoader(dataset, batch_sampler=[[1]]).batch_size is None
    assert len(iter(loader)) == len(loader) == 2


def test_a_sampler_and_a_batch_sampler_decide_what_is_asked_for() -> None:
    assert lists(DataLoader(Numbers(), 2, sampler=[3, 1, 2])) == [[3, 1], [2]]
    batches = DataLoader(Numbers(), batch_sampler=[[5, 6], [7]])
    assert lists(batches) == [[5, 6], [7]]
    assert len(batches) == 2
    assert list(DataLoader({"a": 1, "b": 2}, None, sampler=["b", "a"])) == [2, 1]
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        len(DataLoader(Numbers(), sampler=iter([1])))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_loader_goes_on_after_a_sample_that_cannot_be_had(num_workers: int) -> None:
    batches = iter(DataLoader(Numbers(raises=5), 2, num_workers=num_workers))
    found = [next(batches).tolist() for _ in range(2)]
    with pytest.raises(KeyError, match="no such"):
        next(batches)
    assert [*found, *lists(batches)] == [[0, 1], [2, 3], [6, 7], [8, 9], [10, 11]]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_sample_that_raises_stop_iteration_does_not_end_the_epoch_in_silence(num_workers: int) -> None:
    with pytest.raises(RuntimeError, match=r"raised StopIteration, which stands for"):
        list(DataLoader(Numbers(stops=3), num_workers=num_workers))
    with pytest.raises(RuntimeError, match=r"raised StopIteration, which stands for"):
        list(DataLoader(Stream(3), collate_fn=exhausted, num_workers=num_workers))
    if num_workers:
        with pytest.raises(RuntimeError, match=r"raised StopIteration, which stands for"):
            list(DataLoader(Numbers(), worker_init_fn=exhausted, num_workers=num_workers))


def exhausted(_: Any) -> Any:
    return next(iter(()))


# --- refusals ---------------------------------------------------------------------------------------------------------


REFUSED: dict[str, Callable[[Any], Any]] = {
    "num_workers": lambda d: d.DataLoader([1], num_workers=-1),
    "timeout": lambda d: d.DataLoader([1], timeout=-1),
    "timeout without workers": lambda d: iter(d.DataLoader([1], timeout=1)),
    "prefetch without workers": lambda d: d.DataLoader([1], prefetch_factor=2),
    "negative prefetch": lambda d: d.DataLoader([1], num_workers=1, prefetch_factor=-1),
    "persistent without workers": lambda d: d.DataLoader([1], persistent_workers=True),
    "shuffled stream": lambda d: d.DataLoader(stream_of(d), shuffle=True),
    "stream with sampler": lambda d: d.DataLoader(stream_of(d), sampler=[1]),
    "stream with batch_sampler": lambda d: d.DataLoader(stream_of(d), batch_sampler=[[1]]),
    "sampler and shuffle": lambda d: d.DataLoader([1], sampler=[0], shuffle=True),
    "batch_sampler and batch_size": lambda d: d.DataLoader([1], 2, batch_sampler=[[0]]),
    "batch_sampler and drop_last": lambda d: d.DataLoader([1], batch_sampler=[[0]], drop_last=True),
    "batch_sampler and sampler": lambda d: d.DataLoader([1], batch_sampler=[[0]], sampler=[0]),
    "drop_last without batches": lambda d: d.DataLoader([1], None, drop_last=True),
    "batch_size": lambda d: d.DataLoader([1], 0),
    "shuffle of nothing": lambda d: d.DataLoader([], shuffle=True),
    "context without workers": lambda d: d.DataLoader([1], multiprocessing_context="spawn"),
    "unknown context": lambda d: d.DataLoader([1], num_workers=1, multiprocessing_context="telepathy"),
    "no context": lambda d: d.DataLoader([1], num_workers=1, multiprocessing_context=3),
    "dataset set later": lambda d: setattr(d.DataLoader([1]), "dataset", [2]),
    "batch_size set later": lambda d: setattr(d.DataLoader([1]), "batch_size", 2),
}


def stream_of(d: Any) -> Any:
    return type("S", (d.IterableDataset,), {"__iter__": lambda self: iter([1])})()


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_combinations_are_refused_with_pytorchs_class_and_words(case: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    with pytest.raises(Exception) as wanted:  # noqa: PT011 - which one is the question
        REFUSED[case](torch.utils.data)
    with pytest.raises(type(wanted.value)) as found:
        REFUSED[case](data)
    if case != "timeout without workers":  # an assertion on a private class
        words = "".join(str(wanted.value).split())[:60]
        assert "".join(str(found.value).split()).startswith(words)


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_combinations_are_refused(case: str) -> None:
    with pytest.raises((ArgumentError, TypeError, AssertionError)):
        REFUSED[case](data)


def test_more_workers_than_processors_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_processors", lambda: 1)
    with pytest.warns(UserWarning, match="will create 2 worker processes .* suggested max .* is 1") as found:
        DataLoader([1], num_workers=2)
    assert found[0].filename == __file__


# --- random orders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True])
def test_two_epochs_differ_and_the_seed_repeats_both_whatever_the_workers(own: bool) -> None:
    def epochs(num_workers: int, **options: Any) -> list[Any]:
        generator = tg.Generator().manual_seed(11) if own else None
        tg.manual_seed(11)
        loader = DataLoader(Numbers(20), 3, True, num_workers=num_workers, generator=generator, **options)
        return [lists(loader), lists(loader), tg.rand(2).tolist()]

    first = epochs(0)
    assert first[0] != first[1]
    assert [sorted(chain(*epoch)) for epoch in first[:2]] == [list(range(20))] * 2
    assert epochs(0) == first
    assert epochs(1) == first
    assert epochs(2, prefetch_factor=5) == first
    assert epochs(2, persistent_workers=True) == first


def test_an_epoch_takes_two_numbers_from_the_default_generator_and_one_without_shuffling() -> None:
    def numbers_taken(shuffle: bool) -> int:
        tg.manual_seed(0)
        stream = [int(tg.random.default_generator.numpy.integers(2**63)) for _ in range(4)]
        tg.manual_seed(0)
        list(DataLoader(Numbers(), shuffle=shuffle))
        return stream.index(int(tg.random.default_generator.numpy.integers(2**63)))

    assert numbers_taken(True) == 2
    assert numbers_taken(False) == 1


def test_numpys_and_pythons_random_numbers_are_left_alone() -> None:
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002 - it is this generator that must stay as it is
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    list(DataLoader(Numbers(), shuffle=True, num_workers=1))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002


# --- use --------------------------------------------------------------------------------------------------------------


def test_a_training_loop_over_a_loader_learns() -> None:
    tg.manual_seed(0)
    x = tg.randn(64, 3)
    y = x @ tg.tensor([1.0, -2.0, 0.5]) + 0.25
    model = tg.nn.Linear(3, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(60):
        for inputs, targets in DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True):
            optimizer.zero_grad()
            loss = ((model(inputs).squeeze(1) - targets) ** 2).mean()
            loss.backward()
            optimizer.step()
    np.testing.assert_allclose(model.weight.detach().numpy(), [[1.0, -2.0, 0.5]], atol=1e-3)
    np.testing.assert_allclose(model.bias.detach().numpy(), [0.25], atol=1e-3)
