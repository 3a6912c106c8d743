"""A pickle read as data: its instructions build lists, dicts and numbers here, and nothing that it names is imported.

What a pickle calls is looked up in a table that the caller gives, by the name alone; any other name, and any
instruction that is not listed here, is an error. Python's own unpickler is not used. Source: CPython's `pickletools`,
which describes each instruction; the files of PyTorch use those of protocols 2 to 5.
"""

from __future__ import annotations

import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.hints import short


class RefusedError(Exception):
    """Of a pickle that is whole, what is not read."""


class NoData:
    """What a pickle may hold on the way to data, but not as a value."""

    def __init__(self, name: str) -> None:
        self.name = name


class Named(NoData):
    """What a pickle may name and call: `call` makes data of data."""

    def __init__(self, name: str, call: Callable[..., Any] | None = None) -> None:
        super().__init__(name)
        self.call = call


_PUT = {b"q": "<B", b"r": "<I"}
_PROTOCOLS = range(2, 6)
_WIDEST = 1 << 61  # from here on many integers have one hash, and a dict of them takes for ever
_MOST_PARTS = 1000  # of a key: tuples that hold one another twice have no end
_KEYS = frozenset((str, int, float, bool, complex, bytes, type(None)))


def key(value: Any) -> Any:
    """Return `value` as a key or an element of a set; RefusedError for one whose hash could take for ever."""
    pending, count = [value], 0
    while pending:
        part = pending.pop()
        kind, count = type(part), count + 1
        if kind is tuple and len(pending) + len(part) + count <= _MOST_PARTS:
            pending.extend(part)
        elif kind not in _KEYS or (kind is int and abs(part) >= _WIDEST):
            raise RefusedError(
                f"a key of type {kind.__name__}: there are numbers under 2**61, strings, bytes, None, and tuples of at "
                f"most {_MOST_PARTS} of them; save the items in a list"
            )
    return value


def interpreted(content: bytes, named: Callable[[str, str], Any], stored: Callable[[Any], Any]) -> Any:
    """Return the data that the pickle `content` describes.

    `named` gives what stands for a module and a name in it, `stored` what stands for a persistent id. ValueError,
    TypeError, KeyError, IndexError or struct.error for anything that is not allowed, RefusedError for what is whole.
    """
    machine = _Machine(content, named, stored)
    while not machine.step():
        pass
    (found,) = machine.stack
    if machine.outer:
        raise ValueError("a mark that nothing follows")
    _check_data(found)
    return found


def _check_data(root: Any) -> None:
    """Raise RefusedError where what only stands for a name has become part of the data."""
    pending, seen = [root], set()
    while pending:
        value = pending.pop()
        if isinstance(value, NoData):
            raise RefusedError(f"{value.name} as a value, which is no data: save tensors that hold it")
        if isinstance(value, list | tuple | dict) and id(value) not in seen:
            seen.add(id(value))
            pending.extend(value.values() if isinstance(value, dict) else value)


class _Machine:
    """The state of a pickle that is read: a stack, those below its marks, and what has a number."""

    def __init__(self, content: bytes, named: Callable[[str, str], Any], stored: Callable[[Any], Any]) -> None:
        self.content = content
        self.place = 0
        self.named = named
        self.stored = stored
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.copied = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        end = self.place + count
        if end > len(self.content):
            raise ValueError("an end before the last instruction")
        found, self.place = self.content[self.place : end], end
        return found

    def number(self, form: str) -> Any:
        """Return the next number, in the form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """Return the text up to the end of the line."""
        end = self.content.index(b"\n", self.place)
        return self.take(end + 1 - self.place)[:-1].decode()

    def marked(self) -> list[Any]:
        """Return what has come since the last mark."""
        found, self.stack = self.stack, self.outer.pop()
        return found

    def popped(self, count: int) -> list[Any]:
        """Return the `count` last things, which must be there."""
        if count > len(self.stack):
            raise ValueError("an instruction without its operands")
        found = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return found

    def step(self) -> bool:
        """Follow the next instruction; return whether it is the last one."""
        code = self.take(1)
        if code == b"\x80":
            if self.number("<B") not in _PROTOCOLS:
                raise ValueError("a pickle of an unknown protocol")
        elif code == b"\x95":  # how long a frame is: of use to who reads from a stream
            self.take(8)
        elif code == b"(":
            self.outer.append(self.stack)
            self.stack = []
        elif code in _PUT or code == b"\x94":
            self.memo[self.number(_PUT[code]) if code in _PUT else len(self.memo)] = self.stack[-1]
        elif not self.grown(code):
            if code in _OF_OBJECTS:
                raise RefusedError(
                    f"the instruction {code!r} of objects or of protocols before 2: save the state_dict() of objects, "
                    f"with pickle_protocol=2"
                )
            if code not in _VALUES:
                raise ValueError(f"the instruction {code!r}, which no data needs")
            found = _VALUES[code](self)
            self.stack.append(found)
        return code == b"."

    def text(self, form: str) -> str:
        """Return the next text, before which its length stands."""
        return self.take(self.number(form)).decode("utf-8", "surrogatepass")

    def integer(self, form: str) -> int:
        """Return the next integer, before which its length stands."""
        return int.from_bytes(self.take(self.number(form)), "little", signed=True)

    def result(self) -> Any:
        """Return what a name that may be called makes of its arguments."""
        function, arguments = self.popped(2)
        if not isinstance(function, Named) or function.call is None or type(arguments) is not tuple:
            raise ValueError(f"a call of {function.name if isinstance(function, Named) else short(function)}")
        self.copied += sum(len(v) for v in arguments if isinstance(v, list | dict | str | bytes))
        if self.copied > 2 * len(self.content):  # each item takes a byte; a bytearray is made of bytes, these of text
            raise ValueError("calls that copy more than the pickle holds")
        return function.call(*arguments)

    def grown(self, code: bytes) -> bool:
        """Add to the container on the stack what the instruction adds; return whether it is one of these."""
        if code == b".":
            return True
        if code in b"aesu\x90b":
            several = code in b"eu\x90"
            items = self.marked() if several else self.popped(2 if code == b"s" else 1)
            _add(self.stack[-1], code, items)
            return True
        return False


def _add(container: Any, code: bytes, items: list[Any]) -> None:
    kind = type(container)
    if code in b"ae" and kind is list:
        container.extend(items)
    elif code in b"su" and kind in (dict, OrderedDict):
        if len(items) % 2:
            raise ValueError("a key without a value")
        container.update(zip(map(key, items[::2]), items[1::2], strict=True))
    elif code == b"\x90" and kind is set:
        container.update(map(key, items))
    elif code != b"b":
        raise ValueError(f"a {kind.__name__} that takes no items")
    elif isinstance(container, np.dtype):
        _check_dtype(container, items[0])
    elif kind is not OrderedDict or type(items[0]) is not dict or {*items[0]} != {"_metadata"}:
        raise RefusedError(f"a {short(kind.__name__)} with attributes: save what it holds")


def _check_dtype(found: np.dtype[Any], told: Any) -> None:
    """Raise RefusedError unless `told` says the rest of a plain dtype in this machine's order of bytes."""
    mine = (3, found.str[0], None, None, None, -1, -1, 0)
    if type(told) is not tuple or [*map(type, told)] != [*map(type, mine)] or told != mine:
        raise RefusedError(
            f"a dtype of NumPy that is not {found.name} in the order of bytes '{sys.byteorder}': save x.item()"
        )


_VALUES: dict[bytes, Callable[[_Machine], Any]] = {
    b"N": lambda m: None, b"\x88": lambda m: True, b"\x89": lambda m: False,
    b")": lambda m: (), b"]": lambda m: [], b"}": lambda m: {}, b"\x8f": lambda m: set(),
    b"K": lambda m: m.number("<B"), b"M": lambda m: m.number("<H"), b"J": lambda m: m.number("<i"),
    b"G": lambda m: m.number(">d"), b"\x8a": lambda m: m.integer("<B"), b"\x8b": lambda m: m.integer("<I"),
    b"\x8c": lambda m: m.text("<B"), b"X": lambda m: m.text("<I"), b"\x8d": lambda m: m.text("<Q"),
    b"C": lambda m: m.take(m.number("<B")), b"B": lambda m: m.take(m.number("<I")),
    b"\x8e": lambda m: m.take(m.number("<Q")), b"\x96": lambda m: bytearray(m.take(m.number("<Q"))),
    b"h": lambda m: m.memo[m.number("<B")], b"j": lambda m: m.memo[m.number("<I")],
    b"t": lambda m: tuple(m.marked()), b"\x85": lambda m: tuple(m.popped(1)), b"\x86": lambda m: tuple(m.popped(2)),
    b"\x87": lambda m: tuple(m.popped(3)), b"\x91": lambda m: frozenset(map(key, m.marked())),
    b"c": lambda m: m.named(m.line(), m.line()), b"\x93": lambda m: m.named(*m.popped(2)),
    b"Q": lambda m: m.stored(*m.popped(1)), b"R": _Machine.result,
}  # fmt: skip
"""What each instruction puts on the stack."""

_OF_OBJECTS = frozenset(bytes([code]) for code in b"\x81\x82\x83\x84\x92\x97\x98iobFILSTUVPldgp012")
"""The other instructions of pickles: of objects, buffers that stand elsewhere, and protocols 0 and 1."""
