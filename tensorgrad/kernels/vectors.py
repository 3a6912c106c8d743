"""What ufuncs are in C where compilers are to make vectors of loops over floats, whatever stands beside it.

The plain form of each is what `program.cspelling` has. In one loop with an exponential gcc 12 makes branches of
``a > b || a != a ? a : b``, and none of a choice between two numbers that are both there: a sigmoid of 100,000 floats
takes 0.06 milliseconds so, 2.2 otherwise, and 0.09 where NaN is told by its bits. The exponential of floats is computed
in floats, to 1 of their last places, less one to 2, and the error function to 1: where sums and products are one
instruction, in half of the time of `program.cfunctions` and less.
"""

from __future__ import annotations

from tensorgrad.program.cspelling import spelled
from tensorgrad.program.cvalues import TYPES

_START = "static inline __attribute__((always_inline))"
_HELPERS = """\
@start @type pick_maximum_@name(@type a, @type b) {
  const @type found = a > b ? a : b;
  return a != a ? a : found;
}
@start @type pick_minimum_@name(@type a, @type b) {
  const @type found = a < b ? a : b;
  return a != a ? a : found;
}
@start @type pick_clip_@name(@type x, @type low, @type high) {
  const @type raised = x < low ? low : x, bound = low != low ? low : raised;
  const @type found = bound > high ? high : bound;
  return high != high ? high : found;
}
"""
_EXP = """\
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
@start float exp_f4(float x) { /* exp(r) 2^n, by way of 2^(n / 2): the least numbers are right, and NaN is NaN */
  const float below = x > 89.0f ? 89.0f : x, y = below < -104.0f ? -104.0f : below;
  const float shifted = fmaf(y, 0x1.715476p+0f, 0x1.8p23f), n = shifted - 0x1.8p23f;
  const float r = fmaf(n, 0x1.bd0106p-13f, fmaf(n, -0x1.63p-1f, y));
  float rest = fmaf(0x1.6d1106p-10f, r, 0x1.120b6cp-7f);
  rest = fmaf(fmaf(fmaf(rest, r, 0x1.55551ap-5f), r, 0x1.5554dcp-3f), r, 0.5f);
  int32_t whole, half, other;
  memcpy(&whole, &shifted, 4);
  whole -= 0x4b400000;
  half = ((whole >> 1) + 127) << 23;
  other = (whole - (whole >> 1) + 127) << 23;
  float first, second;
  memcpy(&first, &half, 4);
  memcpy(&second, &other, 4);
  return (fmaf(r * r, rest, r) + 1.0f) * first * second;
}
@start float expm1_f4(float x) { /* as above: (exp(r) - 1) 2^n and 2^n - 1; with the sign of x, which zero has */
  const float below = x > 89.0f ? 89.0f : x, y = below < -20.0f ? -20.0f : below;
  const float shifted = fmaf(y, 0x1.715476p+0f, 0x1.8p23f), n = shifted - 0x1.8p23f;
  const float r = fmaf(n, 0x1.bd0106p-13f, fmaf(n, -0x1.63p-1f, y));
  float rest = fmaf(0x1.6d1106p-10f, r, 0x1.120b6cp-7f);
  rest = fmaf(fmaf(fmaf(rest, r, 0x1.55551ap-5f), r, 0x1.5554dcp-3f), r, 0.5f);
  int32_t whole, half, other, back;
  memcpy(&whole, &shifted, 4);
  whole -= 0x4b400000;
  half = ((whole >> 1) + 127) << 23;
  other = (whole - (whole >> 1) + 127) << 23;
  back = ((whole >> 1) - whole + 127) << 23; /* of 1 / 2^other */
  float first, second, one;
  memcpy(&first, &half, 4);
  memcpy(&second, &other, 4);
  memcpy(&one, &back, 4);
  return copysignf(fmaf(fmaf(r * r, rest, r), first, first - one) * second, x);
}
@start float erf_f4(float x) { /* x + x p(x^2) up to 1, then 1 - exp(-q(|x|)): q for -log(erfc) */
  const float size = fabsf(x), y = size > 4.1f ? 4.1f : size, s = y * y;
  float p = fmaf(fmaf(0x1.4969aap-14f, s, -0x1.a3f6dp-11f), s, 0x1.5405acp-8f);
  p = fmaf(fmaf(p, s, -0x1.b7f90cp-6f), s, 0x1.ce2cf8p-4f);
  p = fmaf(fmaf(p, s, -0x1.81273ep-2f), s, 0x1.06eba8p-3f);
  float q = fmaf(fmaf(-0x1.852d4cp-13f, y, 0x1.814cdcp-9f), y, -0x1.654224p-6f);
  q = fmaf(fmaf(q, y, 0x1.a60a84p-4f), y, 0x1.46c584p-1f);
  q = fmaf(fmaf(q, y, 0x1.2085b2p+0f), y, 0x1.72e6cap-12f);
  const float near = fmaf(y, p, y), far = 1.0f - exp_f4(-q), found = y < 1.0f ? near : far;
  return copysignf(found, x);
}
#else
#define exp_f4 expf
#define expm1_f4 expm1f
#define erf_f4 erff
#endif
"""

_NAMES = ("f4", "f8")


def helpers() -> str:
    """Return the functions."""
    found = [_HELPERS.replace("@name", name).replace("@type", TYPES[name]) for name in _NAMES]
    return "".join([*found, _EXP]).replace("@start", _START)


AS_VECTORS: dict[tuple[str, str], str] = {
    (spelled(ufunc, dtype), dtype): f"pick_{ufunc}_{dtype}({', '.join(f'{{{i}}}' for i in range(count))})"
    for ufunc, count in (("maximum", 2), ("minimum", 2), ("clip", 3))
    for dtype in _NAMES
} | {(f"{name}f({{0}})", "f4"): f"{name}_f4({{0}})" for name in ("exp", "expm1", "erf")}
"""What stands in the place of a text, by it and its type."""
