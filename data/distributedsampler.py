"""Which samples of a data set each of several processes takes."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np

from tensorgrad.create.random import Generator
from tensorgrad.create.sampling import randperm
from tensorgrad.distributed.group import world
from tensorgrad.errors import ArgumentError

from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """The part of the indices of `dataset` that belongs to one rank: every `num_replicas`-th of an order of all.

    All ranks draw the same order, from `seed` and the epoch. So that each has as many, the first indices come again at
    the end, or, with `drop_last`, the last ones are left out.

    Args:
        dataset: anything with a length.
        num_replicas: how many ranks there are; those of the group if not given.
        rank: the number of this one; that of the group if not given.
        shuffle: draw an order; `set_epoch` makes it another one in each epoch.
        seed: of the order, the same on all ranks.
        drop_last: leave out what does not go round.

    Raises:
        DistributedError: no `num_replicas` or `rank`, and no group.
        ArgumentError: a rank that is not there.

    >>> [list(DistributedSampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.dataset, self.shuffle, self.seed, self.drop_last = dataset, shuffle, seed, drop_last
        self.num_replicas = world().size if num_replicas is None else num_replicas
        self.rank = world().rank if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ArgumentError(
                f"Invalid rank {self.rank}, rank should be in the interval [0, {self.num_replicas - 1}]"
            )
        n = len(dataset)
        self.num_samples = n // self.num_replicas if drop_last else -(-n // self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = np.arange(n)
        if self.shuffle:
            order = randperm(n, generator=Generator().manual_seed(self.seed + self.epoch)).numpy()
        return iter(np.resize(order, self.total_size)[self.rank :: self.num_replicas].tolist())

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Let the order be that of `epoch`; otherwise it is the same in every one.

        >>> sampler = DistributedSampler(range(100), 2, 0)
        >>> first = list(sampler); sampler.set_epoch(1); first == list(sampler)
        False
        """
        self.epoch = epoch
