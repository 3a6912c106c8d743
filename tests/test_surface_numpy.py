"""What the functions must be, said with NumPy and with laws of algebra: nothing here needs another library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad.tensor.names import ROWS
from tests.surface import A, B, C, M, V, positive, real, regular, spd

NAMES = {name for row in ROWS for name in row.functions if not name.endswith("_")}


def given_values(*arrays: Any) -> list[Any]:
    return [tg.from_numpy(np.asarray(a)) for a in arrays]


def close(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    found = found.detach().numpy() if isinstance(found, tg.Tensor) else np.asarray(found)
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12, equal_nan=False)


GREATER = A > B

# name, arguments, options, the same in NumPy
EXPECTED: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = [
    ("add", (A, B), {"alpha": 2}, A + 2 * B),
    ("sub", (A, B), {"alpha": 0.5}, A - 0.5 * B),
    ("div", (A, B), {"rounding_mode": "trunc"}, np.trunc(A / B)),
    ("div", (A, B), {"rounding_mode": "floor"}, np.floor(A / B)),
    ("lerp", (A, B, 0.25), {}, 0.75 * A + 0.25 * B),
    ("addcmul", (A, A, B), {"value": 3}, A + 3 * A * B),
    ("erf", (A,), {}, np.vectorize(math.erf)(A)),
    ("erfc", (A * 3,), {}, np.vectorize(math.erfc)(A * 3)),
    ("hypot", (A, B), {}, np.sqrt(A**2 + B**2)),
    ("sum", (C, (0, 2)), {}, C.sum((0, 2))),
    ("prod", (C, 1), {}, np.prod(C, 1)),
    ("nansum", (np.where(M, np.nan, A),), {}, A[~M].sum()),
    ("nanmean", (np.where(M, np.nan, A),), {}, A[~M].mean()),
    ("var", (A, 1), {}, np.var(A, 1, ddof=1)),
    ("cumsum", (C, 1), {}, np.cumsum(C, 1)),
    ("cumprod", (C, 2), {}, np.cumprod(C, 2)),
    ("logcumsumexp", (A, 1), {}, np.log(np.cumsum(np.exp(A), 1))),
    ("logsumexp", (A, 0), {}, np.log(np.exp(A).sum(0))),
    ("cov", (A,), {}, np.cov(A)),
    ("corrcoef", (A,), {}, np.corrcoef(A)),
    ("quantile", (A, 0.3), {"dim": 1}, np.quantile(A, 0.3, axis=1)),
    ("median", (V,), {}, np.median(V)),
    ("diff", (A, 2), {}, np.diff(A, 2)),
    ("trapezoid", (A,), {}, np.trapezoid(A)),
    ("outer", (V, V), {}, np.outer(V, V)),
    ("tensordot", (C, B, ([1, 2], [0, 1])), {}, np.tensordot(C, B, ([1, 2], [0, 1]))),
    ("einsum", ("bij,kj->bki", C, A), {}, np.einsum("bij,kj->bki", C, A)),
    ("einsum", ("...j,ij", C, A), {}, np.einsum("...j,ij", C, A)),
    ("kron", (A, B[:2]), {}, np.kron(A, B[:2])),
    ("linalg.cross", (A[:, :3], B[:, :3]), {}, np.cross(A[:, :3], B[:, :3])),
    ("addmm", (B[:, :3], A, B.T), {"beta": 2, "alpha": 3}, 2 * B[:, :3] + 3 * A @ B.T),
    ("trace", (A[:, :3],), {}, np.trace(A[:, :3])),
    ("diagonal", (C, 1, 0, 2), {}, np.diagonal(C, 1, 0, 2)),
    ("tril", (C, 1), {}, np.tril(C, 1)),
    ("triu", (C, -1), {}, np.triu(C, -1)),
    ("vander", (V,), {}, np.vander(V)),
    ("movedim", (C, (0, 1), (1, 2)), {}, np.moveaxis(C, (0, 1), (1, 2))),
    ("tile", (A, (2, 3)), {}, np.tile(A, (2, 3))),
    ("repeat_interleave", (A, 2, 1), {}, np.repeat(A, 2, 1)),
    ("roll", (A, (1, -1), (0, 1)), {}, np.roll(A, (1, -1), (0, 1))),
    ("flip", (C, (0, 2)), {}, np.flip(C, (0, 2))),
    ("rot90", (A, 3), {}, np.rot90(A, 3)),
    ("dstack", ([A, B],), {}, np.dstack([A, B])),
    ("column_stack", ([V, V],), {}, np.column_stack([V, V])),
    ("take", (A, np.array([[0, 5]])), {}, np.take(A, [[0, 5]])),
    ("take_along_dim", (A, np.argsort(A, 0), 0), {}, np.sort(A, 0)),
    ("where", (GREATER, A, B), {}, np.maximum(A, B)),
    ("masked_fill", (A, GREATER, 0.0), {}, np.where(GREATER, 0, A)),
    ("nonzero", (GREATER,), {}, np.argwhere(GREATER)),
    ("bincount", (np.array([0, 2, 2]),), {}, [1, 0, 2]),
    ("searchsorted", (np.sort(V), A), {}, np.searchsorted(np.sort(V), A)),
    ("histc", (A,), {"bins": 5, "min": -1, "max": 1.1}, np.histogram(A, 5, (-1, 1.1))[0]),
    ("norm", (A,), {}, np.linalg.norm(A)),
    ("norm", (A, 3, 1), {}, (np.abs(A) ** 3).sum(1) ** (1 / 3)),
    ("linalg.matrix_norm", (A, "nuc"), {}, np.linalg.norm(A, "nuc")),
    ("linalg.pinv", (A,), {}, np.linalg.pinv(A)),
    ("linalg.cond", (A,), {}, np.linalg.cond(A)),
    ("matrix_power", (A[:, :3], 5), {}, np.linalg.matrix_power(A[:, :3], 5)),
    ("cdist", (A, B), {}, np.linalg.norm(A[:, None] - B, axis=-1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "args", "options", "expected"), EXPECTED, ids=[f"{i}-{e[0]}" for i, e in enumerate(EXPECTED)]
)
def test_a_function_is_numpys(name: str, args: Any, options: Any, expected: Any) -> None:
    function: Any = tg
    for part in name.split("."):
        function = getattr(function, part)
    tensors = [
        tg.from_numpy(a) if isinstance(a, np.ndarray) else [tg.from_numpy(x) for x in a] if isinstance(a, list) else a
        for a in args
    ]
    close(function(*tensors, **options), expected, 1e-10)


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4, 4)])
def test_factors_multiply_to_what_they_are_factors_of(shape: Any) -> None:
    x, s = given_values(regular(*shape), spd(*shape))
    identity = np.broadcast_to(np.eye(shape[-1]), shape)
    close(tg.linalg.inv(x) @ x, identity, 1e-10)
    lower = tg.linalg.cholesky(s)
    close(lower @ lower.mT, s.numpy())
    values, vectors = tg.linalg.eigh(s)
    close(vectors * values.unsqueeze(-2) @ vectors.mT, s.numpy())
    close(tg.linalg.eigvalsh(s), values.numpy())
    q, r = tg.linalg.qr(x)
    close(q @ r, x.numpy())
    close(q.mT @ q, identity)
    sign, logarithm = tg.linalg.slogdet(x)
    close(sign * logarithm.exp(), tg.linalg.det(x).numpy(), 1e-10)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (2, 4, 3)])
@pytest.mark.parametrize("full", [True, False])
def test_singular_values_and_vectors_make_the_matrix(shape: Any, full: bool) -> None:
    (x,) = given_values(real(*shape))
    u, s, vh = tg.linalg.svd(x, full_matrices=full)
    k = min(shape[-2:])
    close(u[..., :k] * s.unsqueeze(-2) @ vh[..., :k, :], x.numpy())
    close(u.mT @ u, np.broadcast_to(np.eye(u.shape[-1]), (*shape[:-2], u.shape[-1], u.shape[-1])))
    close(vh @ vh.mT, np.broadcast_to(np.eye(vh.shape[-2]), (*shape[:-2], vh.shape[-2], vh.shape[-2])))
    older = tg.svd(x, some=not full)
    close(older.V, vh.mT.numpy())


@pytest.mark.parametrize("name", ["svd", "eigh", "qr", "cholesky"])
def test_the_product_of_factors_has_the_derivatives_of_the_matrix(name: str) -> None:
    """Every factor takes part, and the derivative of the whole is known: 1, whatever the signs LAPACK chose."""
    a = spd(3, 3)
    x = tg.tensor(a, requires_grad=True)
    symmetric = (x + x.mT) / 2
    if name == "svd":
        u, s, vh = tg.linalg.svd(symmetric)
        whole = u * s @ vh
    elif name == "eigh":
        values, vectors = tg.linalg.eigh(symmetric)
        whole = vectors * values @ vectors.mT
    elif name == "qr":
        whole = tg.matmul(*tg.linalg.qr(symmetric))
    else:
        lower = tg.linalg.cholesky(symmetric)
        whole = lower @ lower.mT
    weights = tg.tensor(spd(3, 3))
    (first,) = tg.autograd.grad((whole * whole * weights).sum(), x, create_graph=True)
    close(first, 2 * a * weights.numpy(), 1e-9)
    (second,) = tg.autograd.grad((first * weights).sum(), x)
    close(second, 2 * weights.numpy() ** 2, 1e-8)


@given(seed=st.integers(0, 10_000), dim=st.integers(0, 1))
def test_gather_is_the_adjoint_of_scatter_add(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    shape = [4, 5]
    smaller = [int(rng.integers(1, n + 1)) for n in shape]
    index = rng.integers(0, shape[dim], smaller)
    x, y = rng.normal(size=shape), rng.normal(size=smaller)
    tx, ty, i = given_values(x, y, index)
    left = (tg.gather(tx, dim, i) * ty).sum()
    right = (tx * tg.zeros_like(tx).scatter_add(dim, i, ty)).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-12)


@given(seed=st.integers(0, 10_000))
def test_scatter_keeps_the_last_of_several_and_gives_it_the_gradient(seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = rng.integers(0, 3, 6)
    x, src = tg.tensor(rng.normal(size=3), requires_grad=True), tg.tensor(rng.normal(size=6), requires_grad=True)
    expected, owner = x.detach().numpy().copy(), np.full(3, -1)
    for place, i in enumerate(index):
        expected[i], owner[i] = src.detach().numpy()[place], place
    y = x.scatter(0, tg.from_numpy(index), src)
    close(y, expected)
    y.sum().backward()
    close(x.grad, owner < 0)
    close(src.grad, [float(place in owner) for place in range(6)])


@given(seed=st.integers(0, 10_000))
def test_scatter_with_multiply_lets_every_element_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = rng.integers(0, 3, 6)
    x, src = rng.normal(size=3), rng.normal(size=6)
    expected = x.copy()
    np.multiply.at(expected, index, src)
    close(tg.from_numpy(x).scatter(0, tg.from_numpy(index), tg.from_numpy(src), reduce="multiply"), expected)


@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_the_derivatives_of_a_product_are_right_where_elements_are_zero(name: str, zeros: int) -> None:
    a = np.array([2.0, -3.0, 0.5, 4.0])
    a[:zeros] = 0
    x = tg.tensor(a, requires_grad=True)
    y = x.prod() if name == "prod" else x.cumprod(0)[-1]
    (first,) = tg.autograd.grad(y, x, create_graph=True)
    close(first, [np.prod(np.delete(a, i)) for i in range(4)])
    rows = [tg.autograd.grad(first[i], x, retain_graph=True)[0].numpy() for i in range(4)]
    pairs = [[0.0 if i == j else np.prod(np.delete(a, [i, j])) for j in range(4)] for i in range(4)]
    close(np.stack(rows), pairs)


def test_the_gradient_of_a_singular_determinant_is_its_cofactors() -> None:
    x = tg.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=tg.float64, requires_grad=True)
    tg.linalg.det(x).backward()
    close(x.grad, [[4.0, -2.0], [-2.0, 1.0]])


@pytest.mark.parametrize("p", [1, 2, 3, math.inf, "fro"])
def test_the_gradient_of_a_norm_at_zero_is_zero_and_not_a_constant(p: Any) -> None:
    x = tg.zeros(3, requires_grad=True)
    (g,) = tg.autograd.grad(x.norm(p), x, create_graph=True)
    assert g.tolist() == [0.0, 0.0, 0.0]
    (h,) = tg.autograd.grad(g.sum(), x, allow_unused=True, materialize_grads=True)
    assert np.isnan(h.numpy()).all() if p not in (1, math.inf) else not h.numpy().any()  # these are in pieces


def test_equal_eigenvalues_have_the_gradient_that_exists() -> None:
    x = tg.tensor(np.eye(3), requires_grad=True)
    (tg.linalg.eigvalsh(x) ** 2).sum().backward()
    close(x.grad, 2 * np.eye(3))


@pytest.mark.parametrize("x", [-0.999999999, -0.4, 1e-12, 0.0, 0.3, 0.9, 1 - 1e-15])
def test_erfinv_undoes_erf(x: float) -> None:
    y = tg.erfinv(tg.tensor(x, dtype=tg.float64)).item()
    assert math.erf(y) == pytest.approx(x, rel=1e-14, abs=0)
    if x > 0.5:
        assert math.erfc(y) == pytest.approx(1 - x, rel=1e-12)


def test_long_running_sums_stay_right_in_float32() -> None:
    x = tg.full((1_000_000,), 0.1)
    assert x.cumsum(0)[-1].item() == pytest.approx(1e5, rel=1e-6)


# --- results and arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max", "min", "sort", "topk", "kthvalue", "median", "mode", "cummax", "cummin"])
def test_values_and_indices_have_names_and_unpack(name: str) -> None:
    x = tg.tensor(A)
    args = {"topk": (2, 1), "kthvalue": (2, 1)}.get(name, (1,))
    found = getattr(tg, name)(x, *args)
    values, indices = found
    assert values is found.values
    assert indices is found.indices
    assert indices.dtype == tg.int64
    close(x.gather(1, indices if indices.ndim == 2 else indices.unsqueeze(1)).reshape(values.shape), values.numpy())


def test_sort_sends_the_gradient_where_the_value_came_from() -> None:
    x = tg.tensor([3.0, 1.0, 2.0], requires_grad=True)
    (x.sort().values * tg.tensor([10.0, 20.0, 30.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [30.0, 10.0, 20.0]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_function_is_exported_and_says_what_it_returns(name: str) -> None:
    assert name in tg.__all__
    assert (getattr(tg, name).__doc__ or "").startswith("Return")


@pytest.mark.parametrize("name", sorted(NAMES & set(vars(tg.Tensor)) - {"where", "real", "imag"}))
def test_a_method_is_the_function_of_its_name_or_the_primitive_behind_it(name: str) -> None:
    method, function = getattr(tg.Tensor, name), getattr(tg, name)
    assert method is function or method.__name__ == function.__name__


@pytest.mark.parametrize(
    ("words", "same"),
    [({"axis": 1, "keepdims": True}, {"dim": 1, "keepdim": True}), ({"axis": 0}, {"dim": 0})],
)
@pytest.mark.parametrize(
    "name", ["sum", "mean", "var", "std", "max", "amax", "argmax", "all", "median", "norm", "prod"]
)
def test_numpys_words_mean_the_same(name: str, words: Any, same: Any) -> None:
    x = tg.tensor(A)
    first, second = getattr(tg, name)(x, **words), getattr(tg, name)(x, **same)
    first, second = (v.values if isinstance(v, tuple) else v for v in (first, second))
    assert first.tolist() == second.tolist()


def test_out_gets_the_result_and_is_returned() -> None:
    x, out = tg.tensor(A), tg.zeros(3, 4, dtype=tg.float64)
    memory = out.numpy()
    for name, args in (("add", (x, x)), ("mul", (x, 2.0)), ("exp", (x,)), ("sub", (x, x)), ("div", (x, 2.0))):
        assert getattr(tg, name)(*args, out=out) is out
        close(memory, getattr(tg, name)(*args).numpy())
    assert tg.matmul(x, x.T, out=tg.empty(0, dtype=tg.float64)).shape == (3, 3)
    values, indices = tg.zeros(3, dtype=tg.float64), tg.zeros(3, dtype=tg.int64)
    tg.max(x, 1, out=(values, indices))
    close(values, A.max(1))
    close(indices, A.argmax(1))


def test_out_refuses_what_pytorch_refuses_before_anything_is_written() -> None:
    x, out = tg.ones(2, requires_grad=True), tg.zeros(2)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        tg.add(x, x, out=out)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        tg.cat([x, x], out=tg.zeros(4))
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
        tg.add(tg.ones(2), 1.5, out=tg.zeros(2, dtype=tg.int64))
    with pytest.raises(RuntimeError, match="doesn't match the shape of the result"):
        tg.add(tg.ones(3), 1.5, out=out)
    assert out.tolist() == [0.0, 0.0]
    with tg.no_grad():
        assert tg.add(x, x, out=out).tolist() == [2.0, 2.0]


def test_a_saved_value_that_out_overwrites_makes_backward_raise() -> None:
    x, w = tg.ones(2), tg.ones(2, requires_grad=True)
    y = (w * x).sum()
    tg.add(x, 1.0, out=x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_an_empty_out_takes_the_shape_and_leaves_its_earlier_graph() -> None:
    w, out = tg.ones(0, requires_grad=True), tg.empty(0)
    before = (w * out).sum()
    tg.add(tg.ones(2), 1.0, out=out)
    assert out.tolist() == [2.0, 2.0]
    before.backward()
    assert w.grad is not None
    assert w.grad.shape == (0,)
    x = tg.ones(2, requires_grad=True)
    y = x * out
    assert [node.shape for node in y.node.inputs] == [(2,), (2,)]  # as the drawing shows them
    y.sum().backward()
    close(x.grad, [2.0, 2.0])


def test_view_shares_memory_or_refuses() -> None:
    x = tg.tensor(A)
    y = x.view(12)
    assert np.shares_memory(x.numpy(), y.numpy())
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.T.view(12)
    assert x.T.reshape(12).shape == (12,)
    assert tg.ones(2).view(tg.int32).tolist() == [1065353216, 1065353216]


@pytest.mark.parametrize("make", [
    lambda x: x.flip(0), lambda x: x.roll(0, 0), lambda x: x.rot90(4), lambda x: x.repeat(1, 1), lambda x: x.tile(1),
    lambda x: x.repeat_interleave(1, 0), lambda x: tg.diag(x), lambda x: x.nan_to_num(),
    lambda x: x.matrix_power(1), lambda x: x.tril(9), lambda x: x.index_select(0, tg.tensor([0, 1, 2])),
])  # fmt: skip
def test_what_is_no_view_in_pytorch_has_memory_of_its_own(make: Any) -> None:
    x = tg.tensor(A[:, :3])
    assert not np.shares_memory(x.numpy(), make(x).numpy())


@pytest.mark.parametrize("make", [
    lambda x: x.diagonal(), lambda x: x.narrow(0, 1, 2), lambda x: x.select(1, 0), lambda x: x.split(2)[0],
    lambda x: x.unbind(1)[0], lambda x: x.movedim(0, 1), lambda x: x.expand(2, 3, 4), lambda x: x.unflatten(1, (2, 2)),
    lambda x: x.chunk(2)[1], lambda x: x.tensor_split(2)[0], lambda x: x.squeeze(), lambda x: x.ravel(),
])  # fmt: skip
def test_what_is_a_view_in_pytorch_shares_its_memory(make: Any) -> None:
    x = tg.tensor(A)
    assert np.shares_memory(x.numpy(), make(x).numpy())


def test_indices_that_are_overwritten_later_change_no_gradient() -> None:
    x, i = tg.tensor([1.0, 2.0, 3.0], requires_grad=True), tg.tensor([0, 0, 2])
    y = x.gather(0, i).sum() + x.index_select(0, i).sum() + x.take(i).sum()
    i.numpy()[:] = 1
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0, 0.0, 3.0]


def test_broadcast_copies_do_not_survive_in_results_that_may_be_written() -> None:
    for made in (tg.ones(1).repeat(3), tg.ones(1, 1).repeat(1, 1), tg.ones(1).repeat_interleave(4)):
        assert made.numpy().flags.writeable


def test_products_of_integers_and_large_quotients_stay_exact() -> None:
    large = 2**60 + 1
    x = tg.tensor([large, -large])
    assert tg.div(x, 2, rounding_mode="trunc").tolist() == [2**59, -(2**59)]
    assert tg.div(x, 2, rounding_mode="floor").tolist() == [2**59, -(2**59) - 1]
    assert tg.tensor([2**31, 2**31]).prod().item() == 2**62


def test_nan_to_num_takes_the_limits_of_the_dtype() -> None:
    x = tg.tensor([math.nan, math.inf, -math.inf, 1.0])
    limits = np.finfo(np.float32)
    assert x.nan_to_num().tolist() == [0.0, float(limits.max), float(limits.min), 1.0]


def test_positive_definite_by_mistake_is_refused_and_the_engine_goes_on() -> None:
    x = tg.tensor(-np.eye(2), requires_grad=True)
    with pytest.raises(RuntimeError, match="not positive-definite"):
        tg.linalg.cholesky(x)
    with pytest.raises(np.linalg.LinAlgError):
        tg.linalg.inv(tg.zeros(2, 2))
    (x * 2).sum().backward()
    close(x.grad, np.full((2, 2), 2.0))


def test_positive_numbers_have_the_logarithms_of_their_products() -> None:
    x = tg.tensor(positive(6), requires_grad=True)
    (x.log().cumsum(0)[-1] - x.prod().log()).backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), np.zeros(6), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_cofactors_are_signed_minors_of_singular_matrices_too(n: int) -> None:
    a = real(n, n)
    a[-1] = 0 if n == 1 else a[0]
    minors = [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    signs = np.fromfunction(lambda i, j: (-1.0) ** (i + j), (n, n))
    close(tg.ops.cofactor(a), signs * minors, 1e-10)


@pytest.mark.parametrize("columns", [(), (2,)])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3)])
def test_least_squares_are_numpys_and_have_the_gradient_of_the_pseudo_inverse(shape: Any, columns: Any) -> None:
    a, b = real(*shape), real(shape[0], *columns)
    x, y = tg.tensor(a, requires_grad=True), tg.tensor(b, requires_grad=True)
    found = tg.linalg.lstsq(x, y)
    expected = np.linalg.lstsq(a, b)
    close(found.solution, expected[0], 1e-9)
    assert found.rank.item() == expected[2]
    close(found.singular_values, expected[3], 1e-9)
    if shape == (5, 3):
        close(found.residuals.reshape(-1), expected[1].reshape(-1), 1e-9)
    weights = tg.tensor(real(*found.solution.shape))
    gradients = tg.autograd.grad((found.solution * weights).sum(), (x, y))
    again = tg.autograd.grad(((tg.linalg.pinv(x) @ y) * weights).sum(), (x, y))
    for g, h in zip(gradients, again, strict=True):
        close(g, h.numpy(), 1e-9)


@pytest.mark.parametrize("shape", [(4, 4), (4, 2), (2, 4)])
def test_a_complete_factor_is_orthogonal(shape: Any) -> None:
    x = tg.tensor(real(*shape))
    q, r = tg.linalg.qr(x, mode="complete")
    close(q @ r, x.numpy())
    close(q.T @ q, np.eye(4 if shape[0] == 4 else 2))
    close(tg.linalg.qr(x, mode="r").R, np.linalg.qr(x.numpy(), "r"))


def test_the_logarithm_of_a_negative_determinant_is_nan() -> None:
    assert math.isnan(tg.logdet(tg.tensor([[0.0, 1.0], [1.0, 0.0]])).item())


def test_questions_of_one_tensor_have_python_answers() -> None:
    assert tg.is_floating_point(tg.ones(1))
    assert not tg.is_floating_point(tg.tensor([1]))
    with pytest.raises(RuntimeError, match="ambiguous"):
        tg.is_nonzero(tg.ones(2))
    assert tg.broadcast_shapes((2, 1), (3,)) == (2, 3)
    with pytest.raises(RuntimeError, match="Shape mismatch"):
        tg.broadcast_shapes((2,), (3,))
