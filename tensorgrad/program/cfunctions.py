"""Functions of the math library as C that compilers make vectors of: plain C99 without branches and without calls.

The plain form of each is the function of the math library whose name it has: no number is further from the exact value
than 0.51 of the last bit of a float, than one (`exp`) or two (`expm1`, `tanh`) of a double, and flags of which NumPy
warns are raised where the library raises them (tests/test_program_c_functions.py). gcc 12 calls the library for one
element after the other; what one takes in a loop over 8,192, in nanoseconds, with AVX-512 (AVX2; the library):

    expf 0.56 (1.1; 1.5)   tanhf 0.74 (1.4; 9.3)   erff 1.2 (2.4; 7.4)   erfcf 1.0 (2.0; 7.7)
    expm1f 0.65 (1.3; 5.8)   exp 1.0 (2.2; 2.9)   expm1 1.2 (2.8; 6.2)   tanh 1.3 (2.8; 9.0)

Floats are computed as doubles. What is NaN, infinite, or so large that the result does not change any more is told by
its bits, in whole numbers: comparisons raise flags, and of two floats to choose from compilers may compute both on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_START = "static inline __attribute__((always_inline))"


def _polynomial(x: str, coefficients: Sequence[str]) -> str:
    """Return the polynomial with these coefficients, from the constant on, in Horner's form.

    >>> _polynomial("x", ["1", "2", "3"])
    '1 + x * (2 + x * (3))'
    """
    first, *others = coefficients
    return f"{first} + {x} * ({_polynomial(x, others)})" if others else first


# (2^r - 1) / r, from -0.5 to 0.5
_POWER = _polynomial("r", [
    "0x1.62e42fefa39efp-1", "0x1.ebfbe045f4d3cp-3", "0x1.c6b08d883dca1p-5", "0x1.3b2a1b7152befp-7",
    "0x1.5d879ead06a82p-10", "0x1.443fffc90db59p-13", "0x1.00a581594758ep-16",
])  # fmt: skip
# (exp(r) - 1 - r) / r^2, from -log(2) / 2 to log(2) / 2
_EXP = _polynomial("r", [
    "0.5", "0x1.5555555555555p-3", "0x1.5555555555557p-5", "0x1.1111111111111p-7", "0x1.6c16c16c15a6cp-10",
    "0x1.a01a01a0196aep-13", "0x1.a01a01a9e80fep-16", "0x1.71de3a5aa6edbp-19", "0x1.27e4d41d6f553p-22",
    "0x1.ae642c8730352p-26", "0x1.1f7f2000f4cf3p-29", "0x1.61bfa22dd3437p-33",
])  # fmt: skip
# exp(x^2) erfc(x) of t = 1 - 6 / (x + 3), for x from 0 to 10.2
_ERFC = _polynomial("t", [
    "0x1.6e9827d1ef01dp-3", "-0x1.4e102b9f19f71p-2", "0x1.f6ff20670dcafp-3", "-0x1.336ffb16253bep-3",
    "0x1.258b0c6072c81p-4", "-0x1.8fa5fb05794bdp-6", "0x1.17cbf4b473b78p-8", "0x1.7372d366561dfp-11",
    "-0x1.3961972a47941p-11", "0x1.659e94834acfcp-15", "0x1.0daabc7d779d8p-14", "-0x1.22da5a0c161d1p-17",
    "-0x1.a918c299028a5p-18",
])  # fmt: skip
# erf(x) / x of s = x^2, for s from 0 to 1
_ERF = _polynomial("s", [
    "0x1.20dd7504045d6p+0", "-0x1.81274665754c3p-2", "0x1.ce2f08fec14fdp-4", "-0x1.b829c897922e5p-6",
    "0x1.562a60ddba6e6p-8", "-0x1.bccf664d7f763p-11", "0x1.d887505de3ba6p-14", "-0x1.445f47d33d87bp-17",
])  # fmt: skip

_BITS = {
    "f4": "int32_t bits;\n  memcpy(&bits, &x, 4);\n  const int32_t size = bits & 0x7fffffff;",
    "f8": "int64_t bits;\n  memcpy(&bits, &x, 8);\n  const int64_t size = bits & INT64_MAX;",
}
_NUMBERS = f"""\
{_START} float quick_float(int32_t bits) {{
  float x;
  memcpy(&x, &bits, 4);
  return x;
}}
{_START} double quick_double(int64_t bits) {{
  double x;
  memcpy(&x, &bits, 8);
  return x;
}}
"""


def _few(name: str) -> str:
    """Return the lines that take the library's function where vectors hold less than four doubles: it is quicker."""
    return f"#ifndef __AVX2__\n#define quick_{name} {name}\n#endif\n"


_POWER_OF_TWO = f"""\
{_START} double quick_power(double z) {{ /* 2^z, to 1e-10 of it; z from -1000 to 1000 */
  const double shifted = z + 0x1.8p52, r = z - (shifted - 0x1.8p52);
  int64_t n;
  memcpy(&n, &shifted, 8);
  return (1 + r * ({_POWER})) * quick_double((int64_t)(((uint64_t)n << 52) + 0x3ff0000000000000));
}}
"""
_TAIL = f"""\
{_START} double quick_tail(double x) {{ /* erfc(x), to 1e-9 of it; x from 0 to 10.2 */
  const double t = 1 - 6 / (x + 3);
  return quick_power(x * x * -0x1.71547652b82fep+0) * ({_ERFC});
}}
"""
_HALVES = """\
const int64_t most = ((size - 0x7ff0000000000000) >> 63) & 0x4087700000000000; /* 750; 0 for what is not finite */
  const double y = quick_double((bits - size) | (size < most ? size : most));
  const double shifted = y * 0x1.71547652b82fep+0 + 0x1.8p52, n = shifted - 0x1.8p52;
  const double high = y - n * 0x1.62e42fee00000p-1, low = n * 0x1.a39ef35793c76p-33, r = high - low;
  int64_t whole;
  memcpy(&whole, &shifted, 8);
  whole -= 0x4338000000000000;
  const int64_t half = whole >> 1;
  const double first = quick_double((half + 1023) << 52), second = quick_double((whole - half + 1023) << 52);"""
"""x is whole * log(2) + r, and 2 ** whole, which no double may hold, is first * second."""
_FUNCTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "expf": ((_NUMBERS, _POWER_OF_TWO), f"""\
{_START} float quick_expf(float x) {{
  {_BITS["f4"]}
  const int32_t most = ((size - 0x7f800000) >> 31) & 0x42d20000; /* 105; 0 for what is not finite */
  const double y = quick_float((bits - size) | (size < most ? size : most));
  const float found = (float)quick_power(y * 0x1.71547652b82fep+0);
  return size < 0x7f800000 ? found : bits == -0x800000 ? 0 : x;
}}
{_few("expf")}"""),
    "expm1f": ((_NUMBERS,), f"""\
{_START} float quick_expm1f(float x) {{
  {_BITS["f4"]}
  const int32_t most = ((size - 0x7f800000) >> 31) & 0x42d20000; /* as above */
  const double z = (double)quick_float((bits - size) | (size < most ? size : most)) * 0x1.71547652b82fep+0;
  const double shifted = z + 0x1.8p52, r = z - (shifted - 0x1.8p52), part = r * ({_POWER});
  int64_t n;
  memcpy(&n, &shifted, 8);
  const double power = quick_double((int64_t)(((uint64_t)n << 52) + 0x3ff0000000000000));
  const float found = (float)(size < 0x3e000000 ? part : part * power + (power - 1));
  return size < 0x7f800000 ? found : bits == -0x800000 ? -1 : x;
}}
{_few("expm1f")}"""),
    "tanhf": ((_NUMBERS, _POWER_OF_TWO), f"""\
{_START} float quick_tanhf(float x) {{
  {_BITS["f4"]}
  const double y = quick_float(size < 0x41200000 ? size : 0x41200000), e = quick_power(y * -0x1.71547652b82fep+1);
  const double found = size < 0x39800000 ? y * (1 - y * y * 0x1.5555555555555p-2) : (1 - e) / (1 + e);
  return size > 0x7f800000 ? x : (float)(bits < 0 ? -found : found);
}}
"""),
    "erfcf": ((_NUMBERS, _POWER_OF_TWO, _TAIL), f"""\
{_START} float quick_erfcf(float x) {{
  {_BITS["f4"]}
  const double y = quick_float(size < 0x41230000 ? size : 0x41230000), tail = quick_tail(y);
  return size > 0x7f800000 ? x : (float)(bits < 0 ? 2 - tail : tail);
}}
"""),
    "erff": ((_NUMBERS, _POWER_OF_TWO, _TAIL), f"""\
{_START} float quick_erff(float x) {{
  {_BITS["f4"]}
  const double y = quick_float(size < 0x40a00000 ? size : 0x40a00000), s = y * y, tail = quick_tail(y);
  const double found = size < 0x3f800000 ? y * ({_ERF}) : 1 - tail;
  return size > 0x7f800000 ? x : (float)(bits < 0 ? -found : found);
}}
"""),
    "exp": ((_NUMBERS,), f"""\
{_START} double quick_exp(double x) {{
  {_BITS["f8"]}
  {_HALVES}
  const double found = (1 + (high - (low - r * r * ({_EXP})))) * first * second;
  return size < 0x7ff0000000000000 ? found : bits == -0x10000000000000 ? 0 : x;
}}
{_few("exp")}"""),
    "expm1": ((_NUMBERS,), f"""\
{_START} double quick_expm1(double x) {{
  {_BITS["f8"]}
  {_HALVES}
  const double part = high - (low - r * r * ({_EXP})), one = quick_double((half - whole + 1023) << 52); /* of second */
  const double all = (part * first + (first - one)) * second, found = size < 0x3fd0000000000000 ? part : all;
  return size < 0x7ff0000000000000 ? found : bits == -0x10000000000000 ? -1 : x;
}}
{_few("expm1")}"""),
    "tanh": ((_NUMBERS,), f"""\
{_START} double quick_tanh(double x) {{
  {_BITS["f8"]}
  const double y = quick_double(size < 0x4034000000000000 ? size : 0x4034000000000000), z = -2 * y;
  const double shifted = z * 0x1.71547652b82fep+0 + 0x1.8p52, n = shifted - 0x1.8p52;
  const double high = z - n * 0x1.62e42fee00000p-1, low = n * 0x1.a39ef35793c76p-33, r = high - low;
  int64_t whole;
  memcpy(&whole, &shifted, 8);
  const double power = quick_double((int64_t)(((uint64_t)whole << 52) + 0x3ff0000000000000));
  const double part = (high - (low - r * r * ({_EXP}))) * power, lost = (1 - power) - part; /* 1 - exp(z) */
  const double slip = ((1 - power) - lost) - part; /* by which it was rounded, and about the ratio, too */
  const int large = size > 0x3fe199999999999a;
  const double ratio = (large ? 2 * (part + power) : lost) / (2 - lost), found = large ? 1 - ratio : ratio + slip;
  return size > 0x7ff0000000000000 ? x : bits < 0 ? -found : found;
}}
"""),
}  # fmt: skip
_CALL = re.compile(rf"\b({'|'.join(_FUNCTIONS)})\(")


def as_vectors(text: str) -> tuple[str, list[str]]:
    """Return the text of C with these functions in the place of the math library's, and what has to stand before it."""
    found = [name for name in _FUNCTIONS if re.search(rf"\b{name}\(", text)]
    parts = dict.fromkeys(part for name in found for part in (*_FUNCTIONS[name][0], _FUNCTIONS[name][1]))
    return _CALL.sub(r"quick_\1(", text), list(parts)
