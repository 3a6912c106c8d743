"""The picture on paper: SVG to PDF and to PNG by Typst, which brings its fonts and needs nothing of the system."""

from __future__ import annotations

import json
from typing import Any

from tensorgrad.errors import TensorgradError, needing
from tensorgrad.viz.layout.splines import Point

DPI = 192.0  # of a PNG: sharp on a screen with two pixels for one
_MOST = {
    "png": (72 * 16_000 / DPI, "a picture of more than 16,000 pixels along a side is not shown by every program"),
    "pdf": (14_400.0, "a page of PDF has at most 14,400 points (5.08 m) along a side"),
    "tex": (16_320.0, "TeX knows no length above 16,383 of its points, which are 16,321 of these"),
}
"""The most points along a side that a format has room for, and why."""


def check_room(size: Point, format: str) -> None:
    """Refuse a picture that is too large for its format.

    Raises:
        TensorgradError: with what makes it smaller.
    """
    most, why = _MOST[format]
    width, height = size
    if max(size) <= most * 1.001:  # a width that was asked for may be missed by a little
        return
    side = f"width={most:g}" if width > height else f"rankdir='LR' and width={most:g}"
    raise TensorgradError(
        f"this drawing is {width:,.0f} by {height:,.0f} points, and {why}: draw it with {side}, with depth=1, which "
        f"closes modules, or save it as .svg, which has no such limit"
    )


def printed(svg: str, size: Point, format: str, title: str, description: str) -> bytes:
    """Return `svg`, of `size` points, as "pdf", one page of its size whose texts can be marked, or as "png".

    Raises:
        MissingDependencyError: typst is not installed.
        TensorgradError: the picture is too large for the format, or typst refused it.
    """
    check_room(size, format)
    with needing(f"a drawing as .{format}", "typst"):
        import typst
    code = (
        f"#set document(title: {_literal(title)}, date: none)\n"
        "#set page(width: auto, height: auto, margin: 0pt, fill: none)\n"
        f'#image(bytes({_literal(svg)}), format: "svg", alt: {_literal(description)})\n'
    )
    wanted: dict[str, Any] = {"format": format}
    if format == "png":
        wanted["ppi"] = DPI
    try:
        made = typst.compile(code.encode(), **wanted)
    except (RuntimeError, ValueError) as error:
        raise TensorgradError(f"typst could not print this drawing: {error}; save it as .svg") from error
    if isinstance(made, list):  # one entry for each page, where there are several
        raise TensorgradError("typst printed this drawing on several pages; save it as .svg")
    return bytes(made)


def _literal(text: str) -> str:
    """Return `text` as a string of Typst's, which has the escapes of JSON but for those of code points."""
    return json.dumps(text, ensure_ascii=False)
