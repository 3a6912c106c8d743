"""Names of values as identifiers of C, no two alike, in the letters that every compiler takes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof
and and_eq bitand bitor bool catch class compl constexpr delete explicit export false friend mutable namespace new not
not_eq nullptr operator or or_eq private protected public template this throw true try typename using virtual xor xor_eq
"""
_LIBRARY = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma fmax fmin
fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter
nexttoward pow remainder remquo rint round scalbln scalbn sin sinh sqrt tan tanh tgamma trunc
"""
_MACROS = """
NAN INFINITY HUGE_VAL HUGE_VALF HUGE_VALL MATH_ERRNO MATH_ERREXCEPT math_errhandling fpclassify isfinite isinf isnan
isnormal signbit isgreater isgreaterequal isless islessequal islessgreater isunordered NULL USE_CBLAS linux unix main
memcpy memset memmove float_t double_t
"""
_BITS = (8, 16, 32, 64)
TAKEN = frozenset(
    (*_KEYWORDS.split(), *_LIBRARY.split(), *_MACROS.split(), *(f"{f}{end}" for f in _LIBRARY.split() for end in "fl"),
     *(f"{kind}{bits}_t" for kind in ("int", "uint") for bits in _BITS),
     *(f"{kind}{bits}_{end}" for kind in ("INT", "UINT") for bits in _BITS for end in ("MIN", "MAX", "C")))
)  # fmt: skip
"""What is not free for a value: keywords, also of C++, and what the headers define."""

_MARKS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u0308": "dots"}


def spelled_out(name: str) -> str:
    """Return an identifier of Python in the letters of C; what has no such letters is spelled.

    >>> spelled_out("x̂"), spelled_out("dγx̂"), spelled_out("σ_2"), spelled_out("é"), spelled_out("名")
    ('x_hat', 'dgammax_hat', 'sigma_2', 'e_u0301', 'u540d')
    """
    found = []
    for c in unicodedata.normalize("NFKD", name):
        if c.isascii():
            found.append(c)
        elif unicodedata.combining(c):
            found.append(f"_{_MARKS.get(c, f'u{ord(c):04x}')}")
        else:
            words = unicodedata.name(c, "").split()
            greek = len(words) == 4 and words[::2] == ["GREEK", "LETTER"]
            found.append((words[3].lower() if words[1] == "SMALL" else words[3].title()) if greek else f"u{ord(c):04x}")
    return "".join(found)


class Words:
    """The identifiers of a file, each given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.used = {*TAKEN, *taken}
        self.numbers: dict[str, int] = {}

    def free(self, name: str) -> str:
        """Return an identifier for `name` that is not in use, and take it.

        >>> words = Words()
        >>> words.free("h"), words.free("h"), words.free("exp"), words.free("_Bool"), words.free("x__y")
        ('h', 'h_2', 'exp_2', 'v_Bool', 'x_y')
        """
        word = stem = _plain(name)
        number = 2
        while word in self.used:
            word, number = f"{stem}_{number}", number + 1
        self.used.add(word)
        return word

    def numbered(self, letter: str) -> str:
        """Return a letter with the first number that is not in use, and take it.

        >>> words = Words(["t1"])
        >>> words.numbered("t"), words.numbered("t")
        ('t2', 't3')
        """
        number = self.numbers.get(letter, 1)
        while f"{letter}{number}" in self.used:
            number += 1
        self.numbers[letter] = number + 1
        self.used.add(f"{letter}{number}")
        return f"{letter}{number}"


def _plain(name: str) -> str:
    """Return a name without what C keeps for itself: underscores at its start, and two beside each other."""
    word = "_".join(part for part in spelled_out(name).split("_") if part)
    return f"v_{word}" if name.startswith("_") or not word or word[0].isdigit() else word


def commented(text: str) -> str:
    """Return `text` as a comment of C can hold it.

    >>> commented("a */ b /* c ??/ d")
    'a * / b / * c ? ?/ d'
    """
    for end in ("*/", "/*", "??"):
        while end in text:
            text = text.replace(end, f"{end[0]} {end[1]}")
    return text
