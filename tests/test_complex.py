"""Complex numbers: every operation is right, in value and gradient, or refuses them. There is no third state.

The calls are those of `surface`, with an imaginary part added to every floating point array. Gradients are held to a
numerical derivative in the real and in the imaginary direction, and values and gradients to PyTorch's where it is
installed.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, ops, optim
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ComplexError, DTypeError, InPlaceError
from tensorgrad.graph import Graph
from tests.cases import Rolled, case
from tests.surface import CALLS, CONSTANT, Call, Library, array_of, named

STEP = 1e-5


def floating(value: Any) -> bool:
    """Whether the surface makes a leaf of `value`, or of an element of it."""
    if isinstance(value, list | tuple):
        return any(map(floating, value))
    return isinstance(value, np.ndarray) and value.dtype == np.float64


HERMITIAN = {"cholesky", "linalg.cholesky", "linalg.eigvalsh"}  # which read half of a matrix: see REAL_LOSSES
FLOATING = [call for call in CALLS if floating([*call[1], *call[2].values()]) and call[0] not in HERMITIAN]


def turned(x: np.ndarray) -> np.ndarray:
    """`x` with an imaginary part, other numbers of the same size."""
    return x + 1j * np.cos(3 * np.arange(x.size)).reshape(x.shape) * 0.7


class Complex(Library):
    """A library whose floating point arguments are complex, moved by `moves`, one array for each."""

    moves: Sequence[np.ndarray] | None = None

    def tensor(self, value: Any, dtype: str) -> Any:
        if not (isinstance(value, np.ndarray) and value.dtype == np.float64):
            return super().tensor(value, dtype)
        array = turned(value).astype(dtype)
        if self.moves is not None:
            array = array + self.moves[len(self.leaves)]
        x = self.module.tensor(array)
        x.requires_grad_()
        self.leaves.append(x)
        return x


def cotangent(y: Any, i: int) -> np.ndarray:
    """A fixed cotangent for output `i`."""
    rng = np.random.default_rng(i)
    real, imag = rng.normal(size=tuple(y.shape)), rng.normal(size=tuple(y.shape))
    return np.asarray(real + 1j * imag if array_of(y).dtype.kind == "c" else real)


def pairing(outputs: list[Any]) -> float:
    """Re(conj(g) f) over all differentiable outputs: what the gradients are those of."""
    total = 0.0
    for i, y in enumerate(outputs):
        if array_of(y).dtype.kind in "fc":
            total += float((np.conj(cotangent(y, i)) * array_of(y)).real.sum())
    return total


def gradients(library: Library, outputs: list[Any]) -> list[np.ndarray]:
    """The gradients of `pairing`: zeros where nothing was recorded."""
    kept = [(i, y) for i, y in enumerate(outputs) if library.recorded(y)]
    if not kept:
        return [np.zeros(tuple(x.shape)) for x in library.leaves]
    seeds = [library.module.tensor(cotangent(y, i)) for i, y in kept]
    options = {"allow_unused": True, "materialize_grads": True}
    return [array_of(g) for g in library.module.autograd.grad([y for _, y in kept], library.leaves, seeds, **options)]


def numerical(call: Call, leaves: list[Any], direction: complex) -> tuple[float, list[np.ndarray]]:
    """The derivative of `pairing` along random numbers times `direction`, and these numbers."""
    vs = [np.asarray(np.random.default_rng(9 + i).normal(size=x.shape) * direction) for i, x in enumerate(leaves)]
    values = []
    for step in (STEP, -STEP):
        moved = Complex(tg, Tensor)
        moved.moves = [step * v for v in vs]
        values.append(pairing(moved.run(call, "complex128")))
    return (values[0] - values[1]) / (2 * STEP), vs


def names_of(name: str) -> set[str]:
    """What an error may call the function `name`: as it is, or by the operation that it is another name of."""
    last = name.rsplit(".", maxsplit=1)[-1]
    function = next(getattr(place, last) for place in (tg, tg.linalg, tg.special, Tensor) if hasattr(place, last))
    return {last, function.__name__}


def outcome(call: Call) -> tuple[Complex, list[Any]] | DTypeError:
    ours = Complex(tg, Tensor)
    try:
        return ours, ours.run(call, "complex128")
    except DTypeError as error:
        return error


@pytest.mark.parametrize("call", FLOATING, ids=named)
def test_a_call_is_right_or_refused(call: Call) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = outcome(call)
        if isinstance(found, DTypeError):
            assert "complex" in str(found)
            assert names_of(call[0]) & set(re.findall(r"(\w+)\(\)", str(found)))
            return
        ours, outputs = found
        inexact = [y for y in outputs if array_of(y).dtype.kind in "fc" and isinstance(y, Tensor)]
        assert all(y.requires_grad for y in inexact) or call[0] in CONSTANT, "the graph was lost"
        gx = gradients(ours, outputs)
    for direction in (1, 1j) if inexact and call[0] not in CONSTANT else ():
        slope, vs = numerical(call, ours.leaves, direction)
        exact = sum(float((np.conj(g) * v).real.sum()) for g, v in zip(gx, vs, strict=True))
        np.testing.assert_allclose(exact, slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("call", FLOATING, ids=named)
def test_a_call_has_pytorchs_value_and_gradient_or_is_refused(call: Call) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the reference here")
    found = outcome(call)
    if isinstance(found, DTypeError):
        return
    ours, outputs = found
    theirs = Complex(torch, torch.Tensor)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch announces changes of its own
            expected = theirs.run(call, "complex128")
    except (RuntimeError, TypeError) as error:
        pytest.skip(f"PyTorch refuses: {str(error)[:80]}")
    for y, w in zip(outputs, expected, strict=True):
        a, b = array_of(y), array_of(w)
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    try:
        wanted = gradients(theirs, expected)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"PyTorch has no derivative: {str(error)[:80]}")
    for g, w in zip(gradients(ours, outputs), wanted, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-10)


def family(name: str, seed: int = 0) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Complex arguments of the primitive `name`, real ones of what makes complex numbers of their parts."""
    record, rng = PRIMITIVES[name], np.random.default_rng(seed)
    if record.samples in ("parts", "complex"):
        parts = rng.normal(size=(3, 2))
        return [parts if record.samples == "parts" else parts.view(np.complex128)[:, 0]], {}
    arrays, params = case(record, Rolled(seed))
    if "dtype" in params:
        params = {"dtype": np.dtype(np.complex64)}
    masks = record.conditions  # what selects stays as it is
    return [*arrays[:masks], *(turned(a.astype(np.float64)) for a in arrays[masks:])], params


TAKEN = [name for name, record in PRIMITIVES.items() if record.complex and record.differentiable]
REFUSED = [name for name, record in PRIMITIVES.items() if not record.complex]


def inner(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """The product for which a gradient is one: Re(conj(x) y)."""
    return sum(float((np.conj(array_of(x)) * array_of(y)).real.sum()) for x, y in zip(xs, ys, strict=True))


def like(xs: Sequence[Any], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found = [np.asarray(rng.normal(size=tuple(x.shape)) + 1j * rng.normal(size=tuple(x.shape))) for x in xs]
    return [f if array_of(x).dtype.kind == "c" else f.real for f, x in zip(found, xs, strict=True)]


class Program:
    """A primitive at a point, of which any argument that is no mask is a leaf."""

    def __init__(self, name: str, seed: int) -> None:
        self.record = PRIMITIVES[name]
        self.arrays, params = family(name, seed)
        self.params = {**self.record.signature.defaults, **params}

    def run(self, shift: float = 0.0, directions: Sequence[np.ndarray] = ()) -> tuple[Tensor, list[Tensor]]:
        moves = iter(directions)
        given = [
            tg.tensor(a if a.dtype.kind == "b" or not directions else a + shift * next(moves)) for a in self.arrays
        ]
        leaves = [x.requires_grad_() for x in given if x.dtype.kind in "fc"]
        y = apply(self.record, tuple(given), self.params)
        return (unturned(y) if self.record.name == "eigh" else y), leaves


def unturned(y: Tensor) -> Tensor:
    """Eigenvectors over eigenvalues as what does not change where a vector is multiplied by a number of size 1."""
    v, w = y[..., :-1, :], y[..., -1:, :]
    return tg.cat([(v * tg.arange(1.0, v.shape[-1] + 1)) @ v.mH, w], -2)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", TAKEN)
def test_both_modes_and_orders_of_a_primitive(name: str, seed: int) -> None:
    program = Program(name, seed)
    y, xs = program.run()
    assert y.requires_grad
    (g,), vs, ws = like([y], 1), like(xs, 2), like(xs, 3)
    gx = tg.autograd.grad(y, xs, tg.tensor(g), retain_graph=True)
    assert [(a.shape, a.dtype) for a in gx] == [(x.shape, x.dtype) for x in xs]
    (t,) = tg.autograd.jvp(y, xs, list(map(tg.tensor, vs)))
    assert (t.shape, t.dtype) == (y.shape, y.dtype)
    if y.dtype == np.complex64:
        return  # of which differences tell nothing; that of the sweeps is linear
    np.testing.assert_allclose(inner([t], [g]), inner(vs, gx), rtol=1e-10, atol=1e-11)
    ends = [program.run(step, vs)[0].array for step in (STEP, -STEP)]
    np.testing.assert_allclose(t.array, (ends[0] - ends[1]) / (2 * STEP), rtol=1e-6, atol=1e-7)
    again = tg.autograd.grad(y, xs, tg.tensor(g), create_graph=True)
    for a, b in zip(gx, again, strict=True):
        np.testing.assert_allclose(a.array, b.array, rtol=1e-13, atol=1e-13)
    slopes = []
    for step in (STEP, -STEP):
        moved, leaves = program.run(step, vs)
        slopes.append(inner(ws, tg.autograd.grad(moved, leaves, tg.tensor(g))))
    recorded = [(a, w) for a, w in zip(again, ws, strict=True) if a.requires_grad]
    second = [np.zeros(x.shape) for x in xs]
    if recorded:
        seeds = [tg.tensor(w) for _, w in recorded]
        second = tg.autograd.grad([a for a, _ in recorded], xs, seeds, materialize_grads=True)
    np.testing.assert_allclose(inner(vs, second), (slopes[0] - slopes[1]) / (2 * STEP), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_a_primitive_that_takes_no_complex_numbers_refuses_them_at_every_door(name: str) -> None:
    program = Program(name, 0)
    doors = [lambda *args: apply(program.record, args, program.params)]
    if hasattr(ops, name):
        doors.append(lambda *args: getattr(ops, name)(*args, **program.params))
    tensors = [tg.tensor(a) for a in program.arrays]
    leaves = [tg.tensor(a, requires_grad=a.dtype.kind == "c") for a in program.arrays]
    for door, args in itertools.product(doors, (program.arrays, tensors, leaves)):
        with pytest.raises(ComplexError, match=rf"{name}\(\) takes no complex numbers, found complex128: .*z\.real"):
            door(*args)


def test_a_determinant_has_its_slopes_where_the_matrix_is_singular() -> None:
    rng = np.random.default_rng(0)
    for rank in (0, 1, 2, 3):
        left, right = (rng.normal(size=(4, rank)) + 1j * rng.normal(size=(4, rank)) for _ in range(2))
        z = tg.tensor(left @ right.T, requires_grad=True)
        (g,) = tg.autograd.grad(tg.linalg.det(z), z, tg.tensor(1 + 0j))
        places = [[np.delete(np.delete(z.detach().numpy(), i, 0), j, 1) for j in range(4)] for i in range(4)]
        signs = (-1.0) ** np.add.outer(np.arange(4), np.arange(4))
        np.testing.assert_allclose(g.array.conj(), np.linalg.det(places) * signs, rtol=1e-9, atol=1e-9)


def test_what_is_told_instead_of_vectors_is_there() -> None:
    z = tg.tensor(turned(np.arange(6.0).reshape(3, 2)), requires_grad=True)
    for name, way in {"svd": r"linalg\.svdvals\(z\)", "qr": r"R is linalg\.cholesky\(z\.mH @ z\)\.mH"}.items():
        with pytest.raises(ComplexError, match=way):
            getattr(tg.linalg, name)(z)
    r = tg.linalg.cholesky(z.mH @ z).mH
    q = z @ tg.linalg.inv(r)
    np.testing.assert_allclose((q @ r).array, z.array)
    np.testing.assert_allclose((q.mH @ q).array, np.eye(2), atol=1e-14)
    with pytest.raises(ComplexError, match=r"linalg\.eigvalsh\(z\), and np\.linalg\.eigh\(z\.detach"):
        tg.linalg.eigh(z.mH @ z)
    assert np.linalg.eigh((z.mH @ z).detach())[1].dtype == tg.complex128


REAL_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "square": lambda t, z: (z.conj() * z).real.sum(),
    "size": lambda t, z: z.abs().sum(),
    "parts": lambda t, z: (z.real * z.imag**2).sum() - t.imag(z).sum(),
    "view": lambda t, z: (t.view_as_real(z) ** 3).sum(),
    "adjoint": lambda t, z: (z.mH @ z.adjoint()).abs().sum() + t.vdot(z[0], z[1]).real,
    "made of parts": lambda t, z: (t.complex(z.abs(), z.imag) / (z + 3)).exp().real.mean(),
    "lengths": lambda t, z: t.linalg.norm(z) + t.linalg.vector_norm(z, 3, dim=1).sum() + t.linalg.norm(z, "nuc"),
    "determinant": lambda t, z: (t.linalg.det(z) * t.linalg.slogdet(z)[0]).imag + t.linalg.slogdet(z)[1],
    "logarithm of it": lambda t, z: (t.logdet(z) ** 2).real,
    "pseudo-inverse": lambda t, z: (t.linalg.pinv(z[:, :1]) @ z[:, 1:]).real.sum() + t.linalg.pinv(z[:1]).imag.sum(),
    "least squares": lambda t, z: t.linalg.lstsq(z[:, :1], z[:, 1:])[0].abs().sum(),
    "Cholesky": lambda t, z: (t.linalg.cholesky(z @ z.mH, upper=True) * z).imag.sum(),
    "Cholesky solves": lambda t, z: t.cholesky_solve(z[:, :1], t.linalg.cholesky(z @ z.mH)).abs().sum(),
    "eigenvalues": lambda t, z: (t.linalg.eigvalsh(z @ z.mH) * t.arange(1.0, 3)).sum(),
    "singular values": lambda t, z: t.linalg.svdvals(z)[0] ** 2 + t.linalg.svdvals(z[:1]).sum() + t.linalg.cond(z),
    "powers": lambda t, z: (z ** (0.5 + 1j) + 2.0**z + (-2.0) ** z + z**3).imag.sum(),
    "a real factor": lambda t, z: (z * z.real.sum() * 2j).abs().sum(),
}


@pytest.mark.parametrize("name", REAL_LOSSES)
def test_the_gradient_of_a_real_loss_is_pytorchs(name: str) -> None:
    numbers = turned(np.arange(4.0).reshape(2, 2) - 1.3)
    z = tg.tensor(numbers, requires_grad=True)
    REAL_LOSSES[name](tg, z).backward()
    for direction in (1, 1j):
        for place in np.ndindex(2, 2):
            move = np.zeros((2, 2), complex)
            move[place] = STEP * direction
            ends = [REAL_LOSSES[name](tg, tg.tensor(numbers + s * move)).item() for s in (1, -1)]
            slope = (ends[0] - ends[1]) / (2 * STEP)
            found = z.grad.array[place]
            np.testing.assert_allclose(found.real if direction == 1 else found.imag, slope, rtol=1e-6, atol=1e-7)
    torch = pytest.importorskip("torch", reason="PyTorch is the reference here")
    x = torch.tensor(numbers, requires_grad=True)
    REAL_LOSSES[name](torch, x).backward()
    np.testing.assert_allclose(z.grad.array, x.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_the_size_of_zero_has_the_slope_zero() -> None:
    z = tg.zeros(2, dtype=tg.complex128, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        z.abs().sum().backward()
    assert z.grad.tolist() == [0, 0]


def test_parts_are_views_and_can_be_written_where_nothing_is_recorded() -> None:
    z = tg.zeros(2, dtype=tg.complex128)
    z.imag[0] = 3.0
    tg.view_as_real(z)[1, 0] = 2.0
    assert z.tolist() == [3j, 2]
    pairs = tg.ones(3, 2)
    tg.view_as_complex(pairs)[1] = 5j
    assert pairs.tolist() == [[1, 1], [0, 5], [1, 1]]
    assert tg.view_as_complex(tg.ones(2, 3).T).tolist() == [1 + 1j] * 3
    y = z.clone().requires_grad_() * 1
    with pytest.raises(InPlaceError, match="a part of complex numbers cannot be written where a gradient is recorded"):
        y.real.mul_(2.0)
    assert y.tolist() == [3j, 2]


def test_a_write_to_complex_numbers_is_recorded() -> None:
    z = tg.ones(2, dtype=tg.complex128, requires_grad=True)
    y = z * 1j
    part = y.imag
    y[0] = 2.0
    assert part.tolist() == [0, 1]
    (part * tg.tensor([3.0, 5.0], dtype=tg.float64)).sum().backward()
    assert z.grad.tolist() == [0, 5]


Z = tg.tensor([1 + 2j, 3 - 1j])
P = tg.tensor([1 + 1j], requires_grad=True)


class Times(tg.autograd.Function):
    """``z * w``, whose author conjugates, as in PyTorch."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(z, w)
        return z * w

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        z, w = ctx.saved_tensors
        return g * w.conj(), g * z.conj()


def test_a_function_of_the_users_keeps_the_convention_in_both_modes() -> None:
    values = [turned(np.arange(3.0)), turned(np.arange(2.0, 5.0))]
    (g,), vs = like([values[0]], 1), [tg.tensor(v) for v in like(values, 2)]
    found = []
    for f in (Times.apply, tg.mul):
        xs = [tg.tensor(v, requires_grad=True) for v in values]
        y = f(*xs)
        found.append([*tg.autograd.grad(y, xs, tg.tensor(g), retain_graph=True), *tg.autograd.jvp(y, xs, vs)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.array, b.array, rtol=1e-12)


def test_transforms_of_real_functions_of_complex_numbers() -> None:
    def loss(z: Tensor) -> Tensor:
        return (z.abs() ** 2).sum()

    np.testing.assert_allclose(tg.func.grad(loss)(Z).array, 2 * Z.array)
    y, pull = tg.func.vjp(lambda z: z * 1j, Z)
    np.testing.assert_allclose(pull(tg.ones_like(y))[0].array, [-1j, -1j])
    assert tg.func.jvp(lambda z: z * 1j, (Z,), (tg.ones_like(Z),))[1].tolist() == [1j, 1j]
    np.testing.assert_allclose(tg.func.vmap(lambda z: z * 1j)(Z).array, Z.array * 1j)
    np.testing.assert_allclose(tg.autograd.functional.hvp(loss, Z, Z)[1].array, 2 * Z.array, rtol=1e-6)
    np.testing.assert_allclose(tg.autograd.functional.vhp(loss, Z, Z)[1].array, 2 * Z.array, rtol=1e-6)


def whole(dtype: Any) -> Tensor:
    return tg.ones(2, dtype=dtype)


REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "to float": (lambda: Z.float(), "would discard the imaginary part: take z.real"),
    "to integers": (lambda: Z.long(), "would discard the imaginary part"),
    "astype in a sum": (lambda: Z.sum(dtype=tg.float32), "sum.*would discard the imaginary part"),
    "item of a real tensor": (
        lambda: whole(tg.float32).__setitem__(0, 1j),
        "do not fit into a tensor of dtype float32",
    ),
    "copy": (lambda: whole(tg.float32).copy_(Z), "do not fit into a tensor of dtype float32"),
    "copy to integers": (lambda: whole(tg.int64).copy_(Z), "would discard the imaginary part"),
    "add in place": (lambda: whole(tg.float32).add_(Z), "do not fit into a tensor of dtype float32"),
    "normal_": (lambda: Z.clone().normal_(), r"normal_\(\) takes no complex"),
    "bound": (lambda: tg.ones(2).clip(1j), r"clamp\(\) takes no complex"),
    "number": (lambda: tg.maximum(tg.ones(2), 1j), r"maximum\(\) takes no complex"),
    "method": (lambda: Z.softmax(0), r"softmax\(\): amax\(\) takes no complex"),
    "recorded": (lambda: P.relu(), r"relu\(\) takes no complex"),
    "traced": (lambda: Graph.trace(tg.relu, Z), r"relu\(\) takes no complex"),
    "loss": (lambda: nn.functional.mse_loss(Z, Z), r"loss\(\) takes no complex"),
    "maximum of windows": (lambda: nn.functional.max_pool1d(Z[None], 2), r"max_pool\(\) takes no complex"),
    "statistics": (lambda: nn.functional.layer_norm(Z, [2]), r"var\(\) takes no complex"),
    "clipping": (lambda: nn.utils.get_total_norm([Z]), r"get_total_norm\(\) takes no complex"),
    "gradient of complex": (lambda: tg.func.grad(lambda z: z.sum())(Z), r"grad_and_value\(\) takes no complex"),
    "jacrev": (lambda: tg.func.jacrev(lambda z: z * z)(Z), r"jacrev\(\) takes no complex"),
    "jacfwd": (lambda: tg.func.jacfwd(lambda z: z.abs())(Z), r"jacfwd\(\) takes no complex"),
    "jacobian": (lambda: tg.autograd.functional.jacobian(lambda z: z.abs(), Z), r"jacrev\(\) takes no complex"),
    "hessian": (lambda: tg.func.hessian(lambda z: z.abs().sum())(Z), r"jac\w+\(\) takes no complex"),
    "gradcheck": (lambda: tg.testing.gradcheck(tg.exp, P), "complex"),
    "a seed": (lambda: tg.autograd.grad(tg.ones(2, requires_grad=True) * 2, P, Z), "would discard the imaginary part"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_complex_numbers_do_not_fit_says_so(name: str) -> None:
    call, text = REFUSALS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DTypeError, match=text):
            call()


OPTIMIZERS = [v for v in vars(optim).values() if isinstance(v, type) and issubclass(v, optim.Optimizer)]


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_an_optimiser_takes_complex_parameters_by_their_parts(kind: Any) -> None:
    options: dict[str, Any] = {"defaults": {}} if kind is optim.Optimizer else {"lr": 0.1}
    with pytest.raises(
        ComplexError, match=r"optimizers take no complex parameters, found complex64: .*view_as_complex"
    ):
        kind([P], **options)
    optimizer = kind([tg.ones(1, 2, requires_grad=True)], **options)
    with pytest.raises(ComplexError, match="optimizers take no complex parameters"):
        optimizer.add_param_group({"params": [P]})


def test_parts_as_a_parameter_are_trained() -> None:
    parts, wanted = nn.Parameter(tg.zeros(2, 2)), tg.tensor([1 + 2j, 3 - 1j])
    optimizer = optim.Adam([parts], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        (tg.view_as_complex(parts) - wanted).abs().pow(2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(tg.view_as_complex(parts.detach()).array, wanted.array, atol=1e-2)


def test_a_complex_output_has_no_gradient_by_itself() -> None:
    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for real scalar outputs but got complex64"
    ):
        (P * 2).sum().backward()


def test_tensors_that_are_read_outside_and_careful_sweeps_keep_the_convention() -> None:
    numbers = turned(np.arange(3.0))
    z = tg.from_numpy(numbers.copy()).requires_grad_()
    with np.errstate(all="ignore"):
        y = tg.where(tg.tensor([True, False, True]), (z - z[0]).log(), z * 2j)  # NaN behind what is not chosen
        (y[1:] * (1 - 1j)).sum().real.backward()
    slope = np.conj((1 - 1j) / (numbers[2] - numbers[0]))
    wanted = [-slope, np.conj((1 - 1j) * 2j), slope]
    np.testing.assert_allclose(z.grad.array, wanted, rtol=1e-12)
