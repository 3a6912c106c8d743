"""The table of primitives. Each entry is an equation; everything else is derived from it (see `primitive`).

An op is found here as soon as its record stands in one of these files: no list names it a second time.
"""

from .arithmetic import *
from .complex_numbers import *
from .contractions import *
from .determinants import *
from .diagonals import *
from .factorizations import *
from .lengths import *
from .reductions import *
from .selection import *
from .shapes import *
from .special import *
from .transcendental import *
from .windows import *
