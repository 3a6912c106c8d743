"""DataLoader: batches, orders, random numbers, and workers that end whatever happens."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tensorgrad as tg
from tensorgrad import data
from tensorgrad.data import DataLoader, TensorDataset, channel, fetch, options, pool, worker
from tensorgrad.errors import ArgumentError, AutogradError
from tests.peer import WITHOUT_TORCH
from tests.waiting import CEILING, lives, until

ROOT = Path(__file__).resolve().parent.parent
METHODS = multiprocessing.get_all_start_methods()

pytestmark = [
    # Python 3.12 and later warn of a fork beside other threads, and NumPy's BLAS has some.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # more workers than processors, on small machines
]

FORK = pytest.mark.skipif("fork" not in METHODS, reason="processes are not forked here: what is tested needs that")


class Numbers(data.Dataset):
    """The numbers below n, and what happened where each was asked for."""

    def __init__(self, n: int = 12, **happens: Any) -> None:
        self.n = n
        self.happens = happens

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        if i == self.happens.get("raises"):
            raise KeyError("no such\nnumber")
        if i == self.happens.get("stops"):
            raise StopIteration
        if i == self.happens.get("dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        if i == self.happens.get("stubborn"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if i == 1 and "note" in self.happens:
            self.happens["note"].touch()
        if i == self.happens.get("waits"):
            until(self.happens["gate"].exists, "the test lets this sample go")
        return i


class Process(data.Dataset):
    """What a sample can tell of the process that makes it."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> Any:
        info = data.get_worker_info()
        return {
            "pid": os.getpid(),
            "id": -1 if info is None else info.id,
            "seed": -1 if info is None else info.seed,
            "ours": tg.rand(()).item(),
            "python": random.random(),
            "numpy": np.random.random(),  # noqa: NPY002 - data sets use it
            "grad": tg.is_grad_enabled(),
        }


class Stream(data.IterableDataset):
    def __init__(self, n: int, sharded: bool = False, length: int | None = None) -> None:
        self.n, self.sharded, self.length = n, sharded, length

    def __iter__(self) -> Iterator[int]:
        info = data.get_worker_info()
        if info is None or not self.sharded:
            return iter(range(self.n))
        return iter(range(info.id, self.n, info.num_workers))

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("no length")
        return self.length


def lists(loader: Any) -> list[Any]:
    return [batch.tolist() for batch in loader]


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    if multiprocessing.active_children():
        gc.collect()  # an error that was caught may still hold an iterator
    assert not multiprocessing.active_children()


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


def plain(x: Any) -> Any:
    """Nested lists with the shape and the dtype of every tensor."""
    if isinstance(x, list | tuple):
        return [type(x).__name__, *map(plain, x)]
    return str(x.dtype).removeprefix("torch."), tuple(x.shape), x.tolist()


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


# --- workers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_workers_make_the_same_batches_in_the_same_order_however_they_are_started(method: str) -> None:
    x = tg.arange(35.0).reshape(7, 5)
    dataset = TensorDataset(x, tg.arange(7), tg.tensor(np.float32(3.0)).reshape(1).expand(7))
    found = list(DataLoader(dataset, 3, num_workers=2, multiprocessing_context=method))
    assert plain(found) == plain(list(DataLoader(dataset, 3)))
    found[0][0][0] = 1.0  # a batch can be written to


def test_batches_come_in_order_when_a_worker_is_slow() -> None:
    dataset = Numbers(8, slow={0: 0.2, 3: 0.1})
    assert lists(DataLoader(dataset, 1, num_workers=2, in_order=False)) == [[i] for i in range(8)]


def test_each_workers_random_numbers_are_its_own_and_repeat_with_the_seed() -> None:
    def run(seed: int) -> list[dict[str, Any]]:
        tg.manual_seed(seed)
        return list(DataLoader(Process(), None, num_workers=2))

    first, again, other = run(1), run(1), run(2)
    for kind in ("ours", "python", "numpy"):
        drawn = [sample[kind] for sample in first]
        assert len(set(drawn)) == 8
        assert drawn == [sample[kind] for sample in again]
        assert not set(drawn) & {sample[kind] for sample in other}
    assert [sample["id"] for sample in first] == [0, 1] * 4
    assert len({sample["pid"] for sample in first} | {os.getpid()}) == 3
    assert {sample["seed"] - sample["id"] for sample in first} == {first[0]["seed"]}


def test_a_worker_starts_in_the_default_mode() -> None:
    with tg.no_grad():
        assert [sample["grad"] for sample in DataLoader(Process(), None, num_workers=1)] == [True] * 8
        assert not tg.is_grad_enabled()


@FORK
def test_worker_init_fn_is_called_in_each_worker_with_its_number() -> None:
    calls = multiprocessing.get_context("fork").SimpleQueue()

    def init(number: int) -> None:
        info = data.get_worker_info()
        assert info is not None
        assert (info.id, info.num_workers) == (number, 2)
        info.dataset.n = 3 + number  # the worker's own copy
        calls.put((number, os.getpid()))

    dataset = Stream(1)
    loader = DataLoader(dataset, None, num_workers=2, worker_init_fn=init, multiprocessing_context="fork")
    assert sorted(loader) == [0, 0, 1, 1, 2, 2, 3]
    seen = {calls.get() for _ in range(2)}
    assert {number for number, _ in seen} == {0, 1}
    assert len({pid for _, pid in seen} | {os.getpid()}) == 3
    assert dataset.n == 1
    assert data.get_worker_info() is None


@FORK
def test_an_error_in_worker_init_fn_reaches_the_caller() -> None:
    def init(number: int) -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match=r"(?s)^Caught OSError in DataLoader worker process 0\..*no disk"):
        list(DataLoader(Numbers(), num_workers=1, worker_init_fn=init, multiprocessing_context="fork"))


def test_an_error_in_a_worker_is_raised_here_with_its_traceback() -> None:
    with pytest.raises(KeyError) as caught:
        list(DataLoader(Numbers(raises=3), 2, num_workers=2))
    text = str(caught.value)
    assert text.startswith("Caught KeyError in DataLoader worker process 1.\nOriginal Traceback")
    assert 'raise KeyError("no such\\nnumber")' in text
    assert type(caught.value).__name__ == "KeyError"


class Particular(Exception):  # noqa: N818 - its name is not the point
    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)


def test_an_error_whose_class_wants_other_arguments_becomes_a_runtime_error() -> None:
    assert isinstance(worker.Failure(Particular, "text").error(), RuntimeError)
    assert type(worker.Failure(AutogradError, "text").error()) is AutogradError


@FORK
def test_an_error_of_a_class_that_cannot_be_sent_becomes_a_runtime_error() -> None:
    class Local(Exception):  # noqa: N818 - its name is not the point
        pass

    def collate(batch: list[Any]) -> Any:
        raise Local("reason")

    with pytest.raises(RuntimeError, match=r"(?s)^Caught Local in DataLoader worker process 0\..*Local: reason"):
        list(DataLoader(Numbers(), num_workers=1, collate_fn=collate, multiprocessing_context="fork"))


class Unreadable:
    """What can be sent and not be received."""

    def __reduce__(self) -> Any:
        return refuse, ()


def refuse() -> None:
    raise ValueError("not readable here")


def unreadable_two(batch: list[int]) -> Any:
    return Unreadable() if batch == [2] else batch


def test_the_loader_goes_on_after_a_batch_that_cannot_be_received() -> None:
    batches = iter(DataLoader(Numbers(6), num_workers=2, collate_fn=unreadable_two))
    assert [next(batches), next(batches)] == [[0], [1]]
    with pytest.raises(ValueError, match="not readable here"):
        next(batches)
    assert list(batches) == [[3], [4], [5]]


@FORK
def test_a_sample_that_cannot_be_sent_is_told_of() -> None:
    def collate(batch: list[Any]) -> Any:
        return lambda: batch

    with pytest.raises(Exception, match=r"(?s)Caught .* in DataLoader worker process 0.*local object"):
        list(DataLoader(Numbers(), num_workers=1, collate_fn=collate, multiprocessing_context="fork"))


def test_a_tensor_with_a_history_is_not_sent() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    again = channel.loaded(bytes(channel.dumped({"x": x, "y": [tg.from_numpy(np.arange(3)).T]})))
    assert again["x"].requires_grad
    assert again["x"].tolist() == [1.0, 2.0]
    assert type(again["y"][0].array) is np.ndarray
    with pytest.raises(AutogradError, match=r"non-leaf tensor which requires_grad.*detach"):
        channel.dumped(x * 2)


def test_a_data_set_that_cannot_be_pickled_is_refused_and_no_process_is_left() -> None:
    with pytest.raises(Exception, match="local object"):
        list(DataLoader([lambda: 1], num_workers=2, multiprocessing_context="spawn"))


@FORK
def test_a_worker_that_dies_is_reported_and_the_epoch_is_over() -> None:
    batches = iter(DataLoader(Numbers(dies=2), 2, num_workers=2))
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(RuntimeError, match=r"worker \(pid\(s\) \d+\) exited unexpectedly, with exit code -9"):
        next(batches)
    assert list(batches) == []


def test_a_worker_that_takes_too_long_is_reported_and_can_be_waited_for(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    batches = iter(DataLoader(Numbers(2, waits=0, gate=gate), num_workers=1, timeout=0.1))
    with pytest.raises(RuntimeError, match=r"timed out after 0\.1 seconds"):
        next(batches)
    gate.touch()
    found = []
    while len(found) < 2:
        with suppress(RuntimeError):
            found.append(next(batches).tolist())
    assert found == [[0], [1]]


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_end_by_themselves_when_the_consumer_stops_early(
    persistent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PATIENCE", CEILING)
    loader = DataLoader(Numbers(1000), 1, num_workers=2, persistent_workers=persistent)
    batches = iter(loader)
    processes = batches._pool._processes
    assert next(batches).tolist() == [0]
    del batches, loader
    gc.collect()
    assert [process.exitcode for process in processes] == [0, 0]


@FORK
@pytest.mark.parametrize(("stubborn", "by"), [(None, signal.SIGTERM), (0, signal.SIGKILL)])
def test_a_busy_worker_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stubborn: int | None, by: signal.Signals
) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 0.2)
    note, never = tmp_path / "busy", tmp_path / "never"
    batches = iter(DataLoader(Numbers(waits=1, gate=never, stubborn=stubborn, note=note), 1, num_workers=1))
    (process,) = batches._pool._processes
    assert next(batches).tolist() == [0]
    until(note.exists, "the worker is busy")
    del batches
    assert process.exitcode == -by


@FORK
def test_a_forked_copy_of_the_loader_does_not_end_its_workers() -> None:
    batches = iter(DataLoader(Numbers(50), num_workers=1))
    copy = multiprocessing.get_context("fork").Process(target=batches._pool.close)
    copy.start()
    copy.join()
    assert copy.exitcode == 0
    assert lists(batches) == [[i] for i in range(50)]


@FORK
def test_a_worker_that_has_died_is_reported_when_it_is_asked() -> None:
    workers = iter(DataLoader(Numbers(), num_workers=1))._pool
    (process,) = workers._processes
    process.kill()
    process.join()
    with pytest.raises(RuntimeError, match="exited unexpectedly, with exit code -9"):
        workers.ask(0, [0])
    assert not workers.close.alive


def test_large_batches_that_nobody_reads_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE", CEILING)
    batches = iter(DataLoader(TensorDataset(tg.zeros(64, 1 << 16)), 8, num_workers=2, prefetch_factor=4))
    processes = batches._pool._processes
    assert next(batches)[0].shape == (8, 1 << 16)
    del batches
    assert [process.exitcode for process in processes] == [0, 0]


@FORK
def test_workers_end_with_a_program_that_is_killed() -> None:
    script = """if __name__ == "__main__":
        import os, signal
        from tensorgrad.data import DataLoader, worker
        worker.PATROL = 0.1
        batches = iter(DataLoader(range(10**6), num_workers=2, prefetch_factor=1, multiprocessing_context="fork"))
        next(batches)
        print(*(p.pid for p in batches._pool._processes), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)"""
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, timeout=CEILING, check=False)
    pids = [int(pid) for pid in run.stdout.split()]
    assert len(pids) == 2
    until(lambda: not any(map(lives, pids)), "the workers of the killed program have ended")


def test_a_program_that_ends_in_the_middle_of_an_epoch_ends() -> None:
    script = """if __name__ == "__main__":
        from tensorgrad.data import DataLoader
        batches = iter(DataLoader(range(10**6), num_workers=2, persistent_workers=True))
        next(batches)"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, timeout=CEILING, check=False
    )
    assert (run.returncode, run.stderr) == (0, b"")


def test_persistent_workers_are_the_same_in_each_epoch() -> None:
    loader = DataLoader(Process(), None, num_workers=2, persistent_workers=True)
    first, second = ({sample["pid"] for sample in loader} for _ in range(2))
    assert first == second
    for sample in loader:  # an epoch that is left early
        assert sample["pid"] in first
        break
    assert [sample["id"] for sample in loader] == [0, 1] * 4
    old, new = iter(loader), iter(loader)
    with pytest.raises(RuntimeError, match="a new epoch has begun"):
        next(old)
    assert len(list(new)) == 8


@FORK
def test_persistent_workers_are_replaced_when_one_has_died(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    dataset = Numbers(4, waits=0, gate=gate)
    loader = DataLoader(dataset, 1, num_workers=1, persistent_workers=True)
    batches = iter(loader)
    os.kill(batches._pool._processes[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        next(batches)
    gate.touch()
    assert lists(loader) == [[0], [1], [2], [3]]


# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [0, 1, 2, 3])
@pytest.mark.parametrize("batch_size", [None, 1, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_a_stream_is_read_whole_by_each_worker_or_in_shares(
    num_workers: int, batch_size: int | None, drop_last: bool
) -> None:
    for sharded in (False, True):
        drop = drop_last and batch_size is not None
        loader = DataLoader(Stream(7, sharded), batch_size, num_workers=num_workers, drop_last=drop)
        found = [np.ravel(batch).tolist() for batch in loader]
        shares = max(num_workers, 1)
        streams = [list(range(7)[i::shares] if sharded else range(7)) for i in range(shares)]
        size = batch_size or 1
        wanted = [[part[i : i + size] for i in range(0, len(part), size)] for part in streams]
        wanted = [[batch for batch in part if len(batch) == size or not drop] for part in wanted]
        turns = [part[i] for i in range(8) for part in wanted if i < len(part)]
        assert found == turns


def test_a_stream_can_be_read_again_by_persistent_workers() -> None:
    loader = DataLoader(Stream(5, sharded=True), 2, num_workers=2, persistent_workers=True)
    first = lists(loader)
    assert sorted(chain(*first)) == list(range(5))
    assert lists(loader) == first


def test_the_length_of_a_stream_is_what_it_reports() -> None:
    assert len(DataLoader(Stream(7, length=7), 3)) == 3
    assert len(DataLoader(Stream(7, length=7), 3, drop_last=True)) == 2
    assert len(DataLoader(Stream(7, length=7), None)) == 7
    with pytest.raises(TypeError, match="no length"):
        len(DataLoader(Stream(7)))


def test_a_stream_longer_than_it_reports_is_warned_of() -> None:
    loader = DataLoader(Stream(3, length=2), None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(loader) == [0, 1, 2]  # nobody has asked for the length
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2 .*but 3 samples have been fetched") as found:
        list(loader)
    assert found[0].filename == __file__
    twice = DataLoader(Stream(2, length=2), None, num_workers=2)
    assert len(twice) == 2
    with pytest.warns(UserWarning, match="asks get_worker_info for its share"):
        assert list(twice) == [0, 0, 1, 1]


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
