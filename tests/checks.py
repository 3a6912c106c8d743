"""What must hold for every primitive. Each check is one sentence of calculus; none of them knows which op it checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import Primitive
from tensorgrad.engine.tensor import Tensor, wrap

STEP = 1e-3
COMPLEX_STEP = 1e-30

# Where NumPy computes the forward function on complex numbers and the function is analytic, a complex step gives the
# derivative to rounding error: there is no difference of nearly equal numbers in it.
ANALYTIC = {
    "add", "sub", "neg", "mul", "div", "pow", "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "sin",
    "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sum", "broadcast_to",
    "sum_to", "reshape", "transpose", "getitem", "scatter", "assign", "concatenate", "matmul", "linear", "affine",
    "mean", "cumsum", "diagonal", "embedded", "unfold", "windowed", "fold", "inv", "solve", "det",
    "sigmoid",
}  # fmt: skip


def leaves(arrays: Sequence[np.ndarray]) -> list[Tensor]:
    """Tensors on the very arrays, which no op may write, requiring gradients where the dtype allows."""
    tensors = [protected(wrap(np.asarray(a))) for a in arrays]
    for x in tensors:
        x.requires_grad = x.array.dtype.kind == "f"
    return tensors


def close(actual: Any, expected: Any, rtol: float, atol: float, what: str) -> None:
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: of shape {actual.shape}, expected {expected.shape}"
    assert np.isfinite(expected).all(), f"{what}: the reference is not finite, it proves nothing"
    assert np.isfinite(actual).all(), f"{what}: not finite"
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=False, err_msg=what)


def difference(f: Callable[[float], Any], step: float = STEP) -> np.ndarray:
    """df/ds at 0 by central differences, extrapolated twice: the error is of order step**6."""
    d = [(np.asarray(f(h)) - np.asarray(f(-h))) / (2 * h) for h in (step, step / 2, step / 4)]
    first = [(4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3]
    return (16 * first[1] - first[0]) / 15


def inner(xs: Sequence[Any], ys: Sequence[Any]) -> Any:
    return sum((x * y).sum() for x, y in zip(xs, ys, strict=True))


def directions(xs: Sequence[Tensor], rng: np.random.Generator) -> list[np.ndarray]:
    return [np.asarray(rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)) for x in xs]


def check(primitive: Primitive, arrays: Sequence[np.ndarray], params: dict[str, Any], seed: int = 0) -> None:
    """First and second order of both rules of `primitive` at `arrays` (float64)."""
    rng = np.random.default_rng(seed)
    xs = leaves(arrays)
    diff = [x for x in xs if x.requires_grad]
    y = protected(apply(primitive, tuple(xs), params))
    cotangent = protected(wrap(np.asarray(rng.uniform(0.5, 1.5, y.shape))))
    vs = directions(diff, rng)
    tangents = [protected(wrap(v)) for v in vs]

    def moved(s: Any) -> list[np.ndarray]:
        shifts = iter(vs)
        return [np.asarray(x.array + s * next(shifts)) if x.requires_grad else x.array for x in xs]

    (t,) = tg.autograd.jvp(y, diff, tangents)
    gx = tg.autograd.grad(y, diff, cotangent, retain_graph=True)
    assert [a.shape for a in gx] == [x.shape for x in diff], "a cotangent has the shape of its input"
    assert [a.dtype for a in gx] == [x.dtype for x in diff], "a cotangent has the dtype of its input"
    assert t.shape == y.shape, "a tangent has the shape of the output"
    separate([*gx, t], [*xs, y, cotangent, *tangents])
    _check_tangent(primitive, params, moved, t)
    close(inner([t.array], [cotangent.array]), inner(vs, [a.array for a in gx]), 1e-10, 1e-11, "<Jv, g> = <v, JTg>")
    _check_second_order(primitive, params, moved, diff, tangents, cotangent, y)
    _check_linear(diff, tangents, cotangent, y, t, gx)


def protected(x: Tensor) -> Tensor:
    """`x` on memory that cannot be written: neither a rule nor a sweep may write what it is given."""
    x.array.flags.writeable = False
    return x


def separate(results: Sequence[Tensor], given: Sequence[Tensor]) -> None:
    """No result shares memory with another or with what was given: a later write to one would change the other."""
    arrays = [x.array for x in results]
    for i, a in enumerate(arrays):
        for other in (*arrays[:i], *(x.array for x in given)):
            assert not np.may_share_memory(a, other), "a derivative shares memory with another value"


def check_value(
    primitive: Primitive, arrays: Sequence[np.ndarray], params: dict[str, Any], reference: Callable[..., Any]
) -> None:
    """The value of `primitive` is that of `reference`, which computes it another way."""
    y = apply(primitive, tuple(leaves(arrays)), params)
    assert isinstance(y.array, np.ndarray)
    expected = np.asarray(reference(*arrays, **params))
    assert y.shape == expected.shape
    close(y.array, expected, 1e-11, 1e-12, primitive.name)


def check_dtypes(primitive: Primitive, arrays: Sequence[np.ndarray], params: dict[str, Any]) -> None:
    """Gradients and tangents have the dtypes of what they belong to: in float32, and where float32 meets float64."""
    if "dtype" in params:
        params = {**params, "dtype": np.dtype(np.float16)}
    widened = [*arrays[:-1], arrays[-1].astype(np.float64)]
    for xs in (leaves(arrays), leaves(widened)) if len(arrays) > 1 else (leaves(arrays),):
        diff = [x for x in xs if x.requires_grad]
        y = apply(primitive, tuple(xs), params)
        if all(x.dtype == np.float32 for x in diff):
            assert y.dtype == params.get("dtype", np.float32)
        for create_graph in (False, True):  # in this order: after a recorded sweep, sweeps are careful ones
            gx = tg.autograd.grad(y, diff, tg.ones_like(y), retain_graph=True, create_graph=create_graph)
            assert [(g.shape, g.dtype) for g in gx] == [(x.shape, x.dtype) for x in diff]
            for x in diff:
                (t,) = tg.autograd.jvp(y, x, tg.ones_like(x), create_graph=create_graph)
                assert (t.shape, t.dtype) == (y.shape, y.dtype)


def check_reuse(primitive: Primitive, arrays: Sequence[np.ndarray], params: dict[str, Any]) -> None:
    """A leaf that is used again receives the sum, whichever way the two uses are asked for."""
    xs = leaves(arrays)
    diff = [x for x in xs if x.requires_grad]
    y, again = (apply(primitive, tuple(xs), params) for _ in range(2))
    seeds = [wrap(np.full(y.shape, c)) for c in (1.0, 0.5)]
    first, second = (tg.autograd.grad(y, diff, seed, retain_graph=True) for seed in seeds)
    expected = [a.array + b.array for a, b in zip(first, second, strict=True)]
    for name, outputs in {"two uses": [y, again], "one output twice": [y, y]}.items():
        for gx, e in zip(tg.autograd.grad(outputs, diff, seeds, retain_graph=True), expected, strict=True):
            close(gx.array, e, 1e-12, 1e-12, name)
    if y.array.dtype.kind == "f":  # what comes of a sum is no array of ones, and must do as one
        for gx, e in zip(tg.autograd.grad(y.sum(), diff, retain_graph=True), first, strict=True):
            close(gx.array, e.array, 1e-12, 1e-12, "behind a sum")
    for i, x in enumerate(diff):
        (alone,) = tg.autograd.grad(y, x, seeds[0], retain_graph=True)
        close(alone.array, first[i].array, 1e-12, 1e-12, "one gradient, or all of them")
    for seed in seeds:
        y.backward(seed, retain_graph=True)
    separate([x.grad for x in diff], [*xs, *seeds])
    for x, e in zip(diff, expected, strict=True):
        close(x.grad.array, e, 1e-12, 1e-12, "backward twice")


def _check_tangent(primitive: Primitive, params: dict[str, Any], moved: Any, t: Tensor) -> None:
    if primitive.name in ANALYTIC:
        numeric = primitive.forward(*moved(1j * COMPLEX_STEP), **params).imag / COMPLEX_STEP
        close(t.array, numeric, 1e-11, 1e-12, "tangent against the complex step")
    else:
        numeric = difference(lambda s: primitive.forward(*moved(s), **params))
        close(t.array, numeric, 1e-8, 1e-9, "tangent against the finite difference")


def _check_second_order(primitive, params, moved, diff, tangents, cotangent, y) -> None:
    def slope(s: float) -> Any:
        xs = leaves(moved(s))
        y = apply(primitive, tuple(xs), params)
        gx = tg.autograd.grad(y, [x for x in xs if x.requires_grad], cotangent)
        return inner([v.array for v in tangents], [a.array for a in gx])

    # The finite difference of the reverse rule catches a rule that hides a value from the graph: the sweeps below would
    # then agree on the same wrong answer.
    numeric = difference(slope)
    gx = tg.autograd.grad(y, diff, cotangent, create_graph=True)
    graph = inner(gx, tangents)
    t = tg.autograd.jvp(y, diff, tangents, create_graph=True)[0]
    ways = {
        "forward over reverse": _directional(graph, diff, tangents),
        "reverse over reverse": _reverse(graph, diff, tangents),
        "forward over forward": _directional((t * cotangent).sum(), diff, tangents),
        "reverse over forward": _reverse((t * cotangent).sum(), diff, tangents),
    }
    for name, found in ways.items():
        close(found, numeric, 1e-6, 1e-7, f"second order, {name}")
        close(found, ways["forward over reverse"], 1e-9, 1e-10, f"second order, {name}")


def _check_linear(diff, tangents, cotangent, y, t, gx) -> None:
    # A cotangent that arrives from a consumer depends on the leaves too: it must not be hidden from the graph.
    for x in (cotangent, *tangents):
        x.requires_grad = True
    pulled = tg.autograd.grad(y, diff, cotangent, create_graph=True)
    (transposed,) = tg.autograd.grad(inner(pulled, [v.detach() for v in tangents]), cotangent)
    close(transposed.array, t.array, 1e-9, 1e-10, "the derivative of <v, JTg> by g is Jv")
    pushed = tg.autograd.jvp(y, diff, tangents, create_graph=True)[0]
    for a, b in zip(tg.autograd.grad((pushed * cotangent.detach()).sum(), tangents), gx, strict=True):
        close(a.array, b.array, 1e-9, 1e-10, "the derivative of <Jv, g> by v is JTg")


def _directional(y: Tensor, diff: list[Tensor], tangents: list[Tensor]) -> float:
    return tg.autograd.jvp(y, diff, tangents)[0].item() if y.requires_grad else 0.0


def _reverse(y: Tensor, diff: list[Tensor], tangents: list[Tensor]) -> float:
    if not y.requires_grad:
        return 0.0
    gx = tg.autograd.grad(y, diff, retain_graph=True, materialize_grads=True)
    return float(inner([a.array for a in gx], [t.array for t in tangents]))
