"""How operations are written: with Python's operators, and as formulas with no more brackets than they need.

The listing and the NumPy source of a graph, the labels of a drawing and the reference page of the operations all read
these tables. They know operations by the names of their records.

>>> x, y = Formula("x"), applied("add", [Formula("y"), Formula("1")])
>>> applied("mul", [x, y]).text, applied("exp", [y]).text
('x * (y + 1)', 'exp(y + 1)')
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_UNARY: Mapping[str, ast.unaryop] = {"neg": ast.USub(), "bitwise_not": ast.Invert()}
_BINARY: Mapping[str, ast.operator] = {
    "add": ast.Add(), "sub": ast.Sub(), "mul": ast.Mult(), "div": ast.Div(), "pow": ast.Pow(), "matmul": ast.MatMult(),
    "remainder": ast.Mod(), "floor_divide": ast.FloorDiv(),
    "bitwise_and": ast.BitAnd(), "bitwise_or": ast.BitOr(), "bitwise_xor": ast.BitXor(),
}  # fmt: skip
_COMPARED: Mapping[str, ast.cmpop] = {
    "eq": ast.Eq(), "ne": ast.NotEq(), "lt": ast.Lt(), "le": ast.LtE(), "gt": ast.Gt(), "ge": ast.GtE(),
}  # fmt: skip
OPERATORS: dict[type[ast.AST], str] = {
    type(sign): name for signs in (_UNARY, _BINARY, _COMPARED) for name, sign in signs.items()
}
"""The operation that an operator of Python's means between tensors."""

CHOICE, COMPARISON, SUM, MATRIX, PRODUCT, SIGN, POWER, ATOM = range(8)
"""How strongly the parts of a formula hold together; a weaker part inside a stronger one gets brackets."""


_LOW = "₀₁₂₃₄₅₆₇₈₉"


class Form(NamedTuple):
    """How an operation is written, how strongly that holds together, and how strongly each of its operands must."""

    pattern: str
    strength: int
    needed: tuple[int, ...]


# Products regroup freely, and so do sums; products of matrices and whole quotients, which do not, get brackets there.
FORMS: dict[str, Form] = {
    "add": Form("{} + {}", SUM, (SUM, SUM)),
    "sub": Form("{} − {}", SUM, (SUM, MATRIX)),
    "mul": Form("{} * {}", PRODUCT, (PRODUCT, PRODUCT)),
    "div": Form("{} / {}", PRODUCT, (PRODUCT, SIGN)),
    "matmul": Form("{} @ {}", MATRIX, (MATRIX, SIGN)),
    "linear": Form("{} @ {}ᵀ", MATRIX, (MATRIX, ATOM)),
    "affine": Form("{} @ {}ᵀ + {}", SUM, (MATRIX, ATOM, MATRIX)),
    "remainder": Form("{} mod {}", MATRIX, (MATRIX, SIGN)),
    "floor_divide": Form("{} // {}", MATRIX, (MATRIX, SIGN)),
    "pow": Form("{} ** {}", POWER, (ATOM, SIGN)),
    "eq": Form("{} == {}", COMPARISON, (SUM, SUM)),
    "ne": Form("{} ≠ {}", COMPARISON, (SUM, SUM)),
    "lt": Form("{} < {}", COMPARISON, (SUM, SUM)),
    "le": Form("{} ≤ {}", COMPARISON, (SUM, SUM)),
    "gt": Form("{} > {}", COMPARISON, (SUM, SUM)),
    "ge": Form("{} ≥ {}", COMPARISON, (SUM, SUM)),
    "neg": Form("−{}", SIGN, (SIGN,)),
    "abs": Form("|{}|", ATOM, (CHOICE,)),
    "swapped": Form("{}ᵀ", ATOM, (ATOM,)),
    "sqrt": Form("√{}", POWER, (ATOM,)),
    "sum": Form("Σ({})", ATOM, (CHOICE,)),
    "sum_to": Form("Σ({})", ATOM, (CHOICE,)),
}


class Formula(NamedTuple):
    """The text of a formula, and how strongly it holds together."""

    text: str
    strength: int = ATOM

    def within(self, needed: int) -> str:
        """Return the text as a part of something that holds together as strongly as that."""
        return self.text if self.strength >= needed else f"({self.text})"


def applied(name: str, operands: Sequence[Formula], forms: Mapping[str, Form] = FORMS) -> Formula:
    """Return the formula of the operation `name` on `operands`: in its form, or else with its name before them."""
    form = forms.get(name)
    if form is None or len(form.needed) != len(operands):  # as in a call that failed
        return Formula(f"{name}({', '.join(operand.text for operand in operands)})")
    operands, negative = _signed(name, operands)
    parts = [operand.within(needed) for operand, needed in zip(operands, form.needed, strict=True)]
    if name in ("add", "sub") and parts[1].startswith("−"):  # which would be two signs side by side
        form, parts[1] = FORMS["sub"], parts[1][1:] if name == "add" else f"({parts[1]})"
    text = form.pattern.format(*parts).replace("ᵀᵀ", "")  # transposed twice is not transposed
    return Formula(f"−{text}" if negative else text, form.strength)


def _signed(name: str, operands: Sequence[Formula]) -> tuple[Sequence[Formula], bool]:
    """Return the factors of a product or quotient without their signs, and whether it is negative.

    ``a * −b / c`` cannot be read: a sign stands before the whole.
    """
    if name not in ("mul", "div"):
        return operands, False
    signs = [factor.text.startswith("−") and factor.strength >= PRODUCT for factor in operands]
    bare = [f._replace(text=f.text[1:]) if sign else f for f, sign in zip(operands, signs, strict=True)]
    return bare, sum(signs) == 1


def with_operator(name: str, operands: Sequence[ast.expr]) -> ast.expr | None:
    """Return the operation `name` on `operands` as Python writes it with an operator; None if it has none for it.

    >>> ast.unparse(with_operator("sub", [ast.Name("x"), ast.Constant(1)]))
    'x - 1'
    """
    if name in _UNARY and len(operands) == 1:
        return ast.UnaryOp(_UNARY[name], operands[0])
    if name in _COMPARED and len(operands) == 2:
        return ast.Compare(operands[0], [_COMPARED[name]], [operands[1]])
    return ast.BinOp(operands[0], _BINARY[name], operands[1]) if name in _BINARY and len(operands) == 2 else None


def subscript(n: int) -> str:
    """Return `n` in subscript digits.

    >>> subscript(12)
    '₁₂'
    """
    return str(n).translate(str.maketrans("0123456789", _LOW))


def numbered(name: str, n: int) -> str:
    """Return the name of the part number `n` of the value `name`; a comma divides two numbers.

    >>> numbered("dx", 1), numbered("dout₂", 1)
    ('dx₁', 'dout₂,₁')
    """
    return f"{name}{',' * (name[-1:] in _LOW)}{subscript(n)}"


def superscript(number: str) -> str:
    """Return the digits and the sign of `number` as an exponent.

    >>> superscript("−12")
    '⁻¹²'
    """
    return number.translate(str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
