"""``python -m tensorgrad.chapter6.papers out/chapter6/papers``: the table of docs/papers.md, from what a run left."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tensorgrad.chapter6.page import Outcome

from . import EXPERIMENTS
from .paperpage import as_document


def main() -> None:
    """Print the page; the folder is the first argument of the command line."""
    folder = Path(sys.argv[1])
    results = {name: folder / name / "result.json" for name in EXPERIMENTS}
    outcomes = [
        Outcome(name, EXPERIMENTS[name], "", json.loads(file.read_text("utf-8")) if file.is_file() else None, None)
        for name, file in results.items()
    ]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(as_document(outcomes), end="")


if __name__ == "__main__":
    main()
