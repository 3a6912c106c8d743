"""Pruning: weights that a mask holds at zero, of parameters `weight_orig` that are trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from tensorgrad import ops
from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import norm
from tensorgrad.create.sampling import rand
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.nn.module.module import Module

from .derived import Derived, derived_by

M = TypeVar("M", bound=Module)
Amount = int | float


class BasePruningMethod(Derived):
    """A way to choose what is pruned; subclasses define `compute_mask`, and take their settings in ``__init__``.

    `apply` makes ``name_orig``, the parameter, ``name_mask``, a buffer of ones and zeros, and before each call the
    tensor, their product. What is pruned twice is chosen among what is left.
    """

    PRUNING_TYPE: ClassVar[Literal["unstructured", "structured", "global"]] = "unstructured"
    dim: int

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return ones where `t`, the importance of each element, lets it stay, within `default_mask`."""
        raise NotImplementedError

    def compute(self, module: Any) -> Tensor:
        """Return the pruned tensor."""
        return self.apply_mask(module)

    def apply_mask(self, module: Any) -> Tensor:
        """Return the parameter times the mask; what is masked is 0 also where the parameter is not finite."""
        mask, original = getattr(module, f"{self.name}_mask"), getattr(module, f"{self.name}_orig")
        return ops.where(wrap(mask.array != 0), original, wrap(np.zeros((), original.array.dtype)))

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune the tensor `name` of `module` by ``cls(*args, **kwargs)``, and return what prunes it."""
        method = cls(*args, **kwargs)
        method.name = name
        tensor = getattr(module, name)
        scores = tensor.detach() if importance_scores is None else importance_scores.detach()
        if scores.array.shape != tensor.array.shape:
            raise ShapeError(
                f"importance_scores should have the same shape as parameter {name} of {module}: found "
                f"{list(scores.array.shape)}, not {list(tensor.array.shape)}"
            )
        before = derived_by(module, BasePruningMethod, name)
        if before:
            known = getattr(module, f"{name}_mask")
            known.array[...] = method._within(scores, known)
            before[0](module, ())
            return method
        mask = method.compute_mask(scores, wrap(np.ones_like(tensor.array)))
        module.register_parameter(f"{name}_orig", method.parameter(module))
        module.register_buffer(f"{name}_mask", wrap(np.array(mask.array, tensor.array.dtype)))
        method.attach(module)
        return method

    def _within(self, scores: Tensor, mask: Tensor) -> Array:
        """Return the mask of what this method leaves of what `mask` has left."""
        left = mask.array != 0
        if self.PRUNING_TYPE == "global":
            return np.asarray(self.compute_mask(scores, mask).array)
        if self.PRUNING_TYPE == "structured":
            axis = self.dim % left.ndim
            chosen: Any = left.any(tuple(i for i in range(left.ndim) if i != axis))
            index: Any = (slice(None),) * axis + (chosen,)
        else:
            index = left
        found = mask.array.copy()
        found[index] = self.compute_mask(wrap(scores.array[index]), wrap(mask.array[index])).array
        return found

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """Return `t` pruned, without a module."""
        scores = t.detach() if importance_scores is None else importance_scores
        mask = wrap(np.ones_like(t.array)) if default_mask is None else default_mask
        return t * self.compute_mask(scores, wrap(mask.array.copy()))

    def remove(self, module: Module) -> None:
        """Let the parameter be a plain one again, with what is pruned at zero; it stays the same object."""
        kept = derived_by(module, BasePruningMethod, self.name)[0]
        parameter = getattr(module, f"{self.name}_orig")
        parameter.data = self.apply_mask(module).detach()
        kept.detach(module)
        delattr(module, f"{self.name}_orig")
        delattr(module, f"{self.name}_mask")
        setattr(module, self.name, parameter)


class Identity(BasePruningMethod):
    """Prunes nothing, but makes the parameter and the mask."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:  # noqa: ARG002 - what subclasses define
        """Return `default_mask`."""
        return default_mask


class _Measured(BasePruningMethod):
    """Prunes an `amount`: a number of elements or channels, or as a float the share of them."""

    def __init__(self, amount: Amount) -> None:
        whole = isinstance(amount, int) and not isinstance(amount, bool)
        if (whole and amount < 0) or (not whole and not 0 <= amount <= 1):
            raise ValueError(
                f"amount={amount} should be a non-negative integer, or a float in the range [0.0, 1.0] that says the "
                f"share of what is pruned"
            )
        self.amount = amount

    def count(self, size: int) -> int:
        """Return how many of `size` are pruned."""
        found = self.amount if isinstance(self.amount, int) else round(self.amount * size)
        if found > size:
            raise ValueError(f"amount={self.amount} should be smaller than the number of parameters to prune={size}")
        return found


class RandomUnstructured(_Measured):
    """Prunes elements at random.

    Raises:
        ValueError: a negative `amount`, or a share above 1.
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return `default_mask` without elements drawn at random."""
        scores = rand(t.array.size, dtype="float64").array
        return _without_lowest(scores, default_mask, self.count(t.array.size))


class L1Unstructured(_Measured):
    """Prunes the elements with the smallest magnitudes.

    Raises:
        ValueError: a negative `amount`, or a share above 1.
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return `default_mask` without the smallest elements of `t`."""
        return _without_lowest(np.abs(t.array).reshape(-1), default_mask, self.count(t.array.size))


def _without_lowest(scores: Array, mask: Tensor, count: int) -> Tensor:
    found = mask.array.copy().reshape(-1)
    found[np.argsort(scores, kind="stable")[:count]] = 0
    return wrap(found.reshape(mask.array.shape))


class _Structured(_Measured):
    """Prunes whole channels, the slices along `dim`."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Amount, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def scores(self, t: Array, axes: tuple[int, ...]) -> Array:
        """Return the importance of each channel, which is spread over `axes`."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return `default_mask` without the least important channels."""
        ndim = t.array.ndim
        if ndim < 2 or not -ndim <= self.dim < ndim:
            raise ShapeError(
                f"Structured pruning takes a tensor with two axes or more, and one of them as dim: found shape "
                f"{list(t.array.shape)} and dim={self.dim}"
            )
        axis = self.dim % ndim
        scores = self.scores(t.array, tuple(i for i in range(ndim) if i != axis))
        kept = _without_lowest(scores, wrap(np.ones_like(scores)), self.count(len(scores))).array
        shape = tuple(-1 if i == axis else 1 for i in range(ndim))
        return wrap(default_mask.array * kept.reshape(shape).astype(default_mask.array.dtype))


class RandomStructured(_Structured):
    """Prunes channels at random.

    Raises:
        ValueError: a negative `amount`, or a share above 1.
    """

    def scores(self, t: Array, axes: tuple[int, ...]) -> Array:
        """Return random numbers."""
        drawn: Array = rand(next(n for i, n in enumerate(t.shape) if i not in axes), dtype="float64").array
        return drawn


class LnStructured(_Structured):
    """Prunes the channels with the smallest norms of order `n`.

    Raises:
        ValueError: a negative `amount`, or a share above 1.
    """

    def __init__(self, amount: Amount, n: float | str, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = float(n)

    def scores(self, t: Array, axes: tuple[int, ...]) -> Array:
        """Return the norms of the channels."""
        rest = next(i for i in range(t.ndim) if i not in axes)
        rows = np.moveaxis(t, rest, 0).reshape(t.shape[rest], -1)
        return np.asarray(norm(rows, self.n, 1))


class CustomFromMask(BasePruningMethod):
    """Prunes by a mask that is given."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:  # noqa: ARG002 - what subclasses define
        """Return `default_mask` times the mask that was given."""
        if self.mask.array.shape != default_mask.array.shape:
            raise ShapeError(
                f"the mask has shape {list(self.mask.array.shape)}, what is pruned {list(default_mask.array.shape)}"
            )
        return wrap(default_mask.array * self.mask.array.astype(default_mask.array.dtype))


def identity(module: M, name: str) -> M:
    """Make ``name_orig`` and ``name_mask`` of the parameter `name` and prune nothing; return `module`."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: Amount) -> M:
    """Prune `amount` elements of the parameter `name` at random: a number, or a float for a share; return `module`."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: Amount, importance_scores: Tensor | None = None) -> M:
    """Prune the `amount` elements of the parameter `name` with the smallest magnitudes; return `module`.

    Args:
        module: holds the parameter.
        name: of the parameter.
        amount: how many, or, as a float, which share.
        importance_scores: whose magnitudes decide, if not those of the parameter itself.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> layer = nn.Linear(3, 1, bias=False)
    >>> layer.weight.data = tg.tensor([[0.1, -2.0, 3.0]])
    >>> l1_unstructured(layer, "weight", 1).weight.tolist()
    [[0.0, -2.0, 3.0]]
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: Amount, dim: int) -> M:
    """Prune `amount` channels along `dim` of the parameter `name` at random; return `module`."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M, name: str, amount: Amount, n: float | str, dim: int, importance_scores: Tensor | None = None
) -> M:
    """Prune the `amount` channels along `dim` with the smallest norms of order `n`; return `module`."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune the parameter `name` where `mask` is 0; return `module`."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Mapping[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune elements of several parameters, pairs of a module and a name, chosen among all of them together.

    Raises:
        ArgumentError: a `pruning_method` that is not unstructured.
    """
    held = list(parameters)
    if pruning_method.PRUNING_TYPE != "unstructured":
        raise ArgumentError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of '
            f"type {pruning_method.PRUNING_TYPE}"
        )
    given = importance_scores or {}
    scores = [given.get((module, name), getattr(module, name)).array for module, name in held]
    masks = [getattr(module, f"{name}_mask", None) for module, name in held]
    known = [np.ones_like(s) if m is None else m.array for s, m in zip(scores, masks, strict=True)]
    method = pruning_method(**kwargs)
    flat, before = (wrap(np.concatenate([a.reshape(-1) for a in arrays])) for arrays in (scores, known))
    after = method._within(flat, before)
    start = 0
    for (module, name), s in zip(held, scores, strict=True):
        custom_from_mask(module, name, wrap(after[start : start + s.size].reshape(s.shape)))
        start += s.size


def remove(module: M, name: str) -> M:
    """Let the parameter `name` be a plain one again, with what is pruned at zero; return `module`.

    Raises:
        ArgumentError: the parameter is not pruned.
    """
    found = derived_by(module, BasePruningMethod, name)
    if not found:
        raise ArgumentError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    found[0].remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Return whether anything in `module`, or in the modules below it, is pruned."""
    return any(derived_by(m, BasePruningMethod) for m in module.modules())


_complete(__name__)
