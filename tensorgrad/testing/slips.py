"""What a wrong gradient looks like: slips that leave a mark in its numbers; and where in the script it comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from tensorgrad.autograd.order import reachable
from tensorgrad.base.callsite import told
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Node, Tensor, node_of

from .comparison import Comparison

NEARLY = 1e-6  # of the larger number: as well as a numerical derivative is known
FEW = 4  # operations that are worth naming where no function is the user's
FACTORS = (2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, -2.0, -0.5)


def hint_of(comparisons: Iterable[Comparison]) -> str:
    """Return what the failures among `comparisons` look like; empty where they look like nothing that is known.

    >>> hint_of([Comparison(0, (0,), "reverse", -3.0, 3.0, 0.0, 3.0, "disagrees")])
    'hint: the sign is wrong'
    """
    groups: dict[tuple[int | str | None, str], list[Comparison]] = defaultdict(list)
    for c in comparisons:
        if c.verdict == "disagrees" and c.mode == "linear":
            return "hint: backward is not linear in the gradient g that it is given: was g forgotten, or used twice?"
        if c.index is not None and c.verdict in ("agrees", "disagrees") and c.method != "sweep":
            groups[c.input, c.mode].append(c)
    for group in groups.values():
        if any(c.verdict == "disagrees" for c in group) and (found := _looks_like(group)):
            return f"hint: {found}"
    return ""


def _looks_like(group: list[Comparison]) -> str:
    analytic, numeric = np.array([(c.analytic, c.numeric) for c in group]).T
    if not analytic.any():
        return "the gradient is 0: is the input detached on the way, or its gradient None?"
    if _same(analytic, numeric):
        return _nearly(analytic, numeric)
    if _same(analytic, -numeric):
        return "the sign is wrong"
    for factor in FACTORS:
        if _same(analytic, factor * numeric):
            return f"it is {factor:g} times too large" if abs(factor) > 1 else f"it is {factor:g} of what it should be"
    found = _rearranged(group, analytic, numeric) if len(group) > 1 else ""
    share = analytic[numeric != 0] / numeric[numeric != 0]
    if not found and len(share) > 1 and _same(share, np.full_like(share, share[0])):
        found = f"it is {share[0]:.6g} times what it should be, everywhere"
    return found


def _nearly(analytic: Array, numeric: Array) -> str:
    """Return what numbers look like that are right in their first digits."""
    off = (analytic - numeric)[numeric != 0] / numeric[numeric != 0]
    if len(off) > 1 and float(np.ptp(off)) <= 0.1 * float(np.abs(off).max()):
        return f"it is {abs(off[0]):.1g} of itself too {'large' if off[0] > 0 else 'small'}, everywhere"
    return "its first digits are right: is something computed, or kept, in fewer digits?"


def _rearranged(group: list[Comparison], analytic: Array, numeric: Array) -> str:
    at = {c.index: k for k, c in enumerate(group)}
    mirrored = [at.get((*c.index[:-2], c.index[-1], c.index[-2])) for c in group if c.index and len(c.index) >= 2]
    if len(mirrored) == len(group) and None not in mirrored and _same(analytic, numeric[np.array(mirrored, int)]):
        return "it is transposed"
    if _same(np.sort(analytic), np.sort(numeric)):
        return "it holds the right numbers in another order"
    if _same(np.array([analytic.sum()]), np.array([numeric.sum()])):
        return "it adds up to the right sum: was it summed over the wrong axis?"
    return ""


def _same(a: Array, b: Array) -> bool:
    return bool(np.all(np.abs(a - b) <= NEARLY * np.maximum(np.abs(a), np.abs(b))))


def gone_through(outputs: Sequence[Tensor]) -> tuple[str, ...]:
    """Return the functions of the user's behind `outputs`, or else the operations if they are few, with their lines.

    >>> import tensorgrad as tg
    >>> gone_through([tg.ones(2, requires_grad=True).sin()])[0].split()[0]
    'sin'
    """
    nodes = [node for node in reachable([node_of(y) for y in outputs]) if node.primitive is not None]
    own = [node for node in nodes if node.primitive is not None and node.primitive.kind == "function"]
    chosen = tuple(dict.fromkeys(_told(node) for node in own or nodes))
    return chosen[:FEW] if own or len(chosen) <= FEW else ()


def _told(node: Node) -> str:
    assert node.primitive is not None
    place = told(node.place)
    return f"{node.primitive.name} at {place}" if place else node.primitive.name
