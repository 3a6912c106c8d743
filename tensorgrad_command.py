"""What the command ``tensorgrad`` starts with: it imports little, so that Ctrl-C is answered in one line at once.

The package imports NumPy before a line of it can run; what is in a file of it would come too late.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command with the arguments of the process, and return its exit status."""
    try:
        from tensorgrad.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("tensorgrad: stopped by Ctrl-C", file=sys.stderr)
        return 130
