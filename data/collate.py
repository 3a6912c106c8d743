"""Collation: how a list of samples becomes one batch."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.context import context
from tensorgrad.base.dtypes import float64
from tensorgrad.create.creation import as_tensor, tensor
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor, as_array, wrap
from tensorgrad.errors import RangeError, ShapeError
from tensorgrad.functions.joining import stack

_TEXT_OR_OBJECT = "SUO"


def default_collate(batch: Sequence[Any]) -> Any:
    """Return a batch of samples as one object of the same structure, with an axis for the batch in front.

    Tensors, arrays and NumPy's numbers are stacked in their dtype, Python's floats become float64, integers int64 and
    booleans bool; text stays a sequence. Of mappings, lists and named tuples each element is collated by itself; of
    tuples too, which become a list.

    Raises:
        ShapeError: tensors of unequal shape, or sequences of unequal length.
        TypeError: samples of any other kind, None among them.

    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    >>> default_collate([{"x": 0.5}, {"x": 1.5}])
    {'x': tensor([0.5000, 1.5000], dtype=float64)}
    """
    if not len(batch):
        raise RangeError("default_collate: expected at least one sample, found an empty batch")
    first = batch[0]
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _mapping_like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if not isinstance(first, Sequence):
        return _stacked(batch)
    lengths = [len(sample) for sample in batch]
    if len(set(lengths)) > 1:
        raise ShapeError(f"each element in list of batch should be of equal size: found lengths {lengths[:10]}")
    return _sequence_like(first, [default_collate(column) for column in zip(*batch, strict=True)])


def _stacked(batch: Sequence[Any]) -> Tensor:
    """Return tensors, arrays or numbers as one tensor."""
    first = batch[0]
    if isinstance(first, Tensor):
        return _joined(list(batch))
    if isinstance(first, np.ndarray):
        if first.dtype.kind in _TEXT_OR_OBJECT:
            raise _refusal(first.dtype)
        return _joined([wrap(as_array(x)) for x in batch])
    if isinstance(first, np.bool_ | np.number | int):
        return as_tensor(batch)
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    raise _refusal(type(first))


def unrecorded(tensors: Iterable[Tensor]) -> bool:
    """Return whether operations on `tensors` leave no trace: their arrays may then stand for them."""
    return not (context().special or any(x.tracked for x in tensors))


def _joined(samples: list[Tensor]) -> Tensor:
    """Return `samples` stacked; at once where nothing is recorded, which is some six times as fast."""
    if unrecorded(samples) and len({(x.array.shape, x.array.dtype) for x in samples}) == 1:
        return wrap(np.stack([plain(x.array) for x in samples]))
    return stack(samples)


def _refusal(found: Any) -> TypeError:
    return TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {found}: convert "
        f"it in the data set, or give the DataLoader a collate_fn"
    )


def default_convert(data: Any) -> Any:
    """Return `data` with its arrays and NumPy's numbers as tensors, on the same memory; the rest stays as it is.

    What a DataLoader without batches does to each sample. Tuples become lists, as in `default_collate`.

    >>> default_convert({"x": np.zeros(2), "name": "a"})
    {'x': tensor([0., 0.], dtype=float64), 'name': 'a'}
    """
    if isinstance(data, np.ndarray):
        return data if data.dtype.kind in _TEXT_OR_OBJECT else as_tensor(data)
    if isinstance(data, np.bool_ | np.number):
        return as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _sequence_like(data, [default_convert(value) for value in data])
    return data


def _mapping_like(first: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """Return `items` in a mapping of the type of `first`, with what else it holds; a dict where that cannot be."""
    try:
        if not isinstance(first, MutableMapping):
            return type(first)(items)  # type: ignore[call-arg]  # most mappings can be made of one
        clone = copy.copy(first)
        clone.update(items)
    except TypeError:
        return items
    return clone


def _sequence_like(first: Sequence[Any], items: list[Any]) -> Any:
    """Return `items` in a sequence of the type of `first`; in a list for tuples, and where that cannot be."""
    if isinstance(first, tuple):
        return type(first)(*items) if hasattr(first, "_fields") else items
    try:
        if not isinstance(first, MutableSequence):
            return type(first)(items)  # type: ignore[call-arg]  # most sequences can be made of one
        clone = copy.copy(first)
        for i, item in enumerate(items):
            clone[i] = item
    except TypeError:
        return items
    return clone
