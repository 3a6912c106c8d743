"""Functions that users hang on tensors and modules, and the handles that take them off again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from itertools import count
from typing import Any, Self

from tensorgrad.engine.tensor import AFTERWARDS, ANY_AFTERWARDS, ANY_HOOK, HOOKS, Hook, Tensor, check_gradient, node_of
from tensorgrad.errors import AutogradError

_ids = count()


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes it off; as a context manager, at the end of the block."""

    def __init__(self, hooks: MutableMapping[int, Any], hook: Any, first: bool = False) -> None:
        self._hooks = hooks
        self.id = next(_ids)
        others = dict(hooks)
        if first:
            hooks.clear()
        hooks[self.id] = hook
        if first:
            hooks.update(others)

    def remove(self) -> None:
        """Take the hook off; nothing happens the second time."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def hooks_of(tensors: Iterable[Tensor]) -> Iterator[Hook]:
    """Yield the hooks that hang on tensors."""
    if ANY_HOOK or ANY_AFTERWARDS:
        for node in [x.node for x in tensors if x.node is not None]:
            yield from HOOKS.get(node, {}).values()
            yield from AFTERWARDS.get(node, {}).values()


def after_hooks(hooks: MutableMapping[int, Hook], g: Tensor) -> Tensor:
    """Return what `hooks`, one after the other, make of the cotangent `g`.

    Raises:
        TypeError, ShapeError, DTypeError: a hook returns what is no gradient of the tensor.
    """
    for hook in list(hooks.values()):
        changed = hook(g)
        if changed is not None:
            check_gradient(changed, g.array, f"hook '{getattr(hook, '__name__', hook)}' has returned")
            g = changed
    return g


def on_gradient(x: Tensor, hook: Hook) -> RemovableHandle:
    """Call `hook` with the gradient of `x` whenever it is complete; what it returns, if not None, takes its place.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0], requires_grad=True)
    >>> with x.register_hook(lambda g: 2 * g):
    ...     (3 * x).backward()
    >>> x.grad
    tensor([6.])
    """
    if not x.tracked:
        raise AutogradError(
            "cannot register a hook on a tensor that doesn't require gradient: set requires_grad=True first"
        )
    return RemovableHandle(HOOKS.setdefault(node_of(x), {}), hook)


def after_accumulation(x: Tensor, hook: Hook) -> RemovableHandle:
    """Call `hook` with the leaf `x` whenever backward has added to its `.grad`."""
    if not (x.tracked and x.is_leaf):
        raise AutogradError(
            "post accumulate grad hooks cannot be registered on non-leaf tensors: this one was computed, or requires "
            "no gradient"
        )
    return RemovableHandle(AFTERWARDS.setdefault(node_of(x), {}), hook)
