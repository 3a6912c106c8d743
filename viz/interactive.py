"""Graphviz's SVG made interactive, accessible and readable in the dark: one self-contained file."""

from __future__ import annotations

import hashlib
import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from .style import CSS, SCRIPT

_SVG = "http://www.w3.org/2000/svg"
_SIZE = re.compile(r"([\d.]+)pt")


def interactive(svg: str, title: str, description: str, told: Mapping[str, str]) -> str:
    """Return Graphviz's `svg` with style, script, title and description; `told` holds a tooltip for each element id."""
    root = ET.fromstring(_without_namespace(svg))  # noqa: S314 - the text comes from Graphviz, which expands nothing
    key = hashlib.sha256(svg.encode()).hexdigest()[:8]
    for group in root.iter("g"):
        words = (group.get("class") or "").split()
        if words[:1] == ["node"]:
            _vertex(group, told)
        elif words[:1] == ["edge"]:
            _edge(group, told)
        elif words[:1] == ["cluster"]:
            _retitle(group, told.get(group.get("id", ""), ""))
            group.set("aria-label", told.get(group.get("id", ""), ""))
        elif words[:1] == ["graph"]:
            group.attrib.pop("id", None)
            _retitle(group, "")
    _head(root, title, description, key)
    for element in root.iter():
        element.tail = "\n"
    body = ET.tostring(root, encoding="unicode", short_empty_elements=True).rstrip()
    script = f'<script type="text/javascript"><![CDATA[{SCRIPT}]]></script>\n</svg>\n'
    return body.removesuffix("</svg>") + script


def _without_namespace(svg: str) -> str:
    """Return the `svg` element alone, its names without prefix: ElementTree would write ns0: before each of them."""
    start = svg.index("<svg")
    end = svg.index(">", start)
    opening = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", svg[start:end])
    return opening + svg[end:]


def _head(root: ET.Element, title: str, description: str, key: str) -> None:
    for side in ("width", "height"):
        size = _SIZE.match(root.get(side, ""))
        if size:
            root.set(side, f"{float(size[1]) * 4 / 3:.0f}")
    root.attrib |= {
        "xmlns": _SVG,
        "class": "tg",
        "role": "graphics-document document",
        "aria-labelledby": f"tg-title-{key} tg-desc-{key}",
        "style": "max-width:100%;height:auto",
    }
    for place, (tag, id, text) in enumerate(
        (("title", f"tg-title-{key}", title), ("desc", f"tg-desc-{key}", description), ("style", "", CSS))
    ):
        element = ET.Element(tag, {"id": id} if id else {})
        element.text = text
        root.insert(place, element)


def _retitle(group: ET.Element, text: str) -> str:
    """Replace the title that Graphviz wrote, the id, by what hovering is to tell; return the id."""
    title = group.find("title")
    if title is None:
        return ""
    old = title.text or ""
    if text:
        title.text = text
    else:
        group.remove(title)
    return old


def _vertex(group: ET.Element, told: Mapping[str, str]) -> None:
    id = group.get("id", "")
    name = _retitle(group, told.get(id, ""))
    if id in told:
        group.attrib |= {"data-id": name, "tabindex": "0", "role": "graphics-symbol", "aria-label": told[id]}


def _edge(group: ET.Element, told: Mapping[str, str]) -> None:
    tail, _, head = _retitle(group, told.get(group.get("id", ""), "")).partition("->")
    group.attrib |= {"data-tail": tail, "data-head": head, "role": "graphics-symbol"}
    group.set("aria-label", told.get(group.get("id", ""), ""))
    path = group.find("path")
    if path is not None:  # a thin line is hard to hit: an invisible thick one below it takes the pointer
        hit = ET.Element("path", {"class": "hit", "fill": "none", "stroke": "none", "d": path.get("d", "")})
        group.insert(list(group).index(path), hit)


def page(svg: str, title: str) -> str:
    """Return an HTML page that shows `svg`."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>{html.escape(title)}</title></head>\n<body style="background:Canvas;margin:8px">\n{svg}</body>\n'
        "</html>\n"
    )


def framed(document: str, svg: str) -> str:
    """Return an HTML fragment with `document` in a frame: styles and scripts of one notebook cell stay in it."""
    height = next(_numbers(svg, "height"), 400.0)
    return (
        f'<iframe srcdoc="{html.escape(document)}" title="computational graph" '
        f'style="width:100%;height:{height + 32:.0f}px;border:0"></iframe>'
    )


def _numbers(svg: str, attribute: str) -> Iterator[float]:
    return (float(found[1]) for found in re.finditer(rf'\b{attribute}="([\d.]+)"', svg))
