"""`python -m tests.verdicts`: the planted faults that the gradient checker sees, the right functions it lets pass."""

from __future__ import annotations

import sys
import warnings

from tensorgrad.errors import TensorgradError
from tensorgrad.testing import GradcheckError
from tests.verdicts.faults import FAULTS, Case
from tests.verdicts.right import OPEN, PASS

WANTED = {"faults": {"failed"}, "right": {"passed"}, "open": {"passed", "kink", "undecided"}}
TABLES = {"faults": FAULTS, "right": PASS, "open": OPEN}


def verdict(case: Case) -> str:
    """What the checker says; "failed" too where it refuses the function with an error of the library's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return case().verdict
        except (TensorgradError, TypeError) as error:
            if isinstance(error, GradcheckError) or "unction Own" in str(error):
                return "failed"
            raise


def main() -> int:
    missed = 0
    for table, cases in TABLES.items():
        found = {name: verdict(case) for name, case in cases.items()}
        wrong = {name: v for name, v in found.items() if v not in WANTED[table]}
        missed += len(wrong)
        for name, v in wrong.items():
            print(f"{table}: {name}: {v}")
        print(f"{table}: {len(found) - len(wrong)} of {len(found)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
