"""Twenty-odd mistakes that end in NaN, infinity or a gradient of zero, and what must be said of each.

The line that makes it ends in the comment `here`; where the tensors come from stands beside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tensorgrad as tg
from tensorgrad import nn

F = nn.functional
MARK = "# here"


class Planted(NamedTuple):
    """A function with one fault, its inputs, and what `debug.why` must say of it."""

    function: Callable[..., Any]
    inputs: Callable[[], tuple[Any, ...]]
    kind: str
    operation: str
    cause: str
    rows: tuple[int, ...] = ()
    extra: dict[str, Any] = {}

    @property
    def place(self) -> str:
        """The file and the line that ends in the mark."""
        lines, start = inspect.getsourcelines(self.function)
        at = next(i for i, line in enumerate(lines) if line.rstrip().endswith(MARK))
        return f"{Path(__file__).name}:{start + at}"


FAULTS: dict[str, Planted] = {}


def planted(
    inputs: Callable[[], tuple[Any, ...]],
    kind: str,
    operation: str,
    cause: str,
    rows: tuple[int, ...] = (),
    **extra: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter the function that follows as a fault."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        FAULTS[function.__name__] = Planted(function, inputs, kind, operation, cause, rows, extra)
        return function

    return enter


def batch(rows: int = 8, columns: int = 3, dtype: Any = tg.float32) -> tg.Tensor:
    """Numbers between 1 and 2, of which none is like another."""
    x = 1 + tg.arange(rows * columns, dtype=tg.float64).reshape(rows, columns) / (rows * columns)
    return x.to(dtype)


def with_row(row: int, value: float, **options: Any) -> Callable[[], tuple[tg.Tensor]]:
    """A batch with one number in the last column of one row, requiring a gradient."""

    def made() -> tuple[tg.Tensor]:
        x = batch(**options)
        x[row, -1] = value
        return (x.requires_grad_(),)

    return made


def plain(**options: Any) -> Callable[[], tuple[tg.Tensor]]:
    """A batch that requires a gradient."""
    return lambda: (batch(**options).requires_grad_(),)


ALL = tuple(range(8))


@planted(with_row(3, 0.0), "infinite", "log", "log of 0", (3,))
def log_of_zero(x):
    y = x * 1
    y = y.log()  # here
    return (y + 1).sum()


@planted(with_row(5, -2.0), "NaN", "log", "log of a negative number: -2", (5,))
def log_of_a_negative_number(x):
    y = x.log()  # here
    return y.mean()


@planted(with_row(2, -0.5), "NaN", "sqrt", "sqrt of a negative number: -0.5", (2,))
def sqrt_of_a_negative_number(x):
    return (x.sqrt() + 1).sum()  # here


@planted(with_row(4, 0.0), "infinite gradient", "sqrt", "the slope of sqrt at 0 is infinite", (4,))
def slope_of_sqrt_at_zero(x):
    y = x.sqrt()  # here
    return y.sum()


@planted(with_row(6, 0.0), "infinite", "div", "division by 0", (6,))
def division_by_zero(x):
    y = 1 / x  # here
    return y.sum()


def a_constant_feature() -> tuple[tg.Tensor]:
    x = batch()
    x[:, 1] = 4.0
    return (x.requires_grad_(),)


@planted(a_constant_feature, "NaN", "div", "0 / 0", ALL, units=(1,))
def normalisation_of_a_constant_feature(x):
    centred = x - x.mean(0)
    deviation = (centred * centred).mean(0).sqrt()
    z = centred / deviation  # here
    return z.pow(2).sum()


@planted(lambda: (batch(), tg.zeros(3, 1, requires_grad=True)), "NaN", "assign", "grow from step to step")
def exploding_rate(x, w):
    for _ in range(60):
        loss = ((x @ w - 1) ** 2).mean()
        loss.backward()
        with tg.no_grad():
            w -= 5.0 * w.grad  # here
            w.grad = None
    return w


@planted(lambda: (batch(), tg.nn.Linear(3, 1)), "NaN", "assign", "grow from step to step")
def exploding_rate_of_an_optimiser(x, model):
    optimiser = tg.optim.SGD(model.parameters(), lr=5.0)
    for _ in range(60):
        optimiser.zero_grad()
        loss = ((model(x) - 1) ** 2).mean()
        loss.backward()
        optimiser.step()  # here
    return loss


def a_bad_row() -> tuple[tg.Tensor, tg.Tensor]:
    x = batch(rows=32)
    x[17, 1] = float("nan")
    return x, tg.ones(3, 2, requires_grad=True)


@planted(a_bad_row, "NaN", "input", "x holds NaN already", (17,), units=(1,))
def bad_row(x, w):
    h = x @ w  # here
    return (h * h).mean()


@planted(lambda: (batch(), tg.ones(3, 5, requires_grad=True)), "zero gradient", "relu", "all 5 units are dead", ALL)
def dead_relus(x, w):
    h = x @ w - 100
    h = h.relu()  # here
    return (h + x.sum(1, keepdim=True)).sum()


@planted(lambda: (batch(), tg.full((3, 2), 50.0, requires_grad=True)), "zero gradient", "sigmoid", "saturated", ALL)
def saturated_sigmoid(x, w):
    y = (x @ w).sigmoid()  # here
    return ((y - 0.5) ** 2).sum()


@planted(
    lambda: (batch(), (400 * tg.tensor([[1.0, 2], [1, 2], [1, 2]])).requires_grad_()),
    "zero gradient",
    "exp",
    "saturated: one of them has all",
    ALL,
    function="softmax",
    units=(0,),
)
def saturated_softmax(x, w):
    p = (x @ w).softmax(1)  # here
    return ((p - 0.5) ** 2).sum() + p[:, 0].sum()


@planted(with_row(1, 300.0, dtype=tg.float16), "infinite", "mul", "does not fit float16", (1,))
def overflow_of_half_precision(x):
    y = x * 400  # here
    return y.sum()


@planted(with_row(7, 800.0), "infinite", "exp", "overflow", (7,))
def overflow_of_exp(x):
    y = x.exp()  # here
    return y.sum()


@planted(with_row(0, 1e30), "infinite", "pow", "overflow", (0,))
def overflow_of_a_square(x):
    y = x**2  # here
    return y.mean()


@planted(lambda: ((batch() * -200).requires_grad_(),), "zero", "exp", "underflow", ALL)
def underflow(x):
    p = x.exp()  # here
    return p.sum(1).mean()


@planted(with_row(2, 1e30), "NaN", "sub", "inf - inf", (2,), earlier=("pow", "overflow"))
def infinity_minus_infinity(x):
    a, b = x**2, 2 * x**2
    y = a - b  # here
    return y.sum()


@planted(with_row(3, 0.0), "NaN gradient", "sqrt", "0 * inf", (3,))
def masked_slope(x):
    mask = x > 0
    y = mask * x.sqrt()  # here
    return y.sum()


@planted(with_row(3, 0.0), "NaN", "mul", "0 * inf", (3,), earlier=("log", "log of 0"))
def masked_value(x):
    mask = x > 0
    y = mask * x.log()  # here
    return y.sum()


@planted(lambda: (batch(), tg.ones(3, 2, requires_grad=True)), "no gradient", "detach", "detach")
def detached(x, w):
    h = (x @ w).tanh()
    h = h.detach()  # here
    return (h * x.requires_grad_().sum()).sum()


@planted(lambda: (batch(), tg.ones(3, 2, requires_grad=True)), "no gradient", "tanh", "no_grad")
def without_gradient(x, w):
    h = x @ w
    with tg.no_grad():
        h = h.tanh()  # here
    return (h * x.requires_grad_().sum()).sum()


@planted(lambda: (batch(), tg.ones(3, requires_grad=True)), "no gradient", "argmax", "has no derivative")
def chosen(x, w):
    scores = x * w
    best = scores.argmax(1)  # here
    return (best * x.requires_grad_().sum()).sum()


@planted(plain(), "zero gradient", "floor", "a step", ALL)
def rounded(x):
    y = (10 * x).floor()  # here
    return (y * 2).sum()


@planted(plain(), "zero gradient", "clip", "outside of 5 to 6", ALL)
def clipped(x):
    y = x.clamp(5, 6)  # here
    return y.sum()


def a_row_of_zeros() -> tuple[tg.Tensor]:
    x = batch()
    x[4] = 0.0
    return (x.requires_grad_(),)


@planted(a_row_of_zeros, "NaN gradient", "sqrt", "the slope of sqrt at 0 is infinite; it becomes NaN in mul", (4,))
def norm_at_zero(x):
    square = (x * x).sum(1)
    y = square.sqrt()  # here
    return y.sum()


@planted(lambda: ((batch() / 2).clamp(max=1).index_fill(0, tg.tensor([6]), 1.0).requires_grad_(),),
         "infinite gradient", "acos", "the slope of acos at 1 is infinite", (6,))  # fmt: skip
def angle(x):
    y = x.acos()  # here
    return y.mean()


@planted(
    lambda: (batch(), tg.zeros(3, 4, requires_grad=True), tg.zeros(4, 1, requires_grad=True)),
    "zero gradient",
    "matmul",
    "is 0 everywhere",
    about=("V", "W"),
)
def initial_zeros(x, V, W):
    h = (x @ V).tanh()
    y = h @ W  # here
    return ((y - 1) ** 2).mean()


@planted(lambda: (batch(rows=1).requires_grad_(),), "zero gradient", "mean", "a single one", (0,))
def batch_of_one(x):
    mean = x.mean(0)  # here
    centred = x - mean
    z = centred / (centred.pow(2).mean(0) + 1e3).sqrt()
    return (z + 1).sum()


@planted(lambda: (batch(), tg.full((3, 3), 3.0, requires_grad=True)), "exploding gradient", "matmul", "grows by")
def exploding_chain(x, w):
    for _ in range(12):
        x = x @ w  # here
    return x.mean()


@planted(lambda: ((batch() * 4).requires_grad_(),), "vanishing gradient", "sigmoid", "shrinks by")
def vanishing_chain(x):
    for _ in range(16):
        x = x.sigmoid()  # here
    return x.sum()


@planted(lambda: (batch(),), "NaN", "div", "0 / 0", (5,))
def masked_row(x):
    keep = tg.ones(8, 3)
    keep[5] = 0.0
    weights = keep * x
    weights = weights / weights.sum(1, keepdim=True)  # here
    return weights.sum()


@planted(with_row(1, float("inf")), "infinite", "input", "x holds Inf already", (1,))
def infinite_row(x):
    y = x * 2  # here
    return y.sum()


@planted(lambda: (batch().requires_grad_(),), "NaN", "sub", "the largest of is -inf", (2,))
def whole_row_masked(x):
    seen = tg.ones(8, 3).bool()
    seen[2] = False
    seen[5, 0] = False
    weights = x.masked_fill(~seen, -float("inf")).softmax(-1)  # here
    return (weights * x).sum()


BEYOND = 1 + 2**-23
CLAMP = "clamp(-1, 1) before it"


@planted(with_row(1, 2.0), "NaN", "acos", f"acos of {BEYOND:.7f}, which is outside", (1,), cure=CLAMP)
def barely_outside(x):
    return (x / 2).clamp(max=0.9).where(x < 2, BEYOND).acos().sum()  # here


ALONE = "a larger batch, or eval(), which takes running averages"


@planted(lambda: (batch(rows=1).requires_grad_(),), "zero", "sub", "the mean is over a single one", (0,), cure=ALONE)
def alone_in_its_batch(x):
    centered = x - x.mean(0)  # here
    return (centered / (x.var(0, unbiased=False) + 1e-5).sqrt()).sum()
