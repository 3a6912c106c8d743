"""``tensorgrad mutate``: faults in a gradient of the user's, and which of them the tests miss."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from tensorgrad.mutation.score import EQUIVALENT, FOUND, HANGS, MISSED, Verdict, score, subject

COLUMNS = ("fault", "planted", FOUND, MISSED, EQUIVALENT)


def run(given: argparse.Namespace) -> int:
    """Plant the faults, run the tests on each, tell what they miss, and return 1 if they miss any, otherwise 0.

    Raises:
        TensorgradError: wrong arguments, or tests that fail without a fault.
        MissingDependencyError: the module needs PyTorch, which is not installed.
    """
    about = subject(given.target, given.tests, Path.cwd())
    print("the tests run without a fault first", file=sys.stderr, flush=True)
    with ended_as_by_hand():
        verdicts = score(about, given.jobs, _progress)
    missed = [verdict for verdict in verdicts if verdict.outcome == MISSED]
    if given.json:
        _print_json(given.target, about.names, verdicts)
        return int(bool(missed))
    _print_table(rows(verdicts))
    for verdict in missed:
        print("\n".join(["", *lines(str(about.inside), verdict)]))
    print(f"\n{summary(verdicts)}")
    return int(bool(missed))


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """Return the table: for each kind of fault how many were planted, found, missed, equivalent."""
    counts = Counter((v.mutant.fault.name, FOUND if v.outcome == HANGS else v.outcome) for v in verdicts)
    names = dict.fromkeys(v.mutant.fault.name for v in verdicts)
    cells = [(name, [counts[name, outcome] for outcome in COLUMNS[2:]]) for name in names]
    return [(name, *(str(n or "") for n in (sum(found), *found))) for name, found in cells]


def lines(path: str, verdict: Verdict) -> list[str]:
    """Return what is told of a fault that was missed: where, what, the line before and after, an input."""
    at = verdict.mutant
    call = [f"  {verdict.call}"] if verdict.call else []
    return [
        f"{path}:{at.line}: {at.function}: {at.fault.name}: {at.fault.sentence}",
        f"- {at.before}",
        f"+ {at.after}",
        *call,
        f"  {verdict.shows}",
    ]


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return how many faults were found, of those that can be."""
    counts = Counter(v.outcome for v in verdicts)
    found = counts[FOUND] + counts[HANGS]
    count = found + counts[MISSED]
    if not count:
        return "no fault can be planted that would show"
    texts = [f"{found} of {count} faults found: {100 * found / count:.0f} %"]
    texts += [f"{counts[HANGS]} of them because the tests did not end in time"] * bool(counts[HANGS])
    texts += [f"{counts[EQUIVALENT]} more change nothing that any input shows"] * bool(counts[EQUIVALENT])
    return "; ".join(texts)


def _progress(done: int, of: int) -> None:
    """Say how many runs are done: in a line that changes or, where nobody looks at one, in a line for each tenth."""
    if sys.stderr.isatty():
        print(f"\r{done}/{of} faults run", end="\n" if done == of else "", file=sys.stderr, flush=True)
    elif done in {0, of} or done * 10 // of > (done - 1) * 10 // of:
        print(f"{done}/{of} faults run", file=sys.stderr, flush=True)


@contextmanager
def ended_as_by_hand() -> Iterator[None]:
    """Context manager: whoever ends this process with SIGTERM or SIGHUP ends what it has started, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():  # others cannot say what a signal does
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not disturb what is put in order
        raise SystemExit(128 + number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_json(target: str, names: list[str], verdicts: Sequence[Verdict]) -> None:
    import json

    counts = Counter(v.outcome for v in verdicts)
    data = {"target": target, "functions": names, "counts": counts, "faults": [v.data() for v in verdicts]}
    print(json.dumps(data, indent=2))


def _print_table(found: list[tuple[str, ...]]) -> None:
    if find_spec("rich") is None:
        widths = [max(map(len, column)) for column in zip(COLUMNS, *found, strict=True)]
        for row in (COLUMNS, *found):
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for i, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if i else "left")
    for row in found:
        table.add_row(*row, style="bold red" if row[3] else None)
    Console().print(table)
