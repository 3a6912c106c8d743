"""The command ``tensorgrad``: one line on standard error for what goes wrong, and an exit status.

======  =======================================================================================================
status  meaning
======  =======================================================================================================
0       done
1       the gradient check did not pass; a conclusion of the book or a paper does not hold, or an experiment raised
        an error; a fault was missed
2       wrong arguments, a file that cannot be read or written, a missing library, an error in the script to be drawn
130     stopped by Ctrl-C; what there was by then is written
======  =======================================================================================================
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tensorgrad import __version__
from tensorgrad.chapter6.run import Settings
from tensorgrad.compat.runner import add_arguments
from tensorgrad.errors import TensorgradError
from tensorgrad.viz.layout.themes import THEMES
from tensorgrad.viz.picture.edgetexts import MODES

from . import chapter6, demo, draw, mutate
from .examples import EXAMPLES

Add = Callable[..., argparse.ArgumentParser]
FAILED, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments`, those of the process by default, and return its exit status.

    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        status: int = given.run(given)
    except BrokenPipeError:
        # The reader of a pipe has left. Python would complain once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (TensorgradError, OSError) as error:
        print(f"tensorgrad: {_one_line(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("tensorgrad: stopped by Ctrl-C", file=sys.stderr)
        return INTERRUPTED
    return status


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}; choose another place or correct its permissions"
    return " ".join(str(error).split())


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {value}")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected at least 0, found {value}")
    return value


def _shape(text: str) -> tuple[int, ...]:
    shape = tuple(int(word) for word in text.split(",") if word.strip())
    if min(shape, default=0) < 0:
        raise argparse.ArgumentTypeError(f"expected lengths such as 32,784, found {text!r}")
    return shape


def _part(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not written as red=#a00000")
    return name.lower(), value


def _letter(text: str) -> tuple[int, str]:
    length, _, letter = text.partition("=")
    if not length.isdecimal() or not letter:
        raise argparse.ArgumentTypeError(f"expected a length and its letter such as 7=N, found {text!r}")
    return int(length), letter


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tensorgrad", description="An automatic differentiation engine on NumPy.")
    parser.add_argument("--version", action="version", version=f"tensorgrad {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    _add_demo(commands.add_parser)
    _add_draw(commands.add_parser)
    _add_chapter6(commands.add_parser)
    _add_mutate(commands.add_parser)
    add_arguments(
        commands.add_parser(
            "run",
            help="run an unchanged PyTorch script on tensorgrad",
            description="Run an unchanged PyTorch script on tensorgrad: `import torch` gives tensorgrad.",
        )
    )
    return parser


def _add_demo(add: Add) -> None:
    parser = add(
        "demo",
        help="train a network, check its gradients, draw it, and write a report",
        description="Train a network on handwritten digits, check its gradients against numerical ones, draw its "
        "graph, and write an HTML report.",
    )
    parser.set_defaults(
        run=lambda given: demo.run(
            given.data, given.mnist_dir, given.seed, given.epochs or demo.EPOCHS[given.data], given.out
        )
    )
    kinds = sorted(demo.EPOCHS)
    parser.add_argument("--data", choices=kinds, default="digits", help="what to learn (default: %(default)s)")
    parser.add_argument("--mnist-dir", type=Path, metavar="DIR", help="the folder with MNIST's four IDX files")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same numbers (default: 0)")
    epochs = ", ".join(f"{demo.EPOCHS[name]} for {name}" for name in kinds)
    parser.add_argument("--epochs", type=_count, metavar="N", help=f"passes over the training set (default: {epochs})")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is drawn (default: %(default)s)")
    _add_no_compile(parser)


def _add_no_compile(parser: argparse.ArgumentParser) -> None:
    """Add the switch that lets steps run as they are: in this process, and in those that it starts."""
    parser.add_argument(
        "--no-compile", action=_NoCompile, nargs=0, help="let steps run as they are: the same numbers, slower"
    )


class _NoCompile(argparse.Action):
    def __call__(self, *_: Any, **__: Any) -> None:
        os.environ["TENSORGRAD_COMPILE"] = "0"


def _add_draw(add: Add) -> None:
    parser = add(
        "draw",
        help="draw the graph of an expression of a script, or of an example",
        description="Draw a computational graph, values forward and gradients back. The script is run without being "
        "the main program, and the expression is evaluated among its names: a Tensor such as loss, a module or a "
        "function with inputs, a Graph, a Drawing.",
    )
    parser.set_defaults(run=draw.run)
    parser.add_argument("target", nargs="?", metavar="script.py:expression", help="what to draw")
    parser.add_argument("--example", choices=list(EXAMPLES), help="draw this, without a script")
    parser.add_argument(
        "--input", dest="inputs", action="append", metavar="EXPRESSION", default=[],
        help="an input for the module or function, evaluated in the script; for each in turn",
    )  # fmt: skip
    parser.add_argument(
        "--shape", dest="inputs", action="append", metavar="N,N", type=_shape, help="the same, of normal random numbers"
    )
    parser.add_argument("--main", action="store_true", help="run the script as the main program")
    parser.add_argument("--torch", action="store_true", help="let `import torch` in the script give tensorgrad")
    parser.add_argument("--out", metavar="FILE", help="where to write; - is standard output (default: <script>.svg)")
    parser.add_argument("--format", choices=list(draw.FORMATS), help="what to write (default: by the suffix of --out)")
    look = parser.add_argument_group("what the drawing shows", argument_default=argparse.SUPPRESS)
    look.add_argument("--labels", choices=MODES, help="what stands on the arrows (default: names)")
    look.add_argument("--depth", type=int, metavar="N", help="draw modules of this depth as boxes; 0: outermost")
    look.add_argument("--collapse", action="append", metavar="MODULE", help="draw this path or class as a box")
    look.add_argument("--unfold", action="append", metavar="FUNCTION", help="draw what it is made of; or 'all', 'none'")
    look.add_argument("--rankdir", choices=["LR", "TB"], help="from left to right, or from top to bottom")
    look.add_argument("--max-nodes", type=_count, metavar="N", help="above this, modules are closed (default: 300)")
    look.add_argument("--title", metavar="TEXT", help="the heading")
    look.add_argument("--no-grads", dest="grads", action="store_false", help="draw values alone")
    look.add_argument(
        "--variables", dest="names", action="store_const", const="variables", help="name values after variables"
    )
    look.add_argument("--no-repeats", dest="repeats", action="store_false", help="equal boxes in a row stay apart")
    look.add_argument("--order", type=int, choices=[0, 1, 2], help="1: the backward pass itself; 2: that through it")
    look.add_argument("--timeout", type=float, metavar="SECONDS", help="accepted: a picture waits for nothing")
    look.add_argument("--dims", action="append", type=_letter, metavar="7=N", help="a letter for a length in shapes")
    _add_paper(parser.add_argument_group("how it is set", argument_default=argparse.SUPPRESS))


def _add_paper(look: argparse._ArgumentGroup) -> None:
    look.add_argument("--hide", action="append", metavar="OPERATION", help="do not draw this operation")
    look.add_argument("--heat", choices=["gradient", "time", "memory"], help="colour circles by this")
    look.add_argument("--width", metavar="LENGTH", help="the paper that it has to fit, such as 12cm or 340pt")
    look.add_argument("--fontsize", type=float, metavar="POINTS", help="the size of the smallest text")
    look.add_argument("--wrap", type=_count, metavar="ROWS", help="the number of rows")
    look.add_argument("--math", action="store_true", help="write × and x² for * and **2, x̂ for xhat")
    look.add_argument("--style", action="append", type=_part, metavar="RED=#a00000", help="change a part of the theme")
    look.add_argument("--theme", choices=list(THEMES), help="colours and fonts")
    look.add_argument("--live", action="store_true", help="let a browser change inputs, and all else follow")


def _add_chapter6(add: Add) -> None:
    parser = add(
        "chapter6",
        help="run the experiments of the book's chapter 6 and check its conclusions",
        description="Run the experiments of chapter 6 of Deep Learning from Scratch, side by side, draw its figures, "
        "check its conclusions, and gather all on one page; or, as `papers`, what eight papers say beside what comes "
        "out here. What was stopped goes on where it was. `mpiexec -n 2 tensorgrad chapter6` shares the experiments "
        "among processes, which may be on several machines.",
    )
    parser.set_defaults(
        run=lambda given: chapter6.run(
            given.figures,
            Settings(given.data, given.seed, given.mnist_dir),
            given.out,
            given.lang,
            given.jobs,
            given.again,
        )
    )
    parser.add_argument(
        "figures", nargs="*", metavar="FIGURE",
        help="draw these alone, such as 6-19 (default: all); or `papers`, all of them, or `papers kingma` and so on",
    )  # fmt: skip
    parser.add_argument("--data", choices=["digits", "mnist"], default="digits", help="default: %(default)s")
    parser.add_argument("--mnist-dir", metavar="DIR", help="the folder with MNIST's four IDX files")
    parser.add_argument("--seed", type=_seed, default=0, help="the same seed gives the same numbers (default: 0)")
    parser.add_argument("--out", type=Path, default=Path("out/chapter6"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--lang", choices=["en", "zh"], default="en", help="of the page (default: %(default)s)")
    parser.add_argument(
        "--jobs", type=_count, metavar="N",
        help="processes that compute at the same time (default: one for each core, shared among the ranks)",
    )  # fmt: skip
    parser.add_argument("--again", action="store_true", help="also run what is there already")
    _add_no_compile(parser)


def _add_mutate(add: Add) -> None:
    parser = add(
        "mutate",
        help="plant faults in a gradient of yours, and see which of them your tests miss",
        description="Plant the faults that people make in a gradient, one at a time, in a copy of this folder; run the "
        "tests on each; tell which faults they miss, with the line and an input that shows it. Functions of tensorgrad "
        "and of PyTorch (backward, jvp, what they save), and plain functions that compute a gradient.",
        epilog="The status is 0 if no fault was missed, 1 if one was, 2 if the arguments are wrong.",
    )
    parser.set_defaults(run=mutate.run)
    parser.add_argument(
        "target", metavar="mymodule.py:MyFunction", help="a class or function; mymodule.py: each Function"
    )
    parser.add_argument(
        "tests", nargs="+", metavar="-- command", help="what runs the tests: -- pytest tests/test_mine.py"
    )
    parser.add_argument("-j", "--jobs", type=_count, default=1, metavar="N", help="runs at the same time (default: 1)")
    parser.add_argument("--json", action="store_true", help="print all verdicts as JSON")
