"""Parameter and Buffer: tensors that a module registers; and the same before their shape is known."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tensorgrad.base.answers import known_as_answering
from tensorgrad.base.devices import check_device
from tensorgrad.base.dtypes import Array, DTypeLike, as_dtype, get_default_dtype
from tensorgrad.base.hints import fits
from tensorgrad.base.misfits import wrong_type
from tensorgrad.base.numbertypes import DTYPES, dtype
from tensorgrad.engine.references import count, fresh
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.views import link_alias, position_of
from tensorgrad.errors import ArgumentError
from tensorgrad.tensor.copies import added, deep


class Parameter(Tensor):
    """A tensor that requires a gradient and is registered when assigned to an attribute of a Module.

    On the memory of `data` where that is a tensor, and without its history; a copy of anything else.

    Raises:
        ShapeError: `data` is a negative length.

    >>> import tensorgrad as tg
    >>> Parameter(tg.zeros(2)).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any = (), requires_grad: bool = True) -> None:
        super().__init__(data)
        if isinstance(data, Tensor) and (not fresh(count(data)) or position_of(data) is not None):
            link_alias(self, data)
        self.requires_grad = requires_grad

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        return deep(self, memo, with_grad=False)  # a copy of a model starts without gradients, as in PyTorch

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that is registered as part of a module's state, and not trained, when assigned to its attribute.

    Args:
        data: a tensor, whose memory is shared, or what becomes one.
        persistent: whether `state_dict` holds it.

    Raises:
        TypeError: `persistent` is no bool.
    """

    __slots__ = ("persistent",)
    persistent: bool

    def __init__(self, data: Any = (), *, persistent: bool = True) -> None:
        super().__init__(data)
        if isinstance(data, Tensor) and (not fresh(count(data)) or position_of(data) is not None):
            link_alias(self, data)
        if not fits(persistent, bool):
            raise TypeError(wrong_type("Buffer", "persistent", 2, persistent, bool))
        self.persistent = persistent


_HELD = Tensor.__dict__["array"]  # the slot itself, which the property below hides


for _class in (Parameter, Buffer):
    known_as_answering(_class.__init__)  # what stood around it would hold `data`, whose memory it may have for itself


class _Uninitialized(Tensor):
    """What a parameter or buffer is before its shape is known: a dtype, held by an empty array that nobody may read."""

    __slots__ = ()
    cls_to_become: ClassVar[type[Tensor]]

    def _start(self, dtype: DTypeLike, device: Any, tracked: bool) -> None:
        check_device(device)
        self.grad = None
        self.node = None
        self.tracked = tracked
        self.array = np.empty(0, get_default_dtype() if dtype is None else as_dtype(dtype))

    @property
    def array(self) -> Array:
        raise ArgumentError(
            "Attempted to use an uninitialized parameter or buffer: its shape is not known yet. Call the module on a "
            "batch once, or load a state, before its parameters are used; or call .materialize(shape)"
        )

    @array.setter
    def array(self, value: Array) -> None:
        _HELD.__set__(self, value)

    @property
    def shape(self) -> Any:
        raise ArgumentError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` "
            "to initialize the parameters before accessing their attributes."
        )

    @property
    def dtype(self) -> dtype:
        return DTYPES[_HELD.__get__(self).dtype]

    @property
    def data(self) -> Tensor:
        """Nothing yet: an empty tensor, which may be filled, as scripts do before the first call, to no effect."""
        return wrap(np.empty(0, self.dtype))

    @data.setter
    def data(self, value: Any) -> None:  # noqa: ARG002 - what is refused
        raise ArgumentError("an uninitialized parameter or buffer takes no data: call .materialize(shape) first")

    def materialize(self: Any, shape: Sequence[int], device: Any = None, dtype: DTypeLike = None) -> None:
        """Become a Parameter or Buffer of the shape, with whatever the memory held; the identity stays."""
        check_device(device)
        array = np.empty(tuple(shape), self.dtype if dtype is None else as_dtype(dtype))
        self.__class__ = self.cls_to_become
        self.array = array

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        kind, *told = self.__reduce__()[1]
        twin = memo[id(self)] = _shapeless(kind, *copy.deepcopy(told, memo))
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return _shapeless, (type(self), self.dtype, self.tracked, added(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _shapeless(kind: type[_Uninitialized], dtype: DTypeLike, tracked: bool, more: dict[str, Any]) -> Tensor:
    """Return a copy of what has no shape yet, from what a pickle tells of it."""
    x = kind.__new__(kind)
    x._start(dtype, None, tracked)
    for name, value in more.items():
        object.__setattr__(x, name, value)
    return x


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter of a lazy module before its first call, which gives it a shape."""

    __slots__ = ()
    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: DTypeLike = None) -> None:
        self._start(dtype, device, requires_grad)


class UninitializedBuffer(Buffer, _Uninitialized):
    """A buffer of a lazy module before its first call, which gives it a shape."""

    __slots__ = ()
    cls_to_become = Buffer

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: DTypeLike = None, persistent: bool = True
    ) -> None:
        self._start(dtype, device, requires_grad)
        self.persistent = persistent


def is_lazy(x: Any) -> bool:
    """Return whether `x` is a parameter or buffer whose shape is not known yet."""
    return isinstance(x, _Uninitialized)
