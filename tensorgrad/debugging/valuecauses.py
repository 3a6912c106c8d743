"""Why an operation made NaN, infinity or zeros of what it read: what is known, and what helps; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.graph import GraphNode
from tensorgrad.graph.recomputing import again, plainly

from .examined import Examined, Mask, number, spread


class Cause(NamedTuple):
    """What happened, what helps, and the nodes of the operands that it happened because of."""

    text: str = ""
    cure: str = ""
    because: tuple[int, ...] = ()


NOT_KNOWN = Cause()

EPS = "keep it above 0: clamp(min=eps), or log(x + eps) where x cannot be negative"
_LOGS = EPS
_ZEROS = "weights must not start equal, and zeros let no gradient pass: draw them at random (nn.init)"
_HIDDEN = "a factor of 0 does not hide infinity: use where(mask, x, 0)"
_DENOMINATOR = "add a small number to what is divided by: a / (b + eps)"
_HALF = "compute in float32, or scale what goes in"
_EXP = "subtract the largest first: softmax, log_softmax, logsumexp and cross_entropy do"
_MASKED = "leave one element of each row unmasked, or mask with a finite number such as -1e4, which leaves it uniform"
FINITE = "keep the operands finite: see where they come from"
_SCALE = "scale what goes in, or compute its logarithm"

_Test = Callable[..., bool]
_Row = tuple[_Test, str, str]

# What the first element at fault was made of: by operation, a test of its operands, what is said, what helps.
_ROWS: Mapping[str, tuple[_Row, ...]] = {
    **dict.fromkeys(
        ("log", "log2", "log10"),
        ((lambda a: a == 0, "{op} of 0", _LOGS), (lambda a: a < 0, "{op} of a negative number: {0}", _LOGS)),
    ),
    "log1p": (
        (lambda a: a == -1, "log1p of -1", "keep x above -1"),
        (lambda a: a < -1, "log1p of {0}, which is below -1", "keep x above -1"),
    ),
    "sqrt": ((lambda a: a < 0, "sqrt of a negative number: {0}", "keep it above 0: clamp(min=0)"),),
    **dict.fromkeys(
        ("acos", "asin"),
        ((lambda a: abs(a) > 1, "{op} of {0}, which is outside of -1 to 1", "clamp(-1, 1) before it"),),
    ),
    "acosh": ((lambda a: a < 1, "acosh of {0}, which is below 1", "clamp(min=1) before it"),),
    "atanh": (
        (lambda a: abs(a) == 1, "atanh of {0}", "clamp(-1 + eps, 1 - eps) before it"),
        (lambda a: abs(a) > 1, "atanh of {0}, which is outside of -1 to 1", "clamp(-1 + eps, 1 - eps) before it"),
    ),
    "div": (
        (lambda a, b: a == b == 0, "0 / 0", _DENOMINATOR),
        (lambda a, b: b == 0, "division by 0", _DENOMINATOR),
        (lambda a, b: np.isinf(a) and np.isinf(b), "inf / inf", FINITE),
    ),
    "pow": (
        (lambda a, b: a == 0 and b < 0, "0 to the power of {1}, a division by 0", _DENOMINATOR),
        (lambda a, b: a < 0 and b != round(b), "{0} to the power of {1}, which is no whole number", "keep it above 0"),
    ),
    "mul": ((lambda a, b: 0 in (a, b) and np.isinf(a + b), "0 * inf", _HIDDEN),),
    **dict.fromkeys(
        ("sub", "add"),
        ((lambda a, b: np.isinf(a) and np.isinf(b), "inf - inf", FINITE),),
    ),
    **dict.fromkeys(
        ("remainder", "fmod", "floor_divide"),
        ((lambda a, b: b == 0, "division by 0", "keep what is divided by away from 0"),),
    ),
}

_CURES = {"exp": _EXP, "expm1": _EXP, "exp2": _EXP, "cosh": _SCALE, "sinh": _SCALE}
_SUMS = frozenset({"sum", "mean", "cumsum", "sum_to"})
PRODUCTS = frozenset({"prod", "cumprod"})  # made of products of halves, which are taken by an index
_STEPS = frozenset({"floor", "round", "trunc", "sign", "ceil"})


def cause_of(graph: Examined, index: int, mask: Mask, kind: str) -> Cause:
    """Return why the value of a node is NaN, infinite or zero at some elements."""
    node = graph.nodes[index]
    if node.is_leaf or node.op == "leaf":
        return _of_leaf(graph, node, kind, mask)
    read = graph.operands(node)
    if any(value is None for value in read):
        return NOT_KNOWN
    if kind == "zero":
        return _of_zero(graph, node, read)
    wrong = tuple(o.source for o, x in zip(node.operands, read, strict=True) if o.source is not None and _infinite(x))
    known = (
        _of_masked(graph, node, read, mask)
        or _at_first(node, read, mask)
        or _of_sums(node, read)
        or _of_overflow(node, graph.known, read, kind)
        or _of_moments(graph, node, read)
        or _of_elements(node, read, mask, kind)
        or _of_terms(node, read, kind)
    )
    return (known or NOT_KNOWN)._replace(because=wrong)


def _infinite(value: Any) -> bool:
    return value is not None and np.asarray(value).dtype.kind in "fc" and bool(np.isinf(value).any())


def _of_leaf(graph: Examined, node: GraphNode, kind: str, mask: Mask) -> Cause:
    name = graph.called[node.index]
    what = {"NaN": "NaN", "infinite": "Inf"}.get(kind)
    if what is None:
        return Cause(f"{name} is 0 everywhere", _ZEROS if node.requires_grad else "")
    count = f"{int(np.count_nonzero(mask)):,} of {mask.size:,}"
    if node.op in {"parameter", "leaf"} and node.argument is None:
        cure = "ask about the training that wrote it: debug.why(train), with a train() of a few steps"
    else:
        cure = "look at the data where it comes from"
    return Cause(f"{name} holds {what} already: {count}", cure)


def _of_masked(graph: Examined, node: GraphNode, read: list[Any], mask: Mask) -> Cause | None:
    """Return that a row is -inf throughout, where its largest number is taken from it, as a softmax begins."""
    source = node.operands[-1].source
    laid = [spread(x, mask.shape) for x in read]
    if node.op != "sub" or source is None or graph.nodes[source].op != "amax" or any(x is None for x in laid):
        return None
    if not all(np.isneginf(x[mask]).all() for x in laid if x is not None):
        return None
    return Cause("all that it takes the largest of is -inf, as where a whole row is masked: -inf - -inf", _MASKED)


def _at_first(node: GraphNode, read: list[Any], mask: Mask) -> Cause | None:
    """Return what the first element at fault tells, of a function of each element."""
    rows, laid = _ROWS.get(node.op, ()), [spread(x, mask.shape) for x in read]
    if not rows or any(x is None for x in laid):
        return None
    at = tuple(np.argwhere(mask)[0])
    values = [x[at] for x in laid if x is not None]
    with np.errstate(all="ignore"):
        for test, text, cure in rows:
            if test(*values):
                told = [number(v) if test(*map(float, map(number, values))) else str(v) for v in values]
                return Cause(text.format(*told, op=node.op), cure)
    return None


def _of_elements(node: GraphNode, read: list[Any], mask: Mask, kind: str) -> Cause | None:
    """Return of which operands a function of each element gave what it did: more is not known of others."""
    laid = [spread(x, mask.shape) for x in read]
    if node.primitive is None or node.primitive.kind != "elementwise":
        return None
    at = tuple(np.argwhere(mask)[0])
    return Cause(f"{node.op} of {' and '.join(number(x[at]) for x in laid if x is not None)} is {kind}")


def _of_moments(graph: Examined, node: GraphNode, read: list[Any]) -> Cause | None:
    """Return that a variance is that of too few, which the library answers with NaN by multiplying with it."""
    what = graph.function_of(node.index)
    if what not in {"std", "var", "std_mean", "var_mean"} or not any(type(x) is float and np.isnan(x) for x in read):
        return None
    return Cause(f"{what} of no more elements than its correction takes away: 0 / 0", "more rows, or correction=0")


def _of_terms(node: GraphNode, read: list[Any], kind: str) -> Cause | None:
    """Return which terms of a sum of products gave NaN: there are no other ways to it."""
    if kind != "NaN" or node.primitive is None or (node.primitive.kind != "multilinear" and node.op != "affine"):
        return None
    if _all_finite(read):
        return Cause(f"overflow: terms of both signs leave {node.dtype}, and inf - inf is NaN", _SCALE)
    return Cause("an operand is infinite, and 0 * inf or inf - inf in the sum is NaN", FINITE)


def _of_sums(node: GraphNode, read: list[Any]) -> Cause | None:
    if node.op not in _SUMS:
        return None
    x = np.asarray(read[0])
    if not x.size:
        return Cause(f"the {node.op} of no elements", "leave empty batches out")
    if np.isposinf(x).any() and np.isneginf(x).any():
        return Cause("inf - inf", FINITE)
    return None


def _of_overflow(node: GraphNode, known: list[Array | None], read: list[Any], kind: str) -> Cause | None:
    """Return that finite operands gave what the dtype cannot hold: shown with more digits, or of what has no poles."""
    if kind != "infinite" or node.primitive is None or node.dtype.kind != "f" or not _all_finite(read):
        return None
    most = f"{node.dtype}, whose largest number is {number(float(np.finfo(node.dtype).max))}"
    cure = _HALF if node.dtype.itemsize == 2 else _CURES.get(node.op, _SCALE)
    wide = _wider(node, known)
    if wide is not None and np.isfinite(wide).all():
        return Cause(f"overflow: {number(np.abs(wide).max())} does not fit {most}", cure)
    if node.primitive.kind == "function" or (node.primitive.singular and node.op not in {"div", "pow"}):
        return None
    return Cause(f"overflow: the result does not fit {most}", cure)


def _all_finite(read: list[Any]) -> bool:
    return all(np.isfinite(x).all() for x in read if np.asarray(x).dtype.kind in "fc")


def _wider(node: GraphNode, known: list[Array | None]) -> Array | None:
    """Return the value of a node computed in float64; None where it is in float64, or cannot be."""
    if node.dtype.itemsize >= 8 or node.dtype.kind != "f":
        return None
    if node.op == "astype":
        source = node.operands[0].source
        return None if source is None else known[source]
    wide: list[Any] = list(known)
    for operand in node.operands:
        value = None if operand.source is None else known[operand.source]
        if operand.source is not None and value is not None and value.dtype.kind == "f":
            wide[operand.source] = value.astype(np.float64)
    with plainly():
        return again(node, wide, np.dtype(np.float64))


def _of_zero(graph: Examined, node: GraphNode, read: list[Any]) -> Cause:
    first = np.asarray(read[0])
    wide = _wider(node, graph.known)
    if (wide is not None and wide.any()) or (node.op in {"exp", "exp2"} and first.max() < 0):
        return Cause(f"underflow: {_largest(wide)}is less than {node.dtype} holds", _UNDERFLOW)
    text, cure = "", ""
    if not first.size:
        text = f"the {node.op} of no elements"
    elif node.op == "mul" and any(np.ndim(x) == 0 and x == 0 for x in read):
        text = "a factor is the number 0"
    elif node.op == "relu":
        text, cure = f"every operand is at most 0: the largest is {number(first.max())}", DEAD
    elif node.op in _STEPS:
        text = f"{node.op} is a step, and gives 0 from {number(first.min())} to {number(first.max())}"
    elif node.op == "sub":
        one, other = (np.broadcast_to(x, node.shape) for x in read)
        same = np.array_equal(one, other)
        text = (_one_row(graph, node) or "both operands are equal") if same else ""
        cure = LARGER_BATCH if text == MEAN_OF_ONE else ""
    elif node.op == "getitem":
        what = graph.function_of(node.index)
        text = "a factor is 0" if what in PRODUCTS else "all that it takes is 0, of what is not 0 everywhere"
    elif node.op == "add" or (node.op in _SUMS and first.any()):
        text = "the terms cancel"
    elif node.primitive is not None and node.primitive.kind == "constant":
        text = f"{node.op} is 0 everywhere"
    return Cause(text, cure)


DEAD = "a smaller learning rate, initial values by nn.init.kaiming_normal_, or leaky_relu"
_UNDERFLOW = "compute with logarithms (log_softmax, logsumexp), or scale what goes in"


def _largest(value: Array | None) -> str:
    return "" if value is None else f"{number(np.abs(value).max())} "


def _one_row(graph: Examined, node: GraphNode) -> str:
    """Return that what is taken from a value is its mean over an axis with a single element."""
    for operand in node.operands:
        source = None if operand.source is None else graph.nodes[operand.source]
        if source is not None and source.op == "mean":
            return MEAN_OF_ONE if is_of_one(graph, source) else ""
    return ""


MEAN_OF_ONE = "the mean is over a single one, which is its own mean: their difference is 0"
LARGER_BATCH = "a larger batch, or eval(), which takes running averages"


def is_of_one(graph: Examined, node: GraphNode) -> bool:
    """Return whether a sum or a mean is over one element."""
    source = node.operands[0].source
    return source is not None and bool(np.prod(graph.nodes[source].shape) == np.prod(node.shape))
