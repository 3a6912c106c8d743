"""The command from outside: what it prints, writes and returns, and that it never shows a traceback."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.cli import demo as demo_module, main
from tensorgrad.cli.network import DigitNet, frozen_loss
from tensorgrad.cli.training import Settings, batches, train
from tests.waiting import CEILING, finished, worked

ROOT = Path(__file__).resolve().parent.parent
FILES = {"figure-6-17.svg", "network.svg", "training.svg", "report.html"}
FULL = bool(os.environ.get("TENSORGRAD_FULL"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Silent:
    def step(self, **metrics) -> None: ...

    def epoch(self, **metrics) -> None: ...


def command(*arguments, **options) -> subprocess.Popen:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return subprocess.Popen([sys.executable, "-m", "tensorgrad", *arguments], env=ENVIRONMENT, **pipes, **options)


def trained(seed: int, epochs: int):
    data = demo_module.load("digits", None, seed)
    tg.manual_seed(seed)
    net = DigitNet(data.side**2)
    return net, data, train(net, data, Settings("digits", seed, epochs, demo_module.BATCH["digits"]), Silent())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "made" / "anew"
    process = command("demo", "--epochs", "3", "--seed", "5", "--out", str(out))
    printed, complaints = finished(process)
    return process.returncode, printed, complaints, out


def test_the_demo_trains_checks_draws_and_reports(run) -> None:
    status, printed, complaints, out = run
    assert (status, complaints) == (0, "")
    assert {path.name for path in out.iterdir()} == FILES
    lines = printed.splitlines()
    assert lines[0] == "training on 1,438 images of the bundled digits, testing on 359, seed 5"
    assert [line[:10] for line in lines[1:4]] == ["epoch 1/3 ", "epoch 2/3 ", "epoch 3/3 "]
    assert re.fullmatch(r"test accuracy 9\d\.\d\d% after [\d.]+ s of training", lines[4])
    checked = r"gradient check passed: 10 parameters, 20 directions, 60 coordinates, largest relative error (.*)"
    assert float(re.fullmatch(checked, lines[5])[1]) < 1e-7
    assert "report.html" in lines[6]


def test_the_drawings_are_well_formed_and_show_the_names(run) -> None:
    out = run[3]
    for name in FILES - {"report.html"}:
        ET.fromstring((out / name).read_text("utf-8"))
    network = (out / "network.svg").read_text("utf-8")
    for layer in ("fc1", "bn1", "relu1", "drop1", "fc2", "bn2", "relu2", "drop2", "fc3"):
        assert f">{layer}: " in network
    batchnorm = (out / "figure-6-17.svg").read_text("utf-8")
    for name in ("γ", "β", "xμ", "dxμ₁", "sqrtvar", "dout"):
        assert name in batchnorm


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids, self.links, self.frames, self.words = [], [], [], ""

    def handle_starttag(self, tag, attrs) -> None:
        found = dict(attrs)
        self.ids += [found["id"]] if found.get("id") else []
        self.links += [v for k, v in attrs if k in {"src", "href", "xlink:href", "data"} and v[:1] != "#"]
        self.frames += [found["srcdoc"]] if tag == "iframe" else []

    def handle_data(self, data) -> None:
        self.words += data


def test_the_report_holds_everything_and_needs_nothing_else(run) -> None:
    text = (run[3] / "report.html").read_text("utf-8")
    page = Page()
    page.feed(text)
    assert len(page.ids) == len(set(page.ids))
    assert page.links == []
    assert "@import" not in text
    assert "url(http" not in text
    assert len(page.frames) == 2
    assert "prefers-color-scheme:dark" in text
    for word in ("test accuracy", "passed", "fc1.weight", "bn2.bias", "Settings", "Versions", tg.__version__, "numpy"):
        assert word in page.words
    assert len(re.findall('aria-label="image of a ', text)) == 27
    accuracy = re.search(r"test accuracy ([\d.]+%) after", run[1])[1]
    assert accuracy in page.words


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_pictures(run, tmp_path) -> None:
    again, _ = finished(command("demo", "--epochs", "3", "--seed", "5", "--out", str(tmp_path)))
    assert again.splitlines()[:4] == run[1].splitlines()[:4]
    for name in FILES - {"report.html"}:
        assert (tmp_path / name).read_bytes() == (run[3] / name).read_bytes()


@pytest.mark.parametrize("seed", range(5) if FULL else [0])
def test_the_digits_are_read_with_97_percent(seed) -> None:
    with worked() as work:
        history = trained(seed, demo_module.EPOCHS["digits"])[2]
    assert history.accuracy["test"][-1] >= 0.97
    assert work.seconds < 30


@pytest.mark.skipif(not FULL, reason="takes half a minute: set TENSORGRAD_FULL=1")
def test_mnist_is_read_with_97_5_percent(mnist_dir, tmp_path, capsys) -> None:
    assert main(["demo", "--data", "mnist", "--mnist-dir", str(mnist_dir), "--out", str(tmp_path)]) == 0
    found = re.search(r"test accuracy ([\d.]+)% after", capsys.readouterr().out)
    assert float(found[1]) >= 97.5


def test_the_loss_of_the_gradient_check_leaves_no_trace() -> None:
    net, data, _ = trained(0, 1)
    state = {name: value.array.copy() for name, value in net.state_dict().items()}
    before = tg.manual_seed(3).numpy.bit_generator.state
    twin, loss = frozen_loss(net, data.x_train[:16], data.y_train[:16], 0)
    buffers = {name: buffer.array.copy() for name, buffer in twin.named_buffers()}
    assert loss().array.tobytes() == loss().array.tobytes()
    assert tg.random.default_generator.numpy.bit_generator.state == before
    for name, value in net.state_dict().items():
        assert value.array.tobytes() == state[name].tobytes()
    for name, buffer in twin.named_buffers():
        assert buffer.array.tobytes() == buffers[name].tobytes()


@pytest.mark.skipif(os.name == "nt", reason="SIGINT of another process needs POSIX")
@pytest.mark.parametrize(
    ("loaded", "start"),
    [
        *((name, "from tensorgrad_command import main; sys.exit(main())") for name in ("numpy", "tensorgrad")),
        ("tensorgrad.cli", "from tensorgrad_command import main; sys.exit(main())"),
        ("tensorgrad.cli", "import runpy; runpy.run_module('tensorgrad', run_name='__main__')"),
    ],
)
def test_ctrl_c_is_answered_in_one_line_while_the_command_loads(loaded: str, start: str) -> None:
    script = f"""
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {loaded!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
{start}
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "tensorgrad: stopped by Ctrl-C\n")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGINT of another process needs POSIX")
def test_ctrl_c_stops_the_training_and_writes_what_there_is(tmp_path) -> None:
    process = command("demo", "--epochs", "100000", "--out", str(tmp_path))
    printed = [process.stdout.readline() for _ in range(4)]
    process.send_signal(signal.SIGINT)
    rest, complaints = finished(process)
    assert printed[3].startswith("epoch      3/100000 ")
    assert (process.returncode, complaints) == (130, "")
    last = rest.splitlines()[-1]
    epochs = int(re.fullmatch(r"stopped by Ctrl-C after epoch (\d+); see .*report\.html", last)[1])
    assert epochs >= 3
    assert {path.name for path in tmp_path.iterdir()} == FILES
    text = (tmp_path / "report.html").read_text("utf-8")
    assert f"stopped by Ctrl-C after epoch {epochs}" in text
    assert "Not run, because the training was stopped" in text


class StopsAt(Silent):
    def __init__(self, batch: int) -> None:
        self.left = batch

    def step(self, **_metrics) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_the_network_of_the_last_whole_epoch() -> None:
    data = demo_module.load("digits", None, 0)
    states = []
    for epochs, progress in ((1, Silent()), (1, StopsAt(5)), (2, StopsAt(30))):
        tg.manual_seed(0)
        net = DigitNet(64)
        start = {name: value.array.copy() for name, value in net.state_dict().items()}
        history = train(net, data, Settings("digits", 0, epochs, 64), progress)
        states.append((history, start, {name: value.array for name, value in net.state_dict().items()}))
    whole, early, late = states
    assert [h.epochs for h, _, _ in states] == [1, 0, 1]
    assert [h.stopped for h, _, _ in states] == [False, True, True]
    for name in whole[2]:
        assert np.array_equal(early[2][name], early[1][name])
        assert np.array_equal(late[2][name], whole[2][name])


def test_a_run_stopped_before_its_first_epoch_still_reports(tmp_path, monkeypatch, capsys) -> None:
    def stopped(net, data, settings, progress):
        return train(net, data, settings, StopsAt(2))

    monkeypatch.setattr(demo_module, "train", stopped)
    assert main(["demo", "--out", str(tmp_path)]) == 130
    assert "stopped by Ctrl-C after epoch 0" in capsys.readouterr().out
    assert "none yet" in (tmp_path / "report.html").read_text("utf-8")
    assert "no value yet" in (tmp_path / "training.svg").read_text("utf-8")


def fails_with_one_line(arguments, capsys) -> str:
    assert main(arguments) == 2
    complaints = capsys.readouterr().err
    assert complaints.count("\n") == 1
    assert complaints.startswith("tensorgrad: ")
    return complaints


def test_missing_data_is_told_in_one_line(tmp_path, capsys) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert "--mnist-dir DIR" in fails_with_one_line(["demo", "--data", "mnist", *out], capsys)
    absent = ["demo", "--data", "mnist", "--mnist-dir", str(tmp_path / "nowhere"), *out]
    assert "train-labels-idx1-ubyte" in fails_with_one_line(absent, capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\x08\x01\0\0\xea\x60abc", b"nonsense", gzip.compress(b"\0" * 999, mtime=0)[:-9], b"\x1f\x8b\x08"],
)
def test_a_damaged_file_is_told_in_one_line(tmp_path, capsys, content) -> None:
    for name in ("train", "t10k"):
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(content)
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(content)
    told = fails_with_one_line(["demo", "--data", "mnist", "--mnist-dir", str(tmp_path)], capsys)
    assert "train-labels-idx1-ubyte" in told


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path, capsys) -> None:
    (tmp_path / "out").write_text("a file")
    told = fails_with_one_line(["demo", "--out", str(tmp_path / "out")], capsys)
    assert str(tmp_path / "out") in told


def test_a_missing_library_is_told_before_the_training(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(demo_module, "find_spec", lambda name: None)
    told = fails_with_one_line(["demo", "--out", str(tmp_path)], capsys)
    assert told == "tensorgrad: the report of the demo needs matplotlib: pip install matplotlib\n"


def test_a_terminal_without_rich_says_what_to_install(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    told = fails_with_one_line(["demo", "--out", str(tmp_path)], capsys)
    assert told == "tensorgrad: the progress table needs rich: pip install rich\n"


def test_a_terminal_sees_a_table(tmp_path, monkeypatch, capsys) -> None:
    pytest.importorskip("rich", reason="rich is not installed: there is no table")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["demo", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert "test accuracy" in capsys.readouterr().out


def test_batches_hold_every_row_once_and_never_a_single_one() -> None:
    for n in range(2, 40):
        pieces = batches(tg.arange(n), 4)
        assert [i for piece in pieces for i in piece.tolist()] == list(range(n))
        assert min(map(len, pieces)) > 1


def test_version_and_help(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tensorgrad {tg.__version__}\n"
    assert main([]) == 0
    assert "demo" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["demo", "--epochs", "0"], ["demo", "--data", "cats"], ["fly"]])
def test_wrong_arguments_have_status_2(arguments, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.skipif(os.name == "nt" or shutil.which("sh") is None, reason="needs a POSIX shell")
def test_a_reader_that_leaves_brings_no_traceback(tmp_path) -> None:
    process = command("demo", "--epochs", "3", "--out", str(tmp_path))
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        complaints = process.stderr.read()
    assert process.wait(CEILING) == 2
    assert complaints == ""
