"""The faults of a primitive: a mutant is its record with one rule, or its forward function, made wrong.

All is derived from the record, so a new primitive has its mutants at once. A mutant notes whether its fault touches
anything: `touched` turns true when the rule reads what the fault changes. A fault that never touches anything (a wrong
`axis` for a rule that does not read it) is no fault, and is not counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import combinations, islice
from typing import Any

import numpy as np

from tensorgrad.engine.primitive import Primitive, Rule
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.ops import astype, getitem

RELATIVE = 1e-6
OFFSET = 1e-6
VARIADIC = 3  # how many positions of an endless primitive are made wrong


@dataclasses.dataclass
class Mutant:
    """A primitive with one fault."""

    record: Primitive
    fault: str
    place: str
    right: Rule | None = None  # the rule before the fault
    slot: int | None = None  # the saved value that is hidden from the graph
    touched: bool = True

    def __str__(self) -> str:
        return f"{self.record.name}: {self.fault} ({self.place})"


def mutants(primitive: Primitive) -> Iterator[Mutant]:
    """Every mutant of `primitive`: of its forward function, and of each rule, for each sweep and for both."""
    yield from of_forward(primitive)
    if not primitive.differentiable:
        return
    for side in ("vjps", "jvps", *(["both"] if primitive.vjps is primitive.jvps else [])):
        rules = rules_of(primitive, side)
        for i, right in enumerate(rules):
            if right is not None:
                yield from of_rule(primitive, side, i, right)
        for i, j in combinations(range(len(rules)), 2):
            if rules[i] is not rules[j]:
                order = [*rules[:i], rules[j], *rules[i + 1 : j], rules[i], *rules[j + 1 :]]
                yield Mutant(with_rules(primitive, side, order), "rules swapped", f"{side} {i}, {j}")


def rules_of(primitive: Primitive, side: str) -> list[Rule | None]:
    count = VARIADIC if primitive.signature.variadic else len(primitive.signature.arguments)
    return list(islice(iter(primitive.jvps if side == "jvps" else primitive.vjps), count))


def with_rules(primitive: Primitive, side: str, rules: list[Rule | None]) -> Primitive:
    """`primitive` with other rules; every value is saved, so that a rule can read what the right one does not."""
    fields = dict.fromkeys(("vjps", "jvps") if side == "both" else (side,), tuple(rules))
    everything = frozenset(range(1 + len(rules)))
    return primitive.changed(**fields, reads=lambda i: everything, _keeps={})


def of_forward(primitive: Primitive) -> Iterator[Mutant]:
    forward = primitive.forward

    def off(*args: Any, **params: Any) -> Any:
        y = np.asarray(forward(*args, **params))
        if y.dtype.kind == "b":
            return np.logical_not(y)
        return y * (1 + RELATIVE) if y.dtype.kind in "fc" and np.any(y) else y + 1

    def writing(*args: Any, **params: Any) -> Any:
        for a in args:
            a[...] = a
        return forward(*args, **params)

    for fault, wrong in {"value off": off, "input written": writing}.items():
        yield Mutant(primitive.changed(forward=wrong, _keeps={}), fault, "forward")


def of_rule(primitive: Primitive, side: str, i: int, right: Rule) -> Iterator[Mutant]:
    rules = rules_of(primitive, side)

    def made(fault: str, build: Callable[[Mutant], Rule], slot: int | None = None) -> Mutant:
        mutant = Mutant(primitive, fault, f"{side} {i}", right, slot, touched=False)
        mutant.record = with_rules(primitive, side, [*rules[:i], build(mutant), *rules[i + 1 :]])
        return mutant

    for fault, change in RESULT_FAULTS.items():
        # the sweeps convert a wider answer, but the quick one, in which no choice is made, that of elementwise rules
        quick = primitive.kind == "elementwise" and primitive.hides != "any" and side != "jvps"
        if fault != "widened" or quick:
            yield made(fault, changed(right, change))
    if len(rules) > 1 and side != "jvps":
        yield made("not summed", unsummed(right, i))
    slots = range(1 + len(rules))
    for k in slots:
        yield made("saved detached", spoiled(right, {k}, lambda s, k=k: [*s[:k], hidden(s[k]), *s[k + 1 :]]), k)
        yield made("saved written", spoiled(right, {k}, lambda s, k=k: [*s[:k], written(s[k]), *s[k + 1 :]]))
    for j, k in combinations(slots, 2):
        exchange = spoiled(right, {j, k}, lambda s, j=j, k=k: [*s[:j], s[k], *s[j + 1 : k], s[j], *s[k + 1 :]])
        yield made("saved swapped", exchange)
    for name in primitive.signature.parameters:
        yield made(f"wrong {name}", misled(right, name, primitive.kind == "multilinear" and side == "jvps"))


# --- faults of what a rule is given and returns -----------------------------------------------------------------------


def hidden(value: Any) -> Any:
    """`value` without its place in the graph."""
    return wrap(value.array) if isinstance(value, Tensor) else value


def written(value: Any) -> Any:
    """`value`, doubled in its own memory."""
    array = value.array if isinstance(value, Tensor) else value
    array *= 2
    return value


RESULT_FAULTS: dict[str, Callable[..., Any]] = {
    "scaled": lambda rule, v, s, n: rule(v, s, n) * (1 + RELATIVE),
    "negated": lambda rule, v, s, n: -rule(v, s, n),
    "dropped": lambda rule, v, s, n: rule(v, s, n) * 0.0,
    "offset": lambda rule, v, s, n: rule(v, s, n) + OFFSET,
    "not finite": lambda rule, v, s, n: rule(v, s, n) * np.nan,
    "narrowed": lambda rule, v, s, n: astype(rule(v, s, n), dtype=np.dtype(np.float32)),
    "widened": lambda rule, v, s, n: astype(rule(v, s, n), dtype=np.dtype(np.float64)),
    "given detached": lambda rule, v, s, n: rule(hidden(v), s, n),
    "given written": lambda rule, v, s, n: rule(written(v), s, n),
    "nothing": lambda rule, v, s, n: rule(v, s, n),  # the control: it must survive
}


def changed(right: Rule, change: Callable[..., Any]) -> Callable[[Mutant], Rule]:
    def build(mutant: Mutant) -> Rule:
        mutant.touched = True
        return lambda v, s, n: change(right, v, s, n)

    return build


def unsummed(right: Rule, i: int) -> Callable[[Mutant], Rule]:
    """One of the copies that broadcasting made of input `i`, in place of the sum over all of them."""

    def build(mutant: Mutant) -> Rule:
        def wrong(v: Any, s: Any, n: Any) -> Any:
            result, shape = right(v, s, n), n.inputs[i].shape
            if result.shape == shape or 0 in result.shape:
                return result
            mutant.touched = True
            lead = len(result.shape) - len(shape)
            return getitem(result, index=(*[0] * lead, *(slice(0, 1) if m == 1 else slice(None) for m in shape)))

        return wrong

    return build


# --- faults of what a rule reads --------------------------------------------------------------------------------------


class Saved(tuple[Any, ...]):  # noqa: SLOT001 - a tuple subclass cannot have slots, and needs an attribute
    """Saved values that note which of them are read."""

    seen: set[int]

    def __getitem__(self, key: Any) -> Any:
        self.seen.update(range(len(self))[key] if isinstance(key, slice) else [key])
        return tuple.__getitem__(self, key)


def spoiled(right: Rule, slots: set[int], spoil: Callable[[list[Any]], list[Any]]) -> Callable[[Mutant], Rule]:
    """The rule on spoiled saved values, where it reads one of `slots`."""

    def build(mutant: Mutant) -> Rule:
        def wrong(v: Any, s: Any, n: Any) -> Any:
            saved = Saved(s)
            saved.seen = set()
            result = right(v, saved, n)
            if not saved.seen & slots or len(s) <= max(slots):
                return result
            mutant.touched = True
            return right(v, tuple(spoil(list(s))), n)

        return wrong

    return build


class Params(dict[str, Any]):
    """Parameters that note which of them are read."""

    seen: set[str]

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return dict.__getitem__(self, key)


class Beside:
    """A node with parameters of its own."""

    def __init__(self, node: Any, params: dict[str, Any]) -> None:
        self.node, self.params = node, params

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)


def misled(right: Rule, name: str, whole: bool) -> Callable[[Mutant], Rule]:
    """The rule with a wrong value of the parameter `name`; `whole`: the rule hands on all parameters."""

    def build(mutant: Mutant) -> Rule:
        def wrong(v: Any, s: Any, n: Any) -> Any:
            params = Params({**n.params, name: off_by_one(name, n.params, n.inputs[0].shape)})
            params.seen = {name} if whole else set()
            try:
                return right(v, s, Beside(n, params))
            finally:
                mutant.touched |= name in params.seen and repr(params.get(name)) != repr(n.params[name])

        return wrong

    return build


def off_by_one(name: str, params: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """The parameter `name`, wrong by one step and still in range where that can be said; the same for an unknown kind.

    >>> off_by_one("axis", {"axis": 1}, (2, 3)), off_by_one("axes", {"axes": (0, 2, 1)}, (2, 3, 4))
    (0, (2, 1, 0))
    >>> off_by_one("keepdims", {"keepdims": True}, ()), off_by_one("low", {"low": None}, ())
    (False, 0.0)
    """
    value = params[name]
    if name == "index":
        return _next_elements(value, params.get("shape", shape), params.get("axis"))
    if name in AXES:
        return _next_axes(value, len(shape))
    if isinstance(value, tuple):
        return value[1:] + value[:1] if len(set(value)) > 1 else tuple(v + 1 for v in value)
    steps: dict[type, Callable[[Any], Any]] = {
        bool: lambda v: not v, int: lambda v: v + 1, float: lambda v: v + 0.25, type(None): lambda v: 0.0
    }  # fmt: skip
    if isinstance(value, np.dtype):
        return np.dtype(np.float32)
    return steps.get(type(value), lambda v: v)(value)


AXES = ("axis", "dim", "dims")


def _next_axes(axis: Any, ndim: int) -> Any:
    if axis is None or ndim < 2:
        return 0 if ndim > 1 else axis
    return (axis + 1) % ndim if isinstance(axis, int) else tuple((a + 1) % ndim for a in axis)


def _next_elements(index: Any, shape: tuple[int, ...], axis: Any) -> Any:
    """An index of as many elements, each the one after in memory order (along `axis`, where there is one)."""
    if axis is not None:
        return (np.asarray(index) + 1) % shape[axis]
    size = int(np.prod(shape))
    return np.unravel_index((np.arange(size).reshape(shape)[index] + 1) % size, shape)
