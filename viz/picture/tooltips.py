"""What hovering tells: everything that is known of a vertex or an arrow, in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.callsite import Place, line_of
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.engine.tensor import Tensor
from tensorgrad.graph import GraphNode

from .faults import Fault
from .nesting import ModuleCall
from .summaries import Numbers
from .text import clean, shaped, shown_bytes

if TYPE_CHECKING:
    from .model import EdgeRecord, Vertex

_LONGEST = 400
_VALUE = re.compile(r"(\([^()]*\)\s\w+,\s)(value|min)[^,]*(,\sm\w+\s[^,]*)*", re.ASCII)  # as in viewer.js
_PLACE = re.compile(r"[^\s\ufeff,]+:[0-9]+$")
_HOW = {"refined"}  # settings that say how the same is computed, not what
_ADDRESS = re.compile(r" (object )?at 0x[0-9a-fA-F]+")  # which differs from run to run


def script_line(place: Place | None) -> str:
    """Return the file and the line of `place`, the file without its folder; empty if it is not known, or Python's own.

    >>> from tensorgrad.base.callsite import here
    >>> script_line(None), script_line(here(0)).startswith("<doctest")
    ('', True)
    """
    if place is None or place[0].co_filename.startswith("<frozen"):
        return ""
    return clean(f"{_name_of(place[0].co_filename)}:{line_of(place)}", 80)


@remembered(256)
def _name_of(file: str) -> str:
    return Path(file).name


@remembered(64)
def dtype_name(dtype: DType) -> str:
    """Return the name of a dtype, which NumPy puts together each time."""
    return str(dtype)


def argument(value: Any) -> str:
    """Return a parameter of an operation in few words: an array by its dtype and shape, a function by its name.

    >>> argument((slice(None), np.zeros((2, 3)))), argument(len), argument("mean")
    ('(slice(None, None, None), float64(2, 3))', 'len', "'mean'")
    """
    value = value.array if isinstance(value, Tensor) else value
    if isinstance(value, np.ndarray):
        return f"{dtype_name(value.dtype)}{shaped(value.shape, {})}" if value.ndim else repr(value.item())
    if isinstance(value, tuple) and type(value) is tuple and len(value) <= 8:
        return f"({', '.join(map(argument, value))}{',' * (len(value) == 1)})"
    if callable(value) and hasattr(value, "__name__"):
        return clean(value.__name__, 60)
    return clean(_ADDRESS.sub("", repr(value)), 60)


def of_node(
    node: GraphNode,
    what: str,
    value: Array | None,
    gradient: Array | None,
    fault: Fault | None,
    dims: Mapping[int, str],
    numbers: Numbers,
) -> str:
    """Return what hovering over the circle of `node` of this `value` tells, which is `what`: a leaf, or a formula."""
    settings = [f"{name}={argument(value)}" for name, value in node.params.items() if name not in _HOW]
    norm = "" if gradient is None else f"gradient norm {numbers.norm(gradient)}"
    kept = f"keeps {shown_bytes(node.kept)} for backward" if node.kept else ""
    known = [
        f"{shaped(node.shape, dims)} {dtype_name(node.dtype)}",
        numbers.statistics(value),
        norm,
        kept,
        fault.told if fault else "",
    ]
    return _line(what, *settings, *known, script_line(node.place))


def _line(*told: str) -> str:
    return clean(", ".join(filter(None, told)), _LONGEST)


def of_box(box: ModuleCall, count: int, fault: Fault | None, inside: str) -> str:
    """Return what hovering over a box tells; `inside` is the formula of what holds the `fault`."""
    wrong = f"{fault.told} in {inside}" if fault else ""
    return _line(box.told, f"{count} nodes inside", wrong, script_line(box.called))


def of_frame(module: ModuleCall) -> str:
    """Return what hovering over the frame of an open module or function tells."""
    return _line(f"{'function' if module.is_function else 'module'} {module.told}", script_line(module.called))


def of_arrow(edge: EdgeRecord, dims: Mapping[int, str], numbers: Numbers, *, backward: bool) -> str:
    """Return what hovering over an arrow tells: name, shape, dtype, and the numbers where they are known."""
    told = [f"{edge.backward if backward else edge.forward} {shaped(edge.shape, dims)} {edge.dtype}"]
    if not backward:
        told.append(numbers.statistics(edge.value))
    elif edge.gradient is not None:
        size = "all zero" if edge.is_zero else numbers.statistics(edge.gradient)
        size = "rounding alone, where exact arithmetic has zero" if edge.noise else size
        told += [f"norm {numbers.norm(edge.gradient)}", size, edge.fault.told if edge.fault else ""]
    return _line(*told)


def brief(told: Mapping[str, str], vertices: Iterable[Vertex], edges: Iterable[EdgeRecord]) -> dict[str, str]:
    """Return what each element tells by its id, but for what was told before.

    An end of a line stands there, of which no text has one, and the viewer puts it in its place again: of vertices, the
    line of the script where it is that of the one before; of arrows, what the vertex tells that their value comes from,
    shape, dtype and numbers for a black one, shape and dtype for a red one.
    """
    found, values, before = dict(told), {}, ""
    for vertex in vertices:
        text = told[vertex.id]
        value = _VALUE.search(text)
        values[vertex.id] = None if value is None else value.group(0, 1)
        place = _PLACE.search(text, text.rfind(" ") + 1)
        if place is not None and vertex.kind != "output":
            if place[0] == before and text.endswith(f", {before}"):
                found[vertex.id] = f"{text.removesuffix(f', {before}')}\n"
            before = place[0]
    for edge in edges:
        known = values[edge.tail]
        if known is None:
            continue
        text, begin = told[black := f"f{edge.id}"], f"{edge.forward} {known[0]}"
        if text.startswith(begin):
            found[black] = f"{edge.forward}\n{text[len(begin) :]}"
        text, begin = told.get(red := f"b{edge.id}", ""), f"{edge.backward} {known[1]}"
        if text.startswith(begin):
            found[red] = f"{edge.backward}\n{text[len(begin) :]}"
    return found
