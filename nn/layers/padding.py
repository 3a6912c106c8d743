"""Padding as modules: each calls `functional.pad` with its mode."""

from __future__ import annotations

from typing import ClassVar

from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.functional.windows import Sizes, per_axis
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.settings import setting, settings


class _Padding(Module):
    """`padding` is a number for all sides, or (left, right), (left, right, top, bottom): the last axis comes first."""

    ndim: ClassVar[int]
    mode: ClassVar[str] = "constant"
    padding: Sizes
    value: float = 0.0

    def _complete(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: `padding` has neither one number nor one for each side.
        """
        self.padding = per_axis(self.padding, 2 * self.ndim, "padding")

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with more elements around its last axes."""
        return functional.pad(input, self.padding, self.mode, self.value)  # type: ignore[arg-type]  # one per side now


@settings
class _Sides(_Padding):
    padding: Sizes = setting(shown="value")


@settings
class ConstantPad1d(_Padding):
    """`value` on both sides of the last axis."""

    ndim = 1
    padding: Sizes
    value: float


class ConstantPad2d(ConstantPad1d):
    """`value` around the last two axes."""

    ndim = 2


class ConstantPad3d(ConstantPad1d):
    """`value` around the last three axes."""

    ndim = 3


class ZeroPad1d(_Sides):
    """Zeros on both sides of the last axis."""

    ndim = 1


class ZeroPad2d(_Sides):
    """Zeros around the last two axes.

    >>> import tensorgrad as tg
    >>> ZeroPad2d((1, 0, 0, 0))(tg.ones(1, 2, 2))
    tensor([[[0., 1., 1.],
             [0., 1., 1.]]])
    """

    ndim = 2


class ZeroPad3d(_Sides):
    """Zeros around the last three axes."""

    ndim = 3


class ReflectionPad1d(_Sides):
    """The last axis mirrored at its ends, which are not repeated."""

    ndim, mode = 1, "reflect"


class ReflectionPad2d(_Sides):
    """The last two axes mirrored at their ends, which are not repeated."""

    ndim, mode = 2, "reflect"


class ReflectionPad3d(_Sides):
    """The last three axes mirrored at their ends, which are not repeated."""

    ndim, mode = 3, "reflect"


class ReplicationPad1d(_Sides):
    """The ends of the last axis repeated."""

    ndim, mode = 1, "replicate"


class ReplicationPad2d(_Sides):
    """The ends of the last two axes repeated."""

    ndim, mode = 2, "replicate"


class ReplicationPad3d(_Sides):
    """The ends of the last three axes repeated."""

    ndim, mode = 3, "replicate"


class CircularPad1d(_Sides):
    """The last axis continued from its other end."""

    ndim, mode = 1, "circular"


class CircularPad2d(_Sides):
    """The last two axes continued from their other ends."""

    ndim, mode = 2, "circular"


class CircularPad3d(_Sides):
    """The last three axes continued from their other ends."""

    ndim, mode = 3, "circular"
