"""What passes between a DataLoader and its workers: any object that can be pickled, tensors among them."""

from __future__ import annotations

import pickle
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

_PROTOCOL = 5


def dumped(message: Any) -> memoryview:
    """Return `message` as bytes."""
    return ForkingPickler.dumps(message, _PROTOCOL)


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
