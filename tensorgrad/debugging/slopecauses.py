"""Why a derivative gave NaN, infinity or zeros of a gradient that had none; nothing is guessed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.careful import reverse
from tensorgrad.base.context import within
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import node_of, wrap
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Gradients, GraphNode
from tensorgrad.graph.recomputing import plainly

from .examined import Examined, Mask, number, spread
from .valuecauses import DEAD, LARGER_BATCH, MEAN_OF_ONE, is_of_one
from .valueorigins import is_of

_SHARES = frozenset({"softmax", "log_softmax", "cross_entropy", "softmin", "gumbel_softmax"})
_MATRIX = 2  # axes, of which the last one is that of the units
_INFINITE = "keep it away from there: sqrt(x + eps), clamp(min=eps), or where(mask, x, 1) before it, not only after it"


class SlopeCause(NamedTuple):
    """What happened, what helps, the operands that it happened because of; the node and the word to name, if others."""

    text: str = ""
    cure: str = ""
    because: tuple[int, ...] = ()
    at: int | None = None
    operation: str = ""


def cause_of_slope(graph: Examined, flows: Gradients, target: int, slot: int, kind: str) -> tuple[SlopeCause, Mask]:
    """Return why what flows back into operand `slot` of `target` is wrong, and at which elements."""
    node, part, g = graph.nodes[target], flows.edges[target, slot], flows.nodes[target]
    read = graph.operands(node)
    wrong = _wrong(part, kind)
    if any(x is None for x in read):
        return SlopeCause(), wrong
    slope = _slope(node, read, slot)
    if slope is None:
        return _of_products(graph, node, slot, g, kind), wrong if kind != "zero" else np.zeros((), bool)
    if kind == "zero":
        mask = g != 0
        return _of_zero_slope(graph, node, slot, slope, mask), mask
    mask = _wrong(g * slope, kind) if part.shape != g.shape else wrong
    return _of_singular(graph, node, slot, slope, g, mask), mask


def _wrong(value: Array, kind: str) -> Mask:
    with np.errstate(all="ignore"):
        found: Mask = {"NaN": np.isnan, "infinite": np.isinf}.get(kind, np.ones_like)(value)
        return found.astype(bool)


def _slope(node: GraphNode, read: list[Any], slot: int) -> Array | None:
    """Return the derivative of a function of each element by one operand, in the shape of its value; None of others."""
    primitive = PRIMITIVES.get(node.op)
    if primitive is None or primitive.kind != "elementwise":
        return None
    laid = spread(read[slot], node.shape)
    if laid is None or laid.dtype.kind not in "fc":
        return None
    x = wrap(laid.copy())
    arguments = [wrap(np.asarray(a)) if isinstance(a, np.ndarray) else a for a in read]
    arguments[slot] = x
    with plainly():
        x.requires_grad = True
        try:
            with within(grad=True):
                y = apply(primitive, tuple(arguments), dict(node.params))
        except TensorgradError:  # what has been written since does not fit
            return None
        if not y.tracked:
            return None
        found = reverse({node_of(y): np.ones_like(y.array)}, targets=[node_of(x)]).get(node_of(x))
    return np.zeros_like(laid) if found is None else np.broadcast_to(np.asarray(found), node.shape)


def _of_singular(graph: Examined, node: GraphNode, slot: int, slope: Array, g: Array, mask: Mask) -> SlopeCause:
    at = tuple(np.argwhere(mask)[0])
    read = [spread(x, node.shape) for x in graph.operands(node)]
    value, flow, steep = read[slot], g[at], slope[at]
    x = "" if value is None else number(value[at])
    own = [i for i in (node.operands[slot].source, node.index) if i is not None]
    because = tuple(i for i in own if _is_wrong(graph.known[i]))
    if np.isinf(steep) or np.isnan(steep):
        what = f"the slope of {node.op} at {x} is {'infinite' if np.isinf(steep) else 'NaN'}"
        times = ", and 0 * inf is NaN: what flows in is 0 there" if flow == 0 else ""
        return SlopeCause(what + times, "" if because else _INFINITE, because)
    others = tuple(o.source for o in node.operands if o.source is not None and _is_wrong(graph.known[o.source]))
    if others:
        return SlopeCause("an operand is not finite", "", others)
    text = f"overflow: {number(flow)} flows in, and the slope of {node.op} at {x} is {number(steep)}"
    return SlopeCause(text, "scale the loss, or clip what goes in")


def _is_wrong(value: Array | None) -> bool:
    return value is not None and value.dtype.kind in "fc" and not np.isfinite(value).all()


def _of_zero_slope(graph: Examined, node: GraphNode, slot: int, slope: Array, mask: Mask) -> SlopeCause:
    """Return why the slope is 0 wherever a gradient flows in; or that only their product is."""
    if slope[mask].any():
        return SlopeCause("underflow: the products of gradient and slope are less than the dtype holds", _SMALL)
    x = spread(graph.operands(node)[slot], node.shape)
    assert x is not None
    known = _FLAT_RULES.get(node.op, _flat)
    return known(graph, node, slot, x[mask])


def _span(there: Array) -> str:
    least, most = number(there.min()), number(there.max())
    return f"from {least} to {most}" if least != most else f"at {least}"


def _flat(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    """Return that the slope is 0 in these points; and why they are 0, where they are and that is the cause."""
    source = node.operands[slot].source
    value = None if source is None else graph.known[source]
    zeros = () if source is None or value is None or value.any() else (source,)
    return SlopeCause(f"the slope of {node.op} is 0 {_span(there)}", "", zeros)


def _dead(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    units = f"{node.shape[-1]} units" if len(node.shape) == _MATRIX else "of them"
    return SlopeCause(f"all {units} are dead: every operand is at most 0, the largest is {number(there.max())}", DEAD)


def _step(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    cure = f"let the gradient pass it by: x + (y - x).detach(), with y what {node.op} gives"
    return SlopeCause(f"{node.op} is a step: its slope is 0 everywhere", cure)


def _clipped(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    low, high = node.params.get("low"), node.params.get("high")
    where = f"below {low}" if high is None else f"above {high}" if low is None else f"outside of {low} to {high}"
    return SlopeCause(f"every operand is {where}: {_span(there)}", "other bounds, or what has a slope there: softplus")


def _saturated(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    return SlopeCause(f"saturated: the slope of {node.op} is 0 {_span(there)}", _UNSATURATED)


def _vanished(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    if graph.function_of(node.index) in _SHARES:
        return SlopeCause("saturated: one of them has all, the others are 0", "smaller logits, or a loss of the logits")
    text = f"underflow: exp of at most {number(there.max())} is 0, and so is its slope"
    return SlopeCause(text, "", (node.index,))


def _multiplied(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    others = [o.source for i, o in enumerate(node.operands) if i != slot and o.source is not None]
    zeros = tuple(i for i in others if (v := graph.known[i]) is not None and not v.any())
    other = graph.called[zeros[0]] if zeros else "the other operand"
    return SlopeCause(f"{other} is 0 {'everywhere' if zeros else 'wherever a gradient flows in'}", "", zeros)


def _passed_over(graph: Examined, node: GraphNode, slot: int, there: Array) -> SlopeCause:
    return SlopeCause(f"{node.op} takes another operand wherever a gradient flows in", "")


_FLAT_RULES = {
    "relu": _dead,
    "clip": _clipped,
    "exp": _vanished,
    "mul": _multiplied,
    **dict.fromkeys(("floor", "ceil", "round", "trunc", "sign", "floor_divide"), _step),
    **dict.fromkeys(("sigmoid", "tanh", "erf", "erfc", "ndtr", "atan"), _saturated),
    **dict.fromkeys(("where", "maximum", "minimum"), _passed_over),
}
_SMALL = "scale the loss (amp.GradScaler), or compute in a wider dtype"
_UNSATURATED = "smaller initial weights, normalised inputs, or a loss of logits (binary_cross_entropy_with_logits)"


def _of_products(graph: Examined, node: GraphNode, slot: int, g: Array, kind: str) -> SlopeCause:
    """Return why what is no function of each element gave this: of its other operands, as products do."""
    if node.primitive is None or node.primitive.kind == "function":
        return SlopeCause()
    others = [o.source for i, o in enumerate(node.operands) if i != slot and o.source is not None and not o.parameter]
    if kind != "zero":
        because = tuple(i for i in others if _is_wrong(graph.known[i]))
        if because:
            return SlopeCause(f"{graph.called[because[0]]} is not finite", "", because)
        text = (
            f"overflow: the sum leaves {g.dtype}" if kind == "infinite" and node.primitive.kind != "primitive" else ""
        )
        return SlopeCause(text, "scale the loss, or compute in float32" if text else "")
    return _of_zero_products(graph, node, slot, others, g)


def _of_zero_products(graph: Examined, node: GraphNode, slot: int, others: list[int], g: Array) -> SlopeCause:
    if node.op == "astype":
        small = f"underflow: {number(np.abs(g).max())} is less than the dtype of what is converted holds"
        return SlopeCause(small, _SMALL)
    if node.op == "concatenate":
        return SlopeCause("what flows in is 0 in the part that is of it")
    zeros = tuple(i for i in others if _is_zero(graph.known[i]))
    if zeros and node.op in {"matmul", "linear", "affine"}:
        return SlopeCause(f"{graph.called[zeros[0]]} is 0 everywhere", "", zeros)
    source, kind = node.operands[slot].source, node.primitive.kind if node.primitive else ""
    if source is not None and kind == "primitive" and _is_zero(graph.known[source]):
        return SlopeCause(f"{graph.called[source]} is 0 everywhere, where {node.op} has a slope of 0", "", (source,))
    return SlopeCause()


HOOK = "take the hook off, or mend it"


def _is_zero(value: Array | None) -> bool:
    return value is not None and not value.any()


def cause_of_cancelling(graph: Examined, flows: Gradients, index: int, kind: str) -> tuple[SlopeCause, Mask]:
    """Return why the parts of a gradient add up to NaN, infinity or zero, and where."""
    parts = {at: flows.edges[at] for at in graph.readers[index] if at in flows.edges}
    readers = " and ".join(dict.fromkeys(f"{graph.nodes[t].op} at {graph.place_of(t)}" for t, _ in parts))
    mask = _wrong(flows.nodes[index], kind)
    if (hooks := graph.hooks_at(index)) and not is_of(kind, graph.before_hooks(index)):
        what = {"zero": "zeros", "infinite": "infinity"}.get(kind, kind)
        text = f"a hook on it makes {what} of its gradient: {hooks}"
        return SlopeCause(text, HOOK, operation="hook"), mask
    if not parts:
        return SlopeCause("what flows in at the output", "give another seed"), mask
    if kind != "zero":
        what = "infinities of both signs" if kind == "NaN" else "an overflow"
        return SlopeCause(f"the gradients from {readers} add up to {what}", ""), mask
    means = [t for t, _ in parts if graph.nodes[t].op == "mean" and is_of_one(graph, graph.nodes[t])]
    if means:
        return SlopeCause(MEAN_OF_ONE, LARGER_BATCH, (), means[0]), mask
    return SlopeCause(f"the gradients from {readers} cancel each other", ""), mask
