"""``python -m tensorgrad.compat script.py``: run an unchanged PyTorch script on this library."""

from __future__ import annotations

import argparse
import sys
import tokenize
from pathlib import Path

from tensorgrad.compat.runner import report, run


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: that of the script, or with --names 1 if a name is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m tensorgrad.compat",
        description="Run an unchanged PyTorch script on tensorgrad: `import torch` gives tensorgrad.",
    )
    parser.add_argument("--names", action="store_true", help="run nothing: list the names that tensorgrad lacks")
    parser.add_argument("script", type=Path, help="a Python file that imports torch")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script finds in sys.argv")
    options = parser.parse_args(arguments)
    if not options.script.is_file():
        parser.error(f"{options.script}: no such file")
    if not options.names:
        return run(options.script, options.arguments)
    with tokenize.open(options.script) as file:
        lacking = report(file.read(), str(options.script))
    print(lacking or f"{options.script}: tensorgrad has every name of PyTorch's that it uses")
    return bool(lacking)


if __name__ == "__main__":
    sys.exit(main())
