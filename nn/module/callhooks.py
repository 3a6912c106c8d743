"""Functions that users hang on modules: before and after forward, and on the gradients that pass through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tensorgrad.autograd import Function
from tensorgrad.autograd.hooks import RemovableHandle
from tensorgrad.engine.tensor import Tensor, check_gradient
from tensorgrad.errors import AutogradError

Hook = Callable[..., Any]


@dataclass
class Hooks:
    """The hooks of one module; those around forward each with whether it is shown keyword arguments."""

    before: dict[int, tuple[Hook, bool]] = field(default_factory=dict)
    after: dict[int, tuple[Hook, bool]] = field(default_factory=dict)
    backward_before: dict[int, Hook] = field(default_factory=dict)
    backward: dict[int, Hook] = field(default_factory=dict)
    state_before: dict[int, Hook] = field(default_factory=dict)
    state_after: dict[int, Hook] = field(default_factory=dict)
    load_before: dict[int, Hook] = field(default_factory=dict)
    load_after: dict[int, Hook] = field(default_factory=dict)


class Hookable:
    """The part of Module that registers hooks; a module without hooks pays for one look."""

    _hooks: Hooks | None

    def _own_hooks(self) -> Hooks:
        hooks = self._hooks or Hooks()
        object.__setattr__(self, "_hooks", hooks)
        return hooks

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before forward; what it returns, if not None, takes the place of the arguments.

        `with_kwargs`: call ``hook(module, args, kwargs)``, which returns None or both.
        """
        return RemovableHandle(self._own_hooks().before, (hook, with_kwargs), prepend)

    def register_forward_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after forward; what it returns, if not None, is the output.

        `with_kwargs`: call ``hook(module, args, kwargs, output)``.
        """
        return RemovableHandle(self._own_hooks().after, (hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known; it may return others."""
        return RemovableHandle(self._own_hooks().backward_before, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the positional arguments are known.

        Both are tuples, with None for what has no gradient; a tuple returned takes the place of `grad_input`.
        """
        return RemovableHandle(self._own_hooks().backward, hook, prepend)

    def register_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before `state_dict` reads the module."""
        return RemovableHandle(self._own_hooks().state_before, hook)

    def register_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` when the state is complete; it may change it."""
        return RemovableHandle(self._own_hooks().state_after, hook)

    def register_load_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook` before the module is compared with a state, a copy of the dictionary which it may change.

        ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)``.
        """
        return RemovableHandle(self._own_hooks().load_before, hook)

    def register_load_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` when a state is loaded; it may take keys off the two lists."""
        return RemovableHandle(self._own_hooks().load_after, hook)

    def forget_hooks_if_none(self) -> None:
        """Let a module whose hooks have all been removed be as quick as one that never had any."""
        if self._hooks is not None and not any(vars(self._hooks).values()):
            object.__setattr__(self, "_hooks", None)


def hooked(module: Any, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return ``module.forward(*args, **kwargs)`` with every hook called."""
    for hook, with_kwargs in list(hooks.before.values()):
        if with_kwargs:
            changed = hook(module, args, kwargs)
            args, kwargs = (args, kwargs) if changed is None else changed
        else:
            changed = hook(module, args)
            args = args if changed is None else changed if isinstance(changed, tuple) else (changed,)
    crossing = _Crossing(module, hooks, args) if hooks.backward or hooks.backward_before else None
    output = module.forward(*(args if crossing is None else crossing.inputs()), **kwargs)
    for hook, with_kwargs in list(hooks.after.values()):
        changed = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
        output = output if changed is None else changed
    return output if crossing is None else crossing.outputs(output)


def _changed(known: tuple[Any, ...], given: Any) -> tuple[Any, ...]:
    """Return what a backward hook makes of the gradients that it was shown: nothing else, or others of their kind."""
    if given is None:
        return known
    grads: tuple[Any, ...] = given if isinstance(given, tuple) else (given,)
    if len(grads) != len(known):
        raise AutogradError(
            f"Backward hook returned an invalid number of gradients, got {len(grads)}, but expected {len(known)}"
        )
    for g, before in zip(grads, known, strict=True):
        if g is not None and before is not None:
            check_gradient(g, before.array, "Backward hook returned")
    return grads


class _Crossing:
    """One call of a module whose gradients are watched where they enter and where they leave."""

    def __init__(self, module: Any, hooks: Hooks, args: tuple[Any, ...]) -> None:
        self.module = module
        self.hooks = hooks
        self.args = args
        self.tracked = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
        self.grad_output: tuple[Any, ...] | None = None  # of the pass that is under way

    def inputs(self) -> tuple[Any, ...]:
        """Return the arguments, those with a gradient as results of a node that this call watches."""
        if not self.tracked:
            return self.args
        passed = iter(_Watched.apply(self.leaving, *[self.args[i] for i in self.tracked]))
        return tuple(next(passed) if i in self.tracked else a for i, a in enumerate(self.args))

    def outputs(self, output: Any) -> Any:
        """Return the output, a tensor or a tuple, as results of a node that this call watches."""
        several = isinstance(output, tuple | list)
        ys = list(output) if several else [output]
        places = [i for i, y in enumerate(ys) if isinstance(y, Tensor) and y.requires_grad]
        if places:

            def entering(grads: tuple[Any, ...]) -> tuple[Any, ...]:
                return self.entering(grads, places, len(ys))

            for i, y in zip(places, _Watched.apply(entering, *[ys[i] for i in places]), strict=True):
                ys[i] = y
        return type(output)(ys) if several else ys[0]

    def entering(self, grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
        """Return the gradients of the outputs, after the hooks that see them first."""
        full = self._seen(self.hooks.backward_before, grads, places, count)
        self.grad_output = full
        if not self.tracked:
            self.leaving(())
        return tuple(full[i] for i in places)

    def leaving(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the gradients of the arguments, after the hooks."""
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:  # the pass has come in by a tensor inside: of the outputs there is no gradient to show
            return grads
        full = self._seen(self.hooks.backward, grads, self.tracked, len(self.args), grad_output)
        return tuple(full[i] for i in self.tracked)

    def _seen(
        self, hooks: dict[int, Hook], grads: tuple[Any, ...], places: list[int], count: int, *others: Any
    ) -> tuple[Any, ...]:
        """Return `grads` at their places among `count`, None at the others, after the hooks."""
        known = dict(zip(places, grads, strict=True))
        full = tuple(known.get(i) for i in range(count))
        for hook in list(hooks.values()):
            full = _changed(full, hook(self.module, full, *others))
        return full


class _Watched(Function):
    """The identity of several tensors; their gradients go, all at once, through a function."""

    @staticmethod
    def forward(ctx: Any, through: Hook, *xs: Tensor) -> Any:
        ctx.through = through
        return xs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return (None, *ctx.through(grads))
