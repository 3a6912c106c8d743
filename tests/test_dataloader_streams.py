"""DataLoader: streams, read whole or in shares."""

from __future__ import annotations

import warnings
from itertools import chain

import numpy as np
import pytest

from tensorgrad.data import DataLoader
from tests.samples import QUIET, Stream, lists, no_process_is_left  # noqa: F401 - no_process_is_left serves every test

pytestmark = QUIET


@pytest.mark.parametrize("num_workers", [0, 1, 2, 3])
@pytest.mark.parametrize("batch_size", [None, 1, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_a_stream_is_read_whole_by_each_worker_or_in_shares(
    num_workers: int, batch_size: int | None, drop_last: bool
) -> None:
    for sharded in (False, True):
        drop = drop_last and batch_size is not None
        loader = DataLoader(Stream(7, sharded), batch_size, num_workers=num_workers, drop_last=drop)
        found = [np.ravel(batch).tolist() for batch in loader]
        shares = max(num_workers, 1)
        streams = [list(range(7)[i::shares] if sharded else range(7)) for i in range(shares)]
        size = batch_size or 1
        wanted = [[part[i : i + size] for i in range(0, len(part), size)] for part in streams]
        wanted = [[batch for batch in part if len(batch) == size or not drop] for part in wanted]
        turns = [part[i] for i in range(8) for part in wanted if i < len(part)]
        assert found == turns


def test_a_stream_can_be_read_again_by_persistent_workers() -> None:
    loader = DataLoader(Stream(5, sharded=True), 2, num_workers=2, persistent_workers=True)
    first = lists(loader)
    assert sorted(chain(*first)) == list(range(5))
    assert lists(loader) == first


def test_the_length_of_a_stream_is_what_it_reports() -> None:
    assert len(DataLoader(Stream(7, length=7), 3)) == 3
    assert len(DataLoader(Stream(7, length=7), 3, drop_last=True)) == 2
    assert len(DataLoader(Stream(7, length=7), None)) == 7
    with pytest.raises(TypeError, match="no length"):
        len(DataLoader(Stream(7)))


def test_a_stream_longer_than_it_reports_is_warned_of() -> None:
    loader = DataLoader(Stream(3, length=2), None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(loader) == [0, 1, 2]  # nobody has asked for the length
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2 .*but 3 samples have been fetched") as found:
        list(loader)
    assert found[0].filename == __file__
    twice = DataLoader(Stream(2, length=2), None, num_workers=2)
    assert len(twice) == 2
    with pytest.warns(UserWarning, match="asks get_worker_info for its share"):
        assert list(twice) == [0, 0, 1, 1]
