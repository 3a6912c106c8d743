"""`gradients`: planted faults are found, right derivatives raise no alarm, and what fails is told with a script."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import seed, strategies as st

import tensorgrad as tg
from tensorgrad.errors import ArgumentError
from tensorgrad.testing import GradcheckError, Report, gradients
from tensorgrad.testing.strategies import inside, tensors
from tests import gradientfaults
from tests.peer import torch_

ROOT = Path(__file__).resolve().parent.parent
pytest_plugins = ["pytester"]


def run(*args: Any, examples: int | None = None, **strategies: Any) -> Any:
    """What a user writes, made and run: the test."""

    @gradients(*args, examples=examples, **strategies)
    def test_of_gradients() -> None: ...

    test_of_gradients()
    return test_of_gradients


def named(cases: list[Any]) -> list[Any]:
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


@pytest.mark.parametrize(("args", "strategies", "words"), named(gradientfaults.functions(tg)))
def test_a_fault_in_a_function_is_found(args: Any, strategies: Any, words: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        run(*args, **strategies)
    assert words in str(caught.value)
    assert "gradientfaults.py:" in str(caught.value).splitlines()[0]


@pytest.mark.parametrize(("args", "strategies", "words"), named(gradientfaults.pairs()))
def test_a_fault_in_a_pair_is_found(args: Any, strategies: Any, words: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        run(*args, **strategies)
    assert words in str(caught.value)
    assert "gradientfaults.py:" in str(caught.value).splitlines()[0]


KINDS = [fault[0] for fault in gradientfaults.functions(tg)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_in_a_function_of_pytorch_is_found(kind: str) -> None:
    _, args, strategies, words = gradientfaults.functions(torch_())[KINDS.index(kind)]
    with pytest.raises(GradcheckError) as caught:
        run(*args, beside=False, **strategies)
    assert words in str(caught.value)
    assert "gradientfaults.py:" in str(caught.value).splitlines()[0]


MANY = 200 if os.environ.get("TENSORGRAD_FULL") else 30


@pytest.mark.slow
@pytest.mark.parametrize(("args", "strategies"), named([*gradientfaults.right(tg), *gradientfaults.right_pairs()]))
def test_what_is_right_raises_no_alarm(args: Any, strategies: Any) -> None:
    run(*args, examples=MANY, **strategies)


def test_rounding_inside_of_another_library_is_no_failure() -> None:
    _, args, strategies = next(case for case in gradientfaults.right_pairs() if case[0] == "layer")
    x, w = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 2.0]]), np.array([[1.401298464324817e-45, 0.0], [2.0, 0.0]])
    assert run(*args, examples=1, **strategies).at(x=x, w=w, b=np.array([1.0, 0.0])).verdict == "passed"


def test_an_infinite_slope_at_the_end_of_the_domain_is_no_failure() -> None:
    test = run(lambda x: tg.sqrt(x), x=tensors((2,), domain=(0.0, 2.0)), examples=20)
    assert "x at (0,): the slope is infinite" in test.at(x=np.array([0.0, 1.0])).left_out[0]
    with pytest.raises(GradcheckError, match=r"gradient of x at \(.*\) is infinite, and the slope is about 2"):
        run(lambda x: 2 * x.sum(), lambda x: np.where(x == 0, np.inf, 2.0).astype(x.dtype), x=tensors((2,)))


def test_what_refuses_its_arguments_says_which_and_what_to_do() -> None:
    with pytest.raises(tg.errors.ShapeError) as caught:
        run(lambda a, b: a @ b)
    assert any("refuses" in note and "pass strategies: x=tensors" in note for note in caught.value.__notes__)


def test_a_backward_that_leaves_the_graph_of_pytorch_is_told() -> None:
    torch = torch_()

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            with torch.no_grad():
                return 2 * ctx.saved_tensors[0] * g

    with pytest.raises(GradcheckError, match="backward leaves the graph without a word"):
        run(Square.apply)


@pytest.mark.parametrize("library", ["torch", "tensorgrad"])
@pytest.mark.parametrize(("name", "x"), [("once", 1.0), ("Function", 6.524166831547268e-24)])
def test_what_has_no_second_derivative_or_a_tiny_one_is_no_failure(library: str, name: str, x: float) -> None:
    xp = {"torch": torch_(), "tensorgrad": tg}[library]
    _, args, strategies = next(case for case in gradientfaults.right(xp) if case[0] == name)
    report = run(*args, examples=1, **strategies).at(x=np.array(x))
    assert report.verdict == "passed"
    assert any("twice" in text for text in report.left_out) == (name == "once")


RIGHT = [case[0] for case in gradientfaults.right(tg)]


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_in_pytorch_raises_no_alarm(name: str) -> None:
    _, args, strategies = gradientfaults.right(torch_())[RIGHT.index(name)]
    run(*args, examples=MANY, **strategies)


@pytest.mark.parametrize("library", ["torch", "tensorgrad"])
def test_a_source_that_differs_on_the_other_library_is_told(library: str) -> None:
    xp = {"torch": torch_(), "tensorgrad": tg}[library]

    def same(x: Any) -> Any:
        return xp.sin(x) * xp.exp(x)

    def differing(x: Any) -> Any:
        return xp.sin(x) * (2.0 if xp.__name__ == "torch" else 1.0)

    passed = run(same, examples=10, beside=True).at(x=np.array([0.5, 1.0]))
    assert not any("beside" in text for text in passed.left_out)
    with pytest.raises(GradcheckError, match=r"the gradient of x at .* is .* here and .* on t"):
        run(differing, beside=True)


@pytest.mark.parametrize("library", ["torch", "tensorgrad"])
def test_a_function_may_be_given_as_a_class(library: str) -> None:
    xp = {"torch": torch_(), "tensorgrad": tg}[library]
    _, (apply,), strategies, words = gradientfaults.functions(xp)[0]
    with pytest.raises(GradcheckError, match=words):
        run(apply.__self__, beside=False, **strategies)


def test_a_function_of_pytorch_is_written_for_both() -> None:
    torch = torch_()

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.exp(2 * x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * torch.exp(2 * ctx.saved_tensors[0]) * g

    for given in (Twice, Twice.apply):
        report = run(given, examples=5).at(x=np.array([0.5, 1.0]))
        assert report.verdict == "passed"
        assert not any("beside" in text for text in report.left_out)


def test_what_another_library_lacks_is_said_and_no_failure() -> None:
    torch = torch_()
    report = run(lambda x: torch.sin(x) * torch.ops.aten.exp(x), examples=5).at(x=np.array([0.5]))
    assert report.verdict == "passed"
    assert [text for text in report.left_out if text.startswith("beside tensorgrad: ")]


def test_annotations_say_what_to_draw() -> None:
    drawn: list[tuple[Any, ...]] = []

    def function(
        x: tg.Tensor, scale: float, n: int, *, kind: Literal["a", "b"] = "a", flag: bool = False, eps: float = 1e-3
    ) -> tg.Tensor:
        drawn.append((scale, n, kind, flag, eps))
        return x * scale * n + eps

    @seed(0)  # of other draws a choice may be left out
    @gradients(function, examples=60)
    def test() -> None: ...

    test()
    assert {type(scale) for scale, *_ in drawn} == {float}
    assert {n for _, n, *_ in drawn} == {1, 2, 3}
    assert {(kind, flag) for _, _, kind, flag, _ in drawn} == {("a", False), ("a", True), ("b", False), ("b", True)}
    assert {eps for *_, eps in drawn} == {1e-3}


def test_what_is_drawn_has_ties_zeros_no_elements_and_every_layout() -> None:
    seen: list[np.ndarray] = []

    def value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        seen.append(x)
        return x + 0 * y.sum()

    run(value, lambda x, y: (np.ones_like(x), np.zeros_like(y)), examples=100)
    real = [x for x in seen if x.dtype == np.float64]
    assert {0, 1, 2, 3} <= {x.ndim for x in real}
    assert any(x.size == 0 for x in real)
    assert any(np.unique(x).size < x.size for x in real)
    assert any(np.unique(x).size == x.size > 2 for x in real)
    assert any(x.flags.f_contiguous and not x.flags.c_contiguous for x in real)
    assert any(s < 0 for x in real for s in x.strides)
    assert any(x.dtype == np.float32 for x in seen)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: run(tg.sin, y=tensors()), "sin has no parameter y: it has input"),
        (lambda: run(lambda x: x, x=3), "x=3 is no strategy"),
        (lambda: run(max), "name them in their order"),
        (lambda: run("sin"), "must be a function, a module or a Function, found 'sin'"),
        (lambda: run(lambda x: x, lambda x, g, h: x), "at most one more, the cotangent"),
        (lambda: run(lambda x, how: x, how=st.none(), arguments=tensors()), "arguments= or by name"),
        (lambda: run(lambda x: x, library="numpy"), "'tensorgrad' or 'torch', found 'numpy'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_to_do(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words.replace("(", r"\(")):
        make()


def test_a_parameter_that_is_not_there_takes_no_other_test_away() -> None:
    @gradients(tg.sin, nosuch=tensors())
    def test_wrong() -> None: ...

    with pytest.raises(ArgumentError, match="sin has no parameter nosuch: it has input"):
        test_wrong()
    with pytest.raises(ArgumentError, match="nosuch"):
        test_wrong.at(input=1.0)
    assert test_wrong.is_gradients_test


def strange(x: dict[str, int]) -> None: ...


def test_an_annotation_that_says_nothing_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"nothing says what strange takes as x, annotated .*: pass a strategy"):
        run(strange)


def test_all_arguments_from_one_strategy() -> None:
    test = run(tg.log, arguments=inside("log"), examples=20)
    assert test.at(input=np.array([0.5])).verdict == "passed"


def test_a_report_says_what_does_not_exist() -> None:
    left_out = run(lambda x: np.sin(x), lambda x: np.cos(x), examples=5).at(x=np.array([0.5])).left_out
    assert any(text.startswith("forward mode: ") for text in left_out)
    assert any(text.startswith("second derivatives: ") for text in left_out)


def test_a_function_that_is_never_finite_fails_with_what_to_do() -> None:
    with pytest.raises(Exception, match="filter") as caught:
        run(lambda x: tg.log(-1 - x * x), x=tensors((2,)))
    assert "HealthCheck" in type(caught.value).__name__ + str(caught.value)


def test_lists_of_tensors_and_constants_are_arguments() -> None:
    def joined(xs: Any, target: Any) -> tg.Tensor:
        return (tg.cat(xs) - target) ** 2

    lists = st.lists(tensors((2,)), min_size=2, max_size=2)
    test = run(joined, xs=lists, target=tensors((4,), requires_grad=False), examples=20)
    xs = [np.array([1.0, 2.0]), np.array([3.0, 0.5])]
    report: Report = test.at(xs=xs, target=tg.zeros(4, dtype=tg.float64))
    assert {c.input for c in report.comparisons if c.mode == "reverse"} == {0, 1}


def test_the_gradients_of_a_module_s_parameters_are_checked() -> None:
    class Wrong(tg.nn.Linear):
        def forward(self, input: Any) -> Any:
            return super().forward(input) + self.bias.detach() - self.bias

    with pytest.raises(GradcheckError, match=r"gradient of self\.bias at .* the gradient is 0"):
        run(Wrong(2, 3), input=tensors((4, 2)))


PLANTED = """
import numpy as np, tensorgrad as tg
from tensorgrad.autograd import Function
from tensorgrad.testing import gradients
from tensorgrad.testing.strategies import arrays, tensors


class Scaled(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, g):
        return -g * ctx.factor, None


@gradients(Scaled.apply, x=tensors())
def test_function(): ...


class TestPairs:
    @gradients(lambda x, b: x + b, lambda x, b, g: (g, g), x=arrays((2, 3)), b=arrays((3,)))
    def test_pair(self): ...


@gradients(lambda x: tg.exp(x) + x.detach(), x=tensors())
def test_lines(): ...


@gradients(tg.exp)
def test_right(tmp_path):
    assert tmp_path.exists()


def test_other():
    pass
"""
PLUGIN = ("-p", "tensorgrad_pytest", "-p", "no:cacheprovider", "-q")


@pytest.fixture
def planted(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with tests that are planted, run in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS"):  # where pytest says all twice, and Hypothesis draws the same
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(test_planted=PLANTED.replace("x, factor):", "x, factor: float = 2.0):"))
    return pytester


def scripts(text: str) -> list[str]:
    """The scripts in the output of pytest."""
    found = []
    for part in text.split("a script that shows it:\n\n")[1:]:
        lines = part.split("\n\n")[0].splitlines()
        found.append("\n".join(line.removeprefix("    ") for line in lines))
    return found


def test_a_failure_is_a_message_and_a_script_that_fails_alike(planted: pytest.Pytester, tmp_path: Path) -> None:
    result = planted.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(failed=3, passed=2)
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "checking.py" not in text
    result.stdout.fnmatch_lines(["*(test_planted.py:13) is wrong", "*hint: the sign is wrong*"])
    result.stdout.fnmatch_lines(["*the gradient of b has shape (2, 3)*"])
    result.stdout.fnmatch_lines(["*it goes through *exp at test_planted.py:27 *"])
    found = scripts(text)
    assert len(found) == 3
    for number, script in enumerate(found):
        assert len(script.splitlines()) <= 5
        file = tmp_path / f"pasted{number}.py"
        file.write_text(script)
        done = subprocess.run([sys.executable, file], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 1
        told = done.stderr.split("GradientError: ")[1].splitlines()[
            1
        ]  # the first line says the place from another folder
        assert told.startswith("gradient")
        assert f"\n{told}\n" in text


def test_the_mark_chooses_the_tests(planted: pytest.Pytester) -> None:
    result = planted.runpytest_subprocess(*PLUGIN, "-m", "gradients", "--strict-markers", "--collect-only")
    result.stdout.fnmatch_lines(["4/5 tests collected (1 deselected)*"])


def test_without_the_plugin_the_message_is_the_same(planted: pytest.Pytester) -> None:
    result = planted.runpytest_subprocess("-p", "no:tensorgrad_pytest", "-p", "no:cacheprovider", "-k", "pair")
    result.assert_outcomes(failed=1, deselected=4)
    assert scripts(result.stdout.str().replace("\nE   ", "\n").replace("\nE\n", "\n\n"))


def test_what_takes_long_says_how_far_it_is_and_what_to_do(planted: pytest.Pytester) -> None:
    planted.makeconftest("from tensorgrad.testing.properties import trying\ntrying.LONG = 0")
    result = planted.runpytest_subprocess(*PLUGIN, "-k", "right")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(["test_right: 1 of 100 points in * s", "test_right: 2 of 100 points in * s"])
    result.stdout.fnmatch_lines(["*gradients that took long*", "test_right: * points took * s, * s each: exp runs*"])


def test_a_failure_is_drawn_again_by_its_seed(planted: pytest.Pytester) -> None:
    def seed_and_script(*options: str) -> tuple[str, str]:
        text = planted.runpytest_subprocess(*PLUGIN, "-k", "lines", *options).stdout.str()
        return text.rpartition("--hypothesis-seed=")[2].split()[0], scripts(text)[0]

    bare = "settings.register_profile('bare', database=None)"
    planted.makeconftest(f"from hypothesis import settings\n{bare}\nsettings.load_profile('bare')")
    seed, script = seed_and_script()
    assert int(seed) > 0
    assert seed_and_script(f"--hypothesis-seed={seed}") == (seed, script)


HEAVY = ("numpy", "hypothesis", "tensorgrad", "torch")


def test_a_session_without_gradients_loads_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        f"""
        import sys

        def test_nothing_was_loaded():
            assert "tensorgrad_pytest" in sys.modules
            assert [name for name in {HEAVY} if name in sys.modules] == []
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "tensorgrad_pytest", "-p", "no:hypothesispytest", "-p", "no:cacheprovider"
    )
    result.assert_outcomes(passed=1)


def test_the_plugin_imports_nothing_that_pytest_does_not() -> None:
    code = "import pytest, sys; before = set(sys.modules); import tensorgrad_pytest; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "{'tensorgrad_pytest'}"
