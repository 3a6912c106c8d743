"""What is saved as JSON with the names of arrays in it, and back.

Strings, integers, finite floats, true, false, null and lists stand for themselves; all else is an object of one key
that tells the kind: ``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}``, ``{"tensor": {"name": ...}}``.
"""

from __future__ import annotations

import importlib
import math
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.devices import device
from tensorgrad.base.dtypes import NAMES, Array, DType
from tensorgrad.base.numbertypes import dtype
from tensorgrad.base.size import Size
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DataError, TensorgradError
from tensorgrad.files.container import CHECKSUMS, METADATA, checksum
from tensorgrad.version import Version

MOST_LEVELS = 100

Sums = Mapping[str, tuple[str, int]]
_NO_SUMS: Sums = {}

Path = tuple[Any, ...]
"""The keys, indices and attributes that lead to a value."""


class Attribute(str):
    """The name of an attribute, among the keys of a path."""

    __slots__ = ()


class Objects(NamedTuple):
    """How objects are saved and made again: called for each file that is written, or that has some and is read.

    The first is given the Writer; ``told(value, path)`` of its result returns the JSON, an object of one key, for what
    it knows, and None for all else. The second is given the Reader, what messages call the file, and all of its JSON;
    ``made(kind, content, level)`` of its result returns the object. It raises DataError for what it cannot make.
    """

    saving: Callable[[Writer], Any]
    making: Callable[[Reader, str, Any], Any]


OBJECTS: list[Objects] = []
"""What `nn` adds for modules: it stands above."""

_GROUPS: dict[str, type] = {"tuple": tuple, "size": Size, "set": set, "frozenset": frozenset}
_MAPPINGS: dict[str, type] = {"dict": dict, "ordereddict": OrderedDict, "counter": Counter}
_GROUP_OF, _MAPPING_OF = ({kind: name for name, kind in table.items()} for table in (_GROUPS, _MAPPINGS))
_KEYS = str, int, float, bool, type(None)
_ELEMENTS = *_KEYS, complex, bytes, dtype, device, Version


def _is_key(value: Any) -> bool:
    return any(type(value) is kind for kind in _KEYS)  # `in` would ask the metaclass


def _is_element(value: Any) -> bool:
    """Return whether `value` may stand in a set, which hashes and compares it: a module may answer with any code."""
    kind = type(value)
    if any(kind is group for group in (tuple, Size, frozenset)):
        return all(map(_is_element, value))
    return any(kind is allowed for allowed in _ELEMENTS) or issubclass(kind, np.generic | np.dtype | Tensor)


def _bits(value: float) -> str:
    return struct.pack("<d", value).hex()


def _float(bits: str) -> float:
    (value,) = struct.unpack("<d", bytes.fromhex(bits))
    return float(value)


def _dtype(name: str) -> DType:
    return np.dtype(NAMES[NAMES.index(name)])  # none but those


# The kind, its class, and how a value becomes JSON and a value again.
_SINGLES: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "float": (float, _bits, _float),  # JSON has no infinity, no NaN and not its bits
    "complex": (complex, lambda z: [_bits(z.real), _bits(z.imag)], lambda parts: complex(*map(_float, parts))),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "dtype": (np.dtype, lambda dtype: dtype.name, _dtype),
    "tensor dtype": (dtype, str, lambda name: dtype(_dtype(name))),
    "device": (device, str, device),
    "version": (Version, str, Version),
}


def encode(obj: Any) -> tuple[str, dict[str, Array]]:
    """Return `obj` as JSON, and its arrays by the names in it; TypeError for what cannot be saved."""
    import json

    writer = Writer()
    return json.dumps(writer.encoded(obj, ()), separators=(",", ":"), allow_nan=False), writer.arrays


class Writer:
    """Turns values into JSON and collects the arrays on the way."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self.objects = [known.saving(self) for known in OBJECTS]

    def encoded(self, value: Any, path: Path) -> Any:
        """Return the JSON for `value`, which stands at `path`: the keys and indices that lead to it."""
        kind = type(value)
        if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
            return value
        if len(path) > MOST_LEVELS:
            raise ArgumentError(
                f"save: more than {MOST_LEVELS} levels of containers in one another, or one that contains itself, at "
                f"{shown(path[:5])}..."
            )
        if kind is set or kind is frozenset:
            for element in value:
                self._check_element(element, path)
        if kind is list or kind in _GROUP_OF:
            items = [self.encoded(v, (*path, i)) for i, v in enumerate(value)]
            return items if kind is list else {_GROUP_OF[kind]: items}
        if kind in _MAPPING_OF:
            return {_MAPPING_OF[kind]: [self._pair(k, v, path) for k, v in value.items()]}
        return self._single(value, path)

    def _pair(self, key: Any, value: Any, path: Path) -> list[Any]:
        if not _is_key(key):
            raise TypeError(f"save: {shown(path)} has a key {_described(key)}: keys are strings, numbers or None")
        return [self.encoded(key, path), self.encoded(value, (*path, key))]

    def _check_element(self, value: Any, path: Path) -> None:
        if not _is_element(value):
            raise TypeError(
                f"save: {shown(path)} is a set that holds something {_described(value)}: of sets, numbers, strings, "
                f"tensors and tuples of them are saved; hold all else in a list"
            )

    def _single(self, value: Any, path: Path) -> Any:
        """Return the JSON for what is no container, an object of the kind and what tells the value."""
        for objects in self.objects:
            if (found := objects.told(value, path)) is not None:
                return found
        if isinstance(value, Tensor):
            entry = self.entry(value.array, path)
            return {"tensor": {**entry, "requires_grad": True} if value.tracked else entry}
        if type(value) is np.ndarray or (isinstance(value, np.generic) and value.dtype.name in NAMES):
            return {"array" if isinstance(value, np.ndarray) else "scalar": self.entry(np.asarray(value), path)}
        for kind, (cls, told, _) in _SINGLES.items():
            if isinstance(value, cls):
                return {kind: told(value)}
        if callable(getattr(value, "state_dict", None)):
            raise TypeError(
                f"save: {shown(path)} is {_described(value)}, and only data is saved, no objects: save its "
                f".state_dict(), and give that to .load_state_dict() of a new one"
            )
        raise TypeError(
            f"save: {shown(path)} is {_described(value)}, which cannot be saved: there are tensors, arrays, numbers, "
            f"strings, bytes, dtypes, devices and None, in dicts, lists, tuples and sets of exactly these classes"
        )

    def entry(self, array: Array, path: Path) -> dict[str, Any]:
        """Keep `array` under a name, and return what tells it: row-major, little-endian, complex numbers as pairs."""
        dtype = array.dtype
        if dtype.name not in NAMES:
            raise TypeError(f"save: {shown(path)} is an array of dtype {dtype}: there are {', '.join(NAMES)}")
        stored = np.array(array, dtype.newbyteorder("="), order="C", copy=None)
        if dtype.kind == "c":
            stored = stored.reshape(*array.shape, 1).view(f"f{dtype.itemsize // 2}")
        name = self._name(path)
        self.arrays[name] = stored
        kind, found = checksum(stored)
        entry = {"name": name, kind: found}
        return {**entry, "complex": True} if dtype.kind == "c" else entry

    def _name(self, path: Path) -> str:
        """Return the keys of `path` with dots between them, or a number where that name is taken or not allowed."""
        name = ".".join(map(str, path)).encode("utf-8", "backslashreplace").decode() or "tensor"
        number = len(self.arrays)
        while name in self.arrays or name == METADATA:
            name = f"#{number}"
            number += 1
        return name


def shown(path: Path) -> str:
    """Return what a message calls the value at `path`."""
    return "obj" + "".join(f".{key}" if type(key) is Attribute else f"[{key!r}]" for key in path)


def _described(value: Any) -> str:
    return f"of class {type(value).__name__}"


def decode(
    structure: str | None, arrays: dict[str, Array], where: str, weights_only: bool = True, sums: Sums = _NO_SUMS
) -> Any:
    """Return what `structure` and `arrays` tell, a dict of tensors if there is no structure; DataError for nonsense.

    Objects, which only `nn` knows, are made unless `weights_only`. `sums` are the checksums that are known already.
    """
    import json

    if structure is None:
        return {name: wrap(array) for name, array in arrays.items()}
    reader = Reader(arrays, sums)
    try:
        parsed = json.loads(structure, parse_constant=_refuse)
        has_objects = any("module" in value for value in dicts(parsed))
    except (ValueError, RecursionError) as error:
        raise _nonsense(where, f"{type(error).__name__}: {error}") from error
    if has_objects:
        if weights_only:
            raise DataError(
                f"{where}: expected data, found whole modules: load(path, weights_only=False) makes them, of classes "
                f"that this program has imported; do so with files that you trust to say which"
            )
        importlib.import_module("tensorgrad.nn")
    try:
        reader.objects = [known.making(reader, where, parsed) for known in OBJECTS if has_objects]
        found = reader.decoded(parsed, 0)
    except MissingError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, struct.error, TensorgradError) as error:
        raise _nonsense(where, f"{type(error).__name__}: {error}") from error
    if reader.arrays:
        raise _nonsense(where, f"arrays that it does not name: {', '.join(map(repr, list(reader.arrays)[:3]))}")
    return found


class MissingError(DataError):
    """Of a file that is whole, what this program lacks to make its objects."""


def dicts(parsed: Any) -> Iterator[dict[str, Any]]:
    """Yield every dict in what JSON gave."""
    pending = [parsed]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            yield value
            pending.extend(value.values())


def _nonsense(where: str, reason: str) -> DataError:
    return DataError(f"{where}: expected the structure that tensorgrad.save writes, found {reason}; save it again")


def _refuse(constant: str) -> None:
    raise ValueError(f"a bare {constant}")


class Reader:
    """Turns JSON into values; each array may be taken once, so that a small file cannot ask for much memory."""

    def __init__(self, arrays: dict[str, Array], sums: Sums = _NO_SUMS) -> None:
        self.arrays, self.sums = dict(arrays), sums
        self.objects: list[Any] = []

    def decoded(self, value: Any, level: int) -> Any:
        """Return the value that the JSON `value` tells."""
        if level > MOST_LEVELS + 1:
            raise ValueError(f"more than {MOST_LEVELS} levels")
        if isinstance(value, list):
            return [self.decoded(v, level + 1) for v in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind in _GROUPS:
            return _GROUPS[kind](_checked(kind, [self.decoded(v, level + 1) for v in content]))
        if kind in _MAPPINGS:
            return _MAPPINGS[kind]({self._key(k, level): self.decoded(v, level + 1) for k, v in content})
        return self._single(kind, content, level)

    def _key(self, told: Any, level: int) -> Any:
        key = self.decoded(told, level + 1)
        if not _is_key(key):
            raise ValueError("a key that is no string, number or None")
        return key

    def _single(self, kind: str, content: Any, level: int) -> Any:
        if kind in _SINGLES:
            return _SINGLES[kind][2](content)
        if kind in _ARRAYS:
            return _ARRAYS[kind](self.array(content), content)
        if not self.objects:
            raise KeyError(kind)
        return self.objects[0].made(kind, content, level)

    def array(self, entry: dict[str, Any]) -> Array:
        """Return the array that `entry` tells, which nothing else may name."""
        array = self.arrays.pop(entry["name"])
        kind = next((kind for kind in CHECKSUMS if kind in entry), "crc32")
        known, found = self.sums.get(entry["name"], ("", 0))
        if (found if known == kind else CHECKSUMS[kind](array)) != entry[kind]:
            raise ValueError(f"another checksum of {entry['name']!r}")
        if entry.get("complex"):
            array = array.view(f"c{array.itemsize * 2}").reshape(array.shape[:-1])
        return array


def _checked(kind: str, items: list[Any]) -> list[Any]:
    """Return the `items` of a group of that kind; ValueError if making it would run code of theirs."""
    if kind != "tuple" and not all(type(v) is int if kind == "size" else _is_element(v) for v in items):
        raise ValueError(f"a {kind} of something else than data")
    return items


_ARRAYS: dict[str, Callable[[Array, dict[str, Any]], Any]] = {
    "tensor": lambda array, entry: wrap(array).requires_grad_(bool(entry.get("requires_grad"))),
    "array": lambda array, entry: array,
    "scalar": lambda array, entry: array[()],
}
