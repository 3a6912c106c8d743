"""What tests of the DataLoader need: data sets whose samples tell, wait, fail or end their process."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tensorgrad import data
from tests.waiting import until

QUIET = [
    # Python 3.12 and later warn of a fork beside other threads, and NumPy's BLAS has some.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # more workers than processors, on small machines
]


class Numbers(data.Dataset):
    """The numbers below n, and what happened where each was asked for."""

    def __init__(self, n: int = 12, **happens: Any) -> None:
        self.n = n
        self.happens = happens

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        if i == self.happens.get("raises"):
            raise KeyError("no such\nnumber")
        if i == self.happens.get("stops"):
            raise StopIteration
        if i == self.happens.get("dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        if i == self.happens.get("stubborn"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if i == 1 and "note" in self.happens:
            self.happens["note"].touch()
        if i == self.happens.get("waits"):
            until(self.happens["gate"].exists, "the test lets this sample go")
        return i


class Stream(data.IterableDataset):
    def __init__(self, n: int, sharded: bool = False, length: int | None = None) -> None:
        self.n, self.sharded, self.length = n, sharded, length

    def __iter__(self) -> Iterator[int]:
        info = data.get_worker_info()
        if info is None or not self.sharded:
            return iter(range(self.n))
        return iter(range(info.id, self.n, info.num_workers))

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("no length")
        return self.length


def lists(loader: Any) -> list[Any]:
    return [batch.tolist() for batch in loader]


def plain(x: Any) -> Any:
    """Nested lists with the shape and the dtype of every tensor."""
    if isinstance(x, list | tuple):
        return [type(x).__name__, *map(plain, x)]
    return str(x.dtype).removeprefix("torch."), tuple(x.shape), x.tolist()


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    if multiprocessing.active_children():
        gc.collect()  # an error that was caught may still hold an iterator
    assert not multiprocessing.active_children()
