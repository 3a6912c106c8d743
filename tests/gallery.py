"""The gallery: `python -m tests.gallery` writes docs/gallery.md and the pictures beside it, all from recorded graphs.

`python -m tests.gallery --check` writes nothing, and says which files are not what the code draws; with `--still`, not
of live pictures, whose programs need NumPy's own functions. The code is that of docs/gallery.py, whose cells are the
snippets of the page. What others make of the same networks is written by `tests.gallery_peers`, which needs them.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tensorgrad.files.atomic import write_whole
from tests.gallery_peers import beside
from tests.measuring import plain

DOCS = Path(__file__).resolve().parent.parent / "docs"
SCRIPT = DOCS / "gallery.py"
CELL = re.compile(r"^# %%(?: (?P<name>[\w-]+): (?P<caption>.*))?\n(?P<code>(?:(?!# %%).*\n)*)", re.MULTILINE)
START, *CELLS = CELL.finditer(SCRIPT.read_text("utf-8"))
CAPTIONS = {cell["name"]: cell["caption"] for cell in CELLS}
STILL = "--still" in sys.argv[1:]
FIGURES = [name for name in CAPTIONS if name not in ("text", "source")]

PAGE = """\
# Gallery

Every picture is drawn from a recorded graph, by [a script](gallery.py) whose parts are shown here. Opened on its
own, each can be pointed at, folded, and replayed with the arrow keys, and a box that is closed opens at a click; how to
draw your own stands in [Drawing](drawing.md). Where the same network is shown as torchviz, torchview and netron draw
it, it is said what is seen on those pictures, in their first state. Of one that is not shown, nothing is said.

All start from the same numbers, which have few digits, so that the pictures are the same on every machine:

{start}

{figures}

{text}

```
{program}
```

{source}

It needs NumPy alone, and computes on the same machine the same to the last bit; these are its two main functions.

```python
{functions}
```
"""


@cache
def run() -> tuple[dict[str, str], str, str]:
    """Run the script: return the texts of its pictures by their names, what it printed, and the source it made."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            names = runpy.run_path(str(SCRIPT)) if not STILL else _run_still()
        pictures = {path.stem: path.read_text("utf-8") for path in Path(folder).iterdir()}
    return pictures, printed.getvalue(), names["source"]


def _run_still() -> dict[str, Any]:
    """Run the script without the cells of live pictures."""
    whole = SCRIPT.read_text("utf-8")
    still = (cell[0] for cell in (START, *CELLS) if not str(cell["name"]).startswith("live-"))
    text = whole[: START.start()] + "".join(still)  # the others stand before them, and keep their lines
    names: dict[str, Any] = {}
    exec(compile(text, str(SCRIPT), "exec"), names)
    return names


def snippet(cell: re.Match[str]) -> str:
    """Return a cell as a section of the page."""
    code = f"```python\n{cell['code'].strip()}\n```"
    return code if cell is START else f"## {cell['caption']}\n\n{code}"


def page() -> str:
    """Return gallery.md."""
    _, printed, source = run()
    named = {cell["name"]: cell for cell in CELLS}
    start = source.index("def forward")
    return PAGE.format(
        start=snippet(START),
        figures="\n\n".join(
            f"{snippet(cell)}\n\n![{cell['caption']}](gallery/{cell['name']}.svg){beside(cell['name'], CAPTIONS)}"
            for cell in map(named.__getitem__, FIGURES)
        ),
        text=snippet(named["text"]),
        program=printed.strip(),
        source=snippet(named["source"]),
        functions=source[start : source.index("\n\n\ndef ", source.index("def backward"))],
    )


def written() -> dict[str, str]:
    """Return the text of every file that the library writes, by its path in docs/."""
    return {f"gallery/{name}.svg": text for name, text in run()[0].items()} | {"gallery.md": page()}


def stands(name: str, text: str) -> bool:
    """Return whether the file of that name holds `text` already, what is packed in it however packed."""
    path = DOCS / name
    return path.exists() and plain(path.read_text("utf-8")) == plain(text)


def main() -> None:
    """Write everything, or say what is not as it would be written."""
    files = {name: text for name, text in written().items() if not stands(name, text)}
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join(files) or None)
    for name, text in files.items():
        write_whole(DOCS / name, text)


if __name__ == "__main__":
    main()
