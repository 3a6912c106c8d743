"""What ufuncs are in C, element by element: an expression of their operands, of the type that NumPy computes in."""

from __future__ import annotations

from .cvalues import TYPES, Unspoken

# Where NumPy may warn, the processor's flags tell. Of two floats only == and != raise none with NaN; where < and > do,
# a run is given up that need not be.
_RAISED = "({0} < {1} || {1} != {1} ? {1} : {0})"
"""What `clip` has after its lower bound: of equals the number itself, and NaN of any that is."""
_COMPARED: dict[str, str] = {
    "greater": "{0} > {1}", "greater_equal": "{0} >= {1}", "less": "{0} < {1}", "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}", "not_equal": "{0} != {1}", "logical_and": "{0} != 0 && {1} != 0",
    "logical_or": "{0} != 0 || {1} != 0", "logical_xor": "({0} != 0) != ({1} != 0)", "logical_not": "{0} == 0",
}  # fmt: skip
_CUT = "fmod@({0}, {1})"
_QUOTIENT = f"(({{0}} - {_CUT}) / {{1}} - ({_CUT} != 0 && ({{1}} < 0) != ({_CUT} < 0)))"
_FLOATING: dict[str, str] = {
    **_COMPARED, "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "negative": "-{0}",
    "positive": "{0}", "square": "{0} * {0}", "conjugate": "{0}", "divide": "{0} / {1}", "reciprocal": "1 / {0}",
    "maximum": "{0} > {1} || {0} != {0} ? {0} : {1}", "minimum": "{0} < {1} || {0} != {0} ? {0} : {1}",
    "fmax": "{0} >= {1} || {1} != {1} ? {0} : {1}", "fmin": "{0} <= {1} || {1} != {1} ? {0} : {1}",
    "clip": f"{_RAISED} > {{2}} || {{2}} != {{2}} ? {{2}} : {_RAISED}",
    "sign": "{0} > 0 ? 1 : {0} < 0 ? -1 : {0} == 0 ? 0 : {0}",
    "heaviside": "{0} != {0} ? {0} : {0} > 0 ? 1 : {0} < 0 ? 0 : {1}",
    "isnan": "{0} != {0}", "isfinite": "{0} == {0} && fabs@({0}) != INFINITY", "isinf": "fabs@({0}) == INFINITY",
    "signbit": "signbit({0}) != 0", "sqrt": "sqrt@({0})", "absolute": "fabs@({0})", "fabs": "fabs@({0})",
    "floor": "floor@({0})", "ceil": "ceil@({0})", "trunc": "trunc@({0})", "rint": "rint@({0})",
    "copysign": "copysign@({0}, {1})", "exp": "exp@({0})", "exp2": "exp2@({0})", "expm1": "expm1@({0})",
    "log": "log@({0})", "log2": "log2@({0})", "log10": "log10@({0})", "log1p": "log1p@({0})", "cbrt": "cbrt@({0})",
    "sin": "sin@({0})", "cos": "cos@({0})", "tan": "tan@({0})", "arcsin": "asin@({0})", "arccos": "acos@({0})",
    "arctan": "atan@({0})", "arctan2": "atan2@({0}, {1})", "hypot": "hypot@({0}, {1})", "sinh": "sinh@({0})",
    "cosh": "cosh@({0})", "tanh": "tanh@({0})", "arcsinh": "asinh@({0})", "arccosh": "acosh@({0})",
    "arctanh": "atanh@({0})", "power": "pow@({0}, {1})", "float_power": "pow@({0}, {1})",
    "logaddexp": "{0} == {1} ? {0} + 0x1.62e42fefa39efp-1@ : {0} > {1} ? {0} + log1p@(exp@({1} - {0})) : "
                 "{0} < {1} ? {1} + log1p@(exp@({0} - {1})) : {0} - {1}",
    "logaddexp2": "{0} == {1} ? {0} + 1 : {0} > {1} ? {0} + 0x1.71547652b82fep0@ * log1p@(exp2@({1} - {0})) : "
                  "{0} < {1} ? {1} + 0x1.71547652b82fep0@ * log1p@(exp2@({0} - {1})) : {0} - {1}",
    "floor_divide": f"{{1}} == 0 ? {{0}} / {{1}} : {_QUOTIENT} == 0 ? copysign@(0, {{0}} / {{1}}) : "
                    f"floor@({_QUOTIENT}) + ({_QUOTIENT} - floor@({_QUOTIENT}) > 0.5)",
    "fmod": _CUT, "remainder": f"{_CUT} == 0 ? copysign@(0, {{1}}) : "
                               f"({_CUT} < 0) != ({{1}} < 0) ? {_CUT} + {{1}} : {_CUT}",
}  # fmt: skip
_BITS: dict[str, str] = {
    "bitwise_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "bitwise_xor": "{0} ^ {1}", "invert": "~{0}",
}  # fmt: skip
# Whole numbers that overflow begin anew, which C says of those without sign alone.
_ADDED, _MULTIPLIED, _NEGATIVE = "(@)((#){0} + (#){1})", "(@)((#){0} * (#){1})", "(@)(0 - (#){0})"
_WHOLE: dict[str, str] = {
    **_COMPARED, **_BITS, "add": _ADDED, "subtract": "(@)((#){0} - (#){1})", "multiply": _MULTIPLIED,
    "negative": _NEGATIVE, "positive": "{0}", "square": "(@)((#){0} * (#){0})", "conjugate": "{0}",
    "maximum": "{0} >= {1} ? {0} : {1}", "minimum": "{0} <= {1} ? {0} : {1}",
    "fmax": "{0} >= {1} ? {0} : {1}", "fmin": "{0} <= {1} ? {0} : {1}",
    "clip": "({0} < {1} ? {1} : {0}) > {2} ? {2} : {0} < {1} ? {1} : {0}",
    "floor": "{0}", "ceil": "{0}", "trunc": "{0}", "absolute": f"{{0}} < 0 ? {_NEGATIVE} : {{0}}",
    "sign": "{0} > 0 ? 1 : {0} < 0 ? -1 : 0",
    "floor_divide": f"{{1}} == 0 ? 0 : {{1}} == -1 ? {_NEGATIVE} : "
                    "{0} / {1} - ({0} % {1} != 0 && ({0} < 0) != ({1} < 0))",
    "remainder": "{1} == 0 || {1} == -1 ? 0 : {0} % {1} + ({0} % {1} != 0 && ({0} < 0) != ({1} < 0) ? {1} : 0)",
    "fmod": "{1} == 0 || {1} == -1 ? 0 : {0} % {1}",
}  # fmt: skip
_COUNTS: dict[str, str] = {
    **_WHOLE, "floor_divide": "{1} == 0 ? 0 : {0} / {1}", "remainder": "{1} == 0 ? 0 : {0} % {1}",
    "fmod": "{1} == 0 ? 0 : {0} % {1}",
}  # fmt: skip
"""What is said of numbers without sign otherwise."""
_TRUTHS: dict[str, str] = {
    **_COMPARED, "add": "{0} | {1}", "multiply": "{0} & {1}", "maximum": "{0} | {1}", "minimum": "{0} & {1}",
    "bitwise_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "bitwise_xor": "{0} ^ {1}", "invert": "!{0}",
    "absolute": "{0}", "square": "{0}",
}  # fmt: skip

_FOLDS: dict[str, tuple[str, str]] = {
    "add": ("", "0"), "multiply": ("", "1"),
    "logical_or": ("{0} | ({1} != 0)", "0"), "logical_and": ("{0} & ({1} != 0)", "1"),
}  # fmt: skip
FOLDS = ("maximum", "minimum", *_FOLDS)
"""The ufuncs that fold."""
_LIMITS: dict[str, tuple[str, str]] = {
    "b1": ("0", "1"), "f4": ("-INFINITY", "INFINITY"), "f8": ("-INFINITY", "INFINITY"),
    **{f"i{n}": (f"INT{8 * n}_MIN", f"INT{8 * n}_MAX") for n in (1, 2, 4, 8)},
    **{f"u{n}": ("0", f"UINT{8 * n}_MAX") for n in (1, 2, 4, 8)},
}  # fmt: skip
"""The least and the greatest number of each type."""


def spelled(name: str, dtype: str) -> str:
    """Return the expression of a ufunc whose operands have this type.

    Raises:
        Unspoken: there is none.
    """
    table = {"f": _FLOATING, "b": _TRUTHS, "i": _WHOLE, "u": _COUNTS}[dtype[0]]
    found = table.get(name)
    if found is None or (dtype[0] == "u" and name in ("negative", "absolute", "sign")):
        raise Unspoken
    return in_type(found, dtype)


def in_type(text: str, dtype: str) -> str:
    """Return an expression with its marks filled in: @ is the ending of a function, or the type, # that to count in."""
    if dtype[0] == "f":
        return text.replace("@", "f" if dtype == "f4" else "")
    return text.replace("@", TYPES[dtype]).replace("#", "uint64_t" if dtype[1] == "8" else "uint32_t")


def fold(name: str, dtype: str) -> tuple[str, str]:
    """Return how a fold takes one more value {1} to what it has, {0}, and what it begins with.

    Raises:
        Unspoken: there is no such fold of this type.
    """
    if name in ("maximum", "minimum"):
        return spelled(name, dtype), _LIMITS[dtype][name == "minimum"]
    if name not in _FOLDS or (dtype == "b1") != name.startswith("logical"):
        raise Unspoken
    text, start = _FOLDS[name]
    return (text if name.startswith("logical") else spelled(name, dtype)), start
