"""Modules that several processes train."""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.nn.module.containers import DataParallel

from .dataparallel import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel"]

_complete(__name__)
