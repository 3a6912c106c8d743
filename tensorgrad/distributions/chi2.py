"""The distribution of a sum of squares, in a file of its own, as PyTorch has it."""

from __future__ import annotations

from tensorgrad.engine.tensor import Tensor

from .arguments import Value, as_tensors
from .gamma import Gamma


class Chi2(Gamma):
    """The sum of the squares of `df` standard normal variables: ``Gamma(df / 2, 1 / 2)``.

    Args:
        df: the degrees of freedom, above 0.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `df` is not positive.

    >>> import tensorgrad as tg
    >>> tg.distributions.Chi2(3.0).mean
    tensor(3.)
    """

    def __init__(self, df: Value, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * as_tensors(df)[0], 0.5, validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2
