"""Exchanges with derivatives of every order: tensors in, new tensors out.

The gradient that comes back is that of the sum of what all ranks compute, as PyTorch has it: so it is an exchange too,
and every rank has to ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorgrad import ops
from tensorgrad.distributed.collectives import ReduceOp, check_rank
from tensorgrad.distributed.group import world
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError

__all__ = ["all_gather", "all_reduce", "broadcast", "reduce", "reduce_scatter"]


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None) -> Tensor:
    """Return the sum, or the mean, of `tensor` over all ranks, in its shape.

    ``y[r] = sum over s of x[s]``, so ``dL/dx[s] = sum over r of dL/dy[r]``.

    Raises:
        ArgumentError: an `op` that is neither SUM nor AVG.
        DistributedError: there is no group, or the ranks do not do the same.

    >>> import tensorgrad as tg
    >>> tg.distributed.init_process_group()
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> (all_reduce(x) ** 2).sum().backward(); x.grad
    tensor([2., 4.])
    >>> tg.distributed.destroy_process_group()
    """
    scale = _scale(op, world(group).size)
    y: Tensor = ops.all_reduce(tensor)
    return y / scale if scale != 1 else y


def all_gather(tensor: Tensor, group: Any = None) -> tuple[Tensor, ...]:
    """Return the tensors of all ranks, each of the shape of `tensor`.

    Raises:
        DistributedError: there is no group, or the ranks do not do the same.
    """
    size = world(group).size
    y: Tensor = ops.all_gather(tensor.unsqueeze(0), axis=0, counts=(1,) * size)
    return tuple([y[r] for r in range(size)])


def reduce_scatter(input_list: Sequence[Tensor], op: ReduceOp = ReduceOp.SUM, group: Any = None) -> Tensor:
    """Return the sum, or the mean, over all ranks of the tensor in their `input_list` that has the number of this rank.

    Raises:
        ArgumentError: the list has another length than the group, or an `op` that is neither SUM nor AVG.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    size = world(group).size
    if len(input_list) != size:
        raise ArgumentError(f"reduce_scatter: expected a tensor for each of {size} ranks, found {len(input_list)}")
    scale = _scale(op, size)
    y: Tensor = ops.reduce_scatter(
        ops.concatenate(*[x.unsqueeze(0) for x in input_list], axis=0), axis=0, counts=(1,) * size
    )[0]
    return y / scale if scale != 1 else y


def broadcast(tensor: Tensor, src: int, group: Any = None) -> Tensor:
    """Return `tensor` of the rank `src`, which gets the gradients of all; it has one shape on all ranks.

    Raises:
        ArgumentError: there is no rank `src`.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    y: Tensor = ops.all_reduce(_only_of(src, tensor, group))
    return y


def reduce(tensor: Tensor, dst: int, op: ReduceOp = ReduceOp.SUM, group: Any = None) -> Tensor:
    """Return the sum, or the mean, of `tensor` over all ranks on the rank `dst`, zeros of its shape on the others.

    Raises:
        ArgumentError: there is no rank `dst`, or an `op` that is neither SUM nor AVG.
        DistributedError: there is no group, or the ranks do not do the same.
    """
    return _only_of(dst, all_reduce(tensor, op, group), group)


def _scale(op: ReduceOp, size: int) -> int:
    """Return what a sum is divided by, before anything is exchanged."""
    if op is ReduceOp.SUM:
        return 1
    if op is not ReduceOp.AVG:
        raise ArgumentError(f"{op}: only SUM and AVG have derivatives here; distributed.all_reduce has the others")
    return size


def _only_of(rank: int, x: Tensor, group: Any) -> Tensor:
    """Return `x` on one rank, zeros on the others, where nothing comes back."""
    ranks = world(group)
    check_rank("rank", rank)
    y: Tensor = ops.where(ranks.rank == rank, x, ops.astype(x.new_zeros(()), dtype=x.array.dtype))
    return y
