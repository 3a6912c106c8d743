"""The score of a user's tests: which faults they find, which they miss, and which change nothing."""

from __future__ import annotations

import ast
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tensorgrad.errors import MissingDependencyError, TensorgradError

from . import noting, witness
from .code import library_of
from .forks import Forks, called, loadable
from .planting import Planted, planted, targets
from .sandbox import Commands, Ran, copied, variables
from .witness import notes_in

FOUND, HANGS, MISSED, EQUIVALENT = "found", "hangs", "missed", "equivalent"
FIRST = 600.0  # seconds after which the run without a fault is ended: each fault may take ten times as long
LEAST, TIMES = 10.0, 10.0  # the time limit: seconds, and how often the time of the run without a fault
SEARCH, EACH = 120.0, 10.0  # seconds after which the search for inputs is stopped, and for each fault


@dataclass(frozen=True)
class Verdict:
    """What became of one fault.

    Attributes:
        mutant: the fault and its place.
        outcome: "found" by the tests; "hangs", which is found, too; "missed"; "equivalent": no input shows it.
        call: an input that shows what is missed.
        shows: what is seen there, with both numbers.
    """

    mutant: Planted
    outcome: str
    call: str | None = None
    shows: str | None = None

    def data(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        at = self.mutant
        return {
            "fault": at.fault.name,
            "sentence": at.fault.sentence,
            "function": at.function,
            "line": at.line,
            "before": at.before,
            "after": at.after,
            "outcome": self.outcome,
            "call": self.call,
            "shows": self.shows,
        }


@dataclass(frozen=True)
class Subject:
    """What is examined: `names` of the module at `path`, by `command` in `folder`."""

    path: Path
    names: list[str]
    command: Sequence[str]
    folder: Path

    @property
    def inside(self) -> Path:
        """The path inside the folder."""
        return self.path.relative_to(self.folder)

    @property
    def package(self) -> tuple[Path, str]:
        """The folder that imports of the module start from, inside the folder, and its dotted name there."""
        parts = list(self.inside.with_suffix("").parts)
        start = len(parts) - 1
        while start and (self.folder / Path(*parts[:start]) / "__init__.py").exists():
            start -= 1
        names = parts[start:-1] if parts[-1] == "__init__" else parts[start:]
        return Path(*parts[:start]), ".".join(names)


def subject(target: str, command: Sequence[str], folder: Path) -> Subject:
    """Return what ``mymodule.py:MyFunction`` and the command say, checked.

    Raises:
        TensorgradError: the file is not there, is outside of `folder`, or holds no such function.
        MissingDependencyError: it needs PyTorch, which is not installed.
    """
    file, colon, name = target.rpartition(":")
    if not colon or not file.endswith(".py"):
        file, name = target, ""
    path, folder = Path(folder, file).resolve(), folder.resolve()
    if not path.is_file() or path.suffix != ".py":
        raise TensorgradError(f"{file}: there is no such module; write mymodule.py:MyFunction, or mymodule.py for all")
    if not path.is_relative_to(folder):
        raise TensorgradError(f"{file} is outside of {folder}, which is copied: run this where module and tests are")
    source = path.read_text("utf-8")
    try:
        names = targets(source, [name] if name else [])
        missing = library_of(ast.parse(source)) == "torch" and find_spec("torch") is None
    except SyntaxError as error:
        raise TensorgradError(f"{file}:{error.lineno}: {error.msg}; correct the module first") from error
    except TensorgradError as error:
        raise TensorgradError(f"{file}: {error}") from None
    if missing:
        raise MissingDependencyError.of(f"mutate {target}", "torch")
    return Subject(path, names, command, folder)


def score(
    about: Subject,
    jobs: int = 1,
    tell: Callable[[int, int], None] = lambda done, of: None,
    commands: Commands | None = None,
) -> list[Verdict]:
    """Return the verdict on every fault, in the order of lines; `tell` is told how many runs are done, of how many.

    Raises:
        TensorgradError: the tests fail without a fault, or do not load the copy of the module.
    """
    source = about.path.read_text("utf-8")
    mutants = planted(source, about.names)
    commands = commands or Commands()
    try:
        with tempfile.TemporaryDirectory(prefix="tensorgrad-calls-") as calls:
            first = control(about, source, commands, Path(calls))
            limit = LEAST + TIMES * first.seconds
            outcomes: list[str] = []
            tell(0, len(mutants))
            with forks_of(about, source, commands, Path(calls), limit) as forks, ThreadPoolExecutor(jobs) as pool:
                try:
                    for outcome in pool.map(lambda m: outcome_of(about, m.source, forks or commands, limit), mutants):
                        outcomes.append(outcome)
                        tell(len(outcomes), len(mutants))
                except BaseException:
                    commands.stop()  # here, as the pool waits for what runs
                    if forks:
                        forks.close()
                    raise
            verdicts = [Verdict(m, o) for m, o in zip(mutants, outcomes, strict=True)]
            return searched(about, verdicts, commands, Path(calls))
    except BaseException:
        commands.stop()
        raise


def environment(about: Subject, copy: Path, *roots: Path, **more: str) -> dict[str, str]:
    """Return the environment in which the tests run in `copy`."""
    return variables([*roots, copy / about.package[0]], about.folder, copy, **more)


@contextmanager
def forks_of(about: Subject, source: str, commands: Commands, calls: Path, limit: float) -> Iterator[Forks | None]:
    """What runs the tests without loading anew what they all load; None where they do not pass in this way, too."""
    call = called(about.command, variables([], about.folder, about.folder)["PATH"])
    if call is None:
        yield None
        return
    loaded = [note["loaded"] for note in notes_in(calls) if "loaded" in note]
    roots = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    roots = [p for p in roots if not Path(p).resolve().is_relative_to(about.folder)]
    beside = {**variables([], about.folder, about.folder), "PYTHONPATH": os.pathsep.join(map(os.path.abspath, roots))}
    with closing(Forks(call, loadable([one for each in loaded for one in each]), beside, commands)) as forks:
        yield forks if outcome_of(about, source, forks, limit) == MISSED else None


def outcome_of(about: Subject, source: str, commands: Commands | Forks, limit: float) -> str:
    """Return whether the tests see that the module has another source."""
    with copied(about.folder) as copy:
        (copy / about.inside).write_text(source, "utf-8")
        ran = commands.run(about.command, copy, environment(about, copy), limit)
    return HANGS if ran.status is None else FOUND if ran.status else MISSED


def control(about: Subject, source: str, commands: Commands, calls: Path) -> Ran:
    """Run the tests on the code as it is, and record what they call it with; return how long that took."""
    with copied(about.folder) as copy, tempfile.TemporaryDirectory(prefix="tensorgrad-recorder-") as beside:
        text = Path(noting.__file__).read_text("utf-8")
        Path(beside, "_tensorgrad_recorder.py").write_text(text, "utf-8")
        (copy / about.inside).write_text(with_notes(source, about.names), "utf-8")
        more = {noting.FOLDER: str(calls)}
        ran = commands.run(about.command, copy, environment(about, copy, Path(beside), **more), FIRST)
    shown = " ".join(about.command)
    if ran.status is None:
        raise TensorgradError(
            f"without a fault {shown!r} takes more than {FIRST:.0f} s, and it is run once for each fault: name the "
            f"tests of this function alone, or see whether they hang"
        )
    if ran.status:
        last = "\n".join(ran.output.splitlines()[-15:])
        print(last, file=sys.stderr)
        raise TensorgradError(f"without a fault {shown!r} ends with status {ran.status}: correct the tests first")
    if not any("module" in record for record in notes_in(calls)):
        raise TensorgradError(
            f"{shown!r} does not load {about.inside} from the folder that it runs in, so that it can see no fault: the "
            f"module is not imported, or imported from elsewhere, such as an installed copy"
        )
    return ran


def with_notes(source: str, names: list[str]) -> str:
    r"""Return the module with a note in each function of what it is called with.

    >>> print(with_notes("def f(g, x):\n    return g * x", ["f"]))
    def f(g, x):
        __import__('_tensorgrad_recorder').call('f', (g, x,), {})
        return g * x
    __import__('_tensorgrad_recorder').loaded(__name__)
    <BLANKLINE>
    """
    lines = source.splitlines()
    for owner, function, given in reversed(list(called_first(ast.parse(source), names))):
        body = function.body
        is_text = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        first = body[1] if is_text and len(body) > 1 else body[0]
        line = lines[first.lineno - 1].encode()
        before = line[: first.col_offset].decode()
        call = f"__import__('_tensorgrad_recorder').call({owner!r}, {given})"
        if before.strip():  # the body stands in the line of its def
            lines[first.lineno - 1] = f"{before}{call}; {line[first.col_offset :].decode()}"
        else:
            lines.insert(first.lineno - 1, before + call)
    return "\n".join([*lines, "__import__('_tensorgrad_recorder').loaded(__name__)", ""])


def called_first(tree: ast.Module, names: list[str]) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Yield what is called with the user's arguments, of a class its forward, and the source of those arguments."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in names:
            yield statement.name, statement, arguments(statement, 0)
        elif isinstance(statement, ast.ClassDef) and statement.name in names:
            methods = {s.name: s for s in statement.body if isinstance(s, ast.FunctionDef)}
            yield statement.name, methods["forward"], arguments(methods["forward"], "setup_context" not in methods)


def arguments(function: ast.FunctionDef, start: int) -> str:
    """Return the source of the arguments from `start`: a tuple of them, and those that are given by name."""
    given = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][start:]
    given += [f"*{function.args.vararg.arg}"] if function.args.vararg else []
    words = ", ".join(f"{a.arg!r}: {a.arg}" for a in function.args.kwonlyargs)
    return f"({''.join(f'{name}, ' for name in given).rstrip()}), {{{words}}}"


def searched(about: Subject, verdicts: list[Verdict], commands: Commands, calls: Path) -> list[Verdict]:
    """Return the verdicts, with an input for each fault that was missed, or that there is none: it is equivalent."""
    missed = [i for i, verdict in enumerate(verdicts) if verdict.outcome == MISSED]
    found = list(verdicts)
    with copied(about.folder) as copy:
        while missed:
            answers = answers_to(about, [verdicts[i].mutant for i in missed], commands, copy, calls)
            for i, answer in zip(missed, answers, strict=False):
                found[i] = with_input(verdicts[i], answer)
            missed = missed[len(answers) :]
    return found


def answers_to(
    about: Subject, mutants: list[Planted], commands: Commands, copy: Path, calls: Path
) -> list[dict[str, Any]]:
    """Return what the search answers of the first of `mutants`, or of all of them, in their order."""
    with tempfile.TemporaryDirectory(prefix="tensorgrad-search-") as beside:
        asked, answers = Path(beside, "asked.json"), Path(beside, "answers.jsonl")
        root, module = about.package
        text = {
            "root": str(copy / root),
            "module": module,
            "calls": str(calls),
            "answers": str(answers),
            "library": library_of(ast.parse(about.path.read_text("utf-8"))),
            "mutants": [{"owner": m.owner, "source": m.source, "line": m.line} for m in mutants],
        }
        asked.write_text(json.dumps(text), "utf-8")
        command = [sys.executable, "-m", "tensorgrad.mutation.witness", str(asked)]
        limit = SEARCH + EACH * len(mutants)
        here = Path(witness.__file__).parent.parent.parent
        ran = commands.run(command, copy, environment(about, copy, here), limit)
        found = [json.loads(line) for line in answers.read_text("utf-8").splitlines()] if answers.exists() else []
    if ran.status is None:
        return [*found, {"tried": 0, "shows": f"not known: the search for an input took more than {limit:.0f} s"}]
    if ran.status:
        last = ran.output.strip().splitlines()[-1:]
        return found + [{"tried": 0, "shows": f"not known: the search ended with {last}"}] * (len(mutants) - len(found))
    return found


def with_input(verdict: Verdict, answer: dict[str, Any]) -> Verdict:
    """Return the verdict on a missed fault after a search."""
    if answer["shows"] is None and answer["tried"]:
        return replace(verdict, outcome=EQUIVALENT)
    shows = (
        answer["shows"] or "the tests call it with nothing that could be tried, so that nothing is known of this fault"
    )
    return replace(verdict, call=answer.get("call"), shows=shows)
