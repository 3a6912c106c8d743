"""Sums of many terms: short ways that are added up one after the other hang at the sum, wide ones stand in a column.

Beside it each would need a row of its own, as the arrows of those before come down between: a staircase.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from .items import Item, Link

_FEW, _HIGH = 3, 4  # so many readers one after the other have hanging ways, of so many circles at most

Ways = Mapping[Item, Sequence[Link]]


def upright(links: Sequence[Link]) -> dict[Link, int]:
    """Return the arrows that stand upright, with the side of the sum that they are on: -1 above, 1 below."""
    into, out = _ends(links)
    ways = {reader: way for reader, last in _added(into) if (way := _way(last, into, out))}
    found: dict[Link, int] = {}
    for run in _runs(ways, into):
        wide = any(len(into[link.tail]) > 1 for reader in run for link in ways[reader])
        for n, reader in enumerate(run):  # what has something at its side has its neighbours on the other side
            found |= dict.fromkeys(ways[reader], 1 if wide and n % 2 else -1)
    return found


def stacks(links: Sequence[Link]) -> dict[Item, Item]:
    """Return the frames that terms of a sum begin with, each with the one that the sum does, and what follows them."""
    into, out = _ends(links)
    ways = {reader: way for reader, last in _added(into) if (way := _framed(last, into, out))}
    found: dict[Item, Item] = {}
    for run in _runs(ways, into):
        main = _mains(run[0], into)
        first = next((link.tail for link in main if link.tail.kind == "block"), None)
        if first is not None:
            found |= {link.tail: link.tail for reader in run for link in ways[reader]}
            found |= {ways[reader][-1].tail: first for reader in run}
    return found


def _ends(links: Sequence[Link]) -> tuple[Ways, Ways]:
    """Return the arrows that enter every item, and those that leave it."""
    into: dict[Item, list[Link]] = {item: [] for link in links for item in (link.tail, link.head)}
    out: dict[Item, list[Link]] = {item: [] for item in into}
    for link in links:
        into[link.head].append(link)
        out[link.tail].append(link)
    return into, out


def _added(into: Ways) -> Iterator[tuple[Item, Link]]:
    """Yield what adds something to what came so far, with the arrow of that."""
    for reader, entering in into.items():
        beside = [link for link in entering if not link.main]
        if len(entering) == 2 and len(beside) == 1 and reader.kind == "vertex":
            yield reader, beside[0]


def _mains(item: Item, into: Ways) -> Iterator[Link]:
    """Yield the arrows of the main way that ends in `item`, from there back."""
    while (link := next((link for link in into[item] if link.main), None)) is not None:
        yield link
        item = link.tail


def _framed(last: Link, into: Ways, out: Ways) -> list[Link]:
    """Return the arrows of a way that begins with a frame up to `last`, from there back; none if it is no such way."""
    way: list[Link] = []
    for link in itertools.chain([last], _mains(last.tail, into)):
        if len(out[link.tail]) > 1:
            return []
        way.append(link)
    return way if way[-1].tail.kind == "block" else []


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
        links = itertools.islice(_mains(reader, into), len(way))
        near = itertools.takewhile(lambda link: link.tail.kind == "vertex", links)
        found = next((link.tail for link in near if link.tail in ways), None)
        if found is not None:
            before[reader] = found
    runs: dict[Item, list[Item]] = {}
    for reader in ways:  # in the order of computation
        run = runs.get(before[reader], []) if reader in before else []
        run.append(reader)
        runs[reader] = run
    return [run for run in {id(run): run for run in runs.values()}.values() if len(run) >= _FEW]
