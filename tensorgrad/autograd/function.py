"""`Function`: an operation whose derivative the user writes, one node in the graph like any primitive.

A function with several outputs is one node all the same: its value is taken to be all outputs, flattened, one after the
other, and each output is cut out of that.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.answers import complete_class
from tensorgrad.base.context import BATCHING, OPENED, FunctionScope, context
from tensorgrad.base.numerics import owner_of
from tensorgrad.engine.batched import UnbatchableError
from tensorgrad.engine.dispatch import INSIDE
from tensorgrad.engine.primitive import Primitive
from tensorgrad.engine.shared_memory import lasting
from tensorgrad.engine.tensor import Node, Tensor, linked, node_of, tick, wrap
from tensorgrad.engine.tracedvalues import plain_of
from tensorgrad.engine.traces import DETACH
from tensorgrad.engine.views import link_output
from tensorgrad.errors import AutogradError, InPlaceError

from .history import adopt, check_alone
from .modes import no_grad
from .userrules import Rules, Saved, computed_inside, joint, record_of


class FunctionCtx:
    """What the forward function leaves for the backward function: the first argument of both.

    Attributes:
        needs_input_grad: for each argument of ``apply``, whether its gradient is wanted.
    """

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._to_save: tuple[Tensor | None, ...] = ()
        self._kept: list[tuple[Any, Any]] = []  # arrays, and how to find the node each stands for
        self._outside: set[int] = set()
        self._dirty: set[int] = set()
        self._materialized = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep `tensors` for backward: inputs and outputs, or others, through which backward cannot be differentiated.

        What is constant, a mask of random numbers perhaps, is set as an attribute of ctx instead.
        """
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type {type(x).__name__}: "
                    f"set it as an attribute of ctx instead"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was saved; an input or an output stands where it stood in the graph."""
        return tuple(_found(array, where) for array, where in self._kept)

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """State that no gradient flows through `outputs`: backward is given zeros for each of them."""
        self._outside = {id(y) for y in outputs}

    def mark_dirty(self, *inputs: Tensor) -> None:
        """State that forward has changed `inputs` in place; each must be returned."""
        self._dirty = {id(x) for x in inputs}

    def set_materialize_grads(self, value: bool) -> None:
        """State whether backward is given zeros, or else None, for an output that no gradient flows through.

        The gradient of an output that was not used is zeros here in any case.
        """
        self._materialized = value


def _found(array: Any, where: Any) -> Tensor | None:
    if array is None:
        return None
    node = where() if isinstance(where, weakref.ref) else where
    return wrap(array) if node is None else linked(array, node)


class Function:
    """Base class of operations with a derivative of their own.

    Subclasses define static methods ``forward(ctx, *args)`` and ``backward(ctx, *grads)``, which returns one gradient
    for each argument of forward, None for what has none; or ``forward(*args)`` and ``setup_context(ctx, inputs,
    output)``. `backward` is differentiated itself where it is made of differentiable operations. Forward mode uses
    ``jvp(ctx, *tangents)`` where it is defined, and otherwise the derivative of `backward`, which is linear in the
    gradient. A `backward` that leaves the graph, with NumPy for instance, gives first derivatives by the reverse sweep;
    forward mode without a `jvp`, and second derivatives, raise AutogradError. `func.vmap` runs a function that is
    recorded for one example after the other, unless its class says ``generate_vmap_rule = True``: that `forward` and
    `backward` are made of operations on tensors.

    >>> import tensorgrad as tg
    >>> class Cube(tg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x**2 * g
    >>> x = tg.tensor([2.0], requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor([12.])
    """

    generate_vmap_rule = False
    record: Primitive

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.record = cls._made()

    @classmethod
    def _made(cls) -> Primitive:
        jvp = None if cls.jvp is Function.jvp else cls.jvp
        return record_of(cls.__name__, cls.forward, Rules(cls.__name__, cls.backward, jvp))

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Return the value, a tensor or a tuple of them; nothing inside is recorded."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what backward needs; defined where forward does not take `ctx`."""
        raise NotImplementedError("setup_context is not implemented")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradients of the arguments of forward."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Return the tangents of the outputs; where it is not defined they come from `backward`."""
        raise NotImplementedError("jvp is not implemented")

    @classmethod
    def _of_examples(cls, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments as they stand inside of `vmap`, which calls `backward` for all examples at once."""
        if not cls.generate_vmap_rule:
            raise UnbatchableError(
                f"{cls.__name__}, a Function whose backward is written for one example (say generate_vmap_rule = True "
                f"in its class where forward and backward are made of operations on tensors),"
            )
        return tuple([INSIDE[0](a) if isinstance(a, Tensor) and a.tracked else a for a in args])

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Return ``forward(*args)``, recorded as one operation."""
        ctx = FunctionCtx()
        wanted = tuple(isinstance(a, Tensor) and a.tracked for a in args)
        recording = context().grad and True in wanted
        if recording and context().special & BATCHING:
            args = cls._of_examples(args)
        ctx.needs_input_grad = wanted if recording else (False,) * len(args)
        inputs = tuple([node_of(a) if isinstance(a, Tensor) else a for a in args]) if recording else ()
        if recording and context().flags & OPENED and (outputs := cls._opened(args)) is not None:
            return outputs
        with no_grad():
            outputs = cls._run(ctx, args)
        return _attach(cls, ctx, args, inputs, outputs) if recording else outputs

    @classmethod
    def _run(cls, ctx: FunctionCtx, args: tuple[Any, ...]) -> Any:
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args)
        outputs = cls.forward(*args)
        cls.setup_context(ctx, args, outputs)
        return outputs

    @classmethod
    def _opened(cls, args: tuple[Any, ...]) -> Any:
        """Return what `forward` computes, as operations; None where they do not tell how it depends on arguments."""
        ctx, start = FunctionCtx(), tick()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.tracked for a in args)
        try:
            outputs = cls._run(ctx, args)
        except AutogradError:  # it asks for the numbers of what requires a gradient, as it may without a record
            return None
        ys = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
        told = [y for y in ys if _is_differentiable(y, ctx)]
        return outputs if all(y.tracked and not _cut_off(node_of(y), start) for y in told) else None


def _cut_off(end: Node, start: int) -> bool:
    """Return whether the user has taken a value out of the graph since `start`, on the way to `end`."""
    order, seen = [end], {end}
    for node in order:  # grows while it is walked
        for source in node.inputs:
            if not isinstance(source, Node) or source.serial <= start or source in seen:
                continue
            if source.primitive is DETACH and not isinstance(node.scope, FunctionScope):
                return True
            seen.add(source)
            order.append(source)
    return False


def _attach(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], inputs: tuple[Any, ...], outputs: Any) -> Any:
    """Return `outputs`, those that are differentiable as results of one new node."""
    ys = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
    linked_to: list[Tensor] = [y for y in ys if _is_differentiable(y, ctx)]
    if not linked_to:
        return outputs
    if cls.record.name != cls.__name__:  # a class made in a function, and named afterwards
        cls.record = cls._made()
    node, nodes, shapes = joint(cls.record, inputs, linked_to)
    outside = dict(zip(map(id, linked_to), nodes, strict=True))
    given = [True if _is_differentiable(y, ctx) else _nothing(y, ctx) for y in ys]
    node.saved = Saved.of(_kept(cls.__name__, ctx, args, inputs, outside), ctx, shapes, given)
    parts = iter(nodes)  # one for each place: a tensor that is returned twice is two outputs
    made = [_result(y, next(parts), args, ctx) if _is_differentiable(y, ctx) else y for y in ys]
    _link_shared(cls.__name__, args, [y for y in made if isinstance(y, Tensor) and y.tracked], ctx)
    return type(outputs)(made) if isinstance(outputs, tuple | list) else made[0]


def _nothing(y: Any, ctx: FunctionCtx) -> Callable[[], Tensor] | None:
    """Return what makes the gradient of an output without one, for `backward`: zeros of a tensor, None of all else."""
    if not isinstance(y, Tensor) or not ctx._materialized:
        return None
    shape, dtype = y.array.shape, y.array.dtype  # the output itself would be kept as long as the graph is
    return lambda: wrap(np.zeros(shape, dtype))


def _is_differentiable(y: Any, ctx: FunctionCtx) -> bool:
    return isinstance(y, Tensor) and y.array.dtype.kind in "fc" and id(y) not in ctx._outside


def _kept(
    name: str, ctx: FunctionCtx, args: tuple[Any, ...], inputs: tuple[Any, ...], outputs: dict[int, Node]
) -> list[Any]:
    """Fill what `saved_tensors` returns, and return its arrays; of what code outside may write, copies."""
    places = {id(a): i for a, i in zip(args, inputs, strict=True) if isinstance(a, Tensor)}
    for x in ctx._to_save:
        if x is None:
            ctx._kept.append((None, None))
            continue
        array = lasting(x)
        # an output's node refers to this context: a reference back would be a cycle
        where: Any = weakref.ref(outputs[id(x)]) if id(x) in outputs else places.get(id(x))
        if where is None and array.dtype.kind in "fc" and not any(x is a for a in args):
            where = computed_inside(name, array, inputs)
        ctx._kept.append((array, where))
    ctx._to_save = ()
    return [plain_of(array) for array, _ in ctx._kept]


def _result(y: Tensor, node: Node, args: tuple[Any, ...], ctx: FunctionCtx) -> Tensor:
    """Return the output `y` of a function of `args`, standing for `node`."""
    if id(y) in ctx._dirty:
        if y.tracked and y.is_leaf:
            raise InPlaceError("a leaf Variable that requires grad is being used in an in-place operation (mark_dirty)")
        check_alone(y, y.array, "mark_dirty")
        adopt(y, linked(y.array, node))
        return y
    result = wrap(y.array) if y.node is not None or any(y is a for a in args) else y
    result.node, result.tracked = node, True
    return result


def _link_shared(name: str, args: tuple[Any, ...], results: list[Tensor], ctx: FunctionCtx) -> None:
    """Note which `results` lie on the memory of an argument, or of an earlier result."""
    owners: dict[int, Tensor] = {id(owner_of(a.array)): a for a in reversed(args) if isinstance(a, Tensor)}
    for y in results:
        x = owners.setdefault(id(owner_of(y.array)), y)
        if x is not y and id(y) not in ctx._dirty:
            link_output(y, x, name)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Return `backward` for use once: differentiating its result raises AutogradError.

    For a backward function made of operations that the graph does not see, such as NumPy's.
    """

    @functools.wraps(backward)
    def first(ctx: Any, *grads: Tensor) -> Any:
        with no_grad():
            result = backward(ctx, *grads)
        if not (context().grad and any(isinstance(g, Tensor) and g.tracked for g in (*grads, *ctx.saved_tensors))):
            return result
        refuse = [g if g is None else _Refused.apply(g.detach().requires_grad_()) for g in
                  (result if isinstance(result, tuple | list) else [result])]  # fmt: skip
        return tuple(refuse) if isinstance(result, tuple | list) else refuse[0]

    return first


class _Refused(Function):
    """The identity, without a derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:  # noqa: ARG004
        raise AutogradError("trying to differentiate twice a function that was marked with @once_differentiable")


complete_class(Function)
