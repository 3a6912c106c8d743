"""Data sets, samplers and collation: lengths, contents, types and refusals, side by side with PyTorch's."""

from __future__ import annotations

import importlib
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import data
from tensorgrad.errors import ArgumentError, RangeError, ShapeError, TensorgradError
from tests.peer import WITHOUT_TORCH

Point = namedtuple("Point", ["x", "y"])  # noqa: PYI024 - the kind of named tuple that users have


class Squares(data.Dataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> int:
        if not -self.n <= i < self.n:
            raise IndexError(i)
        return i**2


class Together(Squares):
    """Answers for whole batches as well, and counts how often."""

    asked = 0

    def __getitems__(self, indices):
        self.asked += 1
        return [self[i] for i in indices]


class Stream(data.IterableDataset):
    def __init__(self, *values: int) -> None:
        self.values = values

    def __iter__(self):
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


# --- data sets --------------------------------------------------------------------------------------------------------


def test_the_base_classes_ask_for_what_a_subclass_defines() -> None:
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        data.Dataset()[0]
    with pytest.raises(NotImplementedError, match="should implement __iter__"):
        iter(data.IterableDataset())
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        len(data.Dataset())
    with pytest.raises(NotImplementedError, match="should implement __iter__"):
        iter(data.Sampler())


def test_a_tensor_dataset_gives_the_elements_of_each_tensor() -> None:
    x, y = tg.arange(6).reshape(3, 2), tg.tensor([7, 8, 9])
    dataset = data.TensorDataset(x, y)
    assert len(dataset) == 3
    assert dataset.tensors == (x, y)
    row, label = dataset[-1]
    assert row.tolist() == [4, 5]
    assert label.item() == 9
    assert dataset[1:][1].tolist() == [8, 9]


def test_a_tensor_dataset_refuses_what_does_not_fit() -> None:
    with pytest.raises(AssertionError, match=r"^Size mismatch between tensors: found lengths \[3, 2\]"):
        data.TensorDataset(tg.zeros(3), tg.zeros(2))
    with pytest.raises(TypeError, match="argument 1 must be Tensor, not ndarray: make it one"):
        data.TensorDataset(tg.zeros(3), np.zeros(3))
    with pytest.raises(RangeError, match="at least one tensor"):
        data.TensorDataset()


def test_stacked_data_sets_answer_with_tuples_or_dicts() -> None:
    pairs = data.StackDataset(Squares(4), ["a", "b", "c", "d"])
    assert len(pairs) == 4
    assert pairs[3] == (9, "d")
    named = data.StackDataset(square=Together(4), letter="abcd")
    assert named[1] == {"square": 1, "letter": "b"}
    assert named.__getitems__([2, 0]) == [{"square": 4, "letter": "c"}, {"square": 0, "letter": "a"}]
    assert named.datasets["square"].asked == 1
    assert pairs.__getitems__([1]) == [(1, "b")]


def test_stacked_data_sets_refuse_a_part_that_answers_with_fewer_samples() -> None:
    class Short(Together):
        def __getitems__(self, indices):
            return []

    with pytest.raises(ArgumentError, match=r"Nested dataset's output size mismatch\. Expected 2, got 0"):
        data.StackDataset(Short(3)).__getitems__([0, 1])


@given(lengths=st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_a_concatenation_has_the_samples_of_all_in_order(lengths: list[int]) -> None:
    parts = [list(range(10 * i, 10 * i + n)) for i, n in enumerate(lengths)]
    whole = list(chain(*parts))
    joined = data.ConcatDataset(iter(parts))
    assert len(joined) == len(whole)
    assert [joined[i] for i in range(len(whole))] == whole
    assert [joined[-i - 1] for i in range(len(whole))] == whole[::-1]
    assert joined.cumulative_sizes == np.cumsum(lengths).tolist()
    with pytest.raises(IndexError):
        joined[len(whole)]
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
        joined[-len(whole) - 1]


def test_plus_joins_data_sets_and_streams() -> None:
    joined = Squares(3) + Squares(2)
    assert isinstance(joined, data.ConcatDataset)
    assert [joined[i] for i in range(len(joined))] == [0, 1, 4, 0, 1]
    chain = Stream(1, 2) + Stream(3)
    assert isinstance(chain, data.ChainDataset)
    assert list(chain) == [1, 2, 3]
    assert len(chain) == 3
    with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset, found Squares"):
        list(Stream(1) + Squares(1))


def test_a_subset_asks_its_data_set_for_whole_batches_where_that_can_answer() -> None:
    dataset = Together(10)
    subset = data.Subset(data.Subset(dataset, [9, 7, 5, 3]), [0, 2])
    assert len(subset) == 2
    assert subset[1] == 25
    assert subset.__getitems__([1, 0]) == [25, 81]
    assert dataset.asked == 1
    assert data.Subset(Squares(4), [3, 2]).__getitems__([1]) == [4]
    assert data.Subset(data.TensorDataset(tg.arange(5)), [4, 3])[[0, 1]][0].tolist() == [4, 3]


@given(
    total=st.integers(0, 30).filter(lambda n: n != 1),  # lengths whose sum is 1 are fractions
    cuts=st.lists(st.integers(0, 30), max_size=3),
    seed=st.integers(0, 100),
)
def test_a_random_split_has_every_sample_once(total: int, cuts: list[int], seed: int) -> None:
    ends = sorted(min(cut, total) for cut in cuts)
    lengths = np.diff([0, *ends, total]).tolist()
    parts = data.random_split(range(total), lengths, tg.Generator().manual_seed(seed))
    assert [len(part) for part in parts] == lengths
    assert sorted(part[i] for part in parts for i in range(len(part))) == list(range(total))


@given(total=st.integers(0, 50), weights=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_split_by_fractions_has_pytorchs_lengths(total: int, weights: list[int]) -> None:
    theirs = pytest.importorskip("torch", reason=WITHOUT_TORCH).utils.data
    fractions = [w / sum(weights) for w in weights]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ours = outcome(lambda: [len(part) for part in data.random_split(range(total), fractions)])
    with warnings.catch_warnings(record=True) as wanted:
        warnings.simplefilter("always")
        assert ours == outcome(lambda: [len(part) for part in theirs.random_split(range(total), fractions)])
    assert [str(w.message) for w in found] == [str(w.message) for w in wanted]
    assert all(w.filename == __file__ for w in found)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ValueError:  # fractions whose rounded sum is above 1
        return ValueError


def test_a_random_split_depends_on_its_generator_alone() -> None:
    def split(generator: Any) -> list[list[int]]:
        return [list(part.indices) for part in data.random_split(range(20), [15, 5], generator)]

    assert split(tg.Generator().manual_seed(1)) == split(tg.Generator().manual_seed(1))
    assert split(tg.Generator().manual_seed(1)) != split(tg.Generator().manual_seed(2))
    tg.manual_seed(3)
    first = split(None)
    tg.manual_seed(3)
    assert [list(part.indices) for part in data.random_split(range(20), [15, 5])] == first


# --- samplers ---------------------------------------------------------------------------------------------------------


def test_a_random_sampler_draws_a_new_permutation_each_time_and_repeats_them_with_the_seed() -> None:
    sampler = data.RandomSampler(range(50))
    tg.manual_seed(5)
    first, second = list(sampler), list(sampler)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))
    tg.manual_seed(5)
    assert [list(sampler), list(sampler)] == [first, second]


def test_a_random_sampler_takes_one_number_from_the_default_generator_and_all_from_its_own() -> None:
    tg.manual_seed(7)
    order = list(data.RandomSampler(range(40)))
    after = tg.rand(1).item()
    tg.manual_seed(7)
    seed = int(tg.random.default_generator.numpy.integers(2**63))
    assert order == tg.randperm(40, generator=tg.Generator().manual_seed(seed)).tolist()
    assert tg.rand(1).item() == after

    generator, twin = tg.Generator().manual_seed(8), tg.Generator().manual_seed(8)
    before = tg.get_rng_state()
    sampler = data.RandomSampler(range(40), generator=generator)
    assert [list(sampler), list(sampler)] == [tg.randperm(40, generator=twin).tolist() for _ in range(2)]
    assert tg.equal(tg.get_rng_state(), before)


def test_what_is_random_while_an_epoch_lasts_does_not_change_its_order() -> None:
    def order(disturb: bool) -> list[int]:
        tg.manual_seed(9)
        found = []
        for i in data.RandomSampler(range(5), replacement=True, num_samples=10_000):
            found.append(i)
            if disturb and len(found) == 10:
                tg.rand(3)
        return found

    assert order(False) == order(True)


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("num_samples", [None, 3, 10, 27, 5000])
def test_a_random_sampler_draws_as_many_as_asked(replacement: bool, num_samples: int | None) -> None:
    sampler = data.RandomSampler(range(10), replacement, num_samples)
    drawn = list(sampler)
    assert len(sampler) == len(drawn) == (num_samples or 10)
    assert set(drawn) <= set(range(10))
    if not replacement:  # each comes again only after all others
        for start in range(0, len(drawn), 10):
            assert len(set(drawn[start : start + 10])) == len(drawn[start : start + 10])


def test_draws_with_replacement_are_uniform() -> None:
    counts = np.bincount(list(data.RandomSampler(range(8), True, 80_000, tg.Generator().manual_seed(0))), minlength=8)
    expected = 10_000
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # chi-squared with 7 degrees of freedom: 0.1 %


def test_weighted_draws_follow_their_weights() -> None:
    weights = np.array([1.0, 0.0, 3.0, 6.0])
    sampler = data.WeightedRandomSampler(weights, 50_000, generator=tg.Generator().manual_seed(0))
    counts = np.bincount(list(sampler), minlength=4)
    expected = 5000 * weights
    assert len(sampler) == counts.sum() == 50_000
    assert counts[1] == 0
    chosen = weights > 0
    assert ((counts - expected)[chosen] ** 2 / expected[chosen]).sum() < 13.8  # 2 degrees of freedom: 0.1 %
    assert sorted(data.WeightedRandomSampler(tg.tensor([1.0, 2.0, 3.0]), 3, replacement=False)) == [0, 1, 2]


def test_a_subset_sampler_permutes_its_indices() -> None:
    sampler = data.SubsetRandomSampler([30, 10, 20])
    tg.manual_seed(0)
    orders = [tuple(sampler) for _ in range(30)]
    assert len(sampler) == 3
    assert {tuple(sorted(order)) for order in orders} == {(10, 20, 30)}
    assert len(set(orders)) > 1


@given(n=st.integers(0, 20), size=st.integers(1, 6), drop_last=st.booleans())
def test_batches_are_pytorchs(n: int, size: int, drop_last: bool) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    ours = data.BatchSampler(data.SequentialSampler(range(n)), size, drop_last)
    theirs = torch.utils.data.BatchSampler(torch.utils.data.SequentialSampler(range(n)), size, drop_last)
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs) == len(list(ours))


def test_a_batch_sampler_takes_any_iterable() -> None:
    sampler = data.BatchSampler(iter("abcde"), 2, False)
    assert list(sampler) == [["a", "b"], ["c", "d"], ["e"]]
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        len(sampler)


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "random_split sum": lambda d, _: d.random_split(range(5), [3, 3]),
    "random_split fraction": lambda d, _: d.random_split(range(5), [1.5, -0.5]),
    "stack of none": lambda d, _: d.StackDataset(),
    "stack of both": lambda d, _: d.StackDataset([1], a=[1]),
    "stack of two lengths": lambda d, _: d.StackDataset([1], [1, 2]),
    "tensors of two lengths": lambda d, lib: d.TensorDataset(lib.zeros(1), lib.zeros(2)),
    "concatenation of none": lambda d, _: d.ConcatDataset([]),
    "concatenation of a stream": lambda d, _: d.ConcatDataset([type("S", (d.IterableDataset,), {"__iter__": iter})()]),
    "no samples": lambda d, _: d.RandomSampler([]),
    "num_samples": lambda d, _: d.RandomSampler([1], num_samples=0),
    "weighted num_samples": lambda d, _: d.WeightedRandomSampler([1.0], True),
    "weighted replacement": lambda d, _: d.WeightedRandomSampler([1.0], 1, replacement=1),
    "weights of two axes": lambda d, _: d.WeightedRandomSampler([[1.0]], 1),
    "batch_size": lambda d, _: d.BatchSampler([1], 0, False),
    "batch_size True": lambda d, _: d.BatchSampler([1], True, False),
    "drop_last": lambda d, _: d.BatchSampler([1], 1, 0),
    "collate None": lambda d, _: d.default_collate([None, None]),
    "collate text array": lambda d, _: d.default_collate([np.array(["a"])]),
    "collate lengths": lambda d, _: d.default_collate([[1, 2], [1]]),
    "collate shapes": lambda d, lib: d.default_collate([lib.zeros(2), lib.zeros(3)]),
    "collate keys": lambda d, _: d.default_collate([{"a": 1}, {"b": 1}]),
    "collate nothing": lambda d, _: d.default_collate([]),
}


def compressed(error: BaseException) -> str:
    return "".join(str(error).split())


@pytest.mark.parametrize("case", REFUSED)
def test_what_pytorch_refuses_is_refused_with_its_class_and_words(case: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    with pytest.raises(Exception) as wanted:  # noqa: PT011 - which one is the question
        REFUSED[case](torch.utils.data, torch)
    with pytest.raises(type(wanted.value)) as found:
        REFUSED[case](data, tg)
    if case != "collate nothing":  # "list index out of range" says too little
        assert compressed(wanted.value)[:40] in compressed(found.value)


@pytest.mark.parametrize("case", REFUSED)
def test_every_refusal_is_one_of_ours_or_of_a_builtin_class(case: str) -> None:
    with pytest.raises((TensorgradError, TypeError, KeyError, AssertionError)):
        REFUSED[case](data, tg)


def test_a_subset_that_would_be_passed_over_is_refused() -> None:
    class Doubled(data.Subset):
        def __getitem__(self, i):
            return 2 * super().__getitem__(i)

    with pytest.raises(NotImplementedError, match="Doubled overrides __getitem__ but not __getitems__"):
        Doubled(Squares(3), [0])


# --- collation --------------------------------------------------------------------------------------------------------


class Bag(dict):
    """A mapping with something of its own, which a batch keeps."""

    label = ""


def bag(x: int) -> Bag:
    made = Bag(x=x)
    made.label = f"bag {x}"
    return made


SAMPLES: dict[str, Callable[[Any], list[Any]]] = {
    "tensors": lambda lib: [lib.tensor([1.0, 2.0]), lib.tensor([3.0, 4.0])],
    "tensors without axes": lambda lib: [lib.tensor(1), lib.tensor(2)],
    "tensors of two dtypes": lambda lib: [lib.tensor([1]), lib.tensor([1.5])],
    "arrays": lambda _: [np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)],
    "array without axes": lambda _: [np.array(1), np.array(2)],
    "numpy numbers": lambda _: [np.float32(1.5), np.float32(2)],
    "numpy float64": lambda _: [np.float64(1.5)],
    "numpy int16": lambda _: [np.int16(1), np.int16(2)],
    "numpy bool": lambda _: [np.bool_(True)],
    "integers": lambda _: [1, 2, 3],
    "booleans": lambda _: [True, False],
    "floats": lambda _: [1.0, 2.5],
    "integer and float": lambda _: [2, 2.5],
    "text": lambda _: ["a", "b"],
    "bytes": lambda _: [b"a"],
    "tuples": lambda lib: [(lib.zeros(2), 1, "a"), (lib.ones(2), 2, "b")],
    "lists": lambda _: [[1, 2.0], [3, 4.0]],
    "named tuples": lambda _: [Point(1, np.zeros(2)), Point(2, np.ones(2))],
    "dicts": lambda lib: [{"x": lib.zeros(2), "n": {"a": 1}}, {"x": lib.ones(2), "n": {"a": 2}}],
    "ordered dicts": lambda _: [OrderedDict(b=1, a=2), OrderedDict(b=3, a=4)],
    "mappings that do not change": lambda _: [MappingProxyType({"a": 1}), MappingProxyType({"a": 2})],
    "dicts with attributes": lambda _: [bag(1), bag(2)],
    "ranges": lambda _: [range(2), range(2, 4)],
    "nothing in a tuple": lambda _: [(), ()],
}


def same_structure(found: Any, wanted: Any) -> None:
    """The same types, keys, dtypes, shapes and values at every place, where PyTorch's tensor is ours."""
    if hasattr(wanted, "is_sparse"):
        assert isinstance(found, tg.Tensor)
        assert str(wanted.dtype) == f"torch.{found.dtype}"
        assert found.shape == tuple(wanted.shape)
        assert found.tolist() == wanted.tolist()
    elif isinstance(wanted, Mapping):
        assert type(found) is type(wanted)
        assert getattr(found, "label", None) == getattr(wanted, "label", None)
        assert list(found) == list(wanted)
        for key in wanted:
            same_structure(found[key], wanted[key])
    elif isinstance(wanted, list | tuple):
        assert type(found) is type(wanted)
        for a, b in zip(found, wanted, strict=True):
            same_structure(a, b)
    else:
        assert type(found) is type(wanted)
        assert found == wanted


@pytest.mark.parametrize("case", SAMPLES)
def test_a_batch_has_pytorchs_structure_and_values(case: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    found = data.default_collate(SAMPLES[case](tg))
    same_structure(found, torch.utils.data.default_collate(SAMPLES[case](torch)))


def test_nested_samples_are_collated_and_converted_at_every_depth() -> None:
    samples = [({"x": np.full(2, i, np.float32), "name": "ab"[i]}, Point(i, [float(i)]), bag(i)) for i in range(2)]
    first, point, made = data.default_collate(samples)
    assert (first["x"].tolist(), first["x"].dtype, first["name"]) == ([[0, 0], [1, 1]], tg.float32, ["a", "b"])
    assert isinstance(point, Point)
    assert (point.x.tolist(), point.x.dtype) == ([0, 1], tg.int64)
    assert (point.y[0].tolist(), point.y[0].dtype) == ([0.0, 1.0], tg.float64)
    assert isinstance(made, Bag)
    assert (made["x"].tolist(), made.label, samples[0][2]["x"]) == ([0, 1], "bag 0", 0)
    assert [x.tolist() for x in data.default_collate([range(2), range(2, 4)])] == [[0, 2], [1, 3]]
    fixed = data.default_collate([MappingProxyType({"a": 1}), MappingProxyType({"a": 2})])
    assert isinstance(fixed, MappingProxyType)
    assert fixed["a"].tolist() == [1, 2]

    converted = data.default_convert([np.float32(2.5), (np.arange(2), b"x"), Point(np.ones(1), None), frozenset({1})])
    assert converted[0].dtype == tg.float32
    assert converted[1][0].tolist() == [0, 1]
    assert converted[1][1] == b"x"
    assert converted[2].x.tolist() == [1.0]
    assert converted[2].y is None
    assert converted[3] == {1}


def test_an_empty_part_of_a_split_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        assert [len(part) for part in data.random_split(range(1), [0.5, 0.5])] == [1, 0]


@pytest.mark.parametrize("case", SAMPLES)
def test_a_converted_sample_has_pytorchs_structure_and_values(case: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    for ours, theirs in zip(SAMPLES[case](tg), SAMPLES[case](torch), strict=True):
        same_structure(data.default_convert(ours), torch.utils.data.default_convert(theirs))


def test_a_converted_array_shares_its_memory() -> None:
    array = np.zeros(3)
    data.default_convert([array])[0][0] = 5.0
    assert array[0] == 5.0
    assert data.default_convert(np.array(["a"])).dtype.kind == "U"
    assert data.default_convert(None) is None


def test_a_batch_is_memory_of_its_own() -> None:
    samples = [tg.zeros(2), tg.ones(2)]
    batch = data.default_collate(samples)
    batch[0] = 7.0
    assert samples[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_gradients_pass_through_a_batch(shape: tuple[int, ...]) -> None:
    x, y = (tg.rand(*shape).requires_grad_() for _ in range(2))
    batch = data.default_collate([(x, 0), (y, 1)])[0]
    (batch * tg.tensor([2.0, 3.0]).reshape(2, *[1] * len(shape))).sum().backward()
    assert tg.equal(x.grad, 2 * tg.ones(*shape))
    assert tg.equal(y.grad, 3 * tg.ones(*shape))


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(ShapeError, match=r"got \[2\] at entry 0 and \[3\] at entry 1"):
        data.default_collate([np.zeros(2), np.zeros(3)])


# --- PyTorch's paths --------------------------------------------------------------------------------------------------


def test_the_names_are_under_pytorchs_paths_too() -> None:
    theirs = importlib.import_module("tensorgrad.utils.data")
    for name in theirs.__all__:
        assert getattr(theirs, name) is getattr(data, name)
    for module in ("dataset", "sampler", "dataloader"):
        part = importlib.import_module(f"tensorgrad.utils.data.{module}")
        for name in part.__all__:
            assert getattr(part, name) is getattr(data, name)
    assert tg.utils.data is theirs
    with pytest.raises(AttributeError, match=r"nearest: tensorgrad\.data\.DataLoader"):
        _ = theirs.Dataloader


@pytest.mark.parametrize("module", ["", ".dataset", ".sampler", ".dataloader"])
def test_the_paths_are_pytorchs_own(module: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    theirs = importlib.import_module(f"{torch.__name__}.utils.data{module}")
    ours = importlib.import_module(f"tensorgrad.utils.data{module}")
    extra = {"Labelled", "Split", "WorkerInfo", "digits", "Digits", "MNIST", "holdout", "mnist", "read_idx"}
    assert not [name for name in set(ours.__all__) - extra if not hasattr(theirs, name)]
