"""What the expressions of the lowered form are in JavaScript: most are the same text, and a table has the others.

JavaScript counts in doubles. Whole numbers are exact in them up to 2**53; those of 32 bits begin anew where they
overflow, as NumPy's do, and of wider ones beyond 2**53 nothing is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tensorgrad.program.cspelling import spelled as in_c
from tensorgrad.program.cvalues import OpenNumber, Unspoken

ARRAYS: dict[str, str] = {
    "f4": "Float32Array", "f8": "Float64Array", "i8": "Float64Array", "i4": "Int32Array", "i2": "Int16Array",
    "i1": "Int8Array", "u2": "Uint16Array", "u1": "Uint8Array", "b1": "Uint8Array",
}  # fmt: skip
"""The arrays that hold elements, by NumPy's short names."""

_ALIKE = (
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "exp", "expm1", "floor",
    "hypot", "log", "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
MATHS = (*_ALIKE, "abs", "imul")
"""What is called of `Math`."""
_CALLED: Mapping[str, str] = {
    **{name: name for name in _ALIKE}, "fabs": "abs", "pow": "power", "rint": "rint",
    "copysign": "copysign", "signbit": "signbit", "exp2": "exp2", "ldexp": "ldexp", "ilogb": "ilogb",
}  # fmt: skip
"""The functions of the math library, by what they are called here: `Math` has them, or HELPERS."""

HELPERS: Mapping[str, str] = {
    "power": "(a, b) => a == 1 || a == -1 && Math.abs(b) == Infinity ? 1 : Math.pow(a, b)",
    "signbit": "a => a < 0 || Object.is(a, -0) ? 1 : 0",
    "copysign": "(a, b) => b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)",
    # halves to the even neighbour: what is added takes the digits behind the point
    "rint": "a => Math.abs(a) < 2 ** 52 ? (b => a < 0 || Object.is(a, -0) ? -b : b)"
            "(Math.abs(a) + 2 ** 52 - 2 ** 52) : a",
    "exp2": "a => Math.pow(2, a)",
    "ldexp": "(a, n) => (h => a * 2 ** h * 2 ** (n - h))(Math.max(-1022, Math.min(1023, Math.trunc(n / 2))))",
    "ilogb": "a => { let n = Math.floor(Math.log2(Math.abs(a))); while (2 ** n > Math.abs(a)) n--; "
             "while (2 ** (n + 1) <= Math.abs(a)) n++; return n; }",
}  # fmt: skip

_CUT = re.compile(r"\bfmodf?\(([^(),]+), ([^(),]+)\)")
_CALL = re.compile(r"\b([a-z]\w*)\(")
_HEX = re.compile(r"-?0x[0-9a-f]\.?[0-9a-f]*p[+-]?\d+f?")
_CAST = re.compile(r"\((?:u?int\d+_t|double|float)\)")
_LIMITS: Mapping[str, str] = {"INFINITY": "Infinity", "NAN": "NaN"}
_BITWISE = ("bitwise_and", "bitwise_or", "bitwise_xor", "invert")
_WIDE: Mapping[str, str] = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "negative": "0 - {0}", "square": "{0} * {0}",
    "absolute": "{0} < 0 ? -{0} : {0}", "remainder": "{1} == 0 ? 0 : ({0} % {1} + {1}) % {1} + 0",
    "floor_divide": "{1} == 0 ? 0 : ({0} - (({0} % {1} + {1}) % {1} + 0)) / {1}",
    "fmod": "{1} == 0 ? 0 : {0} % {1} + 0",
}  # fmt: skip
"""Arithmetic of whole numbers: a division that leaves something has a fraction in JavaScript, and zero a sign."""


def _table() -> dict[tuple[str, str], str | None]:
    """Return what is another text here, by type and by the text for C; None for what is not said."""
    found: dict[tuple[str, str], str | None] = {}
    for dtype in ("i8", "i4", "i2", "i1", "u2", "u1"):
        for name, text in _WIDE.items():
            product = text.replace("{0} * ", "Math.imul({0}, ") + ")" if "*" in text and dtype != "i8" else text
            narrow = product if dtype == "i8" else f"({product}) | 0"
            try:
                found[dtype, in_c(name, dtype)] = narrow
            except Unspoken:  # of numbers without sign there is no negative one
                continue
        for name in _BITWISE if dtype == "i8" else ():  # which are 32 bits wide here
            found[dtype, in_c(name, dtype)] = None
    # what rounds to some places of a float would round to none of a double
    found["f4", "{0} + 0x1.8p15f - 0x1.8p15f"] = "Math.fround({0} + 49152) - 49152"
    for bits in (31, 63):
        cast = f"{{0}} >= -0x1p{bits} && {{0}} < 0x1p{bits} ? (int{bits + 1}_t){{0}} : INT{bits + 1}_MIN"
        for dtype in ("f4", "f8"):
            found[dtype, cast] = f"{{0}} >= {-(2**bits)} && {{0}} < {2**bits} ? trunc({{0}}) + 0 : {-(2**bits)}"
    return found


_TABLE = _table()


def said(text: str, types: tuple[str, ...]) -> str:
    """Return an expression of the lowered form, whose operands have these types, in JavaScript.

    Raises:
        Unspoken: it has none.

    >>> said("{0} + {1}", ("f8", "f8")), said("expf({0})", ("f4",)), said("fmod({0}, {1})", ("f8", "f8"))
    ('{0} + {1}', 'exp({0})', '({0} % {1})')
    """
    dtype = types[0] if types else "f8"
    if (dtype, text) in _TABLE:
        found = _TABLE[dtype, text]
        if found is None:
            raise Unspoken
        return found
    if dtype in ("u4", "u8"):
        raise Unspoken
    text = _CUT.sub(r"(\1 % \2)", text)
    text = _HEX.sub(lambda at: number(float.fromhex(at[0].removesuffix("f"))), text)
    for name, here in _LIMITS.items():
        text = text.replace(name, here)
    return _CALL.sub(_called, _CAST.sub("", text))


def _called(at: re.Match[str]) -> str:
    name = at[1] if at[1] in _CALLED else at[1].removesuffix("f")
    if name not in _CALLED:
        raise Unspoken
    return f"{_CALLED[name]}("


def number(value: Any) -> str:
    """Return a number as JavaScript writes it, exactly.

    >>> number(0.1), number(-2), number(float("-inf")), number(True)
    ('0.1', '(-2)', '(-Infinity)', '1')
    """
    if isinstance(value, OpenNumber):
        raise Unspoken
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    exact = float(value)
    if math.isnan(exact):
        return "NaN"
    text = repr(exact).removesuffix(".0").replace("inf", "Infinity")
    return f"({text})" if text[0] == "-" else text
