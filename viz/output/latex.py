r"""Texts of a drawing as LaTeX writes them: real subscripts, powers and hats, Greek letters, nothing that is a command.

>>> print(latex("dx̂₁ = 2·xμ²", italic=True))
$d\hat{x}_{1}\ =\ 2\cdot{}x\mu{}^{2}$
>>> print(latex("50% of_γ₁", italic=False))
50\% of\_$\gamma{}_{1}$
>>> print(latex("ψ′", italic=True))
$\psi{}^{\prime}$
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

_PLAIN = {c: f"\\{c}" for c in "#$%&_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "…": r"\ldots{}",
    "*": r"\textasteriskcentered{}",
}  # fmt: skip
_SIGNS = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "ς": "varsigma", "τ": "tau", "υ": "upsilon", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega",
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega", "×": "times", "·": "cdot", "√": "surd", "∑": "sum", "∏": "prod", "∂": "partial",
    "∞": "infty", "≤": "le", "≥": "ge", "≠": "ne", "≈": "approx", "±": "pm", "→": "to", "←": "gets", "∈": "in",
    "∘": "circ", "⊙": "odot", "⊗": "otimes", "⊕": "oplus", "¬": "neg", "∧": "wedge", "∨": "vee", "⌊": "lfloor",
    "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil", "⇑": "Uparrow", "⇓": "Downarrow", "‖": "Vert", "½": "tfrac12",
    "⊞": "boxplus", "⊟": "boxminus", "␣": "sqcup",
}  # fmt: skip
_ACCENTS = {"\u0302": "hat", "\u0304": "bar", "\u0303": "tilde", "\u0307": "dot", "\u20d7": "vec"}
_LOW, _HIGH = "₀-₉₊₋ᵢⱼₖ-ₙ", "⁰¹²³⁴-⁹⁺⁻ⁿᵀᵖ′"
_ATOM = re.compile(
    rf"(?P<base>.)(?P<accent>[{''.join(_ACCENTS)}])|(?P<low>[{_LOW}]+(?:,[{_LOW}]+)*)|(?P<high>[{_HIGH}]+)|"
    rf"(?P<word>[A-Za-z]{{2,}}(?![{''.join(_ACCENTS)}]))|.",
    re.DOTALL,
)


def latex(text: str, *, italic: bool) -> str:
    """Return `text` for the body of a LaTeX document; all of it in mathematics if `italic`.

    Characters that no table holds stay as they are: XeLaTeX and LuaLaTeX read them.
    """
    atoms = list(_atoms("".join(map(_apart, text)), italic))
    if italic:
        return f"${''.join(atom for _, atom in atoms)}$"
    runs = ((math, "".join(atom for _, atom in run)) for math, run in groupby(atoms, key=lambda atom: atom[0]))
    return "".join(f"${run}$" if math else run for math, run in runs)


def _apart(character: str) -> str:
    """Return the letter and its accent as two characters, if it has one that mathematics knows."""
    parts = unicodedata.normalize("NFD", character)
    return parts if len(parts) == 2 and parts[1] in _ACCENTS else character


def _atoms(text: str, italic: bool) -> Iterator[tuple[bool, str]]:
    """Yield the pieces of `text`, and whether each is mathematics."""
    for found in _ATOM.finditer(text):
        whole, word = found[0], found["word"]
        if found["accent"]:
            base = _SIGNS.get(found["base"])
            letter = f"\\{base}" if base else found["base"] if italic else rf"\mathrm{{{found['base']}}}"
            yield True, f"\\{_ACCENTS[found['accent']]}{{{letter}}}"
        elif found["low"] or found["high"]:
            inside = unicodedata.normalize("NFKC", whole).replace("\u2212", "-").replace("′", r"\prime")
            yield True, f"{'_' if found['low'] else '^'}{{{inside}}}"
        elif whole in _SIGNS:
            yield True, f"\\{_SIGNS[whole]}{{}}"
        elif whole == "\u2212":
            yield True, "-"
        elif italic and word:
            yield True, word if len(word) == 2 and word[0] == "d" else rf"\mathit{{{word}}}"
        elif italic and whole == " ":
            yield True, "" if text[: found.start()].endswith(",") else r"\ "
        elif italic and whole in _PLAIN:
            yield True, whole if whole in "<>|*" else rf"\mbox{{{_PLAIN[whole]}}}"
        else:
            yield italic, _PLAIN.get(whole, whole)
