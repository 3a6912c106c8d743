"""PyTorch's functions, with its argument names and defaults, on the primitives and the composed functions: the index.

Each subject has its module; `__all__` is what `tensorgrad` exports. Most are also methods of Tensor, see `bindings`.
"""

# fmt: off
# isort: off
from tensorgrad.functions.arithmetic import (
    add, addcdiv, addcmul, arctan2, atan2, bitwise_and, bitwise_or, bitwise_xor, copysign, div, divide, float_power,
    floor_divide, fmax, fmin, fmod, heaviside, hypot, lerp, logaddexp, logaddexp2, maximum, minimum, mul, multiply,
    pow, remainder, rsub, sub, subtract, true_divide,
)
from tensorgrad.functions.comparisons import (
    all, allclose, any, eq, equal, ge, greater, greater_equal, gt, isclose, isfinite,
    isin, isinf, isnan, isneginf, isposinf, isreal, le, less, less_equal, logical_and, logical_not, logical_or,
    logical_xor, lt, ne, not_equal, signbit,
)
from tensorgrad.functions.counting import (
    bincount, bucketize, histc, histogram, searchsorted, unique, unique_consecutive,
)
from tensorgrad.functions.decompositions import cholesky, cholesky_solve
from tensorgrad.functions.diagonals import (
    diag, diag_embed, diagflat, diagonal, trace, tril, tril_indices, triu, triu_indices, vander,
)
from tensorgrad.functions.differences import diff, trapezoid, trapz
from tensorgrad.functions.einsum import einsum
from tensorgrad.functions.elementwise import (
    abs, absolute, acos, acosh, arccos, arccosh, arcsin, arcsinh, arctan, arctanh, asin, asinh, atan, atanh,
    bitwise_not, ceil, clamp, clamp_max, clamp_min, clip, cos, cosh, deg2rad, erf, erfc, erfinv, exp, exp2, expm1,
    fix, floor, frac, log, log10, log1p, log2, log_softmax, logit, nan_to_num, neg, negative, positive, rad2deg,
    reciprocal, relu, round, rsqrt, sgn, sigmoid, sign, sin, sinh, softmax, sqrt, square, tan, tanh, trunc, xlogy,
)
from tensorgrad.functions.factors import qr, svd
from tensorgrad.functions.indexing import (
    argwhere, gather, index_select, masked_select, narrow, nonzero, select, take, take_along_dim, where,
)
from tensorgrad.functions.joining import (
    atleast_1d, atleast_2d, atleast_3d, block_diag, cartesian_prod, cat, chunk, column_stack, combinations, concat,
    concatenate, dsplit, dstack, hsplit, hstack, meshgrid, row_stack, split, split_with_sizes, stack, tensor_split,
    unbind, vsplit, vstack,
)
from tensorgrad.functions.matrices import det, inverse, logdet, matrix_power, pinverse, slogdet
from tensorgrad.functions.norms import cdist, dist, norm
from tensorgrad.functions.ordering import (
    amax, amin, aminmax, argmax, argmin, argsort, cummax, cummin, max, min, msort, sort, topk,
)
from tensorgrad.functions.placement import (
    diagonal_scatter, index_add, index_copy, index_fill, index_put, masked_fill, masked_scatter, scatter,
    scatter_add, scatter_reduce, select_scatter, slice_scatter,
)
from tensorgrad.functions.products import (
    addbmm, addmm, addmv, addr, baddbmm, bmm, chain_matmul, cross, dot, ger, inner, kron, matmul, mm, mv, outer,
    tensordot, vdot,
)
from tensorgrad.functions.ranks import kthvalue, median, mode, nanmedian, quantile
from tensorgrad.functions.reductions import (
    corrcoef, count_nonzero, cov, cumprod, cumsum, logcumsumexp, logsumexp, mean, nanmean, nansum, prod, std,
    std_mean, sum, var, var_mean,
)
from tensorgrad.functions.repetition import flip, fliplr, flipud, repeat_interleave, roll, rot90, tile
from tensorgrad.functions.shapes import (
    adjoint, broadcast_shapes, broadcast_tensors, broadcast_to, flatten, moveaxis, movedim, numel, permute, ravel,
    reshape, squeeze, swapaxes, swapdims, t, transpose, unflatten, unsqueeze,
)
# isort: on

__all__ = [
    "abs", "absolute", "acos", "acosh", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "adjoint",
    "all", "allclose", "amax", "amin", "aminmax", "any", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere", "asin", "asinh", "atan", "atan2", "atanh",
    "atleast_1d", "atleast_2d", "atleast_3d", "baddbmm", "bincount", "bitwise_and", "bitwise_not", "bitwise_or",
    "bitwise_xor", "block_diag", "bmm", "broadcast_shapes", "broadcast_tensors", "broadcast_to", "bucketize",
    "cartesian_prod", "cat", "cdist", "ceil", "chain_matmul", "cholesky", "cholesky_solve", "chunk", "clamp",
    "clamp_max", "clamp_min", "clip", "column_stack", "combinations", "concat", "concatenate", "copysign",
    "corrcoef", "cos", "cosh", "count_nonzero", "cov", "cross", "cummax", "cummin", "cumprod", "cumsum", "deg2rad",
    "det", "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "diff", "dist", "div",
    "divide", "dot", "dsplit", "dstack", "einsum", "eq", "equal", "erf", "erfc", "erfinv", "exp", "exp2", "expm1",
    "fix", "flatten", "flip", "fliplr", "flipud", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod",
    "frac", "gather", "ge", "ger", "greater", "greater_equal", "gt", "heaviside", "histc", "histogram", "hsplit",
    "hstack", "hypot", "index_add", "index_copy", "index_fill", "index_put", "index_select", "inner", "inverse",
    "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "kron", "kthvalue", "le",
    "lerp", "less", "less_equal", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logaddexp2",
    "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logsumexp", "lt",
    "masked_fill", "masked_scatter", "masked_select", "matmul", "matrix_power", "max", "maximum", "mean", "median",
    "meshgrid", "min", "minimum", "mm", "mode", "moveaxis", "movedim", "msort", "mul", "multiply", "mv",
    "nan_to_num", "nanmean", "nanmedian", "nansum", "narrow", "ne", "neg", "negative", "nonzero", "norm",
    "not_equal", "numel", "outer", "permute", "pinverse", "positive", "pow", "prod", "qr", "quantile", "rad2deg",
    "ravel", "reciprocal", "relu", "remainder", "repeat_interleave", "reshape", "roll", "rot90", "round",
    "row_stack", "rsqrt", "rsub", "scatter", "scatter_add", "scatter_reduce", "searchsorted", "select",
    "select_scatter", "sgn", "sigmoid", "sign", "signbit", "sin", "sinh", "slice_scatter", "slogdet", "softmax",
    "sort", "split", "split_with_sizes", "sqrt", "square", "squeeze", "stack", "std", "std_mean", "sub", "subtract",
    "sum", "svd", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan", "tanh", "tensor_split", "tensordot",
    "tile", "topk", "trace", "transpose", "trapezoid", "trapz", "tril", "tril_indices", "triu", "triu_indices",
    "true_divide", "trunc", "unbind", "unflatten", "unique", "unique_consecutive", "unsqueeze", "vander", "var",
    "var_mean", "vdot", "vsplit", "vstack", "where", "xlogy",
]
# fmt: on
