"""The mutation score of a user's tests: thirty faults, gaps that are found, and no alarm where there is no gap."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.cli import main
from tensorgrad.errors import MissingDependencyError
from tensorgrad.mutation import score as scoring, witness
from tensorgrad.mutation.mistakes import MISTAKES
from tensorgrad.mutation.planting import planted, targets
from tensorgrad.mutation.sandbox import Commands, Ran, copied
from tensorgrad.mutation.score import EQUIVALENT, FOUND, HANGS, MISSED, score, subject
from tests.waiting import CEILING

DATA = Path(__file__).with_name("userfunctions")
ROOT = Path(__file__).resolve().parent.parent
NAMES = {
    **dict.fromkeys(["cube", "scaled", "hinge", "bias", "product", "exponential", "ratio"], "tensorgrad"),
    **dict.fromkeys(["torchlinear", "torchclamp"], "torch"),
    "layernorm": "numpy",
}
LONG = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("TENSORGRAD_FULL"), reason="takes a minute or two: set TENSORGRAD_FULL=1"),
]


class Forked(Commands):
    """The tests of a mutant, in a fork of a process that has imported the library already."""

    def __init__(self, library: str) -> None:
        super().__init__()
        command = [sys.executable, str(DATA / "serve.py"), library]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment,
        )  # fmt: skip

    def run(self, command, folder, variables, limit) -> Ran:
        if limit == scoring.FIRST or command[1] != "run.py":  # the first run, and the search
            return super().run(command, folder, variables, limit)
        assert self.server.stdin
        assert self.server.stdout
        print(folder, command[-1], file=self.server.stdin, flush=True)
        return Ran(int(self.server.stdout.readline()), "", 0.0)

    def close(self) -> None:
        self.server.communicate()


def verdicts_of(name: str, kind: str, tmp_path: Path):
    if importlib.util.find_spec(NAMES[name]) is None:
        pytest.skip(f"{NAMES[name]} is not installed: its Functions are not examined")
    if not hasattr(os, "fork"):
        pytest.skip("the runs are forked, which this system cannot do")
    folder = tmp_path / kind
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("conftest.py", "__pycache__"))
    target = "layernorm.py:gradient" if name == "layernorm" else f"{name}.py"
    with contextlib.closing(Forked(NAMES[name])) as commands:
        about = subject(target, [sys.executable, "run.py", f"{name}_{kind}"], folder)
        return score(about, commands=commands), (folder / f"{name}.py").read_text("utf-8").splitlines()


def reproduced(verdict: Any, name: str, folder: Path) -> None:
    """The call that is printed, pasted below the imports, gives the printed numbers: without and with the fault."""
    told = re.fullmatch(r"gradient of argument (\d+) at (\(.*?\)) is (\S+), with the fault (\S+)", verdict.shows)
    sources = (folder / f"{name}.py").read_text("utf-8"), verdict.mutant.source
    for source, number in zip(sources, told.groups()[2:] if told else ("", ""), strict=True):
        space: dict[str, Any] = {"np": np, "tg": tg, "torch": sys.modules.get("torch"), "__name__": name}
        exec(source, space)
        if told is None:  # what is pasted is Python, at least
            compile(verdict.call, "pasted", "eval")
            continue
        found = eval(verdict.call, space)
        leaves = re.findall(r"x(\d+) := ", verdict.call)
        g = found[leaves.index(told[1])]
        assert g is None or str(np.asarray(g.detach())[ast.literal_eval(told[2])]) == number


@pytest.mark.parametrize("name", [n if n == "cube" else pytest.param(n, marks=LONG) for n in NAMES])
def test_every_gap_is_found_and_where_there_is_none_there_is_no_alarm(name: str, tmp_path: Path) -> None:
    verdicts, lines = verdicts_of(name, "gappy", tmp_path)
    missed = [v for v in verdicts if v.outcome == MISSED]
    gaps = {number for number, line in enumerate(lines, 1) if "# gap" in line}
    assert gaps
    assert gaps <= {v.mutant.line for v in missed}
    assert all(v.call and v.shows and "not known" not in v.shows for v in missed)
    for verdict in missed:
        reproduced(verdict, name, tmp_path / "gappy")

    full, _ = verdicts_of(name, "full", tmp_path)
    assert [v.data() for v in full if v.outcome == MISSED] == []
    assert sum(v.outcome == FOUND for v in full) > 0.8 * len(full)
    # what better tests find is not equivalent: no search may have said so
    found = {v.mutant.source for v in full if v.outcome == FOUND}
    assert [v.data() for v in verdicts if v.outcome == EQUIVALENT and v.mutant.source in found] == []


def test_there_are_thirty_faults_each_with_a_name_and_a_sentence() -> None:
    assert len({m.name for m in MISTAKES}) == len({m.sentence for m in MISTAKES}) == len(MISTAKES) == 30
    assert all(m.sentence.endswith(".") and m.sentence[0].isupper() for m in MISTAKES)


HEAD = "import tensorgrad as tg\n\n\nclass F(tg.autograd.Function):\n    @staticmethod\n"
FORWARD = "    def forward(ctx, x, w):\n        y = x * w\n        ctx.save_for_backward(x, w)\n        return y\n"
TURNED = "g if g.is_contiguous() else g.permute(tuple(range(g.ndim))[::-1]).reshape(g.shape)"
BACKWARD = "    @staticmethod\n    def backward(ctx, g):\n        x, w = ctx.saved_tensors\n"


@pytest.mark.parametrize(
    ("fault", "line", "expected"),
    [
        ("sign", "return g * w, None", "return -(g * w), None"),
        ("factor", "return g, None", "return 2 * g, None"),
        ("gradient forgotten", "return g, w", "return g, None"),
        ("plus and minus", "y = x - w", "y = x + w"),
        ("plus and minus", "y = -x", "y = x"),
        ("constant", "y = 3 * x**2", "y = 3 * x**3"),
        ("cotangent forgotten", "y = g * x", "y = x"),
        ("cotangent forgotten", "y = g / x", "y = 1 / x"),
        ("factor forgotten", "y = g * x", "y = g"),
        ("divisor", "y = g / x", "y = g * x"),
        ("term forgotten", "y = (x + w) * g", "y = (w) * g"),
        ("operands swapped", "y = x @ g", "y = g @ x"),
        ("cousin", "y = tg.sin(x)", "y = tg.cos(x)"),
        ("transpose", "y = x.T @ g", "y = x @ g"),
        ("transpose", "y = tg.transpose(x, 0, 1)", "y = x"),
        ("transpose", "y = x @ g", "y = x @ g.T"),
        ("sum forgotten", "y = g.sum(0)", "y = g"),
        ("mean for sum", "y = g.sum(0)", "y = g.mean(0)"),
        ("axis", "y = g.sum(0)", "y = g.sum(1)"),
        ("axis", "y = tg.sum(g, axis=(0, 1))", "y = tg.sum(g, axis=(1,))"),
        ("axis", "y = g.sum(-1, keepdims=True)", "y = g.sum(-1, keepdims=False)"),
        ("index", "y = g[1:]", "y = g[:-1]"),
        ("index", "y = g[:, 2]", "y = g[:, 1]"),
        ("wrong value saved", "return y", "ctx.save_for_backward(y, w)"),
        ("saved values swapped", "return y", "w, x = ctx.saved_tensors"),
        ("saved values swapped", "y = ctx.saved_tensors[0]", "y = ctx.saved_tensors[1]"),
        ("wrong name", "y = g * x", "y = g * w"),
        ("gradients swapped", "return g * w, g * x", "return g * x, g * w"),
        ("who needs it", "y = ctx.needs_input_grad[0]", "y = ctx.needs_input_grad[1]"),
        ("who needs it", "y = ctx.needs_input_grad[0]", "y = not ctx.needs_input_grad[0]"),
        ("contribution lost", "y += g", "y = g"),
        ("contribution lost", "y[0] = g", "pass"),
        ("conjugate", "y = g * x.conj()", "y = g * x"),
        ("tie", "y = x > 0", "y = x >= 0"),
        ("condition", "y = x > 0", "y = x < 0"),
        ("condition", "y = tg.where(m, x, w)", "y = tg.where(m, w, x)"),
        ("condition", "y = ~m", "y = m"),
        ("condition", "y = m & n", "y = m | n"),
        ("saved value detached", "y = g * x", "y = g * x.detach()"),
        ("cotangent detached", "y = g * x", "y = g.detach() * x"),
        ("dtype", "return g, None", "return g.float(), None"),
        ("layout", "y = g.sum()", f"y = ({TURNED}).sum()"),
        ("written in place", "y = g * x", "y = g.__imul__(x)"),
    ],
)  # fmt: skip
def test_each_fault_is_made_of_the_line_and_of_nothing_else(fault: str, line: str, expected: str) -> None:
    source = HEAD + FORWARD + BACKWARD + f"        {line}\n"
    found = [m for m in planted(source, ["F"]) if m.fault.name == fault]
    assert expected in [m.after.strip() for m in found]
    for mutant in found:
        ast.parse(mutant.source)
        old, new = source.splitlines(), mutant.source.splitlines()
        assert [i for i, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b] == [mutant.line]


def test_every_fault_has_its_example() -> None:
    mark = test_each_fault_is_made_of_the_line_and_of_nothing_else.pytestmark[0]
    assert {row[0] for row in mark.args[1]} == {m.name for m in MISTAKES}


def test_texts_types_errors_and_what_forward_computes_stay() -> None:
    source = HEAD + FORWARD.replace("y = x * w", "y = x * w - 3") + (
        '    @staticmethod\n    def backward(ctx, g):\n        """Return 1 - 2."""\n        n: "int" = 4\n'
        '        if n < 0:\n            raise ValueError(f"{n - 1} < 0")\n        return g, g\n'
    )  # fmt: skip
    assert {m.line for m in planted(source, ["F"])} == {8, 13, 14, 16}  # save_for_backward, n, if, return


def test_without_a_name_every_function_is_examined() -> None:
    source = HEAD + FORWARD + BACKWARD + "        return g\n\n\nclass Other:\n    def forward(self): ...\n"
    assert targets(source + "\n\ndef helper(x): ...\n", []) == ["F"]


# --- the command ------------------------------------------------------------------------------------------------------

MODULE = '''"""A module of a package."""
import numpy as np
from .numbers import TWO


def gradient(g, x):
    return TWO * x * g
'''
TESTS = """import os
import numpy as np
import pytest
from mine.squares import gradient


def test_gradient(cases):
    for x in cases:
        kept = x.copy()
        assert np.array_equal(gradient(np.ones_like(x), x), 2 * kept)
    open("left.txt", "w").close()
"""
CONFTEST = """from pathlib import Path
import numpy as np
import pytest


@pytest.fixture
def cases():
    return np.load(Path(__file__).parent / "cases.npy")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import numpy as np

    files = {"mine/__init__.py": "", "mine/numbers.py": "TWO = 2\n", "mine/squares.py": MODULE}
    files |= {"tests/conftest.py": CONFTEST, "tests/test_mine.py": TESTS, ".venv/pyvenv.cfg": "", ".venv/x.py": "1"}
    for name, text in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    np.save(tmp_path / "project/tests/cases.npy", np.arange(1.0, 13.0).reshape(2, 2, 3))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


PYTEST = [sys.executable, "-m", "pytest", "-q", "-x", "tests/test_mine.py"]


@pytest.mark.slow
def test_a_package_with_fixtures_and_data_is_examined_in_copies(package: Path, capsys: pytest.CaptureFixture) -> None:
    before = contents(package)
    assert main(["mutate", "mine/squares.py:gradient", "-j", "2", "--json", "--", *PYTEST]) == 1
    assert contents(package) == before
    told = json.loads(capsys.readouterr().out)
    assert told["functions"] == ["gradient"]
    outcomes = {(f["fault"], f["after"].strip()): f for f in told["faults"]}
    assert outcomes["sign", "return -(TWO * x * g)"]["outcome"] == FOUND
    forgotten = outcomes["cotangent forgotten", "return TWO * x"]
    assert (forgotten["outcome"], forgotten["line"]) == (MISSED, 7)  # the cotangent is 1 in every test
    assert forgotten["call"].startswith("gradient(")
    assert "result at (0, 0) is " in forgotten["shows"]
    assert sum(told["counts"].values()) == len(told["faults"])


SCRIPT = "from squares import gradient\nassert gradient(3.0, 2.0) == 12.0\n"
PLAIN = "def gradient(g, x):\n    return 2 * x * g + 0 * x\n"


def project(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, "utf-8")


def examined(folder: Path, target: str = "squares.py:gradient", test: str = "check.py"):
    return score(subject(target, [sys.executable, test], folder))


def test_what_changes_nothing_is_equivalent_and_counts_for_nothing(tmp_path: Path, monkeypatch, capsys) -> None:
    project(tmp_path, squares=PLAIN.replace("+ 0 * x", "- 0 * x"), check=SCRIPT)
    outcomes = {v.mutant.after.strip(): v.outcome for v in examined(tmp_path)}
    assert outcomes["return 2 * x * g"] == outcomes["return 2 * x * g + 0 * x"] == EQUIVALENT
    assert outcomes["return 3 * x * g - 0 * x"] == FOUND
    assert set(outcomes.values()) <= {EQUIVALENT, FOUND, MISSED}


def test_a_fault_that_hangs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "LEAST", 2.0)
    monkeypatch.setattr(scoring, "TIMES", 1.0)
    loop = "x = 3.0\nwhile abs(x) > 0.1:\n    x -= 0.25 * gradient(1.0, x)\n"
    project(tmp_path, squares=PLAIN, check="from squares import gradient\n" + loop)
    outcomes = {v.mutant.after.strip(): v.outcome for v in examined(tmp_path)}
    assert outcomes["return 0 * (2 * x * g + 0 * x)"] == HANGS


def test_a_function_that_no_test_calls_is_missed_all_the_same(tmp_path: Path) -> None:
    project(tmp_path, squares=PLAIN, check="import squares\n")
    missed = [v for v in examined(tmp_path) if v.outcome == MISSED]
    assert "return 3 * x * g + 0 * x" in {v.mutant.after.strip() for v in missed}
    assert all(v.shows for v in missed)


def test_what_the_tests_never_ask_for_is_tried_and_lines_that_nothing_comes_to_are_told(tmp_path: Path) -> None:
    ways = {"weight is not None": "y * weight", "way == 'mean'": "y / x.size", "twice": "2 * y"}
    ways["len(x) > 999"] = "y * 3"
    body = [line for way, y in ways.items() for line in (f"    if {way}:", f"        y = {y}")]
    head = "def gradient(g, x, weight=None, *, way='sum', twice=False):"
    lines = [head, "    y = 2 * x * g", *body, "    return y", ""]
    test = "import numpy as np\nx = np.array([1.0, 2.0])\nassert (gradient(3.0, x) == 6 * x).all()\n"
    project(tmp_path, squares="\n".join(lines), check="from squares import gradient\n" + test)
    missed = {v.mutant.after.strip(): v for v in examined(tmp_path) if v.outcome == MISSED}
    assert {"y = y", "y = y * x.size", "y = 3 * y"} <= missed.keys()
    assert "'mean'" in str(missed["y = y * x.size"].call)
    assert missed["y = y * 4"].shows == witness.UNREACHED


def test_what_is_missed_is_printed_with_line_difference_and_input(tmp_path: Path, monkeypatch, capsys) -> None:
    project(
        tmp_path,
        squares="def gradient(g, x):\n    return x * g\n",
        check=SCRIPT.replace("3.0, 2.0) == 12", "1.0, 2.0) == 2"),
    )
    monkeypatch.chdir(tmp_path)
    assert main(["mutate", "squares.py:gradient", "--", sys.executable, "check.py"]) == 1
    told = capsys.readouterr().out
    assert "squares.py:2: gradient: cotangent forgotten: The gradient from above is not multiplied in." in told
    assert "-     return x * g\n+     return x\n  gradient(1.75, 3.25)\n" in told
    assert "faults found" in told.splitlines()[-1]


def test_nothing_missed_is_status_0(tmp_path: Path, monkeypatch, capsys) -> None:
    test = "from squares import gradient\nassert gradient(3.0, 2.0) == 12.0 and type(gradient(1.0, 1.0)) is float\n"
    project(tmp_path, squares="def gradient(g, x):\n    return 2.0 * x * g\n", check=test)
    monkeypatch.chdir(tmp_path)
    assert main(["mutate", "squares.py:gradient", "-j", "2", "--", sys.executable, "check.py"]) == 0
    assert ": 100 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "command", "expected"),
    [
        ("nothing.py", ["check.py"], "nothing.py: there is no such module"),
        ("../outside.py", ["check.py"], "is outside of"),
        ("squares.py", ["check.py"], "there is no class with forward and backward"),
        ("squares.py:cubic", ["check.py"], "there is no class or function 'cubic'"),
        ("squares.py:Empty", ["check.py"], "the class Empty has no forward and backward"),
        ("broken.py", ["check.py"], "broken.py:1: "),
        ("squares.py:gradient", ["failing.py"], "ends with status 1: correct the tests first"),
        ("squares.py:gradient", ["idle.py"], "does not load squares.py from the folder"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(tmp_path: Path, monkeypatch, capsys, target, command, expected) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    project(tmp_path, outside=PLAIN)
    project(folder, squares=PLAIN + "\n\nclass Empty:\n    x = 1\n", check=SCRIPT, idle="1\n", broken="def (:\n",
            failing="import squares\nassert squares.gradient(1, 1) == 5\n")  # fmt: skip
    monkeypatch.chdir(folder)
    assert main(["mutate", target, "--", sys.executable, *command]) == 2
    assert expected in capsys.readouterr().err.splitlines()[-1]


def test_a_command_that_is_not_there_is_status_2(tmp_path: Path, monkeypatch, capsys) -> None:
    project(tmp_path, squares=PLAIN)
    monkeypatch.chdir(tmp_path)
    assert main(["mutate", "squares.py:gradient", "--", "no-such-command"]) == 2
    assert "the command 'no-such-command' cannot be run" in capsys.readouterr().err


def test_a_command_must_be_given(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["mutate", "squares.py"])
    assert stopped.value.code == 2
    assert "-- command" in capsys.readouterr().err


def test_a_module_of_pytorch_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, linear=(DATA / "torchlinear.py").read_text("utf-8"))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"linear.py needs torch: pip install torch"):
        subject("linear.py", ["pytest"], tmp_path)


@pytest.fixture
def commands() -> Iterator[Commands]:
    made = Commands()
    yield made
    made.stop()


@pytest.mark.skipif(not hasattr(signal, "SIGTERM") or os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("where", ["first", "fault"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminated", "Ctrl-C"])
def test_whoever_ends_the_command_ends_all_that_it_has_started(tmp_path: Path, number: int, where: str) -> None:
    folder, rest = tmp_path / "here", tmp_path / "rest"
    folder.mkdir()
    rest.mkdir()
    wait = f"import os, time\nopen({str(tmp_path / 'started')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    hangs = wait if where == "first" else f"if squares.gradient(1.0, 3.0) != 6.0:\n    {'; '.join(wait.splitlines())}\n"
    project(folder, squares="def gradient(g, x):\n    return 2.0 * x * g\n", check="import squares\n" + hangs)
    command = [sys.executable, "-m", "tensorgrad", "mutate", "squares.py:gradient", "--", sys.executable, "check.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(rest)}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (started := tmp_path / "started").exists() or not started.read_text("utf-8"):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(CEILING) != 0
    assert not list(rest.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text("utf-8")), 0)


def test_a_first_run_that_does_not_end_is_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(scoring, "FIRST", 0.5)
    project(tmp_path, squares=PLAIN, check="import squares\nwhile True: pass\n")
    monkeypatch.chdir(tmp_path)
    assert main(["mutate", "squares.py:gradient", "--", sys.executable, "check.py"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "the tests run without a fault first"
    assert "takes more than 0 s" in told[-1]


def test_a_command_ends_at_its_limit(commands: Commands, tmp_path: Path) -> None:
    ran = commands.run([sys.executable, "-c", "while True: pass"], tmp_path, dict(os.environ), 0.5)
    assert ran.status is None


def test_stopped_commands_run_no_more(commands: Commands, tmp_path: Path) -> None:
    commands.stop()
    with pytest.raises(KeyboardInterrupt):
        commands.run([sys.executable, "-c", "pass"], tmp_path, dict(os.environ), None)


def test_a_copy_leaves_out_what_is_made_anew(package: Path) -> None:
    with copied(package) as copy:
        assert {p.name for p in copy.iterdir()} == {"mine", "tests"}
        assert (copy / "tests/cases.npy").read_bytes() == (package / "tests/cases.npy").read_bytes()
    assert not copy.exists()
