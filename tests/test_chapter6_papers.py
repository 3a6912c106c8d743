"""What the papers say: each experiment in a tiny form, its verdicts, which can fail, the page, and the command."""

from __future__ import annotations

import json
import math
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the experiments draw with it")

import tensorgrad as tg
from tensorgrad.chapter6 import papers
from tensorgrad.chapter6.page import Outcome
from tensorgrad.chapter6.papers import bergstra, duchi, glorot, he, ioffe, kingma, snoek, srivastava
from tensorgrad.chapter6.papers.bars import PAPERS
from tensorgrad.chapter6.papers.findings import FINDINGS
from tensorgrad.chapter6.papers.paperpage import as_document, paper_page
from tensorgrad.chapter6.run import Run, Settings, mnist_in, perform
from tensorgrad.cli import chapter6 as command, main
from tensorgrad.errors import DataError

TINY = {
    "glorot": {"WIDTH": 30, "JACOBIANS": 1},
    "he": {"EPOCH": 2, "EPOCHS": 2, "PART": 2, "DEPTHS": (6, 4)},
    "ioffe": {"STEPS": 6, "EVERY": 2},
    "kingma": {"EPOCHS": 1, "RATES": dict.fromkeys(kingma.RATES, (0.1, 0.01))},
    "srivastava": {"IMAGES": 200, "EPOCHS": 2, "WIDTH": 20, "RATES": (0.01,)},
    "snoek": {"TRIALS": 12},
    "bergstra": {"STEPS": 2, "SIDE": 2, "TRIALS": 3, "DRAWS": 10},
    "duchi": {"STEPS": 20, "EVERY": 10, "EXAMPLES": 100, "RATES": (1.0, 3.0)},
}
VERDICTS = {
    "glorot": 3, "he": 5, "ioffe": 2, "kingma": 2, "srivastava": 1, "snoek": 2, "bergstra": 1, "duchi": 1,
}  # fmt: skip


def tiny(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for constant, value in TINY[name].items():
        monkeypatch.setattr(f"tensorgrad.chapter6.papers.{name}.{constant}", value)


def test_the_table_has_the_rows_of_the_page() -> None:
    assert list(PAPERS) == list(papers.EXPERIMENTS) == list(TINY)
    assert set(FINDINGS) <= set(PAPERS)
    for paper in PAPERS.values():
        for language in ("en", "zh"):
            assert "{" not in paper.bar_in(language)
            assert str(paper.seeds) in paper.bar_in(language)


def test_the_bars_are_those_that_were_fixed_before_the_run() -> None:
    found = {name: (paper.seeds, paper.at) for name, paper in PAPERS.items()}
    assert found == {
        "glorot": (3, {
            "normalised_low": 0.75, "normalised_high": 0.85, "standard_low": 0.45, "standard_high": 0.52,
            "ratio": math.sqrt(3), "ratio_within": 0.05,
        }),
        "he": (3, {"deep": 30, "less": 22, "chance_within": 0.02, "halving_within": 0.2}),
        "ioffe": (3, {"times": 4.0, "accuracy": 0.9}),
        "kingma": (3, {"within": 0.1}),
        "srivastava": (5, {"p": 0.05}),
        "snoek": (10, {"regret": 0.01, "trials": 30, "enough": 8, "seconds": 5.0, "minimum": 0.397887}),
        "bergstra": (10, {"random": 16, "side": 10, "enough": 8}),
        "duchi": (5, {}),
    }  # fmt: skip


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_form_draws_its_figure_with_a_verdict_for_each_part_of_the_bar(name, tmp_path, monkeypatch) -> None:
    tiny(monkeypatch, name)
    run = perform(name, import_module(f"tensorgrad.chapter6.papers.{name}").experiment, Settings(), tmp_path)
    assert tuple(figure.number for figure in run.figures) == papers.EXPERIMENTS[name]
    assert len(run.verdicts) == VERDICTS[name]
    assert all((tmp_path / file).is_file() for figure in run.figures for file in figure.files)
    assert json.loads((tmp_path / "result.json").read_text("utf-8"))["numbers"]


@pytest.mark.parametrize("name", ["ioffe", "kingma"])
def test_what_comes_out_does_not_depend_on_the_number_of_workers(name, tmp_path, monkeypatch) -> None:
    tiny(monkeypatch, name)
    experiment = import_module(f"tensorgrad.chapter6.papers.{name}").experiment
    one, two = (perform(name, experiment, Settings(), tmp_path / str(n), n).numbers for n in (1, 2))
    assert one == two


def judged(name: str, *found) -> list[bool]:
    run = Run(name, Settings("mnist"), Path())
    import_module(f"tensorgrad.chapter6.papers.{name}").conclude(run, *found)
    return [verdict.passed for verdict in run.verdicts]


def of_glorot(normalised: float, standard: float, ratio: float):
    def found(s: float):
        return [glorot.Found([s] * 4, [ratio**i for i in range(5)])] * 3

    return {"normalised": found(normalised), "standard": found(standard)}


def of_he(deep: float, factor: float, other: float = 0.3):
    def found(loss: float):
        return [he.Found([factor**i for i in range(30)], [2.3, loss])] * 3

    return {(30, "xavier"): found(deep), (30, "he"): found(other), (22, "xavier"): found(other), (22, "he"): found(0.2)}


def of_ioffe(quick: int, slow: int, moved: float):
    def found(steps: int, moved: float):
        accuracy = [0.95 if 100 * n >= steps else 0.5 for n in range(1, 81)]
        return [ioffe.Found(accuracy, [[[0.0]], [[moved]]])] * 3

    return {"with": found(quick, 1.0), "without": found(slow, moved)}


def of_kingma(adam: float, nesterov: float, adagrad: float):
    costs = {"Adam": adam, "Nesterov": nesterov, "AdaGrad": adagrad}
    return {name: kingma.Found({0.1: cost}, 0.1, [[1.0, cost]] * 3) for name, cost in costs.items()}


def of_srivastava(*errors: float):
    plain = srivastava.Found(0.0, 0.01, [[0.03]] * 5)
    return {"with": srivastava.Found(0.5, 0.01, [[error] for error in errors]), "without": plain}


def of_duchi(adagrad: float):
    losses = {"AdaGrad": [1.0, adagrad, 0.1], "SGD": [1.0, 0.5, 0.3], "SGD, rate/√t": [1.0, 0.6, 0.4]}
    return [{name: duchi.Found(1.0, values) for name, values in losses.items()}] * 5


@pytest.mark.parametrize(
    ("name", "found", "passed"),
    [
        ("glorot", (of_glorot(0.79, 0.48, 1.74),), [True, True, True]),
        ("glorot", (of_glorot(0.74, 0.53, 1.83),), [False, False, False]),
        ("he", (of_he(2.3, 0.5),), [True] * 5),
        ("he", (of_he(1.0, 0.39, 2.0),), [False, False, True, False, False]),
        ("ioffe", (of_ioffe(500, 2000, 1.5),), [True, True]),
        ("ioffe", (of_ioffe(500, 1900, 0.9),), [False, False]),
        ("ioffe", (of_ioffe(9000, 9000, 2.0),), [False, True]),
        ("ioffe", (of_ioffe(500, 9000, 2.0),), [True, True]),
        ("kingma", (of_kingma(0.28, 0.26, 0.3),), [True, True]),
        ("kingma", (of_kingma(0.30, 0.26, 0.29),), [False, False]),
        ("srivastava", (of_srivastava(0.02, 0.021, 0.022, 0.02, 0.021),), [True]),
        ("srivastava", (of_srivastava(0.02, 0.04, 0.02, 0.039, 0.029),), [False]),
        ("srivastava", (of_srivastava(0.04, 0.041, 0.042, 0.04, 0.041),), [False]),
        ("snoek", ({"gp": [[1e-3]] * 8 + [[1.0]] * 2, "random": [[1.0]] * 10}, [2.0] * 10), [True, True]),
        ("snoek", ({"gp": [[1e-3]] * 7 + [[1.0]] * 3, "random": [[1.0]] * 10}, [2.0] * 9 + [5.1]), [False, False]),
        ("bergstra", ({"random": [0.9] * 8 + [0.1] * 2, "grid": [0.9] * 10},), [True]),
        ("bergstra", ({"random": [0.9] * 7 + [0.1] * 3, "grid": [0.9] * 10},), [False]),
        ("duchi", (of_duchi(0.2),), [True]),
        ("duchi", (of_duchi(0.4),), [False]),
    ],
)
def test_the_verdicts_follow_from_what_was_measured(name, found, passed) -> None:
    assert judged(name, *found) == passed


def test_the_jacobians_of_a_linear_start_are_its_weights() -> None:
    tg.manual_seed(0)
    layers = glorot.network(8, "standard")
    for layer in layers:
        with tg.no_grad():
            layer.weight.mul_(1e-3)  # so small that tanh is the identity
    found = glorot.looked_at(layers[:3] + layers[-1:], glorot.Images(tg.rand(3, 8), tg.tensor([0, 1, 2])))
    wanted = [np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False).mean() for layer in layers[1:3]]
    np.testing.assert_allclose(found.singular, wanted, rtol=1e-3, equal_nan=False)


def test_a_certain_best_trial_counts_alone_and_equal_ones_share() -> None:
    sure = [bergstra.Trial(1.0, 0.0, 1.0, 0.8), bergstra.Trial(1.0, 0.0, 0.1, 0.2)]
    assert bergstra.generalisation(sure, 300) == pytest.approx(0.8)
    equal = [bergstra.Trial(1.0, 0.0, 0.9, 0.8), bergstra.Trial(1.0, 0.0, 0.9, 0.6)]
    assert bergstra.generalisation(equal, 300) == pytest.approx(0.7, abs=0.02)


def test_the_minimum_of_branin_is_where_the_literature_has_it() -> None:
    lowest = [snoek.branin(x, y) for x, y in ((-math.pi, 12.275), (math.pi, 2.275), (9.42478, 2.475))]
    assert lowest == pytest.approx([PAPERS["snoek"].at["minimum"]] * 3, abs=1e-6)


@pytest.fixture
def run(tmp_path, capsys):
    """Returns a function that runs the command on `papers`: exit status, standard output, standard error, folder."""

    def perform_(*arguments: str):
        status = main(["chapter6", "papers", *arguments, "--out", str(tmp_path), "--jobs", "2"])
        said = capsys.readouterr()
        return status, said.out, said.err, tmp_path / "papers"

    return perform_


STANDIN = '''"""{name}"""
from tensorgrad import viz
from tensorgrad.chapter6.run import Run, Words
def experiment(run: Run) -> None:
    """A curve."""
    run.figure("{number}", viz.plot_curves({{"loss": [2.0, 1.0]}}), Words("A curve", "曲线"))
    run.check(Words("it holds", "它成立"), {holds}, "1 | 2")
'''


@pytest.fixture
def standins(tmp_path, monkeypatch):
    """Returns a function that makes stand-ins the papers' experiments: names, and whether they hold."""

    def choose(**holds: bool) -> None:
        folder = tmp_path / "path" / "ourpapers"
        (folder / "papers").mkdir(parents=True)
        for place in (folder, folder / "papers"):
            (place / "__init__.py").touch()
        for name, word in holds.items():
            (number,) = papers.EXPERIMENTS[name]
            text = STANDIN.format(name=name, number=number, holds=word)
            (folder / "papers" / f"{name}.py").write_text(text, "utf-8")
        monkeypatch.syspath_prepend(folder.parent)
        monkeypatch.setattr(command, "PACKAGE", "ourpapers")
        monkeypatch.setattr(papers, "EXPERIMENTS", {name: papers.EXPERIMENTS[name] for name in holds})

    return choose


def test_the_command_gathers_the_papers_beside_the_chapter_and_fails_if_a_verdict_does(standins, run) -> None:
    standins(kingma=True, he=False)
    status, said, complaints, out = run()
    assert (status, complaints) == (1, "")
    assert "he: FAIL: it holds: 1 | 2\n1 of 2 experiments bear out the papers" in said
    text = (out / "index.html").read_text("utf-8")
    assert text.index("Kingma and Ba 2014") < text.index("He et al. 2015")
    assert "Adam&#x27;s cost is within 10%" in text
    assert "not run" not in text
    assert run("kingma")[0] == 0
    assert "already there" in run("kingma")[1]
    assert "论文怎么说" in (run("--lang", "zh")[3] / "index.html").read_text("utf-8")


def test_wrong_arguments_are_told(run) -> None:
    status, _, complaints, _ = run("adam")
    assert (status, complaints.count("\n")) == (2, 1)
    assert "there is no paper adam; there are bergstra, duchi" in complaints
    status, _, complaints, _ = run("--seed", "1")
    assert status == 2
    assert "so that none is picked" in complaints


def outcomes() -> list[Outcome]:
    verdict = {"statement": {"en": "it holds", "zh": "它成立"}, "passed": True, "measured": "1 | 2", "on": "mnist"}
    result = {
        "settings": {"data": "digits", "seed": 0}, "passed": True, "seconds": 1.0, "figures": [], "numbers": {},
        "verdicts": [{**verdict, "passed": False}, verdict],
    }  # fmt: skip
    source = "STEPS = 7  # of the paper's 9\nLOOKS = {}\n"
    return [Outcome(name, papers.EXPERIMENTS[name], source, result, None) for name in PAPERS]


def test_the_page_says_of_each_paper_what_it_claims_the_bar_and_what_is_smaller() -> None:
    for language in ("en", "zh"):
        text = paper_page(outcomes(), language)
        assert "<pre tabindex=0><code>STEPS = 7  # of the paper&#x27;s 9</code></pre>" in text
        assert "0, 1, 2, 3, 4 ·" in text
        for paper in PAPERS.values():
            assert paper.source in text
            for words in (getattr(paper.claim, language), paper.bar_in(language), getattr(paper.smaller, language)):
                assert words.replace("'", "&#x27;").replace("<", "&lt;").replace("p >", "p &gt;") in text
    assert not re.search(r"verdict|measured|the bar", text.partition("</style>")[2].replace('class="', ""))


def test_the_document_has_a_row_for_each_paper() -> None:
    text = as_document(outcomes())
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == len(PAPERS) + 1
    assert all(row.count(" | ") == 4 for row in rows)
    assert "needs MNIST<br>pass" in rows[1]


def test_the_page_says_how_mnist_is_had_where_it_is_needed() -> None:
    for language, word in (("en", "downloads are blocked"), ("zh", "不能下载时")):
        text = paper_page(outcomes(), language)
        assert word in text
        assert "train-images-idx3-ubyte.gz" in text
        assert "--data mnist --mnist-dir DIR" in text


def test_mnist_is_found_by_the_variable_too(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("TENSORGRAD_DATA", raising=False)
    with pytest.raises(DataError, match=r"--mnist-dir DIR.*TENSORGRAD_DATA"):
        mnist_in(None)
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path))
    with pytest.raises(DataError, match=re.escape(str(tmp_path / "mnist"))):
        mnist_in(None)


def test_the_document_says_what_the_code_says() -> None:
    text = (Path(__file__).resolve().parent.parent / "docs" / "papers.md").read_text("utf-8")
    for paper in PAPERS.values():
        assert f"| {paper.source} | {paper.bar_in('en')} |" in text
        assert f"* **{paper.source}**: {paper.smaller.en}" in text
    for name, words in FINDINGS.items():
        assert f"* **{PAPERS[name].source}**: {words.en}" in text
