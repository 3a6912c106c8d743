"""What stands on the arrows: one function for each mode of labels, under the name that `draw` knows it by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from tensorgrad.base.dtypes import Array

from .faults import marked
from .model import EdgeRecord, Picture, Vertex
from .summaries import brief
from .text import LONGEST, WHOLE, clean, shaped

Texts = tuple[str, str]
"""What stands on the black arrow and on its red twin."""

Mode = Callable[[EdgeRecord, str], Texts]
"""From an arrow and its shape as text to what stands on it."""

Given = TypeVar("Given", bound=Mode)

MODES: dict[str, Mode] = {}


def mode(function: Given) -> Given:
    """Make `function` a mode of labels, called as it is."""
    MODES[function.__name__] = function
    return function


def edge_texts(edge: EdgeRecord, labels: str, dims: Mapping[int, str]) -> Texts:
    """Return what stands on the black and on the red arrow of `edge` in the mode `labels`; `dims` names lengths."""
    return MODES[labels](edge, shaped(edge.shape, dims))


@mode
def names(edge: EdgeRecord, shape: str) -> Texts:
    """The names of values and of gradients; a value without one shows its shape."""
    value, gradient = _names(edge)
    return value or shape, gradient


@mode
def none(edge: EdgeRecord, shape: str) -> Texts:
    """Nothing."""
    return "", ""


@mode
def shapes(edge: EdgeRecord, shape: str) -> Texts:
    """Names and shapes."""
    value, gradient = _names(edge)
    return f"{value} {shape}".strip(), f"{gradient} {shape}" if gradient else ""


@mode
def values(edge: EdgeRecord, shape: str) -> Texts:
    """Names and numbers."""
    return _equations(edge, shape, (brief(edge.value), gradient_text(edge.gradient, noise=edge.noise)))


@mode
def formulas(edge: EdgeRecord, shape: str) -> Texts:
    """Names, and how value and gradient are computed; what a closed box computes by its name alone."""
    names = edge.forward, edge.backward or ""
    return _equations(edge, shape, (told or name for told, name in zip(edge.formulas, names, strict=True)))


def gradient_text(gradient: Array | None, *, noise: bool) -> str:
    """Return the numbers of a gradient as a label shows them; "≈ 0" for what is rounding alone."""
    return "≈ 0" if noise else brief(gradient)


def with_numbers(picture: Picture) -> Picture:
    """Return `picture` with a value and the total of its gradient in every circle, side by side; rounding as zero."""
    told = {}
    for vertex in picture.vertices:
        words = brief(vertex.value), gradient_text(vertex.gradient, noise=vertex.noise)
        told[vertex.id] = " | ".join(words if words[1] else words[:1])
    vertices = [replace(vertex, numbers=told[vertex.id]) for vertex in picture.vertices]
    return replace(picture, vertices=vertices, edges=[replace(edge, faint=edge.noise) for edge in picture.edges])


def beside_numbers(edge: EdgeRecord, tail: Vertex, texts: Texts) -> Texts:
    """Return what of `texts` does not stand in the circle that the arrow leaves: names, a part of its gradient's total.

    Where there are several parts each has its number, also one that is the total because the others are zero.
    """
    value, gradient = edge.forward, edge.backward or ""
    if tail.kind == "box" or tail.value is None:
        return texts
    whole = edge.gradient is not None and tail.gradient is not None and np.array_equal(edge.gradient, tail.gradient)
    return value, gradient if whole and tail.parts <= 1 else texts[1]


def at_tap(edge: EdgeRecord, texts: Texts, mark: str | None) -> list[str]:
    """Return the lines at a tap: a name (`mark` for a value without one), and what is told of its gradient.

    `texts` are those of the arrow. A tap has names also where arrows have none, for nothing else tells what it joins.
    """
    value, gradient = texts
    if edge.backward is None:
        return [mark or value or edge.forward]
    if mark is None:
        return [value or edge.forward, gradient or edge.backward]
    name = edge.backward.replace(edge.forward, mark, 1).replace(",", "")
    wrong = edge.fault is not None and gradient == marked(("", ""), edge.fault)[1]
    return [mark, f"{name} {gradient}" if wrong else _equation(name, gradient if gradient != edge.backward else "")]


def _names(edge: EdgeRecord) -> Texts:
    return (edge.forward, edge.backward or "") if edge.named else ("", "")


def _equations(edge: EdgeRecord, shape: str, known: Iterable[str]) -> Texts:
    """Return ``name = known`` for both arrows, or the one of them that says it all."""
    pairs = zip(_names(edge), known, strict=True)
    value, gradient = (clean(_equation(name, what), LONGEST + WHOLE) for name, what in pairs)
    return value or shape, gradient


def _equation(name: str, what: str) -> str:
    if not name or not what or name == what:
        return name or what
    return f"{name} {what}" if what.startswith("≈") else f"{name} = {what}"
