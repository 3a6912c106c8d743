"""Tensor: an array, whether it requires a gradient, its gradient, and the node that made it.

Only the state lives here. The operations stand in `ops`, the methods built on them are given to the class in
`tensor.attach`: this module knows neither, so the table of primitives can stand above it.

Edges point from an output's node to the nodes of its inputs and never back, and a node refers to its tensor weakly:
there are no cycles, and reference counting frees a graph as soon as nobody can ask for its gradient.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary, WeakSet

from tensorgrad.base.callsite import Place, here, is_users
from tensorgrad.base.context import Context, Scope, context
from tensorgrad.base.dtypes import Array, DType, DTypeLike, check_differentiable
from tensorgrad.base.hints import fits
from tensorgrad.base.literals import array_of, constructed
from tensorgrad.errors import AutogradError, DTypeError, ShapeError

if TYPE_CHECKING:
    from tensorgrad.tensor.methods import Methods  # a stub: what tensorgrad.tensor.attach gives the class

    from .primitive import Primitive
else:
    Methods = object

tick = count(1).__next__
"""The serial clock: creation order is a topological order, so a sweep sorts instead of searching."""

_frame = sys._getframe


class Constant(float):
    """A Python number with a name, for the drawing: ``var + Constant(1e-5, "ε")`` shows ε.

    Raises:
        ValueError: `value` is no number.
    """

    __slots__ = ("name",)
    name: str

    def __new__(cls, value: float, name: str) -> Self:  # noqa: D102 - described by the class
        self = super().__new__(cls, value)
        self.name = name
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (Constant, (float(self), self.name))


class Suggested(str):
    """The name that a layer gives to what it computes: that of a variable of the user's goes before it."""

    __slots__ = ()


class Node:
    """One recorded operation, or a leaf (`primitive` is None).

    `saved` is ``(y, *inputs)`` as arrays, with None where no rule reads the value; ``()`` if none is read at all, and
    None once a backward pass has freed it. `inputs` holds nodes, and Python numbers where an operand was one.
    `owner` refers to the tensor whose `.grad` the reverse sweep fills: leaves, and where `retain_grad` asked.
    """

    __slots__ = (
        "__weakref__", "called", "dtype", "freed", "inputs", "owner", "params", "place", "primitive", "saved", "scope",
        "serial", "shape", "tracked",
    )  # fmt: skip

    serial: float  # whole, but for the nodes that replace a fused one
    primitive: Primitive | None
    inputs: tuple[Node | Any, ...]
    saved: tuple[Any, ...] | None
    params: dict[str, Any]
    shape: tuple[int, ...]
    dtype: DType
    tracked: bool
    scope: Scope | None
    called: str | None
    owner: weakref.ref[Tensor] | None
    place: Place | None
    freed: Place  # set only where a backward pass has dropped `saved`

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes that the gradient goes to, as PyTorch shows them: None for a constant; numbers come last."""
        operands = sorted(self.inputs, key=lambda x: not isinstance(x, Node))
        return tuple((x if isinstance(x, Node) and x.tracked else None, 0) for x in operands)

    def name(self) -> str:
        """Return what PyTorch would call it, by the operation: ``"MulBackward0"``; ``"AccumulateGrad"`` of a leaf."""
        if self.primitive is None:
            return "AccumulateGrad"
        return f"{self.primitive.name.title().replace('_', '')}Backward0"

    @property
    def variable(self) -> Tensor:
        """The tensor that a leaf belongs to; AttributeError of an operation, or where the tensor is gone."""
        owner = None if self.primitive is not None or self.owner is None else self.owner()
        if owner is None:
            raise AttributeError(f"{self!r} has no variable: only a leaf has, as long as its tensor lives")
        return owner

    def __repr__(self) -> str:
        return f"<{self.name()}>"


Hook = Callable[[Any], Any]
HOOKS: WeakKeyDictionary[Node, dict[int, Hook]] = WeakKeyDictionary()
"""The functions that are shown the cotangent of a node when it is complete, and may replace it."""

AFTERWARDS: WeakKeyDictionary[Node, dict[int, Hook]] = WeakKeyDictionary()
"""The functions that are called with a leaf when backward has added to its `.grad`."""

COPIES: WeakSet[Node] = WeakSet()
"""The copies that the library has made for memory of their own, and nobody has asked for: no picture shows them."""

RISING: WeakKeyDictionary[Node, Node] = WeakKeyDictionary()
"""Of a value that a trace has met, another in each element of which it never falls: bounds follow from those of it."""

FILLED: WeakSet[Any] = WeakSet()
"""What is told, by its method `filled`, of the leaves whose gradients `backward` has filled, once it has filled all."""

ANY_HOOK, ANY_AFTERWARDS, ANY_FILLED = (vars(registry)["data"] for registry in (HOOKS, AFTERWARDS, FILLED))
"""True if there is one."""


class Tensor(Methods):
    """A multi-dimensional array that records what is computed from it.

    Args:
        data: nested lists of numbers or a NumPy array, which are copied, a Tensor, or the lengths of the axes (as
            separate integers, or a Size) of a tensor whose elements are whatever the memory held. The memory of a
            Tensor is shared, as by ``detach()``. Numbers become floats: `tensorgrad.tensor` is the function that keeps
            integers.
        dtype: the dtype to convert to, the default one if not given; a Tensor keeps its own.
        requires_grad: record operations on this tensor, so that `backward` fills its `.grad`.

    Raises:
        DTypeError: `requires_grad` with an integer or boolean dtype.
        AutogradError: `data` is a recorded Tensor, whose history this one would not have.

    >>> import tensorgrad as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "array", "family", "kept_grad", "node", "tracked")

    array: Array
    family: Any  # a `views.Position`, or what makes one; left empty where the tensor shares its memory with no other
    kept_grad: Tensor | None  # the gradient, as `grad` shows it
    node: Node | None
    tracked: bool

    def __init__(self, *data: Any, dtype: DTypeLike = None, requires_grad: bool = False) -> None:
        if self.__class__ is Tensor and data and isinstance(data[0], Tensor) and data[0].tracked and context().grad:
            raise AutogradError(
                "Tensor(x) of a tensor that requires grad would leave its history behind: use x itself, x.detach() for "
                "its memory without history, or x.detach().clone() for a copy"
            )
        self.array = constructed(data, dtype)
        self.kept_grad = None
        self.node = None
        self.tracked = False
        if requires_grad:
            self.requires_grad = True

    @property
    def grad(self) -> Tensor | None:
        """What backward adds the gradient to; None before. Assignable: a Tensor of this shape and dtype, or None."""
        return self.kept_grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is self:
            raise AutogradError("can't assign Variable as its own grad: use its .detach().clone()")
        if value is not None:
            check_gradient(value, self.array, "attempting to assign")
        self.kept_grad = value

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded for a gradient. Assignable on leaves."""
        return self.tracked

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        given: Any = value
        if given.__class__ is not bool and not fits(given, bool):
            raise TypeError(f"requires_grad must be a bool, not {type(given).__name__}")
        if value and self.tracked:
            return
        if self.tracked and self.node is not None and self.node.primitive is not None:
            raise AutogradError(
                f"you can only change requires_grad flags of leaf variables; this tensor was made by "
                f"{self.node.primitive.name}: use .detach() for a tensor without history"
            )
        if value:
            check_differentiable(self.array.dtype)
        if value != self.tracked:
            self.tracked = bool(value)
            before = self.node
            if before in _ASIDE:
                stand_as(self, _ASIDE.pop(before))
            else:
                renew(self)  # a node recorded while this was a constant must not receive gradients
            if before is not None and not value:
                _ASIDE[node_of(self)] = before

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made this tensor of what requires a gradient; a trace records the others as well."""
        return self.node is None or self.node.primitive is None or not self.tracked

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor; None for leaves."""
        return None if self.is_leaf else self.node

    @property
    def name(self) -> str | None:
        """What the drawing calls this tensor. Assignable."""
        return None if self.node is None else self.node.called

    @name.setter
    def name(self, value: str | None) -> None:
        (self.node or leaf(self)).called = value


def check_gradient(given: Any, of: Array, who: str) -> None:
    """Raise unless `given`, which a user hands in as the gradient of what has the value `of`, fits it.

    `who` begins the message.

    Raises:
        TypeError: `given` is no Tensor.
        ShapeError, DTypeError: it has another shape or dtype than `of`.
    """
    if not isinstance(given, Tensor):
        raise TypeError(f"{who} {type(given).__name__} as a gradient: expected a Tensor or None")
    if given.array.shape != of.shape:
        raise ShapeError(
            f"{who} a gradient of size '{list(given.array.shape)}' to a tensor of size '{list(of.shape)}': a gradient "
            f"has the shape of its tensor"
        )
    if given.array.dtype != of.dtype:
        raise DTypeError(
            f"{who} a gradient with dtype {given.array.dtype} to a tensor of dtype {of.dtype}: convert it first, with "
            f".to(tensor.dtype)"
        )


_new_tensor, _new_node = Tensor.__new__, Node.__new__


def as_array(data: Any, dtype: DTypeLike = None, *, copy: bool = False, who: str = "data") -> Array:
    """Return `data` as an array, by the rules of `Tensor`: Python floats get the default dtype, arrays keep theirs.

    Raises:
        TypeError: `data`, which `who` names, is a list that holds a tensor with a history.
    """
    if isinstance(data, Tensor):
        data = data.array
    return array_of(data, dtype, copy, who)


def wrap(array: Array) -> Tensor:
    """Return a tensor of `array` itself, without copy and without history."""
    self = _new_tensor(Tensor)
    self.array = array
    self.kept_grad = None
    self.node = None
    self.tracked = False
    return self


def linked(array: Array, node: Node) -> Tensor:
    """Return a tensor of `array` that stands in the graph where `node` does: how a sweep reads a saved value."""
    self = wrap(array)
    self.node = node
    self.tracked = node.tracked
    return self


def recorded(
    array: Array, primitive: Primitive | None, inputs: tuple[Any, ...], params: dict[str, Any], saved: tuple[Any, ...],
    mode: Context | None, of: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return a tensor of `array` with its node: the one place where nodes are made.

    It is the result of an operation on `inputs` that has just run in `mode`; without one, the leaf or constant `of`.
    """
    if of is None:
        y = _new_tensor(Tensor)
        y.array = array
        y.kept_grad = None
        y.tracked = True
    else:
        y = of
    y.node = node = _new_node(Node)
    node.serial = tick()
    node.primitive = primitive
    node.inputs = inputs
    node.params = params
    node.saved = saved
    node.shape = array.shape
    node.dtype = array.dtype
    node.tracked = y.tracked
    node.called = node.owner = None
    if mode is None:
        node.scope = node.place = None
        return y
    node.scope = mode.scope
    f = _frame(2)
    while (users := is_users((code := f.f_code).co_filename)) is False and f.f_back and not mode.scope:
        f = f.f_back
    if users:
        node.place = (code, f.f_lasti)
    else:  # a module of the library called it: where the outermost one was called; or a file that is not known yet
        node.place = mode.scope.place if mode.scope else here(2)
    return y


def leaf(x: Tensor) -> Node:
    """Return the new node of a leaf or constant `x`, and set it."""
    node = recorded(x.array, None, (), {}, (), None, x).node
    assert node is not None
    node.owner = weakref.ref(x)
    return node


def node_of(x: Tensor) -> Node:
    """Return the node of `x`, made now if it has none."""
    return x.node or leaf(x)


_ASIDE: WeakKeyDictionary[Node | None, Node] = WeakKeyDictionary()
"""For the node of a leaf whose requires_grad was switched off: the one that it stands for when it is on again."""


def renew(x: Tensor) -> None:
    """Let the leaf `x` stand in no graph any more; what was recorded stays as it was; its name and hooks stay."""
    old = x.node
    if old is not None:
        x.node = None
        if old.called is not None or old in HOOKS or old in AFTERWARDS:
            stand_as(x, leaf(x), old)


def stand_as(x: Tensor, node: Node, old: Node | None = None) -> None:
    """Let `x` stand for `node`, with the name and the hooks that it has."""
    before = old or node_of(x)
    x.node = node
    node.called = before.called
    for registry in (HOOKS, AFTERWARDS):
        hooks = registry.pop(before, None)
        if hooks is not None:
            registry[node] = hooks
