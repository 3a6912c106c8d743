"""``tensorgrad draw``: the graph of an expression of a script, or of an example, as a file."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from operator import attrgetter
from pathlib import Path
from typing import Any

from tensorgrad import nn, viz
from tensorgrad.base.dtypes import DType
from tensorgrad.create.random import Generator, manual_seed
from tensorgrad.create.sampling import randn
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import TensorgradError
from tensorgrad.files.atomic import write_whole
from tensorgrad.graph import Graph
from tensorgrad.viz.output.drawing import FORMATS as SUFFIXES

from .examples import EXAMPLES
from .script import Script, ran, reported, split

FORMATS: Mapping[str, Callable[[viz.Drawing], str | bytes]] = {
    **{suffix[1:]: attrgetter(suffix[1:]) for suffix in SUFFIXES},
    "txt": lambda drawing: drawing.text() + "\n",
}
OPTIONS = (
    "labels", "depth", "collapse", "rankdir", "max_nodes", "title", "grads", "dims", "names", "order", "repeats",
    "timeout", "unfold", "hide", "heat", "width", "fontsize", "wrap", "math", "style", "theme",
    "live",
)  # fmt: skip
STDOUT = "-"


def run(given: argparse.Namespace) -> int:
    """Draw what the arguments say, write it, tell what was written, and return the exit status 0.

    The default generator starts anew, so that on one machine the same command writes the same bytes.

    Raises:
        TensorgradError: arguments that do not fit together, or an error in the user's code.
        MissingDependencyError: nothing that draws this format is there.
        OSError: the file cannot be written.
    """
    if (given.target is None) == (given.example is None):
        raise TensorgradError("say what to draw: either script.py:expression or --example NAME")
    if given.example and (given.inputs or given.main or given.torch):
        raise TensorgradError("--input, --shape, --main and --torch are for scripts: an example needs none of them")
    script = split(given.target) if given.target else None
    path, kind = destination(given.out, given.format, script[0].stem if script else given.example)
    options = {name: vars(given)[name] for name in OPTIONS if name in given}
    options |= {name: dict(options[name]) for name in ("dims", "style") if name in options}
    if options.get("unfold") in (["all"], ["none"]):
        options["unfold"] = options["unfold"] == ["all"]
    place = path and path.absolute()  # the script may change the working folder
    manual_seed(0)
    with redirect_stdout(sys.stderr) if path is None else nullcontext():
        if script is None:
            drawing = EXAMPLES[given.example]().drawing(**options)
        else:
            with ran(script[0], as_main=given.main, torch=given.torch) as names:
                drawing = drawn(names, script[1], given.inputs, options)
    content = FORMATS[kind](drawing)
    if place is None:
        sys.stdout.buffer.write(content if isinstance(content, bytes) else content.encode())
        sys.stdout.flush()
    else:
        write_whole(place, content)
        nodes = sum(vertex.kind != "output" for vertex in drawing.picture.vertices)
        print(f"wrote {path}: {_counted(nodes, 'node')}, {_counted(len(drawing.edges), 'edge')}")
    if drawing.caption:
        print(drawing.caption, file=sys.stderr if path is None else sys.stdout)
    return 0


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def destination(out: str | None, kind: str | None, stem: str) -> tuple[Path | None, str]:
    """Return where to write, None for standard output, and one of `FORMATS`: the given one, or that of the suffix.

    Raises:
        TensorgradError: a suffix that is none of them, a folder that is not there, or a folder itself.
    """
    if out == STDOUT:
        return None, kind or "txt"
    path = Path(out or f"{stem}.{kind or 'svg'}")
    kind = kind or path.suffix[1:].lower()
    if kind not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise TensorgradError(f"--out {path}: the name must end in one of {known}, or --format must say what to write")
    if not path.parent.is_dir():
        raise TensorgradError(f"--out {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise TensorgradError(f"--out {path}: that is a folder; name a file in it")
    return path, kind


def drawn(
    script: Script, expression: str, inputs: Sequence[str | tuple[int, ...]], options: Mapping[str, Any]
) -> viz.Drawing:
    """Return the drawing of `expression`, called on the `inputs` if there are any: expressions, or shapes to fill.

    Raises:
        TensorgradError: the value cannot be drawn, the inputs do not fit, or the user's code raises.
    """
    target = script.value(expression)
    if isinstance(target, viz.Drawing):
        if inputs or options:
            raise TensorgradError(
                f"{expression} is a Drawing and has its options: give those to viz.draw in the script"
            )
        return target
    if isinstance(target, tuple | list) and target and all(isinstance(y, Tensor) for y in target):
        target = Graph.of(*target)
    if not isinstance(target, Tensor | Graph):
        _check(target, expression)
    generator = Generator().manual_seed(0)
    values = [
        script.value(given)
        if isinstance(given, str)
        else randn(*given, dtype=_dtype(target), requires_grad=True, generator=generator)
        for given in inputs
    ]
    if isinstance(target, Tensor) and "names" in options:
        options = {**options, "names": script.names}
    if not isinstance(target, Tensor | Graph):
        _check_inputs(target, values, expression)
    with reported(script.path, f"in {expression!r}"):
        drawing: viz.Drawing = script.within(lambda: viz.draw(target, *values, **options))
        return drawing


def _check(target: Any, expression: str) -> None:
    """Refuse what is neither a tensor, a graph, a function nor a module."""
    kind = type(target)
    accepted = "to be drawn are a Tensor, several in a tuple, a Graph, a Drawing, an nn.Module and a function"
    if any(base.__module__.partition(".")[0] == "torch" for base in kind.__mro__):
        raise TensorgradError(f"{expression} is a {kind.__name__} of PyTorch: with --torch the script gets tensorgrad")
    if isinstance(target, type):
        raise TensorgradError(f"{expression} is a class: make an instance of it, such as {expression}(...); {accepted}")
    if not callable(target):
        raise TensorgradError(f"{expression} is of the type {kind.__name__}; {accepted}")


def _check_inputs(target: Callable[..., Any], inputs: Sequence[Any], expression: str) -> None:
    try:
        signature = inspect.signature(getattr(target, "forward", target))
    except ValueError:  # a callable written in C tells no signature
        return
    try:
        signature.bind(*inputs)
    except TypeError as error:
        names = ", ".join(signature.parameters)
        raise TensorgradError(
            f"{expression} is called with ({names}): {error}; give each input by --shape 32,784 (random numbers) or "
            f"--input EXPRESSION, in their order"
        ) from error


def _dtype(target: Any) -> DType | None:
    """Return the dtype that `target` computes in, if it is a module whose parameters tell."""
    parameters = target.parameters() if isinstance(target, nn.Module) else ()
    return next((p.array.dtype for p in parameters if p.is_floating_point()), None)
