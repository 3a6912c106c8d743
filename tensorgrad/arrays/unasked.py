"""What NumPy takes of a tensor without asking it what to do: its array, its number, its truth.

Where a gradient is asked for, it would be lost in silence, and that is refused. ``float(x)`` and ``if x > 0:`` in the
user's script are what they are: a number, and a choice.
"""

from __future__ import annotations

import dis
import sys
from types import FrameType

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import LostGraphError

from . import callers
from .mixed import is_recorded

NUMBERS = frozenset({"accumulate", "fill", "fromiter", "reduce"})
"""What a script calls of NumPy that is not written in Python, and takes numbers where tensors may stand.

Their names say it where `callers` does not know.
"""
EVALUATING = frozenset(
    f"numpy.polynomial.{name}" for name in ("polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre")
)
"""The modules that take what is no array of NumPy's for a number."""
_WAYS_OUT = "use functions of tensorgrad, or x.detach() for its values without history"


def check_array(x: Tensor) -> None:
    """Refuse to make an array of `x`, as NumPy does of what stands in a list, where its gradient would be lost.

    Raises:
        LostGraphError: with what keeps it.
    """
    if is_recorded(x):
        raise LostGraphError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead. Of several tensors, "
            "tensorgrad.stack([...]) makes one that keeps the graph, which NumPy's functions take: np.sum([x, y]) does "
            "not ask them"
        )


def check_number(x: Tensor) -> None:
    """Refuse to give NumPy the number of `x` where its gradient would be lost; a script that asks for it has it.

    Raises:
        LostGraphError: with what to do instead.
    """
    if is_recorded(x):
        frame = sys._getframe(2)  # of what called float(), through one method of Tensor
        name = frame.f_code.co_name if _is_numpys(frame) else _called(frame)
        if _takes_number(frame, name):
            raise LostGraphError(
                f"{name or 'what is called'} of NumPy takes a number here, and a Tensor that requires grad would lose "
                f"its graph: {_WAYS_OUT}"
            )


def check_truth(frame: FrameType) -> None:
    """Refuse to let NumPy decide by a tensor while it holds one whose gradient would be lost on the shorter way.

    Args:
        frame: what asks, in a module whose name begins as NumPy's do.

    Raises:
        LostGraphError: with what to do instead.
    """
    if _is_numpys(frame) and any(map(is_recorded, frame.f_locals.values())):
        raise LostGraphError(
            f"{frame.f_code.co_name} of NumPy takes another way for some numbers, on which a Tensor that requires grad "
            f"may lose its graph: {_WAYS_OUT}"
        )


def check_coefficients(frame: FrameType) -> None:
    """Refuse what numpy.polynomial takes for a number: a tensor with axes, of whose elements each has every polynomial.

    Args:
        frame: a function of EVALUATING, as they call it: of `x`, and coefficients `c` or roots `r`.

    Raises:
        TypeError: with what to do instead.
    """
    known = frame.f_locals
    x, several = known.get("x"), "r" in known or getattr(known.get("c"), "ndim", 1) > 1
    if known.get("tensor") and isinstance(x, Tensor) and x.ndim and several:
        name = frame.f_code.co_name
        raise LostGraphError(
            f"np.polynomial's {name} takes a Tensor for a number, and would give other values here: call it with "
            f"x.detach().numpy(), or, to keep the graph, "
            + (
                "multiply x - r for each root r"
                if "r" in known
                else "for one polynomial after the other: "
                f"tensorgrad.stack([{name}(x, c[:, i]) for i in range(c.shape[1])])"
            )
        )


def _is_numpys(frame: FrameType) -> bool:
    """Return whether NumPy's own code runs in `frame`, but for its assertions, which compute nothing."""
    name = str(frame.f_globals.get("__name__"))
    return name.startswith("numpy.") and not name.startswith("numpy.testing.")


def _takes_number(frame: FrameType, name: str | None) -> bool:
    """Return whether NumPy asks for a number, by the function of this name if there is one, and not an assignment."""
    if _is_numpys(frame):
        return True
    asked = callers.by_numpy()
    if not asked:
        return asked is None and name is not None
    return not dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("STORE_")


def _called(frame: FrameType) -> str | None:
    """Return which of NUMBERS is being called in `frame`: what was read last where the text of the call begins."""
    code = frame.f_code
    if NUMBERS.isdisjoint(code.co_names):
        return None
    places = [(line, column) for line, _, column, _ in code.co_positions()]
    here = places[frame.f_lasti // 2]
    names = [i.argval for i in dis.get_instructions(code) if i.offset < frame.f_lasti and places[i.offset // 2] == here]
    name = next((name for name in reversed(names) if isinstance(name, str)), "")
    return name if name in NUMBERS else None
