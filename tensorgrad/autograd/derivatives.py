"""What users call: backward, grad and jvp."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, overload

import numpy as np

from tensorgrad.base.answers import guard
from tensorgrad.base.callsite import warn
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.batched import UnbatchableError, is_batched, running_levels
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.tensor import (
    AFTERWARDS,
    ANY_AFTERWARDS,
    ANY_FILLED,
    FILLED,
    Node,
    Tensor,
    as_array,
    leaf,
    node_of,
    wrap,
)
from tensorgrad.engine.tracedarrays import Traced
from tensorgrad.engine.tracedtensors import operand, traced_tensor, unasked
from tensorgrad.engine.writes import note
from tensorgrad.errors import ArgumentError, AutogradError, ShapeError
from tensorgrad.ops import astype, contiguous

from .careful import forward, reverse
from .modes import enable_grad, set_grad_enabled

__all__ = ["Variable", "backward", "grad", "jvp"]


def _seed(y: Tensor, gradient: Tensor | Array | None) -> Tensor:
    """Return the cotangent of the output `y`: given, or 1 for a single element."""
    if not y.tracked:
        raise AutogradError(
            "element 0 of tensors does not require grad and does not have a grad_fn: nothing that leads to it has "
            "requires_grad=True, or it was computed under no_grad()"
        )
    if gradient is None:
        if y.array.dtype.kind == "c":
            raise AutogradError(
                f"grad can be implicitly created only for real scalar outputs but got {y.array.dtype}: take its real "
                f"part or its abs(), or pass gradient= of that dtype"
            )
        if y.array.size != 1:
            raise AutogradError(
                f"grad can be implicitly created only for scalar outputs, found shape {y.array.shape}: "
                f"reduce it, for instance with .sum(), or pass gradient= of that shape"
            )
        return wrap(_one(y.array))
    seed = gradient if isinstance(gradient, Tensor) else wrap(as_array(gradient))
    if seed.array.shape != y.array.shape:
        raise ShapeError(
            f"Mismatch in shape: the gradient has a shape of {seed.array.shape} and the output has a shape of "
            f"{y.array.shape}"
        )
    return _in_dtype_of(y, seed)


def _one(y: Array) -> Array:
    one = np.empty(y.shape, y.dtype)
    one.fill(1)  # a third of the time of np.ones
    return one


def _in_dtype_of(y: Tensor, given: Tensor) -> Tensor:
    """Return a cotangent or tangent in the dtype of the value it belongs to, and on plain memory."""
    if given.array.dtype != y.array.dtype:
        return astype(given, dtype=y.array.dtype)
    return given if given.array.__class__ is np.ndarray else unasked(astype(given, dtype=y.array.dtype))


def _seeds(outputs: Sequence[Tensor], gradients: Any, create_graph: bool) -> dict[Node, Any]:
    given = [None] * len(outputs) if gradients is None else _tensors(gradients)
    if len(given) != len(outputs):
        raise AutogradError(f"got {len(outputs)} outputs and {len(given)} gradients: one is needed for each")
    seeds: dict[Node, Any] = {}
    for y, gradient in zip(outputs, given, strict=True):
        seed = _seed(y, gradient)
        value = seed if create_graph else seed.array
        node = y.node or leaf(y)
        seeds[node] = seeds[node] + value if node in seeds else value
    return seeds


def _tensors(x: Any) -> list[Any]:
    return [x] if hasattr(x, "__array__") else list(x)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of `tensors` to the `.grad` of the leaves that they were computed from.

    Args:
        tensors: the outputs; one element each, or with a gradient of their shape in `grad_tensors`.
        grad_tensors: dL/d(output) for each output, of its shape.
        retain_graph: keep the saved values for another pass; default: the value of `create_graph`.
        create_graph: record the sweep, so that `.grad` can be differentiated.
        inputs: fill only these leaves.

    Raises:
        AutogradError: no output requires a gradient, or the graph has been freed.

    Source: reverse accumulation, Linnainmaa 1970; dL/dx = sum over consumers of (dy/dx)^T dL/dy.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([3.0], requires_grad=True)
    >>> tg.autograd.backward(x * x)
    >>> x.grad
    tensor([6.])
    """
    fill(tensors, grad_tensors, retain_graph, create_graph, inputs)


def fill(tensors: Any, gradients: Any, retain_graph: bool | None, create_graph: bool, inputs: Any) -> None:
    """Do what `backward` is asked for, whose arguments have been looked at: the method comes here as well."""
    if running_levels():
        raise UnbatchableError("backward(), which adds the gradients of all examples one after the other,")
    loss = tensors.__class__ is Tensor and gradients is None and not create_graph and tensors.tracked
    if loss and tensors.array.size == 1 and tensors.array.dtype.kind == "f":
        seeds = {tensors.node or leaf(tensors): _one(tensors.array)}  # as below, in fewer calls
    else:
        seeds = _seeds(_tensors(tensors), gradients, create_graph)
    given = None if inputs is None else _tensors(inputs)
    targets = None if given is None else [node_of(x) for x in given]
    keep = create_graph if retain_graph is None else retain_graph
    found = reverse(seeds, targets=targets, create_graph=create_graph, retain_graph=keep)
    handed = set(map(id, map(_array, seeds.values()) if create_graph else seeds.values()))
    if given is not None:
        pairs: Iterable[tuple[Tensor | None, Any]] = [(x, found.get(x.node)) for x in given]
    else:
        pairs = [(node.owner(), g) for node, g in found.items() if node.owner is not None]
    for owner, g in pairs:
        if owner is not None and g is not None and owner.tracked:
            if g.shape != owner.array.shape:
                raise AutogradError(
                    f"the gradient has the shape {list(g.shape)} of what was recorded, and the tensor has "
                    f"{list(owner.shape)} since its `data` was assigned: call backward() before that, or compute again"
                )
            if owner.kept_grad is None:
                owner.kept_grad = _owned(g, handed)
            else:
                _accumulate(owner, owner.kept_grad, g)
            if ANY_AFTERWARDS and owner.node is not None:
                with set_grad_enabled(create_graph):  # a hook may update the leaf, as an optimiser does
                    for hook in list(AFTERWARDS.get(owner.node, {}).values()):
                        hook(owner)
    if ANY_FILLED:
        leaves = [owner for owner, g in pairs if owner is not None and g is not None and owner.tracked]
        for listener in list(FILLED):
            listener.filled(leaves)


def _accumulate(x: Tensor, known: Tensor, g: Any) -> None:
    """Add `g` to the gradient of `x`, which is `known`."""
    if isinstance(g, Tensor):
        x.kept_grad = known + g
    else:
        if type(g) is Traced:
            operand(known)  # what is added to it is part of the trace
        np.add(known.array, g, out=known.array)
        note(known)


def _array(g: Any) -> Any:
    return g.array if isinstance(g, Tensor) else g


def _owned(g: Any, handed: set[int]) -> Tensor:
    """Return `g` as a tensor that shares memory with no other gradient, no input and no seed.

    `handed` holds the ids of the arrays that somebody has already; the one given out is added. It lies in memory row by
    row, as a parameter does: ``p.grad.view(-1)`` must not depend on how the gradient was computed.
    """
    if type(g) is np.ndarray:
        own = g.base is None and id(g) not in handed and g.flags.carray
        handed.add(id(g))
        return wrap(g if own else g.copy())
    if type(g) is Traced:
        return traced_tensor(g)
    boxed = isinstance(g, Tensor)
    array, key = (g.array, id(g.array)) if boxed else (g, id(g))
    flags = array.flags
    if is_batched(array):
        return _of_examples(g, array)
    own = array.__class__ is np.ndarray and array.base is None and key not in handed
    own = own and flags.writeable and flags.c_contiguous
    handed.add(key)
    if own:
        return g if boxed else wrap(array)
    if not boxed:
        return wrap(asarray(array).copy())
    return unasked(contiguous(g))


def _of_examples(g: Any, array: Any) -> Tensor:
    """Return the gradient `g` of each example of a batch, by a sweep inside of `vmap`."""
    if not set(array.levels) <= set(running_levels()):
        raise AutogradError(
            "the gradient of a tensor made inside of vmap was asked for outside: it has a value for each example there"
        )
    return g if isinstance(g, Tensor) else wrap(array)


@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: Literal[False] | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]: ...


@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]: ...


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of `outputs` with respect to `inputs`, one of each input's shape; `.grad` is not touched.

    Args:
        outputs, grad_outputs, retain_graph, create_graph: as for `backward`.
        inputs: leaves or results of operations.
        only_inputs: must be true: no other `.grad` is filled.
        allow_unused: give None for an input that the outputs do not depend on, instead of an error; by default so where
            `materialize_grads` gives zeros for it.
        is_grads_batched: must be false: `func.vmap` runs over a batch of cotangents.

    Raises:
        ArgumentError: there are no inputs, or an option is not as it must be.
        AutogradError: an input does not require a gradient, or the outputs do not depend on it.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> (first,) = tg.autograd.grad(x**3, x, create_graph=True)
    >>> (second,) = tg.autograd.grad(first, x)
    >>> first.item(), second.item()
    (12.0, 12.0)
    """
    if not only_inputs or is_grads_batched:
        raise ArgumentError("grad takes only_inputs=True and is_grads_batched=False: use backward(), or func.vmap")
    ys, xs = _tensors(outputs), _tensors(inputs)
    if not xs:
        raise ArgumentError("grad requires non-empty inputs: name the tensors whose gradients are wanted")
    for x in xs:
        if not x.tracked:
            raise AutogradError("One of the differentiated Tensors does not require grad: set requires_grad=True first")
    nodes = [node_of(x) for x in xs]
    keep = create_graph if retain_graph is None else retain_graph
    seeds = _seeds(ys, grad_outputs, create_graph)
    found = reverse(seeds, targets=nodes, create_graph=create_graph, retain_graph=keep)
    handed = set(map(id, map(_array, seeds.values())))
    result: list[Tensor | None] = []
    for x, node in zip(xs, nodes, strict=True):
        g = found.get(node)
        if g is None and materialize_grads:
            g = np.zeros_like(x.array)
        if g is None and not allow_unused:
            raise AutogradError(
                "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True "
                "if this is the desired behavior"
            )
        result.append(None if g is None else _owned(g, handed))
    return tuple(result)


def jvp(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    tangents: Any,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Return the derivatives of `outputs` along `tangents`, one of each output's shape: the mirror image of `grad`.

    Args:
        outputs: tensors computed from `inputs`; zeros are returned for one that is not.
        inputs: leaves or results of operations, which require a gradient (so that they were recorded).
        tangents: one direction for each input, of its shape.
        create_graph: record the sweep, so that the result can be differentiated.

    Raises:
        ShapeError: a tangent has another shape than its input.
        AutogradError: an input requires no gradient.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> tg.autograd.jvp(x * x, x, tg.tensor([1.0, 0.0]))
    (tensor([2., 0.]),)
    """
    ys, xs, ts = _tensors(outputs), _tensors(inputs), _tensors(tangents)
    known: dict[Node, Any] = {}
    for x, t in zip(xs, ts, strict=True):
        if x.array.shape != np.shape(t):
            raise ShapeError(f"a tangent has the shape of its input {x.array.shape}, found {tuple(np.shape(t))}")
        if not x.tracked:
            raise AutogradError("an input does not require grad: nothing was recorded for it")
        node = node_of(x)
        tangent = _in_dtype_of(x, t if isinstance(t, Tensor) else wrap(as_array(t)))
        known[node] = tangent if create_graph else tangent.array
    nodes = [node_of(y) for y in ys]
    with enable_grad():
        found = forward(known, nodes, create_graph=create_graph)
    handed = set(map(id, map(_array, known.values())))
    return tuple(
        _owned(found[node], handed) if node in found else wrap(np.zeros_like(y.array))
        for y, node in zip(ys, nodes, strict=True)
    )


def Variable(data: Tensor, requires_grad: bool = False, volatile: bool | None = None) -> Tensor:  # noqa: N802 - PyTorch's name
    """Return a leaf on the memory of `data`: what old scripts write for ``data.detach().requires_grad_()``.

    It has the shape of `data`. `volatile` does nothing but warn, as in PyTorch.

    Raises:
        DTypeError: `requires_grad` of whole numbers or booleans.
    """
    if volatile is not None:
        warn("volatile was removed and now has no effect. Use `with tensorgrad.no_grad():` instead.")
    return data.detach().requires_grad_(requires_grad)


guard(__name__)
