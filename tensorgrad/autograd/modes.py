"""The switches that say what is recorded, each a context manager and a decorator."""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Generator
from contextvars import Token
from typing import Any, ParamSpec, TypeVar

from tensorgrad.base.context import ANOMALY, CONTEXT, INFERENCE, Context, context
from tensorgrad.base.hints import found

P = ParamSpec("P")
R = TypeVar("R")


class _Mode:
    """A context manager, and decorator, that changes the context and restores it, whatever happens inside."""

    def __new__(cls, function: Any = None, **options: Any) -> Any:  # @no_grad and @no_grad() both work
        self = super().__new__(cls)
        if not callable(function):
            return self
        self.__init__(**options)  # type: ignore[misc]
        return self(function)

    def __init__(self, function: Any = None, **options: Any) -> None:
        """Take nothing, or the function to decorate.

        Raises:
            TypeError: what is given is neither.
        """
        if function is not None or options:
            given = found(function) if function is not None else min(options)
            raise TypeError(f"{type(self).__name__}() takes a function to decorate, or no argument, not {given}")
        self._tokens: list[Token[Context]] = []

    def changed(self, mode: Context) -> Context:
        """Return the context that holds inside."""
        raise NotImplementedError

    def __enter__(self) -> None:
        self._tokens.append(CONTEXT.set(self.changed(context())))

    def __exit__(self, *exception: object) -> None:
        CONTEXT.reset(self._tokens.pop())

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        changed = self.changed
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generate(*args: Any, **kwargs: Any) -> Any:
                own = contextvars.copy_context()  # so that nothing of it reaches the caller between two steps
                own.run(lambda: CONTEXT.set(changed(context())))
                return _stepped(function(*args, **kwargs), own.run)

            return generate

        @functools.wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            token = CONTEXT.set(changed(context()))
            try:
                return function(*args, **kwargs)
            finally:
                CONTEXT.reset(token)

        return inside


def _stepped(source: Any, run: Callable[..., Any]) -> Generator[Any, Any, Any]:
    """Yield what `source` yields, with every step of it run by `run`."""
    step: Callable[..., Any] = source.send
    args: tuple[Any, ...] = (None,)
    while True:
        try:
            item = run(step, *args)
        except StopIteration as end:
            return end.value
        try:
            step, args = source.send, ((yield item),)
        except GeneratorExit:
            run(source.close)
            raise
        except BaseException as error:  # noqa: BLE001 - whatever is thrown in goes to the source
            step, args = source.throw, (error,)


class no_grad(_Mode):  # noqa: N801 - PyTorch's name
    """Context manager and decorator: nothing inside is recorded.

    >>> import tensorgrad as tg
    >>> x = tg.ones(2, requires_grad=True)
    >>> with tg.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def changed(self, mode: Context) -> Context:
        """Return `mode` without recording."""
        return mode.changed(grad=False)


class enable_grad(_Mode):  # noqa: N801 - PyTorch's name
    """Context manager and decorator: operations inside are recorded, also within `no_grad`."""

    def changed(self, mode: Context) -> Context:
        """Return `mode` with recording."""
        return mode.changed(grad=True)


class set_grad_enabled(_Mode):  # noqa: N801 - PyTorch's name
    """Switch recording on or off from now on; as a context manager or decorator, only inside.

    >>> import tensorgrad as tg
    >>> with tg.set_grad_enabled(False):
    ...     tg.is_grad_enabled()
    False
    >>> tg.is_grad_enabled()
    True
    """

    def __new__(cls, mode: bool) -> Any:  # noqa: ARG004, D102 - a bool is never a function to decorate
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = bool(mode)
        self._tokens.append(CONTEXT.set(self.changed(context())))

    def changed(self, mode: Context) -> Context:
        """Return `mode` with recording as asked for."""
        return mode.changed(grad=self.mode)

    def __enter__(self) -> None:
        if not self._tokens:  # entered again
            super().__enter__()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:  # noqa: D102
        if self._tokens:
            CONTEXT.reset(self._tokens.pop())  # a decorator switches nothing by itself
        return super().__call__(function)


class inference_mode(_Mode):  # noqa: N801 - PyTorch's name
    """Context manager and decorator: nothing inside is recorded; ``inference_mode(False)`` changes nothing."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = mode

    def changed(self, mode: Context) -> Context:
        """Return `mode` without recording."""
        return mode.changed(grad=False, flags=mode.flags | INFERENCE) if self.mode else mode


def _watched(mode: Context, on: bool) -> Context:
    return mode.changed(special=mode.special | ANOMALY if on else mode.special & ~ANOMALY)


class detect_anomaly(_Mode):  # noqa: N801 - PyTorch's name
    """Context manager and decorator: the first operation, forward or backward, whose result holds a NaN or an infinity
    raises AnomalyError, which names it and the line of the script.

    >>> import numpy as np
    >>> import tensorgrad as tg
    >>> x = tg.tensor([-1.0], requires_grad=True)
    >>> with tg.autograd.detect_anomaly(), np.errstate(all="ignore"):
    ...     x.sqrt()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tensorgrad.errors.AnomalyError: Function 'sqrt' returned nan values in its forward pass at ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__()
        self.mode = check_nan

    def changed(self, mode: Context) -> Context:
        """Return `mode` with anomaly detection."""
        return _watched(mode, self.mode)


class set_detect_anomaly(set_grad_enabled):  # noqa: N801 - PyTorch's name
    """Switch anomaly detection on or off from now on; as a context manager or decorator, only inside."""

    def __new__(cls, mode: bool, check_nan: bool = True) -> Any:  # noqa: ARG004, D102
        return object.__new__(cls)

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(mode and check_nan)

    def changed(self, mode: Context) -> Context:
        """Return `mode` with anomaly detection as asked for."""
        return _watched(mode, self.mode)


def is_grad_enabled() -> bool:
    """Return whether operations on tensors that require a gradient are recorded here."""
    return context().grad


def is_inference_mode_enabled() -> bool:
    """Return whether this is inside `inference_mode`."""
    return bool(context().flags & INFERENCE)


def is_anomaly_enabled() -> bool:
    """Return whether anomaly detection is on here."""
    return bool(context().special & ANOMALY)
