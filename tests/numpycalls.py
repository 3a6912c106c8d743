"""Calls of every public function of NumPy, numpy.linalg and numpy.fft, as they are written in scripts.

Each letter is an array (`ARRAYS`), which a test replaces by a tensor, wherever it stands. What is not in `CALLS` and is
no ufunc takes no array: `WITHOUT_ARRAYS` names it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

ARRAYS: dict[str, Any] = {
    "M": np.array([[0.31, 0.72, -0.55], [0.93, -0.24, 0.48]]),
    "N": np.array([[1.21, 0.45, 0.87], [0.52, 1.74, 0.36]]),
    "S": np.array([[2.1, 0.3, -0.4], [0.2, 1.7, 0.5], [-0.6, 0.1, 2.4]]),
    "P": np.array([[2.2, 0.3, -0.4], [0.3, 1.9, 0.5], [-0.4, 0.5, 2.6]]),
    "T": np.arange(24.0).reshape(2, 3, 4) % 7 * 0.31 - 0.8 + np.arange(24.0).reshape(2, 3, 4) * 0.013,
    "v": np.array([0.35, -0.62, 0.91]),
    "w": np.array([0.83, 0.27, 0.56]),
    "u": np.array([0.12, 0.47, 0.78, 1.16, 1.93]),
    "q": np.array([0.25, 0.65]),
    "c": np.array([0.3 + 0.4j, -0.7 + 0.2j, 0.5 - 0.6j, 0.1 + 0.9j]),
    "g": np.array([np.nan, 0.4, -0.3]),
    "s": np.array(0.65),
    "i": np.array([2, 0, 1]),
    "k": np.array([1, 0]),
    "b": np.array([True, False, True]),
    "d": np.array([[True, False, True], [False, True, True]]),
}  # fmt: skip
"""`M`, `N` matrices, `S` a square one, `P` symmetric and positive, `T` of three axes; `v`, `w`, `u`, `q` vectors, `c`
complex, `g` with a NaN, `s` one number; `i`, `k` of indices, `b`, `d` of truths."""


def _is_there(name: str) -> bool:
    place, _, function = name.rpartition(".")
    return hasattr(getattr(np, place) if place else np, function)


_ALL: tuple[str, ...] = (
    "all(b)", "all(d, axis=0)", "all(M)", "any(b)", "any(d, axis=1, keepdims=True)", "any(M)", "allclose(M, N)",
    "amax(M)", "amax(M, axis=1)", "amin(M)", "amin(M, axis=0, keepdims=True)", "angle(c)", "angle(v)",
    "angle(c, deg=True)", "append(v, w)", "append(M, N, axis=0)", "append(v, 3.0)",
    "apply_along_axis(np.sum, 0, M)", "apply_along_axis(lambda x: x * 2, 1, M)",
    "apply_over_axes(np.sum, T, [0, 2])", "argmax(M)", "argmax(M, axis=1)", "argmin(M, axis=0)",
    "argpartition(v, 1)", "argsort(M)", "argsort(M, axis=0)", "argwhere(M)", "around(T, 1)", "array2string(M)",
    "array_equal(M, N)", "array_equiv(M, N)", "array_repr(M)", "array_split(u, 2)", "array_split(M, 2, axis=1)",
    "array_str(M)", "astype(M, np.float64)", "astype(i, float)", "atleast_1d(s)", "atleast_1d(s, v)",
    "atleast_2d(v)", "atleast_3d(M)", "atleast_3d(v)", "average(M)", "average(M, axis=1)",
    "average(M, axis=1, weights=w)", "average(M, weights=N)", "bincount(i)", "bincount(i, v)",
    "bincount(i, weights=v, minlength=5)", "block([v, w])", "block([[M], [N]])", "broadcast_arrays(v, M)",
    "broadcast_to(v, (4, 3))", "can_cast(M.dtype, np.float32)", "choose(i, [v, w, v])", "clip(M, -0.3, 0.5)",
    "clip(M, 0, None)", "clip(M, a_min=-0.3, a_max=N)", "column_stack((v, w))", "column_stack([M, k])",
    "common_type(M, N)", "compress(b, M, axis=1)", "compress([True, False], M, axis=0)", "concat([M, N])",
    "concat((M, N), axis=1)", "concatenate([M, N])", "concatenate((M, N), axis=1)", "concatenate([v, w, u])",
    "concatenate((M, N), axis=None)", "concatenate([v, i])", "convolve(u, v)", "convolve(u, v, 'same')",
    "convolve(u, v, mode='valid')", "copy(M)", "copyto(np.zeros((2, 3)), M)", "corrcoef(M)", "corrcoef(v, w)",
    "correlate(u, v)", "correlate(u, v, 'full')", "count_nonzero(M)", "count_nonzero(d, axis=0)", "cov(M)",
    "cov(v, w)", "cov(M, rowvar=False)", "cov(M, bias=True)", "cross(v, w)", "cross(M, N)",
    "cross(v, w[None], axis=-1)", "cumprod(v)", "cumprod(M, axis=1)", "cumsum(M)", "cumsum(M, axis=0)",
    "cumulative_prod(v)", "cumulative_sum(v)", "cumulative_sum(M, axis=1, include_initial=True)", "delete(v, 1)",
    "delete(M, [0, 2], axis=1)", "diag(v)", "diag(S)", "diag(M, k=1)", "diag_indices_from(S)", "diagflat(v)",
    "diagflat(M, 1)", "diagonal(S)", "diagonal(T, 0, 1, 2)", "diff(u)", "diff(u, n=2)", "diff(M, axis=0)",
    "diff(u, prepend=0.0)", "digitize(v, u)", "dot(v, w)", "dot(M, v)", "dot(M, S)", "dot(M, 2.0)", "dsplit(T, 2)",
    "dstack((v, w))", "dstack([M, N])", "ediff1d(u)", "ediff1d(u, to_begin=0.0)", "einsum('ij,jk->ik', M, S)",
    "einsum('ij->ji', M)", "einsum('a,a', v, w)", "einsum('ij,kj', M, N)", "einsum_path('ij,jk->ik', M, S)",
    "empty_like(M).shape", "expand_dims(v, 0)", "expand_dims(M, (0, 2))", "extract(d, M)",
    "fill_diagonal(S + 0, 0.0)", "fix(N)", "flatnonzero(M)", "flip(M)", "flip(M, 1)", "flip(T, axis=(0, 2))",
    "fliplr(M)", "flipud(M)", "full_like(M, 2.5)", "full_like(i, 2)", "geomspace(1.0, 100.0, 3)",
    "geomspace(s, 4.0, 5)", "gradient(u)", "gradient(u, 0.5)", "gradient(M)", "gradient(M, axis=1)",
    "gradient(v, w)", "histogram(v, 3)", "histogram(v, bins=u)",
    "histogram(v, bins=4, range=(-1, 1), density=True)", "histogram(v, 3, weights=w)", "histogram2d(v, w, 2)",
    "histogram_bin_edges(v, 3)", "histogramdd(M.T, 2)", "hsplit(M, [1])", "hstack((v, w))", "hstack([M, N])",
    "i0(w)", "imag(c)", "imag(v)", "inner(v, w)", "inner(M, N)", "insert(v, 1, 5.0)", "insert(v, 1, s)",
    "insert(M, 0, v, axis=0)", "interp(v, w[np.argsort(w)], v)", "interp(q, u, u ** 2)", "interp([0.2, 0.5], u, u)",
    "intersect1d(i, i)", "intersect1d(v, w)", "isclose(M, N)", "iscomplex(c)", "iscomplexobj(c)", "iscomplexobj(M)",
    "isin(i, [0, 1])", "isin(v, w)", "isneginf(v)", "isposinf(v)", "isreal(c)", "isreal(v)", "isrealobj(v)",
    "ix_(k, i)", "kron(v, w)", "kron(M, N)", "lexsort((v, w))", "linspace(0.0, 1.0, 4)", "linspace(s, 2.0, 4)",
    "linspace(v, w, 3)", "linspace(v, w, 3, axis=1)", "logspace(s, 2.0, 3)", "logspace(0.0, 1.0, 3)",
    "matrix_transpose(M)", "matrix_transpose(T)", "max(M)", "max(M, axis=0)", "max(M, axis=(0, 1))",
    "max(M, initial=0.9)", "may_share_memory(M, N)", "mean(M)", "mean(M, axis=0)",
    "mean(T, axis=(0, 2), keepdims=True)", "mean(M, where=d)", "median(v)", "median(M)", "median(M, axis=1)",
    "median(M, axis=0, keepdims=True)", "meshgrid(v, w)", "meshgrid(v, q, indexing='ij')", "min(M)",
    "min(M, axis=1)", "min_scalar_type(s)", "moveaxis(T, 0, -1)", "moveaxis(T, [0, 1], [1, 2])", "nan_to_num(g)",
    "nan_to_num(M)", "nan_to_num(g, nan=2.0)", "nanargmax(g)", "nanargmin(M, axis=1)", "nancumprod(g)",
    "nancumsum(g)", "nancumsum(M, axis=1)", "nanmax(g)", "nanmax(M, axis=1)", "nanmean(g)", "nanmean(M, axis=0)",
    "nanmedian(g)", "nanmedian(M, axis=1)", "nanmin(g)", "nanpercentile(g, 40)", "nanpercentile(M, 40, axis=1)",
    "nanprod(g)", "nanquantile(g, 0.4)", "nanstd(g)", "nanstd(M, axis=1)", "nansum(g)", "nansum(M, axis=0)",
    "nanvar(g)", "nanvar(M, ddof=1)", "ndim(M)", "nonzero(M)", "ones_like(M)", "outer(v, w)", "outer(M, q)",
    "packbits(b)", "pad(v, 2)", "pad(M, ((1, 0), (0, 2)))", "pad(v, (1, 2), constant_values=0.5)",
    "pad(v, 2, mode='edge')", "pad(v, 1, mode='reflect')", "pad(M, 1, 'wrap')", "pad(v, 2, 'symmetric')",
    "pad(v, 1, 'mean')", "partition(v, 1)", "percentile(v, 30)", "percentile(M, 30, axis=1)",
    "percentile(M, [20, 60], axis=0)", "permute_dims(T, (2, 0, 1))", "piecewise(v, [v < 0, v >= 0], [-1.0, 1.0])",
    "piecewise(v, [v < 0, v >= 0], [lambda x: -x, lambda x: x ** 2])", "place(M + 0, d, [1.0, 2.0])", "poly(v)",
    "poly(S)", "polyadd(v, w)", "polyadd(v, q)", "polyder(u)", "polydiv(u, w)", "polyfit(u, u ** 2, 2)",
    "polyfit(w, v, 1)", "polyint(v)", "polymul(v, w)", "polysub(u, v)", "polyval(v, w)", "polyval(v, 2.0)",
    "polyval(v, s)", "prod(M)", "prod(M, axis=1)", "ptp(M)", "ptp(M, axis=0)", "put(v + 0, [0], [5.0])",
    "put_along_axis(M + 0, k[:, None], 0.0, 1)", "putmask(v + 0, b, 0.0)", "quantile(v, 0.3)", "quantile(M, q)",
    "quantile(M, 0.3, axis=1)", "quantile(v, s)", "quantile(v, 0.3, method='nearest')", "ravel(M)", "ravel(M, 'F')",
    "ravel_multi_index((k, k), (2, 2))", "real(c)", "real(v)", "real_if_close(v)", "repeat(v, 2)",
    "repeat(M, 2, axis=1)", "repeat(v, i)", "reshape(M, (3, 2))", "reshape(M, -1)", "reshape(M, (3, 2), order='F')",
    "resize(v, (2, 2))", "result_type(M, N)", "roll(v, 1)", "roll(M, 1, axis=1)", "roll(M, (1, 2), axis=(0, 1))",
    "rollaxis(T, 2)", "roots(w)", "rot90(M)", "rot90(M, 2)", "round(T, 1)", "searchsorted(u, v)",
    "searchsorted(u, 0.5)", "searchsorted(u, v, side='right')", "select([v < 0, v >= 0], [v, w])",
    "select([v < 0], [v], 3.0)", "setdiff1d(i, k)", "setxor1d(i, k)", "shape(M)", "shares_memory(M, N)", "sinc(v)",
    "size(M)", "size(M, 1)", "sort(v)", "sort(M, axis=0)", "sort(M, axis=None)", "sort_complex(c)",
    "split(M, [1, 2], axis=1)", "split(M, 2)", "squeeze(v[None])", "squeeze(M[None], axis=0)", "stack([v, w])",
    "stack((M, N), axis=-1)", "std(M)", "std(M, axis=1)", "std(M, axis=0, ddof=1)", "sum(M)", "sum(M, axis=1)",
    "sum(M, (0, 1), keepdims=True)", "sum(M, initial=2.0)", "sum(M, where=d)", "sum(M, dtype=np.float64)",
    "sum(i, dtype=float)", "swapaxes(T, 0, 2)", "take(v, i)", "take(M, k, axis=1)", "take(M, [0, 5])",
    "take(v, 5, mode='wrap')", "take_along_axis(M, k[:, None], axis=1)", "tensordot(M, S, 1)", "tensordot(M, N)",
    "tensordot(M, N, axes=([1], [1]))", "tile(v, 2)", "tile(M, (2, 1))", "trace(S)", "trace(M, 1)", "transpose(M)",
    "transpose(T, (1, 0, 2))", "trapezoid(u)", "trapezoid(u, u ** 2)", "trapezoid(M, dx=0.5, axis=0)",
    "trapezoid(v, w)", "tril(S)", "tril(M, -1)", "tril_indices_from(S)", "trim_zeros(v)", "triu(S)", "triu(M, 1)",
    "triu_indices_from(S)", "union1d(i, k)", "union1d(v, w)", "unique(v)", "unique(i, return_counts=True)",
    "unique_all(i)", "unique_counts(i)", "unique_inverse(v)", "unique_values(v)",
    "unpackbits(np.array([3, 5], np.uint8))", "unravel_index(i, (3, 3))", "unstack(M)", "unwrap(u)",
    "unwrap(v * 9)", "vander(v)", "vander(v, 2, increasing=True)", "var(M)", "var(M, axis=0)", "var(M, ddof=1)",
    "var(M, axis=1, correction=1)", "vdot(v, w)", "vdot(M, N)", "vsplit(M, 2)", "vstack((v, w))", "vstack([M, N])",
    "where(d, M, N)", "where(d, M, 0.0)", "where(M > 0, M, -M)", "where(b)", "zeros_like(M)", "zeros_like(i)",
    "linalg.cholesky(P)", "linalg.cond(S)", "linalg.cond(S, 1)", "linalg.cond(S, 'fro')", "linalg.cross(v, w)",
    "linalg.det(S)", "linalg.diagonal(S)", "linalg.eig(P)", "linalg.eigh(P)", "linalg.eigvals(P)",
    "linalg.eigvalsh(P)", "linalg.inv(S)", "linalg.lstsq(M.T, v)", "linalg.matmul(M, S)", "linalg.matrix_norm(M)",
    "linalg.matrix_norm(M, ord='nuc')", "linalg.matrix_power(S, 3)", "linalg.matrix_power(S, -1)",
    "linalg.matrix_rank(M)", "linalg.matrix_transpose(M)", "linalg.multi_dot([M, S, v])", "linalg.norm(M)",
    "linalg.norm(v)", "linalg.norm(v, 1)", "linalg.norm(v, np.inf)", "linalg.norm(M, axis=1)",
    "linalg.norm(M, 'nuc')", "linalg.norm(S, 2)", "linalg.norm(M, 1)", "linalg.norm(v, 3)",
    "linalg.norm(M, ord=2, axis=0, keepdims=True)", "linalg.outer(v, w)", "linalg.pinv(M)", "linalg.qr(S)",
    "linalg.qr(S, 'r')", "linalg.slogdet(S)", "linalg.solve(S, v)", "linalg.solve(S, M.T)",
    "linalg.svd(M, full_matrices=False)", "linalg.svd(M, compute_uv=False)", "linalg.svd(S)", "linalg.svdvals(M)",
    "linalg.tensordot(M, S, axes=1)", "linalg.tensorinv(S.reshape(3, 3), ind=1)", "linalg.tensorsolve(S, v)",
    "linalg.trace(S)", "linalg.vecdot(M, N)", "linalg.vector_norm(M)", "linalg.vector_norm(M, axis=1, ord=3)",
    "fft.fft(v)", "fft.fft(c)", "fft.fft(M, axis=0)", "fft.fft(u, 8)", "fft.fft(u, 3)", "fft.fft(u, norm='ortho')",
    "fft.fft2(M)", "fft.fftn(T)", "fft.fftn(T, axes=(0, 2))", "fft.fftshift(u)", "fft.fftshift(M, axes=1)",
    "fft.hfft(c)", "fft.ifft(c)", "fft.ifft(v)", "fft.ifft2(M)", "fft.ifftn(T)", "fft.ifftshift(u)", "fft.ihfft(u)",
    "fft.irfft(c)", "fft.irfft(c, 5)", "fft.irfft2(M)", "fft.irfftn(T)", "fft.rfft(u)", "fft.rfft(M)",
    "fft.rfft(u, n=8, norm='forward')", "fft.rfft2(M)", "fft.rfftn(T)",
    "in1d(i, k)", "trapz(u)",
)  # fmt: skip

CALLS = tuple(call for call in _ALL if _is_there(call.partition("(")[0]))
"""Those of the functions that this NumPy has: the oldest one lacks a few."""

WITHOUT_ARRAYS = frozenset({
    "array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite", "require", "arange",
    "asmatrix", "bmat", "bartlett", "base_repr", "binary_repr", "blackman", "broadcast_shapes", "busday_count",
    "busday_offset", "datetime_as_string", "datetime_data", "diag_indices", "empty", "eye",
    "format_float_positional", "format_float_scientific", "from_dlpack", "frombuffer", "fromfile", "fromfunction",
    "fromiter", "frompyfunc", "fromregex", "fromstring", "full", "genfromtxt", "get_include", "get_printoptions",
    "getbufsize", "geterr", "geterrcall", "hamming", "hanning", "identity", "indices", "info", "is_busday", "isdtype",
    "isfortran", "isscalar", "issubdtype", "iterable", "kaiser", "load", "loadtxt", "mask_indices", "mintypecode",
    "nested_iters", "ones", "printoptions", "promote_types", "row_stack", "save", "savetxt", "savez",
    "savez_compressed", "set_printoptions", "setbufsize", "seterr", "seterrcall", "show_config", "show_runtime", "test",
    "tri", "tril_indices", "triu_indices", "typename", "zeros", "fftfreq", "rfftfreq",
})  # fmt: skip
"""What takes no array, or makes one of what it is given: that has no history, and a tensor that has one refuses."""


def letters(call: str) -> list[str]:
    """Return the arrays in a call, each once, in order.

    >>> letters("where(d, M, 0.0)"), letters("linalg.norm(M, axis=1)")
    (['d', 'M'], ['M'])
    """
    return list(dict.fromkeys(re.findall(r"(?<![\w.'])([MNSPTvwuqcgsikbd])(?![\w=(])", call)))


def name_of(call: str) -> str:
    """Return the function that is called."""
    return call.partition("(")[0]


def computed(call: str, given: dict[str, Any]) -> Any:
    """Return what NumPy makes of a call, with these in place of the arrays."""
    return eval(f"np.{call}", {"np": np, **ARRAYS, **given})


def taken_apart(call: str) -> tuple[Any, list[Any], dict[str, Any]]:
    """Return the function of a call, what stands at its places, and its options by name, with copies of the arrays."""
    tree = ast.parse(f"np.{call}", mode="eval").body
    assert isinstance(tree, ast.Call), call
    arrays = {name: array.copy() for name, array in ARRAYS.items()}
    read = [eval(ast.unparse(part), {"np": np, **arrays}) for part in (tree.func, *tree.args)]
    options = {str(k.arg): eval(ast.unparse(k.value), {"np": np, **arrays}) for k in tree.keywords}
    return read[0], read[1:], options


def leaves(result: Any) -> list[Any]:
    """Return what a result holds, lists and tuples taken apart."""
    return [x for part in result for x in leaves(part)] if isinstance(result, list | tuple) else [result]


def placements(call: str) -> list[tuple[str, ...]]:
    """Return which arrays of a call are to be tensors: each alone, and all of them."""
    found = letters(call)
    return [*[(x,) for x in found], *([tuple(found)] if len(found) > 1 else [])]


def directions(places: Iterable[str]) -> dict[str, Any]:
    """Return along what each array with a slope is moved; a symmetric matrix, of which one half is read, stays one."""
    rng = np.random.default_rng(0)
    found = {x: rng.normal(size=ARRAYS[x].shape) for x in places if ARRAYS[x].dtype.kind in "fc"}
    return {x: d + d.T if x == "P" else d for x, d in found.items()}


def public() -> Iterator[str]:
    """Yield the public functions that are no ufuncs, as calls name them."""
    for module in (np, np.linalg, np.fft):
        for name in sorted(set(module.__all__)):
            f = getattr(module, name)
            if callable(f) and not isinstance(f, (np.ufunc, type)) and not name.startswith("_"):
                yield name if module is np else f"{module.__name__[6:]}.{name}"
