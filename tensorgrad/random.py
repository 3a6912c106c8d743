"""Random numbers: one default generator that everything random uses, and explicit ones.

The stream is NumPy's PCG64, the same on every platform, and independent of NumPy's global generator.
"""

from __future__ import annotations

import numpy as np

_MASK = (1 << 64) - 1


class Generator:
    """A source of random numbers with a state of its own.

    >>> import tensorgrad as tg
    >>> a, b = tg.Generator().manual_seed(7), tg.Generator().manual_seed(7)
    >>> bool((tg.rand(3, generator=a) == tg.rand(3, generator=b)).array.all())
    True
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed` (any integer) and return the generator."""
        self._seed = int(seed)
        self._stream: np.random.Generator | None = None  # made when first used: NumPy loads its random part late, too
        return self

    @property
    def numpy(self) -> np.random.Generator:
        """NumPy's generator, which draws the numbers."""
        if self._stream is None:
            self._stream = np.random.Generator(np.random.PCG64(self._seed & _MASK))
        return self._stream

    def seed(self) -> int:
        """Start a stream from the system's entropy and return its seed."""
        return self.manual_seed(int(np.random.SeedSequence().entropy) & _MASK)._seed  # type: ignore[arg-type]

    def initial_seed(self) -> int:
        """Return the seed that the stream was started with."""
        return self._seed


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


def generator_of(generator: Generator | None) -> np.random.Generator:
    """Return NumPy's generator behind `generator`, or behind the default one."""
    return (default_generator if generator is None else generator).numpy
