"""Trees: tensors in nested tuples, lists and dicts, as functions take and return them.

A leaf is whatever is none of these; None is a tree without leaves. The structure of a tree is the same nest with `LEAF`
in the place of every leaf: two trees are alike if their structures are equal.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

Tree = Any


class _Leaf:
    def __repr__(self) -> str:
        return "*"


LEAF = _Leaf()


def mapped(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Return `tree` with `function` of each leaf, and of what stands in its place in `others`, in its place.

    >>> mapped(lambda a, b: a + b, {"x": 1, "y": (2, None)}, {"y": (20, None), "x": 10})
    {'x': 11, 'y': (22, None)}
    """
    if tree is None:
        return None
    if isinstance(tree, dict):
        result = copy.copy(tree)  # of the same class, in the same order
        for key in tree:
            result[key] = mapped(function, tree[key], *[other[key] for other in others])
        return result
    if isinstance(tree, tuple | list):
        items = [mapped(function, *parts) for parts in zip(tree, *others, strict=True)]
        return tree.__class__(*items) if hasattr(tree, "_fields") else tree.__class__(items)
    return function(tree, *others)


def leaves(tree: Tree) -> list[Any]:
    """Return the leaves of `tree`, in the order in which `filled` takes them.

    >>> leaves((1, [2, None], {"b": 3, "a": 4}))
    [1, 2, 3, 4]
    """
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def structure(tree: Tree) -> Tree:
    """Return `tree` with `LEAF` in the place of every leaf.

    >>> structure((1, [2, None]))
    (*, [*, None])
    """
    return mapped(lambda leaf: LEAF, tree)


def filled(shape: Tree, values: Iterable[Any]) -> Tree:
    """Return a tree of the structure `shape` whose leaves are `values`.

    >>> filled(structure({"w": 1, "b": 2}), [10, 20])
    {'w': 10, 'b': 20}
    """
    supply = iter(values)
    return mapped(lambda leaf: next(supply), shape)


def leaves_like(shape: Tree, tree: Tree) -> list[Any] | None:
    """Return the leaves of `tree` in the order of `shape`; None if `tree` has another structure.

    >>> leaves_like(structure({"w": 1, "b": 2}), {"b": 20, "w": 10})
    [10, 20]
    """
    if structure(tree) != shape:
        return None
    found: list[Any] = []
    mapped(lambda leaf, value: found.append(value), shape, tree)
    return found


def spread(prefix: Tree, tree: Tree) -> list[Any] | None:
    """Return, for each leaf of `tree`, the value in `prefix` that stands at its place or above it; None if none does.

    A value in `prefix` holds for the whole of `tree` below its place. None is a value here.

    >>> spread((0, None, {"a": 1, "b": 2}), ("x", ["y", "z"], {"a": "u", "b": "v"}))
    [0, None, None, 1, 2]
    """
    if not isinstance(prefix, tuple | list | dict):
        return [prefix] * len(leaves(tree))
    if isinstance(prefix, dict):
        if not isinstance(tree, dict) or prefix.keys() != tree.keys():
            return None
        pairs = [(prefix[key], tree[key]) for key in tree]
    else:
        if isinstance(tree, tuple) != isinstance(prefix, tuple) or len(prefix) != len(tree):
            return None
        pairs = list(zip(prefix, tree, strict=True))
    parts = [spread(a, b) for a, b in pairs]
    return None if None in parts else [value for part in parts if part is not None for value in part]
