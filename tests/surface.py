"""The calls that the surface is tested with: one table, run on tensorgrad and, where it is installed, on PyTorch.

A call is a name, arguments, and keyword arguments. An argument that is an array becomes a tensor; floating point arrays
require gradients. Names with a dot are looked up in the package (``linalg.inv``), those with a leading dot are methods.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.engine.tensor import Tensor

RNG = np.random.default_rng(7)


def real(*shape: int) -> np.ndarray:
    """Distinct numbers between -2 and 2, none of them an integer, and others in every call."""
    n = int(np.prod(shape))
    return (RNG.permutation(n) * (4.0 / n) - 2 + RNG.uniform(0.3, 0.4) / max(n, 1)).reshape(shape)


def positive(*shape: int) -> np.ndarray:
    return np.abs(real(*shape)) + 0.3


def spd(*shape: int) -> np.ndarray:
    """Symmetric positive definite matrices with well separated eigenvalues."""
    x = real(*shape)
    return (x + np.swapaxes(x, -1, -2)) / 4 + 4 * np.diag(np.arange(1.0, shape[-1] + 1))


def regular(*shape: int) -> np.ndarray:
    return real(*shape) + 5 * np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1)


def ints(*shape: int, high: int = 5) -> np.ndarray:
    return RNG.integers(0, high, shape)


A, B, V, W = real(3, 4), real(3, 4), real(5), real(5)
C = real(2, 3, 4)
Z = np.array([[1.5, 0.0, -2.0], [0.0, 0.0, 3.0], [0.5, 0.25, 4.0]])  # one zero in a column, two, none
M = np.array([[True, False, True, False], [False, True, True, False], [True, True, False, False]])
N = np.array([[1.0, np.nan, 2.0], [np.nan, -1.0, 0.5]])
I = np.array([[0, 2, 1, 0], [1, 1, 0, 2]])
MIXED = np.array([np.nan, np.inf, -np.inf, 1.5, 0.0, -0.0])
UNIT = real(3, 3) / 2.2

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


def call(name: str, *args: Any, **options: Any) -> Call:
    return name, args, options


def named(call: Call) -> str:
    name, args, options = call
    shown = [list(a.shape) if isinstance(a, np.ndarray) else a for a in args]
    return f"{name}{shown}{options or ''}".replace("::", ":")[:80]


class Library:
    """One of the two libraries: how to make its tensors and read them."""

    def __init__(self, module: Any, kind: type) -> None:
        self.module, self.kind = module, kind
        self.leaves: list[Any] = []

    def tensor(self, value: Any, dtype: str) -> Any:
        if isinstance(value, np.ndarray):
            floating = value.dtype == np.float64
            array = value.astype(dtype) if floating else value.copy()
            x = self.module.from_numpy(array)
            if floating:
                x.requires_grad_()
                self.leaves.append(x)
            return x
        if isinstance(value, list | tuple) and value and isinstance(value[0], np.ndarray):
            return type(value)(self.tensor(v, dtype) for v in value)
        return value

    def run(self, call: Call, dtype: str) -> list[Any]:
        name, args, options = call
        self.leaves = []
        given = [self.tensor(a, dtype) for a in args]
        options = {k: self.tensor(v, dtype) for k, v in options.items()}
        if isinstance(options.get("dtype"), str):
            options["dtype"] = getattr(self.module, options["dtype"])
        if name.startswith("."):
            found = getattr(given[0], name[1:])(*given[1:], **options)
        else:
            function = self.module
            for part in name.split("."):
                function = getattr(function, part)
            found = function(*given, **options)
        return list(found) if isinstance(found, tuple | list) else [found]

    def recorded(self, y: Any) -> bool:
        return isinstance(y, self.kind) and y.requires_grad

    def parts(self, outputs: list[Any]) -> list[Any]:
        """The sum of each output with weights of its own, what is not finite left out."""
        found = []
        for y in outputs:
            weights = np.asarray(np.cos(np.arange(y.numel())).astype(array_of(y).dtype).reshape(y.shape))
            clean = self.module.where(self.module.isfinite(y), y, self.module.zeros_like(y))
            found.append((clean * self.module.from_numpy(weights)).sum())
        return found

    def gradients(self, outputs: list[Any], order: int) -> list[Any]:
        """The gradients of a weighted sum of `outputs`, or those of the norm of these gradients."""
        ys = [y for y in outputs if self.recorded(y)]
        if not ys:
            return []
        total: Any = 0.0
        for part in self.parts(ys):
            total = total + part
        options: Any = {"allow_unused": True, "materialize_grads": True}
        if order == 1:
            return list(self.module.autograd.grad(total, self.leaves, **options))
        first = self.module.autograd.grad(total, self.leaves, create_graph=True, **options)
        squares: Any = 0.0
        for g in first:
            squares = squares + (g * g).sum()
        if not (isinstance(squares, self.kind) and squares.requires_grad):
            return [np.zeros(x.shape) for x in self.leaves]
        return list(self.module.autograd.grad(squares, self.leaves, **options))


def array_of(x: Any) -> np.ndarray:
    if isinstance(x, Tensor):
        return x.array
    return x.numpy(force=True) if hasattr(x, "numpy") else np.asarray(x)  # force: PyTorch has zeros without memory


UNARY = "abs absolute arctan asinh arcsinh atan ceil cos cosh erf erfc exp exp2 expm1 fix floor frac neg negative relu "
UNARY += "round sigmoid sign sgn sin sinh sqrt square tan tanh trunc deg2rad rad2deg isnan isinf isfinite logical_not "
UNARY += "positive signbit isposinf isneginf isreal nan_to_num ravel t flipud fliplr adjoint reciprocal"

ELEMENTWISE = [
    *(call(name, real(3, 4)) for name in UNARY.split() if name != "sqrt"),
    *(
        call(name, positive(3, 4))
        for name in ("sqrt", "rsqrt", "log", "log2", "log10", "log1p", "acosh", "arccosh")
        if "cosh" not in name
    ),
    *(call(name, positive(3, 4) + 1) for name in ("acosh", "arccosh")),
    *(call(name, UNIT) for name in ("acos", "arccos", "asin", "arcsin", "atanh", "arctanh", "erfinv")),
    call("logit", positive(4) / 4),
    call("logit", np.array([0.05, 0.5, 0.97]), eps=0.1),
    call("logit", UNIT, 0.2),
    call("round", real(5) * 10, decimals=1),
    call(".round", real(5)),
    call("nan_to_num", MIXED, posinf=100.0, neginf=-100.0),
    call("nan_to_num", MIXED, nan=1.0, posinf=2.0, neginf=-3.0),
    call("clamp", A, -0.5, 0.5),
    call("clip", A, min=0.1),
    call("clamp", A, max=0.1),
    call("clamp", A, real(3, 1), real(4) + 2),
    call("clamp_min", A, 0.2),
    call("clamp_max", A, 0.2),
    call("softmax", A, 1),
    call("log_softmax", A, dim=0),
    call(".softmax", A, dim=-1),
    call("isfinite", MIXED),
    call("signbit", MIXED),
    call("nan_to_num", ints(3)),
]

ARITHMETIC = [
    *(
        call(name, A, B)
        for name in (
            "add",
            "sub",
            "subtract",
            "mul",
            "multiply",
            "div",
            "divide",
            "true_divide",
            "floor_divide",
            "remainder",
            "fmod",
            "atan2",
            "arctan2",
            "hypot",
            "logaddexp",
            "maximum",
            "minimum",
            "fmax",
            "fmin",
            "copysign",
            "xlogy",
            "rsub",
        )
        if name != "xlogy"
    ),
    *(call(name, C, real(3, 1)) for name in ("add", "mul", "div", "hypot", "fmax", "remainder", "atan2")),
    *(
        call(f".{name}", A, 1.5)
        for name in ("add", "sub", "mul", "div", "remainder", "fmod", "pow", "floor_divide")
        if name != "pow"
    ),
    call("add", A, B, alpha=2.5),
    call("sub", A, B, alpha=-1.5),
    call("add", A, 2.0, alpha=3),
    call("add", ints(3), ints(3), alpha=2),
    call("add", ints(3), 2.5),
    call("mul", ints(3), A[:, :3]),
    call("rsub", A, B, alpha=2),
    *(call("div", A, B, rounding_mode=m) for m in (None, "trunc", "floor")),
    *(call("div", ints(6) * 3 - 5, np.array([2, -3, 4, 5, -2, 3]), rounding_mode=m) for m in (None, "trunc", "floor")),
    call("div", ints(4), ints(4) + 1),
    call("pow", positive(3), real(3)),
    call("pow", A, 3),
    call("pow", 2.0, A),
    call("pow", A, 2),
    call("pow", ints(3), 2),
    call("float_power", positive(3).astype(np.float32), 2.5),
    call("xlogy", np.array([0.0, 2.0, -1.0]), np.array([2.0, 3.0, 0.5])),
    call("xlogy", 2.0, positive(3)),
    call("lerp", A, B, 0.3),
    call("lerp", A, B, real(3, 1)),
    call("addcmul", A, B, real(4), value=0.5),
    call("addcdiv", A, B, positive(4), value=2),
    call("addcmul", A, B, A),
    call("heaviside", np.array([-1.0, 0.0, 2.0]), np.array([0.5])),
    call("fmax", np.array([1.0, np.nan, 3.0]), np.array([np.nan, 2.0, 2.5])),
    call("remainder", ints(4) + 3, 3),
    call("bitwise_and", ints(4), ints(4)),
    call("bitwise_or", M, M[::-1].copy()),
    call("bitwise_xor", ints(4), 3),
    call("bitwise_not", M),
]

QUESTIONS = [
    *(
        call(name, np.round(A), np.round(B))
        for name in (
            "eq",
            "ne",
            "not_equal",
            "lt",
            "less",
            "le",
            "less_equal",
            "gt",
            "greater",
            "ge",
            "greater_equal",
            "logical_and",
            "logical_or",
            "logical_xor",
            "isclose",
        )
    ),
    call("eq", ints(4), 2),
    call("gt", A, 0.5),
    call("logical_and", M, ints(3, 4)),
    call("isin", ints(3, 4), ints(2)),
    call("isclose", MIXED, MIXED, equal_nan=True),
    call("isclose", A, A + 1e-6, rtol=1e-3),
    call("equal", A, A),
    call("allclose", A, A + 1e-10),
    *(call(name, M, *rest) for name in ("all", "any") for rest in ((), (0,), (1, True), ((0, 1),))),
    call("all", ints(3, 4)),
    call("any", M, dim=-1),
    call(".all", M, axis=0),
    call("is_nonzero", np.array([2.0])),
    call("count_nonzero", ints(3, 4)),
    call("count_nonzero", ints(3, 4), dim=1),
    call("count_nonzero", C, (0, 2)),
]

REDUCTIONS = [
    *(
        call(name, C, *rest)
        for name in ("sum", "mean", "var", "std", "nansum", "nanmean", "amax", "amin")
        for rest in ((), (1,), ((0, 2),), (-1,))
    ),
    *(
        call(name, C, dim=1, keepdim=True)
        for name in ("sum", "mean", "var", "std", "nansum", "amax", "amin", "prod", "logsumexp")
    ),
    *(call(name, ints(3, 4)) for name in ("sum", "prod", "amax")),
    call("sum", M, 0),
    call("sum", ints(3), dtype="float32"),
    call("mean", ints(4), dtype="float64"),
    call("sum", A.astype(np.float32), 0, dtype="float64"),
    call("var", A, 1, correction=0),
    call("var", A, dim=1, unbiased=False),
    call("std", A, False),
    call("var_mean", A, 0),
    call("std_mean", A, dim=1, correction=2, keepdim=True),
    call("var_mean", A),
    call("nansum", N),
    call("nansum", N, 1),
    call("nanmean", N, 0),
    call("nanmean", N, 1, True),
    call("prod", Z),
    call("prod", Z, 0),
    call("prod", Z, 1),
    call("prod", real(7), 0),
    call("prod", np.empty((0, 2)), 0),
    call("prod", ints(4) + 1, dtype="float64"),
    call("logsumexp", A, 1),
    call("logsumexp", C, (0, 2)),
    call("cumsum", C, 1),
    call("cumsum", ints(3, 4), -1),
    call("cumsum", ints(3, 4), 0, dtype="float32"),
    call("cumprod", Z, 0),
    call("cumprod", Z, 1),
    call("cumprod", real(7), 0),
    call("cumprod", ints(4) + 1, 0),
    call("logcumsumexp", C, 1),
    call("logcumsumexp", real(6), 0),
    call("cov", A),
    call("cov", V),
    call("cov", A, correction=0),
    call("cov", A, fweights=np.array([1, 2, 1, 3])),
    call("cov", A, aweights=positive(4)),
    call("cov", A, fweights=np.array([1, 2, 1, 3]), aweights=positive(4)),
    call("corrcoef", A),
    call("corrcoef", V),
    call("cumsum", np.array(2.5), 0),
    call("diff", C),
    call("diff", V, 2),
    call("diff", A, dim=0, prepend=real(1, 4), append=real(2, 4)),
    call("diff", M, dim=1),
    call("trapezoid", A),
    call("trapezoid", A, real(4)),
    call("trapezoid", A, dx=0.5, dim=0),
    call("trapezoid", A, real(3, 4), dim=0),
    call("trapz", V),
    call("trapezoid", C, real(3), dim=1),
]

ORDER = [
    call("max", A),
    call("min", A),
    call("max", A, 1),
    call("min", A, 0, True),
    call("max", A, B),
    call("max", np.array(2.0), 0),
    call("max", A, dim=-1, keepdim=True),
    call("min", ints(3, 4) * 7 + np.arange(12).reshape(3, 4), dim=1),
    call(".max", A, axis=0),
    call("aminmax", A),
    call("aminmax", A, dim=1, keepdim=True),
    *(call(name, A, *rest) for name in ("argmax", "argmin") for rest in ((), (0,), (1, True))),
    call("argmax", np.array(2.0)),
    call("argmax", np.array(2.0), 0),
    call("argmax", A, axis=1, keepdims=True),
    call("sort", A),
    call("sort", A, 0),
    call("sort", A, dim=1, descending=True),
    call("sort", ints(9), stable=True),
    call("sort", ints(9), descending=True, stable=True),
    call("sort", np.array(1.5)),
    call("msort", A),
    call("argsort", A),
    call("argsort", A, 0, True),
    call("sort", np.array([2.0, np.nan, 1.0])),
    call("topk", A, 2),
    call("topk", A, 2, 0, largest=False),
    call("topk", V, k=5),
    call("kthvalue", A, 2),
    call("kthvalue", A, 1, 0, True),
    call("median", A),
    call("median", A, 1),
    call("median", V),
    call("median", A, dim=0, keepdim=True),
    call("median", N),
    call("cummax", A, 1),
    call("cummin", A, 0),
    call("cummax", np.array([1.0, 3.0, 3.0, 2.0, 3.0]), 0),
    call("cummax", np.array([1.0, np.nan, 3.0]), 0),
    call("mode", np.array([[3, 1, 1], [2, 2, 5]]), 1),
    call("mode", np.array([4.0, 4.0, 1.0]), keepdim=True),
    call("quantile", A, 0.3),
    call("quantile", A, 0.3, 1),
    call("quantile", C, np.array([0.1, 0.55, 0.9]), dim=1),
    call("quantile", C, np.array([0.1, 0.9]), dim=-1, keepdim=True),
    call("quantile", V, np.array([0.3])),
    call("quantile", A, 0.6, dim=0, keepdim=True),
    call("quantile", A, 0.6, keepdim=True),
    *(call("quantile", V, 0.4, interpolation=how) for how in ("linear", "lower", "higher", "midpoint", "nearest")),
    call("quantile", N, 0.5, 1),
]

PRODUCTS = [
    call("matmul", A, real(4, 2)),
    call("matmul", C, real(4, 5)),
    call("matmul", V, W),
    call("matmul", C, real(4)),
    call("mm", A, real(4, 2)),
    call("bmm", C, real(2, 4, 3)),
    call("mv", A, real(4)),
    call("dot", V, W),
    call("vdot", V, W),
    call("inner", V, W),
    call("inner", A, B),
    call("inner", C, A),
    call("inner", V, np.array(2.0)),
    call("outer", V, real(3)),
    call("ger", V, real(3)),
    call("tensordot", C, real(3, 4, 2)),
    call("tensordot", A, real(4, 2), 1),
    call("tensordot", C, real(4, 2), ([0, 2], [1, 0])),
    call("tensordot", V, W, dims=0),
    call("kron", A, real(2, 3)),
    call("kron", V, A),
    call("cross", real(4, 3), real(4, 3)),
    call("cross", real(3, 4), real(3, 4), 0),
    call("linalg.cross", real(4, 3), real(1, 3)),
    call("addmm", B[:, :2], A, real(4, 2), beta=0.5, alpha=2),
    call("addmv", real(3), A, real(4), alpha=3),
    call("addr", A, real(3), real(4), beta=2),
    call("baddbmm", real(2, 3, 3), C, real(2, 4, 3)),
    call("addbmm", real(3, 3), C, real(2, 4, 3), alpha=0.5),
    call("chain_matmul", A, real(4, 2), real(2, 5)),
    call("linalg.multi_dot", [A, real(4, 2), real(2, 5), real(5, 3)]),
    call("linalg.multi_dot", [real(3), A, real(4)]),
    call("linalg.vecdot", A, B),
    call("einsum", "ij,jk->ik", A, real(4, 2)),
    call("einsum", "ij,kj", A, B),
    call("einsum", "ii->i", real(3, 3)),
    call("einsum", "ii", real(3, 3)),
    call("einsum", "ij->ji", A),
    call("einsum", "ij->", A),
    call("einsum", "ij->j", A),
    call("einsum", "i,j->ij", V, W),
    call("einsum", "i,i", V, W),
    call("einsum", "bij,bjk->bik", C, real(2, 4, 3)),
    call("einsum", "...ij,...jk->...ik", C, real(4, 2)),
    call("einsum", "...i,i", C, real(4)),
    call("einsum", "i...->...", C),
    call("einsum", "ij,jk,kl->il", A, real(4, 2), real(2, 5)),
    call("einsum", "bn,anm,bm->ba", real(2, 3), real(5, 3, 4), real(2, 4)),
    call("einsum", "iji->j", real(3, 4, 3)),
    call("einsum", "ba", A),
    call("einsum", "ij,ij->i", A, B),
    call("einsum", " i j , j -> i ", A, real(4)),
    call("einsum", "ab,cd->abcd", A, real(2, 2)),
    call("einsum", "...,...->...", A, B),
    call("einsum", "iij,jkk->ik", real(2, 2, 3), real(3, 4, 4)),
    call("einsum", "ij,ij,ij->", A, B, A),
    call("einsum", "i...j->...j", real(2, 3, 4, 5)),
    call("einsum", "ij,j->i", real(3, 1), real(4)),
    call("einsum", "ij,jk->ik", [A, real(4, 2)]),
]

MATRICES = [
    *(call(name, regular(3, 3)) for name in ("inverse", "det", "slogdet", "pinverse")),
    call("logdet", spd(3, 3)),
    call("logdet", spd(2, 3, 3)),
    *(
        call(f"linalg.{name}", regular(2, 3, 3))
        for name in ("inv", "det", "slogdet", "pinv", "cond", "svdvals", "matrix_rank")
    ),
    call("linalg.solve", regular(3, 3), real(3)),
    call("linalg.solve", regular(2, 3, 3), real(2, 3, 2)),
    call("linalg.solve", regular(3, 3), real(2, 3), left=False),
    call("linalg.solve", regular(2, 3, 3), real(2, 3)),
    call("linalg.solve", regular(3, 3), real(3, 2)),
    call("linalg.solve_triangular", regular(3, 3), real(3, 2), upper=True),
    call("linalg.solve_triangular", regular(3, 3), real(3, 2), upper=False, unitriangular=True),
    call("linalg.cholesky", spd(3, 3)),
    call("linalg.cholesky", spd(2, 3, 3), upper=True),
    call("cholesky", spd(2, 2)),
    call("linalg.eigvalsh", spd(2, 3, 3)),
    call("linalg.qr", regular(4, 3)),
    call("linalg.qr", regular(3, 4)),
    call("linalg.qr", regular(2, 3, 3)),
    call("qr", regular(4, 2)),
    call("matrix_power", regular(3, 3), 5),
    call("matrix_power", regular(3, 3), 0),
    call("matrix_power", regular(3, 3), -2),
    call("linalg.matrix_power", regular(2, 2, 2), 3),
    call("matrix_power", regular(3, 3), 1),
    call("linalg.pinv", regular(4, 3)),
    call("linalg.pinv", regular(3, 4)),
    call("linalg.svdvals", regular(3, 5)),
    call("linalg.matrix_rank", np.ones((3, 3))),
    *(call("linalg.matrix_norm", A, ord) for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)),
    call("linalg.matrix_norm", C, 1, (0, 2), True),
    call("linalg.matrix_norm", C, "nuc", (0, 1)),
    *(
        call("linalg.vector_norm", A, p, *rest)
        for p in (2, 1, 3, 0.5, 0, -1, np.inf, -np.inf)
        for rest in ((), (1,), ((0, 1), True))
    ),
    call("linalg.norm", A),
    call("linalg.norm", A, 1),
    call("linalg.norm", V, 3),
    call("linalg.norm", C, dim=(0, 1)),
    call("linalg.norm", C, 2, dim=1),
    call("linalg.norm", C, "fro", dim=(0, 2)),
    call("norm", A),
    call("norm", A, 2),
    call("norm", A, p=1, dim=1),
    call("norm", C, 3, (0, 1), True),
    call("norm", A, float("inf")),
    call("norm", A, "nuc"),
    call("norm", A, "fro", dim=0),
    call(".norm", V),
    call(".norm", A, dim=1, keepdim=True),
    call("dist", A, B),
    call("dist", A, B, 1),
    call("cdist", A, real(2, 4)),
    call("cdist", C, real(2, 5, 4), p=1.0),
    call("norm", ints(3).astype(np.float64), 2),
    call("norm", A.astype(np.float32), dtype="float64"),
]

DIAGONALS = [
    call("trace", real(3, 4)),
    call("trace", ints(3, 3)),
    call("diag", V),
    call("diag", A),
    call("diag", A, 1),
    call("diag", V, -2),
    call("diag", A, diagonal=-1),
    call("diagonal", A),
    call("diagonal", C, 1, 1, 2),
    call("diagonal", C, offset=-1, dim1=2, dim2=0),
    call("linalg.diagonal", C),
    call("diag_embed", A),
    call("diag_embed", A, 1, 0, 2),
    call("diag_embed", A, -1),
    call("diagflat", A),
    call("diagflat", V, 1),
    *(call(name, x, k) for name in ("tril", "triu") for x in (A, C, ints(3, 4)) for k in (0, 1, -1)),
    call("tril", M),
    call("vander", V),
    call("vander", V, 3, increasing=True),
    call("tril_indices", 3, 4),
    call("triu_indices", 3, 3, 1),
    call("tril_indices", 4, 2, offset=-1),
]

SHAPES = [
    call("reshape", A, (2, 6)),
    call(".reshape", A, 4, -1),
    call(".view", A, 6, 2),
    call(".view", A, (-1,)),
    call(".view_as", A, real(4, 3)),
    call(".reshape_as", A, real(12)),
    call(".view", A, -1),
    call("flatten", C),
    call("flatten", C, 1),
    call("flatten", C, start_dim=0, end_dim=1),
    call("flatten", np.array(1.5)),
    call("unflatten", A, 1, (2, 2)),
    call("unflatten", C, -1, (-1, 2)),
    call("squeeze", real(1, 3, 1)),
    call("squeeze", real(1, 3, 1), 0),
    call("squeeze", real(1, 3, 1), (0, 2)),
    call("squeeze", real(1, 3, 1), 1),
    call("unsqueeze", A, 1),
    call("unsqueeze", A, -1),
    call("unsqueeze", A, dim=0),
    call("permute", C, (2, 0, 1)),
    call(".permute", C, 1, -1, 0),
    call("transpose", C, 0, 2),
    call("swapaxes", C, 0, -1),
    call("swapdims", C, 1, 2),
    call("movedim", C, 0, 2),
    call("moveaxis", C, (0, 1), (1, 2)),
    call("movedim", C, -1, 0),
    call("broadcast_to", V, (3, 5)),
    call(".expand", real(3, 1), -1, 4),
    call(".expand_as", real(3, 1), A),
    call("broadcast_tensors", real(3, 1), real(4)),
    call("numel", C),
    call(".repeat", A, 2, 1),
    call(".repeat", A, 2, 1, 3),
    call(".repeat", V, (2,)),
    call("tile", A, (2,)),
    call("tile", A, (2, 1, 2)),
    call("repeat_interleave", A, 2),
    call("repeat_interleave", A, 3, dim=0),
    call("repeat_interleave", A, np.array([1, 0, 2]), 0),
    call("repeat_interleave", A, np.array([2, 1, 0, 1]), dim=-1),
    call("flip", C, (0, 2)),
    call("flip", A, dims=[1]),
    call(".flip", A, 0),
    call("roll", A, 1),
    call("roll", A, (1, -2), (0, 1)),
    call("roll", A, 2, 1),
    call("roll", V, shifts=-7, dims=0),
    *(call("rot90", A, k) for k in (-1, 0, 1, 2, 3)),
    call("rot90", C, 1, [1, 2]),
    call("rot90", C, 3, [2, 0]),
    call(".unfold", V, 0, 2, 1),
    call(".unfold", A, 1, 2, 2),
    call(".unfold", C, -1, 3, 1),
    call("cat", [A, B]),
    call("cat", [A, real(3, 2)], 1),
    call("concat", [A, B], dim=-1),
    call("concatenate", [A, B], axis=0),
    call("cat", [np.empty(0), A]),
    call("cat", [ints(2), real(2)]),
    call("stack", [A, B]),
    call("stack", [A, B], dim=-1),
    call("hstack", [A, B]),
    call("hstack", [V, real(2)]),
    call("vstack", [A, real(4)]),
    call("row_stack", [V, W]),
    call("dstack", [A, B]),
    call("dstack", [V, W]),
    call("column_stack", [V, real(5, 2)]),
    call("column_stack", [V, W]),
    call("block_diag", A, V, np.array(2.0)),
    call("split", A, 2),
    call("split", A, [1, 3], dim=1),
    call("split", V, 2),
    call(".split", A, 3, 1),
    call("chunk", V, 3),
    call("chunk", A, 2, 1),
    call("chunk", V, 4),
    call("tensor_split", V, 3),
    call("tensor_split", V, (1, 4)),
    call("tensor_split", A, 2, dim=1),
    call("unbind", A),
    call("unbind", C, -1),
    call("meshgrid", V, real(2), indexing="ij"),
    call("meshgrid", V, real(2), indexing="xy"),
    call("meshgrid", [V, real(2), real(3)], indexing="xy"),
    call("cartesian_prod", V, real(2)),
    call("cartesian_prod", V),
    call("combinations", V),
    call("combinations", real(3), 2, True),
    call("combinations", V, r=3),
    call("atleast_1d", np.array(1.5)),
    call("atleast_2d", V),
    call("atleast_3d", V),
    call("atleast_3d", A),
    call("atleast_2d", V, np.array(1.0)),
]

INDEXING = [
    call("select", A, 1, 2),
    call("select", A, 0, -1),
    call("narrow", A, 1, 1, 2),
    call("narrow", A, 0, -2, 2),
    call("index_select", A, 1, np.array([0, 3, 3])),
    call("index_select", A, 0, np.array([2, 0])),
    call("masked_select", A, M),
    call("masked_select", A, M[:1]),
    call("masked_fill", A, M, 0.5),
    call("masked_fill", A, M, np.array(2.0)),
    call("masked_fill", ints(3, 4), M, 7),
    call("take", A, np.array([[0, 5], [11, 5]])),
    call("take", A, np.array([-1])),
    call("gather", A, 0, I),
    call("gather", A, 1, np.array([[0, 3], [1, 1]])),
    call("gather", C, 2, np.array([[[0, 3, 1]], [[2, 2, 2]]])),
    call("gather", V, 0, np.array([4, 4, 0])),
    call("take_along_dim", A, np.argsort(A, 1), 1),
    call("take_along_dim", A, np.array([[2], [0], [1]]), dim=1),
    call("take_along_dim", A, np.array([3, 7])),
    call("scatter", A, 0, I, real(2, 4)[:, :4]),
    call("scatter", A, 1, np.array([[0, 2], [1, 3]]), 1.5),
    call("scatter", A, 1, np.array([[0, 2], [1, 3]]), value=2.0),
    call("scatter", A, 1, np.array([[3, 0], [1, 2], [0, 1]]), real(3, 4)),
    call("scatter", A, 0, I, real(3, 4), reduce="add"),
    call("scatter", A, 1, np.array([[0, 0], [1, 3]]), 2.0, reduce="multiply"),
    call("scatter_add", A, 0, I, real(2, 4)),
    call("scatter_add", V, 0, np.array([1, 1, 1]), real(3)),
    call("index_add", A, 1, np.array([0, 2, 0]), real(3, 3)),
    call("index_add", A, 0, np.array([2, 0]), real(2, 4), alpha=0.5),
    call("index_copy", A, 0, np.array([2, 0]), real(2, 4)),
    call("index_fill", A, 1, np.array([0, 2]), 1.5),
    call("masked_scatter", A, M, real(8)),
    call("where", M, A, B),
    call("where", M, A, 0.0),
    call("where", M, 1.0, A),
    call(".where", A, M, B),
    call("where", M),
    call("nonzero", M),
    call("nonzero", ints(3, 4), as_tuple=True),
    call("argwhere", ints(3, 4)),
    call("unique", ints(9)),
    call("unique", ints(3, 4), return_inverse=True, return_counts=True),
    call("unique", ints(4, 2, high=2), dim=0),
    call("unique", ints(4, 2, high=2), dim=0, return_inverse=True, return_counts=True),
    call("unique_consecutive", ints(12, high=2), return_inverse=True, return_counts=True),
    call("bincount", ints(9)),
    call("bincount", ints(9), minlength=8),
    call("bincount", ints(5), V.astype(np.float32)),
    call("histc", np.sin(V), bins=4),
    call("histc", np.sin(V), 4, -1, 1),
    call("histogram", np.sin(V), 4),
    call("histogram", np.sin(V), bins=3, range=(-1.0, 1.0)),
    call("histogram", np.sin(V), np.array([-2.0, 0.0, 0.5, 2.0])),
    call("searchsorted", np.array([1.0, 3.0, 5.0]), np.array([[3.0, 6.0], [0.0, 4.0]])),
    call("searchsorted", np.array([1, 3, 5]), 3, right=True),
    call("searchsorted", np.sort(A, 1), real(3, 2)),
    call("searchsorted", np.array([1, 3, 5]), np.array([3]), out_int32=True),
    call("bucketize", A, np.array([-1.0, 0.0, 1.0])),
    call("bucketize", np.array([1, 3]), np.array([1, 2, 3]), right=True),
]

# Ties, at which there is a derivative by agreement only.
TIES = [
    call("scatter_reduce", np.ones(3), 0, np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 2.0, 2.0]), "amax"),
]

PLACED = [
    *TIES,
    *(
        call("scatter_reduce", A, dim, index, real(2, 4), reduce=how, include_self=own)
        for dim, index in ((0, I), (1, I))
        for how in ("sum", "prod", "mean", "amax", "amin")
        for own in (True, False)
    ),
    call("index_put", A, (np.array([0, 2]), np.array([1, 1])), real(2)),
    call("index_put", A, (np.array([0, 2, 0]), np.array([1, 1, 1])), real(3), accumulate=True),
    call("index_put", A, (M,), np.array([0.5])),
    call("select_scatter", A, real(3), 1, 2),
    call("select_scatter", A, real(4), 0, -1),
    call("slice_scatter", A, real(2, 4), 0, 1),
    call("slice_scatter", A, real(3, 2), dim=1, start=0, end=4, step=2),
    call("diagonal_scatter", A, real(3)),
    call("diagonal_scatter", C, real(2, 3), 1, 1, 2),
    call("hsplit", A, 2),
    call("hsplit", V, [1, 3]),
    call("vsplit", A, 3),
    call("dsplit", C, 2),
    call(".split_with_sizes", A, [1, 2]),
    call("nanmedian", N),
    call("nanmedian", N, 1, True),
    call("nanmedian", V),
    call("logaddexp2", A, B),
    call(".sum_to_size", C, 3, 1),
    call(".sum_to_size", A, (4,)),
    call("linalg.vander", V),
]

# The value is PyTorch's and the derivative on purpose is not: NaN at 0 of a logarithm or of a norm (order 2), 0 for a
# singular determinant, elements above the diagonal of a triangular factor.
BETTER = [
    call("xlogy", np.array([0.0, 0.0, 2.0]), np.array([0.0, 2.0, 3.0])),
    call("norm", np.zeros(3)),
    call("linalg.det", np.array([[1.0, 2.0], [2.0, 4.0]])),
    call("cholesky_solve", real(3, 2), np.tril(regular(3, 3))),
]

_OF_ALL_NUMBERS = "erf erfc erfcx exp2 expm1 i0 i0e i1 i1e log_ndtr ndtr sinc"

SPECIAL = [
    *(call(name, positive(3, 4)) for name in ("lgamma", "digamma", "special.entr", "special.gammaln", "special.psi")),
    *(call(f"special.{name}", real(3, 4)) for name in _OF_ALL_NUMBERS.split()),
    *(call(name, real(3, 4)) for name in ("sinc", "i0", "special.expit", "special.round")),
    call("special.ndtri", positive(4) / 4),
    call("special.erfinv", UNIT),
    call("special.logit", UNIT, 0.2),
    *(call(name, 2, positive(4)) for name in ("polygamma", "special.polygamma")),
    *(call(".polygamma", positive(4), n) for n in (0, 3)),
    call("mvlgamma", positive(4) + 1, 3),
    call("special.multigammaln", positive(4) + 1, 2),
    *(call(f"special.{name}", A, 1) for name in ("softmax", "log_softmax", "logsumexp")),
    call("special.xlogy", A, positive(4)),
    call("special.xlog1py", A, positive(4)),
    call("special.xlog1py", 2.0, real(3) / 4),
]

# Functions whose results have no gradient: never, or not with some of the arguments above (a rounded quotient).
CONSTANT = {
    *(
        [
            ".floor_divide",
            ".round",
            "allclose",
            "argmax",
            "argmin",
            "argsort",
            "bucketize",
            "ceil",
            "count_nonzero",
            "eq",
            "equal",
            "fix",
            "floor",
        ]
    ),
    *(
        [
            "floor_divide",
            "ge",
            "greater",
            "greater_equal",
            "gt",
            "histc",
            "histogram",
            "is_nonzero",
            "isclose",
            "isfinite",
            "isinf",
        ]
    ),
    *(
        [
            "isnan",
            "isneginf",
            "isposinf",
            "isreal",
            "le",
            "less",
            "less_equal",
            "linalg.matrix_rank",
            "logical_and",
            "logical_not",
        ]
    ),
    *(
        [
            "logical_or",
            "logical_xor",
            "lt",
            "ne",
            "not_equal",
            "numel",
            "round",
            "searchsorted",
            "sgn",
            "sign",
            "signbit",
            "trunc",
        ]
    ),
    *(["div", "prod", "matrix_power", "linalg.vector_norm"]),
}

CALLS = [
    *ELEMENTWISE,
    *ARITHMETIC,
    *QUESTIONS,
    *REDUCTIONS,
    *ORDER,
    *PRODUCTS,
    *MATRICES,
    *DIAGONALS,
    *SHAPES,
    *INDEXING,
    *PLACED,
    *SPECIAL,
]
