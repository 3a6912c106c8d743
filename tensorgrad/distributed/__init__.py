"""Several processes that compute together, started by ``mpiexec -n N python script.py`` (extra `mpi`).

A script that is started without it is a group of one, and runs unchanged.

>>> import tensorgrad as tg
>>> tg.distributed.is_available(), tg.distributed.is_initialized()
(True, False)
"""

from tensorgrad.base.answers import complete as _complete

from . import nn
from .collectives import (
    ReduceOp,
    all_gather,
    all_gather_object,
    all_reduce,
    broadcast,
    broadcast_object_list,
    reduce,
)
from .group import (
    barrier,
    destroy_process_group,
    get_backend,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
    is_initialized,
)

__all__ = [
    "ReduceOp", "all_gather", "all_gather_object", "all_reduce", "barrier", "broadcast", "broadcast_object_list",
    "destroy_process_group", "get_backend", "get_rank", "get_world_size", "init_process_group", "is_available",
    "is_initialized", "nn", "reduce",
]  # fmt: skip

_complete(__name__)
