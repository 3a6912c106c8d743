"""What is known while a function is traced: which operation every value came from, and what could not be followed.

A value that Python reads (`item`, `if x > 0`) decides what runs next, and no graph can say how: it is a *break*, noted
with its line. A test whose only answer is an error that nobody catches is none: on other inputs the program leaves the
check out.
"""

from __future__ import annotations

import ast
import linecache
import sys
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.callsite import Place, here, is_outside, told, users_line
from tensorgrad.base.context import context, holding, module_around
from tensorgrad.base.dtypes import Array
from tensorgrad.base.sources import required

from .calls import OUTERMOST, Calls
from .numpycalls import Draw
from .primitive import Primitive, Signature
from .reads import nodes_in
from .snapshots import FEW, copied
from .tensor import Node, Tensor, leaf, recorded, renew, stand_as, tick, wrap

CHOICE = "the choice (bool)"


class Break(NamedTuple):
    """Something that was read while tracing, and may be another on other inputs: what depends on it is of this run.

    `what` says how it was read, `value` is what was read, and `place` is where the user's script stood; `inside` tells
    the function of the library that read it, and its line, if it was one. `node` is that of the value, where there is
    one. A line that reads again in the same call of a module, as in a loop, has done so `times`; the rest is of the
    first.
    """

    what: str
    value: str
    place: Place
    inside: str
    node: Node | None = None
    times: int = 1

    @property
    def text(self) -> str:
        """The break in one line."""
        often = f", the first of {self.times} times" if self.times > 1 else ""
        return f"{told(self.place)}: {self.inside and self.inside + ', '}{self.what} gave {self.value}{often}"

    @property
    def line(self) -> tuple[Any, ...]:
        """What two reads of one line have in common."""
        return self.what, self.place, self.inside, self.node and module_around(self.node.scope)


class Memory:
    """What stands in one block of memory: the node of its value, after all `writes` so far; None after the trace.

    `exposed` tells that an array outside shares it.
    """

    __slots__ = ("__weakref__", "array", "exposed", "node", "seen", "trace", "writes")

    def __init__(self, array: Any, node: Node, exposed: bool = False) -> None:
        self.array = array
        self.exposed = exposed
        self.trace = running()
        self.writes = -1
        self.is_now(node)
        if self.trace is not None:
            self.trace.memories.append(weakref.ref(self))

    def is_now(self, node: Node) -> None:
        """Let `node` be what made the value that stands there."""
        assert self.writes < 0 or self.trace is None or not self.trace.alone, "a rule of the library's has written"
        self.node: Node | None = node
        self.seen = node.saved[0] if node.primitive is not None and node.saved else copied(self.array)
        self.writes += 1

    def is_changed(self) -> bool:
        """Return whether something has been written there that no node tells of."""
        array, seen = self.array, self.seen
        if not isinstance(array, np.ndarray) or array is seen:
            return False
        if (array.tobytes() == seen.tobytes()) if array.size <= FEW else (array == seen).all():
            return False
        return not np.array_equal(array, seen, equal_nan=True)  # NaN that is still there was not written

    def forget(self) -> None:
        """Let it know nothing of the trace, which is over."""
        self.node = self.trace = self.seen = None


_Made = tuple["weakref.ref[Tensor]", str, Any]  # a tensor, how it was made, and a copy of its numbers


class Trace:
    """One run of a traced function: what it met, to be put back as it was, and the breaks."""

    def __init__(self, functions: Collection[str] = ()) -> None:
        self.start = tick()
        self.breaks: list[Break] = []
        self.memories: list[weakref.ref[Memory]] = []
        self.views: list[weakref.ref[Any]] = []
        self.changed: list[tuple[weakref.ref[Tensor], Any, Any]] = []
        self.nodes: list[tuple[weakref.ref[Tensor], Node]] = []
        self.detached: dict[Node, Node] = {}
        self.followed: set[Node] = set()  # leaves that were there before, or whose value is known as it is
        self.read_as: dict[Node, Node | None] = {}  # the node of the value that a leaf had when it was read
        self.given: dict[Node, Node | None] = {}  # of a leaf that has been written: the node that it had, if given
        self.origins: dict[Node, Node] = {}  # of a leaf that the function itself has made: what its value is
        self.constants: set[Node] = set()  # what depends on nothing that is given
        self.buffers: dict[Node, str] = {}  # what modules had before, by name: the function may assign others
        self.makers: dict[int, _Made] = {}  # how a tensor was made, until it is first read
        self.made: dict[Node, str] = {}  # and then, of its leaf: by which it is called where nothing else names it
        self.streams: dict[int, int] = {}
        self.draws: list[Node] = []
        self.stale: list[Node] = []  # what is returned and was written without a record
        self.calls = Calls(functions)
        self.alone = False  # the library sweeps, and no code of the user's with it: nothing is written, see `settle`
        self._place: Place | None = None
        self.assumed: list[tuple[Node, Break]] = []  # conditions that held, of forms that are right where they do
        self.passed: list[tuple[Node, Break, bool]] = []  # what was looked at, to raise an error where it is another

    def settle(self, node: Node) -> Node:
        """Return the node of an operation, in the scope of the functions that run and at its place.

        It is noted as a constant where all that it reads is one, and nothing is drawn.
        """
        if self._place is None:
            node.scope, node.place = self.calls.around(node.scope)
            self._place = node.place if self.alone else None
        else:  # all that a sweep computes stands where it was asked for
            node.place = self._place
        if node.tracked or (node.primitive is not None and isinstance(node.primitive.forward, Draw)):
            return node
        for source in (*node.inputs, *nodes_in(node.params)):
            if isinstance(source, Node) and source not in self.constants:
                return node
        self.constants.add(node)
        return node

    def note_maker(self, x: Tensor, told: str | None) -> None:
        """Note how a constant was made, where that can be `told`."""
        if told is not None and not x.tracked:
            self.makers[id(x)] = weakref.ref(x), told, copied(x.array)

    def note_made(self, x: Tensor, leaf: Node, value: Any) -> None:
        """Note the leaf of a tensor that is read for the first time, unless something else was written there."""
        found = self.makers.pop(id(x), None)
        if found is not None and found[0]() is x and np.array_equal(found[2], value):
            self.made[leaf] = found[1]

    def note_break(self, what: str, value: Any, node: Node | None = None) -> None:
        """Note that `value`, of `node`, was read: a break, or the way past an error, where that is all a line asks."""
        frame = _reader()
        if what == CHOICE and (needed := _check(frame)) is not None and not _is_caught(frame):
            if node is not None and node not in self.constants and bool(value) in needed:
                self.passed.append((node, _found(what, value, frame), bool(value)))
            return
        self._note(_found(what, value, frame)._replace(node=node))

    def note_error(self, what: str, error: Exception) -> None:
        """Note that `what` raised an error, which the function may catch."""
        self._note(Break(f"{what}, which raised an error,", _shortened(error), users_line(), ""))

    def _note(self, found: Break) -> None:
        known = next((i for i, other in enumerate(self.breaks) if other.line == found.line), None)
        if known is None:
            self.breaks.append(found)
        else:
            self.breaks[known] = self.breaks[known]._replace(times=self.breaks[known].times + 1)

    def assume(self, condition: Node) -> None:
        """Note that the library went the way for which `condition` must hold."""
        self.assumed.append((condition, _found(CHOICE, True, _reader())))

    def close(self) -> None:
        """Let all tensors have the arrays that they had, or plain ones, and all arrays forget the graph."""
        self.calls.close()
        for found in self.memories:
            if (memory := found()) is not None:
                memory.forget()
        for view in self.views:
            if (array := view()) is not None:
                array.forget()
        for ref, mine, before in self.changed:
            x = ref()
            if x is not None and x.array is mine:
                x.array = before
        for ref, node in self.nodes:
            if (x := ref()) is not None:
                x.node = node
        for leaf_, source in self.origins.items():
            x = leaf_.owner() if leaf_.owner else None
            if x is not None and x.node is leaf_:
                self._release(x, leaf_)
            leaf_.primitive, leaf_.inputs = LEAF, (source,)

    def _release(self, x: Tensor, node: Node) -> None:
        """Let a leaf that outlives the trace be one, of its own node where it had one."""
        before = self.given.get(node)
        if before is None:
            renew(x)
        else:
            stand_as(x, before)


def _identity(name: str) -> Primitive:
    nothing: frozenset[int] = frozenset()
    return Primitive(name, "numpy", lambda x: x, Signature(("x",), False, {}), (), (), lambda i: nothing, name, ())


DETACH = _identity("detach")
"""What stands between a value and those that read it without a gradient; a graph shows it as a property of the edge."""

LEAF = _identity("leaf")
"""What a leaf is that a traced function has made of a value: gradients come to it, and do not go on."""

_TRACE: ContextVar[Trace | None] = ContextVar("trace", default=None)
running = _TRACE.get


@contextmanager
def new_trace(trace: Trace) -> Iterator[Trace]:
    """Context manager: note in `trace` what is met inside."""
    try:
        with holding(_TRACE, trace):
            yield trace
    finally:
        trace.close()


def noted(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any], value: Any) -> Node:
    """Return the new node of an operation on raw arrays, through which no gradient flows."""
    array = np.asarray(value)
    node = recorded(array, primitive, inputs, params, (copied(array),), None).node
    assert node is not None
    node.tracked = False
    node.scope, trace = context().scope, running()
    if trace is not None:
        return trace.settle(node)
    node.place = here(1)
    return node


def constant_node(array: Array) -> Node:
    """Return the node of an array that nothing is known of."""
    node = leaf(wrap(array))
    node.saved = (copied(array),)
    trace = running()
    if trace is not None:
        trace.constants.add(node)
    return node


def _found(what: str, value: Any, frame: FrameType) -> Break:
    return Break(what, _shortened(value), users_line(), _told_inside(frame))


def _reader() -> FrameType:
    """Return the frame that reads a value: the innermost but those of the tracing, and of a Tensor's own protocols."""
    frame = sys._getframe(2)
    while frame.f_back is not None and _passes_on(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


@remembered()
def _passes_on(file: str) -> bool:
    path = Path(file)
    ours = not is_outside(file) and path.name in (
        "traces.py",
        "generalforms.py",
        "tracedarrays.py",
        "tracedvalues.py",
        "protocols.py",
        "printing.py",
        "numerics.py",
    )
    return ours or "numpy" in path.parts


def _told_inside(frame: FrameType) -> str:
    """Return the function of the library that `frame` runs, and its line; empty for a frame of the user's."""
    code = frame.f_code
    if is_outside(code.co_filename):
        return ""
    text = linecache.getline(code.co_filename, frame.f_lineno).strip()
    return f"in the library's {code.co_name} ({text})"


def _shortened(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic) and value.size == 1:
        value = value.item()
    text = np.array2string(value, threshold=8) if isinstance(value, np.ndarray) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check(frame: FrameType) -> list[bool] | None:
    """Return what must be read in a test that only raises an error, if one way alone leads past; None elsewhere."""
    code = frame.f_code
    places = list(code.co_positions())[: frame.f_lasti // 2 + 1]
    # a jump may stand at its whole statement: what was computed before it stands at the choice
    for place in dict.fromkeys((places[-1], next((p for p in reversed(places) if p != places[-1]), places[-1]))):
        for test, known in _checks(code):
            if None not in place and _within(place, test):
                return [v for span, v in known if _within(place, span) or _within(span, place)][:1]
    return None


_Span = tuple[int, int, int, int]


def _span(node: ast.expr) -> _Span:
    return node.lineno, node.end_lineno or 0, node.col_offset, node.end_col_offset or 0


def _within(inner: Any, outer: Any) -> bool:
    return (inner[0], inner[2]) >= (outer[0], outer[2]) and (inner[1], inner[3]) <= (outer[1], outer[3])


@remembered(maxsize=512)
def _checks(code: CodeType) -> list[tuple[_Span, list[tuple[_Span, bool]]]]:
    """Return where the tests in a file that lead to nothing but an error stand, and what choices in them must be."""
    tests = [
        (node.test, isinstance(node, ast.Assert))
        for node in ast.walk(_tree(code.co_filename))
        if isinstance(node, ast.Assert) or (isinstance(node, ast.If) and not node.orelse and _only_raises(node.body))
    ]
    return [(_span(test), [(_span(one), value) for one, value in required(test, passes)]) for test, passes in tests]


def _only_raises(body: list[ast.stmt]) -> bool:
    leaving = ast.Return, ast.Break, ast.Continue
    return isinstance(body[-1], ast.Raise) and not any(isinstance(n, leaving) for part in body for n in ast.walk(part))


def _is_caught(frame: FrameType) -> bool:
    """Return whether a function of the user's, on the way to `frame`, goes on after an error there."""
    current: FrameType | None = frame
    while current is not None and current.f_code.co_filename != OUTERMOST:
        line, code = current.f_lineno, current.f_code
        if is_outside(code.co_filename) and any(start <= line <= end for start, end in _guarded(code)):
            return True
        current = current.f_back
    return False


@remembered(maxsize=512)
def _guarded(code: CodeType) -> list[tuple[int, int]]:
    """Return the lines after whose errors `code` goes on: of ``try`` and ``with suppress``, not of one around it."""
    inside = (node for node in ast.walk(_tree(code.co_filename)) if getattr(node, "lineno", 0) >= code.co_firstlineno)
    bodies = [
        node.body
        for node in inside
        if (isinstance(node, ast.Try) and any(not isinstance(h.body[-1], ast.Raise) for h in node.handlers))
        or (isinstance(node, ast.With) and any("suppress" in ast.unparse(item) for item in node.items))
    ]
    return [(body[0].lineno, body[-1].end_lineno or body[-1].lineno) for body in bodies]


def _tree(file: str) -> ast.Module:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:  # of a notebook, with its own commands
        return ast.Module([], [])
