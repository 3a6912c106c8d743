"""Several processes: what ranks exchange, networks that they train, and what comes of a rank that fails."""

from __future__ import annotations

import ast
import copy
import functools
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import distributed as dist, nn, viz
from tensorgrad.errors import ArgumentError, AutogradError, DistributedError, MissingDependencyError
from tensorgrad.nn.parallel import dataparallel
from tests.launcher import LAUNCHER, ROOT, launched, missing
from tests.waiting import CEILING

ranked = pytest.mark.usefixtures("mpi")


@pytest.fixture
def mpi() -> None:
    if missing():
        pytest.skip(missing())


def started(ranks: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return launched(ranks, ["-m", "tests.ranks", *arguments])


@functools.cache
def answers(ranks: int, task: str, *files: str) -> Any:
    done = started(ranks, task, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    return ast.literal_eval(done.stdout)


@ranked
@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("task", ["sgd", "adam", "norm", "dropout", "orders", "accumulated", "compiled"])
def test_ranks_compute_what_one_process_does(task: str, ranks: int) -> None:
    far = answers(ranks, task)
    assert len(far) == ranks
    assert max(far) < 1e-10


@ranked
def test_a_plan_that_ends_on_one_rank_alone_asks_the_others_for_nothing_twice() -> None:
    for far in answers(2, "alone_astray"):
        assert max(far) < 1e-12


@ranked
def test_exchanges_have_the_derivatives_of_what_all_ranks_compute() -> None:
    first, second = answers(2, "exchanges")
    total = [[3, 4], [2, 30], [2, 2]]  # value, gradient, tangent
    assert first[0] == second[0] == total
    assert first[1] == second[1] == [[1.5, 2], [1, 15], [1, 1]]
    assert [first[2], second[2]] == [[[2, 2], [0, 0], [1, 1]], [[2, 2], [2, 30], [1, 1]]]
    assert [first[3], second[3]] == [[[1, 2], [2, 30], [1, 1]], [[1, 2], [0, 0], [1, 1]]]
    assert [first[4], second[4]] == [[[3, 4], [1, 10], [2, 2]], [[0, 0], [1, 10], [0, 0]]]
    assert [first[5], second[5]] == [[[3, 4], [3, 50], [2, 2]], [[6, 8], [3, 50], [4, 4]]]


@ranked
def test_collectives_write_into_their_tensors() -> None:
    for rank, found in enumerate(answers(2, "written")):
        assert found[:5] == [[5, -2], [6, 1], [2, -1], [3, -1], [2.5, -1]]
        assert found[5:8] == [[0, 1], [[0, 7], [1, 7]], [{"rank": 0}, {"rank": 1}]]
        assert found[8:] == [["mine"], [2.0 if rank == 1 else 1.0]]


@ranked
def test_parameters_that_some_rank_does_not_use_get_what_the_others_have() -> None:
    assert answers(2, "unused") == [[[[0.5, 0.5]], [[0.5, 0.5]], None]] * 2


@ranked
@pytest.mark.parametrize(("before", "after"), [(3, 2), (2, 3), (2, 1), (1, 2)])
def test_a_training_goes_on_with_another_number_of_ranks(before: int, after: int, tmp_path: Path) -> None:
    file = str(tmp_path / "half.tg")
    assert answers(before, "half", file) == [None] * before
    assert max(answers(after, "rest", file)) < 1e-10


@ranked
def test_samples_are_shared_among_the_ranks() -> None:
    parts = answers(3, "sampled")
    assert [len(part) for part in parts] == [4, 4, 4]
    assert {i for part in parts for i in part} == set(range(10))


FAILURES = {
    "raise": r"[rank 1] KeyError: 'a row that is not there'",
    "shape": "rank 0: sum of arrays [3] of float32, at ranks.py",
    "dtype": "rank 1: sum of arrays [3] of float64, at ranks.py",
    "order": "rank 1: barrier, at ranks.py",
    "leave": "rank 1: the end of the group",
    "module": "('weight', (4, 2), 'float32')",
    "kill": "",
}


@ranked
@pytest.mark.parametrize("how", FAILURES)
def test_a_rank_that_fails_ends_all_of_them_and_says_why(how: str) -> None:
    done = started(2, how)  # a rank that waits would wait for ever
    assert done.returncode != 0
    assert FAILURES[how] in done.stdout + done.stderr


@pytest.fixture
def alone() -> Any:
    dist.init_process_group()
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_a_script_that_is_started_alone_is_a_group_of_one() -> None:
    assert (dist.is_initialized(), dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (True, 0, 1, "mpi")
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    dist.nn.functional.all_reduce(x * 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2]
    net = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    net(tg.ones(3, 2)).sum().backward()
    assert net.module.weight.grad.tolist() == [[3, 3]]
    dist.barrier()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"])
def test_a_copy_joins_its_own_gradients(copied: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    net = copied(nn.parallel.DistributedDataParallel(nn.Linear(2, 1)))
    joined: list[Any] = []
    monkeypatch.setattr(dataparallel, "_join", joined.append)
    net(tg.ones(3, 2)).sum().backward()
    assert [list(map(id, bucket)) for bucket in joined] == [list(map(id, reversed(list(net.parameters()))))]


@pytest.mark.usefixtures("alone")
def test_a_picture_tells_what_leaves_the_rank() -> None:
    x = tg.ones(500, 3, requires_grad=True)
    assert "Σ ranks ⇄ 6 kB" in viz.draw(lambda x: dist.nn.functional.all_reduce(x).sum(), x).svg


def test_without_a_group_an_error_says_how_to_begin_one() -> None:
    for ask in (dist.get_rank, dist.barrier, lambda: nn.parallel.DistributedDataParallel(nn.Linear(2, 1))):
        with pytest.raises(DistributedError, match=r"init_process_group\(\) first"):
            ask()


@pytest.mark.usefixtures("alone")
def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DistributedError, match="twice"):
        dist.init_process_group()
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(AutogradError, match=r"distributed\.nn\.functional\.all_reduce"):
        dist.all_reduce(x * 2)
    with pytest.raises(ArgumentError, match="ranks 0 to 0"):
        dist.broadcast(tg.ones(2), 1)
    with pytest.raises(ArgumentError, match="one group"):
        dist.all_reduce(tg.ones(2), group="mine")
    with pytest.raises(ArgumentError, match="a tensor for each of 1 ranks"):
        dist.all_gather([], tg.ones(2))
    with pytest.raises(ArgumentError, match="derivatives"):
        dist.nn.functional.all_reduce(x, dist.ReduceOp.MAX)
    net = nn.parallel.DistributedDataParallel(nn.ModuleList([nn.Linear(2, 1), nn.Linear(2, 1)]))
    with pytest.raises(DistributedError, match="find_unused_parameters=True"):
        net.module[0](tg.ones(1, 2)).sum().backward()
    with pytest.raises(ArgumentError, match="requires a gradient"):
        nn.parallel.DistributedDataParallel(nn.ReLU())


@ranked
def test_the_script_for_a_cluster_runs_where_mpiexec_plays_srun(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    first, job = (page.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("python", "sh\n#!/bin/bash"))
    assert "#SBATCH --nodes=4 --ntasks-per-node=16" in job
    (tmp_path / "train.py").write_text(first, "utf-8")
    (tmp_path / "job.sh").write_text(f"#!/bin/bash\n{job}", "utf-8")
    programs = {
        "python": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n',
        "srun": f'#!/bin/sh\ntest "$1" = --mpi=pmi2 && shift && exec "{LAUNCHER}" -n 2 "$@"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for command in (["bash", "-n", "job.sh"], ["bash", "job.sh"]):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=CEILING, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 ranks\n"


def test_processes_that_srun_starts_without_mpi_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with pytest.raises(DistributedError, match=r"srun has started 4 processes.*--mpi=pmi2"):
        dist.init_process_group()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    dist.init_process_group()
    dist.destroy_process_group()


def test_another_backend_and_a_missing_library_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="mpiexec"):
        dist.init_process_group("nccl")
    with pytest.raises(DistributedError, match="world_size=4"):
        dist.init_process_group(world_size=4)
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(MissingDependencyError, match="pip install mpi4py mpich"):
        dist.init_process_group()
    assert not dist.is_initialized()


def test_synchronised_normalisation_is_that_of_a_batch_in_one_process() -> None:
    x = tg.randn(6, 3, dtype=tg.float64)
    plain, synchronised = nn.BatchNorm1d(3).to(tg.float64), nn.SyncBatchNorm(3).to(tg.float64)
    assert tg.equal(plain(x), synchronised(x))
    net = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval())
    assert type(net[1]) is nn.SyncBatchNorm
    assert not net[1].training
    with pytest.raises(ArgumentError, match="book"):
        nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(3, convention="book"))
