"""Memory that NumPy code outside can write, without this library being told.

`from_numpy(a)` and `x.numpy()` share memory, as in PyTorch. A saved value in such memory could change before backward
reads it, and the gradient would be silently wrong. So while somebody else may hold the memory, its tensors carry an
`Exposed` array, and an operation that must save such a value saves a copy of its own. What had been saved before the
array was handed out is compared, when backward reads it, with a digest taken then.

Fast paths know nothing of this: an `Exposed` operand makes an `Exposed` result, which they leave to `dispatch.apply`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import numpy as np

from tensorgrad.base.callsite import Place, here
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import owner_of
from tensorgrad.base.watched import is_watched, memory_of, read_by
from tensorgrad.errors import InPlaceError

from .batched import is_batched
from .references import base_alone
from .tensor import Node, Tensor, tick, wrap
from .tracedarrays import Traced, tell_of_threads
from .traces import running
from .views import position_of
from .writes import last_write, spoiled

_layout_of = attrgetter("shape", "strides", "dtype")


class Exposed(np.ndarray[Any, np.dtype[Any]]):
    """An array whose memory others may write: those who hold the arrays in `handed`; None: anybody, at any time."""

    handed: list[weakref.ref[Array]] | None = None


class _HandedOut:
    """The state of some memory each time it was handed out: serial, digest, and where that happened."""

    def __init__(self, owner: weakref.ref[Array]) -> None:
        self.owner = owner
        self.states: list[tuple[int, bytes, Place]] = []
        self.forgotten = 0  # the serial of the last state that has been dropped


_MOST_STATES = 32  # what was saved before the oldest of them counts as changed: so many changes it cannot have outlived

_handed_out: dict[int, _HandedOut] = {}  # by the id of the array that owns the memory


def _exposed(array: Array, handed: list[weakref.ref[Array]] | None) -> Array:
    view = array.view(Exposed)
    view.handed = handed
    return view


def plain(array: Array) -> Array:
    """Return `array`, or what it was before it became exposed: the same memory without the mark."""
    found: Any = array
    if type(found) is Traced:
        tell_of_threads((found,), found.value)
        return found.value  # type: ignore[no-any-return]
    if not isinstance(array, Exposed):
        return array
    base: Any = array.base
    whole = base.__class__ is np.ndarray and _layout_of(base) == _layout_of(array)  # its holder may lay it out anew
    return base if whole else array.view(np.ndarray)


def adopted(array: Array) -> Tensor:
    """Return a tensor on the memory of an array that the caller made and may go on writing."""
    found: Any = array
    trace = running()
    if is_batched(found) or is_watched(found):  # which nobody else can write
        return wrap(array)
    if type(found) is Traced and trace is not None:  # which tells of every write itself, until the trace is over
        y = wrap(array)
        trace.changed.append((weakref.ref(y), array, _exposed(found.value, None)))
        return y
    return wrap(_exposed(array, None))


def handed_out(x: Tensor) -> Array:
    """Return an array on the memory of `x`, for use outside, and let every tensor on that memory know.

    The array refers to a memoryview and not to an array: NumPy then makes all views of it refer to it, so that it lives
    exactly as long as anybody outside can write.
    """
    if is_batched(x.array):
        return np.asarray(x.array)  # which is refused
    if is_watched(x.array):
        read_by("numpy()", x.array)
    own: Array = memory_of(plain(x.array))
    if not own.flags.writeable:
        return own
    array: Array = np.asarray(memoryview(own))  # type: ignore[arg-type]  # an array is a buffer
    _note_state(own)
    for y in _sharing(x):
        handed = y.array.handed if isinstance(y.array, Exposed) else []
        if handed is not None:
            living = [ref for ref in handed if ref() is not None]
            y.array = _exposed(memory_of(plain(y.array)), [*living, weakref.ref(array)])
    return array


def _sharing(x: Tensor) -> list[Tensor]:
    """Return the living tensors on the memory of `x`, itself among them."""
    position = position_of(x)
    return [x] if position is None else position.living()


def expose_for_good(x: Tensor) -> None:
    """Let `x` be exposed for as long as it lives: its memory goes where nobody tells when it is dropped."""
    _note_state(x.array)
    for y in _sharing(x):
        y.array = _exposed(plain(y.array), None)


def still_exposed(x: Tensor) -> bool:
    """Return whether somebody outside may still write the memory of `x`; if not, `x` gets a plain array again."""
    array = x.array
    if not isinstance(array, Exposed):
        return False
    # of a view, and of memory that is not NumPy's own, nothing can be told
    alone = base_alone(array) if array.handed is None else all(ref() is None for ref in array.handed)
    if alone:
        x.array = plain(array)
    return not alone


def lasting(x: Tensor) -> Array:
    """Return the array of `x`, to be kept as it is now: a copy where somebody outside may write it, and tell nobody."""
    return plain(x.array).copy() if still_exposed(x) else x.array


def like(array: Array, exposed: Array) -> Array:
    """Return the view `array` of memory that is exposed as `exposed` is."""
    assert isinstance(exposed, Exposed)
    return _exposed(array, exposed.handed)


def _digest(owner: Array) -> bytes:
    import hashlib  # OpenSSL: who hands no array out does not wait for it

    return hashlib.blake2b(
        np.ascontiguousarray(owner).view(np.uint8).data if owner.size else b"", digest_size=16
    ).digest()


def _note_state(array: Array) -> None:
    owner = owner_of(array)
    key, digest = id(owner), _digest(owner)
    serial = last_write[0] = tick()  # sweeps over older nodes then look closer
    entry = _handed_out.get(key)
    if entry is None:
        entry = _handed_out[key] = _HandedOut(weakref.ref(owner, lambda _: _handed_out.pop(key, None)))
    if entry.states and entry.states[-1][1] == digest:
        entry.states.pop()  # nothing happened in between: the later moment stands for both
    entry.states.append((serial, digest, here()))
    if len(entry.states) > _MOST_STATES:
        entry.forgotten = entry.states.pop(0)[0]


def check_unexposed(node: Node, values: Iterable[Any] | None = None) -> None:
    """Raise InPlaceError if a value that `check_unwritten` looks at was changed through an array handed out since."""
    for value in ((node.saved or ()) if values is None else values) if _handed_out else ():
        if not isinstance(value, np.ndarray):
            continue
        owner = owner_of(value)
        entry = _handed_out.get(id(owner))
        first = next((state for state in entry.states if state[0] > node.serial), None) if entry else None
        if entry and first and (entry.forgotten > node.serial or first[1] != _digest(owner)):
            raise InPlaceError(spoiled(node, value, "NumPy code, through the array handed out by numpy()", first[2]))
