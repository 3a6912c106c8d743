"""One run of an experiment: its data and progress, and what comes out of it: figures, numbers, verdicts.

An experiment is a file with a function ``experiment(run)``; it asks `run` for its data and tells it what it found.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.create.creation import tensor
from tensorgrad.data import Split, digits, holdout, mnist
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import DataError
from tensorgrad.files.atomic import write_whole
from tensorgrad.random import manual_seed
from tensorgrad.utils.progress import Progress
from tensorgrad.viz import Drawing, save_figure
from tensorgrad.viz.plots import canvas

SHARED = ".shared-"  # how the folder begins in which the workers of an experiment meet


class Words(NamedTuple):
    """A text in English and in Chinese."""

    en: str
    zh: str


class Images(NamedTuple):
    """Images as rows of float32 in [0, 1], and their labels as int64."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Figure:
    """A figure of the book: its number, its caption, and its files."""

    number: str
    caption: Words
    files: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """One conclusion of the book: whether the run bears it out, and what was measured.

    `on` names the data on which it is asserted: "any", or "mnist" where the small digits need not show it.
    """

    statement: Words
    passed: bool
    measured: str
    on: str = "any"

    def holds(self, data: str) -> bool:
        """Return whether the run on `data` may count as a success."""
        return self.passed or self.on not in ("any", data)


@dataclass(frozen=True)
class Settings:
    """What a run can be repeated from."""

    data: str = "digits"
    seed: int = 0
    mnist_dir: str | None = None


@dataclass
class Run:
    """A run of the experiment `name` into `folder`; `settings` say on which data and from which seed.

    `workers` are the processes that it may use at the same time: the same comes out whatever their number is.
    """

    name: str
    settings: Settings
    folder: Path
    workers: int = 1
    figures: list[Figure] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def seed(self) -> int:
        """The seed; the default generator starts from it."""
        return self.settings.seed

    def images(self, train: int | None = None) -> tuple[Images, Images]:
        """Return the training images, the first `train` of them if given, and the test images.

        MNIST's 60,000 and 10,000 of 784 pixels, or of the bundled digits four fifths and one fifth, of 64 pixels.

        Raises:
            DataError: `settings` name no known data, or MNIST's files are missing or damaged.
        """
        return images_of(self.settings.data, self.settings.mnist_dir, self.seed, train)

    def progress(self, epochs: int, steps: int | None = None) -> Progress:
        """Return a context manager: a live table of `epochs` rounds of `steps` steps."""
        return Progress(epochs, steps)

    def figure(self, number: str, drawn: Any, caption: Words, moving: str = "") -> None:
        """Add the figure `number` of the book: a matplotlib figure, as SVG and PNG, or a `viz.Drawing`, as SVG.

        `moving` is an HTML page that shows it step by step.
        """
        stem = f"figure-{number}"
        saved = (
            [drawn.save(self.folder / f"{stem}.svg")]
            if isinstance(drawn, Drawing)
            else [save_figure(drawn, self.folder / f"{stem}.{kind}") for kind in ("svg", "png")]
        )
        if moving:
            saved.append(write_whole(self.folder / f"{stem}.html", moving))
        self.figures.append(Figure(number, caption, tuple(file.name for file in saved)))

    def record(self, **numbers: Any) -> None:
        """Add numbers behind the figures: tensors, arrays, numbers, texts, and lists and dicts of these."""
        self.numbers |= {name: _plain(value) for name, value in numbers.items()}

    def check(self, statement: Words, passed: bool, measured: str, *, on: str = "any") -> None:
        """Add the verdict on a conclusion of the book; see `Verdict`."""
        self.verdicts.append(Verdict(statement, bool(passed), measured, on))

    @property
    def passed(self) -> bool:
        """Whether every conclusion that is asserted on this data holds."""
        return all(verdict.holds(self.settings.data) for verdict in self.verdicts)


@contextmanager
def sheet(what: str, width: float, height: float, title: str = "") -> Iterator[canvas.Figure]:
    """Context manager: an empty figure of matplotlib, in inches, in the style of all plots; its layout is then fixed.

    Raises:
        MissingDependencyError: matplotlib, which `what` needs, is not installed.
    """
    with canvas.settings(what):
        figure = canvas.new_figure(width, height, title)
        yield figure
        canvas.settled(figure)


def perform(name: str, experiment: Callable[[Run], None], settings: Settings, folder: Path, workers: int = 1) -> Run:
    """Run `experiment` into `folder`, write ``result.json`` there as the last file, and return the run."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in (folder / "result.json", *folder.glob(".figure-*"), *folder.glob(".result.json.*")):
        leftover.unlink(missing_ok=True)
    for leftover in folder.glob(f"{SHARED}*"):
        shutil.rmtree(leftover)
    manual_seed(settings.seed)
    run, start = Run(name, settings, folder, workers), time.perf_counter()
    experiment(run)
    result = {
        "name": name,
        "settings": asdict(settings),
        "version": version(Path(inspect.getfile(experiment))),
        "passed": run.passed,
        "verdicts": [{**asdict(v), "statement": v.statement._asdict()} for v in run.verdicts],
        "figures": [{**asdict(f), "caption": f.caption._asdict()} for f in run.figures],
        "numbers": run.numbers,
        "seconds": round(time.perf_counter() - start, 2),
    }
    write_whole(folder / "result.json", json.dumps(result, indent=1, ensure_ascii=False))
    return run


def mnist_in(folder: str | Path | None) -> Split[np.uint8]:
    """Return MNIST as read from `folder`, what the command line gives for it, or else by TENSORGRAD_DATA.

    Raises:
        DataError: there is neither, or a file is missing or damaged.
    """
    if folder is None and not os.environ.get("TENSORGRAD_DATA"):
        raise DataError(
            "--data mnist: no folder given: add --mnist-dir DIR, where MNIST's four IDX files are, or let the variable "
            "TENSORGRAD_DATA name the folder in whose folder mnist they are"
        )
    return mnist(folder)


def images_of(data: str, mnist_dir: str | Path | None, seed: int, train: int | None = None) -> tuple[Images, Images]:
    """Return the first `train` training images, all if not given, and the test images; see `Run.images`.

    Raises:
        DataError: there is no data of this name, or MNIST's files are missing or damaged.
    """
    if data == "digits":
        parts, most = holdout(*digits(), fraction=0.2, seed=seed), 16
    elif data == "mnist":
        parts, most = mnist_in(mnist_dir), 255
    else:
        raise DataError(f"--data {data}: there are digits and mnist")
    first, second = parts
    return _images(first.images[:train], first.labels[:train], most), _images(second.images, second.labels, most)


def version(source: Path) -> str:
    """Return what changes whenever the file of an experiment does, that of the network, or that of the papers' bars."""
    shared = Path(__file__).with_name("network.py"), source.with_name("bars.py")
    return hashlib.sha256(b"".join(file.read_bytes() for file in (source, *shared) if file.is_file())).hexdigest()[:16]


def main(experiment: Callable[[Run], None]) -> int:
    """Run one experiment from the command line, tell its verdicts, and return 0 if they hold, 1 otherwise."""
    name = Path(experiment.__code__.co_filename).stem
    parser = argparse.ArgumentParser(description=(experiment.__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", choices=["digits", "mnist"], default="digits")
    parser.add_argument("--mnist-dir", metavar="DIR", help="the folder with MNIST's four IDX files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/chapter6"), metavar="DIR")
    given = parser.parse_args()
    run = perform(name, experiment, Settings(given.data, given.seed, given.mnist_dir), given.out / name)
    for verdict in run.verdicts:
        word = "pass" if verdict.passed else "FAIL" if not verdict.holds(given.data) else f"no (needs {verdict.on})"
        print(f"{word}: {verdict.statement.en}: {verdict.measured}")
    return 0 if run.passed else 1


def _images(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], most: int) -> Images:
    return Images(tensor(images.reshape(len(images), -1).astype(np.float32) / most), tensor(labels.astype(np.int64)))


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it."""
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(v) for key, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
