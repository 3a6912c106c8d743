"""What stands in the tags of an SVG, as short as it can be written: numbers, colours, texts, paths."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from tensorgrad.base.caching import remembered
from tensorgrad.viz.layout.splines import Point, cut_end
from tensorgrad.viz.picture.text import clean

_SAME_DIGITS = re.compile(r"^#(\w)\1(\w)\2(\w)\3$")


@remembered(256)
def short_colour(colour: str) -> str:
    """Return a colour in short.

    >>> short_colour("#112233"), short_colour("#c8102e"), short_colour("none")
    ('#123', '#c8102e', 'none')
    """
    return _SAME_DIGITS.sub(r"#\1\2\3", colour)


@remembered(4096)
def tenths(number: float) -> str:
    """Return a number in tenths of a point.

    >>> tenths(3.04), tenths(-0.04)
    ('3', '0')
    """
    return f"{round(number, 1) + 0.0:.1f}".removesuffix(".0")


def hundredths(number: float) -> str:
    """Return a number in hundredths, as sizes of texts and widths of lines are written."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


@remembered(4096)
def escaped(text: str) -> str:
    """Return a text as it stands between tags."""
    return html.escape(clean(text, 4000), quote=False)


@remembered(8192)  # a picture that is drawn again has the same elements
def attributes(**known: str | float | None) -> str:
    """Return attributes as they stand in a tag: numbers short, None left out, `_` for `-`."""
    told = ""
    for name, value in known.items():
        if value is not None:
            told += f' {_written(name)}="{tenths(value) if isinstance(value, float) else _quoted(value)}"'
    return told


@remembered(256)
def _written(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


@remembered(4096)
def _quoted(value: str) -> str:
    return html.escape(value, quote=False).replace('"', "&quot;")


def seen_from(origin: Point, point: Point) -> Point:
    """Return `point`, y upwards, as seen from `origin`, y downwards."""
    return point[0] - origin[0], origin[1] - point[1]


@remembered(4096)  # a picture that is drawn again has the same arrows
def path_of(pieces: tuple[tuple[Point, ...], ...], head: float, origin: Point) -> str:
    """Return the path of an arrow from tail to head, whose `head` is drawn by itself, as seen from `origin`."""
    body = [*pieces[:-1], cut_end([*pieces[-1]], head)[0]]
    bent = None if all(map(_straight, body)) else "none"
    return f'<path{attributes(fill=bent)} d="{"".join(_line(piece, origin) for piece in body)}"/>'


def _line(spline: Sequence[Point], origin: Point) -> str:
    """Return the path of `spline`; one piece where it is straight, and that a cubic as all are: one rule reads them.

    What bends it stands at whole points, but for what is level with an end, or upright to it.
    """
    points = [seen_from(origin, point) for point in spline]
    points = points[:2] + points[-2:] if _straight(points) else points
    ends = [[tenths(side) for side in point] for point in points]
    for i, point in enumerate(points):
        if i % 3:
            near = ends[i - 1 if i % 3 == 1 else i + 1]
            ends[i] = [at if at in near else str(round(side)) for at, side in zip(ends[i], point, strict=True)]
    pairs = [",".join(pair) for pair in ends]
    return f"M{pairs[0]}C{' '.join(pairs[1:])}"


def _straight(points: Sequence[Point]) -> bool:
    """Return whether no point is further than a twentieth of a point from the line from the first to the last."""
    (x, y), (right, bottom) = points[0], points[-1]
    across, down = right - x, bottom - y
    most = 0.05 * max(abs(across), abs(down), 1e-9)
    return all(abs((px - x) * down - (py - y) * across) <= most for px, py in points)
