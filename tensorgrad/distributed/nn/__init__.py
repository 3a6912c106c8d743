"""Exchanges between ranks that have derivatives."""

from tensorgrad.base.answers import complete as _complete

from . import functional
from .functional import all_gather, all_reduce, broadcast, reduce, reduce_scatter

__all__ = ["all_gather", "all_reduce", "broadcast", "functional", "reduce", "reduce_scatter"]

_complete(__name__)
