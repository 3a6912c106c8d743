"""``python -m tensorgrad.compat script.py``: run an unchanged PyTorch script on this library."""

from __future__ import annotations

import argparse
import sys

from tensorgrad.compat.runner import add_arguments, run_as_asked


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: that of the script, or with --names 1 if a name is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m tensorgrad.compat",
        description="Run an unchanged PyTorch script on tensorgrad: `import torch` gives tensorgrad.",
    )
    add_arguments(parser)
    return run_as_asked(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
