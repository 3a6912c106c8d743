"""Reverse mode: grad, value_and_grad, vjp."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import check_real
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import AutogradError
from tensorgrad.func.recording import Argnums, check_differentiable_outputs, checked_like, record
from tensorgrad.func.trees import Tree, structure

_WHERE = "grad_and_value(f)(*args)"  # PyTorch's name for it in messages


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes the gradient of `func`, whose output has one element and no axis.

    Equation: ``grad(f)(x) = df/dx``, of the shape, dtype and structure of x.

    Args:
        func: takes Tensors, or tuples, lists and dicts of Tensors, and returns a 0-d Tensor.
        argnums: the position of the argument to differentiate with respect to, or a tuple of positions; the function
            then returns a tuple.
        has_aux: `func` returns a pair (output, aux); the function then returns the pair (gradient, aux).

    Transforms nest in any order, and the gradient is itself differentiable with respect to whatever requires a gradient
    outside: an argument, or a tensor that `func` captures. No `.grad` is filled. Arguments that are differentiated
    enter `func` as copies: operations in place on them do not reach the caller's tensors.

    Raises:
        AutogradError: the output is not a 0-d Tensor; an argnum names no argument.
        TypeError, DTypeError: a differentiated argument is not a floating point Tensor, or the output is complex.

    >>> import tensorgrad as tg
    >>> tg.func.grad(tg.sin)(tg.tensor(0.0))
    tensor(1.)
    >>> tg.func.grad(tg.func.grad(lambda x: x**3))(tg.tensor(2.0))
    tensor(12.)
    >>> tg.func.grad(lambda w, x: (w["a"] * x).sum())({"a": tg.ones(2)}, tg.tensor([3.0, 4.0]))
    {'a': tensor([3., 4.])}
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func, updated=())  # a module is a function too, and its attributes are not the wrapper's
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes the pair (gradient, value) of `func`; the rest is as for `grad`.

    With `has_aux` it computes ``(gradient, (value, aux))``.

    Raises:
        AutogradError: when called, the output is not a Tensor without axes.

    >>> import tensorgrad as tg
    >>> tg.func.grad_and_value(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func, updated=())
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        run = record(_WHERE, func, args, kwargs, argnums, has_aux)
        y = run.output
        if not isinstance(y, Tensor):
            raise AutogradError(f"{_WHERE}: Expected f(*args) to return a Tensor, got {type(y)}")
        if y.array.ndim:
            raise AutogradError(
                f"{_WHERE}: Expected f(*args) to return a scalar Tensor, got tensor with {y.array.ndim} dims. Maybe "
                f"you wanted to use the vjp or jacrev APIs instead?"
            )
        check_real(_WHERE.removesuffix("(f)(*args)"), y.array)
        found = run.filled(run.pullback([wrap(np.ones_like(y.array))], retain_graph=False))
        return run.closed((found, (y, run.aux) if has_aux else y))

    return gradient_and_value


def value_and_grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes the pair (value, gradient): `grad_and_value` in JAX's order.

    >>> import tensorgrad as tg
    >>> tg.func.value_and_grad(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    (tensor(5.), tensor([2., 4.]))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func, updated=())
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return value, found

    return value_and_gradient


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return the pair (output, vjp_fn): the value of ``func(*primals)`` and the function that pulls cotangents back.

    Equation: ``vjp_fn(g) = J.T @ g``, J the Jacobian of `func` at `primals`. `func` runs once; `vjp_fn` may be called
    any number of times, with cotangents in the structure and shapes of the output, and always returns a tuple, one
    entry for each of `primals` in its structure. With `has_aux`, `func` returns (output, aux) and the result is
    ``(output, vjp_fn, aux)``.

    Raises:
        AutogradError: an output is not a Tensor; cotangents in another structure than the output.
        DTypeError: an input or output is not floating point.
        ShapeError: a cotangent of another shape than its output.

    >>> import tensorgrad as tg
    >>> y, vjp_fn = tg.func.vjp(lambda a, b: a * b, tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    >>> vjp_fn(tg.tensor([1.0, 10.0]))
    (tensor([ 3., 40.]), tensor([ 1., 20.]))
    """
    where = "vjp(f, *primals)"
    run = record(where, func, primals, {}, tuple(range(len(primals))), has_aux)
    check_differentiable_outputs(where, run.outputs)
    form = structure(run.output)

    def vjp_fn(cotangents: Tree) -> Any:
        given = checked_like("cotangents", cotangents, "outputs to the function", form)
        return run.closed(run.filled(run.pullback(given)))

    output, aux = run.closed((run.output, run.aux))
    return (output, vjp_fn, aux) if has_aux else (output, vjp_fn)
