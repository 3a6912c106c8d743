"""What NumPy's names do, as far as a trace must know: which only tell of shapes, which read, which write."""

from __future__ import annotations

from typing import Any

import numpy as np

FACTS = frozenset(("shape", "dtype", "ndim", "size", "strides", "itemsize", "nbytes", "flags"))
READ = frozenset(("item", "tolist", "tobytes", "tofile", "dump", "dumps", "data", "ctypes", "flat"))
WRITE = frozenset(("fill", "sort", "put", "partition", "resize"))
COUNTED = frozenset(("nonzero", "argwhere", "flatnonzero", "unique", "compress", "extract", "repeat", "trim_zeros"))
KNOWN_BY_SHAPE: frozenset[Any] = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.iscomplexobj, np.isrealobj,
     np.shares_memory, np.may_share_memory, np.broadcast_shapes, np.zeros_like, np.ones_like, np.empty_like)
)  # fmt: skip
NUMBERS = (bool, int, float, complex)
"""Python's."""
OPERATORS: frozenset[Any] = frozenset(
    (np.add, np.subtract, np.multiply, np.true_divide, np.floor_divide, np.remainder, np.power,
     np.negative, np.positive, np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
)  # fmt: skip
"""What Python computes of its own numbers, which then are no numbers of NumPy's."""
WRITERS: frozenset[Any] = frozenset((np.copyto, np.put, np.putmask, np.place, np.put_along_axis, np.fill_diagonal))
