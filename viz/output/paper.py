"""The picture on paper: SVG to PDF and to PNG by Typst, which brings its fonts and needs nothing of the system."""

from __future__ import annotations

import json
from typing import Any

from tensorgrad.errors import TensorgradError, needing
from tensorgrad.viz.layout.splines import Point

DPI = 192.0  # of a PNG: sharp on a screen with two pixels for one
_PIXELS = 16_000  # along a side, which programs that show pictures still take


def printed(svg: str, size: Point, format: str, title: str, description: str) -> bytes:
    """Return `svg`, of `size` points, as "pdf", one page of its size whose texts can be marked, or as "png".

    Raises:
        MissingDependencyError: typst is not installed.
        TensorgradError: it refused the picture.
    """
    with needing(f"a drawing as .{format}", "typst"):
        import typst
    code = (
        f"#set document(title: {_literal(title)}, date: none)\n"
        "#set page(width: auto, height: auto, margin: 0pt, fill: none)\n"
        f'#image(bytes({_literal(svg)}), format: "svg", alt: {_literal(description)})\n'
    )
    wanted: dict[str, Any] = {"format": format}
    if format == "png":
        wanted["ppi"] = min(DPI, 72 * _PIXELS / max(size))
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
