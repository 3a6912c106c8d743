"""The fuzz: `make fuzz N=20000 SEED=1` runs random programs here and on PyTorch, or on the naive engine without it.

It prints, by operation, how often it was answered, refused or NaN, then every failure as a script, and ends with
status 1 if there is one. The same seed gives the same programs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.fuzz.peers import PEERS, available
from tests.fuzz.pool import results
from tests.fuzz.report import Report
from tests.fuzz.trial import tried


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=2000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="decides on all of them (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes (%(default)s)")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which no program begins (%(default)s)")
    parser.add_argument("--peer", choices=list(PEERS), default=available(), help="what to compare with (%(default)s)")
    parser.add_argument(
        "--only", type=int, help="this program alone, in this process, each line shown before it is run"
    )
    parser.add_argument("--out", type=Path, help="a file for the counts, as JSON")
    arguments = parser.parse_args()
    start = time.monotonic()
    report = Report(arguments.seed, arguments.peer)
    if arguments.only is not None:
        found = iter([tried(arguments.seed, arguments.only, arguments.peer, print)])
    else:
        found = results(arguments.seed, arguments.programs, arguments.peer, arguments.jobs, arguments.minutes)
    for result in found:
        report.add(result)
    report.print(time.monotonic() - start)
    if arguments.out is not None:
        report.write(arguments.out)
    if arguments.only is None and report.programs < arguments.programs:
        print(f"out of time: {report.programs} of {arguments.programs} programs")
    return 1 if report.failures or not report.programs else 0


if __name__ == "__main__":
    sys.exit(main())
