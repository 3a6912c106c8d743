"""What a name that is not there is answered with: the nearest one that is, or why there is none.

The answer is made when the error is printed: ``hasattr`` and ``getattr`` with a default, which drop the error, stay
cheap.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
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

_OUTSIDE = "compute it outside of the graph, by SciPy from .numpy(), or give a rule by autograd.Function"
_RECURRENCE = "the recurrence of three terms is written in a line, and is differentiated as it stands"
_GAMMA = "of a whole a it is a sum of x ** k * exp(-x) / k!; else give a rule by autograd.Function"
_FRAMES = "numpy.fft.rfft of x.unfold(-1, n, hop) * window, and numpy.fft.irfft of the frames, keep the graph"
_INTEGER = "it has no gradient: NumPy's function of that name, of x.detach()"
_EXAMINED = "it is the function without _ex, which raises an error where the matrix has no answer"
_ANY_FUNCTION = "Python would be called for each element: x.copy_(...) of what functions of tensors give"
_CONJUGATED = "no sign or conjugate is put off: leave it out"
_SMALL = "NumPy has no such dtype: the smallest are float16 and complex64"
_SPARSE = "there are no sparse tensors: hold zeros, or the indices and values as two tensors"
_QUANTIZED = "there are no quantized dtypes"
_RANKS = "MPI is what starts the processes, and there is one group, of all of them"
_DEVICE = "there is no such device: ask is_available(), which is False, before"
_SCRIPT = "there is no TorchScript: functions and modules run as they are"
_GRAPH = "the recorded graph is data: see tensorgrad.graph.Graph.trace"
_STATE = "save(module.state_dict(), path), and load_state_dict(load(path))"
_GENERAL = (
    "of general matrices compute it by NumPy or SciPy from .numpy(); eigh, svd, qr, solve and inv are differentiable"
)
_RANDOM_WINDOWS = (
    "its windows are random, and PyTorch's cannot be drawn here: take adaptive_max_pool of the size wanted"
)
_INDICES = "it is the function without _with_indices, called with return_indices=True"

ABSENT = {
    "amp.*": "every operation computes in the dtype of its operands",
    "angle": "it is numpy.angle(x), which keeps the graph, or atan2(x.imag, x.real)",
    **dict.fromkeys(("apply_", "map_"), _ANY_FUNCTION),
    "as_strided": "say the view by unfold, diagonal, expand or an index",
    "autograd.forward_ad": "forward mode is func.jvp, and func.linearize",
    "autograd.graph": "what a backward pass keeps cannot be packed: utils.checkpoint computes it again",
    "bfloat16": "NumPy has no bfloat16: use float32, or float16 where memory counts",
    "channels_last": "there are contiguous_format and preserve_format: leave memory_format out",
    **dict.fromkeys(("complex32", "chalf"), _SMALL),
    "compiler": "what no plan can repeat runs as it is: leave it out, or see tensorgrad.compile",
    "cuda.*": _DEVICE,
    "cumulative_trapezoid": "it is the cumsum of (y[1:] + y[:-1]) / 2 * dx",
    "_dynamo": "what is compiled, and why not, is in the log: see tensorgrad.compile",
    "distributed.*": _RANKS,
    "distributions.*": "subclass Distribution, with log_prob and rsample, or transform one that is there",
    **dict.fromkeys(("eig", "eigvals", "lobpcg"), _GENERAL),
    "fft": "numpy.fft.fft(x), and what else numpy.fft has, keeps the graph",
    **{f"float8_{kind}": _SMALL for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")},
    **dict.fromkeys(("frexp", "gcd", "lcm", "nextafter"), _INTEGER),
    "frombuffer": "it is from_numpy(numpy.frombuffer(...))",
    **dict.fromkeys(("fx", "export"), _GRAPH),
    **dict.fromkeys(("gammainc", "gammaincc", "igamma", "igammac"), _GAMMA),
    "geqrf": "it is linalg.qr",
    "gradient": "it is numpy.gradient(x), which keeps the graph",
    "H": "it is x.mH",
    **{f"{name}_window": f"it is tensor(numpy.{name}(n + 1)[:-1])" for name in ("bartlett", "blackman", "hamming")},
    "hann_window": "it is tensor(numpy.hanning(n + 1)[:-1])",
    "hub": "nothing is downloaded: define the module, then load_state_dict",
    "jit.save": _STATE,
    "jit.load": _STATE,
    "jit.*": _SCRIPT,
    "ldexp": "it is x * 2.0 ** other",
    "kaiser_window": "it is tensor(numpy.kaiser(n + 1, beta)[:-1]), where PyTorch's beta is 12",
    "library": "an operation is made by kinds.elementwise, or by autograd.Function",
    **{f"linalg.{name}_ex": _EXAMINED for name in ("cholesky", "inv", "ldl_factor", "lu_factor", "solve")},
    "linalg.*": _GENERAL,
    **dict.fromkeys(("lu", "lu_solve", "lu_unpack"), "solve by linalg.solve; a factorisation by SciPy from .numpy()"),
    "masked": "multiply by the mask, or use where",
    "matrix_exp": "scale by 2 ** -n, sum the series, and square n times",
    "multiprocessing": "tensors are not shared between processes: share their .numpy()",
    "nanquantile": "it is numpy.nanquantile(x, q), which keeps the graph",
    "nested": "hold a list of tensors, or pad them: nn.utils.rnn.pad_sequence",
    "nn.Container": "it is nn.Module",
    "nn.CrossMapLRN2d": "it is nn.LocalResponseNorm",
    **{f"nn.FractionalMaxPool{n}d": _RANDOM_WINDOWS for n in (2, 3)},
    "nn.modules": "its classes stand in nn: nn.Conv2d is nn.modules.conv.Conv2d",
    "nn.NLLLoss2d": "it is nn.NLLLoss",
    "nn.RNNCellBase": "there are RNNCell, GRUCell and LSTMCell",
    "nn.functional.conv_tbc": "it is conv1d, which takes (N, C, L): permute before and after",
    **{f"nn.functional.fractional_max_pool{n}d": _RANDOM_WINDOWS for n in (2, 3)},
    "nn.functional.linear_cross_entropy": "it is cross_entropy(linear(input, weight), target)",
    **{f"nn.functional.{kind}max_pool{n}d_with_indices": _INDICES for kind in ("", "adaptive_") for n in (1, 2, 3)},
    "nn.functional.upsample_bilinear": "it is interpolate(..., mode='bilinear', align_corners=True)",
    "nn.functional.upsample_nearest": "it is interpolate(..., mode='nearest')",
    **dict.fromkeys(("nn.intrinsic", "nn.qat", "nn.quantizable", "nn.quantized"), _QUANTIZED),
    "nn.utils.stateless": "it is func.functional_call",
    "optim.SparseAdam": "there are no sparse tensors: it is Adam",
    "optim.*": "subclass Optimizer, and define update_one",
    "overrides": "functions do not ask subclasses of Tensor: wrap those that are to do something else",
    "package": _STATE,
    "pca_lowrank": "it is linalg.svd of the centred matrix",
    "polar": "it is complex(abs * cos(angle), abs * sin(angle))",
    "profiler.*": "python -m cProfile tells the time of functions, viz.draw(..., heat='time') that of operations",
    "put_": "it is x.view(-1).index_put_((index,), source, accumulate=...)",
    "quantization": _QUANTIZED,
    "renorm": "it is x * clamp(maxnorm / linalg.vector_norm(x, p, other_dims, keepdim=True), max=1)",
    **dict.fromkeys(("resolve_conj", "resolve_neg"), _CONJUGATED),
    "signal": "windows are NumPy's, such as tensor(numpy.hanning(n + 1)[:-1])",
    **dict.fromkeys(("sparse", "sparse_coo_tensor", "to_sparse"), _SPARSE),
    **{f"special.{name}": _OUTSIDE for name in ("airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1")},
    **{f"special.{scale}modified_bessel_k{n}": _OUTSIDE for scale in ("", "scaled_") for n in (0, 1)},
    **{f"special.{shift}chebyshev_polynomial_{kind}": _RECURRENCE for shift in ("", "shifted_") for kind in "tuvw"},
    **{f"special.{name}_polynomial_{kind}": _RECURRENCE for name, kind in (("laguerre", "l"), ("legendre", "p"))},
    **{f"special.hermite_polynomial_{kind}": _RECURRENCE for kind in ("h", "he")},
    "special.modified_bessel_i0": "it is special.i0",
    "special.modified_bessel_i1": "it is special.i1",
    "special.spherical_bessel_j0": "it is special.sinc(x / pi)",
    "special.zeta": "of a whole s it is (-1) ** s * polygamma(s - 1, q) / factorial(s - 1); for others, give a rule by "
    "autograd.Function",
    **dict.fromkeys(("stft", "istft"), _FRAMES),
    "svd_lowrank": "it is linalg.svd, of which the first columns are taken",
    "triangular_solve": "it is linalg.solve_triangular, with the arguments the other way round",
    "testing.assert_close": "it is numpy.testing.assert_allclose(x.numpy(), y.numpy(), rtol=..., equal_nan=False)",
    "types": "for annotations there are Tensor, dtype, device and Size; Number is int | float | bool",
    "utils.data.*": "give the DataLoader a Dataset, or any iterable",
}
"""What PyTorch has and tensorgrad has not, by its dotted name below ``torch``, and what to do instead.

``name.*`` stands for whatever else a module lacks; a name without a dot is also that of a method. docs/left-out.md is
this table.
"""


def advice(module: str, name: str) -> str:
    """Return what to do about `name`, which `module` does not have, or else what there is; empty if neither is known.

    >>> advice("tensorgrad.special", "modified_bessel_i0"), advice("tensorgrad.jit", "freeze")
    ('it is special.i0', 'there is no TorchScript: functions and modules run as they are')
    >>> advice("tensorgrad.optim", "Addam")
    'nearest: tensorgrad.optim.Adam, tensorgrad.optim.RAdam, tensorgrad.optim.NAdam'
    """
    place = module.removeprefix("tensorgrad").removeprefix(".")
    for key in (f"{place}.{name}", name):
        if key in ABSENT:
            return ABSENT[key]
    found, rest = proposals(module, name), ABSENT.get(f"{place}.*", "")
    there = importlib.import_module(module).__dict__ if rest else {}
    if rest and not any(near.startswith(f"{module}.") or near.rpartition(".")[2] in there for near in found):
        return rest
    return f"nearest: {', '.join(found)}" if found else ""


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


def load_later(module: str, places: Mapping[str, str], then: Callable[[str], object] = str) -> None:
    """Let `module`, which calls this at its end, load what it does not need itself when that is first asked for.

    Args:
        module: the ``__name__`` of the namespace; it answers other names as unknown.
        places: names, and the dotted name of the file that each of them stands in, or is.
        then: called with `module` whenever it has got more names.
    """
    refuse, space = missing(module), vars(sys.modules[module])

    def find(name: str) -> Any:
        if name not in places:
            refuse(name)
        file = importlib.import_module(places[name])
        for other, place in places.items():
            if place == places[name]:
                space.setdefault(other, getattr(file, other, file))
        then(module)
        return space[name]

    space["__getattr__"], space["__dir__"] = find, lambda: sorted({*space, *places})


def advised(text: str, module: str, name: str) -> str:
    """Return `text`, about a name that `module` does not have, with what to do, or what there is."""
    answer = advice(module, name)
    return f"{text}{'; ' if answer.startswith('nearest') else ': '}{answer}" if answer else text


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
