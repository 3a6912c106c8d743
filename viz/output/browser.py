"""What a drawing needs in a browser: its style sheet, its script, the page and the frame that show it.

The colours stand in the SVG as attributes as well, for viewers that know no style sheets; contrast is at least 4.5:1.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import string
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tensorgrad.base.caching import remembered

_NAME, _PROPERTY = re.compile(r"\$[a-z]\w*"), re.compile(r"(?<=[^.]\.)\$[a-z]\w*")
_LOCAL, _TOP = re.compile(r"\b_[a-z]\w*"), re.compile(r"^(?=\$)", re.MULTILINE)
_PART = re.compile(r"^(.*?)(?://|/\*) part: (\w+).*\n", re.MULTILINE)
PARTS = frozenset({"folding", "frames", "marks", "minimap", "numbers", "opening", "orders"})
"""What only some pictures can use: a file of the style sheet, of the script, or both, and lines that need it."""


@remembered()
def resource(name: str, parts: frozenset[str]) -> str:
    """Return the text of a file beside this one as a drawing carries it: with the files of those of its `parts` that
    are wanted, each where its name stands alone, and the lines at whose end it stands; and without comments, needless
    spaces, long names.

    Texts in quotes keep their spaces, and so do regular expressions, as long as none in them stands beside a sign.
    A line that begins with $ begins a piece; names of one letter that belong to all pieces are declared in the first.
    Names that begin with $ belong to all: the most frequent become letters that are free in the first piece and where
    they are used, all others A0, A1 ... Z9. Names that begin with _ are local to a piece. What stands behind a point is
    a property, and has a letter of its own: a capital, of which no element has one by itself.
    """
    path = Path(__file__).with_name(name)
    text = _assembled(path, parts)
    text = re.sub(r"^\s*(//.*|/\*.*\*/)?\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\bconst\b", "let", text)
    text = _with_short(_PROPERTY, text, lambda _: string.ascii_uppercase)
    tops = _TOP.split(text)
    text = _with_short(_NAME, "\0".join(tops), lambda name: _free(tops[0] + "".join(t for t in tops if name in t)))
    text = "".join(map(_with_local, text.split("\0")))
    text = re.sub(r"^\s+", "", text, flags=re.MULTILINE)
    signs = r"\s*([-+*/%=<>!?:;,{}()\[\]&|])\s*" if path.suffix == ".js" else r"\s*([{};,])\s*"
    pieces = re.split(r"('[^'\n]*'|`[^`]*`)", text)  # every second one is a text in quotes
    return "".join(piece if i % 2 else re.sub(signs, r"\1", piece) for i, piece in enumerate(pieces))


def _assembled(path: Path, parts: frozenset[str]) -> str:
    """Return the text of a file with those of its `parts` that are wanted, and the lines of these alone."""

    def taken(at: re.Match[str]) -> str:
        if at[2] not in parts:
            return ""
        return f"{at[1]}\n" if at[1] else _assembled(path.with_stem(at[2]), parts)

    return _PART.sub(taken, path.read_text("utf-8"))


def _free(text: str) -> list[str]:
    """Return the letters that are no name in `text`."""
    taken = re.findall(r"(?<![.\w$])[A-Za-z_$](?![\w${])", re.sub(r"'[^'\n]*'", "", text))
    return [letter for letter in f"{string.ascii_letters}_$" if letter not in taken]


def _with_short(names: re.Pattern[str], text: str, free: Callable[[str], Iterable[str]]) -> str:
    """Return `text` with short `names`: each one of those that are `free` for it, and then pairs."""
    short: dict[str, str] = {}
    for name, _ in Counter(names.findall(text)).most_common():
        pairs = (letter + digit for letter in string.ascii_uppercase for digit in string.digits)
        short[name] = next(new for new in itertools.chain(free(name), pairs) if new not in short.values())
    return names.sub(lambda at: short[at[0]], text)


def _with_local(piece: str) -> str:
    free = _free(piece)
    return _with_short(_LOCAL, piece, lambda _: free)


def script_literal(value: Any) -> str:
    """Return texts, numbers and lists of them as they stand in a script, which no text in them can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def packed(text: str) -> str:
    """Return `text` as a viewer unpacks it: a fifth of its size; a twentieth less takes twice as long."""
    return base64.b64encode(zlib.compress(text.encode(), 5)).decode()


# What is not shown where no script is; all other of its parts the script makes itself.
MAP = (
    '<foreignObject class="stage" display="none"><svg/></foreignObject>'
    '<svg class="map" display="none" x="100%" y="100%" width="180" height="120" aria-hidden="true">'
    '<rect width="100%" height="100%"/><path/><rect class="eye"/></svg>'
)
_LEAST = 0.6  # of its size, below which a figure in a page is larger than its place: smaller texts cannot be read
_HELP = 110  # pixels below a figure in a frame, for the help on the keys

_PAGE = """
body{margin:0;height:100vh;display:flex;flex-direction:column;background:#fff;color:#444}
body{font:13px/1.7 system-ui,sans-serif}
.tg-page .tg.full{width:100%;height:auto;flex:1;min-height:0}
.tg-help{margin:0;padding:4px 8px}
@media (max-width:600px){.tg-help{display:none}}
kbd{border:1px solid;border-radius:3px;padding:0 3px;font:inherit}
@media (prefers-color-scheme:dark){body{background:#16181d;color:#b4bbc3}}
@media print{body{display:block;background:none}.tg-help{display:none}}
"""
_TOLD = """<kbd>→</kbd> <kbd>←</kbd> step by step, <kbd>End</kbd> last step, <kbd>Esc</kbd> all;
wheel, <kbd>+</kbd> <kbd>-</kbd> scale, <kbd>0</kbd> fit, <kbd>1</kbd> natural size, drag or <kbd>Shift</kbd> with an
arrow to move; <kbd>/</kbd> search, <kbd>Enter</kbd> next; point at a node or <kbd>Tab</kbd> to it: what it depends on
and what depends on it; click: keep that, and copy its line; <kbd>f</kbd> <kbd>b</kbd> hide forward or backward; click
the title of a frame: fold it</p>
"""


def page(svg: str, title: str, more: str = "") -> str:
    """Return an HTML page that shows `svg` in the whole window, and tells the keys, `more` of them first."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_PAGE}</style></head>\n"
        f'<body class="tg-page">\n{svg}<p class="tg-help">{more}{_TOLD}</body></html>\n'
    )


def framed(document: str, svg: str) -> str:
    """Return an HTML fragment with `document` in a frame: styles and scripts of one notebook cell stay in it.

    The frame is as high as the figure is at the width that the notebook gives it, and a little more for the help.
    """
    width, height = (next(_numbers(svg, side), 400.0) for side in ("width", "height"))
    shown = f"clamp({width * _LEAST:.0f}px,100cqw,{width:.0f}px)"
    fitting = f"calc({shown}*{height / width:.4f} + {_HELP}px)"  # the first height is for browsers without cqw
    return (
        '<div style="container-type:inline-size">'
        f'<iframe srcdoc="{html.escape(document)}" title="computational graph" '
        f'style="width:100%;height:{height + _HELP:.0f}px;height:{fitting};border:0">'
        "</iframe></div>"
    )


def _numbers(svg: str, attribute: str) -> Iterator[float]:
    return (float(found[1]) for found in re.finditer(rf'\b{attribute}="([\d.]+)"', svg))
