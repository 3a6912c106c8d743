"""What stands on the arrows: one function for each mode of labels, under the name that `draw` knows it by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from .model import EdgeRecord
from .text import brief, clean, shaped

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
    return _equations(edge, shape, (brief(edge.value), brief(edge.gradient)))


@mode
def formulas(edge: EdgeRecord, shape: str) -> Texts:
    """Names, and how value and gradient are computed."""
    return _equations(edge, shape, edge.formulas)


def _names(edge: EdgeRecord) -> Texts:
    return (edge.forward, edge.backward or "") if edge.named else ("", "")


def _equations(edge: EdgeRecord, shape: str, known: Texts) -> Texts:
    """Return ``name = known`` for both arrows, or the one of them that says it all."""
    pairs = zip(_names(edge), known, strict=True)
    value, gradient = (clean(name if name == what else " = ".join(filter(None, (name, what)))) for name, what in pairs)
    return value or shape, gradient
