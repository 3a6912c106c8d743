"""Resuming: a run that was killed, at any moment, ends with the same numbers bit for bit as one that was not."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.errors import ArgumentError, DataError
from tensorgrad.utils.resume import Checkpoint, load_checkpoint, save_checkpoint

ROOT = Path(__file__).resolve().parent.parent

# Everything random draws from the default generator but the order of the images, which has one of its own.
TRAINING = """
import os, signal, sys
from pathlib import Path
import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.data import digits
from tensorgrad.utils.resume import load_checkpoint, save_checkpoint

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

folder, die_at = Path(sys.argv[1]), sys.argv[2]
images, labels = digits()
x, t = tg.from_numpy(images[:300]).reshape(300, 64).float() / 16, tg.from_numpy(labels[:300])
tg.manual_seed(11)
order = tg.Generator().manual_seed(12)
model = nn.Sequential(nn.Linear(64, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Dropout(0.3), nn.Linear(20, 10))
optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
scheduler = tg.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, epochs=4, steps_per_epoch=5)
parts = dict(model=model, optimizer=optimizer, scheduler=scheduler, generators=[order])
path = folder / "checkpoint"
start = load_checkpoint(path, **parts).step if path.exists() else 0
for epoch in range(start, 4):
    for batch, rows in enumerate(tg.randperm(300, generator=order).split(60)):
        if die_at == f"batch {epoch} {batch}":
            killed()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[rows]), t[rows])
        loss.backward()
        optimizer.step()
        scheduler.step()
    if die_at == f"saving {epoch}":
        os.fsync = lambda handle: killed()
    save_checkpoint(path, step=epoch + 1, extra=loss.item(), **parts)
    print(epoch, flush=True)
tg.save(model.state_dict(), folder / "final")
"""


def train(folder: Path, die_at: str = "never") -> int:
    """The exit code of a training in a process of its own."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '')\n{TRAINING}", str(folder), die_at]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode in (0, -signal.SIGKILL), answer.stderr
    return answer.returncode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The final weights of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert train(folder) == 0
    return (folder / "final").read_bytes()


needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is POSIX's")


@pytest.mark.slow
@needs_kill
def test_a_run_that_is_killed_ends_with_the_numbers_of_one_that_is_not(tmp_path: Path, undisturbed: bytes) -> None:
    for moment in ("batch 0 3", "batch 2 1", "batch 3 4"):
        assert train(tmp_path, moment) == -signal.SIGKILL
        assert not (tmp_path / "final").exists()
    assert train(tmp_path) == 0
    assert (tmp_path / "final").read_bytes() == undisturbed


@pytest.mark.slow
@needs_kill
def test_a_run_that_is_killed_while_it_saves_has_its_last_checkpoint(tmp_path: Path, undisturbed: bytes) -> None:
    assert train(tmp_path, "saving 0") == -signal.SIGKILL
    assert not (tmp_path / "checkpoint").exists()
    assert train(tmp_path, "batch 2 0") == -signal.SIGKILL
    before = (tmp_path / "checkpoint").read_bytes()
    assert train(tmp_path, "saving 2") == -signal.SIGKILL
    assert (tmp_path / "checkpoint").read_bytes() == before
    assert train(tmp_path) == 0
    assert (tmp_path / "final").read_bytes() == undisturbed


@needs_kill
def test_a_run_that_is_killed_from_outside_at_any_time_ends_the_same(tmp_path: Path, undisturbed: bytes) -> None:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '')\n{TRAINING}", str(tmp_path), "never"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        process.kill()
    assert train(tmp_path) == 0
    assert (tmp_path / "final").read_bytes() == undisturbed


@pytest.mark.slow
def test_the_comparison_would_see_a_checkpoint_that_forgets(tmp_path: Path, undisturbed: bytes) -> None:
    for forgotten in ("generators=[order]", "scheduler=scheduler"):
        script = TRAINING.replace(f", {forgotten}", "", 1)
        assert script != TRAINING
        folder = tmp_path / forgotten[:3]
        folder.mkdir()
        for moment in ("batch 2 1", "never"):
            command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '')\n{script}", str(folder), moment]
            subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        assert (folder / "final").read_bytes() != undisturbed


# --- in one process ---------------------------------------------------------------------------------------------------


def parts(lr: float = 0.1) -> dict[str, Any]:
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = optim.Adam(model.parameters(), lr=lr)
    return {
        "model": model,
        "optimizer": optimizer,
        "scheduler": optim.lr_scheduler.StepLR(optimizer, 2),
        "generators": [tg.Generator().manual_seed(1)],
    }


def steps(training: dict[str, Any], count: int) -> list[Any]:
    for _ in range(count):
        training["optimizer"].zero_grad()
        x = tg.randn(5, 3, generator=training["generators"][0])
        training["model"](x).square().sum().backward()
        training["optimizer"].step()
        training["scheduler"].step()
    return [p.tolist() for p in training["model"].parameters()]


def test_everything_goes_on_from_a_checkpoint_in_another_training() -> None:
    tg.manual_seed(5)
    training = parts()
    steps(training, 3)
    file = io.BytesIO()
    save_checkpoint(file, step=3, extra={"best": 0.5, "mean": tg.ones(2)}, **training)
    wanted = steps(training, 4)
    other = parts(lr=7.0)
    steps(other, 1)
    file.seek(0)
    found = load_checkpoint(file, **other)
    assert isinstance(found, Checkpoint)
    assert (found.step, found.extra["best"], found.extra["mean"].tolist()) == (3, 0.5, [1.0, 1.0])
    assert steps(other, 4) == wanted
    assert other["scheduler"].get_last_lr() == training["scheduler"].get_last_lr()


def test_a_checkpoint_of_something_else_is_refused_and_nothing_is_loaded() -> None:
    training = parts()
    file = io.BytesIO()
    save_checkpoint(file, **training)
    without = {k: v for k, v in training.items() if k != "scheduler"}
    bare = io.BytesIO()
    save_checkpoint(bare, **without)
    before = [p.tolist() for p in training["model"].parameters()]
    for content, given, text in (
        (file, without, "the scheduler is missing: give what was given to save_checkpoint"),
        (bare, training, "the scheduler was not saved"),
        (file, {**training, "generators": []}, "expected 1 generators, as were given to save_checkpoint, found 0"),
    ):
        content.seek(0)
        with pytest.raises(ArgumentError, match=text):
            load_checkpoint(content, **given)
    for data in ({}, [1], training["model"].state_dict()):
        other = io.BytesIO()
        tg.save(data, other)
        other.seek(0)
        with pytest.raises(DataError, match="expected a file of save_checkpoint, found other data"):
            load_checkpoint(other, **training)
    assert [p.tolist() for p in training["model"].parameters()] == before


def test_a_model_of_another_shape_is_refused() -> None:
    training = parts()
    file = io.BytesIO()
    save_checkpoint(file, **training)
    file.seek(0)
    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict for Linear"):
        load_checkpoint(file, **{**training, "model": nn.Linear(2, 2)})
