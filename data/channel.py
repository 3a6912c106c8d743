"""What passes between a DataLoader and its workers: any object that can be pickled, and tensors.

A Tensor is not pickled otherwise, because to load a pickle from a file can run any code. Here both ends are one
program.
"""

from __future__ import annotations

import io
import pickle
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError

_PROTOCOL = 5


class _Pickler(ForkingPickler):
    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Tensor):
            return NotImplemented
        if not obj.is_leaf:
            raise AutogradError(
                "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support "
                "crossing process boundaries: return x.detach() from the data set"
            )
        return _tensor, (type(obj), plain(obj.array), obj.requires_grad)


def _tensor(kind: type[Tensor], array: Array, requires_grad: bool) -> Tensor:
    x = kind.__new__(kind)
    x.array, x.grad, x.node, x.tracked = array, None, None, requires_grad
    return x


def dumped(message: Any) -> memoryview:
    """Return `message` as bytes."""
    stream = io.BytesIO()
    _Pickler(stream, _PROTOCOL).dump(message)
    return stream.getbuffer()


def loaded(content: bytes) -> Any:
    """Return the message that `dumped` made these bytes of."""
    return pickle.loads(content)  # noqa: S301 - written by this program


def send(line: Connection, message: Any) -> None:
    """Send `message` to the other end."""
    line.send_bytes(dumped(message))


class Parcel:
    """Something that goes to a new process: as it is into a forked one, by `dumped` into any other."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __reduce__(self) -> Any:
        return _opened, (bytes(dumped(self.content)),)


def _opened(content: bytes) -> Parcel:
    return Parcel(loaded(content))
