"""A Function or a plain function, called with an input: all that a user can see of it, as arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd import grad, jvp
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import manual_seed
from tensorgrad.engine.tensor import Tensor, wrap

from .inputs import LIBRARIES, Probe

TENSORS = LIBRARIES[:2]
GENERIC = {"range", "normal", "positive", "narrow", "other numbers"}  # fillings that meet no tie


class Seen(NamedTuple):
    """One thing that is seen: what it is; and an array, None, or the name of the error that was raised instead."""

    what: str
    value: Any


Seeing = list[Seen]


class Library(NamedTuple):
    """What is asked of tensorgrad or of PyTorch, under one set of names."""

    tensor: Callable[[Array], Any]
    is_tensor: Callable[[Any], bool]
    grad: Callable[..., Any]
    tangents: Callable[..., Any]
    seed: Callable[[int], Any]


def library(name: str) -> Library:
    """Return tensorgrad, or PyTorch, which must be installed."""
    if name == "torch":
        import torch

        def tangents(function: Any, primals: Any, directions: Any) -> Any:
            forward: Any = torch.autograd.forward_ad
            with forward.dual_level():
                ys = function([forward.make_dual(x, t) for x, t in zip(primals, directions, strict=True)])
                return [forward.unpack_dual(y).tangent for y in ys]

        return Library(torch.from_numpy, torch.is_tensor, torch.autograd.grad, tangents, torch.manual_seed)
    return Library(
        wrap,  # as it lies: what from_numpy makes is copied where it is saved
        lambda x: isinstance(x, Tensor),
        grad,
        lambda f, x, t: jvp(f(x), x, t, create_graph=True),
        manual_seed,
    )


def seen(target: Any, probe: Probe) -> Seeing:
    """Return what calling `target` shows: values, gradients of both orders, tangents, and what became of its inputs.

    What is an error of its own, as that of a second derivative which is refused, is seen as that.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        np.random.seed(0)  # noqa: NPY002 - the user's code may draw from it
        if hasattr(target, "apply"):
            name = next((w for w, _ in probe.args if w in TENSORS), "tensorgrad")
            written = {"backward": False, "vjp": False, "jvp": False}
            found = list(_of_function(_watched(target, written), probe, library(name)))
            return [*found, *(Seen(f"what {rule} is given is written to:", np.array(w)) for rule, w in written.items())]
        return list(_of_plain(target, probe))


def _watched(target: Any, written: dict[str, bool]) -> Any:
    """Return the Function `target`, whose rules note in `written` whether they write to the gradients they are given.

    An engine may hand them copies, so that nothing else shows it; where it does not, others read what was written.
    """

    def watched(name: str, rule: Callable[..., Any]) -> Callable[..., Any]:
        def run(ctx: Any, *given: Any) -> Any:
            before = [array_of(g) for g in given]
            result = rule(ctx, *given)
            pairs = zip(before, given, strict=True)
            written[name] |= any(b is not None and not np.array_equal(b, array_of(g)) for b, g in pairs)
            return result

        return run

    rules = {name: staticmethod(watched(name, getattr(target, name))) for name in written if name in vars(target)}
    return type(target.__name__, (target,), rules)


def laid(array: Array, layout: str) -> Array:
    """Return a copy that lies in memory by rows, or by columns."""
    return np.array(array, order="F" if layout == "F" else "C")


def _of_plain(target: Any, probe: Probe) -> Iterator[Seen]:
    words = {name: laid(v, probe.layout) if w in LIBRARIES else v for name, (w, v) in probe.words.items()}
    args = [laid(v, probe.layout) if w in LIBRARIES else v for w, v in probe.args]
    given = [library(w).tensor(a) if w in TENSORS else a for a, (w, _) in zip(args, probe.args, strict=True)]
    yield from _parts("result", target(*given, **words))
    for i, (a, (what, before)) in enumerate(zip(args, probe.args, strict=True)):
        if what in LIBRARIES:
            yield Seen(
                f"argument {i} after the call", np.array(a) if not np.array_equal(a, before) else np.array(before)
            )


def _parts(name: str, value: Any) -> Iterator[Seen]:
    if isinstance(value, tuple | list):
        for i, part in enumerate(value):
            yield from _parts(f"{name} {i}", part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _parts(f"{name} {key!r}", part)
    else:
        yield Seen(name, None if value is None else np.array(value.detach() if hasattr(value, "detach") else value))


def _of_function(target: Any, probe: Probe, tools: Library) -> Iterator[Seen]:
    tools.seed(0)
    arrays = [laid(v, probe.layout) if w in LIBRARIES else v for w, v in probe.args]
    args: list[Any] = [tools.tensor(a) if w in TENSORS else a for a, (w, _) in zip(arrays, probe.args, strict=True)]
    places = [i for i, (w, v) in enumerate(probe.args) if w in TENSORS and v.dtype.kind in "fc"]
    places = [i for i in places if probe.alone in {None, i}]
    leaves = [args[i].requires_grad_() for i in places]
    ys = [y for y in _flat(target.apply(*args)) if tools.is_tensor(y)]
    yield from (Seen(f"value {k}", array_of(y)) for k, y in enumerate(ys))
    ys = [y for y in ys if y.requires_grad]
    rng = np.random.default_rng(1)
    given = [laid(_random(y, rng), probe.layout) for y in ys]
    cotangents = [tools.tensor(g.copy(order="K")) for g in given]
    for run in ("", " of the second sweep"):
        found = tools.grad(ys, leaves, cotangents, allow_unused=True, retain_graph=True)
        yield from (Seen(f"gradient of argument {i}{run}", array_of(g)) for i, g in zip(places, found, strict=True))
    yield from (Seen(f"cotangent {k} after the sweep", array_of(g)) for k, g in enumerate(cotangents))
    yield from (Seen(f"argument {i} after the sweep", array_of(args[i])) for i in places)
    if probe.filling in GENERIC:  # where a gradient has a kink, its slope there is a convention
        yield from _attempted("second derivative", lambda: _second(ys, leaves, given, tools))
    if any("jvp" in vars(c) for c in target.__mro__[:2]):  # the second is the user's
        yield from _attempted("tangent", lambda: list(_tangents(target, probe, places, tools)))


def _second(ys: list[Any], leaves: list[Any], given: list[Array], tools: Library) -> list[Seen]:
    """Return the derivatives of a mixture of the gradients, by arguments and cotangents, and those cotangents."""
    cotangents = [tools.tensor(g.copy(order="K")).requires_grad_() for g in given]
    first = tools.grad(ys, leaves, cotangents, allow_unused=True, create_graph=True)
    first = [g for g in first if g is not None and g.requires_grad]
    rng = np.random.default_rng(2)
    mixed = [tools.tensor(_random(g, rng)) for g in first]
    found = tools.grad(first, [*leaves, *cotangents], mixed, allow_unused=True) if first else []
    after = [Seen(f"cotangent {k} after the recorded sweep", array_of(g)) for k, g in enumerate(cotangents)]
    return [*(Seen(f"second derivative {k}", array_of(g)) for k, g in enumerate(found)), *after]


def _tangents(target: Any, probe: Probe, places: list[int], tools: Library) -> Iterator[Seen]:
    """Yield the forward mode's answer, what became of the tangents, and the derivatives of the answer."""
    rng = np.random.default_rng(3)
    args = [tools.tensor(laid(v, probe.layout)) if w in TENSORS else v for w, v in probe.args]
    leaves = [args[i].requires_grad_() for i in places]
    directions = [tools.tensor(laid(_random(x, rng), probe.layout)) for x in leaves]

    def outputs(given: list[Any]) -> list[Any]:
        full = list(args)
        for i, x in zip(places, given, strict=True):
            full[i] = x
        return [y for y in _flat(target.apply(*full)) if tools.is_tensor(y) and y.requires_grad]

    yield from (Seen(f"tangent {k}", array_of(t)) for k, t in enumerate(tools.tangents(outputs, leaves, directions)))
    yield from (Seen(f"tangent of argument {i} after", array_of(t)) for i, t in zip(places, directions, strict=True))
    if probe.filling in GENERIC:
        directions = [t.detach().requires_grad_() for t in directions]
        found = [t for t in tools.tangents(outputs, leaves, directions) if t is not None and t.requires_grad]
        mixed = [tools.tensor(_random(t, rng)) for t in found]
        second = tools.grad(found, [*leaves, *directions], mixed, allow_unused=True)
        yield from (Seen(f"derivative of the tangent {k}", array_of(g)) for k, g in enumerate(second))


def _attempted(name: str, attempt: Callable[[], list[Seen]]) -> Iterator[Seen]:
    try:
        yield from attempt()
    except Exception as error:  # noqa: BLE001 - the user's code may refuse it in any way; that is what is seen
        yield Seen(name, f"{type(error).__name__}")


def _flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def _random(like: Any, rng: np.random.Generator) -> Array:
    """Return a cotangent that no sum and no symmetry hides anything from."""
    array = array_of(like)
    return np.asarray(rng.uniform(0.5, 1.5, array.shape) * rng.choice([-1, 1], array.shape)).astype(array.dtype)


def array_of(value: Any) -> Any:
    """Return a copy of a tensor as an array; None as it is."""
    return None if value is None else np.array(value.detach() if hasattr(value, "detach") else value)


def is_right(target: Any, probe: Probe) -> bool:
    """Whether the gradient is that of the value, by a central difference along one direction in double precision."""
    wide = [(w, v.astype(np.float64) if w in TENSORS and v.dtype.kind == "f" else v) for w, v in probe.args]
    tools = library(next((w for w, _ in wide if w in TENSORS), "tensorgrad"))
    rng = np.random.default_rng(4)
    moves = {i: rng.uniform(-1, 1, v.shape) for i, (w, v) in enumerate(wide) if w in TENSORS and v.dtype == np.float64}
    step = 1e-6

    def outputs(size: float) -> tuple[list[Any], list[Any]]:
        tools.seed(0)
        moved = [v + size * moves[i] if i in moves else v for i, (_, v) in enumerate(wide)]
        args = [tools.tensor(np.array(a)) if w in TENSORS else a for a, (w, _) in zip(moved, wide, strict=True)]
        leaves = [args[i].requires_grad_() for i in moves]
        ys = [y for y in _flat(target.apply(*args)) if tools.is_tensor(y)]
        return [y for y in ys if y.requires_grad], leaves

    ys, leaves = outputs(0.0)
    mix = [_random(y, rng) for y in ys]
    found = tools.grad(ys, leaves, [tools.tensor(m) for m in mix], allow_unused=True)
    analytic = sum(float((array_of(g) * m).sum()) for g, m in zip(found, moves.values(), strict=True) if g is not None)
    pairs = zip(outputs(step)[0], outputs(-step)[0], mix, strict=True)
    terms = [(array_of(a) - array_of(b)) / (2 * step) * m for a, b, m in pairs]
    numerical = sum(float(t.sum()) for t in terms)
    size = sum(float(np.abs(t).sum()) for t in terms)
    return bool(np.isfinite(numerical) and abs(analytic - numerical) <= 1e-5 * (1 + size))
