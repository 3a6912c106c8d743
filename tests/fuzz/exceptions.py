"""Where this library answers otherwise than PyTorch, one line each with its reason; all else that differs is a failure.

A line holds for a program that was made as small as it gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.fuzz.compare import Difference
from tests.fuzz.program import Program
from tests.fuzz.run import Refused


@dataclass(frozen=True)
class Exempt:
    """One line of the table.

    Attributes:
        pattern: is found in the line whose value differs, or in one of the program whose gradients do.
        levels, kinds: of the difference.
        message: is found in the error of the one that refuses.
        beside: is found in some line of the program.
    """

    pattern: str
    levels: str
    kinds: str
    reason: str
    message: str = ""
    beside: str = ""

    def holds(self, program: Program, difference: Difference) -> bool:
        error = next((x for x in (difference.found, difference.expected) if isinstance(x, Refused)), None)
        lines = program.lines if difference.line is None else program.lines[difference.line : difference.line + 1]
        return (
            difference.kind in self.kinds.split()
            and difference.level in self.levels.split()
            and (not self.message or (error is not None and re.search(self.message, str(error)) is not None))
            and any(re.search(self.pattern, str(line)) for line in lines)
            and any(re.search(self.beside, str(line)) for line in program.lines)
        )


ALL = "value gradient second"
DERIVATIVES = "gradient second"
INDEX = r"\[.*(xp\.tensor\(\d|\.sum\(\)\.clamp)"

CHOICES = (
    r"where|relu|clamp|maximum|minimum|fmax|fmin|clip|masked|hard|threshold|margin|nansum|nanmean|\[|copy_|fill|scatter|index_|triu|tril"
    r"|max|min|pad|diag|split|chunk|narrow|select|unfold|roll|take|gather|nan_to_num|zero_|shrink|elu|topk|sort|median"
)
PIECES = "relu|hard|threshold|shrink|clamp|clip|maximum|minimum|max|min|logit|quantile|logdet"
STEPS = r"round|floor|ceil|trunc|sign|heaviside|//|floor_divide|zero_|fill_|rounding_mode"

EXCEPTIONS = (
    # PyTorch refuses what is answered here
    Exempt("", ALL, "accepted", "no kernel for the dtype", "not implemented|not supported|not yet implemented|types$"),
    Exempt(
        "",
        ALL,
        "accepted",
        "several dtypes meet here, as in `+`",
        "dtype|scalar type|did not match|promot|expected.*but|should be the same",
    ),
    Exempt("", DERIVATIVES, "accepted", "no derivative there", "derivative for .* not implemented|not differentiable"),
    Exempt("", DERIVATIVES, "accepted", "the zeros of a constant", "does not require grad and does not have a grad_fn"),
    Exempt(
        "", DERIVATIVES, "accepted", "a write to one row is taken for one to all", "modified by an inplace operation"
    ),
    Exempt(
        "",
        ALL,
        "accepted",
        "a view that is one of several is refused there, and so is one that was made in no_grad mode",
        "is a view and|view was created in no_grad mode",
    ),
    Exempt("", "value", "accepted", "of nothing there is a copy here", "a leaf Variable", beside=r"diff|\] = "),
    Exempt(
        "", "value", "refused", "half precision has no factors, also where there is nothing", "unsupported in linalg"
    ),
    Exempt("", "value", "accepted", "memory that overlaps is copied here", "refer to a single memory location"),
    Exempt("", "value", "accepted", "a result that is contiguous here", "view size is not compatible"),
    Exempt("quantile", "value", "accepted", "the quantiles of no rows are none", "input tensor must be non-empty"),
    Exempt(r"F\.pad", "value", "accepted", "what is cut off and put back in one call", "length must be non-negative"),
    Exempt("clamp", ALL, "accepted", "bounds that broadcast beyond the input", "doesn't match the broadcast shape"),
    Exempt("", "value", "accepted", "unfold copies here (docs/memory.md)", "a view of a leaf", beside="unfold"),
    Exempt("", "value", "accepted", "a tensor as index copies here (docs/memory.md)", "a view of a leaf", beside=INDEX),
    # this library refuses a gradient that PyTorch has: another value was saved and then overwritten
    Exempt("", DERIVATIVES, "refused", "what a rule saves differs", "modified by an inplace operation"),
    # the derivative where there is none: docs/operations.md, Conventions at kinks
    Exempt("atan2", DERIVATIVES, "nan", "no limit at (0, 0): NaN; PyTorch answers 0"),
    Exempt("hypot", DERIVATIVES, "number", "the subgradient of least norm at (0, 0); PyTorch divides 0 by 0"),
    Exempt(
        r"F\.(c|s)?elu|prelu|softshrink", "second", "wrong", "the kink at 0 belongs to the negative side, at each order"
    ),
    Exempt("det", DERIVATIVES, "accepted", "the slopes of a singular matrix are NaN", "is singular"),
    Exempt("clamp", DERIVATIVES, "wrong", "bounds that meet or cross: PyTorch gives the gradient to neither"),
    Exempt(r"\*\*|pow", "second", "nan", "the logarithm of a negative base at an exponent of 0"),
    Exempt("solve_triangular", "value gradient", "nan", "NaN spreads over its column, as in solve"),
    Exempt(r"linalg\.\w*norm", DERIVATIVES, "nan", "the slope of a norm has none at 0, nor one with p < 1 beside a 0"),
    Exempt(
        "svd|matrix_norm|cond|eig",
        DERIVATIVES,
        "nan",
        "values that are equal or 0 have no slope, or their vectors none",
    ),
    Exempt("svdvals|nuc", DERIVATIVES, "wrong", "a singular value of 0 is a kink: any slope of the two sides"),
    Exempt("eig|svd|cond|norm|inv|det|qr|solve", "value", "nan", "factors of what is not finite are NaN"),
    Exempt("eig|svd|cond|norm|inv|cholesky", ALL, "accepted", "the same", "failed to converge|could not be completed"),
    Exempt("slogdet", "value", "wrong", "the same: its sign, too", beside="slogdet"),
    Exempt("det", DERIVATIVES, "number", "a cofactor that nothing unknown enters"),
    Exempt("entropy_with_logits|multilabel_soft", "value", "number", "an infinite logit costs nothing, or infinitely"),
    Exempt(r"pow\(.*, 0\)", "gradient", "nan", "an infinite slope behind a power that is constant"),
    Exempt("normalize", "second", "number", "linear below eps; PyTorch's norm has no second slope at 0"),
    Exempt("qr", DERIVATIVES, "nan", "Q of a matrix of deficient rank is not determined, and has no slope"),
    Exempt("solve_triangular", ALL, "refused", "a singular triangle is refused, as solve does", "is singular"),
    Exempt("var|std", "second", "number", "fewer values than degrees of freedom: no slope to differentiate"),
    Exempt("var|std", DERIVATIVES, "nan", "fewer values than degrees of freedom: no slope; PyTorch divides by 0"),
    Exempt("copysign", DERIVATIVES, "number", "the sign of a zero is a sign: the slope is +-1"),
    Exempt(
        "binary_cross_entropy", DERIVATIVES, "wrong", "a probability of 0 or 1: PyTorch bounds p (1 - p) from below"
    ),
    # what was not chosen has no influence: docs/numerics.md
    Exempt(CHOICES, DERIVATIVES, "number", "what was not chosen has no influence: 0, not NaN"),
    Exempt(
        "trace|einsum|logit.*eps", DERIVATIVES, "number", "the same: what is off the diagonal, or beyond the bounds"
    ),
    Exempt(r"\[\[.*\] = ", DERIVATIVES, "wrong", "of several writes to one place the last counts; PyTorch counts each"),
    Exempt("", DERIVATIVES, "wrong", "a hook before a write is called; PyTorch loses it on a view", beside="hook"),
    Exempt(STEPS, DERIVATIVES, "number", "behind a step nothing has an influence: 0, not NaN"),
    Exempt("scaled_dot_product", ALL, "number", "what a mask hides has no influence: 0, not NaN"),
    # NaN: the value is not known, and nothing is said of it
    Exempt(PIECES, DERIVATIVES, "nan", "NaN in a function of pieces: its slope is NaN, PyTorch's that of a piece"),
    Exempt("log|atanh", DERIVATIVES, "nan", "outside of its domain a function has no slope; PyTorch's is 1 / x"),
    Exempt(
        "interpolate|quantile", ALL, "number", "an infinity without a share has no influence; PyTorch takes it by 0"
    ),
    Exempt("logit", "second", "number", "the limit of the second slope at 0 and 1"),
    Exempt("log(cum)?sumexp", DERIVATIVES, "wrong number", "the limit of the slope at an infinity"),
    Exempt("sign|heaviside", ALL, "nan", "NaN has no sign: NaN, where PyTorch answers 0"),
    Exempt("var_mean|std_mean", "value", "number", "the mean of infinities; PyTorch's is updated term by term"),
    Exempt("topk|sort|kthvalue|mode|median", ALL, "wrong", "which one of equal elements is not laid down"),
    Exempt("eigh", "value", "wrong", "any basis of the eigenvectors of equal eigenvalues"),
    Exempt("solve|inv", "value", "accepted refused", "singular but for a rounding", "is singular"),
    Exempt(
        "erf|atan|tanh|sigmoid|exp|div|/|acosh|asinh", DERIVATIVES, "number", "the limit of the slope at an infinity, 0"
    ),
    Exempt("xlogy", DERIVATIVES, "wrong number", "0 log y is 0 for every y: the slope by y is 0"),
    Exempt(
        "scatter_reduce", "second", "accepted", "PyTorch has no second derivative there", "Double backward is unsup"
    ),
    Exempt("signbit", "value", "wrong", "the sign bit of a NaN means nothing"),
    Exempt("trapezoid", "value", "wrong sign", "the sum of the trapezoids, also of none"),
    Exempt("hook", "value", "refused", "a constant here, zeros there", "doesn't require gradient"),
    Exempt("multi_margin", ALL, "nan", "NaN among the scores is NaN; PyTorch drops it"),
    # PyTorch rounds, or computes what is not there
    Exempt("scatter_reduce", DERIVATIVES, "wrong", "the product of the others; PyTorch divides by the element"),
    Exempt("copysign", "second", "wrong", "linear in the number: 0; PyTorch divides and leaves a rounding"),
    Exempt(r".= v\d+$", "value", "wrong", "what is written is read first; PyTorch writes while it reads"),
    Exempt("det", DERIVATIVES, "wrong", "the cofactors of a singular matrix; PyTorch answers 0"),
    Exempt(r"\*\*|pow", "second", "number", "PyTorch multiplies 0 by an infinity"),
    Exempt("%|remainder|fmod", "second", "number", "the slope of a remainder is a step, and has no slope"),
    Exempt("sqrt.*max|max.*sqrt", "second", "wrong", "a tie of which one is the root of 0: PyTorch is not continuous"),
    Exempt("kl_div", "value", "wrong", "computed wide of probabilities in float16"),
    Exempt("gaussian_nll", DERIVATIVES, "wrong", "the slope of max(var, eps); PyTorch's is that of var"),
    Exempt("cosine", "value", "number", "float16 squares overflow in PyTorch"),
    Exempt("mode", "value", "number", "of those that are as common the smallest, and NaN is none"),
    Exempt("erfinv", "second", "nan", "an infinite slope has none"),
    Exempt("scaled_dot", "second", "wrong", "scores of 1e8 that are rounded"),
    Exempt("", DERIVATIVES, "accepted", "a hook is called with zeros, where PyTorch hands on None", "NoneType"),
    Exempt("", DERIVATIVES, "wrong", "x / x is constant; PyTorch leaves a rounding", beside=r"div\((v\d+), \1\)"),
    Exempt("addcdiv", "gradient", "nan", "the slope of an empty sum, times an infinity"),
    Exempt("addcdiv", "second", "wrong", "float16: terms of 1e4 and 1e2 that cancel, each rounded otherwise"),
    Exempt("log", "value", "wrong", "the logarithm of a rounding: a divergence from itself", beside="kl_div"),
    Exempt("adaptive_avg_pool", DERIVATIVES, "nan", "an infinite slope times the 0 that another window has there"),
    Exempt("%|remainder", "value", "number", "a mean that is 0 but for a rounding", beside="avg_pool"),
    Exempt("huber|with_logits|einsum|solve_tri", "value", "dtype", "dtypes meet as in `+`; PyTorch takes one of them"),
    Exempt("unique", "value", "shape", "equal but for a rounding", beside="svd|cross|@|mean|einsum|linalg"),
    Exempt("log|sqrt", "value", "nan number wrong", "a 0 but for a rounding", beside="svd|qr"),
    Exempt(
        "pinv|inv|solve", "value", "wrong", "a rounding of what was written, which the judge moves not", beside=r"_\("
    ),
    Exempt("", "value", "accepted", "of nothing a norm has a slope, too", "doesn't require gradient"),
    Exempt("local_response", "value", "wrong", "float16 squares overflow in PyTorch"),
    Exempt("normalize", "value", "number", "eps is 0 in float16"),
    Exempt("matrix_power", "value", "nan number", "which products of infinities come first"),
    Exempt("qr", "value", "number", "columns that are not finite beside those that are factorized"),
    Exempt(
        "", ALL, "wrong number", "x cross x is 0; PyTorch fuses and leaves a rounding", beside=r"cross\((v\d+), \1\)"
    ),
    Exempt("", ALL, "wrong", "1 minus the cosine of 0 is a rounding", beside=r"cosine_\w+\((v\d+), \1,"),
    Exempt("hardsigmoid", DERIVATIVES, "wrong", "a sixth, which PyTorch rounds to float32"),
    Exempt("dist|triplet", "second", "number", "the slopes of a distance to itself cancel, also where it is not known"),
    Exempt("softsign", ALL, "number", "the limit at an infinity"),
    Exempt("glu|silu", "second", "nan", "an infinite operand: its two terms are infinities of both signs"),
    Exempt(
        r"vector_norm|normalize|xp\.norm",
        DERIVATIVES,
        "wrong",
        "x / |x| of one number is constant; PyTorch leaves a rounding",
    ),
    Exempt("batch_norm", ALL, "number", "an infinite weight times the deviation; PyTorch subtracts infinities"),
    Exempt(r"\*\*|pow", "second", "wrong", "PyTorch drops the slope by base and exponent where the exponent is 0"),
    Exempt("trapezoid", ALL, "number", "the sum of the trapezoids; PyTorch subtracts the ends from a sum"),
    Exempt(r"\*\*|pow", "value", "number", "powers of infinities as in IEEE 754; PyTorch goes by way of a root"),
    Exempt("prod", DERIVATIVES, "number", "the product of the others, also beside an infinity or NaN"),
    Exempt("hinge_embedding", ALL, "wrong", "targets other than 1 and -1 are outside the definition"),
    Exempt("", ALL, "sign", "the sign of a zero that was divided by"),
    Exempt("all|any", "value", "dtype", "truth values; PyTorch keeps uint8"),
    Exempt("", "value", "wrong", "unfold copies here (docs/memory.md)", beside="unfold"),
    Exempt(
        "",
        "value",
        "refused",
        "memory that is expanded is read-only (docs/memory.md)",
        "read-only",
        beside="expand|broadcast|meshgrid",
    ),
    Exempt("", "value", "refused", "integers to negative powers are no integers", "negative integer powers"),
    Exempt("", "value", "refused", "a number outside of the dtype", "out of bounds for u?int"),
    Exempt("select_scatter", "value", "accepted", "what is put in broadcasts", "equal to the slice"),
)


def exception_of(program: Program, difference: Difference, table: Iterable[Exempt] = EXCEPTIONS) -> Exempt | None:
    """The line of the table that the difference falls under."""
    return next((x for x in table if x.holds(program, difference)), None)
