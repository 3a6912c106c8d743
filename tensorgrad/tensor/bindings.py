"""The functions that are methods of Tensor: each name bound once.

What the table holds is bound to the primitive itself; functions with PyTorch's keyword arguments are bound as they are.
"""

from __future__ import annotations

from typing import Any

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions import (
    arithmetic,
    comparisons,
    counting,
    decompositions,
    diagonals,
    differences,
    elementwise,
    factors,
    indexing,
    joining,
    matrices,
    norms,
    ordering,
    placement,
    products,
    ranks,
    reductions,
    repetition,
    shapes,
)

from .protocols import State
from .tensortypes import is_nonzero


class Bindings(State):
    """The part of Tensor's methods that is also a function of the package."""

    __slots__ = ()

    # functions of each element
    abs = absolute = ops.abs
    acos = arccos = ops.acos
    acosh = arccosh = ops.acosh
    asin = arcsin = ops.asin
    asinh = arcsinh = ops.asinh
    atan = arctan = ops.atan
    atanh = arctanh = ops.atanh
    bitwise_not = ops.bitwise_not
    ceil = ops.ceil
    cos = ops.cos
    cosh = ops.cosh
    erf = ops.erf
    erfc = ops.erfc
    erfinv = ops.erfinv
    exp = ops.exp
    exp2 = ops.exp2
    expm1 = ops.expm1
    floor = ops.floor
    log = ops.log
    log10 = ops.log10
    log1p = ops.log1p
    log2 = ops.log2
    neg = negative = ops.neg
    relu = ops.relu
    sigmoid = ops.sigmoid
    sign = sgn = ops.sign
    sin = ops.sin
    sinh = ops.sinh
    sqrt = ops.sqrt
    tan = ops.tan
    tanh = ops.tanh
    trunc = fix = ops.trunc
    round = ops.round
    positive = elementwise.positive
    square = elementwise.square
    reciprocal = elementwise.reciprocal
    rsqrt = elementwise.rsqrt
    frac = elementwise.frac
    deg2rad = elementwise.deg2rad
    rad2deg = elementwise.rad2deg
    logit = elementwise.logit
    xlogy = elementwise.xlogy
    clamp = clip = elementwise.clamp
    clamp_min = elementwise.clamp_min
    clamp_max = elementwise.clamp_max
    nan_to_num = elementwise.nan_to_num
    softmax = elementwise.softmax
    log_softmax = elementwise.log_softmax

    # functions of two or three tensors
    mul = multiply = ops.mul
    floor_divide = ops.floor_divide
    remainder = ops.remainder
    fmod = ops.fmod
    atan2 = arctan2 = ops.atan2
    hypot = ops.hypot
    logaddexp = ops.logaddexp
    maximum = ops.maximum
    minimum = ops.minimum
    bitwise_and = ops.bitwise_and
    bitwise_or = ops.bitwise_or
    bitwise_xor = ops.bitwise_xor
    add = arithmetic.add
    sub = subtract = arithmetic.sub
    div = divide = true_divide = arithmetic.div
    pow = arithmetic.pow
    float_power = arithmetic.float_power
    fmax = arithmetic.fmax
    fmin = arithmetic.fmin
    copysign = arithmetic.copysign
    lerp = arithmetic.lerp
    logaddexp2 = arithmetic.logaddexp2
    addcmul = arithmetic.addcmul
    addcdiv = arithmetic.addcdiv
    heaviside = arithmetic.heaviside

    # questions
    eq = ops.eq
    ne = not_equal = ops.ne
    lt = less = ops.lt
    le = less_equal = ops.le
    gt = greater = ops.gt
    ge = greater_equal = ops.ge
    logical_not = ops.logical_not
    logical_and = comparisons.logical_and
    logical_or = comparisons.logical_or
    logical_xor = comparisons.logical_xor
    isnan = comparisons.isnan
    isfinite = comparisons.isfinite
    isinf = comparisons.isinf
    isposinf = comparisons.isposinf
    isneginf = comparisons.isneginf
    isreal = comparisons.isreal
    signbit = comparisons.signbit
    isclose = comparisons.isclose
    allclose = comparisons.allclose
    equal = comparisons.equal
    all = comparisons.all
    any = comparisons.any
    is_nonzero = is_nonzero

    # sums, means, products
    sum = reductions.sum
    mean = reductions.mean
    nansum = reductions.nansum
    nanmean = reductions.nanmean
    prod = reductions.prod
    var = reductions.var
    std = reductions.std
    logsumexp = reductions.logsumexp
    count_nonzero = reductions.count_nonzero
    cumsum = reductions.cumsum
    cumprod = reductions.cumprod
    logcumsumexp = reductions.logcumsumexp
    cov = reductions.cov
    corrcoef = reductions.corrcoef

    # order
    max = ordering.max
    min = ordering.min
    amax = ordering.amax
    amin = ordering.amin
    aminmax = ordering.aminmax
    argmax = ordering.argmax
    argmin = ordering.argmin
    sort = ordering.sort
    msort = ordering.msort
    argsort = ordering.argsort
    topk = ordering.topk
    cummax = ordering.cummax
    cummin = ordering.cummin
    kthvalue = ranks.kthvalue
    median = ranks.median
    mode = ranks.mode
    nanmedian = ranks.nanmedian
    quantile = ranks.quantile

    # products of vectors and matrices
    matmul = products.matmul
    mm = products.mm
    bmm = products.bmm
    mv = products.mv
    dot = vdot = products.dot
    outer = ger = products.outer
    inner = products.inner
    addmm = products.addmm
    addmv = products.addmv
    addr = products.addr
    baddbmm = products.baddbmm
    addbmm = products.addbmm
    kron = products.kron
    cross = products.cross

    # matrices
    inverse = matrices.inverse
    det = matrices.det
    slogdet = matrices.slogdet
    logdet = matrices.logdet
    cholesky = decompositions.cholesky
    cholesky_solve = decompositions.cholesky_solve
    pinverse = matrices.pinverse
    matrix_power = matrices.matrix_power
    svd = factors.svd
    qr = factors.qr

    # norms
    norm = norms.norm
    dist = norms.dist

    # diagonals and triangles
    diagonal = diagonals.diagonal
    diag_embed = diagonals.diag_embed
    diag = diagonals.diag
    diagflat = diagonals.diagflat
    trace = diagonals.trace
    tril = diagonals.tril
    triu = diagonals.triu

    # shapes
    reshape = shapes.reshape
    view = shapes.view
    view_as = shapes.view_as
    reshape_as = shapes.reshape_as
    ravel = shapes.ravel
    flatten = shapes.flatten
    unflatten = shapes.unflatten
    squeeze = shapes.squeeze
    unsqueeze = shapes.unsqueeze
    permute = shapes.permute
    transpose = swapdims = shapes.transpose
    swapaxes = shapes.swapaxes
    movedim = moveaxis = shapes.movedim
    t = shapes.t
    adjoint = shapes.adjoint
    broadcast_to = expand = shapes.broadcast_to
    expand_as = shapes.expand_as
    sum_to_size = shapes.sum_to_size

    # repetition and windows
    repeat = repetition.repeat
    tile = repetition.tile
    repeat_interleave = repetition.repeat_interleave
    flip = repetition.flip
    fliplr = repetition.fliplr
    flipud = repetition.flipud
    roll = repetition.roll
    rot90 = repetition.rot90
    unfold = repetition.unfold

    # parts
    split = joining.split
    chunk = joining.chunk
    tensor_split = joining.tensor_split
    unbind = joining.unbind
    diff = differences.diff
    split_with_sizes = joining.split_with_sizes
    hsplit = joining.hsplit
    vsplit = joining.vsplit
    dsplit = joining.dsplit

    # elements at positions
    select = indexing.select
    narrow = indexing.narrow
    index_select = indexing.index_select
    masked_select = indexing.masked_select
    take = indexing.take
    gather = indexing.gather
    take_along_dim = indexing.take_along_dim
    nonzero = indexing.nonzero
    argwhere = indexing.argwhere

    # elements put in at positions
    scatter_reduce = placement.scatter_reduce
    index_put = placement.index_put
    select_scatter = placement.select_scatter
    slice_scatter = placement.slice_scatter
    diagonal_scatter = placement.diagonal_scatter
    masked_fill = placement.masked_fill
    scatter = placement.scatter
    scatter_add = placement.scatter_add
    index_add = placement.index_add
    index_copy = placement.index_copy
    index_fill = placement.index_fill
    masked_scatter = placement.masked_scatter

    # counts
    unique = counting.unique
    unique_consecutive = counting.unique_consecutive
    bincount = counting.bincount
    histc = counting.histc
    histogram = counting.histogram

    def where(self: Any, condition: Any, other: Any) -> Tensor:
        """Return the elements of this tensor where `condition` holds, of `other` elsewhere."""
        tensor: Tensor = indexing.where(condition, self, other)
        return tensor
