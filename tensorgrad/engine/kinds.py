"""The four kinds of primitive: what you state, and what follows from it. The contract stands in `primitive`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.switches import Kernel

from .batched import BatchRule
from .batchrules import leading
from .dispatch import apply, general
from .fastpath import binary, mapping, pairing, several, slopes, unary
from .primitive import NAMES, PRIMITIVES, Kink, Primitive, Rule, Signature, identity, register
from .tensor import Tensor

Given = Callable[..., Any] | None
"""A rule as the table states it; None where there is no derivative."""

Op = Callable[..., Tensor]
Decorator = Callable[[Callable[..., Any]], Op]

_NOTHING: frozenset[int] = frozenset()


def negation(v: Any, s: Any, n: Any) -> Any:
    """The rule of a partial -1; the reverse sweep knows it, and adds up first what was broadcast."""
    return -v


def _zeros(v: Any, s: Any, n: Any) -> Any:
    if not isinstance(v, Tensor):
        return np.zeros(v.shape, v.dtype)
    return apply(PRIMITIVES["where"], (np.zeros(v.shape, bool), v, 0.0), {})  # recorded, as all that flows back is


def elementwise(
    name: str,
    forward: Callable[..., Any],
    *partials: Given | int,
    samples: list[Any],
    doc: str,
    symbol: str = "",
    defaults: dict[str, Any] | None = None,
    kinks: Sequence[Kink] = (),
    hides: str = "",
    floating: bool = False,
    complex: bool = False,
    compiles: bool = False,
) -> Op:
    """Return the op of a function of each element: a partial or its value per argument (``x``; ``a, b``; ``c, a, b``).

    The Jacobian is diagonal, hence symmetric: one rule per argument serves both sweeps. `defaults` are those of the
    keyword parameters of `forward`, where it has any; `kinks` says what the partials answer where they jump or blow up,
    `hides` what may have no influence; `floating` that it makes floats of integers (see `Primitive`), which a ufunc
    tells by itself; `complex` that it is holomorphic, and its partials hold for complex numbers; `compiles` that the
    products with its partials may have compiled forms, and so may `forward`, but that NumPy has loops of its own for.
    """
    signature = Signature(NAMES[len(partials) - 1], False, defaults or {}, tuple(defaults or {}))
    bound = [_partial(name, signature, partial, i, compiles) for i, partial in enumerate(partials)]
    rules = tuple(rule for rule, _ in bound)
    record = Primitive(
        name,
        "elementwise",
        forward,
        signature,
        rules,
        rules,
        lambda i: bound[i][1],
        symbol or name,
        samples,
        kinks=tuple(kinks),
        stated={"partial": partials},
        hides=hides,
        arithmetic=True,
        floating=floating or _makes_floats(forward),
        complex=complex,
        batch=leading,
        compiles=compiles and not isinstance(forward, np.ufunc),
    )
    build: Callable[[Primitive], Op] = {1: mapping if defaults else unary, 2: binary}.get(len(partials), general)
    return _named(build(register(record)), record, doc)


def _partial(
    name: str, signature: Signature, partial: Given | int, i: int, compiles: bool
) -> tuple[Rule | None, frozenset[int]]:
    """Return the rule of a partial, and what it reads: a product, which may have a compiled form if it `compiles`."""
    if not callable(partial):
        fixed: dict[Any, Rule | None] = {None: None, 0: _zeros, 1: identity, -1: negation}
        return fixed[partial], _NOTHING
    if not compiles:
        return signature.bind(partial, "v * rule({})", i)

    def product(v: Any, *values: Any) -> Any:
        return v * partial(*values)

    product.__name__ = product.__qualname__ = f"{name}_slope"
    return signature.bind(partial, "rule.run(v, {})", i, Kernel(product))


def _makes_floats(forward: Callable[..., Any]) -> bool:
    """Return whether `forward` is a ufunc that has no loop from integers to integers."""
    loops = [loop.split("->") for loop in getattr(forward, "types", ())]
    return bool(loops) and not any(set(taken) <= set("bhilq") and made in "bhilq?" for taken, made in loops)


def multilinear(
    *adjoints: Given,
    samples: Any,
    symbol: str = "",
    hides: str = "",
    complex: bool = True,
    name: str = "",
    doc: str = "",
    batch: BatchRule | None = None,
    compiles: bool = False,
) -> Decorator:
    """Return a decorator for a function linear in each argument separately: the tangent rule is the op itself.

    It is so in complex numbers too, unless `complex` denies it. `name` and `doc` are those of the op where `forward`,
    which stands elsewhere, has others; `compiles` says that it may have a compiled form.
    """

    def decorate(forward: Callable[..., Any]) -> Op:
        signature = Signature.of(forward)
        positions = range(len(adjoints))
        bound = [_bound(signature, adjoints, i) for i in positions]
        others = [frozenset(j + 1 for j in positions if j != i) for i in positions]

        def tangent(i: int) -> Rule:
            return lambda t, s, n: apply(record, (*s[1 : 1 + i], t, *s[2 + i :]) if s else (t,), n.params)

        record = Primitive(
            name or forward.__name__,
            "multilinear",
            forward,
            signature,
            tuple(rule for rule, _ in bound),
            tuple(map(tangent, positions)),
            lambda i: bound[i][1] | others[i],
            symbol or name or forward.__name__,
            samples,
            stated={"adjoint": adjoints},
            hides=hides,
            complex=complex,
            batch=batch,
            compiles=compiles,
        )
        return _named((mapping if len(adjoints) == 1 else pairing)(register(record)), record, doc or forward.__doc__)

    return decorate


def primitive(
    vjps: tuple[Given, ...],
    jvps: tuple[Given, ...],
    *,
    samples: Any,
    symbol: str = "",
    kinks: Sequence[Kink] = (),
    hides: str = "",
    complex: bool = False,
    batch: BatchRule | None = None,
) -> Decorator:
    """Return a decorator for a function whose rules are both given, one per argument (one in all if variadic).

    `complex` says that they hold for complex numbers as they are written.
    """

    def decorate(forward: Callable[..., Any]) -> Op:
        signature = Signature.of(forward)
        name = forward.__name__
        record = Primitive(
            name,
            "primitive",
            forward,
            signature,
            _all(signature, vjps),
            _all(signature, jvps),
            lambda i: _bound(signature, vjps, i)[1] | _bound(signature, jvps, i)[1],
            symbol or name,
            samples,
            kinks=tuple(kinks),
            stated={"reverse": vjps, "forward": jvps},
            hides=hides,
            complex=complex,
            batch=batch,
        )
        many = signature.variadic or len(signature.arguments) > 1
        build: Callable[[Primitive], Op] = several if many else mapping if signature.parameters else general
        return _named(build(register(record)), record, forward.__doc__)

    return decorate


def constant(
    *,
    samples: Any,
    symbol: str = "",
    kinks: Sequence[Kink] = (),
    arithmetic: bool = False,
    complex: bool = False,
    name: str = "",
    doc: str = "",
    batch: BatchRule = leading,
) -> Decorator:
    """Return a decorator for a function whose derivative is zero or does not exist: nothing is recorded for it.

    `arithmetic` says that it computes with numbers as an elementwise function does (see `Primitive`), `complex` that it
    takes complex ones. `name` and `doc` are those of the op where `forward`, a ufunc perhaps, has others.
    """

    def decorate(forward: Callable[..., Any]) -> Op:
        record = Primitive(
            name or forward.__name__,
            "constant",
            forward,
            Signature.of(forward),
            (),
            (),
            lambda i: _NOTHING,
            symbol or name or forward.__name__,
            samples,
            kinks=tuple(kinks),
            arithmetic=arithmetic,
            complex=complex,
            batch=batch,
        )
        return _named(slopes(register(record)), record, doc or forward.__doc__)

    return decorate


@remembered()
def _bound(signature: Signature, rules: tuple[Given, ...], i: int) -> tuple[Rule | None, frozenset[int]]:
    rule = rules[0 if signature.variadic else i]
    return (None, _NOTHING) if rule is None else signature.bind(rule, "rule({})", i)


def _all(signature: Signature, rules: tuple[Given, ...]) -> Iterable[Rule | None]:
    bound = (_bound(signature, rules, i)[0] for i in range(len(rules)))
    return _Endless(signature, rules) if signature.variadic else tuple(bound)


class _Endless:
    """The rules of a variadic primitive: one function, for every position."""

    def __init__(self, signature: Signature, rules: tuple[Given, ...]) -> None:
        self.signature, self.rules = signature, rules

    def __iter__(self) -> Iterator[Rule | None]:
        return (_bound(self.signature, self.rules, i)[0] for i in count())


ELEMENTWISE = """\
Each element by itself, in the shape that the operands broadcast to.

Raises:
    ShapeError: the operands do not broadcast.
    DTypeError: it is not defined for a dtype."""


OF_ONE = """\
Each element by itself, in the same shape.

Raises:
    DTypeError: it is not defined for a dtype."""


def _named(op: Callable[..., Any], record: Primitive, doc: str | None) -> Op:
    op.__name__ = op.__qualname__ = record.name
    one = len(record.signature.arguments) == 1 and not record.signature.variadic
    op.__doc__ = f"{doc}\n\n{OF_ONE if one else ELEMENTWISE}" if doc and record.kind == "elementwise" else doc
    vars(op)["primitive"] = record
    return op
