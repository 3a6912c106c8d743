"""Random masks as modules."""

from __future__ import annotations

from tensorgrad.base.convention import check_convention
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.functional.dropout import check_probability
from tensorgrad.nn.module.settings import Applied, setting, settings


@settings
class _Dropout(Applied):
    p: float = 0.5
    inplace: bool = False  # accepted for PyTorch's sake: the input is never written
    generator: Generator | None = setting(default=None, kw_only=True, shown="never")

    def _complete(self) -> None:
        """Check the settings.

        Raises:
            ValueError: `p` is not within [0, 1].
        """
        check_probability(self.p)

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with a new random mask, or unchanged in evaluation."""
        return self._function(input, self.p, self.training, generator=self.generator)


@settings
class Dropout(_Dropout):
    """In training, zero each element with probability `p` and divide the others by ``1 - p``; else do nothing.

    By ``convention="book"``: leave the others as they are, and in evaluation multiply all by ``1 - p``.
    Source: Srivastava et al. 2014. ValueError for p outside [0, 1].

    >>> import tensorgrad as tg
    >>> Dropout(0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    >>> Dropout(0.5, convention="book").eval()(tg.ones(3))
    tensor([0.5000, 0.5000, 0.5000])
    """

    convention: str = setting(default="pytorch", kw_only=True, shown="changed")

    def _complete(self) -> None:
        """Check the settings.

        Raises:
            ValueError: `p` is not within [0, 1].
            ArgumentError: `convention` is neither "pytorch" nor "book".
        """
        super()._complete()
        check_convention(self.convention)

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with a new random mask, or what evaluation makes of it."""
        return functional.dropout(input, self.p, self.training, generator=self.generator, convention=self.convention)


class Dropout1d(_Dropout, function=functional.dropout1d):
    """In training, zero each channel of (N, C, L) or (C, L) with probability `p`, and divide the others by ``1 - p``.

    Source: Tompson et al. 2015. ValueError for p outside [0, 1].
    """


class Dropout2d(_Dropout, function=functional.dropout2d):
    """In training, zero each channel of (N, C, H, W) with probability `p`, and divide the others by ``1 - p``."""


class Dropout3d(_Dropout, function=functional.dropout3d):
    """In training, zero each channel of (N, C, D, H, W) or (C, D, H, W) with probability `p`; see Dropout2d."""


class AlphaDropout(_Dropout, function=functional.alpha_dropout):
    """In training, put each element to the lower end of SELU with probability `p`, keeping mean 0 and variance 1.

    Source: Klambauer et al. 2017. ValueError for p outside [0, 1].
    """


class FeatureAlphaDropout(_Dropout, function=functional.feature_alpha_dropout):
    """AlphaDropout of whole channels of (N, C, ...)."""
