"""What subclasses of distributions are written with, in a file of its own under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.autograd import enable_grad
from tensorgrad.base.answers import complete as _complete
from tensorgrad.engine.tensor import Tensor

from .arguments import Value, as_tensors, clamped as clamp_probs, log_odds as _log_odds

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits"]


def broadcast_all(*values: Value) -> tuple[Tensor, ...]:
    """Return numbers and tensors as tensors of one shape; numbers in the dtype of the first tensor.

    >>> import tensorgrad as tg
    >>> broadcast_all(1.0, tg.zeros(2))
    (tensor([1., 1.]), tensor([0., 0.]))
    """
    return as_tensors(*values)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Return the sigmoid of `logits` where `is_binary`, else their softmax over the last axis."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Return the logarithms of odds where `is_binary`, else of `probs`, a little away from 0 and 1."""
    return _log_odds(probs) if is_binary else clamp_probs(probs).log()


class lazy_property:  # noqa: N801 - PyTorch's name
    """An attribute that is computed at its first use, with its graph whatever the mode is then."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        vars(instance)[self.wrapped.__name__] = value
        return value


_complete(__name__)
