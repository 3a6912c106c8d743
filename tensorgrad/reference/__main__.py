"""`python -m tensorgrad.reference` prints docs/operations.md, with `left-out` docs/left-out.md."""

import sys

from .leftout import left_out
from .operations import page

sys.stdout.write(left_out() if sys.argv[1:] == ["left-out"] else page())
