"""Runs of pytest in forks of one process, which has imported what takes long; the text of it runs under another Python.

Each run has its own folder, environment and process, as one that is started anew: what comes from the user's folder is
imported after the fork. A line of JSON asks for a run; the number of its process is a line, its status another.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

UNREWRITTEN = "PYTEST_DONT_REWRITE"  # otherwise pytest warns that it comes too late to rewrite what is imported already


def main() -> None:
    """Import the modules that are named, then fork once for every line."""
    others = [place for place in sys.path[1:] if place not in roots_of(os.environ)]
    for name in sys.argv[1:]:
        with contextlib.suppress(Exception):  # what cannot be imported alone is imported by who needs it
            importlib.import_module(name)
    for module in [m for name, m in sys.modules.items() if "." not in name]:
        with contextlib.suppress(AttributeError, TypeError):
            module.__doc__ = f"{module.__doc__ or ''}\n{UNREWRITTEN}"
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            run(asked, others)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def roots_of(variables: Any) -> list[str]:
    """Return where modules are looked for first."""
    return [root for root in variables.get("PYTHONPATH", "").split(os.pathsep) if root]


def run(asked: dict[str, Any], others: list[str]) -> None:
    """Become the run that is asked for; does not return."""
    status: Any = 1
    try:
        os.setsid()
        output = os.open(asked["output"], os.O_WRONLY)
        for number, to in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(to, number)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["variables"])
        sys.path[:] = [asked["first"], *roots_of(asked["variables"]), *others]
        sys.argv = ["pytest", *asked["arguments"]]
        seeded = getattr(sys.modules.get("numpy.random"), "seed", None)
        if seeded is not None:
            seeded()  # as every new process has numbers of its own
        home = sys.modules.get("hypothesis.configuration")
        if home is not None:
            home.set_hypothesis_home_dir(Path(asked["folder"], ".hypothesis"))
        runpy.run_module("pytest", run_name="__main__", alter_sys=False)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
