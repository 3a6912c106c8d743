"""``tensorgrad demo``: train, check the gradients, draw, report."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tensorgrad import viz
from tensorgrad.chapter6.run import images_of
from tensorgrad.create.creation import arange
from tensorgrad.create.random import manual_seed
from tensorgrad.errors import MissingDependencyError
from tensorgrad.files.atomic import write_whole
from tensorgrad.testing import GradientReport, check_gradients
from tensorgrad.utils.progress import Progress

from .demo_page import Report, page
from .examples import batchnorm, network
from .network import Dataset, DigitNet, frozen_loss
from .training import History, Settings, batches, train

EPOCHS = {"digits": 30, "mnist": 8}
BATCH = {"digits": 64, "mnist": 256}
CALLED = {"digits": ("the bundled digits", 8), "mnist": ("MNIST", 28)}  # and pixels along a side

CHECKED_IMAGES = 16  # fewer images, fewer kinks of the relus inside each step of the numerical derivative
DRAWN_IMAGES = 5


def run(name: str, mnist_dir: Path | None, seed: int, epochs: int, out: Path) -> int:
    """Run the demo and return the exit status: 0, 1 if the gradient check did not pass, 130 after Ctrl-C.

    Args:
        name: "digits", which come with the package, or "mnist", read from `mnist_dir`.
        mnist_dir: the folder with MNIST's four IDX files.
        seed: of everything random.
        epochs: passes over the training set, at least 1.
        out: the folder for figure-6-17.svg, network.svg, training.svg and report.html; created.

    Raises:
        DataError: a data file is missing or damaged.
        MissingDependencyError: matplotlib, or rich in a terminal, is not installed.
        OSError: `out` cannot be written.
    """
    if find_spec("matplotlib") is None:  # asked now, because it would be a pity to find out after the training
        raise MissingDependencyError.of("the report of the demo", "matplotlib")
    data = load(name, mnist_dir, seed)
    out.mkdir(parents=True, exist_ok=True)
    figure = batchnorm().drawing()
    figure.save(out / "figure-6-17.svg")
    manual_seed(seed)
    settings = Settings(name, seed, epochs, BATCH[name])
    net = DigitNet(data.side**2, p=settings.dropout)
    print(
        f"training on {len(data.x_train):,} images of {data.name}, testing on {len(data.x_test):,}, seed {seed}",
        flush=True,
    )
    steps = len(batches(arange(len(data.x_train)), settings.batch))
    with Progress(epochs, steps) as progress:
        history = train(net, data, settings, progress)
    told = Result(data, settings, net, history, None if history.stopped else check(net, data, seed), figure)
    return told.say(told.write(out))


def load(name: str, mnist_dir: Path | None, seed: int) -> Dataset:
    """Return the data set: of the digits a random fifth is held out, MNIST has a test set of its own."""
    train_part, test_part = images_of(name, mnist_dir, seed % 2**64)
    return Dataset(*CALLED[name], *train_part, *test_part)


def check(net: DigitNet, data: Dataset, seed: int) -> GradientReport:
    """Return how the gradients of the trained network, with BatchNorm and Dropout at work, compare with numbers."""
    twin, loss = frozen_loss(net, data.x_train[:CHECKED_IMAGES], data.y_train[:CHECKED_IMAGES], seed)
    return check_gradients(loss, twin.named_parameters(), directions=2, coordinates=6, seed=seed)


def draw_network(net: DigitNet, data: Dataset) -> viz.Drawing:
    """Return the drawing of the network, its layers as boxes; of a copy, because drawing runs it."""
    twin, _ = frozen_loss(net, data.x_train[:DRAWN_IMAGES], data.y_train[:DRAWN_IMAGES], 0)
    x = data.x_train[:DRAWN_IMAGES].double()
    x.name = "x"
    return network(twin, x).drawing()


@dataclass(frozen=True)
class Result:
    """Everything the demo found out."""

    data: Dataset
    settings: Settings
    net: DigitNet
    history: History
    gradients: GradientReport | None
    batchnorm: viz.Drawing

    def write(self, out: Path) -> list[Path]:
        """Write the drawings, the curves and the report, each whole or not at all, and return their paths."""
        drawn = draw_network(self.net, self.data)
        series = {"loss": self.history.loss, "accuracy": self.history.accuracy}
        curves = viz.figure_svg(viz.plot_curves(series, log=["loss"]), "Training curves")
        report = Report(self.data, self.settings, self.net, self.history, self.gradients, self.batchnorm, drawn, curves)
        return [
            out / "figure-6-17.svg",
            drawn.save(out / "network.svg"),
            write_whole(out / "training.svg", curves),
            write_whole(out / "report.html", page(report)),
        ]

    def say(self, files: list[Path]) -> int:
        """Print the outcome and return the exit status."""
        history = self.history
        if history.stopped:
            print(f"stopped by Ctrl-C after epoch {history.epochs}; see {files[-1]}", flush=True)
            return 130
        print(f"test accuracy {history.accuracy['test'][-1]:.2%} after {history.seconds:.1f} s of training")
        for problem in self.gradients.problems if self.gradients else []:
            print(problem)
        print(f"gradient check {self.gradients}")
        print(f"written: {', '.join(map(str, files))}", flush=True)
        return 0 if self.gradients else 1
