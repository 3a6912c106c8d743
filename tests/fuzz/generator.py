"""Random programs: the same seed and number, the same program."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tests.fuzz.program import Leaf, Line, Program, execute
from tests.fuzz.run import library, plain
from tests.fuzz.values import array_of, broadcasting, shape_of
from tests.fuzz.vocabulary import GROUPS, WEIGHTS, WRITES, named

PLACE = re.compile(r"\{([^{}]+)\}")
LARGEST = 64  # elements
OPERANDS = "fxibupw"


class UnfitError(Exception):
    """There is no operand for the template."""


class Style(NamedTuple):
    """Which programs: `fits` says which templates; with `smooth`, of float64 numbers away from ties and from 0."""

    fits: Callable[[str], bool]
    smooth: bool = False


def generated(seed: int, number: int, style: Style, tell: Callable[[object], object] = id) -> Program:
    """The program `number` of `seed`; `tell` is called with every leaf and line before it is run."""
    rng = Random(f"{seed} {number}")  # the seed of a text does not depend on the process
    builder = Builder(rng, style.smooth, tell)
    wanted = rng.choice([1, 1, 2, 3, 4, 5, 6, 8, 10])
    for _ in range(200):
        if len(builder.lines) >= wanted:
            break
        template = rng.choice(rng.choices(GROUPS, WEIGHTS)[0])
        if style.fits(template):
            builder.append(template)
    return builder.finished()


class Builder:
    """A program that grows line by line and is run as it does, so that operands have the shapes that a line needs."""

    def __init__(self, rng: Random, smooth: bool, tell: Callable[[object], object]) -> None:
        self.rng, self.tell = rng, tell
        self.names = dict(library("tensorgrad"))
        self.values: dict[str, np.ndarray] = {}
        self.leaves: list[Leaf] = []
        self.lines: list[Line] = []
        self.numbers = count()
        self.mood = "smooth" if smooth else "awkward" if rng.random() < 0.4 else "simple"
        dtypes = [None, None, "float64", "float64", "float64", "float32", "float16"]
        self.dtype = "float64" if smooth else rng.choice(dtypes)
        self.operands: list[str] = []
        self.axis = 0

    def append(self, template: str) -> None:
        """Add the line of the template, if there are operands for it; it may be one that is refused."""
        op, text = named(template)
        self.operands = []
        try:
            text = PLACE.sub(lambda place: self._filled(place[1]), text)
        except UnfitError:
            return
        writes = template in WRITES
        targets = () if writes else (f"v{next(self.numbers)}",)
        line = Line(op, text, targets, silent=not writes and self.rng.random() < 0.04)
        names = dict(self.names)
        self.tell(line)
        with np.errstate(all="ignore"):
            try:
                execute(line, names)
            except Exception:  # noqa: BLE001 - that it is refused is an answer to compare
                self.lines.append(line)
                return
        value = plain(names.get(targets[0])) if targets else None
        if isinstance(value, np.ndarray) and value.size > LARGEST:
            return
        self.names = names
        self.lines.append(line)
        for name, tensor in names.items():
            if name in self.values or name in targets:
                now = plain(tensor)
                if isinstance(now, np.ndarray):
                    self.values[name] = now

    def finished(self) -> Program:
        """The program; its outputs are values that no line reads, or the last one."""
        floats = [
            n for line in self.lines for n in line.targets if n in self.values and self.values[n].dtype.kind == "f"
        ]
        read = set().union(*(line.reads for line in self.lines))
        unread = [name for name in floats if name not in read] or floats[-1:]
        twice = self.rng.random() < 0.1
        return Program(tuple(self.leaves), tuple(self.lines), tuple(unread[-3:]), twice).pruned()

    # --- places of a template ---

    def _filled(self, place: str) -> str:
        kind, _, shape = place.partition(":")
        if kind.isdigit():
            return self.operands[int(kind)]
        if kind in OPERANDS:
            name = self._operand(kind, shape)
            self.operands.append(name)
            return name
        return str(getattr(self, f"_{kind}")())

    @property
    def first(self) -> np.ndarray:
        return self.values[self.operands[0]]

    def _operand(self, kind: str, shape: str) -> str:
        known = [name for name in self.values if self._fits(name, kind, shape)]
        reused = {"u": 0.3, "p": 0.3}.get(kind, 0.75)
        if known and (kind == "w" or self.rng.random() < reused):
            return self.rng.choice(known[-6:])
        if kind == "w":
            raise UnfitError
        dtype = self.dtype
        if self.operands and self.rng.random() < 0.85:
            dtype = self.first.dtype.name
        return self._leaf(array_of(self.rng, self._new_shape(shape), kind, dtype, self.mood))

    def _leaf(self, array: np.ndarray, tracked: bool | None = None) -> str:
        name = f"v{next(self.numbers)}"
        may = array.dtype.kind == "f" and (self.rng.random() < 0.85 if tracked is None else tracked)
        self.leaves.append(Leaf(name, array, may))
        self.tell(self.leaves[-1])
        tensor = self.names["xp"].tensor(array)
        self.names[name] = tensor.requires_grad_() if may else tensor
        self.values[name] = array
        return name

    def _fits(self, name: str, kind: str, shape: str) -> bool:
        value = self.values[name]
        if kind == "w" and (name in {x.name for x in self.leaves} and self.rng.random() < 0.9):
            return False
        if kind != "x" and value.dtype.kind not in {"i": "iu", "b": "b"}.get(kind, "f"):
            return False
        own = value.shape
        if shape[:1] in {"=", "^", "-", "@"} and not self.operands:
            return False
        tests: dict[str, Callable[[], bool]] = {
            "": lambda: True,
            "+": lambda: len(own) > 0,
            "m": lambda: len(own) > 1,
            "q": lambda: len(own) > 1 and own[-1] == own[-2],
            "=": lambda: own == self.first.shape,
            "^": lambda: meets(own, self.first.shape),
            "-": lambda: (
                meets(own, self.first.shape) and np.broadcast_shapes(own, self.first.shape) == self.first.shape
            ),
            "@": lambda: len(own) > 0 and own[-2 if len(own) > 1 else -1] == self.first.shape[-1],
        }
        if shape.isdigit():
            return len(own) == int(shape)
        return tests[shape]() if shape in tests else f"({', '.join(map(str, own))}{',' * (len(own) == 1)})" == shape

    def _new_shape(self, shape: str) -> tuple[int, ...]:
        rng = self.rng
        if shape.startswith("("):
            return tuple(int(n) for n in re.findall(r"\d+", shape))
        if shape in {"=", "^", "-", "@"}:
            own = self.first.shape
            if rng.random() < 0.02:
                return shape_of(rng, self.mood)  # one that need not fit
            if shape == "@":
                return (own[-1],) if rng.random() < 0.3 else (own[-1], rng.choice([1, 2, 3]))
            return own if shape == "=" else broadcasting(rng, own)
        for _ in range(100):
            found = shape_of(rng, self.mood)
            if shape.isdigit():
                fits = len(found) == int(shape)
            else:
                fits = {
                    "": True, "+": len(found) > 0, "m": len(found) > 1, "q": len(found) > 1 and found[-1] == found[-2]
                }[shape]  # fmt: skip
            if fits:
                return found
        raise UnfitError

    # --- arguments ---

    def _d(self) -> int:
        n = self.first.ndim
        if self.rng.random() < 0.01:
            return n + 1  # there is no such axis
        self.axis = self.rng.randrange(n) if n else 0
        return self.axis - n * self.rng.randint(0, 1) if n else self.rng.choice([0, -1])

    _e = _d

    def _ds(self) -> tuple[int, ...]:
        axes = list(range(self.first.ndim))
        return tuple(sorted(self.rng.sample(axes, self.rng.randint(1, len(axes)))))

    def _k(self) -> bool:
        return self.rng.random() < 0.5

    def _n(self) -> float | int:
        return self.rng.choice([0, 1, 2, -1, 0.5, -0.5, 1.5, 0.0, 3])

    def _n0(self) -> int:
        return self.rng.choice([0, 0, 1, -1])

    def _r(self) -> int:
        return self.rng.choice([0, 1, 2, 3, 1, 2])

    def _s(self) -> int:
        return self.rng.choice([1, 2, 2, 3])

    def _shape(self) -> str:
        size = self.first.size
        whole = [n for n in range(1, size + 1) if size % n == 0] or [1]
        n = self.rng.choice(whole)
        options = ["-1", f"{n}, {size // n}", f"{n}, -1", f"1, {size}", f"{size}, 1", f"{n}, 1, {size // n}"]
        return self.rng.choice(options)

    def _perm(self) -> str:
        axes = list(range(self.first.ndim))
        self.rng.shuffle(axes)
        return ", ".join(map(str, axes))

    def _c(self) -> str:
        """Classes for the first operand, or some numbers that count where there is none."""
        shape = self.first.shape if self.operands else (3, 4)
        own = shape[:1] + shape[2:] if len(shape) > 1 else ()
        classes = shape[1] if len(shape) > 1 else shape[0] if shape else 1
        size = int(np.prod(own))
        return self._leaf(np.array([self.rng.randrange(max(classes, 1)) for _ in range(size)], np.int64).reshape(own))

    def _g(self) -> str:
        shape = self.first.shape
        n = shape[self.axis % len(shape)]
        found = np.array([self.rng.randrange(max(n, 1)) for _ in range(self.first.size)], np.int64)
        return self._leaf(found.reshape(shape))

    def _gi(self) -> str:
        n = max(self.first.size, 1)
        return self._leaf(np.array([self.rng.randrange(n), self.rng.randrange(n)], np.int64))

    def _index(self) -> str:
        """What may stand in brackets: a number, a slice, None, a list, a mask, a tensor, several of them."""
        rng, shape = self.rng, self.first.shape
        n, last = max(shape[0], 1), max(shape[-1], 1)
        i, j = sorted((rng.randrange(n), rng.randrange(n)))
        name = self.operands[0]
        forms: list[Any] = [
            f"{i}", f"{i - n}", f"{i}:{j + 1}", "::2", "1:", ":-1", f"..., {rng.randrange(last)}", "None", "..., None",
            "...", f"[{i}, {j}, {i}]", f"{name} > 0", "..., ::2", f"..., [{rng.randrange(last)}, 0]", f"{n}",
            f"xp.tensor([{j}, {i}])", f"xp.tensor({i})", f"({name} > 0).sum().clamp(max={n - 1})",
        ]  # fmt: skip
        if len(shape) > 1:
            m = max(shape[1], 1)
            forms += [f"{i}, {rng.randrange(m)}", f":, {rng.randrange(m)}", ":, None, 1:", f"[{i}, {j}], [0, {m - 1}]",
                      f"[[{i}], [{j}]], [0, {m - 1}]", f"{i}, ::2", f"[{j}, {i}], 1:", f"None, {i}, [0, {m - 1}]",
                      f"xp.tensor({[rng.random() < 0.5 for _ in range(shape[0])]})"]  # fmt: skip
        self.index = rng.choice(forms)
        return str(self.index)

    def _value(self) -> str:
        """What is written to the index: a number, or a tensor that broadcasts into the place."""
        names = {"xp": self.names["xp"], self.operands[0]: self.names["xp"].tensor(self.first)}
        try:
            part = eval(f"{self.operands[0]}[{self.index}]", names).shape
        except Exception:  # noqa: BLE001 - there is no such place
            return "1.0"
        if self.rng.random() < 0.3:
            return str(self._n())
        known = [
            n
            for n in self.values
            if meets(self.values[n].shape, part) and np.broadcast_shapes(self.values[n].shape, part) == tuple(part)
        ]
        if known and self.rng.random() < 0.5:
            return self.rng.choice(known)
        return self._leaf(array_of(self.rng, broadcasting(self.rng, tuple(part)), "f", self.dtype, self.mood))


def meets(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))
