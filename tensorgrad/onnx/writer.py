"""A graph in ONNX while it is written: nodes, constants, and the dtype and shape of every value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import told
from tensorgrad.base.context import FunctionScope, Scope, module_around
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.errors import ExportError, MissingDependencyError
from tensorgrad.graph import GraphNode


class Value(NamedTuple):
    """A value of the file: its name, and the dtype and shape that it has."""

    name: str
    dtype: DType
    shape: tuple[int, ...]


def library() -> Any:
    """Return the library onnx; MissingDependencyError without it."""
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise MissingDependencyError("tensorgrad.onnx.export needs the library onnx: pip install onnx") from error
    return onnx


class Writer:
    """What has been written; `values` has what each node of the graph became, `names` those of tensors by their id."""

    def __init__(self) -> None:
        self.onnx = library()
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.values: dict[int, Value] = {}
        self.names: dict[int, str] = {}
        self._taken: set[str] = set()
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._count = 0
        self.where = ""
        """The module and the operation that is written now, for the names of what it becomes."""

    def free(self, name: str) -> str:
        """Return a name that nothing has yet, and keep it: `name`, with signs behind it where that is taken."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def op(self, kind: str, *inputs: str, shape: Sequence[int], dtype: Any, **attributes: Any) -> Value:
        """Write an operation of ONNX on values by name, "" for one that is left out; return its result."""
        self._count += 1
        name = self.free(f"{self.where}_{self._count}")
        made = self.onnx.helper.make_node(kind, list(inputs), [name], name=f"{kind}_{self._count}", **attributes)
        self.nodes.append(made)
        return Value(name, np.dtype(dtype), tuple(shape))

    def like(self, kind: str, x: Value, *others: Value, **attributes: Any) -> Value:
        """Write an operation whose result has the shape and the dtype of its first operand."""
        return self.op(kind, x.name, *(other.name for other in others), shape=x.shape, dtype=x.dtype, **attributes)

    def constant(self, array: Any, dtype: Any = None) -> Value:
        """Return a constant of the file, each once."""
        found = np.ascontiguousarray(np.asarray(array, dtype)).reshape(np.shape(array))
        key = found.dtype.str, found.shape, found.tobytes()
        if key not in self._known:
            self._known[key] = self.free(f"constant_{len(self._known)}")
            self.constants[self._known[key]] = found
        return Value(self._known[key], found.dtype, found.shape)

    def lengths(self, shape: Sequence[int]) -> str:
        """Return a shape, or axes, as ONNX takes them: a constant."""
        return self.constant(np.asarray(shape, np.int64)).name

    def cast(self, x: Value, dtype: Any) -> Value:
        """Return `x` in a dtype."""
        if x.dtype == dtype:
            return x
        to = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.op("Cast", x.name, shape=x.shape, dtype=dtype, to=to)

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """Return `x` in a shape."""
        if tuple(shape) == x.shape:
            return x
        return self.op("Reshape", x.name, self.lengths(shape), shape=shape, dtype=x.dtype)

    def permuted(self, x: Value, axes: Sequence[int]) -> Value:
        """Return `x` with its axes in another order."""
        if list(axes) == sorted(axes):
            return x  # also without axes, of which ONNX takes no order
        shape = [x.shape[i] for i in axes]
        return self.op("Transpose", x.name, shape=shape, dtype=x.dtype, perm=list(axes))

    def taken(self, x: Value, places: Any, axis: int) -> Value:
        """Return the elements of `x` at `places`, an array or a value, along an axis, with their shape in its place."""
        where = places if isinstance(places, Value) else self.constant(np.asarray(places, np.int64))
        shape = (*x.shape[:axis], *where.shape, *x.shape[axis + 1 :])
        return self.op("Gather", x.name, where.name, shape=shape, dtype=x.dtype, axis=axis)

    def greatest(self, x: Value, count: int, axis: int, largest: int = 1) -> tuple[Value, Value]:
        """Return the `count` greatest elements along an axis, or the least, in order, and their places."""
        values = self.free(f"{self.where}_{self._count}_values")
        shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
        places = self.op("TopK", x.name, self.lengths([count]), shape=shape, dtype=np.int64, axis=axis, largest=largest)
        self.nodes[-1].output.insert(0, values)
        return Value(values, x.dtype, shape), places

    def flat(self, x: Value) -> Value:
        """Return the elements of `x` in one row."""
        return self.reshape(x, (int(np.prod(x.shape, dtype=np.int64)),))


Equivalent = Callable[[Writer, GraphNode, list[Value]], Value]
"""How an operation is written: of its node and its operands."""


def refused(node: GraphNode, why: str) -> ExportError:
    """Return the error for an operation that cannot be written: what the user called, in which module, and where."""
    around = node.scope
    called = around.kind if isinstance(around, FunctionScope) else node.op
    step = f" (in it, {node.op!r})" if called != node.op else ""
    place = f" at {told(node.place)}" if node.place is not None else ""
    return ExportError(f"onnx.export: {called!r}{step}{module_told(around)}{place} {why}")


def module_told(scope: Scope | None) -> str:
    """Return which module an operation ran in, as ``in 1: Dropout``; empty outside of modules."""
    module = module_around(scope)
    return "" if module is None else f" in {module.path and module.path + ': '}{module.kind}"
