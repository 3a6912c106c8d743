"""The plain SVG made interactive, accessible and readable in the dark: one self-contained file."""

from __future__ import annotations

import hashlib
import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence

from tensorgrad.viz.picture.model import Picture
from tensorgrad.viz.picture.nesting import ModuleCall

from .browser import CSS, HELP, PAGE, SCRIPT

_SVG = "http://www.w3.org/2000/svg"
_SIZE = re.compile(r"([\d.]+)pt")
_LEAST = 0.6  # of its size, below which a figure in a page scrolls: smaller texts cannot be read
_HELP = 120  # pixels below a figure in a frame: a scroll bar and the help on the keys
_KEYS = "The arrow keys replay the computation step by step, Escape shows it whole."


def interactive(
    svg: str, picture: Picture, title: str, description: str, told: Mapping[str, str], look: str = ""
) -> str:
    """Return the plain `svg` with style, script, title and description.

    `told` holds a tooltip for each element id; `look` is added to the style sheet.
    """
    root = ET.fromstring(_without_namespace(svg))  # noqa: S314 - the text is this library's own
    for group in root.iter("g"):
        if group.get("class", "").split()[:1] == ["graph"]:
            group.attrib.pop("id", None)
            _untitle(group)
            _arrange(group, picture, told)
    _head(root, title, f"{description} {_KEYS}", look)
    for element in root.iter():
        element.tail = "\n"
    body = ET.tostring(root, encoding="unicode", short_empty_elements=True).rstrip().removesuffix("</svg>")
    return f'{body}<script type="text/javascript"><![CDATA[{SCRIPT}]]></script>\n</svg>\n'


def _without_namespace(svg: str) -> str:
    """Return the `svg` element alone, its names without prefix: ElementTree would write ns0: before each of them."""
    opening, end, rest = svg[svg.index("<svg") :].partition(">")
    return re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", opening) + end + rest


def _head(root: ET.Element, title: str, description: str, look: str) -> None:
    for side in ("width", "height"):
        size = _SIZE.match(root.get(side, ""))
        if size:
            root.set(side, f"{float(size[1]) * 4 / 3:.0f}")
    left, top, _, height = map(float, root.get("viewBox", "0 0 0 0").split())
    status = {
        "x": f"{left + 8:g}",
        "y": f"{top + height + 15:g}",
        "font-size": "16",
        "lengthAdjust": "spacingAndGlyphs",
    }
    ET.SubElement(root, "text", {"class": "told", "role": "status"} | status)  # where the replay says what it shows
    # Two drawings in one page must not read each other's texts: the ids tell them apart.
    key = hashlib.sha256(ET.tostring(root) + title.encode() + description.encode()).hexdigest()[:8]
    root.attrib |= {
        "xmlns": _SVG,
        "class": "tg",
        "tabindex": "0",
        "role": "graphics-document document",
        "aria-labelledby": f"tg-title-{key}",
        "aria-describedby": f"tg-desc-{key}",
    }
    for place, (tag, id, text) in enumerate(
        (("title", f"tg-title-{key}", title), ("desc", f"tg-desc-{key}", description), ("style", "", CSS + look))
    ):
        element = ET.Element(tag, {"id": id} if id else {})
        element.text = text
        root.insert(place, element)


def _arrange(graph: ET.Element, picture: Picture, told: Mapping[str, str]) -> None:
    """Describe the elements of `graph` and put them in the order of computation, in which they are read and reached.

    The edges lie below the frames, so that a folded frame covers what leads into it.
    """
    groups = {group.get("id", ""): group for group in graph.findall("g")}
    steps = _steps(picture)
    edges: list[tuple[tuple[int, int, int, str], ET.Element]] = []
    for edge in picture.edges:
        around = picture.vertex[edge.head].around
        within = [m for m in picture.vertex[edge.tail].around if m in around]
        step, back = max(steps[edge.tail], steps[edge.head]), edge.backward
        edges.append(((0, step, 0, ""), _edge(groups, f"f{edge.id}", (edge.tail, edge.head), step, within, told)))
        if back is not None:  # from the last to the first; what arrives at one vertex by its subscript
            step = steps[edge.tail]
            group = _edge(groups, f"b{edge.id}", (edge.head, edge.tail), step, within, told)
            edges.append(((1, -step, len(back), back), group))
    ordered = [group for _, group in sorted(edges, key=lambda entry: entry[0])]
    known: set[ModuleCall] = set()
    for vertex in picture.vertices:
        for i, module in enumerate(vertex.around):
            if module not in known:
                known.add(module)
                ordered.append(_frame(groups[module.id], vertex.around[:i], told))
        ordered += _vertex(groups, vertex.id, steps[vertex.id], vertex.around, told)
    placed = set(ordered)
    rest = [element for element in graph if element not in placed]  # title and caption
    for element in rest:
        _untitle(element)
    graph[:] = [*rest, *ordered]


def _steps(picture: Picture) -> dict[str, int]:
    """Return the place of every vertex in the order of computation; an end has that of the value it shows."""
    steps = {id: step for step, id in enumerate(id for id, v in picture.vertex.items() if v.kind != "output")}
    return steps | {edge.head: steps[edge.tail] for edge in picture.edges if edge.head not in steps}


def _tell(group: ET.Element, text: str) -> None:
    """Replace the title that Graphviz wrote, the name in DOT, by what hovering and a screen reader are to tell."""
    group.set("aria-label", text)
    for title in group.findall("title"):
        title.text = text


def _untitle(group: ET.Element) -> None:
    """Take out the title that Graphviz wrote: there is nothing to tell."""
    for title in group.findall("title"):
        group.remove(title)


def _place(group: ET.Element, of: Mapping[str, str], step: int, within: Sequence[ModuleCall]) -> None:
    """Say which vertex the element belongs to, when it appears in the replay, and the frames that hide it."""
    group.attrib |= {**of, "data-step": str(step)}
    _hide_in(group, within)


def _hide_in(group: ET.Element, within: Sequence[ModuleCall]) -> None:
    """Name the frames that hide the element when they are folded."""
    if within:
        group.set("data-in", " ".join(module.id for module in within))


def _vertex(
    groups: Mapping[str, ET.Element], id: str, step: int, within: Sequence[ModuleCall], told: Mapping[str, str]
) -> list[ET.Element]:
    """Return the circle or box, and the names and the shape that stand beside it."""
    found = []
    if id in groups:  # the end of an arrow is no circle
        found = [groups[id]]
        groups[id].attrib |= {"data-id": id, "tabindex": "0", "role": "graphics-symbol"}
        _tell(groups[id], told[id])
    found += [groups[name] for name in (f"name_{id}", f"bwd_{id}", f"shape_{id}") if name in groups]
    for group in found:
        _place(group, {"data-of": id}, step, within)
    return found


def _edge(
    groups: Mapping[str, ET.Element], id: str, ends: tuple[str, str], step: int, within: Sequence[ModuleCall],
    told: Mapping[str, str],
) -> ET.Element:  # fmt: skip
    group = groups[id]
    group.attrib |= {"data-tail": ends[0], "data-head": ends[1], "role": "graphics-symbol"}
    _tell(group, told[id])
    _place(group, {}, step, within)
    _widen(group)
    return group


def _frame(group: ET.Element, within: Sequence[ModuleCall], told: Mapping[str, str]) -> ET.Element:
    _tell(group, told[group.get("id", "")])
    _hide_in(group, within)
    label = group.find("text")
    if label is not None:
        ET.SubElement(label, "tspan", {"display": "none"}).text = " [+]"  # as a box that was closed when drawn
    _widen(group)
    return group


def _widen(group: ET.Element) -> None:
    """Give the line an invisible thick twin below, which takes the pointer: a thin line is hard to hit."""
    path = group.find("path")
    if path is not None:
        hit = ET.Element("path", {"class": "hit", "fill": "none", "stroke": "none", "d": path.get("d", "")})
        group.insert(list(group).index(path), hit)


def page(svg: str, title: str) -> str:
    """Return an HTML page that shows `svg`, scrolling where it is much larger than the window, and tells the keys."""
    width = next(_numbers(svg, "width"), 0.0)
    style = PAGE.replace("{width}", f"{width:.0f}").replace("{least}", f"{width * _LEAST:.0f}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head>\n"
        '<body class="tg-page"><div class="told" role="status"></div>'
        f'<div class="tg-scroll">\n{svg}</div>\n{HELP}</body></html>\n'
    )


def framed(document: str, svg: str) -> str:
    """Return an HTML fragment with `document` in a frame: styles and scripts of one notebook cell stay in it.

    The frame is as high as the figure is at the width that the notebook gives it, and a little more for the help.
    """
    width, height = (next(_numbers(svg, side), 400.0) for side in ("width", "height"))
    shown = f"clamp({width * _LEAST:.0f}px,100cqw - 16px,{width:.0f}px)"
    fitting = f"calc({shown}*{height / width:.4f} + {_HELP}px)"  # the first height is for browsers without cqw
    return (
        '<div style="container-type:inline-size">'
        f'<iframe srcdoc="{html.escape(document)}" title="computational graph" '
        f'style="width:100%;height:{height + _HELP:.0f}px;height:{fitting};border:0">'
        "</iframe></div>"
    )


def _numbers(svg: str, attribute: str) -> Iterator[float]:
    return (float(found[1]) for found in re.finditer(rf'\b{attribute}="([\d.]+)"', svg))
