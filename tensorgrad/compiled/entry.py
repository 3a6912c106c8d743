"""`compile`: what a function or a module becomes."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from tensorgrad.errors import ArgumentError
from tensorgrad.nn.module import Module
from tensorgrad.program.numpyplan import NumpyPlan

from .backends import BACKENDS
from .compiler import Compiled

F = TypeVar("F", bound=Callable[..., Any])


class CompiledModule(Module):
    """A module whose calls run as plans; all else, its state too, is that of the module it was made of."""

    __slots__ = ("_compiled", "_orig_mod")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module returns."""
        return self._compiled(*args, **kwargs)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Let `forward` of the module run as a plan wherever it is called."""
        self._orig_mod.compile(*args, **kwargs)

    @property
    def plans(self) -> list[NumpyPlan]:
        """The plans that there are; printed, one shows what runs."""
        return list(self._compiled.plans)

    def __copy__(self) -> Any:
        return of_module(copy.copy(self._orig_mod), self._compiled.fullgraph, self._compiled.backend)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return of_module(copy.deepcopy(self._orig_mod, memo), self._compiled.fullgraph, self._compiled.backend)

    def __reduce__(self) -> Any:
        return of_module, (self._orig_mod, self._compiled.fullgraph, self._compiled.backend)


def of_module(module: Module, fullgraph: bool, backend: str) -> Any:
    """Return a module of the class of `module` that shares all its attributes, and runs as plans."""
    kind = type(module)
    made: Any = object.__new__(
        type(kind.__name__, (CompiledModule, kind), {"__slots__": (), "__module__": kind.__module__})
    )
    object.__setattr__(made, "__dict__", module.__dict__)
    object.__setattr__(made, "_compiled", Compiled(module, fullgraph, backend))
    object.__setattr__(made, "_orig_mod", module)
    return made


@overload
def compile(
    model: F,
    *,
    fullgraph: bool = ...,
    dynamic: bool | None = ...,
    backend: str = ...,
    mode: str | None = ...,
    options: Mapping[str, Any] | None = ...,
    disable: bool = ...,
) -> F: ...


@overload
def compile(
    model: None = None,
    *,
    fullgraph: bool = ...,
    dynamic: bool | None = ...,
    backend: str = ...,
    mode: str | None = ...,
    options: Mapping[str, Any] | None = ...,
    disable: bool = ...,
) -> Callable[[F], F]: ...


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str = "auto",
    mode: str | None = None,
    options: Mapping[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """Return `model`, a function or a module, so that it runs as a plan: the same, and faster.

    The first calls of a kind (shapes, dtypes, what requires grad, the settings of modules) run as they are, and are
    watched: a plan is the list of what they did to arrays, on memory that is laid out once. It may be anything up to a
    whole training step: ``zero_grad``, forward, ``backward``, ``optimizer.step``. Where a plan cannot do the same, the
    function runs as it is, and one line of the log "tensorgrad.compile" says why.

    Args:
        model: what to compile; without it, a decorator is returned.
        fullgraph: raise an error where there is something of which there can be no plan.
        dynamic: accepted; plans are made for each shape.
        backend: "numpy" has the bits of what it replaces; "c" computes in C, needs a compiler, and rounds otherwise;
            "auto" takes "c" where there is a compiler.
        mode: accepted: "default", "reduce-overhead", "max-autotune" or "max-autotune-no-cudagraphs".
        options: none are known.
        disable: return `model` as it is, as the environment variable ``TENSORGRAD_COMPILE=0`` does everywhere.

    Raises:
        ArgumentError: an unknown backend, mode or option.
        CompileError: with `fullgraph`, when it is called: no plan can do what it does.

    >>> import tensorgrad as tg
    >>> @tg.compile
    ... def squared(x):
    ...     return (x * x).sum()
    >>> [float(squared(tg.tensor([1.0, float(i)]))) for i in range(4)]
    [1.0, 2.0, 5.0, 10.0]
    >>> squared.runs
    2
    """
    if backend not in BACKENDS:
        raise ArgumentError(f"compile: unknown backend {backend!r}: choose one of {', '.join(BACKENDS)}")
    if mode not in (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"):
        raise ArgumentError(f"compile: unrecognized mode={mode!r}")
    if options:
        raise ArgumentError(f"compile: unexpected options {list(options)}: there are none here")
    if model is None:
        return functools.partial(
            compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, disable=disable
        )
    if not callable(model):
        raise TypeError(f"compile expects a function or a module, not {type(model).__name__}")
    if disable or os.environ.get("TENSORGRAD_COMPILE") == "0":
        return model
    return of_module(model, fullgraph, backend) if isinstance(model, Module) else Compiled(model, fullgraph, backend)
