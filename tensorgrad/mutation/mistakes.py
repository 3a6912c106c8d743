"""Thirty faults that people make in a gradient, each a small function of one node of the code.

It is called with each expression and each statement of the code, and yields what may stand there in its place. Whether
a fault can be seen at all, as where an engine mends it, is decided by running it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from .code import REDUCTIONS, Code, called, changed, made, name_of, operation, subject, unpacked

Wrong = Iterator[ast.AST]
Change = Callable[[ast.AST, Code], Wrong]
C = TypeVar("C", bound=Change)


class Mistake(NamedTuple):
    """A kind of fault: its name, the sentence that says it, and what it makes of a node."""

    name: str
    sentence: str
    change: Change


MISTAKES: list[Mistake] = []


def mistake(name: str) -> Callable[[C], C]:
    """List a function as the fault `name`, which its docstring describes."""

    def listed(change: C) -> C:
        MISTAKES.append(Mistake(name, change.__doc__ or "", change))
        return change

    return listed


# --- the number is wrong ----------------------------------------------------------------------------------------------


@mistake("sign")
def sign(node: ast.AST, code: Code) -> Wrong:
    """The gradient has the other sign."""
    if node in code.results:
        yield made("-e", e=node)


@mistake("factor")
def factor(node: ast.AST, code: Code) -> Wrong:
    """The gradient is twice what it should be."""
    if node in code.results:
        yield made("2 * e", e=node)


@mistake("gradient forgotten")
def gradient_forgotten(node: ast.AST, code: Code) -> Wrong:
    """Nothing flows back to this argument."""
    if node in code.results:
        yield made("None" if code.kind == "gradient" else "0 * e", e=node)


@mistake("plus and minus")
def plus_and_minus(node: ast.AST, code: Code) -> Wrong:
    """A term is added where it should be subtracted, or the other way round; a minus is forgotten."""
    if node in code.placing:
        return
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        yield changed(node, op=ast.Sub() if isinstance(node.op, ast.Add) else ast.Add())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


@mistake("constant")
def constant(node: ast.AST, code: Code) -> Wrong:
    """A number of the formula is another one."""
    if isinstance(node, ast.Constant) and type(node.value) in {int, float} and node not in code.placing:
        yield ast.Constant(node.value + 1)  # type: ignore[operator]


@mistake("cotangent forgotten")
def cotangent_forgotten(node: ast.AST, code: Code) -> Wrong:
    """The gradient from above is not multiplied in."""
    for kept, dropped in factors(node):
        if code.mentions(dropped, code.given):
            yield kept
    if (sides := operation(node, ast.Div)) and code.mentions(sides[0], code.given):
        yield made("1 / b", b=sides[1])


@mistake("factor forgotten")
def factor_forgotten(node: ast.AST, code: Code) -> Wrong:
    """The chain rule's inner derivative is missing."""
    for kept, dropped in factors(node):
        if not code.mentions(dropped, code.given):
            yield kept


def factors(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """Return what may be kept and dropped of a product."""
    sides = operation(node, ast.Mult)
    return [sides, sides[::-1]] if sides else []


@mistake("divisor")
def divisor(node: ast.AST, code: Code) -> Wrong:
    """A divisor is forgotten, or multiplied with."""
    if sides := operation(node, ast.Div):
        yield sides[0]
        yield changed(node, op=ast.Mult())


@mistake("term forgotten")
def term_forgotten(node: ast.AST, code: Code) -> Wrong:
    """One of several ways on which the argument acts is left out."""
    if (sides := operation(node, ast.Add, ast.Sub)) and node not in code.placing:
        yield sides[0]
        yield made("-b", b=sides[1]) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) else sides[1]


TWO_SIDED = {"matmul", "mm", "bmm", "outer", "subtract", "divide", "true_divide"}


@mistake("operands swapped")
def operands_swapped(node: ast.AST, code: Code) -> Wrong:
    """A - b, a / b or a @ b with a and b exchanged."""
    if (sides := operation(node, ast.Sub, ast.Div, ast.MatMult)) and node not in code.placing:
        yield changed(node, left=sides[1], right=sides[0])
    if isinstance(node, ast.Call) and called(node) in TWO_SIDED and len(node.args) == 2:
        yield changed(node, args=node.args[::-1])


PAIRS = (
    "sin cos, sinh cosh, maximum minimum, max min, amax amin, zeros_like ones_like, argmax argmin, floor ceil, any all"
    ", log log1p, exp expm1, sqrt square, sign abs, tanh sigmoid, tan atan, arctan tan"
)
COUSINS = {a: b for pair in PAIRS.split(", ") for x, y in [pair.split()] for a, b in ((x, y), (y, x))}


@mistake("cousin")
def cousin(node: ast.AST, code: Code) -> Wrong:
    """A function is taken for its cousin: sin and cos, max and min, exp and expm1."""
    if isinstance(node, ast.Call) and called(node) in COUSINS and isinstance(node.func, ast.Attribute):
        yield changed(node, func=changed(node.func, attr=COUSINS[called(node)]))


# --- the shape is wrong -----------------------------------------------------------------------------------------------


@mistake("transpose")
def transpose(node: ast.AST, code: Code) -> Wrong:
    """A transpose is forgotten, or stands where none belongs."""
    if (turned := untransposed(node)) is not None:
        yield turned
    for side, value in zip(("left", "right"), operation(node, ast.MatMult) or (), strict=False):
        if untransposed(value) is None:
            yield changed(node, **{side: made("e.T", e=value)})


def untransposed(node: ast.AST) -> ast.expr | None:
    """Return what a transpose is of; None for anything else."""
    if isinstance(node, ast.Attribute) and node.attr in {"T", "mT", "H", "mH"}:
        return node.value
    if called(node) in {"t", "transpose", "swapaxes", "permute", "adjoint", "matrix_transpose"}:
        assert isinstance(node, ast.Call)
        return subject(node)
    return None


@mistake("sum forgotten")
def sum_forgotten(node: ast.AST, code: Code) -> Wrong:
    """What broadcasting has repeated, or what a sum has joined, is not summed."""
    if called(node) in {"sum", "mean", "sum_to_size"}:
        assert isinstance(node, ast.Call)
        if (value := subject(node)) is not None:
            yield value


@mistake("mean for sum")
def mean_for_sum(node: ast.AST, code: Code) -> Wrong:
    """The mean is taken in place of the sum, or the sum in place of the mean."""
    other = {"sum": "mean", "mean": "sum"}.get(called(node))
    if other and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield changed(node, func=changed(node.func, attr=other))


@mistake("axis")
def axis(node: ast.AST, code: Code) -> Wrong:
    """The wrong axis is reduced, or is dropped where it should be kept, or kept."""
    if not isinstance(node, ast.Call) or called(node) not in REDUCTIONS:
        return
    place = 0 if subject(node) is getattr(node.func, "value", None) else 1
    if len(node.args) > place and (other := next_axis(node.args[place])):
        yield changed(node, args=[*node.args[:place], other, *node.args[place + 1 :]])
    for i, word in enumerate(node.keywords):
        other = next_axis(word.value) if word.arg in {"axis", "dim"} else None
        if word.arg in {"keepdims", "keepdim"} and isinstance(word.value, ast.Constant):
            other = ast.Constant(not word.value.value)
        if other:
            yield changed(node, keywords=[*node.keywords[:i], changed(word, value=other), *node.keywords[i + 1 :]])


def next_axis(node: ast.expr) -> ast.expr | None:
    """Return another axis, or fewer of several; None where the axis is no number."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    if isinstance(value, tuple | list):
        return ast.parse(repr(tuple(value[1:]))).body[0].value if len(value) > 1 else None  # type: ignore[attr-defined]
    other = {0: 1, 1: 0, 2: 1, -1: -2, -2: -1, None: 0}.get(value)
    return None if other is None else ast.parse(str(other), mode="eval").body


@mistake("index")
def index(node: ast.AST, code: Code) -> Wrong:
    """An index or a slice is off by one."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    if isinstance(node.value, ast.Attribute) and node.value.attr in {"saved_tensors", "needs_input_grad"}:
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for i, part in enumerate(parts):
        for other in next_index(part):
            where = [*parts[:i], other, *parts[i + 1 :]]
            yield changed(node, slice=ast.Tuple(where, ast.Load()) if len(where) > 1 else other)


def next_index(part: ast.expr) -> Iterator[ast.expr]:
    """Yield a place beside `part`, or the slice that ends where it begins."""
    if isinstance(part, ast.Constant) and type(part.value) is int:
        yield ast.Constant(part.value - 1 if part.value else 1)
    if isinstance(part, ast.Slice) and part.step is None and (part.lower is None) != (part.upper is None):
        lower, upper = part.lower, part.upper
        yield ast.Slice(upper and made("-e", e=upper), lower and made("-e", e=lower))


# --- the wrong thing is used ------------------------------------------------------------------------------------------


@mistake("wrong value saved")
def wrong_value_saved(node: ast.AST, code: Code) -> Wrong:
    """Another value is saved for the backward than the one that it reads."""
    if called(node) not in {"save_for_backward", "save_for_forward"}:
        return
    assert isinstance(node, ast.Call)
    written = [n.id for n in ast.walk(code.definition) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    plain = [a.arg for a in code.definition.args.args if a.arg not in {"ctx", "inputs", "output"}]
    for i, given in enumerate(node.args):
        for other in dict.fromkeys([*plain, *written]):
            if isinstance(given, ast.Name) and other != given.id and other not in {a.id for a in names(node.args)}:
                yield changed(node, args=[*node.args[:i], ast.Name(other, ast.Load()), *node.args[i + 1 :]])


def names(nodes: list[ast.expr]) -> list[ast.Name]:
    """Return those of `nodes` that are names."""
    return [n for n in nodes if isinstance(n, ast.Name)]


@mistake("saved values swapped")
def saved_values_swapped(node: ast.AST, code: Code) -> Wrong:
    """Two saved values are taken for one another."""
    if isinstance(node, ast.Assign) and unpacked(node) and isinstance(target := node.targets[0], ast.Tuple):
        yield from (changed(node, targets=[swapped]) for swapped in neighbours_swapped(target))
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "saved_tensors":
        yield from (changed(node, slice=other) for other in next_index(node.slice))


def neighbours_swapped(node: ast.Tuple) -> Iterator[ast.Tuple]:
    """Yield a tuple in which two neighbours have changed places."""
    for i in range(len(node.elts) - 1):
        a, b = node.elts[i : i + 2]
        if ast.unparse(a) != ast.unparse(b):
            yield ast.Tuple([*node.elts[:i], b, a, *node.elts[i + 2 :]], ast.Load())


@mistake("wrong name")
def wrong_name(node: ast.AST, code: Code) -> Wrong:
    """One value is used where another is meant."""
    for pool in (code.given, code.saved):
        if name := name_of(node, pool):
            other = pool[(pool.index(name) + 1) % len(pool)]
            if other != name:
                yield ast.Name(other, ast.Load())


@mistake("gradients swapped")
def gradients_swapped(node: ast.AST, code: Code) -> Wrong:
    """The gradients of two arguments are returned in the wrong order."""
    if isinstance(node, ast.Tuple) and node in code.returned:
        yield from neighbours_swapped(node)


@mistake("who needs it")
def who_needs_it(node: ast.AST, code: Code) -> Wrong:
    """Whether a gradient is needed is asked of another argument, or answered the wrong way round."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("needs_input_grad"):
        yield made("not e", e=node)
        yield from (changed(node, slice=other) for other in next_index(node.slice))


@mistake("contribution lost")
def contribution_lost(node: ast.AST, code: Code) -> Wrong:
    """A contribution overwrites the others, or is not written at all."""
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        yield ast.Pass()


@mistake("conjugate")
def conjugate(node: ast.AST, code: Code) -> Wrong:
    """A conjugate is forgotten."""
    if called(node) in {"conj", "conjugate"}:
        assert isinstance(node, ast.Call)
        if (value := subject(node)) is not None:
            yield value


# --- the number is right, for a while ---------------------------------------------------------------------------------

TIES: dict[type, type] = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
TURNED: dict[type, type] = {
    ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq
}  # fmt: skip


@mistake("tie")
def tie(node: ast.AST, code: Code) -> Wrong:
    """A value that is exactly at the limit counts to the other side."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in TIES:
        yield changed(node, ops=[TIES[type(node.ops[0])](), *node.ops[1:]])


@mistake("condition")
def condition(node: ast.AST, code: Code) -> Wrong:
    """A condition is turned round, or joined in the other way."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        yield changed(node, ops=[TURNED[type(node.ops[0])](), *node.ops[1:]])
    if called(node) == "where" and isinstance(node, ast.Call) and len(node.args) == 3:
        yield changed(node, args=[node.args[0], node.args[2], node.args[1]])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        yield node.operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        yield changed(node, op=ast.BitOr() if isinstance(node.op, ast.BitAnd) else ast.BitAnd())


@mistake("saved value detached")
def saved_value_detached(node: ast.AST, code: Code) -> Wrong:
    """A saved value has left the graph: the second derivative lacks what flows through it."""
    if code.library != "numpy" and name_of(node, code.saved):
        yield made("e.detach()", e=node)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("saved_tensors"):
        yield made("e.detach()", e=node)


@mistake("cotangent detached")
def cotangent_detached(node: ast.AST, code: Code) -> Wrong:
    """The gradient from above has left the graph: second derivatives do not pass through it."""
    if code.library != "numpy" and name_of(node, code.given):
        yield made("e.detach()", e=node)


@mistake("dtype")
def dtype(node: ast.AST, code: Code) -> Wrong:
    """The gradient has another dtype, and is rounded on the way."""
    if node in code.results:
        if code.library != "numpy":
            yield made("e.float()", e=node)
        else:
            yield made("e.astype('float32')", e=node)
            yield made("e.astype('float64')", e=node)


@mistake("layout")
def layout(node: ast.AST, code: Code) -> Wrong:
    """A value is read as it lies in memory, which is right only where it lies row by row."""
    if not name_of(node, [*code.given, *code.saved]):
        return
    if code.library == "numpy":
        yield made("e.ravel('K').reshape(e.shape)", e=node)
    else:
        turned = "e if e.is_contiguous() else e.permute(tuple(range(e.ndim))[::-1]).reshape(e.shape)"
        yield made(turned, e=node)


@mistake("written in place")
def written_in_place(node: ast.AST, code: Code) -> Wrong:
    """The result is computed in the memory of a value that others still read."""
    methods = {ast.Mult: "__imul__", ast.Add: "__iadd__", ast.Sub: "__isub__", ast.Div: "__itruediv__"}
    sides = operation(node, *methods)
    if not sides or not isinstance(node, ast.BinOp):
        return
    pool = [*code.given, *code.saved]
    if name_of(sides[0], pool):
        yield made(f"a.{methods[type(node.op)]}(b)", a=sides[0], b=sides[1])
    elif name_of(sides[1], pool) and isinstance(node.op, ast.Mult | ast.Add):
        yield made(f"b.{methods[type(node.op)]}(a)", a=sides[0], b=sides[1])
