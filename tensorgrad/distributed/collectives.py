"""PyTorch's collectives, which write into the tensors they are given and have no derivative (see `nn.functional`)."""

from __future__ import annotations

from enum import Enum
from typing import Any

from tensorgrad import ops
from tensorgrad.autograd.modes import no_grad
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import accumulated
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, AutogradError, ShapeError

from .group import world


class ReduceOp(Enum):
    """How the numbers of all ranks become one."""

    SUM = "sum"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"
    AVG = "avg"


class Work:
    """An exchange that is over: what scripts that ask for ``async_op`` wait for."""

    def wait(self, timeout: Any = None) -> bool:  # noqa: ARG002 - as PyTorch calls it
        """Return True."""
        return True

    def is_completed(self) -> bool:
        """Return True."""
        return True


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Write the sum of `tensor` over all ranks, or what `op` makes of it, into `tensor`, on each rank.

    Args:
        tensor: of one shape and dtype on all ranks.
        op: how the numbers of the ranks become one.
        group: None, for all ranks.
        async_op: give out a `Work` that is done.

    Raises:
        DistributedError: there is no group, or the ranks do not do the same.
        AutogradError: `tensor` is recorded: `nn.functional.all_reduce` has a derivative.

    >>> import tensorgrad as tg
    >>> tg.distributed.init_process_group()
    >>> x = tg.tensor([1.0, 2.0]); tg.distributed.all_reduce(x); x
    tensor([1., 2.])
    >>> tg.distributed.destroy_process_group()
    """
    _written("all_reduce", tensor, _folded(tensor.array, op, group))
    return Work() if async_op else None


def reduce(
    tensor: Tensor, dst: int, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Do what `all_reduce` does on the rank `dst`; the others keep what they have.

    Raises:
        ArgumentError: there is no rank `dst`.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    check_rank("dst", dst)
    found = _folded(tensor.array, op, group)
    if world().rank == dst:
        _written("reduce", tensor, found)
    return Work() if async_op else None


def broadcast(tensor: Tensor, src: int, group: Any = None, async_op: bool = False) -> Work | None:
    """Write `tensor` of the rank `src` into those of all ranks.

    Raises:
        ArgumentError: there is no rank `src`.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    check_rank("src", src)
    _written("broadcast", tensor, world(group).sent(tensor.array, src))
    return Work() if async_op else None


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Write `tensor` of each rank into the tensor of that number in `tensor_list`.

    Raises:
        ArgumentError: the list has another length than the group.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    if len(tensor_list) != world(group).size:
        raise ArgumentError(f"all_gather: expected a tensor for each of {world().size} ranks, found {len(tensor_list)}")
    rows = ops.all_gather(wrap(tensor.array[None]), axis=0, counts=(1,) * world().size).array
    for target, found in zip(tensor_list, rows, strict=True):
        _written("all_gather", target, found)
    return Work() if async_op else None


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Put what each rank has given into `object_list`, in the order of the ranks; it goes by pickle.

    Raises:
        ArgumentError: the list has another length than the group.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    if len(object_list) != world(group).size:
        raise ArgumentError(f"all_gather_object: expected a place for each of {world().size} ranks")
    object_list[:] = world().objects(obj)


def broadcast_object_list(object_list: list[Any], src: int = 0, group: Any = None) -> None:
    """Put the objects of the rank `src` into the lists of all ranks; they go by pickle.

    Raises:
        ArgumentError: there is no rank `src`.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    check_rank("src", src)
    object_list[:] = world(group).objects(list(object_list) if world().rank == src else None)[src]


def _folded(x: Array, op: ReduceOp, group: Any) -> Array:
    ranks = world(group)
    if op not in (ReduceOp.SUM, ReduceOp.AVG):
        return ranks.total(x.astype(accumulated(x.dtype), copy=False), op.value).astype(x.dtype, copy=False)
    found: Array = ops.all_reduce(wrap(x)).array
    if op is ReduceOp.SUM:
        return found
    if x.dtype.kind not in "fc":
        raise ArgumentError(f"ReduceOp.AVG of {x.dtype}: the mean of whole numbers is none; convert them first")
    return (found / ranks.size).astype(x.dtype, copy=False)


def check_rank(name: str, rank: int) -> None:
    """Raise ArgumentError unless there is a rank of this number."""
    if not 0 <= rank < world().size:
        raise ArgumentError(f"{name}={rank}: there are ranks 0 to {world().size - 1}")


def _written(name: str, tensor: Tensor, found: Array) -> None:
    """Write `found` into `tensor`, which nobody asks for a gradient."""
    if tensor.node is not None and tensor.tracked and tensor.node.primitive is not None:
        raise AutogradError(
            f"{name} writes into a tensor that is recorded, and has no derivative: distributed.nn.functional.{name} "
            f"gives a new one that has, or write under no_grad() into its .detach()"
        )
    if tensor.array.shape != found.shape:
        raise ShapeError(f"{name}: expected shape {list(found.shape)}, found {list(tensor.array.shape)}")
    with no_grad():
        tensor.copy_(wrap(found))
