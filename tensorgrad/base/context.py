"""What holds for the operations of one thread of control: is a graph recorded, which module is running.

The state is an immutable record in a context variable: threads, asyncio tasks and generators of other contexts never
see each other's mode, and an exception restores what was there before. Reading it is one C call, made by every op.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from .callsite import Place, here

T = TypeVar("T")

_UNKNOWN: Mapping[Any, tuple[int, ...]] = {}


class Described(Protocol):
    """What a scope asks of a module when it is drawn."""

    def extra_repr(self) -> str: ...  # noqa: D102 - stated where it is defined
    def parameters(self) -> Iterable[Any]: ...  # noqa: D102
    def path_of(self, other: Any) -> str | None: ...  # noqa: D102


class Scope:
    """One call of a module: where in the tree of modules an operation was recorded.

    Everything is asked of the module when a graph is drawn, for a scope is made at every call; only the class is known
    when the module is gone.
    Two calls of one module are two scopes. The module is referred to weakly: it may hold what was computed in it.
    `arguments`, known once a trace is over, has the nodes of the tensors among its arguments, and which they are, from
    1 on: a node that is given twice has two places.
    """

    __slots__ = ("_class", "_module", "arguments", "parent", "place")

    def __init__(self, module: Described, parent: Scope | None) -> None:
        self._class = module.__class__
        self.parent = parent
        self.arguments: Mapping[Any, tuple[int, ...]] = _UNKNOWN
        self.place: Place = here(2) if parent is None else parent.place  # who called the outermost module
        self._module = weakref.ref(module)

    @property
    def module(self) -> Any:
        """The module that ran; None once it is gone."""
        return self._module()

    @property
    def kind(self) -> str:
        """The name of the module's class; of the one that a lazy module has become in this call."""
        module = self._module()
        return (self._class if module is None else module.__class__).__name__

    @property
    def path(self) -> str:
        """The dotted name of the module in its root; empty for the root."""
        around = module_around(self.parent)
        if around is None:
            return ""
        above, module = around.module, self.module
        own = None if above is None or module is None else above.path_of(module)
        return ".".join(filter(None, (around.path, own or self.kind.lower())))

    @property
    def detail(self) -> str:
        """What the module's repr shows in brackets."""
        module = self._module()
        return "" if module is None else module.extra_repr()

    @property
    def size(self) -> int:
        """The number of elements of the module's parameters."""
        module = self._module()
        return 0 if module is None else sum(p.array.size for p in module.parameters())


class FunctionScope(Scope):
    """One call of a public function, as softmax, that is made of operations: known where a function is traced.

    `given` has the nodes of the leaves among its arguments with their names, once the trace is over.
    """

    __slots__ = ("_detail", "_name", "given")

    def __init__(self, name: str, parent: Scope | None, place: Place, detail: str = "") -> None:
        self._name, self.parent, self.place, self._detail = name, parent, place, detail
        self.arguments = _UNKNOWN
        self.given: dict[Any, str] = {}

    @property
    def module(self) -> None:
        """None: it has no module of its own."""
        return None

    @property
    def kind(self) -> str:
        """The public name of the function."""
        return self._name

    @property
    def path(self) -> str:
        """The dotted name of the module that it runs in."""
        return "" if self.parent is None else self.parent.path

    @property
    def detail(self) -> str:
        """The settings that it was called with and that are not its defaults: ``dim=-1``."""
        return self._detail

    @property
    def size(self) -> int:
        """0: it has no parameters of its own."""
        return 0


def outward(scope: Scope | None) -> Iterator[Scope]:
    """Yield the calls of modules and functions around an operation of `scope`, innermost first."""
    while scope is not None:
        yield scope
        scope = scope.parent


def module_around(scope: Scope | None) -> Scope | None:
    """Return the innermost call of a module around an operation of `scope`."""
    return next((call for call in outward(scope) if not isinstance(call, FunctionScope)), None)


TRACING, ANOMALY, STRONG, SHAKING, BATCHING, UNFUSED = 1, 2, 4, 8, 16, 32
"""What `special` may hold: record everything and keep every value; stop at the first value that is not finite; a
product with an exact zero is zero (see `strongzeros`); results are rounded otherwise (see `testing.shaking`); a
function is run for all examples of a batch at once (see `engine.batched`); a fused form does not stand for its
composition."""

INFERENCE, RECOMPUTING, STEPPING, TRANSFORMED, OPENED = 1, 2, 4, 8, 16
"""What `flags` may hold: inside `inference_mode`; a `checkpoint` runs its function for the second time; complex numbers
stand for real ones that move (see `testing.complex_step`); a function is run for a transform of `func`, which may
differentiate what it recorded in any mode and to any order; a `Function` of the user's is what its `forward` does."""


class Context:
    """`grad`: record what requires a gradient; `special`: why the fast paths may not be taken; `scope`: where.

    Never changed once made; written out, for `import` would wait for what a dataclass compiles.

    >>> Context().changed(grad=False).grad
    False
    """

    __slots__ = ("flags", "grad", "scope", "special")

    def __init__(self, grad: bool = True, special: int = 0, scope: Scope | None = None, flags: int = 0) -> None:
        self.grad = grad
        self.special = special
        self.scope = scope
        self.flags = flags

    def changed(self, **fields: Any) -> Context:
        """Return a context with other values of these fields."""
        return Context(**({name: getattr(self, name) for name in self.__slots__} | fields))


CONTEXT: ContextVar[Context] = ContextVar("tensorgrad", default=Context())  # noqa: B039 - Context is never changed
context = CONTEXT.get


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Let `variable` have `value` inside, and restore it afterwards, whatever happens there."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def within(**changes: Any) -> AbstractContextManager[None]:
    """Change these fields of the context inside, and restore it afterwards, whatever happens there.

    >>> with within(grad=False):
    ...     context().grad
    False
    """
    return holding(CONTEXT, context().changed(**changes))
