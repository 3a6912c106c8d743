"""A user's script, run for its names, and an expression among them; what either raises is told in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tensorgrad import nn
from tensorgrad.compat import installed
from tensorgrad.compat.runner import surroundings
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph

NAME = "__drawn__"  # not "__main__", so that what a script guards by that name, as a rule its training, does not run
_NEAR = 0.6


def split(target: str) -> tuple[Path, str]:
    """Return the script and the expression of ``script.py:expression``, divided at the first ``.py:``.

    >>> path, expression = split("C:/net.py:model(x[1:2])")
    >>> path.as_posix(), expression
    ('C:/net.py', 'model(x[1:2])')

    Raises:
        TensorgradError: a part is missing.
    """
    name, _, expression = target.partition(".py:")
    if not expression.strip():
        raise TensorgradError(
            f"{target!r} does not say what to draw: write script.py:expression, such as train.py:loss"
        )
    return Path(f"{name}.py"), expression.strip()


@dataclass(frozen=True)
class Script:
    """A script that has run: `names` are its global names."""

    path: Path
    source: bytes
    names: dict[str, Any]

    def value(self, expression: str) -> Any:
        """Return the value of `expression` among the names of the script.

        Raises:
            TensorgradError: it is no expression, or what it computes raises.
        """
        with reported(self.path, f"in {expression!r}"):
            try:
                return eval(_compiled(expression, f"<{expression}>", "eval"), self.names)  # noqa: S307 - the user's own
            except NameError as error:
                if error.name is None or error.name in self.names or _line(error, self.path):
                    raise
                raise TensorgradError(self._unknown(error.name)) from error

    def within(self, function: Callable[[], Any]) -> Any:
        """Return what `function` does where the names of the script are the variables around."""
        code = _compiled("within()", "<within>", "eval")
        return eval(code, {**self.names, "within": function})  # noqa: S307 - a name that stands here

    def _unknown(self, name: str) -> str:
        import difflib  # only an error needs it

        own = [key for key in self.names if not key.startswith("__")]
        near = difflib.get_close_matches(name, own, 3, _NEAR)
        drawable = [key for key in own if isinstance(self.names[key], Tensor | Graph | nn.Module)]
        told = f"nearest: {', '.join(near)}" if near else f"to be drawn are there: {', '.join(drawable) or 'none'}"
        guarded = self.names["__name__"] == NAME and b"__main__" in self.source
        hint = "; what the script does only as the main program is done with --main" if guarded else ""
        return f"{self.path} has no name {name!r}; {told}{hint}"


@contextmanager
def ran(path: Path, *, as_main: bool = False, torch: bool = False) -> Iterator[Script]:
    """Return a context in which the script has run and its surroundings stand: its folder first in ``sys.path``, its
    name alone in ``sys.argv``, itself in ``sys.modules``. All three are restored afterwards.

    Args:
        path: the script.
        as_main: run it as ``__main__``; then ``sys.exit(0)`` is a good end of it.
        torch: ``import torch`` gives this library.

    Raises:
        TensorgradError: there is no such file, it cannot be parsed, or it raises.
    """
    if not path.is_file():
        raise TensorgradError(f"{path}: there is no such file")
    module = ModuleType("__main__" if as_main else NAME)
    module.__file__ = str(path)
    source = path.read_bytes()
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        with surroundings(path), installed() if torch else nullcontext():
            with reported(path, str(path), exits=as_main):
                exec(_compiled(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own
            yield Script(path, source, module.__dict__)
    finally:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before


def _compiled(source: str | bytes, name: str, mode: str) -> CodeType:
    return compile(source, name, mode, dont_inherit=True)


@contextmanager
def reported(path: Path, place: str, *, exits: bool = False) -> Iterator[None]:
    """Return a context in which every exception of the user's code becomes one that says its line in the script.

    Errors of this library say enough by themselves where no line of the script is in between. `place` is told instead
    of a line for others; `exits` lets ``sys.exit(0)`` end the context in peace.
    """
    try:
        yield
    except SystemExit as error:
        if not (exits and error.code in (None, 0)):
            raise TensorgradError(
                f"{_line(error, path) or place}: sys.exit({error.code!r}) ended the script before anything was drawn"
            ) from error
    except Exception as error:
        line = _line(error, path)
        if isinstance(error, TensorgradError) and not line:
            raise
        raise TensorgradError(f"{line or place}: {_told(error)}") from error


def _line(error: BaseException, path: Path) -> str:
    """Return the deepest line of the script that `error` came through; "" if there is none."""
    number = error.lineno if isinstance(error, SyntaxError) and error.filename == str(path) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            number = trace.tb_lineno
        trace = trace.tb_next
    return f"{path}, line {number}" if number else ""


def _told(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    missing_torch = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "torch"
    return f"{told}; with --torch it is tensorgrad that the script gets" if missing_torch else told
