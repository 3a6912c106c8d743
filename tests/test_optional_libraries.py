"""Without an optional library: the error says which one to install, under its own name, whatever needs it."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, search, viz
from tensorgrad.cli import chapter6, demo
from tensorgrad.data import mnist
from tensorgrad.errors import MissingDependencyError
from tensorgrad.utils.progress import Progress
from tensorgrad.utils.tensorboard import SummaryWriter
from tests.test_house import PACKAGE, executed, imported, read_modules

Use = Callable[[], Any]


def in_a_terminal(use: Use) -> Use:
    """What `use` does where somebody looks."""

    def used() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys.stdout, "isatty", lambda: True)
            return use()

    return used


def anew(module: str) -> Use:
    """The import of `module`, as if it had not been imported before."""

    def used() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(sys.modules, module, raising=False)
            return importlib.import_module(module)

    return used


def started_by_mpiexec() -> None:
    """A group of ranks is asked for where `mpiexec` has started the script."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PMI_RANK", "0")
        tg.distributed.init_process_group()


def drawing() -> viz.Drawing:
    return viz.draw(nn.Linear(2, 1), tg.ones(1, 2))


def figures() -> Any:
    return chapter6.run([], chapter6.Settings(), Path("out"), "en", jobs=1, again=False)


# The name that is imported, the one that pip knows, and what needs it. What a download needs stands, with the server
# to download from, in test_mnist_download.py; each of the plots in test_viz_plots.py; loading in test_files.py.
USES: list[tuple[str, str, Use]] = [
    ("graphviz", "graphviz", lambda: drawing().dot),
    ("onnx", "onnx", lambda: tg.onnx.export(nn.ReLU(), tg.ones(2))),
    ("mpi4py", "mpi4py mpich", started_by_mpiexec),
    ("einops", "einops", lambda: tg.utils.einops.register()),
    ("matplotlib", "matplotlib", lambda: viz.plot_curves({"loss": [1.0]})),
    ("matplotlib", "matplotlib", lambda: demo.run("digits", None, 0, 1, Path("out"))),
    ("matplotlib", "matplotlib", figures),
    ("typst", "typst", lambda: drawing().pdf),
    ("rich", "rich", in_a_terminal(lambda: Progress(1))),
    ("rich", "rich", in_a_terminal(figures)),
    (
        "optuna",
        "optuna",
        lambda: search.Search(lambda *_: 0.0, {"n": search.integers(1, 2)}, ([0.0, 1.0],), sampler="tpe"),
    ),
    ("hypothesis", "hypothesis", anew("tensorgrad.testing.strategies")),
    ("hypothesis", "hypothesis", anew("tensorgrad.testing.programs")),
    ("hypothesis", "hypothesis", lambda: tg.testing.gradients(tg.sin)),
    ("tensorboardX", "tensorboardX", lambda: SummaryWriter("runs")),
    ("pooch", "pooch", lambda: mnist("runs", download=True)),
]
ELSEWHERE = {"requests", "urllib3", "threadpoolctl", "torch"}


@pytest.mark.parametrize(("library", "known_as", "use"), USES)
def test_the_error_says_which_library_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: str, known_as: str, use: Use
) -> None:
    for name in [name for name in sys.modules if name.startswith(f"{library}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingDependencyError) as caught:
        use()
    what, _, cure = str(caught.value).partition(": ")
    assert known_as.split(maxsplit=1)[0] in what
    assert cure.partition(", or ")[0] == f"pip install {known_as}"
    assert not list(tmp_path.iterdir())


def test_limiting_threads_without_threadpoolctl_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.warns(UserWarning, match=r": pip install threadpoolctl, or "):
        tg.set_num_threads(tg.get_num_threads() + 1)


def test_all_installs_each_of_them() -> None:
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parent.parent / "setup.cfg", "utf-8")
    extras = setup["options.extras_require"]
    behind = re.findall(r"[\w-]+", re.findall(r"\[(.*?)\]", extras["all"])[0])
    texts = [setup["options"]["install_requires"], extras["all"], *(extras[extra] for extra in behind)]
    there = {re.split(r"[<>=;]", line)[0].strip() for text in texts for line in text.strip().splitlines()}
    assert {name for _, known_as, _ in USES for name in known_as.split()} <= there
    assert ELSEWHERE - {"requests", "urllib3", "torch"} <= there  # what pooch brings, and what is only a peer


def test_every_optional_library_is_tried() -> None:
    found = {
        full.partition(".")[0]
        for module in read_modules(PACKAGE).values()
        for node in executed(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for full in imported(module, node)
    }
    optional = found - set(sys.stdlib_module_names) - {"numpy", "tensorgrad", "tensorgrad_command"}
    assert optional == {library for library, _, _ in USES} | ELSEWHERE
