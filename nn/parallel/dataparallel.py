"""A module that several processes train, each on its own part of every batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.autograd.modes import no_grad
from tensorgrad.distributed.group import world
from tensorgrad.engine.fused import cut
from tensorgrad.engine.tensor import FILLED, Tensor, wrap
from tensorgrad.errors import ArgumentError, AutogradError, DistributedError
from tensorgrad.func.trees import mapped
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter
from tensorgrad.ops.processes import sent, total

_MEGABYTE = 1 << 20


class DistributedDataParallel(Module):
    """Calls `module`, and lets every `backward` end with gradients that are the means over all ranks.

    All ranks start with the parameters of the rank 0, and make the same steps, so they stay equal. Gradients are joined
    in flat buckets, one exchange each. BatchNorm sees the part of its rank only: `SyncBatchNorm` sees the whole.

    Args:
        module: trained on all ranks; its parameters must be the same ones everywhere.
        device_ids, output_device, dim, gradient_as_bucket_view, static_graph: accepted, and of no meaning here.
        broadcast_buffers: let the buffers be those of the rank 0 before each forward in training.
        process_group: None, for all ranks.
        bucket_cap_mb: how many megabytes (2**20 bytes) a bucket holds.
        find_unused_parameters: some parameters may have no gradient; otherwise that is an error.
        by_rows: weigh what comes back on each rank by its rows (axis 0 of the first argument): where each loss is a
            mean over rows, gradients are those of the mean over the whole batch, also where its parts are not equal.

    Raises:
        DistributedError: there is no group, or the modules of the ranks are not the same.
        ArgumentError: no parameter requires a gradient.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> tg.distributed.init_process_group()
    >>> net = nn.parallel.DistributedDataParallel(nn.Linear(3, 2))
    >>> net(tg.ones(4, 3)).sum().backward(); list(net.state_dict())
    ['module.weight', 'module.bias']
    >>> tg.distributed.destroy_process_group()
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,  # noqa: ARG002 - PyTorch's
        output_device: Any = None,  # noqa: ARG002 - PyTorch's
        dim: int = 0,
        broadcast_buffers: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float = 25,
        find_unused_parameters: bool = False,
        gradient_as_bucket_view: bool = False,  # noqa: ARG002 - PyTorch's
        static_graph: bool = False,  # noqa: ARG002 - PyTorch's
        *,
        by_rows: bool = False,
    ) -> None:
        super().__init__()
        world(process_group)
        self.dim, self.module = dim, module
        self.broadcast_buffers, self.find_unused_parameters = broadcast_buffers, find_unused_parameters
        self._by_rows, self._synchronizes = by_rows, True
        trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        if not trained:
            raise ArgumentError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a "
                "gradient"
            )
        self._trained = dict(trained)
        self._buckets = list(_buckets([p for _, p in trained], bucket_cap_mb * _MEGABYTE))
        _check_alike(module)
        with no_grad():
            _from_the_first([*module.parameters(), *module.buffers()])
        FILLED.add(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        FILLED.add(self)  # a copy joins its own gradients

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module returns."""
        if self.training and self._synchronizes and self.broadcast_buffers:
            with no_grad():
                _from_the_first(list(self.module.buffers()))
        y = self.module(*inputs, **kwargs)
        return mapped(self._weighing(_rows_of((*inputs, *kwargs.values()))), y) if self._by_rows else y

    def _weighing(self, rows: int) -> Callable[[Any], Any]:
        """Return a function that gives out what it is given, whose gradient it weighs by the share of these rows.

        It stands at the end of the module, for within it sums over ranks may mix the gradients of all.
        """
        own = np.array(float(rows))
        weight = own * world().size / total(own)

        def weighed(y: Any) -> Any:
            if isinstance(y, Tensor) and y.tracked:
                y.register_hook(lambda g: g * wrap(weight.astype(g.array.dtype)))
            return y

        return weighed

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Let gradients add up on each rank; the first backward behind it joins all that has been added.

        >>> import tensorgrad as tg
        >>> from tensorgrad import nn
        >>> tg.distributed.init_process_group()
        >>> net = nn.parallel.DistributedDataParallel(nn.Linear(3, 2))
        >>> with net.no_sync():
        ...     net(tg.ones(4, 3)).sum().backward()
        >>> tg.distributed.destroy_process_group()
        """
        before, self._synchronizes = self._synchronizes, False
        try:
            yield
        finally:
            self._synchronizes = before

    def filled(self, leaves: list[Tensor]) -> None:
        """Join the gradients of all ranks: what `backward` tells of the leaves whose gradients it has filled."""
        ours = set(map(id, self._trained.values()))
        if not self._synchronizes or not any(id(leaf) in ours for leaf in leaves):
            return
        with no_grad():
            used = self._used()
            for bucket in self._buckets:
                _join([p for p in bucket if id(p) in used])

    def _used(self) -> set[int]:
        """Return the ids of the parameters that have a gradient on some rank; zeros are put where there is none."""
        missing = [name for name, p in self._trained.items() if p.grad is None]
        if not self.find_unused_parameters:
            if missing:
                raise DistributedError(
                    f"Expected to have finished reduction: the loss does not depend on {missing[0]}, one of "
                    f"{len(missing)} parameters without a gradient; DistributedDataParallel(..., "
                    f"find_unused_parameters=True) lets them be"
                )
            return set(map(id, self._trained.values()))
        flags = total(np.array([p.grad is not None for p in self._trained.values()], np.int64))
        used = [p for p, flag in zip(self._trained.values(), flags, strict=True) if flag]
        for p in used:
            if p.grad is None:
                p.grad = wrap(np.zeros_like(p.array))
        return set(map(id, used))


def _join(parameters: list[Parameter]) -> None:
    """Let the gradients of `parameters`, which have one dtype, be the means over all ranks: one exchange."""
    if not parameters:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    if any(g.tracked for g in gradients):
        raise AutogradError(
            "backward(create_graph=True) through DistributedDataParallel: gradients are joined in place and have no "
            "derivative; take them with autograd.grad, and join them by distributed.nn.functional.all_reduce"
        )
    if world().size == 1:
        return
    flat = ops.concatenate(*[ops.reshape(g, shape=(g.array.size,)) for g in gradients], axis=0)
    means = cut(ops.all_reduce(flat / world().size), *[g.array.shape for g in gradients])
    for g, mean in zip(gradients, means, strict=True):
        g.copy_(mean)


def _buckets(parameters: list[Parameter], most: float) -> Iterator[list[Parameter]]:
    """Yield the parameters in parts of one dtype and at most `most` bytes, or one, the last ones first."""
    bucket: list[Parameter] = []
    size = 0
    for p in reversed(parameters):
        if bucket and (size + p.array.nbytes > most or p.array.dtype != bucket[0].array.dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(p)
        size += p.array.nbytes
    yield bucket


def _check_alike(module: Module) -> None:
    """Raise DistributedError unless the modules of all ranks have the same parameters and buffers."""
    own = [(name, x.array.shape, str(x.array.dtype)) for name, x in module.state_dict(keep_vars=True).items()]
    for rank, other in enumerate(world().objects(own)):
        if other != own:
            differing = next((a, b) for a, b in zip([*own, None], [*other, None], strict=False) if a != b)
            raise DistributedError(
                f"DistributedDataParallel: the module of rank {rank} is another one than that of rank {world().rank}: "
                f"{differing[1]} there, {differing[0]} here"
            )


def _from_the_first(tensors: list[Any]) -> None:
    """Write the tensors of the rank 0 into those of all ranks: one exchange for each dtype."""
    for dtype in dict.fromkeys(x.array.dtype for x in tensors):
        alike = [x for x in tensors if x.array.dtype == dtype and x.array.size]
        if not alike:
            continue
        flat = np.concatenate([x.array.reshape(-1) for x in alike])
        parts = cut(sent(flat, 0), *[x.array.shape for x in alike])
        for x, part in zip(alike, parts, strict=True):
            x.copy_(wrap(part))


def _rows_of(values: tuple[Any, ...]) -> int:
    first = next((x for x in values if isinstance(x, Tensor) and x.array.ndim), None)
    if first is None:
        raise ArgumentError("DistributedDataParallel(by_rows=True): no argument of the forward is a tensor with rows")
    return int(first.array.shape[0])
