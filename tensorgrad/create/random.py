"""Random numbers: one default generator that everything random uses, and explicit ones.

The stream is NumPy's PCG64, and independent of NumPy's global generator. Its raw integers and the uniform doubles made
of them are the same on every platform and in every version of NumPy; what else is drawn may differ between versions of
NumPy (tests/test_random.py holds the first numbers of each).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import index
from typing import Any, cast
from weakref import WeakSet

import numpy as np

from tensorgrad.base.devices import CPU, check_device, device
from tensorgrad.base.dtypes import Array
from tensorgrad.base.watched import WatchedStream, watching
from tensorgrad.engine.batched import Batched, Levels, RandomnessError, UnbatchableError, is_batched, running_levels
from tensorgrad.engine.generalforms import Stream
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.tracedvalues import broken
from tensorgrad.engine.traces import running
from tensorgrad.errors import DTypeError, ShapeError

_MASK = (1 << 64) - 1
_STATE = (("seed", 8), ("state", 16), ("inc", 16), ("has_uint32", 1), ("uinteger", 4))  # name, length in bytes


def _tell(how: str, value: Any) -> None:
    """Tell a watch that something of a generator was read or set, which a plan does not do."""
    if (watch := watching()) is not None:
        watch.broke(how, value)


_living: WeakSet[Generator] = WeakSet()


class Generator:
    """A source of random numbers with a state of its own.

    Raises:
        DeviceError: `device` is not the CPU.

    >>> import tensorgrad as tg
    >>> a, b = tg.Generator().manual_seed(7), tg.Generator().manual_seed(7)
    >>> bool((tg.rand(3, generator=a) == tg.rand(3, generator=b)).array.all())
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self.manual_seed(67280421310721)
        _living.add(self)

    @property
    def device(self) -> device:
        """The device, the CPU."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed` (any integer, of which 64 bits count) and return the generator."""
        if not hasattr(seed, "__index__"):
            raise DTypeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        broken("the state of a generator, which was set inside,", seed)
        _tell("the state of a generator, which was set inside,", seed)
        self._seed = index(seed) & _MASK
        self._stream: np.random.Generator | None = None  # made when first used: NumPy loads its random part late, too
        return self

    @property
    def numpy(self) -> np.random.Generator:
        """NumPy's generator, which draws the numbers."""
        if self._stream is None:
            self._stream = np.random.Generator(np.random.PCG64(self._seed))
        return self._stream

    def seed(self) -> int:
        """Start a stream from the system's entropy and return its seed."""
        return self.manual_seed(int(np.random.SeedSequence().entropy))._seed  # type: ignore[arg-type]

    def initial_seed(self) -> int:
        """Return the seed that the stream was started with, between 0 and 2**64 - 1."""
        _tell("the seed of a generator", self._seed)
        return self._seed

    def get_state(self) -> Tensor:
        """Return all that decides the numbers to come, as a uint8 tensor."""
        _tell("the state of a generator", "numbers")
        found = self.numpy.bit_generator.state
        values = {"seed": self._seed, **found, **found["state"]}
        text = b"".join(int(values[name]).to_bytes(length, "little") for name, length in _STATE)
        return wrap(np.frombuffer(text, np.uint8).copy())

    def set_state(self, new_state: Tensor) -> None:
        """Go on from a state that `get_state` returned; ShapeError or DTypeError for any other tensor."""
        array = new_state.array
        if array.dtype != np.uint8:
            raise DTypeError(f"RNG state must be a ByteTensor: expected uint8, found {array.dtype}")
        wanted = sum(length for _, length in _STATE)
        if array.shape != (wanted,):
            raise ShapeError(f"Expected a state of size {wanted} but found the input RNG state size to be {array.size}")
        text, values = array.tobytes(), {}
        for name, length in _STATE:
            values[name], text = int.from_bytes(text[:length], "little"), text[length:]
        self.manual_seed(values["seed"])
        self.numpy.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": values["state"], "inc": values["inc"]},
            "has_uint32": values["has_uint32"],
            "uinteger": values["uinteger"],
        }

    def clone_state(self) -> Generator:
        """Return another generator in the same state."""
        other = Generator()
        other.set_state(self.get_state())
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        return self.clone_state()


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the stream of `seed` in the default generator and return it.

    >>> import tensorgrad as tg
    >>> _ = tg.manual_seed(0); a = tg.randn(2)
    >>> _ = tg.manual_seed(0); b = tg.randn(2)
    >>> tg.equal(a, b)
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator from the system's entropy and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed that the default generator was started with."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the default generator, as a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Let the default generator go on from a state that `get_rng_state` returned."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Return a context after which the default generator is where it was before.

    Raises:
        DeviceError: a device that is not the CPU.

    >>> before = initial_seed()
    >>> with fork_rng():
    ...     _ = manual_seed(12345)
    >>> initial_seed() == before
    True
    """
    for place in devices or ():
        check_device(place)
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)


def states() -> list[tuple[Generator, Tensor]]:
    """Return every generator with its state: what a second run of something begins with."""
    return [(g, g.get_state()) for g in list(_living)]


_WORD, _HALF = np.dtype("<u8"), np.dtype("<u4")


def words(source: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return uniform 32-bit words: the raw integers of the stream, the lower half of each before the upper one."""
    size = math.prod(shape)
    raw: Array = source.bit_generator.random_raw((size + 1) // 2)
    halves = raw.astype(_WORD, copy=False).view(_HALF)
    return (halves[:size] if size % 2 else halves).reshape(shape)


_SHAPED = {"random": 0, "standard_normal": 0, "standard_exponential": 0, "random_raw": 0, "integers": 2}
"""Where the methods of NumPy's generators that draw in a shape, number by number, are given that."""


class _OfExamples:
    """A generator while a function runs for all examples of a batch at once: each has numbers of its own, or all one's.

    The stream goes on as if one example drew after the other, as far as each draws once.
    """

    def __init__(self, source: Any, levels: Levels) -> None:
        for level in levels:
            if level.randomness == "error":
                raise RandomnessError(
                    "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                    "'different' randomness flags on vmap or perform the randomness operation out of vmap"
                )
        self._source = source
        self._levels = levels

    @property
    def bit_generator(self) -> _OfExamples:
        """What draws raw integers."""
        return _OfExamples(self._source.bit_generator, self._levels)

    def __getattr__(self, name: str) -> Any:
        return partial(self._draw, name)

    def _draw(self, name: str, *args: Any, **kwargs: Any) -> Any:
        stream = getattr(self._source, "bit_generator", self._source)
        for level in self._levels:
            if stream not in level.states:
                level.states[stream] = stream.state
        if any(map(is_batched, args)):
            raise UnbatchableError(f"random numbers of {name}, whose law differs between the examples,")
        method = getattr(self._source, name)
        levels = tuple([level for level in self._levels if level.randomness == "different"])
        if not levels:
            return method(*args, **kwargs)
        lead, place = tuple([level.size for level in levels]), _SHAPED.get(name, len(args))
        if place < len(args):
            shape = args[place] if isinstance(args[place], tuple) else (args[place],)
            return Batched(method(*args[:place], (*lead, *shape), *args[place + 1 :], **kwargs), levels)
        parts = np.stack([method(*args, **kwargs) for _ in range(math.prod(lead))])
        return Batched(parts.reshape(*lead, *parts.shape[1:]), levels)


def generator_of(generator: Generator | None) -> np.random.Generator:
    """Return NumPy's generator behind `generator`, or behind the default one."""
    known = default_generator if generator is None else generator
    if levels := running_levels():
        return cast("np.random.Generator", _OfExamples(known.numpy, levels))
    if (watch := watching()) is not None:
        return cast("np.random.Generator", WatchedStream(known, watch))
    return known.numpy if running() is None else cast("np.random.Generator", Stream(known.numpy))
