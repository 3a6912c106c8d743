"""``tensorgrad chapter6``: what it runs, what it reuses, what it says of failures, and the page it writes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tensorgrad import chapter6
from tensorgrad.chapter6.page import Outcome, page
from tensorgrad.cli import chapter6 as command, main
from tests.launcher import launched, missing
from tests.waiting import PROC, finished, lives, until

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the experiments draw with it")

ROOT = Path(__file__).resolve().parent.parent
FIGURES = [f"6-{n}" for n in range(1, 25) if n != 4]  # the book's 6-4 is a picture of a ball in a bowl

HEAD = '''"""{title}"""
import os, time
import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.chapter6.run import Run, Words
'''
CURVE = '''
def experiment(run: Run) -> None:
    """A curve: 1 < 2 & "quotes"."""
    with run.progress(2) as progress:
        for _ in range(2):
            progress.epoch(loss=run.seed)
    curve = [1 / (step + run.seed + 1) for step in range(20)]
    run.figure("6-2", viz.plot_curves({"loss": {"train": curve}}), Words("A curve <falls>", "曲线下降"))
    run.record(last=curve[-1], curves={"train": curve}, threads=os.environ["OMP_NUM_THREADS"])
    run.check(Words("it falls", "下降"), curve[-1] < curve[0], "1 & 0.05")
    run.check(Words("on large images", "在大图上"), False, "0.5", on="mnist")
'''
GRAPH = '''
def experiment(run: Run) -> None:
    """A graph."""
    run.figure("6-10", viz.draw(nn.Linear(3, 2), tg.randn(4, 3)), Words("A graph", "计算图"))
    run.check(Words("it is drawn", "已画出"), True, "yes")
'''
BROKEN = '''
def experiment(run: Run) -> None:
    """An error."""
    print("before the error")
    tg.zeros(2) + tg.zeros(3)
'''
UNTRUE = '''
def experiment(run: Run) -> None:
    """A conclusion that does not hold."""
    run.check(Words("one is two", "一等于二"), 1 == 2, "1 against 2")
'''
SLOW = '''
def experiment(run: Run) -> None:
    """It takes a while."""
    (run.folder / "pid").write_text(str(os.getpid()))
    time.sleep(36000)
'''
DEAD = '''
def experiment(run: Run) -> None:
    """It ends without a word."""
    os._exit(7)
'''
STANDINS = {"curve": CURVE, "graph": GRAPH, "broken": BROKEN, "untrue": UNTRUE, "slow": SLOW, "dead": DEAD}
DRAWN = {
    "graph": ("6-10",),
    "curve": ("6-2",),
    "broken": ("6-11",),
    "untrue": ("6-12",),
    "slow": ("6-13",),
    "dead": ("6-14",),
}


@pytest.fixture
def standins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Returns a function that makes stand-in experiments those of the chapter."""
    folder = tmp_path / "path" / "standins"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name, text in STANDINS.items():
        (folder / f"{name}.py").write_text(HEAD.format(title=name) + text, "utf-8")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setattr(command, "PACKAGE", "standins")
    for name in [name for name in sys.modules if name.partition(".")[0] == "standins"]:
        monkeypatch.delitem(sys.modules, name)

    def choose(*names: str) -> Path:
        monkeypatch.setattr(chapter6, "EXPERIMENTS", {name: DRAWN[name] for name in names})
        return folder

    return choose


@pytest.fixture
def run(tmp_path: Path, capsys):
    """Returns a function that runs the command: exit status, standard output, standard error, folder."""
    out = tmp_path / "out"

    def perform(*arguments: str):
        status = main(["chapter6", "--out", str(out), "--jobs", "2", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err, out

    return perform


VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


class Page(HTMLParser):
    """What a page refers to; an element that is not closed where it should be is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.ids, self.links, self.words, self.images = [], [], [], "", []

    def handle_starttag(self, tag, attrs) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), f"<{tag}> names an attribute twice"
        self.open += [] if tag in VOID else [tag]
        self.ids += [found["id"]] if "id" in found else []
        self.links += [value for key, value in attrs if key in {"src", "href"}]
        self.images += [found] if tag == "img" else []

    def handle_endtag(self, tag) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words += data


def read(file: Path) -> Page:
    """The page, after a look at what every page must keep: closed elements, links that lead somewhere, one id each."""
    text = file.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    found = Page()
    found.feed(text)
    found.close()
    assert not found.open
    assert len(found.ids) == len(set(found.ids))
    for link in found.links:
        assert link[1:] in found.ids if link.startswith("#") else (file.parent / link).is_file(), link
    assert all(image["alt"] for image in found.images)
    return found


def test_a_run_draws_the_figures_and_gathers_them_on_a_page_in_the_books_order(standins, run) -> None:
    standins("graph", "curve")
    status, said, complaints, out = run()
    assert (status, complaints) == (0, "")
    assert "curve: 1 pass, 1 needs MNIST, " in said
    assert "2 of 2 experiments bear out the book" in said
    assert "epoch 1/2" not in said
    assert "epoch 2/2  loss" in (out / "curve" / "log.txt").read_text("utf-8")
    found = read(out / "index.html")
    assert found.ids == ["contents", "list", "figure-6-2", "curve", "figure-6-10", "graph"]
    assert [image["src"] for image in found.images] == ["curve/figure-6-2.svg", "graph/figure-6-10.svg"]
    assert "curve/figure-6-2.png" in found.links
    for words in (
        "A curve <falls>",
        "1 & 0.05",
        'A curve: 1 < 2 & "quotes".',
        "needs MNIST",
        "20 numbers from 0.05 to 1",
    ):
        assert words in found.words
    assert json.loads((out / "curve" / "result.json").read_text("utf-8"))["numbers"]["threads"] == "1"


def test_figures_are_chosen_by_their_numbers(standins, run) -> None:
    standins("graph", "curve")
    status, said, _, out = run("6-10")
    assert status == 0
    assert "1 of 1 experiments" in said
    assert not (out / "curve").exists()
    assert "tensorgrad chapter6 6-2" in read(out / "index.html").words


def test_an_unknown_figure_is_answered_with_those_that_there_are(standins, run) -> None:
    standins("graph", "curve")
    status, said, complaints, out = run("6-99")
    assert (status, said) == (2, "")
    assert complaints == "tensorgrad: chapter6: there is no figure 6-99; there are 6-2, 6-10\n"
    assert not out.exists()


@pytest.mark.parametrize("wrong", [["--jobs", "0"], ["--seed", "-1"], ["--lang", "fr"], ["--data", "cifar"]])
def test_wrong_arguments_are_told(run, wrong) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*wrong)
    assert stopped.value.code == 2


def test_mnist_needs_its_folder(standins, run, tmp_path) -> None:
    standins("graph")
    assert "--mnist-dir DIR" in run("--data", "mnist")[2]
    status, _, complaints, _ = run("--data", "mnist", "--mnist-dir", str(tmp_path))
    assert status == 2
    assert complaints.count("\n") == 1


def test_only_what_has_changed_is_run_again(standins, run) -> None:
    folder = standins("graph", "curve")
    out = run()[3]

    def times():
        return [(out / name / "result.json").stat().st_mtime_ns for name in ("graph", "curve")]

    first = times()
    assert "already there (--again runs them again): graph, curve" in run()[1]
    assert times() == first
    (folder / "curve.py").write_text((folder / "curve.py").read_text("utf-8") + "# changed\n", "utf-8")
    assert "already there (--again runs them again): graph\n" in run()[1]
    second = times()
    assert (second[0] == first[0], second[1] == first[1]) == (True, False)
    (out / "graph" / "figure-6-10.svg").unlink()
    assert "already there (--again runs them again): curve\n" in run()[1]
    assert "already" not in run("--seed", "1")[1]
    third = times()
    assert "already" not in run("--seed", "1", "--again")[1]
    assert all(now != before for now, before in zip(times(), third, strict=True))


def test_an_error_is_told_with_its_place_and_stops_no_other_experiment(standins, run) -> None:
    standins("broken", "dead", "curve")
    status, said, complaints, out = run()
    assert (status, complaints) == (1, "")
    line = len((HEAD + BROKEN).splitlines())
    assert re.search(rf"broken: tensorgrad.errors.ShapeError: .*\(broken\.py:{line}\)", said)
    assert "dead: ended with status 7 (see log.txt)" in said
    assert "curve: 1 pass" in said
    log = (out / "broken" / "log.txt").read_text("utf-8")
    assert log.startswith("before the error\nTraceback")
    assert not (out / "broken" / "result.json").exists()
    assert f"broken.py:{line}" in read(out / "index.html").words
    assert "already there (--again runs them again): curve\n" in run()[1]


def test_a_conclusion_that_does_not_hold_is_told(standins, run) -> None:
    standins("untrue", "curve")
    status, said, _, out = run()
    assert status == 1
    assert "untrue: FAIL: one is two: 1 against 2\n1 of 2 experiments" in said
    assert "fail" in read(out / "index.html").words
    assert run("6-12")[0] == 1, "a result that is reused keeps its verdict"


def test_the_page_speaks_chinese(standins, run) -> None:
    standins("curve", "broken")
    found = read(run("--lang", "zh")[3] / "index.html")
    assert '<html lang="zh-Hans">' in (run("--lang", "zh")[3] / "index.html").read_text("utf-8")
    for words in ("目录", "图 6-2", "曲线下降", "成立", "需要 MNIST", "在大图上", "源代码", "运行出错"):
        assert words in found.words
    own = re.sub(r'"""(.|\n)*|\bcurve\b|\bbroken\b', "", found.words.partition("</style>")[2])
    assert not re.search(r"verdict|measured|Contents|Figure", own)


def script(out: Path, *names: str) -> str:
    """The command as a script, on stand-ins."""
    drawn = {name: DRAWN[name] for name in names}
    return (
        "import sys; from tensorgrad import chapter6; from tensorgrad.cli import chapter6 as command, main\n"
        f"command.PACKAGE = 'standins'; chapter6.EXPERIMENTS = {drawn!r}\n"
        f"sys.exit(main(['chapter6', '--out', {str(out)!r}]))"
    )


def process(standins_folder: Path, out: Path) -> subprocess.Popen:
    """The command in a process: what is to be stopped."""
    return subprocess.Popen(
        [sys.executable, "-c", script(out, "graph", "slow").replace("'--out'", "'--jobs', '2', '--out'")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(standins_folder.parent), str(ROOT)])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.fixture
def ranks(standins, tmp_path):
    """Returns a function that runs the command on stand-ins and two ranks, after another line of its script."""
    if missing():
        pytest.skip(missing())

    def perform(*names: str, first: str = "") -> tuple[subprocess.CompletedProcess[str], Path]:
        folder, out = standins(*names), tmp_path / "shared"
        paths = os.pathsep.join([str(folder.parent), str(ROOT)])
        return launched(2, ["-c", f"{first}\n{script(out, *names)}"], PYTHONPATH=paths), out

    return perform


def test_ranks_share_the_experiments_and_one_writes_what_one_process_does(ranks, run) -> None:
    done, out = ranks("curve", "graph", "untrue")
    assert (done.returncode, done.stdout.count("2 of 3 experiments")) == (1, 1)
    alone = run()[3]
    for name in ("curve", "graph", "untrue"):
        shared, own = (json.loads((folder / name / "result.json").read_text("utf-8")) for folder in (out, alone))
        assert {**shared, "seconds": 0} == {**own, "seconds": 0}
        assert done.stdout.count(f"{name}: ") >= 1
    assert read(out / "index.html").ids == read(alone / "index.html").ids
    assert not list(out.glob(".of-rank*"))


FAILING = """
import os
from tensorgrad.cli import chapter6 as command
def start(part):
    if os.environ["PMI_RANK"] == "1":
        raise OSError("no space left")
command.Part.start, command.Part.ended = start, lambda part: False
"""


def test_a_rank_that_fails_ends_the_others_and_prints_its_traceback(ranks) -> None:
    done, _ = ranks("curve", "graph", first=FAILING)  # the other one would wait for its experiment for ever
    assert done.returncode != 0
    assert "[rank 1] OSError: no space left" in done.stderr


@pytest.mark.skipif(not PROC, reason="no /proc: whether a process runs is not known")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_that_is_stopped_leaves_whole_results_and_no_process_and_goes_on_where_it_was(
    standins, run, tmp_path, number, status
) -> None:
    folder, out = standins("graph", "slow"), tmp_path / "out"
    started = process(folder, out)
    try:
        until((out / "graph" / "result.json").exists, "one experiment is done")
        until(lambda: (out / "slow" / "pid").exists() and (out / "slow" / "pid").read_text(), "the other runs")
    finally:
        os.killpg(started.pid, number)
        _, complaints = finished(started)
    assert started.returncode == status
    assert complaints == ("tensorgrad: stopped by Ctrl-C\n" if status == 130 else "")
    pid = int((out / "slow" / "pid").read_text())
    until(lambda: not lives(pid), "its process is gone")
    assert not (out / "slow" / "result.json").exists()
    (folder / "slow.py").write_text(HEAD.format(title="slow") + UNTRUE, "utf-8")
    assert "already there (--again runs them again): graph\n" in run()[1]


def test_the_experiments_of_the_chapter_draw_every_figure_of_the_book() -> None:
    drawn = [figure for figures in chapter6.EXPERIMENTS.values() for figure in figures]
    assert set(FIGURES) <= set(drawn)
    assert len(drawn) == len(set(drawn))
    assert all((Path(chapter6.__file__).parent / f"{name}.py").is_file() for name in chapter6.EXPERIMENTS)


def test_a_long_list_of_numbers_is_summed_up_and_nothing_is_taken_for_html(tmp_path) -> None:
    numbers = {f"n{i}": i for i in range(50)} | {"<b>": "<i>", "nested": {"x": [float("nan")] * 3}}
    result = {
        "settings": {"data": "digits", "seed": 0}, "passed": True, "seconds": 1.0, "figures": [], "numbers": numbers,
        "verdicts": [],
    }  # fmt: skip
    text = page(
        [
            Outcome(
                "x", ("6-1", "6-1-more"), "</code><script>", dict(result, numbers=dict(reversed(numbers.items()))), None
            )
        ],
        "en",
    )
    assert "<script" not in text
    assert "<b>" not in text
    assert "and 12 more in result.json" in text
    assert "Figure 6-1 (beyond the book: more)" in text
