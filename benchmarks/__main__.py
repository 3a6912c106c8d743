"""The command: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import breadth, chain, growth, peers as registry, pictures, start
from benchmarks.page import write_breadth, write_page
from benchmarks.problems import problems
from benchmarks.report import Row, print_table, rows_of, write_json
from benchmarks.timing import FEWEST_ROUNDS, TURN_SECONDS, time_imports, time_in_turn
from benchmarks.verify import verify
from tensorgrad.base.switches import KERNELS

IMPORT = "import"
IMPORT_PEERS = (registry.SUBJECT, "numpy")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=registry.SUBJECT + " against its peers")
    workloads = [*problems(), IMPORT]
    parser.add_argument(
        "--workloads", nargs="+", choices=workloads, default=workloads, metavar="NAME", help=f"{workloads}"
    )
    parser.add_argument(
        "--peers", nargs="+", choices=registry.NAMES, default=registry.NAMES, metavar="NAME", help=f"{registry.NAMES}"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="to spend on each workload (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results to this file, too")
    parser.add_argument("--page", type=Path, metavar="PATH", help="write them as a document, too")
    parser.add_argument(
        "--growth", type=Path, metavar="PATH", help="instead: draw how a step grows with width, depth and batch"
    )
    parser.add_argument(
        "--start", action="store_true", help="instead: the CPU time of the first five steps, compiled anew and found"
    )
    parser.add_argument(
        "--breadth", nargs="*", metavar="ROW", help="instead: many operations and layers beside PyTorch's; default: all"
    )
    parser.add_argument("--chain", action="store_true", help="instead: what a recorded operation costs, in long chains")
    parser.add_argument("--pictures", action="store_true", help="instead: what a drawing takes, beside torchviz's")
    parser.add_argument(
        "--kernels",
        choices=KERNELS,
        default="numpy",
        help="what our side of --breadth computes by (%(default)s)",
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target that must be met is not")
    parser.add_argument("--verify", action="store_true", help="measure nothing: check that all peers compute the same")
    return parser.parse_args()


def _measure(workloads: list[str], names: list[str], seconds: float) -> list[Row]:
    rows: list[Row] = []
    if IMPORT in workloads:
        libraries = {name: registry.library(name) for name in IMPORT_PEERS if name in names}
        rows += rows_of(IMPORT, time_imports(libraries, min(seconds, 4.0)))
    for workload in problems():
        if workload in workloads:
            rows += rows_of(workload, time_in_turn(workload, names, seconds))
    return rows


def _breadth(names: list[str], kernels: str, page: Path | None) -> int:
    """Measure these rows; for a page with both kinds of kernels, and chains."""
    chosen = [kernels] if page is None else list(KERNELS)
    tables = [breadth.table(breadth.measure(names, one), one) for one in chosen]
    if page is not None:
        tables.append(chain.table(chain.measure()))
        write_breadth(page, tables, breadth.ROUNDS)
    print("\n\n".join(tables))
    return 0


def _verify(workloads: list[str], names: list[str]) -> int:
    peers = {name: registry.load(name) for name in names}
    good = [verify(workload, problem, peers) for workload, problem in problems().items() if workload in workloads]
    return 0 if all(good) else 1


def _check(rows: list[Row]) -> int:
    """1 if a target that must be met is missed, and also if there was none to look at: that is no success either."""
    musts = [(row, ratio) for row in rows for ratio in row.ratios if ratio.must]
    for row, ratio in musts:
        if not ratio.met:
            took = f"{ratio.own} takes {ratio.found[1]:.2f} of {row.peer}'s time on {row.workload}"
            print(f"missed: {took}, must be at most {ratio.target}")
    if not musts:
        print("nothing to check: no target that must be met was measured")
    return 0 if musts and all(ratio.met for _, ratio in musts) else 1


def main() -> int:
    """Run the command and return its exit status."""
    arguments = _arguments()
    # in the order of the registry, tensorgrad first, whatever the order on the command line
    wanted = [name for name in registry.NAMES if name in arguments.peers or name == registry.SUBJECT]
    missing = [name for name in wanted if not registry.is_installed(name)]
    names = [name for name in wanted if name not in missing]
    if missing:
        print("not installed:", ", ".join(missing))
    if arguments.verify:
        return _verify(arguments.workloads, names)
    if arguments.growth:
        growth.plot(growth.measure(names, arguments.seconds), arguments.growth)
        return 0
    if arguments.start:
        print(start.table(start.measure([name for name in arguments.workloads if name != IMPORT])))
        return 0
    if arguments.breadth is not None:
        return _breadth(arguments.breadth or list(breadth.ROWS), arguments.kernels, arguments.page)
    if arguments.chain or arguments.pictures:
        print(chain.table(chain.measure()) if arguments.chain else pictures.table(pictures.measure()))
        return 0
    rows = _measure(arguments.workloads, names, arguments.seconds)
    print_table(rows)
    if arguments.json:
        write_json(arguments.json, rows, missing)
    if arguments.page:
        write_page(arguments.page, rows, missing, TURN_SECONDS, FEWEST_ROUNDS)
    return _check(rows) if arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
