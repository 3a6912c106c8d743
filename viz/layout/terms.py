"""Sums of many terms: short ways that are added up one after the other hang at the sum.

Beside it each would need a row of its own, as the arrows of those before come down between: a staircase.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from .items import Item, Link

_FEW, _HIGH = 3, 4  # so many readers one after the other have hanging ways, of so many circles at most

Ways = Mapping[Item, Sequence[Link]]


def upright(links: Sequence[Link]) -> dict[Link, int]:
    """Return the arrows that stand upright, with the side of the sum that they are on: -1 above, 1 below."""
    into: dict[Item, list[Link]] = defaultdict(list)
    out: dict[Item, list[Link]] = defaultdict(list)
    for link in links:
        into[link.head].append(link)
        out[link.tail].append(link)
    ways: dict[Item, list[Link]] = {}
    for reader, entering in list(into.items()):
        beside = [link for link in entering if not link.main]
        if len(entering) == 2 and len(beside) == 1 and reader.kind == "vertex" and (way := _way(beside[0], into, out)):
            ways[reader] = way
    found: dict[Link, int] = {}
    for run in _runs(ways, into):
        wide = any(len(into[link.tail]) > 1 for reader in run for link in ways[reader])
        for n, reader in enumerate(run):  # what has something at its side has its neighbours on the other side
            found |= dict.fromkeys(ways[reader], 1 if wide and n % 2 else -1)
    return found


def _way(last: Link, into: Ways, out: Ways) -> list[Link]:
    """Return the arrows of a way of several circles up to `last`, from there back; none if it is no such way."""
    way = [last]
    while True:
        item = way[-1].tail
        if item.kind != "vertex" or item.first or len(out[item]) > 1 or len(way) > _HIGH:
            return []
        before = into[item]
        if any(link.tail.kind not in ("vertex", "tap") for link in before) or len(before) > 2:
            return []
        leaves = [link for link in before if link.tail.leaf or link.tail.kind == "tap"]
        if len(leaves) < len(before):
            if len(before) > 1:
                return []
            way += before
            continue
        if any(len(out[link.tail]) > 1 or link.tail.first for link in leaves):
            return []
        circles = [link for link in leaves if link.tail.kind == "vertex"]
        return way + circles[:1] if len(way) > 1 or circles else []


def _runs(ways: Mapping[Item, Sequence[Link]], into: Ways) -> list[list[Item]]:
    """Return the readers of hanging ways in runs, each of which follows the one before it along the main way."""
    before: dict[Item, Item] = {}
    for reader, way in ways.items():
        at = reader
        for _ in way:
            main = next((link for link in into[at] if link.main), None)
            if main is None or main.tail.kind != "vertex":
                break
            at = main.tail
            if at in ways:
                before[reader] = at
                break
    runs: dict[Item, list[Item]] = {}
    for reader in ways:  # in the order of computation
        run = runs.get(before[reader], []) if reader in before else []
        run.append(reader)
        runs[reader] = run
    return [run for run in {id(run): run for run in runs.values()}.values() if len(run) >= _FEW]
