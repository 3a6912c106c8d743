"""Numbers that grow from step to step, until they leave their dtype: the line that lets them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from .examined import Examined, number, summary
from .reasons import Reason

_LEAST = 4  # steps in which numbers must have grown
_FACTOR = 1.5  # by which they grow at least, in the median of the steps
_SHOWN = 4
_SLOWER = "a smaller learning rate, or clip the gradients (nn.utils.clip_grad_norm_)"


def growing(graph: Examined, found: Reason) -> Reason:
    """Return the reason that values left their dtype by growing in one line, run again and again; `found`, if not.

    A line that writes parameters goes before others.
    """
    if found.kind not in {"NaN", "infinite"} or found.index is None:
        return found
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for i in sorted(graph.before(found.index)):
        node = graph.nodes[i]
        if node.primitive is not None and node.op != "leaf" and node.place is not None:
            groups[node.op == "assign", node.op, graph.place_of(i), node.shape].append(i)
    grown = {key: sizes for key, group in groups.items() if (sizes := _growth(graph, group))}
    writes = {key: sizes for key, sizes in grown.items() if key[0]}
    own = graph.nodes[found.index]
    key = max(writes, key=lambda key: len(writes[key]), default=(False, own.op, found.place, own.shape))
    sizes = grown.get(key)
    if sizes is None:
        return found
    steps = len(sizes)
    ratio = float(np.median(np.array(sizes[1:]) / np.array(sizes[:-1])))
    ends = ", ".join(number(s) for s in sizes[:_SHOWN]), number(sizes[-1])
    text = (
        f"the numbers grow from step to step, by a factor of about {number(ratio)}: {ends[0]} ... {ends[1]} after "
        f"{steps} steps"
    )
    group = groups[key][:steps]
    links = tuple(graph.link(i, graph.known[i])._replace(holds=summary(graph.known[i])) for i in group)
    cure = _SLOWER if key[0] else "a normalisation, or smaller weights"
    plain = replace(found, earlier=None)
    return replace(found, rows=(), units=(), cause=text, cure=cure, chain=links, earlier=plain, **graph.told(group[-1]))


def _growth(graph: Examined, group: list[int]) -> list[float] | None:
    """Return how large the numbers are that one line made, as long as they are finite; None if they do not grow."""
    values = [graph.known[i] for i in group]
    sizes = []
    for value in values:
        if value is None or value.dtype.kind != "f" or not value.size or not np.isfinite(value).all():
            break
        sizes.append(float(np.abs(value).max()))
    if len(sizes) < _LEAST or min(sizes) <= 0:
        return None
    ratios = np.array(sizes[1:]) / np.array(sizes[:-1])
    grows = float(np.median(ratios)) >= _FACTOR and bool((ratios[-(_LEAST - 1) :] > 1).all())
    return sizes if grows else None
