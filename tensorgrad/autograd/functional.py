"""Derivatives of a function at a point, with the names and signatures of ``torch.autograd.functional``.

The transforms of `tensorgrad.func` do the work. Here the inputs are a Tensor or a tuple of Tensors, results have no
history unless `create_graph` asks for it, and `strict` refuses a derivative that is zero because nothing was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad import func as transforms
from tensorgrad.autograd import enable_grad, no_grad
from tensorgrad.base.answers import complete as _complete
from tensorgrad.engine.tensor import Node, Tensor, leaf, wrap
from tensorgrad.errors import AutogradError, ShapeError
from tensorgrad.functions.shapes import reshape

from .order import reachable

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

STRATEGIES: dict[str, Callable[..., Any]] = {"reverse-mode": transforms.jacrev, "forward-mode": transforms.jacfwd}

_OF_OUTPUT = (
    "Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input when running in strict mode."
)
_OF_JACOBIAN = (
    "While computing the hessian, found that the jacobian of the user-provided function with respect to input {i} is "
    "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
    "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for "
    "example)."
)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian of `func` at `inputs`, of the shape ``output.shape + input.shape``.

    Equation: ``J[i, j] = dy[i] / dx[j]``. Several outputs, several inputs: a tuple over outputs of tuples over inputs.

    Args:
        func: takes the inputs as its arguments and returns a Tensor or a tuple of Tensors.
        inputs: a Tensor or a tuple of Tensors.
        create_graph: the result is differentiable with respect to what requires a gradient outside.
        strict: refuse an output that does not depend on some input, instead of answering zeros.
        vectorize: accepted for PyTorch's sake: the rows are computed at once in any case.
        strategy: "reverse-mode", a cotangent per element of the output, or "forward-mode", a tangent per element of the
            inputs.

    Raises:
        TypeError: inputs or outputs that are no Tensors.
        AutogradError: what `strict` refuses.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.jacobian(lambda x: x.exp().sum(), tg.zeros(2))
    tensor([1., 1.])
    """
    transform, xs = _strategy(strategy), _tuple("inputs", "jacobian", inputs)
    with _recording(create_graph):
        return transform(_checked("jacobian", func, strict, each=True), _argnums(inputs))(*xs)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the Hessian of `func`, whose output has one element, of the shape ``input.shape + input.shape``.

    Equation: ``H[i, j] = d2y / dx[i] dx[j]``; several inputs: a tuple of tuples, a block for each pair. Arguments as
    for `jacobian`; `strict` also refuses a gradient that does not depend on the inputs.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.hessian(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    transform, xs = _strategy(outer_jacobian_strategy), _tuple("inputs", "hessian", inputs)
    with _recording(create_graph):
        blocks, _ = transform(_gradient("hessian", func, strict), tuple(range(len(xs))), has_aux=True)(*xs)
    return blocks if isinstance(inputs, tuple) else blocks[0][0]


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the pair (output, ``v @ J``): the value of `func` at `inputs`, and `v` times its Jacobian.

    `v` has the shapes of the output; None stands for 1 where that is a single element. Arguments as for `jacobian`.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    xs = _tuple("inputs", "vjp", inputs)
    with _recording(create_graph):
        output, pull = transforms.vjp(_checked("vjp", func, strict), *xs)
        given = _vector("vjp", v, _as_tuple(output), "user-provided function returns")
        found = pull(given if isinstance(output, tuple) else given[0])
    return output, _like(inputs, found)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the pair (output, ``J @ v``): the value of `func` at `inputs`, and its derivative along `v`.

    `v` has the shapes of the inputs; None stands for 1 where that is a single element. Arguments as for `jacobian`.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.jvp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 0.0]))
    (tensor([1., 4.]), tensor([2., 0.]))
    """
    xs = _tuple("inputs", "jvp", inputs)
    given = _vector("jvp", v, xs, "input to the user-provided function is")
    with _recording(create_graph):
        output, tangent = transforms.jvp(_checked("jvp", func, strict), xs, given)
    return output, tangent


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the pair (output, ``H @ v``) for `func` with one element of output: forward over reverse, no matrix.

    `v` has the shapes of the inputs. Arguments as for `hessian`.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.hvp(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    xs = _tuple("inputs", "hvp", inputs)
    given = _vector("hvp", v, xs, "input to the user-provided function is")
    with _recording(create_graph):
        _, found, output = transforms.jvp(_gradient("hvp", func, strict), xs, given, has_aux=True)
    return output, _like(inputs, found)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the pair (output, ``v @ H``): as `hvp`, but reverse over reverse.

    >>> import tensorgrad as tg
    >>> tg.autograd.functional.vhp(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    xs = _tuple("inputs", "vhp", inputs)
    given = _vector("vhp", v, xs, "input to the user-provided function is")
    with _recording(create_graph):
        _, pull, output = transforms.vjp(_gradient("vhp", func, strict), *xs, has_aux=True)
        found = pull(given)
    return output, _like(inputs, found)


def _recording(create_graph: bool) -> Any:
    """Return the mode in which a transform runs: what is not recorded around it gives results without history."""
    return enable_grad() if create_graph else no_grad()


def _strategy(name: str) -> Callable[..., Any]:
    if name not in STRATEGIES:
        raise ValueError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode", found {name!r}. Hint: If your function '
            f'has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use '
            f'"reverse-mode".'
        )
    return STRATEGIES[name]


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def _like(inputs: Any, found: tuple[Any, ...]) -> Any:
    return found if isinstance(inputs, tuple) else found[0]


def _argnums(inputs: Any) -> int | tuple[int, ...]:
    return tuple(range(len(inputs))) if isinstance(inputs, tuple) else 0


def _tuple(what: str, where: str, given: Any) -> tuple[Tensor, ...]:
    """Return `given`, a Tensor or a tuple of Tensors, as a tuple, or raise."""
    for i, x in enumerate(_as_tuple(given)):
        if not isinstance(x, Tensor):
            found = f"value at index {i}" if isinstance(given, tuple) else f"given {what}"
            raise TypeError(
                f"The {what} given to {where} must be either a Tensor or a tuple of Tensors but the {found} has type "
                f"{type(x)}."
            )
    return _as_tuple(given)


def _vector(where: str, v: Any, like: tuple[Tensor, ...], source: str) -> tuple[Tensor, ...]:
    """Return `v` as a tuple of tensors of the shapes of `like`; 1 for None and a single element."""
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            raise AutogradError(f"The vector v can only be None if the {source} a single Tensor with a single element.")
        return (wrap(np.ones_like(like[0].array)),)
    given = _tuple("v", where, v)
    if len(given) != len(like):
        raise AutogradError(f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}.")
    for i, (x, y) in enumerate(zip(given, like, strict=True)):
        if x.array.shape != y.array.shape:
            raise ShapeError(
                f"Entry {i} in v has invalid size: should be {list(y.array.shape)} but got {list(x.array.shape)}."
            )
    return given


def _checked(where: str, func: Callable[..., Any], strict: bool, *, each: bool = False) -> Callable[..., Any]:
    """Return `func` with its outputs checked: Tensors and, with `strict`, dependent on the inputs."""

    def checked(*xs: Tensor) -> Any:
        sources = [x.node for x in xs]  # before `func` may write to one, which gives it another node
        output = func(*xs)
        outputs = _tuple("outputs of the user-provided function", where, output)
        if strict:
            _check_dependence(outputs, sources, each, _OF_OUTPUT)
        return output

    return checked


def _gradient(where: str, func: Callable[..., Any], strict: bool) -> Callable[..., Any]:
    """Return the function that gives the pair (gradients for all inputs, output) of `func`, of one element."""

    def single(*xs: Tensor) -> tuple[Tensor, Tensor]:
        output = _checked(where, func, strict)(*xs)
        if isinstance(output, tuple):
            raise AutogradError(f"The function given to {where} should return a single Tensor")
        if output.array.size != 1:
            raise AutogradError(
                f"The Tensor returned by the function given to {where} should contain a single element, found shape "
                f"{list(output.array.shape)}"
            )
        return reshape(output, ()), output

    def gradient(*xs: Tensor) -> Any:
        sources = [x.node for x in xs]
        found, output = transforms.grad(single, tuple(range(len(xs))), has_aux=True)(*xs)
        if strict:
            _check_dependence(found, sources, False, _OF_JACOBIAN)
        return found, output

    return gradient


def _check_dependence(outputs: Sequence[Tensor], sources: Sequence[Node | None], each: bool, untracked: str) -> None:
    """Raise AutogradError unless every output is recorded, and they (or `each` of them) depend on every source."""
    behind = []
    for i, y in enumerate(outputs):
        if not y.tracked:
            raise AutogradError(untracked.format(i=i))
        behind.append(set(reachable([y.node or leaf(y)])))
    for j, source in enumerate(sources):
        independent = [i for i, nodes in enumerate(behind) if source not in nodes]
        if independent if each else len(independent) == len(behind):
            which = f"Output {independent[0]}" if each else "The output"
            raise AutogradError(
                f"{which} of the user-provided function is independent of input {j}. This is not allowed in strict "
                f"mode."
            )


_complete(__name__)
