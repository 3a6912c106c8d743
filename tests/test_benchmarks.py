"""The benchmarks measure what they say: each peer in a process of its own, in turn, on the same computation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rich", reason="rich is not installed: the benchmarks print their tables with it")

from benchmarks import breadth, chain, peers, pictures, report, start, timing, verify
from benchmarks.page import write_breadth, write_page
from benchmarks.problems import GROWTH, Chain, Network, problem_named, problems
from benchmarks.worker import timed


def test_peers_take_turns_and_those_without_the_problem_are_left_out(tmp_path: Path) -> None:
    names = ["tensorgrad", "numpy", "products"]
    results = timing.time_in_turn("chain10", names, seconds=0.0, turn=0.001)
    assert list(results) == ["tensorgrad", "numpy"]  # a chain has no products of matrices
    for samples in results.values():
        assert len(samples.cpu) == len(samples.wall) == timing.FEWEST_ROUNDS
        assert min(*samples.cpu, *samples.wall, samples.first) > 0
    rows = report.rows_of("chain10", results)
    ratios = np.array(results["tensorgrad"].cpu) / results["numpy"].cpu
    assert rows[0].ratios == ()
    (ratio,) = rows[1].ratios
    assert ratio.own == "tensorgrad"
    assert ratio.found[1] == pytest.approx(np.median(ratios))
    assert ratio.found[0] <= ratio.found[1] <= ratio.found[2]
    report.write_json(tmp_path / "a.json", rows, ["jax"])
    written = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert [row["peer"] for row in written["rows"]] == list(results)
    assert written["versions"]["numpy"] == np.__version__
    write_page(tmp_path / "a.md", rows, ["jax"], timing.TURN_SECONDS, timing.FEWEST_ROUNDS)
    assert "| chain10 | numpy |" in (tmp_path / "a.md").read_text("utf-8")


def test_plans_are_compared_to_the_peers_and_targets_are_judged() -> None:
    def samples(seconds: float) -> timing.Samples:
        return timing.Samples(cpu=[seconds] * 5, wall=[seconds] * 5, first=seconds)

    results = {"tensorgrad": samples(8), "compiled": samples(6), "compiled-c": samples(5), "pytorch": samples(10)}
    *own, row = report.rows_of("bn", results)
    assert [one.ratios for one in own] == [(), (), ()]
    assert [(r.own, r.found[1], r.met, r.must) for r in row.ratios] == [
        ("tensorgrad", 0.8, True, True), ("compiled", 0.6, True, False), ("compiled-c", 0.5, False, False)
    ]  # fmt: skip
    assert row.cells()[:6] == (
        "bn", "pytorch", "10,000,000", "0.80 (must be ≤ 0.9)", "0.60 (≤ 0.7)", "0.50 (missed: ≤ 0.45)"
    )  # fmt: skip


def test_a_process_that_fails_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    worker = timing.Worker("tensorgrad", "nosuch", timing.core())
    try:
        with pytest.raises(RuntimeError, match="tensorgrad ended with status 1"):
            worker.answer()
    finally:
        worker.close()
    assert "nosuch" in capfd.readouterr().err


def test_steps_are_counted_and_averaged() -> None:
    calls: list[int] = []
    told = timed(lambda: calls.append(sum(range(1000))), 0.002)
    assert told["steps"] >= 3
    assert len(calls) == told["steps"] + 3  # the warm-up
    assert told["cpu"] * told["steps"] >= 0.002


@pytest.mark.parametrize("name", ["numpy", "pytorch", "jax", "autograd", "mygrad"])
def test_what_is_compared_is_the_same_computation(name: str) -> None:
    if not peers.is_installed(name):
        pytest.skip(f"{peers.library(name)} is not installed: a comparison with it is left out")
    loaded = {peer: peers.load(peer) for peer in ("tensorgrad", name)}
    small = (6, 5, 4, 3)
    for problem in (Chain(3, 4), Network(small, 7, "sgd", 0.1, batchnorm=True)):
        assert verify.verify("small", problem, loaded)


def test_a_wrong_program_is_seen() -> None:
    ours = peers.load("tensorgrad")

    def quicker(problem):
        return ours(replace(problem, rate=problem.rate * 1.01))

    assert not verify.verify("small", Network((6, 5, 3), 7, "sgd", 0.1), {"tensorgrad": ours, "other": quicker})


def test_every_workload_has_a_name_and_those_of_a_series_a_value() -> None:
    assert {name: problem_named(name) for name in problems()} == problems()
    for series, values in GROWTH.items():
        made = [problem_named(f"{series}={value}") for value in values]
        assert len(set(made)) == len(values)
    assert problem_named("depth=2") == Network((784, 100, 100, 10), 128, "sgd", 0.01, batchnorm=True)


def test_a_start_is_timed_with_compiled_objects_and_without() -> None:
    found = start.measure(["chain10"], rounds=1)
    assert all(seconds > 0 for pair in found.values() for seconds in pair)
    assert start.table(found).splitlines()[-1].startswith("| chain10 | compiled-c | ")


def test_a_warm_start_compiles_nothing(tmp_path: Path) -> None:
    def left() -> dict[Path, tuple[int, int]]:
        states = {path: path.stat() for path in tmp_path.rglob("*") if path.is_file()}
        return {path: (state.st_ino, state.st_mtime_ns) for path, state in states.items()}

    assert start.seconds("compiled-c", "chain10", str(tmp_path)) > 0
    cold = left()
    assert cold
    assert start.seconds("compiled-c", "chain10", str(tmp_path)) > 0
    assert left() == cold


def test_a_chain_is_timed_both_ways_with_the_memory_that_it_holds() -> None:
    found = chain.measure((50_000,))
    costs = found[50_000, "tensorgrad"]
    assert costs["forward"] > 0 < costs["backward"]
    assert costs["memory"] is None or costs["memory"] * 2**20 > 50_000 * 100, "a node holds more than that"
    assert "| 50,000 | tensorgrad | " in chain.table(found)


def test_a_drawing_is_timed_beside_torchvizs_or_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda module: None)
    found = pictures.measure(rounds=1, drawings=1)
    assert found.keys() == {"tensorgrad", "tensorgrad, laid out anew"}
    assert all(seconds.keys() == pictures.NETWORKS.keys() for seconds in found.values())
    assert pictures.table(found).splitlines()[-1].startswith("| 3 residual blocks | not installed: torch, torchviz | ")
    assert pictures.table({**found, "torchviz": dict.fromkeys(found["tensorgrad"], 0.5)}).count(" | 500 | ") == 6


@pytest.mark.parametrize("name", breadth.ROWS)
def test_each_row_of_breadth_runs(name: str, tmp_path: Path) -> None:
    step = breadth.ROWS[name](breadth.Bench("tensorgrad", tmp_path))
    step()
    step()


def test_breadth_has_its_rows_and_says_its_median_and_its_worst(tmp_path: Path) -> None:
    assert len(breadth.ROWS) == 43
    text = breadth.table({"a": (0.5, 1e-6), "b": (2.0, 3e-6), "c": (1.0, 2e-3)}, "numpy")
    assert "| b | numpy | 2.00 | 3 |" in text
    assert text.endswith("| median of 3 | numpy | 1.00 | |\n| worst: b | numpy | 2.00 | |")
    write_breadth(tmp_path / "a.md", [text, "| operations |"], breadth.ROUNDS)
    written = (tmp_path / "a.md").read_text("utf-8")
    assert text in written
    assert written.endswith("| operations |\n")
