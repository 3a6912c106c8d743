"""What ufuncs are in C where compilers are to make vectors of loops over floats, whatever stands beside it.

The plain form of each is what `program.cspelling` has. In one loop with an exponential gcc 12 makes branches of
``a > b || a != a ? a : b``, and none of a choice between two numbers that are both there: a sigmoid of 100,000 floats
takes 0.06 milliseconds so, 2.2 otherwise, and 0.09 where NaN is told by its bits. The exponential of floats is computed
in floats, to 1 of their last places, and less one to 2 of them: where sums and products are one instruction, in half of
the time of `program.cfunctions`.
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
#else
#define exp_f4 expf
#define expm1_f4 expm1f
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
} | {(spelled(ufunc, "f4"), "f4"): f"{ufunc}_f4({{0}})" for ufunc in ("exp", "expm1")}
"""What stands in the place of a text, by it and its type."""
