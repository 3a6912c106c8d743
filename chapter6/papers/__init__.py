"""What eight papers say that the chapter tells of, and what comes out here: an experiment to a file, by its author.

`bars` says what each is held to. Each runs by itself, ``python -m tensorgrad.chapter6.papers.kingma --data mnist``, and
all of them by ``tensorgrad chapter6 papers``.
"""

from __future__ import annotations

EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "glorot": ("glorot-2010",),
    "he": ("he-2015",),
    "ioffe": ("ioffe-2015",),
    "kingma": ("kingma-2014",),
    "srivastava": ("srivastava-2014",),
    "snoek": ("snoek-2012",),
    "bergstra": ("bergstra-2012",),
    "duchi": ("duchi-2011",),
}
"""The figure that each experiment draws, by the name of its file, in the order of the page."""
