"""Random calls of everything public, with arguments of every kind: whatever is refused is refused with a reason.

The names are those that the namespaces list, and the methods of what they make. An argument is, half of the time, what
the parameter's annotation asks for; otherwise anything. An internal error is one that is not the library's, and names
neither the function nor an argument of it, in its text or in a note; or the library's in the words of what is inside.

    python -m tests.wrongcalls [number of calls] [seed]    prints every kind of internal error, once, with its call
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import inspect
import io
import math
import random
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.errors import TensorgradError

NAMESPACES = (
    "tensorgrad",
    "tensorgrad.autograd",
    "tensorgrad.autograd.functional",
    "tensorgrad.data",
    "tensorgrad.func",
    "tensorgrad.linalg",
    "tensorgrad.nn",
    "tensorgrad.nn.functional",
    "tensorgrad.nn.init",
    "tensorgrad.nn.utils",
    "tensorgrad.nn.utils.parametrizations",
    "tensorgrad.nn.utils.parametrize",
    "tensorgrad.nn.utils.rnn",
    "tensorgrad.optim",
    "tensorgrad.optim.lr_scheduler",
    "tensorgrad.optim.regularizers",
    "tensorgrad.random",
    "tensorgrad.special",
    "tensorgrad.viz",
)

# fmt: off
LEFT_OUT = {
    # what a call changes for the whole process, or leaves on the disk
    "detect_anomaly", "enable_grad", "fork_rng", "inference_mode", "load", "manual_seed", "no_grad", "save",
    "save_figure", "seed", "set_default_device", "set_default_dtype", "set_default_tensor_type", "set_detect_anomaly",
    "set_float32_matmul_precision", "set_grad_enabled", "set_num_threads", "set_printoptions", "set_rng_state",
    "use_deterministic_algorithms",
    # what asks for files or the network, starts processes, or draws for seconds
    "DataLoader", "Digits", "MNIST", "digits", "draw", "mnist", "plot_activations", "plot_gradients", "plot_paths",
    "read_idx", "share_memory_",
    # a float and a tuple, made at every step: Python's own words must do
    "Constant", "Size",
    # what a subclass defines, and its base class calls
    "Function", "RNNBase", "arrays", "forward", "initial_state", "update",
}
# fmt: on

SECONDS = 5
STRICT = ("tensorgrad.nn", "tensorgrad.optim")
FILLED = {"val", "value", "padding_value", "fill_value"}  # what may be NaN
INSIDE = re.compile(
    "has no attribute|object is not|has no len|unsupported operand|cannot be interpreted|could not be broadcast|"
    "could not convert|cannot convert float|values to unpack|truth value|division|modulo"
)  # what Python and NumPy say of what happened inside: no answer without a name


class Callee(NamedTuple):
    """Something public that can be called: its name, how to get it, and its parameters."""

    name: str
    get: Callable[[], Callable[..., Any]]
    parameters: tuple[inspect.Parameter, ...]


class Late(BaseException):
    """A call that takes too long."""


def _late(*_: Any) -> None:
    raise Late


class Opaque:
    """An object that means nothing to the library."""


def anything() -> list[Callable[[], Any]]:
    """Makers of arguments of every kind."""
    plain = [None, "a", "", b"x", 1.5, -1, 0, 3, 10**20, True, 1j, math.nan, math.inf, int, len, ..., slice(1)]
    held = [[], (), {}, [1, "a"], (0.5, 1), {1, 2}, [None], "floot32", [1, [2, 3]], {"a": 1}, range(2)]
    arrays = [np.ones((2, 3)), np.array("s"), np.array([None]), np.float32(1), np.arange(2), np.ones(0)]
    made: list[Callable[[], Any]] = [
        Opaque,
        lambda: lambda *_: None,
        lambda: tg.ones(2, 3),
        lambda: tg.ones(2, 3, requires_grad=True),
        lambda: tg.tensor([0, 1]),
        lambda: tg.zeros(0),
        lambda: tg.tensor(2.0),
        lambda: tg.tensor([1j, 2]),
        lambda: tg.ones(2, 2, 2, 2),
        lambda: tg.tensor([True, False]),
        lambda: [tg.ones(2, 3), tg.ones(3)],
        lambda: nn.Linear(3, 2),
        lambda: optim.SGD([nn.Parameter(tg.ones(2))], lr=0.1),
        lambda: iter([tg.ones(2)]),
    ]
    return [*((lambda v=v: v) for v in (*plain, *held, *arrays)), *made]


ANYTHING = anything()


def wanted(parameter: inspect.Parameter, rng: random.Random) -> Any:  # noqa: PLR0911 - a table, one line a kind
    """Something like what the annotation asks for."""
    said = str(parameter.annotation)
    if "Optimizer" in said:
        return optim.SGD([nn.Parameter(tg.ones(2))], lr=0.1)
    if "Tensor" in said or "Operand" in said or parameter.name in ("input", "self", "x"):
        return rng.choice([tg.ones(2, 3), tg.eye(3), tg.ones(3), tg.ones(1, 2, 4, 4), tg.tensor([0, 1])])
    if "Module" in said:
        return nn.Linear(3, 2)
    if "Callable" in said:
        return tg.sin
    if "str" in said:
        return rng.choice(["mean", "reflect", "ij,jk"])
    if "bool" in said:
        return rng.random() < 0.5
    if "tuple" in said or "Sequence" in said or "Iterable" in said:
        return rng.choice([(1, 2), [2], [tg.ones(2, requires_grad=True)]])
    return rng.choice([0, 1, 2, -1, 0.5])


def arguments(parameters: tuple[inspect.Parameter, ...], rng: random.Random) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for one call; at least one of them is of any kind."""
    args, kwargs, left = [], {}, True
    wild = rng.randrange(max(len(parameters), 1))
    for i, p in enumerate(parameters):
        value = rng.choice(ANYTHING)() if i == wild or rng.random() < 0.3 else wanted(p, rng)
        if p.kind is p.VAR_POSITIONAL:
            args += [value, rng.choice(ANYTHING)()][: rng.randrange(3)] if left else []
        elif p.kind is p.VAR_KEYWORD:
            continue
        elif p.default is not p.empty and i != wild and rng.random() < 0.7:
            left = False
        elif left and p.kind is not p.KEYWORD_ONLY:
            args.append(value)
        elif p.kind is not p.POSITIONAL_ONLY:
            kwargs[p.name] = value
    return args, kwargs


def parameters_of(function: Callable[..., Any], skip: int = 0) -> tuple[inspect.Parameter, ...] | None:
    try:
        return tuple(inspect.signature(function).parameters.values())[skip:]
    except (ValueError, TypeError):
        return None


def layer(cls: type, rng: random.Random) -> Any:
    """A module of the class, made with small numbers; None where these do not do."""
    needed = [p for p in parameters_of(cls) or () if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    try:
        return cls(*(3 if i == 0 else 2 for i, _ in enumerate(needed)))
    except (TypeError, ValueError, RuntimeError):
        return None


def _methods(name: str, make: Callable[[], Any]) -> Iterator[Callee]:
    for method in dir(type(make())):
        parameters = parameters_of(getattr(type(make()), method), 1)
        if not method.startswith("_") and method not in LEFT_OUT and callable(getattr(type(make()), method)):
            yield Callee(f"{name}.{method}", lambda m=method: getattr(make(), m), parameters or ())


def surface() -> list[Callee]:
    """Everything public."""
    found: dict[str, Callee] = {}
    rng = random.Random(0)
    for space in NAMESPACES:
        module = importlib.import_module(space)
        for name in sorted(getattr(module, "__all__", None) or vars(module)):
            member = getattr(module, name)
            if name.startswith("_") or inspect.ismodule(member):
                continue
            if not hasattr(module, "__all__") and getattr(member, "__module__", "") != space:
                continue  # imported for its own use
            parameters = parameters_of(member) if callable(member) else None
            if name in LEFT_OUT or parameters is None:
                continue
            found[f"{space}.{name}"] = Callee(f"{space}.{name}", lambda m=member: m, parameters)
            if isinstance(member, type) and issubclass(member, nn.Module) and layer(member, rng) is not None:
                forward = parameters_of(member.forward, 1)
                found[f"{space}.{name}()"] = Callee(f"{space}.{name}()", lambda m=member: layer(m, rng), forward or ())
                if len(forward or ()) == 1:
                    inside = f"{space}.{name}()()"  # a layer in a model: it is the layer that must answer
                    found[inside] = Callee(inside, lambda m=member: nn.Sequential(layer(m, rng)), forward or ())
    weights: list[Callable[[], Any]] = [
        lambda: tg.ones(2, 3),
        lambda: nn.Linear(3, 2),
        lambda: optim.SGD([nn.Parameter(tg.ones(2))], lr=0.1),
    ]
    for make in weights:
        found |= {c.name: c for c in _methods(type(make()).__name__, make)}
    return [found[name] for name in sorted(found)]


def internal(callee: Callee, error: BaseException) -> str:
    """What makes `error` an internal one; empty for a refusal that gives its reason."""
    if isinstance(error, TensorgradError) and not INSIDE.search(str(error)):
        return ""
    name = callee.name.replace("()", "").rpartition(".")[2].strip("_")
    text = "\n".join([str(error), *getattr(error, "__notes__", ())])
    if isinstance(
        error, TensorgradError | TypeError | ValueError | LookupError | RuntimeError | AttributeError | AssertionError
    ):
        own = getattr(callee.get(), "__name__", name)  # of what has several names; a function handed over speaks itself
        names = [name, own, "len", *(p.name for p in callee.parameters)]
        if any(re.search(rf"(?i)(?<![a-z0-9]){re.escape(n)}(?![a-z0-9])", text) for n in names):
            return ""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {re.sub(r'[0-9.]+', '#', text)[:60]} [{at.name}]"


def silence(callee: Callee, args: list[Any], kwargs: dict[str, Any]) -> str:
    """What a call that went well should have been refused for: NaN for a number, None for a flag; empty if nothing."""
    if not callee.name.startswith(STRICT):
        return ""
    plain = [p for p in callee.parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    places = [p.name for p in plain if p.kind is not p.KEYWORD_ONLY]
    given = {**dict(zip(places, args, strict=False)), **kwargs}
    for p in plain:
        value, said = given.get(p.name, 0), str(p.annotation)
        if said == "float" and isinstance(value, float) and math.isnan(value) and p.name not in FILLED:
            return f"NaN accepted for {p.name}"
        if said == "bool" and p.name in given and value is None:
            return f"None accepted for {p.name}"
    return ""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise Late inside after SECONDS, where the system can tell: Windows has no such signal."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, _late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def complaint(callee: Callee, rng: random.Random) -> tuple[str, str]:
    """What a random call is answered with that it should not be, and the call."""
    args, kwargs = arguments(callee.parameters, rng)
    shown = ", ".join([*(repr(a)[:40] for a in args), *(f"{k}={v!r}"[:50] for k, v in kwargs.items())])
    call = f"{callee.name}({shown})"
    try:
        function = callee.get()
        with limited(), contextlib.redirect_stdout(io.StringIO()):
            function(*args, **kwargs)
        return silence(callee, args, kwargs), call
    except Late:
        return f"not done after {SECONDS} s", call
    except Exception as error:  # noqa: BLE001 - whichever it is, it is judged
        return internal(callee, error), call


def complaints(count: int, seed: int) -> dict[str, list[str]]:
    """The kinds of internal errors of `count` calls, each with its calls."""
    callees, rng = surface(), random.Random(seed)
    found = collections.defaultdict(list)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for i in range(count):
            said, call = complaint(callees[i % len(callees)], rng)
            if said:
                found[said].append(call)
    return found


def main(count: int = 43_000, seed: int = 0) -> None:
    found = complaints(count, seed)
    for said, calls in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"{len(calls):5} {said}\n      {calls[0]}")
    print(f"{count} calls of {len(surface())} functions: {len(found)} kinds of internal errors")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
