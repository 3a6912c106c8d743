"""Every primitive on special inputs: values at the edge of the format, memory layouts, operands that are one tensor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import DTypeError
from tests.cases import OF_REALS, Rolled, case
from tests.checks import close, leaves, separate

DIFFERENTIABLE = [name for name, p in OF_REALS.items() if p.differentiable]
OF_ELEMENTS = [name for name, p in PRIMITIVES.items() if isinstance(p.samples, list) and "mask" not in p.samples]
SMOOTH = [name for name in OF_ELEMENTS if PRIMITIVES[name].differentiable]
FLOATS = [np.float16, np.float32, np.float64]
SEEDS = 12

# Where NumPy's name is another one; where the names agree, nothing need be said.
NUMPY = {
    "sub": np.subtract,
    "div": np.divide,
    "neg": np.negative,
    "mul": np.multiply,
    "relu": lambda x: np.maximum(x, 0),
}
# What is no function of NumPy's, at inf, -inf and nan.
LIMITS = {"sigmoid": [1.0, 0.0, np.nan], "relu": [np.inf, 0.0, np.nan], "tanh": [1.0, -1.0, np.nan]}


def op(name, *args, **params) -> Tensor:
    """`name` as users call it, through its fast path; some primitives are only used inside, and have none."""
    found = getattr(tg.ops, name, None)
    return found(*args, **params) if found else apply(PRIMITIVES[name], args, params)


def has_half(name: str) -> bool:
    """Whether float16 is possible: LAPACK, behind NumPy's linear algebra, has no such format."""
    arrays, params = case(PRIMITIVES[name], Rolled(0), np.float16)
    try:
        PRIMITIVES[name].forward(*arrays, **params)
    except TypeError as error:
        assert "float16 is unsupported in linalg" in str(error)  # noqa: PT017 - this is the whole question
        return False
    return True


IN_EVERY_FORMAT = [(n, d) for n in OF_REALS for d in FLOATS if d is not np.float16 or has_half(n)]


def count(primitive: Primitive) -> int:
    return len(primitive.signature.arguments)


def edge(dtype) -> np.ndarray:
    """Zeros of both signs, infinities, NaN, the smallest and the largest numbers, and ordinary ones."""
    info = np.finfo(dtype)
    positive = [0.0, 1.0, 0.5, 2.0, 2.5, np.inf, info.smallest_subnormal, info.smallest_normal, info.max]
    return np.array([*positive, *(-v for v in positive), np.nan], dtype)


def on_its_side(x: np.ndarray, domain) -> np.ndarray:
    """Where `x` has a sign that `domain` has: elsewhere the value may exist, but not the derivative (of 'pow')."""
    return (x > 0) | (isinstance(domain, str) or domain[0] < 0)


def same_bits(found, expected, what):
    """Equal, NaN where NaN is, and zeros of the same sign."""
    assert found.dtype == expected.dtype, what
    np.testing.assert_array_equal(found, expected, err_msg=what)
    if expected.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(expected)[known], err_msg=f"{what}: -0.0")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", OF_ELEMENTS)
def test_at_the_edge_of_the_format_the_value_is_numpys(name, dtype):
    primitive = PRIMITIVES[name]
    args = np.meshgrid(*[edge(dtype)] * count(primitive))
    params = case(primitive, Rolled(0))[1]
    function = NUMPY.get(name, getattr(np, name, None))
    with np.errstate(all="ignore"):
        value = op(name, *map(tg.tensor, args), **params).numpy()
        same_bits(value, np.asarray(primitive.forward(*args, **params)), "the fast path")
        if isinstance(function, np.ufunc) or name in NUMPY:
            same_bits(value, function(*args), "NumPy")
        if name in LIMITS:
            same_bits(
                op(name, tg.tensor([np.inf, -np.inf, np.nan], dtype=dtype)).numpy(), np.array(LIMITS[name], dtype), ""
            )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SMOOTH)
def test_at_the_edge_of_the_format_both_sweeps_answer(name, dtype):
    primitive = PRIMITIVES[name]
    xs = leaves(np.meshgrid(*[edge(dtype)] * count(primitive)))
    params = case(primitive, Rolled(0))[1]
    with np.errstate(all="ignore"):
        y = op(name, *xs, **params)
        seed = tg.ones_like(y)
        first = tg.autograd.grad(y, xs, seed, create_graph=True)
        assert [(g.shape, g.dtype) for g in first] == [(x.shape, x.dtype) for x in xs]
        connected = [g for g in first if g.requires_grad]
        if connected:
            second = tg.autograd.grad(connected, xs, [seed] * len(connected), retain_graph=True, materialize_grads=True)
            assert [(g.shape, g.dtype) for g in second] == [(x.shape, x.dtype) for x in xs]
        (t,) = tg.autograd.jvp(y, xs, [tg.ones_like(x) for x in xs])
        assert (t.shape, t.dtype) == (y.shape, y.dtype)
    for g in first:
        ordinary = np.ones(y.shape, bool)
        for other, domain in zip(xs, primitive.samples, strict=True):
            ordinary &= np.isin(np.abs(other.array), [0.5, 2.0, 2.5]) & on_its_side(other.array, domain)
        inside = ordinary & np.isfinite(y.array)
        assert np.isfinite(g.detach().numpy()[inside]).all(), "an ordinary point is not hurt by its neighbours"


LARGE = [-1e4, -100.0, -20.0, -1.5, 1.5, 20.0, 100.0, 1e4]


@pytest.mark.parametrize("name", SMOOTH)
def test_up_to_ten_thousand_derivatives_are_finite_and_silent_where_the_value_is(name):
    primitive = PRIMITIVES[name]
    params = case(primitive, Rolled(0))[1]
    reached = 0
    points = np.array(LARGE)
    for point in itertools.product(*(points[on_its_side(points, domain)] for domain in primitive.samples)):
        arrays = [np.array([v], np.float32) for v in point]
        with np.errstate(all="ignore"):
            if not np.isfinite(primitive.forward(*arrays, **params)).all():
                continue  # overflow, or outside the domain
        reached += 1
        xs = leaves(arrays)
        y = op(name, *xs, **params)  # warnings are errors
        first = tg.autograd.grad(y, xs, tg.ones_like(y), create_graph=True)
        sums = [g for g in first if g.requires_grad]
        second = tg.autograd.grad(sums, xs, [tg.ones_like(y)] * len(sums), materialize_grads=True) if sums else ()
        for g in (*first, *second):
            assert np.isfinite(g.detach().numpy()).all(), point
    assert reached or any(domain[1] < 1 for domain in primitive.samples), "no point is in the domain"


@pytest.mark.parametrize(("name", "dtype"), IN_EVERY_FORMAT)
def test_the_memory_layout_makes_no_difference(name, dtype):
    """Transposed, reversed, every other element, read-only, of stride 0: as the same values in a row."""
    primitive = PRIMITIVES[name]
    for seed in range(SEEDS):
        arrays, params = case(primitive, Rolled(seed), dtype)
        before = [a.tobytes() for a in arrays]
        plain = result(name, [a.copy(order="C") for a in arrays], params)
        wide = [np.broadcast_to(a, (2, *a.shape))[1, ...] for a in arrays]
        for other in (arrays, [np.asfortranarray(a) if a.ndim else a for a in arrays], wide):
            for found, expected in zip(result(name, other, params), plain, strict=True):
                assert found.dtype == expected.dtype
                tolerance = 8 * np.finfo(expected.dtype).eps if expected.dtype.kind == "f" else 0
                close(found, expected, tolerance, tolerance, name)
        assert before == [a.tobytes() for a in arrays]


def result(name, arrays, params) -> list[np.ndarray]:
    """The value, and the gradients where there are any."""
    xs = leaves(arrays)
    try:
        y = op(name, *xs, **params)
    except DTypeError as error:
        if str(error).endswith("array type float16 is unsupported in linalg"):
            pytest.skip(f"LAPACK has no half precision, and {name} says so")
        raise
    if not y.requires_grad:
        return [y.numpy()]
    diff = [x for x in xs if x.requires_grad]
    return [y.detach().numpy(), *(g.numpy() for g in tg.autograd.grad(y, diff, tg.ones_like(y)))]


@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n, d in IN_EVERY_FORMAT if d is not np.float64])
def test_in_fewer_digits_values_and_gradients_are_those_of_float64(name, dtype):
    tolerance = 1e-5 if dtype is np.float32 else 1e-2
    for seed in range(SEEDS):
        arrays, params = case(PRIMITIVES[name], Rolled(seed), dtype)
        exact = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
        for low, high in zip(result(name, arrays, params), result(name, exact, params), strict=True):
            close(low.astype(np.float64), high, tolerance, tolerance, name)


def alike(primitive: Primitive) -> tuple[list[np.ndarray], dict] | None:
    """Arguments of which all that are numbers have one shape; None if there are none, or only one."""
    for seed in range(300):
        arrays, params = case(primitive, Rolled(seed))
        numbers = [a for a in arrays if a.dtype.kind == "f"]
        if len(numbers) > 1 and numbers[0].size > 1 and len({a.shape for a in numbers}) == 1:
            return arrays, params
    return None


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if alike(PRIMITIVES[name])])
def test_an_operand_that_is_its_own_partner_gets_the_sum_of_both_gradients(name):
    arrays, params = alike(PRIMITIVES[name])
    number = next(a for a in arrays if a.dtype.kind == "f")
    xs = leaves([number if a.dtype.kind == "f" else a for a in arrays])
    diff = [x for x in xs if x.requires_grad]
    y = op(name, *xs, **params)
    seed = tg.tensor(np.linspace(0.5, 1.5, y.numel()).reshape(y.shape))
    apart = tg.autograd.grad(y, diff, seed)
    (x,) = leaves([number])
    y = op(name, *(x if a.dtype.kind == "f" else a for a in arrays), **params)
    together = tg.autograd.grad(y, [x, x], seed)
    for g in together:
        close(g.numpy(), sum(g.numpy() for g in apart), 1e-12, 1e-12, "op(x, x)")
    separate(together, [x, y, seed])


@pytest.mark.parametrize("shape", [(), (0,), (1,), (0, 3), (1, 1), (3, 0, 2)])
@pytest.mark.parametrize("name", SMOOTH)
def test_small_and_empty_shapes_keep_their_shape_in_both_sweeps(name, shape):
    primitive = PRIMITIVES[name]
    low = [max(domain[0], 0.5) if isinstance(domain, tuple) else 0.5 for domain in primitive.samples]
    xs = leaves([np.full(shape, v * 1.1) for v in low])
    y = op(name, *xs, **case(primitive, Rolled(0))[1])
    assert y.shape == shape
    assert [g.shape for g in tg.autograd.grad(y, xs, tg.ones_like(y), retain_graph=True)] == [shape] * len(xs)
    assert tg.autograd.jvp(y, xs, [tg.ones_like(x) for x in xs])[0].shape == shape
