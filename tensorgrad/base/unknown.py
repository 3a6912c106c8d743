"""What a name that is not there is answered with: the nearest one that is, or why there is none.

The answer is made when the error is printed: ``hasattr`` and ``getattr`` with a default, which drop the error, stay
cheap.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from tensorgrad.errors import TensorgradError

PLACES = (
    "",
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "optim",
    "optim.lr_scheduler",
    "optim.regularizers",
    "autograd",
    "func",
    "linalg",
    "special",
    "random",
    "cuda",
    "testing",
    "viz",
    "data",
)
"""Where a script may find names, in the order in which they are proposed."""

_OUTSIDE = "not offered: compute it outside of the graph, by SciPy from .numpy(), or give a rule by autograd.Function"
_RECURRENCE = "not offered: the recurrence of three terms is written in a line, and is differentiated as it stands"
_GAMMA = "not offered: of a whole a it is a sum of x ** k * exp(-x) / k!; else give a rule by autograd.Function"

ABSENT = {
    **dict.fromkeys(("gammainc", "gammaincc", "igamma", "igammac"), _GAMMA),
    **dict.fromkeys(("airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1"), _OUTSIDE),
    **{f"{scale}modified_bessel_k{n}": _OUTSIDE for scale in ("", "scaled_") for n in (0, 1)},
    **{f"{shift}chebyshev_polynomial_{kind}": _RECURRENCE for shift in ("", "shifted_") for kind in "tuvw"},
    **{f"{name}_polynomial_{kind}": _RECURRENCE for name, kind in (("laguerre", "l"), ("legendre", "p"))},
    **{f"hermite_polynomial_{kind}": _RECURRENCE for kind in ("h", "he")},
    "modified_bessel_i0": "it is special.i0",
    "modified_bessel_i1": "it is special.i1",
    "spherical_bessel_j0": "it is special.sinc(x / pi)",
    "zeta": "of a whole s it is (-1) ** s * polygamma(s - 1, q) / factorial(s - 1); for others, give a rule by "
    "autograd.Function",
    "amp": "every operation computes in the dtype of its operands: leave autocast and GradScaler out",
    "autocast": "every operation computes in the dtype of its operands: leave autocast out",
    "bfloat16": "NumPy has no bfloat16: use float32, or float16 where memory counts",
    "channels_last": "there are contiguous_format and preserve_format: leave memory_format out",
    "_dynamo": "what is compiled, and why not, is in the log: see tensorgrad.compile",
    "compiler": "what no plan can repeat runs as it is: leave it out, or see tensorgrad.compile",
    "distributed": "tensorgrad computes in one process",
    "fx": "the recorded graph is data: see tensorgrad.graph.Graph.trace",
    "hub": "nothing is downloaded: define the module, then load_state_dict",
    "jit": "there is no TorchScript: the recorded graph is data, see tensorgrad.graph.Graph.trace",
    "multiprocessing": "tensors are not shared between processes: share their .numpy()",
    "onnx": "there is no export: the recorded graph is data, see tensorgrad.graph.Graph.trace",
    "quantization": "there are no quantized dtypes",
    "sparse": "there are no sparse tensors: hold zeros, or the indices and values as two tensors",
    "sparse_coo_tensor": "there are no sparse tensors: hold zeros, or the indices and values as two tensors",
}
"""PyTorch's names that have no counterpart, and what to do."""


class UnknownNameError(TensorgradError, AttributeError):
    """A name that a module does not have; the text proposes what there is."""

    def __init__(self, module: str, name: str) -> None:
        super().__init__(module, name, name=name)

    def __str__(self) -> str:
        module, name = self.args
        return advised(f"module {module!r} has no attribute {name!r}", module, name)


class UnknownAttributeError(TensorgradError, AttributeError):
    """A name that an object does not have; the text proposes the nearest, or says what a property of that name said."""

    def __init__(self, holder: Any, name: str) -> None:
        super().__init__(holder, name, name=name)

    def __str__(self) -> str:
        import difflib  # only an error needs it

        holder, name = self.args
        kind = type(holder)
        if self.__cause__ is not None:
            return f"the property '{name}' of '{kind.__name__}' object raised an AttributeError: {self.__cause__}"
        text = f"'{kind.__name__}' object has no attribute '{name}'"
        found = difflib.get_close_matches(name, _public(holder), 3, 0.6)
        return f"{text}; nearest: {', '.join(found)}" if found else text


def missing(module: str) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of the module `module`."""

    def refuse(name: str) -> NoReturn:
        raise UnknownNameError(module, name)

    return refuse


def answer_unknown_names(module: str) -> None:
    """Give `module`, which calls this at its end, that ``__getattr__``.

    Written in the module, it would be read by type checkers as a promise of every name.
    """
    vars(sys.modules[module])["__getattr__"] = missing(module)


def advised(text: str, module: str, name: str) -> str:
    """Return `text`, about a name that `module` does not have, with what to do, or what there is."""
    if name in ABSENT:
        return f"{text}: {ABSENT[name]}"
    found = proposals(module, name)
    return f"{text}; nearest: {', '.join(found)}" if found else text


def proposals(module: str, name: str, limit: int = 3) -> list[str]:
    """Return what there is under `name` elsewhere, or else the names most like it in `module`, then elsewhere.

    >>> proposals("tensorgrad", "cross_entropy")
    ['tensorgrad.nn.functional.cross_entropy']
    >>> proposals("tensorgrad", "reshap")[0]
    'tensorgrad.reshape'
    """
    import difflib  # only an error needs it

    places = [f"tensorgrad.{place}".rstrip(".") for place in PLACES]
    known: dict[str, list[str]] = {}
    for place in sorted(places, key=lambda place: place != module):
        for public in _public(importlib.import_module(place)):
            known.setdefault(public, []).append(f"{place}.{public}")
    for public in _public(sys.modules["tensorgrad"].Tensor):
        known.setdefault(public, []).append(f"the method Tensor.{public}")
    if name in known:
        return known[name][:limit]
    near = [public for public in known if public.lower() == name.lower()]
    near += difflib.get_close_matches(name, known, limit, 0.77)
    return [known[public][0] for public in dict.fromkeys(near)][:limit]


def _public(holder: Any) -> Iterable[str]:
    names: Iterable[str] = getattr(holder, "__all__", None) or dir(holder)
    return [name for name in names if not name.startswith("_")]
