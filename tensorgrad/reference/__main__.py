"""`python -m tensorgrad.reference` prints docs/operations.md."""

import sys

from .operations import page

sys.stdout.write(page())
