"""The command ``tensorgrad``: one line on standard error for what goes wrong, and an exit status.

======  =============================================================
status  meaning
======  =============================================================
0       done
1       the gradient check did not pass
2       wrong arguments, a file that cannot be read or written, a missing library
130     stopped by Ctrl-C; what there was by then is written
======  =============================================================
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tensorgrad import __version__
from tensorgrad.errors import TensorgradError

from .demo import EPOCHS, run

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
        return run(given.data, given.mnist_dir, given.seed, given.epochs or EPOCHS[given.data], given.out)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tensorgrad", description="An automatic differentiation engine on NumPy.")
    parser.add_argument("--version", action="version", version=f"tensorgrad {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo",
        help="train a network, check its gradients, draw it, and write a report",
        description="Train a network on handwritten digits, check its gradients against numerical ones, draw its "
        "graph, and write an HTML report.",
    )
    demo.add_argument("--data", choices=sorted(EPOCHS), default="digits", help="what to learn (default: %(default)s)")
    demo.add_argument("--mnist-dir", type=Path, metavar="DIR", help="the folder with MNIST's four IDX files")
    demo.add_argument("--seed", type=int, default=0, help="the same seed gives the same numbers (default: 0)")
    epochs = ", ".join(f"{n} for {name}" for name, n in sorted(EPOCHS.items()))
    demo.add_argument("--epochs", type=_count, metavar="N", help=f"passes over the training set (default: {epochs})")
    demo.add_argument("--out", type=Path, default=Path("out"), help="folder for what is drawn (default: %(default)s)")
    return parser
