"""DataLoader: workers, which end whatever happens."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import data
from tensorgrad.data import DataLoader, TensorDataset, channel, pool, worker
from tensorgrad.errors import AutogradError
from tests.samples import QUIET, Numbers, Stream, lists, no_process_is_left, plain  # noqa: F401 - no_process_is_left serves every test
from tests.waiting import CEILING, lives, until

pytestmark = QUIET

ROOT = Path(__file__).resolve().parent.parent


METHODS = multiprocessing.get_all_start_methods()


FORK = pytest.mark.skipif("fork" not in METHODS, reason="processes are not forked here: what is tested needs that")


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
