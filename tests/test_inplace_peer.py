"""Every operation in place, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.tensor import names
from tests.writing import WITHOUT_TORCH, X

Y = np.array([[1.5, 0.25, -0.75], [0.5, 2.0, 1.25]])


ROWS = np.array([0, 1])


WITH_ANOTHER = """add sub subtract mul multiply div divide true_divide floor_divide fmod remainder hypot copysign atan2
    arctan2 eq ne not_equal lt less le less_equal gt greater ge greater_equal logical_and logical_or logical_xor
    heaviside"""


ALONE = """neg negative abs absolute square reciprocal exp exp2 expm1 erf erfc sigmoid relu sin cos tan sinh cosh tanh
    asinh arcsinh atan arctan deg2rad rad2deg floor ceil round trunc fix frac sign sgn nan_to_num
    logical_not tril triu i0 sinc"""


CALLS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(WITH_ANOTHER.split(), ("y",)),
    **dict.fromkeys(ALONE.split(), ()),
    "pow": (2,), "float_power": (2,), "lerp": ("y", 0.25), "addcmul": ("y", "x"), "addcdiv": ("y", "y"),
    "xlogy": (abs(Y),), "clamp": (-0.5, 0.6), "clip": (-0.5, 0.6), "clamp_min": (0.1,), "clamp_max": (0.6,),
    "cumsum": (1,), "cumprod": (1,), "masked_fill": (X > 0.6, 3.0), "masked_scatter": (X > 0.6, Y),
    "index_fill": (1, ROWS, 2.0), "index_copy": (0, ROWS, "y"), "index_add": (0, np.array([1, 1]), "y"),
    "index_put": ((ROWS, ROWS), Y[0, :2]), "scatter": (1, np.array([[0, 2, 1], [2, 1, 0]]), "y"),
    "scatter_add": (1, np.array([[0, 0, 1], [2, 1, 2]]), "y"),
    "scatter_reduce": (1, np.array([[0, 0, 1], [2, 1, 2]]), "y", "sum"),
}  # fmt: skip


# PyTorch gives the gradient of the identity, which is wrong, or none that can be read.
NOT_THEIRS = {"logical_and", "logical_or", "logical_xor", "logical_not", "sgn"}


# On (0, 1) or above 1, and on integers; each by its own test of the function that it is made of.
ELSEWHERE = {
    "sqrt", "rsqrt", "log", "log2", "log10", "log1p", "erfinv", "logit", "asin", "acos", "arcsin", "arccos", "acosh",
    "arccosh", "atanh", "arctanh", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not",
    "bitwise_left_shift", "bitwise_right_shift", "addmm", "addmv", "addr", "addbmm", "baddbmm", "digamma", "lgamma",
    "mvlgamma", "polygamma",
    "t", "transpose", "swapaxes", "swapdims", "squeeze", "unsqueeze",
}  # fmt: skip


def made_in_place(t: Any, name: str, args: tuple[Any, ...], suffix: str) -> list[Any]:
    x, y = (t.tensor(a, dtype=t.float64, requires_grad=True) for a in (X, Y))

    def converted(a: Any) -> Any:
        if isinstance(a, str) and a in "xy":
            return y if a == "y" else x.detach()
        if isinstance(a, tuple):
            return tuple(map(converted, a))
        return t.tensor(a) if isinstance(a, np.ndarray) else a

    z = x * 1.0
    result = getattr(z, name + suffix)(*map(converted, args))
    assert not suffix or result is z
    grads = t.autograd.grad((result * 1.5).sum(), [x, y], allow_unused=True) if result.requires_grad else (None, None)
    return [result.detach().numpy().copy(), *[None if g is None else g.numpy().copy() for g in grads]]


def test_every_method_in_place_is_in_one_of_the_tables() -> None:
    found = {name[:-1] for row in names.ROWS for name in row.methods if name.endswith("_")}
    assert found == set(CALLS) | ELSEWHERE


@pytest.mark.parametrize("name", CALLS)
def test_in_place_gives_what_the_function_gives(name: str) -> None:
    for made, plain in zip(
        made_in_place(tg, name, CALLS[name], "_"), made_in_place(tg, name, CALLS[name], ""), strict=True
    ):
        if made is None or plain is None:
            assert all(a is None or not a.any() for a in (made, plain))
        else:
            np.testing.assert_array_equal(made, plain)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in NOT_THEIRS])
def test_in_place_gives_what_pytorch_gives(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    try:
        theirs = made_in_place(torch, name, CALLS[name], "_")
    except RuntimeError as error:
        assert "not implemented" in str(error)  # noqa: PT017 - any other one is a failure
        pytest.skip(f"PyTorch has no derivative of {name}_")
    for mine, other in zip(made_in_place(tg, name, CALLS[name], "_"), theirs, strict=True):
        if mine is None or other is None:
            assert all(a is None or not a.any() for a in (mine, other))
        else:
            np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-12)


def test_integers_and_masks_in_place() -> None:
    x = tg.tensor([5, 6])
    x &= 4
    x |= 1
    x ^= 3
    x //= 2
    x %= 2
    assert x.tolist() == [1, 1]
    m = tg.zeros(2, 3)
    assert m.fill_diagonal_(7.0).tolist() == [[7.0, 0.0, 0.0], [0.0, 7.0, 0.0]]
