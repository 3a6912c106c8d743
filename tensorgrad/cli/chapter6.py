"""``tensorgrad chapter6``: run the experiments of the chapter side by side, and gather them on one page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tensorgrad import chapter6
from tensorgrad.chapter6 import papers
from tensorgrad.chapter6.page import Outcome, figure_order, page
from tensorgrad.chapter6.papers.paperpage import paper_page
from tensorgrad.chapter6.run import Settings, mnist_in, version
from tensorgrad.distributed.group import whole_group
from tensorgrad.distributed.mpi import started_by_mpi, without_mpi
from tensorgrad.distributed.tickets import Tickets
from tensorgrad.errors import ArgumentError, MissingDependencyError
from tensorgrad.files.atomic import write_whole
from tensorgrad.ops.processes import Alone

from .rankwise import check_shared, share_of_cores, together

PACKAGE = "tensorgrad.chapter6"
LOOK = 0.1  # seconds between two looks at the running experiments
GRACE = 5.0  # seconds that a stopped experiment has before it is killed
LONGEST = (  # they start first, so that none is alone at the end
    *("bayesian_search", "random_search", "dropout"),
    *("srivastava", "kingma", "bergstra"),
)


def run(figures: Sequence[str], settings: Settings, out: Path, language: str, jobs: int | None, again: bool) -> int:
    """Run the experiments that draw `figures`, or all, write ``index.html``, and return the exit status.

    Where ``mpiexec`` has started several processes, each takes the next experiment that nobody has taken yet.

    Args:
        figures: numbers as in "6-19"; none means all. After "papers" names of papers; none means all of these.
        settings: the data and the seed.
        out: the folder; each experiment has its own in it, with its figures, result.json and log.txt.
        language: of the page, "en" or "zh".
        jobs: how many experiments may run at the same time, on each rank, at least 1; with fewer of them, each has
            several workers. None for one for each core, of which the ranks on one machine have their share.
        again: also run what is there with the same settings, from the same source.

    Returns:
        0, or 1 if a conclusion does not hold or an experiment raised an error.

    Raises:
        ArgumentError: a figure that the chapter has not, an unknown paper, or a seed for papers.
        DataError: MNIST's files are missing or damaged.
        MissingDependencyError: matplotlib, or rich in a terminal, is not installed; or mpi4py, for ``mpiexec``.
        OSError: `out` cannot be written.
    """
    book = the_papers(settings) if figures[:1] == ["papers"] else the_chapter()
    names = book.chosen(figures[1:] if book.beside else figures)
    out = out / book.beside
    with whole_group() if started_by_mpi() else nullcontext(Alone()) as ranks:
        together(ranks, lambda: _demand(settings, out))
        if ranks.size > 1:
            together(ranks, lambda: check_shared(ranks, out))
        parts = {name: Part(name, settings, out / name, book) for name in book.experiments}
        waiting = ranks.objects([name for name in names if again or not parts[name].done()])[0]
        reused = [name for name in names if name not in waiting]
        if reused and ranks.rank == 0:
            print(f"already there (--again runs them again): {', '.join(reused)}", flush=True)
        try:
            _run_all([parts[name] for name in waiting], jobs or share_of_cores(ranks), ranks.size)
        finally:
            told = {name: part.outcome() for name, part in parts.items()}
            if ranks.rank == 0:
                file = write_whole(out / "index.html", book.page(list(told.values()), language))
        good = sum(told[name].passed for name in names)
        if ranks.rank == 0:
            for line in (line for name in names for line in told[name].problems()):
                print(line)
            print(f"{good} of {len(names)} experiments bear out {book.said_by}; see {file}", flush=True)
    return 0 if good == len(names) else 1


@dataclass(frozen=True)
class Book:
    """What is run: the experiments of a package, by name with their figures, and the page that gathers them."""

    package: str
    experiments: dict[str, tuple[str, ...]]
    page: Callable[[Sequence[Outcome], str], str]
    said_by: str
    beside: str = ""  # the folder beside the chapter, empty for the chapter itself

    def chosen(self, figures: Sequence[str]) -> list[str]:
        """Return the names of the experiments that draw `figures`, or of all; a paper is chosen by its name, too."""
        if self.beside:
            known, what = set(self.experiments), "paper"
        else:
            known, what = {figure for drawn in self.experiments.values() for figure in drawn}, "figure"
        unknown = [figure for figure in figures if figure not in known]
        if unknown:
            there = ", ".join(sorted(known, key=figure_order))
            raise ArgumentError(f"chapter6: there is no {what} {', '.join(unknown)}; there are {there}")
        return [name for name, drawn in self.experiments.items() if not figures or {name, *drawn} & set(figures)]


def the_chapter() -> Book:
    """Return the chapter."""
    return Book(PACKAGE, chapter6.EXPERIMENTS, page, "the book")


def the_papers(settings: Settings) -> Book:
    """Return the papers.

    Raises:
        ArgumentError: `settings` have a seed: those of the papers are fixed.
    """
    if settings.seed:
        raise ArgumentError(
            f"chapter6 papers: --seed {settings.seed}: the seeds are 0, 1, 2 and so on, so that none is picked; "
            "leave --seed out"
        )
    return Book(f"{PACKAGE}.papers", papers.EXPERIMENTS, paper_page, "the papers", "papers")


def _demand(settings: Settings, out: Path) -> None:
    """Raise now what would otherwise be found out in every experiment."""
    if find_spec("matplotlib") is None:
        raise MissingDependencyError.of("chapter6", "matplotlib")
    if sys.stdout.isatty() and find_spec("rich") is None:
        raise MissingDependencyError.of("the progress of chapter6", "rich")
    if settings.data == "mnist":
        mnist_in(settings.mnist_dir)
    out.mkdir(parents=True, exist_ok=True)


@dataclass(eq=False)
class Part:
    """One experiment of the run: where it is, and the process that it runs in, from `start` on."""

    name: str
    settings: Settings
    folder: Path
    book: Book
    workers: int = 1
    process: subprocess.Popen[bytes] | None = None

    @property
    def source(self) -> Path:
        """The file of the experiment."""
        found = find_spec(f"{self.book.package}.{self.name}")
        if found is None or found.origin is None:
            raise ArgumentError(f"chapter6: no file {self.name}.py in the folder of the experiments")
        return Path(found.origin)

    def read(self, file: str) -> dict[str, Any] | None:
        """Return what the JSON `file` holds, None if there is none: it was written whole or not at all."""
        try:
            found: dict[str, Any] = json.loads((self.folder / file).read_text("utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return found

    def done(self) -> bool:
        """Return whether the result is there, with these settings and from the present source, and its files too."""
        found = self.read("result.json")
        return (
            found is not None
            and found.get("settings") == asdict(self.settings)
            and found.get("version") == version(self.source)
            and all((self.folder / file).is_file() for figure in found["figures"] for file in figure["files"])
        )

    def outcome(self) -> Outcome:
        """Return what the page tells of it."""
        return Outcome(
            self.name,
            self.book.experiments[self.name],
            self.source.read_text("utf-8"),
            self.read("result.json"),
            self.read("failure.json"),
        )

    def start(self) -> None:
        """Start it in a process, and a session, of its own, where it meets neither Ctrl-C nor the terminal."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in ("result.json", "failure.json"):
            (self.folder / file).unlink(missing_ok=True)
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        with (self.folder / "log.txt").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tensorgrad.chapter6.alone"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**without_mpi(os.environ), **threads, "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
                start_new_session=True,
            )
        settings = {"settings": asdict(self.settings), "workers": self.workers}
        order = {"module": f"{self.book.package}.{self.name}", "folder": str(self.folder), **settings}
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended already: `ended` tells how
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()

    def ended(self) -> bool:
        """Return whether the process is at its end; if that came without a word, a failure is written for it."""
        if self.process is None or self.process.poll() is None:
            return False
        if not any((self.folder / file).exists() for file in ("result.json", "failure.json")):
            status = self.process.returncode
            how = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
            write_whole(self.folder / "failure.json", json.dumps({"error": how, "place": "see log.txt"}))
        self.close()
        return True

    def close(self) -> None:
        """End the process if it still runs, and what it has started."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
                self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def _signal(self, number: int) -> None:
        assert self.process is not None
        if sys.platform == "win32":
            self.process.terminate()
        else:
            os.killpg(self.process.pid, number)

    def last_words(self) -> str:
        """Return its name, and the last line of its log, which tells how far it is."""
        lines = (self.folder / "log.txt").read_text("utf-8", "replace").splitlines()
        return f"{self.name}: {lines[-1]}" if lines else self.name


def _run_all(waiting: Sequence[Part], jobs: int, ranks: int) -> None:
    """Run every part on one of the ranks, `jobs` at a time on each; none is left running, whatever happens."""
    order, running = sorted(waiting, key=lambda part: part.name not in LONGEST), list[Part]()
    for part in order:
        part.workers = max(1, jobs * ranks // len(order))
    tickets, more = Tickets(), True
    with _telling(len(order)) as tell:
        try:
            while more or running:
                while more and len(running) < jobs:
                    number = tickets.next()
                    more = number < len(order)
                    if more:
                        running.append(order[number])
                        running[-1].start()
                time.sleep(LOOK if running else 0)
                tickets.answer()
                over = [part for part in running if part.ended()]
                running = [part for part in running if part not in over]
                tell(over, running)
        finally:
            for part in running:
                part.close()
    tickets.close()


@contextmanager
def _telling(total: int) -> Iterator[Any]:
    """Context manager: a function that is told which parts are over and which run.

    In a terminal a bar over the experiments, and what the running ones say; elsewhere a line for each that is over.
    """
    if not sys.stdout.isatty():
        yield lambda over, _: [print(part.outcome().line(), flush=True) for part in over]
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    rest = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
    says = TextColumn("{task.fields[says]}", markup=False, table_column=rest)
    with Progress(*columns, says, expand=True) as bars:
        whole = bars.add_task("chapter 6", total=total, says="")

        def tell(over: Sequence[Part], running: Sequence[Part]) -> None:
            for part in over:
                bars.console.print(part.outcome().line(), markup=False, highlight=False)
            bars.update(whole, advance=len(over), says="; ".join(part.last_words() for part in running))

        yield tell
