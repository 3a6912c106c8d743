"""Texts of a drawing as mathematics writes them: × for ``*``, x² for ``**2``, Greek letters, hats, subscripts."""

from __future__ import annotations

import re
from dataclasses import replace

from .model import Picture

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eps": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "lamda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_MARKS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
_NAME = re.compile(
    rf"(?P<before>d{{0,2}}?[a-zA-Zα-ωΑ-Ω]??)(?P<greek>{'|'.join(_GREEK)}|)(?P<mark>{'|'.join(_MARKS)}|)_?(?P<number>[\d₀-₉]*)"
)
_WORD = re.compile(r"[^\W\d_]\w*")
_POWER = re.compile(r" ?\*\* ?(−?\d+)(?![\d.])")
_SCIENTIFIC = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?)0*(\d+)(?!\w)")
_SUMMED = re.compile("Σx(?=[ᵢⱼₖₗₘₙ])")
_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_HIGH = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def mathematical(text: str) -> str:
    """Return `text` with the signs of mathematics.

    >>> mathematical("xhat = xmu * ivar"), mathematical("dbeta_2"), mathematical("**2"), mathematical("1/N Σxⱼ")
    ('x̂ = xμ × ivar', 'dβ₂', 'x²', '1/N Σⱼ')
    >>> mathematical("√(x+1e-05)")
    '√(x+10⁻⁵)'
    """
    text = _SCIENTIFIC.sub(_power_of_ten, text)
    text = _WORD.sub(lambda found: _name(found[0]), text)
    text = _POWER.sub(lambda found: ("x" if found.start() == 0 else "") + found[1].translate(_HIGH), text)
    return _SUMMED.sub("Σ", text.replace("**", "^").replace("*", "×"))


def _power_of_ten(found: re.Match[str]) -> str:
    before = "" if found[1] == "1" else f"{found[1]}·"
    return f"{before}10{(found[2].strip('+') + found[3]).replace('-', '−').translate(_HIGH)}"


def _name(word: str) -> str:
    """Return a name of one letter, or of one before a Greek one, with its mark and number; any other word as it is."""
    found = _NAME.fullmatch(word)
    if not found or not (found["greek"] or found["before"]):
        return word
    letters = found["before"] + _GREEK.get(found["greek"], "")
    return letters + _MARKS.get(found["mark"], "") + found["number"].translate(_LOW)


def with_mathematics(picture: Picture) -> Picture:
    """Return `picture` with what its circles show written so; names of modules and files stay."""
    vertices = [v if v.kind in {"box", "break"} else replace(v, label=mathematical(v.label)) for v in picture.vertices]
    return replace(picture, vertices=vertices)
