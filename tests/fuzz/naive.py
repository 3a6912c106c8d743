"""PyTorch's names for the naive engine: NumPy functions that carry an imaginary step, for programs of smooth points.

What the engine cannot judge is this library's own answer: what is refused, kinks, NaN. The second derivative is the
numerical one of the first, at a few elements.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.fuzz.program import Line, Program, compiled, weights
from tests.fuzz.run import Refused, Run, run
from tests.fuzz.settle import slope
from tests.fuzz.vocabulary import ALIASES, named
from tests.naive import Naive

FEW = 3  # elements of a second derivative


class Array(np.ndarray):
    """An array with PyTorch's methods, ordered by its real part."""

    def __bool__(self) -> bool:
        return bool(self.real.item())

    @property
    def mT(self) -> Any:  # noqa: N802 - PyTorch's name
        return np.ndarray.swapaxes(self, -1, -2)

    def __gt__(self, other: Any) -> Any:
        return _ordered(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _ordered(operator.ge, self, other)

    def __lt__(self, other: Any) -> Any:
        return _ordered(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _ordered(operator.le, self, other)

    def __eq__(self, other: object) -> Any:
        return _ordered(operator.eq, self, other)

    def __ne__(self, other: object) -> Any:
        return _ordered(operator.ne, self, other)

    __hash__ = None  # as NumPy's

    def unsqueeze(self, dim: int) -> Any:
        return np.expand_dims(self, dim)

    def view(self, *shape: Any) -> Any:
        return super().view(*shape) if shape and isinstance(shape[0], type) else self.reshape(*shape)

    def transpose(self, *axes: Any) -> Any:
        return np.ndarray.transpose(self, *axes) if isinstance(axes[0], tuple | list) else self.swapaxes(*axes)

    def diagonal(self) -> Any:
        return np.einsum("ii...->...i", self[: self.shape[1], : self.shape[0]])  # NumPy's own is read-only

    def flatten(self) -> Any:
        return self.reshape(-1)

    def permute(self, *axes: int) -> Any:
        return np.ndarray.transpose(self, axes)

    def expand(self, *shape: int) -> Any:
        lead = len(shape) - self.ndim
        return np.broadcast_to(self, [self.shape[i - lead] if n == -1 else n for i, n in enumerate(shape)])

    def movedim(self, a: int, b: int) -> Any:
        return np.moveaxis(self, a, b)

    def narrow(self, dim: int, start: int, length: int) -> Any:
        return np.moveaxis(np.moveaxis(self, dim, 0)[start : start + length], 0, dim)

    def select(self, dim: int, index: int) -> Any:
        return np.moveaxis(self, dim, 0)[index, ...]

    def unbind(self, dim: int) -> Any:
        return np.moveaxis(self, dim, 0)

    def split(self, size: int, dim: int) -> Any:
        return [self.narrow(dim, i, min(size, self.shape[dim] - i)) for i in range(0, self.shape[dim], size)]

    def clone(self) -> Any:
        return self.copy()

    contiguous = clone

    def detach(self) -> Any:
        return self.real

    def masked_fill(self, mask: Any, value: float) -> Any:
        return np.where(mask, value, self)


def _ordered(question: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    return question(np.asarray(x).real, np.asarray(y).real).view(Array)


def _chosen(order: Callable[..., Any]) -> Callable[..., Any]:
    """The element of the extreme real part, along an axis or of all."""

    def function(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return x.reshape(-1)[order(x.real)]
        if isinstance(dim, tuple):
            kept = tuple(1 if i in dim else n for i, n in enumerate(x.shape))
            rest = [i for i in range(x.ndim) if i not in dim]
            flat = np.ndarray.transpose(x, (*rest, *dim)).reshape(*(x.shape[i] for i in rest), -1)
            found = function(flat, -1)
            return found.reshape(kept) if keepdim else found
        found = np.take_along_axis(x, np.expand_dims(order(x.real, axis=dim), dim), dim)
        return found if keepdim else np.squeeze(found, dim)

    return function


def _reduction(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim=None, keepdim=False: f(x, axis=dim, keepdims=keepdim)


def _where(c: Any, a: Any, b: Any) -> Any:
    return np.where(np.asarray(c).real.astype(bool), a, b)


def _var(x: Any, dim: Any = None, keepdim: bool = False, correction: int = 1) -> Any:
    n = x.size if dim is None else np.prod([x.shape[i] for i in np.atleast_1d(dim)])
    return ((x - x.mean(axis=dim, keepdims=True)) ** 2).sum(axis=dim, keepdims=keepdim) / (n - correction)


def _softmax(x: Any, dim: int) -> Any:
    e = np.exp(x - x.real.max(axis=dim, keepdims=True))
    return e / e.sum(axis=dim, keepdims=True)


def _logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    return np.log(np.exp(x).sum(axis=dim, keepdims=keepdim))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _piece(
    condition: Callable[[Any], Any], yes: Callable[[Any], Any], no: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    return lambda x: np.where(condition(np.asarray(x).real), yes(x), no(x))


_RENAMED = {
    "asinh": np.arcsinh, "atan": np.arctan, "neg": np.negative, "sub": np.subtract, "mul": np.multiply, "div":
    np.divide, "true_divide": np.divide, "matmul": np.matmul, "mm": np.matmul, "bmm": np.matmul, "mv": np.matmul,
    "dot": np.dot, "outer": np.outer, "kron": np.kron, "einsum": np.einsum, "cat": np.concatenate, "hstack":
    np.hstack, "vstack": np.vstack, "flip": np.flip, "rot90": np.rot90, "roll": np.roll, "tril": np.tril, "triu":
    np.triu, "trace": np.trace, "diff": lambda x, dim: np.diff(x, axis=dim), "cumsum": lambda x, dim: np.cumsum(x,
    dim), "cumprod": lambda x, dim: np.cumprod(x, dim), "stack": np.stack, "square": np.square, "rsub": lambda a,
    b: b - a,
}  # fmt: skip

NUMPY = SimpleNamespace(
    **{
        n: getattr(np, n)
        for n in [
            "exp",
            "expm1",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
            "sqrt",
            "log",
            "log2",
            "log10",
            "log1p",
            "reciprocal",
            "add",
        ]
    },
    **_RENAMED,
    **{n: _reduction(getattr(np, n)) for n in ["sum", "mean", "prod"]},
    amax=_chosen(np.argmax),
    amin=_chosen(np.argmin),
    var=_var,
    std=lambda *a, **k: np.sqrt(_var(*a, **k)),
    softmax=_softmax,
    log_softmax=lambda x, dim: np.log(_softmax(x, dim)),
    logsumexp=_logsumexp,
    where=_where,
    sigmoid=_sigmoid,
    abs=_piece(lambda x: x < 0, operator.neg, operator.pos),
    relu=_piece(lambda x: x > 0, operator.pos, np.zeros_like),
    maximum=lambda a, b: _where(a >= b, a, b),
    minimum=lambda a, b: _where(a <= b, a, b),
    logaddexp=lambda a, b: np.log(np.exp(a) + np.exp(b)),
    lerp=lambda a, b, w: a + w * (b - a),
    tensor=np.array,
)
NETWORK = SimpleNamespace(
    relu=NUMPY.relu,
    sigmoid=_sigmoid,
    silu=lambda x: x * _sigmoid(x),
    elu=_piece(lambda x: x > 0, operator.pos, np.expm1),
    softplus=lambda x, b=1.0, high=20.0: np.where(x * b > high, x, np.log1p(np.exp(x * b)) / b),
    softsign=lambda x: x / (1 + NUMPY.abs(x)),
    tanhshrink=lambda x: x - np.tanh(x),
    leaky_relu=_piece(lambda x: x > 0, operator.pos, lambda x: 0.01 * x),
    logsigmoid=lambda x: -np.log1p(np.exp(-x)),
    mse_loss=lambda x, y, reduction="mean": {"mean": np.mean, "sum": np.sum, "none": np.array}[reduction]((x - y) ** 2),
    linear=lambda x, w, b: x @ w.T + b,
)
NAMES = {"xp": NUMPY, "F": NETWORK}
_METHODS = {
    *(name for name in vars(Array) if name[0] != "_"),
    "reshape",
    "flatten",
    "squeeze",
    "diagonal",
    "swapaxes",
    "sum",
}
_METHODS |= {"T"}


def fits(template: str) -> bool:
    """Whether the engine has all names of the template, and follows what it does."""
    op, text = named(template)
    if re.search(r"\{[xib]|dtype|_\(|hook|linalg|\{gi?\}|\{c\}|//|%", text) or op == "xp.dot":
        return False
    called = re.findall(r"\b(xp|F)\.(\w+)", text)
    methods = re.findall(r"\}\.(\w+)", text)
    return all(hasattr(NAMES[m], name) for m, name in called) and all(name in _METHODS for name in methods)


def answered(program: Program) -> Run:
    """What the naive engine makes of the program; this library's own answer where it cannot judge."""
    ours = run(program, "tensorgrad")
    if not all(np.isfinite(x).all() for x in ours.end.values() if isinstance(x, np.ndarray)):
        return ours
    found, engine = Run(), Naive()
    known = {x.name: engine.leaf(x.array, x.tracked) for x in program.leaves}
    for line, answer in zip(program.lines, ours.lines, strict=True):
        if isinstance(answer, Refused):
            found.lines.append(answer)
        else:
            found.lines.append([_stepped(engine, known, line)])
    found.end = {name: plain_of(engine.values[number]) for name, number in known.items()}
    found.gradient, found.second = ours.gradient, ours.second
    if not isinstance(ours.gradient, Refused):
        try:
            found.gradient = _gradients(engine, known, program)
        except TypeError:  # what had no derivative was written with what has one: there is no room for it
            return found
    if not isinstance(ours.second, Refused) and not program.twice:
        found.second = [_checked(program, i, g) for i, g in enumerate(ours.second)]
    return found


def _stepped(engine: Naive, known: dict[str, int], line: Line) -> np.ndarray:
    reads = sorted(line.reads)
    if line.targets:
        text = line.text

        def function(*arrays: Any) -> Any:
            return np.asarray(eval(text, _scope(reads, arrays)))

        inputs = [known[name] for name in reads]
        number = engine.apply(function, *inputs, recorded=not line.cut, view=line.op in ALIASES)
        known[line.targets[0]] = number
        return plain_of(engine.values[number])
    target, *others = sorted(reads, key=lambda name: not line.text.startswith(f"{name}"))

    def write(*arrays: Any) -> None:
        exec(compiled(line.text), _scope([target, *others], arrays))

    number = engine.write(known[target], write, *(known[name] for name in others))
    known[target] = number
    return plain_of(engine.values[number])


def _scope(names: list[str], arrays: Sequence[Any]) -> dict[str, Any]:
    return {**NAMES, **{name: array.view(Array) for name, array in zip(names, arrays, strict=True)}}


def plain_of(value: Any) -> np.ndarray:
    return np.array(value)


def _gradients(engine: Naive, known: dict[str, int], program: Program) -> list[Any]:
    times = 2 if program.twice else 1
    found = []
    for leaf in program.tracked:
        total = np.zeros(leaf.array.shape)
        for name in program.outputs:
            if name in known and engine.tracked[known[name]]:
                shape = engine.values[known[name]].shape
                total = total + times * engine.gradient(known[name], weights(shape), known[leaf.name])
        found.append(np.asarray(total))
    return found


def _checked(program: Program, index: int, second: np.ndarray) -> np.ndarray:
    """The second derivative, with the numerical one at a few elements where the two do not agree."""
    second = second.copy()
    number = program.leaves.index(program.tracked[index])
    for flat in np.random.default_rng(index).permutation(second.size)[:FEW]:
        place = tuple(int(i) for i in np.unravel_index(flat, second.shape))
        numerical = slope(program, "second", number, place)
        if numerical is not None and abs(numerical[0] - second[place]) > 1e-4 * (1 + abs(second[place])) + numerical[1]:
            second[place] = numerical[0]
    return second
