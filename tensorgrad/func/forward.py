"""Forward mode: jvp, linearize."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorgrad.autograd.order import reachable
from tensorgrad.engine.tensor import leaf
from tensorgrad.errors import AutogradError
from tensorgrad.func.recording import check_differentiable_outputs, checked_like, record
from tensorgrad.func.trees import Tree, filled, structure


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> tuple[Any, ...]:
    """Return the pair (output, tangent): ``func(*primals)`` and its derivative along `tangents`.

    Equation: ``tangent = J @ tangents``, J the Jacobian of `func` at `primals`. Cost: one forward sweep, whatever the
    number of outputs.

    Args:
        func: takes Tensors or trees of them (tuples, lists, dicts), and returns such.
        primals: a tuple of the arguments.
        tangents: a tuple of the same structure and shapes.
        strict: refuse an output that does not depend on the inputs, instead of giving the tangent 0.
        has_aux: `func` returns (output, aux), and the result is ``(output, tangent, aux)``.

    Raises:
        AutogradError: `primals` is no tuple, or `tangents` has another structure; an output is not a Tensor.
        ShapeError: a tangent of another shape than its input.

    >>> import tensorgrad as tg
    >>> tg.func.jvp(lambda x: x * x, (tg.tensor([1.0, 2.0]),), (tg.tensor([1.0, 0.0]),))
    (tensor([1., 4.]), tensor([2., 0.]))
    """
    where = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise AutogradError(
            f"{where}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals). Got {type(primals)}"
        )
    directions = checked_like("tangents", tangents, "primals", structure(primals))
    run = record(where, func, primals, {}, tuple(range(len(primals))), has_aux)
    for y in run.outputs if strict else ():
        if not {x.node for x in run.inputs} & set(reachable([y.node or leaf(y)])):
            raise AutogradError(
                f"{where}: The output of f is independent of the inputs. This is not allowed with strict=True."
            )
    tangent = filled(structure(run.output), run.pushforward(directions))
    result: tuple[Any, ...] = run.closed((run.output, tangent, run.aux) if has_aux else (run.output, tangent))
    return result


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the pair (output, jvp_fn): ``func(*primals)`` and the linear map ``jvp_fn(*tangents) = J @ tangents``.

    `func` runs once; each call of `jvp_fn` is one forward sweep over what was recorded.

    Raises:
        AutogradError: the function returns other than tensors.

    >>> import tensorgrad as tg
    >>> y, jvp_fn = tg.func.linearize(lambda x: x**3, tg.tensor(2.0))
    >>> jvp_fn(tg.tensor(1.0)), jvp_fn(tg.tensor(0.5))
    (tensor(12.), tensor(6.))
    """
    where = "linearize(f, *primals)"
    run = record(where, func, primals, {}, tuple(range(len(primals))), has_aux=False)
    check_differentiable_outputs(where, run.outputs)
    forms = structure(primals), structure(run.output)

    def jvp_fn(*tangents: Tree) -> Any:
        directions = checked_like("tangents", tangents, "primals", forms[0])
        return run.closed(filled(forms[1], run.pushforward(directions)))

    return run.closed(run.output), jvp_fn
