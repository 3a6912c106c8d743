"""The table of the surface: one row for every operation, with all the names that it has.

A row is a function and its names. A name alone is both a function of the package and a method of Tensor; ``.repeat`` is
only a method, ``tg.stack`` only a function. ``exp_``, with the underscore at its end, is the form of `exp` that writes
over the tensor. An operation of the table of primitives is bound to the class as it is, for speed; its function of the
package takes ``out=`` as well. To add an operation: one record in `ops`, one row here. The files of the functions are
loaded when one of their names is first used.

Methods that are no operations, as shape and backward, stand in `protocols`, `conversions`, `operators` and `inplace`.
"""

from __future__ import annotations

from tensorgrad.base import dtypes
from tensorgrad.base.caching import Later

from . import operators
from .conversions import converter
from .row import Row

ops = Later("tensorgrad.ops")
hooks = Later("tensorgrad.autograd.hooks")
sampling = Later("tensorgrad.create.sampling")
inplace = Later("tensorgrad.tensor.inplace")
storages = Later("tensorgrad.tensor.storages")
tensortypes = Later("tensorgrad.tensor.tensortypes")
arithmetic = Later("tensorgrad.functions.arithmetic")
comparisons = Later("tensorgrad.functions.comparisons")
counting = Later("tensorgrad.functions.counting")
decompositions = Later("tensorgrad.functions.decompositions")
diagonals = Later("tensorgrad.functions.diagonals")
differences = Later("tensorgrad.functions.differences")
einsum = Later("tensorgrad.functions.einsum")
elementwise = Later("tensorgrad.functions.elementwise")
factors = Later("tensorgrad.functions.factors")
indexing = Later("tensorgrad.functions.indexing")
joining = Later("tensorgrad.functions.joining")
matrices = Later("tensorgrad.functions.matrices")
norms = Later("tensorgrad.functions.norms")
ordering = Later("tensorgrad.functions.ordering")
placement = Later("tensorgrad.functions.placement")
products = Later("tensorgrad.functions.products")
ranks = Later("tensorgrad.functions.ranks")
reductions = Later("tensorgrad.functions.reductions")
repetition = Later("tensorgrad.functions.repetition")
shapes = Later("tensorgrad.functions.shapes")


# fmt: off
ROWS = (
    # functions of each element
    Row(ops.abs, "abs absolute abs_ .absolute_"),
    Row(ops.acos, "acos arccos acos_ arccos_"),
    Row(ops.acosh, "acosh arccosh acosh_ arccosh_"),
    Row(ops.asin, "asin arcsin asin_ arcsin_"),
    Row(ops.asinh, "asinh arcsinh asinh_ arcsinh_"),
    Row(ops.atan, "atan arctan atan_ arctan_"),
    Row(ops.atanh, "atanh arctanh atanh_ arctanh_"),
    Row(ops.bitwise_not, "bitwise_not .bitwise_not_"),
    Row(ops.ceil, "ceil ceil_"),
    Row(ops.cos, "cos cos_"),
    Row(ops.cosh, "cosh cosh_"),
    Row(ops.erf, "erf erf_"),
    Row(ops.erfc, "erfc erfc_"),
    Row(ops.erfinv, "erfinv .erfinv_"),
    Row(ops.exp, "exp exp_"),
    Row(ops.exp2, "exp2 exp2_"),
    Row(ops.expm1, "expm1 expm1_"),
    Row(ops.floor, "floor floor_"),
    Row(ops.log, "log log_"),
    Row(ops.log10, "log10 log10_"),
    Row(ops.log1p, "log1p log1p_"),
    Row(ops.log2, "log2 log2_"),
    Row(ops.neg, "neg negative neg_ negative_"),
    Row(ops.relu, "relu relu_"),
    Row(ops.sigmoid, "sigmoid sigmoid_"),
    Row(ops.sign, "sign sgn .sign_ .sgn_"),
    Row(ops.sin, "sin sin_"),
    Row(ops.sinh, "sinh sinh_"),
    Row(ops.sqrt, "sqrt sqrt_"),
    Row(ops.tan, "tan tan_"),
    Row(ops.tanh, "tanh tanh_"),
    Row(ops.trunc, "trunc fix trunc_ fix_"),
    Row(elementwise.round, "round round_", method=ops.round),
    Row(elementwise.positive, "positive"),
    Row(elementwise.square, "square square_"),
    Row(elementwise.reciprocal, "reciprocal reciprocal_"),
    Row(elementwise.rsqrt, "rsqrt rsqrt_"),
    Row(elementwise.frac, "frac frac_"),
    Row(elementwise.deg2rad, "deg2rad deg2rad_"),
    Row(elementwise.rad2deg, "rad2deg rad2deg_"),
    Row(elementwise.logit, "logit logit_"),
    Row(elementwise.xlogy, "xlogy xlogy_"),
    Row(ops.lgamma, "lgamma .lgamma_"),
    Row(ops.digamma, "digamma .digamma_"),
    Row(elementwise.polygamma, "polygamma .polygamma_", method=operators.polygamma),
    Row(elementwise.mvlgamma, "mvlgamma .mvlgamma_"),
    Row(ops.i0, "i0 i0_"),
    Row(elementwise.sinc, "sinc sinc_"),
    Row(elementwise.clamp, "clamp clip clamp_ clip_"),
    Row(elementwise.clamp_min, "clamp_min clamp_min_"),
    Row(elementwise.clamp_max, "clamp_max clamp_max_"),
    Row(elementwise.nan_to_num, "nan_to_num nan_to_num_"),
    Row(elementwise.softmax, "softmax"),
    Row(elementwise.log_softmax, "log_softmax"),

    # functions of two or three tensors
    Row(ops.mul, "mul multiply .mul_ .multiply_"),
    Row(ops.floor_divide, "floor_divide .floor_divide_"),
    Row(ops.remainder, "remainder .remainder_"),
    Row(ops.fmod, "fmod .fmod_"),
    Row(ops.atan2, "atan2 arctan2 .atan2_ .arctan2_"),
    Row(ops.hypot, "hypot .hypot_"),
    Row(ops.logaddexp, "logaddexp"),
    Row(arithmetic.logaddexp2, "logaddexp2"),
    Row(ops.maximum, "maximum"),
    Row(ops.minimum, "minimum"),
    Row(ops.bitwise_and, "bitwise_and .bitwise_and_"),
    Row(ops.bitwise_or, "bitwise_or .bitwise_or_"),
    Row(ops.bitwise_xor, "bitwise_xor .bitwise_xor_"),
    Row(arithmetic.bitwise_left_shift, "bitwise_left_shift .bitwise_left_shift_"),
    Row(arithmetic.bitwise_right_shift, "bitwise_right_shift .bitwise_right_shift_"),
    Row(arithmetic.add, "add .add_"),
    Row(arithmetic.sub, "sub subtract .sub_ .subtract_"),
    Row(arithmetic.rsub, "tg.rsub"),
    Row(arithmetic.div, "div divide true_divide .div_ .divide_ .true_divide_"),
    Row(arithmetic.pow, "pow .pow_"),
    Row(arithmetic.float_power, "float_power .float_power_"),
    Row(arithmetic.fmax, "fmax"),
    Row(arithmetic.fmin, "fmin"),
    Row(arithmetic.copysign, "copysign .copysign_"),
    Row(arithmetic.lerp, "lerp .lerp_"),
    Row(arithmetic.addcmul, "addcmul .addcmul_"),
    Row(arithmetic.addcdiv, "addcdiv .addcdiv_"),
    Row(arithmetic.heaviside, "heaviside .heaviside_"),

    # questions
    Row(ops.eq, "eq .eq_"),
    Row(ops.ne, "ne not_equal .ne_ .not_equal_"),
    Row(ops.lt, "lt less .lt_ .less_"),
    Row(ops.le, "le less_equal .le_ .less_equal_"),
    Row(ops.gt, "gt greater .gt_ .greater_"),
    Row(ops.ge, "ge greater_equal .ge_ .greater_equal_"),
    Row(comparisons.logical_not, "logical_not .logical_not_", method=ops.logical_not),
    Row(comparisons.logical_and, "logical_and .logical_and_"),
    Row(comparisons.logical_or, "logical_or .logical_or_"),
    Row(comparisons.logical_xor, "logical_xor .logical_xor_"),
    Row(comparisons.isnan, "isnan"),
    Row(comparisons.isfinite, "isfinite"),
    Row(comparisons.isinf, "isinf"),
    Row(comparisons.isposinf, "isposinf"),
    Row(comparisons.isneginf, "isneginf"),
    Row(comparisons.isreal, "isreal"),
    Row(comparisons.signbit, "signbit"),
    Row(comparisons.isclose, "isclose"),
    Row(comparisons.allclose, "allclose"),
    Row(comparisons.equal, "equal"),
    Row(comparisons.all, "all"),
    Row(comparisons.any, "any"),
    Row(comparisons.isin, "tg.isin"),
    Row(tensortypes.is_nonzero, "is_nonzero"),
    Row(tensortypes.is_tensor, "tg.is_tensor"),
    Row(tensortypes.is_complex, "tg.is_complex"),
    Row(tensortypes.is_floating_point, "tg.is_floating_point"),

    # sums, means, products
    Row(reductions.sum, "sum"),
    Row(reductions.mean, "mean"),
    Row(reductions.nansum, "nansum"),
    Row(reductions.nanmean, "nanmean"),
    Row(reductions.prod, "prod"),
    Row(reductions.var, "var"),
    Row(reductions.std, "std"),
    Row(reductions.var_mean, "tg.var_mean"),
    Row(reductions.std_mean, "tg.std_mean"),
    Row(reductions.logsumexp, "logsumexp"),
    Row(reductions.count_nonzero, "count_nonzero"),
    Row(reductions.cumsum, "cumsum .cumsum_"),
    Row(reductions.cumprod, "cumprod .cumprod_"),
    Row(reductions.logcumsumexp, "logcumsumexp"),
    Row(reductions.cov, "cov"),
    Row(reductions.corrcoef, "corrcoef"),

    # order
    Row(ordering.max, "max"),
    Row(ordering.min, "min"),
    Row(ordering.amax, "amax"),
    Row(ordering.amin, "amin"),
    Row(ordering.aminmax, "aminmax"),
    Row(ordering.argmax, "argmax"),
    Row(ordering.argmin, "argmin"),
    Row(ordering.sort, "sort"),
    Row(ordering.msort, "msort"),
    Row(ordering.argsort, "argsort"),
    Row(ordering.topk, "topk"),
    Row(ordering.cummax, "cummax"),
    Row(ordering.cummin, "cummin"),
    Row(ranks.kthvalue, "kthvalue"),
    Row(ranks.median, "median"),
    Row(ranks.mode, "mode"),
    Row(ranks.nanmedian, "nanmedian"),
    Row(ranks.quantile, "quantile"),

    # products of vectors and matrices
    Row(products.matmul, "matmul"),
    Row(products.mm, "mm"),
    Row(products.bmm, "bmm"),
    Row(products.mv, "mv"),
    Row(products.dot, "dot"),
    Row(products.vdot, "vdot"),
    Row(products.outer, "outer ger"),
    Row(products.inner, "inner"),
    Row(products.addmm, "addmm .addmm_"),
    Row(products.addmv, "addmv addmv_"),
    Row(products.addr, "addr .addr_"),
    Row(products.baddbmm, "baddbmm .baddbmm_"),
    Row(products.addbmm, "addbmm .addbmm_"),
    Row(products.kron, "kron"),
    Row(products.cross, "cross"),
    Row(products.tensordot, "tg.tensordot"),
    Row(products.chain_matmul, "tg.chain_matmul"),
    Row(einsum.einsum, "tg.einsum"),

    # matrices
    Row(matrices.inverse, "inverse"),
    Row(matrices.det, "det"),
    Row(matrices.slogdet, "slogdet"),
    Row(matrices.logdet, "logdet"),
    Row(decompositions.cholesky, "cholesky"),
    Row(decompositions.cholesky_solve, "cholesky_solve"),
    Row(matrices.pinverse, "pinverse"),
    Row(matrices.matrix_power, "matrix_power"),
    Row(factors.svd, "svd"),
    Row(factors.qr, "qr"),

    # norms
    Row(norms.norm, "norm"),
    Row(norms.dist, "dist"),
    Row(norms.cdist, "tg.cdist"),

    # diagonals and triangles
    Row(diagonals.diagonal, "diagonal"),
    Row(diagonals.diag_embed, "diag_embed"),
    Row(diagonals.diag, "diag"),
    Row(diagonals.diagflat, "diagflat"),
    Row(diagonals.trace, "trace"),
    Row(diagonals.tril, "tril .tril_"),
    Row(diagonals.triu, "triu .triu_"),
    Row(diagonals.tril_indices, "tg.tril_indices"),
    Row(diagonals.triu_indices, "tg.triu_indices"),
    Row(diagonals.vander, "tg.vander"),

    # shapes
    Row(shapes.reshape, "reshape"),
    Row(shapes.view, ".view"),
    Row(shapes.view_as, ".view_as"),
    Row(shapes.reshape_as, ".reshape_as"),
    Row(shapes.ravel, "ravel"),
    Row(shapes.flatten, "flatten"),
    Row(shapes.unflatten, "unflatten"),
    Row(shapes.squeeze, "squeeze .squeeze_", reshapes=True),
    Row(shapes.unsqueeze, "unsqueeze .unsqueeze_", reshapes=True),
    Row(shapes.permute, "permute"),
    Row(shapes.transpose, "transpose swapdims .transpose_ .swapdims_", reshapes=True),
    Row(shapes.swapaxes, "swapaxes .swapaxes_", reshapes=True),
    Row(shapes.movedim, "movedim moveaxis"),
    Row(shapes.t, "t .t_", reshapes=True),
    Row(shapes.adjoint, "adjoint"),
    Row(shapes.broadcast_to, "broadcast_to"),
    Row(shapes.expand, ".expand"),
    Row(shapes.expand_as, ".expand_as"),
    Row(shapes.sum_to_size, ".sum_to_size"),
    Row(shapes.numel, "tg.numel"),
    Row(shapes.broadcast_shapes, "tg.broadcast_shapes"),
    Row(shapes.broadcast_tensors, "tg.broadcast_tensors"),

    # repetition and windows
    Row(repetition.repeat, ".repeat"),
    Row(repetition.tile, "tile"),
    Row(repetition.repeat_interleave, "repeat_interleave"),
    Row(repetition.flip, "flip"),
    Row(repetition.fliplr, "fliplr"),
    Row(repetition.flipud, "flipud"),
    Row(repetition.roll, "roll"),
    Row(repetition.rot90, "rot90"),
    Row(repetition.unfold, ".unfold"),

    # parts
    Row(joining.split, "split"),
    Row(joining.chunk, "chunk"),
    Row(joining.tensor_split, "tensor_split"),
    Row(joining.unbind, "unbind"),
    Row(joining.split_with_sizes, "split_with_sizes"),
    Row(joining.hsplit, "hsplit"),
    Row(joining.vsplit, "vsplit"),
    Row(joining.dsplit, "dsplit"),

    # several as one
    Row(joining.cat, "tg.cat tg.concat tg.concatenate"),
    Row(joining.stack, "tg.stack"),
    Row(joining.hstack, "tg.hstack"),
    Row(joining.vstack, "tg.vstack tg.row_stack"),
    Row(joining.dstack, "tg.dstack"),
    Row(joining.column_stack, "tg.column_stack"),
    Row(joining.block_diag, "tg.block_diag"),
    Row(joining.atleast_1d, "tg.atleast_1d"),
    Row(joining.atleast_2d, "tg.atleast_2d"),
    Row(joining.atleast_3d, "tg.atleast_3d"),
    Row(joining.meshgrid, "tg.meshgrid"),
    Row(joining.cartesian_prod, "tg.cartesian_prod"),
    Row(joining.combinations, "tg.combinations"),

    # elements at positions
    Row(indexing.where, "where", method=operators.where),
    Row(indexing.select, "select"),
    Row(indexing.narrow, "narrow"),
    Row(indexing.index_select, "index_select"),
    Row(indexing.masked_select, "masked_select"),
    Row(indexing.take, "take"),
    Row(indexing.gather, "gather"),
    Row(indexing.take_along_dim, "take_along_dim"),
    Row(indexing.nonzero, "nonzero"),
    Row(indexing.argwhere, "argwhere"),

    # elements put in at positions
    Row(placement.scatter_reduce, "scatter_reduce .scatter_reduce_"),
    Row(placement.index_put, "index_put index_put_"),
    Row(placement.select_scatter, "select_scatter"),
    Row(placement.slice_scatter, "slice_scatter"),
    Row(placement.diagonal_scatter, "diagonal_scatter"),
    Row(placement.masked_fill, "masked_fill .masked_fill_"),
    Row(placement.scatter, "scatter .scatter_"),
    Row(placement.scatter_add, "scatter_add .scatter_add_"),
    Row(placement.index_add, "index_add .index_add_"),
    Row(placement.index_copy, "index_copy .index_copy_"),
    Row(placement.index_fill, "index_fill .index_fill_"),
    Row(placement.masked_scatter, "masked_scatter .masked_scatter_"),

    # counts
    Row(counting.unique, "unique"),
    Row(counting.unique_consecutive, "unique_consecutive"),
    Row(counting.bincount, "bincount"),
    Row(counting.histc, "histc"),
    Row(counting.histogram, "histogram"),
    Row(counting.searchsorted, "tg.searchsorted"),
    Row(counting.bucketize, "tg.bucketize"),

    # differences and integrals
    Row(differences.diff, "diff"),
    Row(differences.trapezoid, "tg.trapezoid tg.trapz"),

    # random numbers
    Row(sampling.bernoulli, "bernoulli"),
    Row(sampling.multinomial, "multinomial"),

    # another dtype
    Row(converter("half", dtypes.float16), ".half"),
    Row(converter("float", dtypes.float32), ".float"),
    Row(converter("double", dtypes.float64), ".double"),
    Row(converter("cfloat", dtypes.complex64), ".cfloat"),
    Row(converter("cdouble", dtypes.complex128), ".cdouble"),
    Row(converter("char", dtypes.int8), ".char"),
    Row(converter("byte", dtypes.uint8), ".byte"),
    Row(converter("short", dtypes.int16), ".short"),
    Row(converter("int", dtypes.int32), ".int"),
    Row(converter("long", dtypes.int64), ".long"),
    Row(converter("bool", dtypes.bool_, "Return whether each element is not zero."), ".bool"),
    Row(tensortypes.real, "tg.real"),
    Row(tensortypes.imag, "tg.imag"),
    Row(tensortypes.view_as_real, "tg.view_as_real"),
    Row(tensortypes.view_as_complex, "tg.view_as_complex"),

    # memory
    Row(storages.storage, ".storage"),
    Row(storages.untyped_storage, ".untyped_storage"),

    # hooks
    Row(hooks.on_gradient, ".register_hook"),
    Row(hooks.after_accumulation, ".register_post_accumulate_grad_hook"),
)
# fmt: on

WRITING = (
    "__setitem__", "bernoulli_", "copy_", "detach_", "exponential_", "fill_", "fill_diagonal_", "normal_", "random_",
    "resize_", "uniform_", "zero_",
)  # fmt: skip
"""The methods of `inplace.InPlace`: they write, and are no form of an operation."""

METHODS_AS_FUNCTIONS = ("clone", "conj", "detach", "detach_", "fill_", "get_device", "is_signed", "zero_")
"""The methods that are no operations and that PyTorch offers as functions too: ``torch.clone(x)`` is ``x.clone()``."""
