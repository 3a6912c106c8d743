"""Functions of nothing: axes of length 0, all axes at once, sizes beyond all bounds."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.peer import torch_

SHAPES = [(2, 0), (0, 2), (0,), (0, 0), (2, 0, 3)]
MODULES = {
    "": lambda lib: lib,
    "nn.functional": lambda lib: lib.nn.functional,
    "linalg": lambda lib: lib.linalg,
    "special": lambda lib: lib.special,
}
SECOND = {"other", "target", "tensor", "vec2", "mat2"}

# Why it is not PyTorch's answer.
OTHERWISE = {
    "cholesky": "PyTorch takes matrices that are not square as long as they are empty",
    "nn.functional.cross_entropy": "a sum over no classes is 0; PyTorch says NaN",
    "nn.functional.dropout2d": "PyTorch warns and goes on where there are no channels",
    "nn.functional.dropout3d": "PyTorch warns and goes on where there are no channels",
    "nn.functional.multilabel_margin_loss": "PyTorch reads floats as classes, and memory that is not its own",
    "linalg.vander": "vectors only; of an empty one PyTorch demands N",
    **dict.fromkeys(
        ("cat", "concat", "concatenate", "stack", "column_stack", "row_stack", "hstack", "vstack", "dstack"),
        "a tensor is a sequence of its rows",
    ),
    "histogram": "the edges of a hundred bins are rounded otherwise in their last places",
    "linalg.multi_dot": "a tensor is a sequence of its rows",
    "scalar_tensor": "takes a tensor as well",
    "flip": "no axes: all of them, as in NumPy",
    "tile": "no repetitions: once",
    **dict.fromkeys(
        ("typename", "set_default_dtype", "set_default_tensor_type", "save", "load", "from_numpy", "vmap"),
        "no reduction",
    ),
}


def calls() -> Iterator[tuple[str, Callable[[Any], Any], Callable[[Any, Any], Any]]]:
    """Yield names of functions with one or two tensors, and how they are called in either library."""
    for module, inside in MODULES.items():
        for name in dir(inside(tg)):
            full, function = f"{module}.{name}" if module else name, getattr(inside(tg), name)
            if name.startswith("_") or isinstance(function, type) or not callable(function) or full in OTHERWISE:
                continue
            try:
                parameters = inspect.signature(function).parameters.values()
            except ValueError:
                continue  # made in C, without a signature
            needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
            needed = [n for n in needed if n != "dim"]
            if len(needed) == 1 or (len(needed) == 2 and needed[1] in SECOND):
                names = {p.name for p in parameters}
                yield full, lambda lib, m=module, n=name: getattr(MODULES[m](lib), n, None), (len(needed), names)


def options(names: set[str], ndim: int) -> Iterator[dict[str, Any]]:
    yield {}
    for dim in range(ndim) if "dim" in names else ():
        yield {"dim": dim}
        if "keepdim" in names:
            yield {"dim": dim, "keepdim": True}


def outcome(function: Callable[..., Any], operands: list[Any], params: dict[str, Any]) -> Any:
    """Return the shapes and values of the results, or that there is none."""
    try:
        y = function(*operands, **params)
    except (ValueError, TypeError, RuntimeError, IndexError, NotImplementedError, AssertionError):
        return "refused"
    parts = y if isinstance(y, tuple | list) else [y]
    return [(tuple(t.shape), str(t.tolist())) if hasattr(t, "tolist") else t for t in parts]


CALLS = {name: (find, taken) for name, find, taken in calls()}


def test_there_are_many_such_functions():
    assert len(CALLS) > 200


@pytest.mark.parametrize("name", CALLS)
def test_of_nothing_functions_say_what_pytorch_says(name):
    torch = torch_()
    find, (count, names) = CALLS[name]
    if find(torch) is None:
        pytest.skip("PyTorch has no such function")
    for shape in SHAPES:
        for params in options(names, len(shape)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours, theirs = (outcome(find(lib), [lib.ones(*shape)] * count, params) for lib in (tg, torch))
            assert ours == theirs, (shape, params)


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"from_dlpack", "nn.functional.pdist", "normal"}))
def test_of_nothing_there_are_gradients_where_pytorch_has_them(name):
    torch = torch_()  # the gradient of pdist ends its process; that of normal would be 0, so it is refused
    find, (count, _) = CALLS[name]
    if find(torch) is None:
        pytest.skip("PyTorch has no such function")
    for shape in [*SHAPES, (1, 0, 2)]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = (gradients(find(lib), [lib.ones(*shape) for _ in range(count)]) for lib in (tg, torch))
        assert theirs == "refused" or ours != "refused", shape
        for found, expected in zip(ours, theirs, strict=True) if ours != "refused" != theirs else ():
            assert found is None or expected is None or found.shape == expected.shape, shape


def gradients(function: Callable[..., Any], operands: list[Any]) -> Any:
    """Return the gradients of the sum of all results."""
    for x in operands:
        x.requires_grad_()
    try:
        y = function(*operands)
        parts = [t for t in (y if isinstance(y, tuple | list) else [y]) if getattr(t, "requires_grad", False)]
        if parts:
            sum(t.sum() for t in parts).backward()
    except (ValueError, TypeError, RuntimeError, IndexError, NotImplementedError, AssertionError):
        return "refused"
    return [x.grad for x in operands]


def test_softmax_and_sums_of_exponentials_over_nothing():
    x = tg.ones(2, 0, requires_grad=True)
    assert x.softmax(1).shape == x.log_softmax(1).shape == (2, 0)
    assert x.logsumexp(1).tolist() == [-math.inf] * 2
    x.softmax(1).sum().backward()
    assert x.grad.shape == (2, 0)
    assert tg.ones(0, 2).softmax(0).shape == (0, 2)


def over_all_axes(function: Any) -> bool:
    parameters = inspect.signature(function).parameters
    return "keepdim" in parameters and "dim" in parameters and parameters["dim"].default is None


OTHERS = {"quantile", "nanquantile"}  # which have an axis of the quantiles as well
REDUCTIONS = [
    name for name in dir(tg) if inspect.isfunction(f := getattr(tg, name)) and over_all_axes(f) and name not in OTHERS
]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_over_all_axes_keep_them_where_asked_to(name):
    for words in ({"dim": None, "keepdim": True}, {"axis": None, "keepdims": True}):
        y = getattr(tg, name)(tg.ones(2, 3), **words)
        assert all(part.shape == (1, 1) for part in (y if isinstance(y, tuple) else (y,))), words


def test_differences_end_when_nothing_is_left():
    x = tg.ones(3)
    assert tg.diff(x, n=2**63).shape == (0,)
    y = tg.diff(x, n=0)
    y[0] = 5.0
    assert x.tolist() == [1.0] * 3


def test_of_views_there_are_not_more_than_memory_holds():
    for name in ("tensor_split", "hsplit", "vsplit", "dsplit"):
        with pytest.raises(ValueError, match="at most"):
            getattr(tg, name)(tg.ones(2, 2, 2), 2**63)


def test_labels_of_einsum_in_lists():
    rng = np.random.default_rng(0)
    a, b = (tg.tensor(rng.normal(size=s)) for s in ((2, 3, 4), (2, 4, 5)))
    found = tg.einsum(a, [0, 1, 2], b, [0, 2, 51], [0, 51, 1])
    assert found.tolist() == tg.einsum("aij,ajk->aki", a, b).tolist()
    assert tg.einsum(a, [..., 1, 2], b, [..., 2, 3]).tolist() == tg.einsum("...ij,...jk", a, b).tolist()
    with pytest.raises(ValueError, match="not within the valid range"):
        tg.einsum(a, [0, 1, 52])
    with pytest.raises(TypeError, match="the list of its labels"):
        tg.einsum(a, 3, b)


def test_vmap_over_nothing_gives_nothing():
    xs = tg.ones(0, 3, requires_grad=True)
    y = tg.func.vmap(lambda x: (x * 2, x.sum()), out_dims=(1, 0))(xs)
    assert [part.shape for part in y] == [(3, 0), (0,)]
    assert tg.func.vmap(tg.func.grad(lambda x: (x * x).sum()))(xs.detach()).shape == (0, 3)
    assert tg.func.vmap(lambda x, p: x**p, in_dims=(1, None))(tg.ones(2, 0), 2).shape == (0, 2)


def test_an_empty_vector_among_what_is_joined_counts_for_the_dtype_and_the_graph():
    empty = tg.zeros(0, dtype=tg.float64, requires_grad=True)
    for other in (tg.tensor([2]), tg.ones(2, 3, dtype=tg.int64), tg.zeros(2, 0), tg.zeros(0)):
        for dim in range(other.ndim):
            for parts in ([other, empty], [empty, other]):
                y = tg.cat(parts, dim)
                assert (y.shape, y.dtype, y.requires_grad) == (other.shape, np.float64, True)
                (g,) = tg.autograd.grad(y.sum(), empty)
                assert g.shape == (0,)
