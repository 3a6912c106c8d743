"""The record of a primitive, the registry, and the contract of the four kinds that state the calculus once (`kinds`).

A primitive is one record: name, NumPy forward, derivative, drawing symbol, sample domain. Reverse mode, forward mode,
derivatives of any order, the recorded graph, the drawing and the property tests are derived from it. The contract:

* A **rule** is a function of what it needs, by name: an argument of the forward function (``a``), the shape of one
  (``a_shape``), ``y`` the output, ``shapes`` those of all arguments, a parameter (``axis``); the rules of `multilinear`
  and `primitive` take the cotangent ``g`` (shape of the output) or the tangent ``t`` (shape of the argument) as well,
  and for variadic primitives ``position``. The record keeps exactly the values that rules name: a shape costs nothing.
* Rules run on two kinds of values, plain arrays and Tensors (derivatives of derivatives). They are written with
  operators and the library's own ops, never with ``np.sin(x)`` or ``x.array`` on such a value.
* No rule knows about broadcasting or dtypes: the sweeps sum a cotangent down, broadcast a tangent up, and convert.

=============  ========================  =======================  ==============================================
kind           you state                 reverse rule             forward rule
=============  ========================  =======================  ==============================================
elementwise    partials, 1, -1 or None   g * d_i                  t * d_i (a diagonal Jacobian is symmetric)
multilinear    the adjoint per argument  the adjoint              the primitive itself with t in that slot
primitive      both                      given                    given
constant       nothing                   none                     none
=============  ========================  =======================  ==============================================

* **Batches.** `batch` is a rule of `batchrules`, by what a function does with axes: a function of each element, or of
  the last axes, takes those of a batch in front as they are (`leading`, which elementwise functions have by
  themselves), one over `axis` counts it behind them (`along`, `along_one`), those of shapes and indices have rules of
  their own. The derivatives need none: their rules run on the values of all examples.
* **Complex numbers** are taken by a record that says `complex`: its rules, as they are written for real numbers, are
  C-linear in ``g`` and ``t`` and hold for complex values too. The gradient of a real L by ``z = x + iy`` is PyTorch's,
  ``dL/dx + i dL/dy``, for which the chain rule has the conjugate of the transposed Jacobian: `on_complex` puts the
  reverse rule between two conjugations. All other records refuse complex numbers (see `dispatch`).
"""

from __future__ import annotations

import inspect
import sys
from collections import UserDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from operator import itemgetter
from types import CodeType, FunctionType
from typing import Any, Self

import numpy as np

from tensorgrad.base.caching import remembered, unwrapped
from tensorgrad.base.callsite import is_users_code
from tensorgrad.base.switches import Kernel

from .batched import BatchRule

Rule = Callable[[Any, Any, Any], Any]
"""A rule as the sweeps call it: (cotangent or tangent, saved values ``(y, *args)``, node) -> contribution."""


def identity(v: Any, s: Any, n: Any) -> Any:
    """The rule of a partial 1; the reverse sweep knows it and saves the call."""
    return v


def times(v: Any, slope: Any, saved: tuple[Any, ...]) -> Any:
    """Return ``v * slope``, to the bit: `slope` itself where `v` is the repeated 1 that comes of a sum.

    It is given out only if the rule has just made it: what somebody else holds, as the `saved` values, must not become
    a gradient, which users write into.

    >>> one, slope = np.broadcast_to(np.array(1.0), 2), np.array([2.0, 3.0])
    >>> times(one, slope, ()) is slope, times(one, slope, (slope,)) is slope, times(one, slope > 2, ()).tolist()
    (True, False, [0.0, 1.0])
    """
    if type(v) is not np.ndarray or (one := v.base) is None or type(slope) is not np.ndarray:
        return v * slope
    if type(one) is not np.ndarray or one.ndim or one.dtype is not v.dtype or one.item() != 1 or slope.shape != v.shape:
        return v * slope
    if slope.dtype.kind == "b":
        return slope.astype(v.dtype)
    fresh = slope.dtype is v.dtype and slope.base is None and slope.flags.writeable
    return slope if fresh and not any(slope is x for x in saved) else v * slope


class Ones:
    """The repeated 1 that comes of a sum, as rules of functions of each element take it: see `times`."""

    __slots__ = ("dtype", "saved", "shape", "values")

    def __init__(self, values: Any, saved: tuple[Any, ...]) -> None:
        self.values, self.saved = values, saved
        self.shape, self.dtype = values.shape, values.dtype

    def __mul__(self, slope: Any) -> Any:
        return times(self.values, slope, self.saved)

    def __neg__(self) -> Any:
        return -self.values


def always(known: Any) -> Rule:
    """Return the rule whose contribution has been computed already."""
    return lambda v, s, n: known


class Conjugated:
    """The reverse rules of an operation on complex numbers, adjoints of its tangents: ``g -> conj(rule(conj(g)))``."""

    def __init__(self, rules: Iterable[Rule | None]) -> None:
        self.rules = rules

    def __iter__(self) -> Iterator[Rule | None]:
        return (rule if rule is None or rule is identity else _conjugated(rule) for rule in self.rules)


def _conjugated(rule: Rule) -> Rule:
    return lambda v, s, n: rule(v.conj(), s, n).conj()


Keep = Callable[[tuple[Any, ...]], tuple[Any, ...]] | tuple[()]
"""What takes the values that are saved out of all that there are, see `Primitive.keeps`."""

NAMES = ("x",), ("a", "b"), ("c", "a", "b")
"""What the arguments of a function of each element are called, by how many there are."""

_ITSELF = (lambda x: x).__code__.co_code


class Signature:
    """The parameter names of a forward function: positional arguments are differentiable, keyword-only ones are not."""

    def __init__(
        self, arguments: tuple[str, ...], variadic: bool, defaults: Mapping[str, Any], parameters: tuple[str, ...] = ()
    ) -> None:
        self.arguments, self.variadic, self.defaults, self.parameters = arguments, variadic, defaults, parameters

    @classmethod
    def of(cls, forward: Callable[..., Any]) -> Signature:
        """Return the signature of `forward`; a ufunc tells how many arguments it has, not what they are called."""
        if isinstance(forward, np.ufunc):
            return cls(NAMES[forward.nin - 1], False, {})
        plain = unwrapped(forward)
        if not isinstance(plain, FunctionType):  # a method, a partial, an object that is called
            return cls._inspected(forward)
        code: CodeType = plain.__code__  # asked directly: for hundreds of them `inspect.signature` takes long
        count, variadic = code.co_argcount, bool(code.co_flags & inspect.CO_VARARGS)
        last = count + code.co_kwonlyargcount
        names = code.co_varnames
        return cls(
            (*names[:count], *names[last : last + variadic]), variadic, plain.__kwdefaults__ or {}, names[count:last]
        )

    @classmethod
    def _inspected(cls, forward: Callable[..., Any]) -> Signature:
        parameters = inspect.signature(forward).parameters.values()
        named = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        given = [p for p in parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
        return cls(
            tuple(p.name for p in given),
            any(p.kind is p.VAR_POSITIONAL for p in given),
            {p.name: p.default for p in named if p.default is not p.empty},
            tuple(p.name for p in named),
        )

    def bind(
        self, rule: Callable[..., Any], template: str, position: int, called: Any = None
    ) -> tuple[Rule, frozenset[int]]:
        """Return `rule` in the form that sweeps call, and the indices of the saved values that it reads.

        The form is source text, compiled once for all rules that have it, so that calling it costs one frame and no
        look-up: ``lambda y, b: -y / b`` of div becomes ``lambda v, s, n: v * rule(s[0], s[2])``. What is `called` by
        the name of the rule in `template` may be another thing than the rule whose parameters are read.
        """
        sources, reads = [], set()
        for name in _parameters(rule):
            if name in ("g", "t"):
                sources.append("v")
            elif name == "y" or (name in self.arguments and not self.variadic):
                slot = 0 if name == "y" else 1 + self.arguments.index(name)
                reads.add(slot)
                sources.append(f"s[{slot}]")
            elif name.endswith("_shape") and name[:-6] in self.arguments:
                sources.append(f"n.inputs[{self.arguments.index(name[:-6])}].shape")
            elif name == "y_shape":
                sources.append("n.shape")
            elif name == "shapes":
                sources.append("tuple([i.shape for i in n.inputs])")
            elif name == "position":
                sources.append(str(position))
            else:
                sources.append(f"n.params[{name!r}]")
        body = template.format(", ".join(sources))
        if len(sources) == 1 and getattr(rule, "__code__", None) and rule.__code__.co_code == _ITSELF:
            body = body.replace(f"rule({sources[0]})", sources[0])  # the rule is its argument: no call needed
        return _form(f"lambda rule: lambda v, s, n: {body}")(called or rule), frozenset(reads)


@remembered()
def _form(text: str) -> Callable[[Any], Rule]:
    """Return what makes forms of rules: a few dozen texts serve some two hundred rules."""
    names = {"__name__": __name__}  # what it reads and writes is no variable of the user's
    code = compile(text, f"{__file__}: a rule", "eval")  # a file of the library's, as what is recorded by it asks
    made: Callable[[Any], Rule] = eval(code, names)  # noqa: S307 - the text is made of this module's own names
    return made


def _parameters(rule: Callable[..., Any]) -> Iterable[str]:
    """Return the names of the parameters: of a plain function those that its code names, which is quicker to ask."""
    code: CodeType | None = getattr(rule, "__code__", None)
    if code is None or vars(rule) or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return list(inspect.signature(rule).parameters)
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


CONVEX = "convex: the subgradient of least norm"
CONCAVE = "concave: the supergradient of least norm"
LIMIT = "the limit, by continuity"
JUMP = "constant between its jumps: zero everywhere"

TIES = "not exact at ties"
UNKNOWN = "NaN where it is asked for"
LIMITS = "the limit, or not finite"


class Record:
    """What is known of one thing, as fields: written out, for `import` would wait for what a dataclass compiles."""

    def changed(self, **fields: Any) -> Self:
        """Return a record with other values of these fields."""
        code: CodeType = self.__class__.__init__.__code__
        names = code.co_varnames[1 : code.co_argcount]
        return self.__class__(**({name: getattr(self, name) for name in names} | fields))


class Kink(Record):
    """A point at which a function has a kink, a jump or a singularity, and the derivative that the library gives there.

    PyTorch's rule decides: the gradient if it exists; the subgradient of least norm of a convex function, the
    supergradient of least norm of a concave one; the limit where there is one, which may be infinite; NaN otherwise.

    `at` holds the value of every argument, a number or nested tuples, and `slopes` the derivative of the sum of the
    output by each, in the same form (None: the argument has none). `torch` holds what PyTorch gives where it differs,
    its slopes, "refuses" or "has no such function", and `why` then gives the reason. `beyond` says what holds from
    order 2: TIES of functions in pieces, of which one is differentiated there, also where the whole is smooth or has
    another bend, as ``abs(x) ** 3``; UNKNOWN of a convention that is differentiated as NaN; LIMITS of all others.
    """

    def __init__(
        self,
        at: tuple[Any, ...],
        slopes: tuple[Any, ...],
        why: str,
        params: Mapping[str, Any] | None = None,
        torch: tuple[Any, ...] | str = "the same",
        beyond: str = LIMITS,
    ) -> None:
        self.at, self.slopes, self.why, self.params = at, slopes, why, params or {}
        self.torch, self.beyond = torch, beyond


class Primitive(Record):
    """All that the library knows about one operation.

    `vjps` is an iterable of rules, None where there is no derivative; if `together`, what makes them of a cotangent.
    `samples` is plain data from which the tests draw arguments: for elementwise primitives one domain per argument,
    for others the name of a family of arguments. `composed` is the definition of a fused form (see `fused`). With
    `together`, the cotangents of all arguments are computed at once, by ``vjps.rules(g, saved, node)``. `kinks` says
    what the derivative is where there is none, `hides` which values of an argument may have no influence on the output
    ("any" that is not chosen, or "-inf"), `batch` how it is called for all examples of a batch at once, `arithmetic`
    that numbers of all kinds meet in one dtype, `floating` that integers are computed with as floats, `complex` that it
    takes complex numbers, `compiles` that its forward function may have a compiled form, and `stated` holds the rules
    as the table states them, by what they are: "partial", "adjoint", "reverse", "forward".
    """

    def __init__(
        self,
        name: str,
        kind: str,
        forward: Callable[..., Any],
        signature: Signature,
        vjps: Any,
        jvps: Iterable[Rule | None],
        reads: Callable[[int], frozenset[int]],
        symbol: str,
        samples: Any,
        composed: Callable[..., Any] | None = None,
        together: bool = False,
        hides: str = "",
        arithmetic: bool = False,
        floating: bool = False,
        complex: bool = False,
        kinks: tuple[Kink, ...] = (),
        batch: BatchRule | None = None,
        compiles: bool = False,
        stated: Mapping[str, tuple[Any, ...]] | None = None,
        _keeps: dict[tuple[bool, ...], Keep] | None = None,
    ) -> None:
        self.name, self.kind, self.forward, self.signature = name, kind, forward, signature
        self.vjps, self.jvps, self.reads, self.symbol, self.samples = vjps, jvps, reads, symbol, samples
        self.composed, self.together, self.hides = composed, together, hides
        self.arithmetic, self.floating, self.complex, self.kinks = arithmetic, floating, complex, kinks
        self.batch, self.compiles = batch, compiles
        self.stated = {} if stated is None else stated
        self._keeps = {} if _keeps is None else _keeps

    @cached_property
    def kernel(self) -> Kernel:
        """What an array goes through where nothing but its value is asked for: `forward`, or its compiled form."""
        return Kernel(self.forward, each=self.kind == "elementwise", compiles=self.compiles)

    @cached_property
    def multiplies(self) -> bool:
        """Whether its reverse rules only multiply what flows with slopes that they have just made, or that are saved.

        So it is of the library's functions of each element; a partial of a user's may return what the user holds.
        """
        partials = filter(callable, self.stated.get("partial", ()))
        library = all(str(p.__module__).partition(".")[0] == "tensorgrad" for p in partials)
        return "partial" in self.stated and library and type(self.vjps) is tuple

    @cached_property
    def singular(self) -> bool:
        """Whether finite arguments may give infinite values or slopes: its domain does not hold -1, 0 and 1."""
        if self.kind != "elementwise":
            return self.kind == "function"  # of which nothing is known
        return any(isinstance(domain, tuple) and not domain[0] <= -1 < 1 <= domain[1] for domain in self.samples)

    @cached_property
    def computes(self) -> bool:
        """Whether two numbers make another one: what picks one of them gives it as it is rounded."""
        partials = self.stated.get("partial", ())
        return len(partials) == 2 and not (self.hides and any(map(callable, partials)))

    @cached_property
    def widens(self) -> bool:
        """Whether its slopes are computed: what lies between may have no place in half precision."""
        rules = (rule for rule in self.stated.get("partial", ()) if callable(rule))
        return not self.hides and any(rule.__code__.co_code != _ITSELF for rule in rules)

    @cached_property
    def on_complex(self) -> Primitive:
        """What is recorded for this operation where complex numbers meet: itself, with the rules for these."""
        return self.changed(vjps=Conjugated(self.vjps))

    @property
    def differentiable(self) -> bool:
        """Whether it has rules at all."""
        return self.kind not in ("constant", "numpy")

    @property
    def conditions(self) -> int:
        """How many leading arguments select instead of being computed with (``c`` of where): they keep their dtype."""
        return int(self.signature.arguments[:1] == ("c",))

    def keeps(self, tracked: tuple[bool, ...]) -> Keep:
        """Return what makes the saved values of ``(y, *args, None)``: those that the rules of `tracked` arguments read.

        None stands in the place of the others. It is one call of C, and ``()`` where nothing is read, hence saved.
        """
        found = self._keeps.get(tracked)
        if found is None:
            read = frozenset[int]().union(*(self.reads(i) for i, needed in enumerate(tracked) if needed))
            found = itemgetter(*[i if i in read else -1 for i in range(len(tracked) + 1)]) if read else ()
            self._keeps[tracked] = found
        return found


class Primitives(UserDict[str, Primitive]):
    """The table of the primitives by name. The files of `ops` that few programs need are loaded by `complete`.

    It is called before all are gone through, and where one is asked for that is not there.
    """

    complete: Callable[[], None] = staticmethod(lambda: None)

    def __missing__(self, name: str) -> Primitive:
        self.complete()
        return self.data[name]

    def __contains__(self, name: object) -> bool:
        if name not in self.data:
            self.complete()
        return name in self.data

    def __iter__(self) -> Iterator[str]:
        self.complete()
        return iter(self.data)

    def __len__(self) -> int:
        self.complete()
        return len(self.data)


PRIMITIVES = Primitives()


def register(record: Primitive) -> Primitive:
    """Add `record` to the registry and return it; ValueError if there is one of its name."""
    if is_users_code(sys._getframe(2)):  # which has a name of the library's, perhaps, whose file is not loaded yet
        PRIMITIVES.complete()
    if PRIMITIVES.data.setdefault(record.name, record) is not record:
        raise ValueError(f"primitive {record.name!r} defined twice")
    return record
