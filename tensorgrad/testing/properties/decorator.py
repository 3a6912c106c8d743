"""`gradients`: a test of all that holds of a function's gradients, at arguments that Hypothesis draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.base.caching import Later
from tensorgrad.errors import ArgumentError, needing

running = Later("tensorgrad.testing.properties.trying")
TestFunction = Callable[..., Any]


def gradients(
    function: Callable[..., Any],
    gradient: Callable[..., Any] | None = None,
    /,
    *,
    arguments: Any = None,
    examples: int | None = None,
    library: str | None = None,
    beside: bool | None = None,
    **strategies: Any,
) -> Callable[[TestFunction], TestFunction]:
    """Return a decorator that makes a function a test of all gradients of another, at arguments that are drawn.

    At each point both modes are compared with numerical derivatives, and with each other; the second derivatives, where
    there are some; where there is no derivative, at ties and kinks, the gradient with what may be answered there; the
    gradients in float32 with those in float64; arrays lie in any layout, and some have no elements. What fails shrinks
    to a script of a few lines. The function below the decorator is called after each point that passed, and may hold
    more assertions; ``test.at(x=...)`` asks for one point and returns its Report.

    Args:
        function: of Tensors, a Module, a Function or its ``apply``; PyTorch's; or, with `gradient`, of NumPy arrays.
        gradient: of a function of NumPy arrays: takes the same arguments and returns the gradient of the sum of its
            outputs with respect to each array, in a tuple where there are several. If it takes one parameter more, that
            is the cotangent.
        arguments: a strategy for all arguments at once, a list of them, in place of `strategies`.
        examples: how many points; default: as the profile of Hypothesis says.
        library: "torch" or "tensorgrad": whose tensors `function` takes, where its source does not tell.
        beside: run the same source on PyTorch, or one of PyTorch's here, and compare. None: what is PyTorch's.
        strategies: for the parameters of `function`, by name: `strategies.tensors` and others. For the other parameters
            without a default the annotations decide: arrays of shapes that broadcast, numbers, choices.

    Raises:
        ArgumentError: nothing says what a parameter takes, or there is no such parameter. The test raises it, when it
            runs: the others of its file are no worse for it.
        MissingDependencyError: Hypothesis is not installed.

    >>> import tensorgrad as tg
    >>> @gradients(lambda x, y: x * tg.sin(y), examples=5)
    ... def test_product(): ...
    >>> test_product()
    >>> two, half = (tg.tensor([v], dtype=tg.float64, requires_grad=True) for v in (2.0, 0.5))
    >>> test_product.at(x=two, y=half).verdict
    'passed'
    """
    with needing("tensorgrad.testing.gradients", "hypothesis"):
        import hypothesis  # noqa: F401 - said here, where the test is written

    def decorate(test: TestFunction) -> TestFunction:
        try:
            found: TestFunction = running.decorated(
                test, function, gradient, arguments, examples, library, beside, strategies
            )
        except ArgumentError as error:  # raised while a file is collected, it would take all its tests away
            found = running.failing_with(error, test)
        return found

    return decorate
