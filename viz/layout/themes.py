"""Colours and fonts: four looks by name, each of which `style=` may change in parts.

>>> themed("print", {"red": "#a00000"}).colour("red")
'#a00000'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from tensorgrad.errors import TensorgradError

_COLOUR = re.compile("#[0-9a-fA-F]{6}|none")
_PALE = 0.15  # of the way to the hot colour, where the coldest is
_FONTS = re.compile(r"[\w \",'-]+")
_SERIF = '"DejaVu Serif",Georgia,"Times New Roman",serif'


@dataclass(frozen=True)
class Theme:
    """One look: colours of values, gradients, secondary texts, frames, circles and paper; fonts, best first.

    `ground` is "none" where the paper shows through. `italic` sets names as mathematics does.
    """

    ink: str = "#111111"
    red: str = "#c8102e"
    mute: str = "#555555"
    grey: str = "#8a8a8a"
    fill: str = "#ffffff"
    ground: str = "#ffffff"
    highlight: str = "#0b62d6"
    hot: str = "#ff9a3c"
    font: str = _SERIF
    italic: bool = False

    @property
    def family(self) -> str:
        """The first of the fonts."""
        return self.font.split(",", maxsplit=1)[0].strip("\"' ")

    @property
    def colours(self) -> dict[str, str]:
        """The colours of lines, texts, circles and paper, by their roles."""
        return {role: self.colour(role) for role in ("ink", "red", "mute", "grey", "fill", "ground")}

    def colour(self, role: str) -> str:
        """Return the colour of a role."""
        return str(getattr(self, role))

    def filling(self, heat: float | None) -> str:
        """Return the colour inside a circle that is so warm, from 0 to 1.

        >>> Theme().filling(None), Theme().filling(1.0), Theme().filling(0.0)
        ('#ffffff', '#ff9a3c', '#fff0e2')
        """
        if heat is None:
            return self.fill
        cold = "#ffffff" if self.fill == "none" else self.fill
        pairs = [(int(cold[i : i + 2], 16), int(self.hot[i : i + 2], 16)) for i in (1, 3, 5)]
        return "#" + "".join(f"{round(a + (b - a) * (_PALE + (1 - _PALE) * heat)):02x}" for a, b in pairs)

    def sheet(self) -> str:
        """Return the rules that give a browser this look, whatever its reader prefers."""
        names = {"f": self.ink, "r": self.red, "m": self.mute}
        names |= {"n": self.fill, "h": self.highlight, "g": self.ground}
        colours = ";".join(f"--{name}:{value}" for name, value in names.items())
        return f".tg.tg{{{colours}}}\n"


THEMES = {
    "light": Theme(),
    "dark": Theme("#e8e8e8", "#ff6b6b", "#a4abb3", "#7d858e", "#22262e", "#16181d", "#6ab0ff", "#8f4a10"),
    "print": Theme("#000000", "#cc0000", "#444444", "#777777", "none", "none", "#000000"),
    "book": Theme("#000000", "#c8102e", "#444444", "#777777", "#ffffff", "none", "#000000",
                  font='"Libertinus Serif","STIX Two Text","DejaVu Serif",serif', italic=True),
}  # fmt: skip


def themed(theme: str | None, style: Mapping[str, str]) -> Theme:
    """Return the look of that name, "light" for None, with what `style` changes.

    Raises:
        TensorgradError: no look of that name, or no such part of one.
    """
    if theme is not None and theme not in THEMES:
        raise TensorgradError(f"draw(theme={theme!r}) is not known: use one of {', '.join(map(repr, THEMES))}")
    base = THEMES[theme or "light"]
    parts = {part.name for part in fields(base)} - {"italic"}
    for name, value in style.items():
        if name not in parts:
            raise TensorgradError(f"draw(style=...) knows no {name!r}: its keys are {', '.join(sorted(parts))}")
        if not (_FONTS if name == "font" else _COLOUR).fullmatch(value):
            raise TensorgradError(
                f"draw(style={{{name!r}: {value!r}}}) is none: give a colour as '#c8102e', 'none' for no fill or "
                f"ground, or the names of fonts"
            )
    return Theme(**vars(base) | dict(style))
