"""Where this library answers otherwise than PyTorch, one line each with its reason; all else that differs is a failure.

A line holds for a program that was made as small as it gets. One that is `waiting` is a fault that waits to be mended:
it fails a long fuzz once nothing needs it any more.
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
        waiting: a fault of this library that waits to be mended.
    """

    pattern: str
    levels: str
    kinds: str
    reason: str
    message: str = ""
    beside: str = ""
    waiting: bool = False

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
    r"where|relu|clamp|maximum|minimum|fmax|fmin|clip|masked|hard|threshold|\[|copy_|fill|scatter|index_|triu|tril"
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
        "dtype|scalar type|did not match|promot|expected.*but",
    ),
    Exempt("", DERIVATIVES, "accepted", "no derivative there", "derivative for .* not implemented|not differentiable"),
    Exempt("", DERIVATIVES, "accepted", "the zeros of a constant", "does not require grad and does not have a grad_fn"),
    Exempt(
        "", DERIVATIVES, "accepted", "a write to one row is taken for one to all", "modified by an inplace operation"
    ),
    Exempt(
        "", "value", "accepted", "a view that is one of several is refused there", "is a view and is being modified"
    ),
    Exempt("", "value", "accepted", "memory that overlaps is copied here", "refer to a single memory location"),
    Exempt("kron", "value", "accepted", "kron of a transposed operand fails there", "view size is not compatible"),
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
    Exempt("var|std", DERIVATIVES, "nan", "fewer values than degrees of freedom: no slope; PyTorch divides by 0"),
    Exempt("copysign", DERIVATIVES, "number", "the sign of a zero is a sign: the slope is +-1"),
    Exempt(
        "binary_cross_entropy", DERIVATIVES, "wrong", "a probability of 0 or 1: PyTorch bounds p (1 - p) from below"
    ),
    # what was not chosen has no influence: docs/numerics.md
    Exempt(CHOICES, DERIVATIVES, "number", "what was not chosen has no influence: 0, not NaN"),
    Exempt(STEPS, DERIVATIVES, "number", "behind a step nothing has an influence: 0, not NaN"),
    Exempt("scaled_dot_product", ALL, "number", "what a mask hides has no influence: 0, not NaN"),
    # NaN: the value is not known, and nothing is said of it
    Exempt(PIECES, DERIVATIVES, "nan", "NaN in a function of pieces: its slope is NaN, PyTorch's that of a piece"),
    Exempt("logsumexp", DERIVATIVES, "number", "the limit of the slope at an infinity"),
    Exempt("sign|heaviside", ALL, "nan", "NaN has no sign: NaN, where PyTorch answers 0"),
    Exempt("var_mean|std_mean", "value", "number", "the mean of infinities; PyTorch's is updated term by term"),
    Exempt("topk|sort|kthvalue|mode|median", ALL, "wrong", "which one of equal elements is not laid down"),
    Exempt("eigh", "value", "wrong", "any basis of the eigenvectors of equal eigenvalues"),
    Exempt("solve|inv", "value", "accepted", "singular but for a rounding", "is singular"),
    Exempt("erf|atan|tanh|sigmoid|exp|div|/", DERIVATIVES, "number", "the limit of the slope at an infinity, 0"),
    Exempt("xlogy", DERIVATIVES, "wrong", "0 log y is 0 for every y: the slope by y is 0"),
    Exempt(
        "scatter_reduce", "second", "accepted", "PyTorch has no second derivative there", "Double backward is unsup"
    ),
    Exempt("signbit", "value", "wrong", "the sign bit of a NaN means nothing"),
    Exempt("trapezoid", "value", "wrong sign", "the sum of the trapezoids, also of none"),
    Exempt("hook", "value", "refused", "a constant here, zeros there", "doesn't require gradient"),
    Exempt("multi_margin", ALL, "nan", "NaN among the scores is NaN; PyTorch drops it"),
    # PyTorch rounds, or computes what is not there
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
    # faults that wait to be mended
    *(
        Exempt(pattern, levels, kinds, reason, waiting=True)
        for pattern, levels, kinds, reason in (
            ("softm|logsumexp|kl_div|norm|median|mode|eigh|cross_entropy", ALL, "refused", "empties are refused"),
            ("sign", "value", "refused", "sign of truth values is refused"),
            (
                "solve_triangular",
                ALL,
                "refused nan wrong dtype number",
                "a singular triangle, or NaN behind the triangle",
            ),
            (
                r"qr|det|inv|solve|pinv|cond|matrix_norm|svd|eig|cholesky",
                DERIVATIVES,
                "refused",
                "a singular matrix: refused",
            ),
            (
                "square|add|sub|copysign|huber|smooth_l1",
                "value",
                "dtype",
                "dtypes of bool and mixed operands",
            ),
            ("avg_pool", ALL, "nan", "an infinity reaches the windows beside it"),
            ("cov", "value", "number", "the covariance of nothing is -0"),
            ("unique", "value", "shape", "several NaN count as one"),
            ("logit|atanh|acosh|acos|asin|erfinv|log", DERIVATIVES, "number", "a slope where the value is NaN"),
            ("norm|dist|cdist", DERIVATIVES, "number", "norms of infinities, and the second slope at 0"),
            (r"\*\*|pow", DERIVATIVES, "number nan wrong", "powers at 0 to the second order"),
            (
                "eig|svd|matrix_norm|qr|cond|pinv",
                DERIVATIVES,
                "number",
                "equal eigenvalues: 0 where there is no derivative",
            ),
            ("nanmedian", DERIVATIVES, "wrong", "ties of nanmedian"),
            ("normalize|pairwise|cosine|norm|cross|kl_div", ALL, "wrong nan number", "float16 overflows or cancels"),
            ("quantile", ALL, "nan", "a quantile beside infinities"),
            ("searchsorted|bucketize", "value", "wrong", "NaN among what is sorted"),
        )
    ),
    Exempt("", "value", "refused", "roll returns its operand", "a (view of a )?leaf Variable", "roll", waiting=True),
    Exempt("", ALL, "wrong", "what returns its operand", beside="roll|cumprod|logcumsumexp|diff", waiting=True),
    Exempt("", "value", "refused", "truth values are refused", "cannot take bool", waiting=True),
    Exempt("", "value", "accepted", "whole numbers divided by 0 are answered", "ZeroDivision", waiting=True),
    Exempt("", "value", "accepted", "a view of no_grad is written", "view was created in no_grad", waiting=True),
)


def exception_of(program: Program, difference: Difference, table: Iterable[Exempt] = EXCEPTIONS) -> Exempt | None:
    """The line of the table that the difference falls under."""
    return next((x for x in table if x.holds(program, difference)), None)
