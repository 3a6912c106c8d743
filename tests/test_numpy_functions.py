"""Every public function of NumPy, numpy.linalg and numpy.fft, of tensors: right, of values alone, or refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.arrays import byrule, valued
from tensorgrad.errors import LostGraphError, TensorgradError
from tests.numpycalls import (
    ARRAYS,
    CALLS,
    WITHOUT_ARRAYS,
    computed,
    directions,
    leaves,
    name_of,
    placements,
    public,
)

REFUSED = {
    "copyto(np.zeros((2, 3)), M)", "histogram(v, 3)", "histogram(v, bins=u)", "histogram(v, 3, weights=w)",
    "histogram(v, bins=4, range=(-1, 1), density=True)", "histogram2d(v, w, 2)", "histogram_bin_edges(v, 3)",
    "histogramdd(M.T, 2)", "linalg.eig(P)", "linalg.eigvals(P)", "pad(v, 1, 'mean')", "poly(S)", "roots(w)",
}  # fmt: skip
"""What has no derivative here, and is computed of values without history alone."""

NEWER = {
    "astype", "concat", "cumulative_prod", "cumulative_sum", "in1d", "matrix_transpose", "permute_dims", "trapezoid",
    "trapz", "unstack", "unique_all", "unique_counts", "unique_inverse", "unique_values",
}  # fmt: skip
"""What one of the NumPys that are supported does not have."""

pytestmark = [
    pytest.mark.filterwarnings("ignore:numpy.fix is deprecated"),  # since NumPy 2.5
    pytest.mark.filterwarnings("ignore:`(in1d|trapz)` is deprecated"),  # before 2.4, which has them no more
]

NUMBERS = (np.ndarray, np.generic, float, int, complex)


def plain(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, tg.Tensor) else x


def same(result: Any, expected: Any, of_floats: bool = True) -> None:
    """Assert that a result with tensors is NumPy's, in structure, shape, dtype and value.

    NumPy does not ask the index that it takes of an array what to do: that is an array then, of which nothing is lost.
    """
    found, known = leaves(result), leaves(expected)
    assert len(found) == len(known)
    for a, b in zip(found, known, strict=True):
        if not isinstance(b, NUMBERS) or isinstance(b, bool):
            assert isinstance(b, str) or a == b
            continue
        assert isinstance(a, tg.Tensor) == isinstance(b, np.ndarray | np.generic) or type(a) is int or not of_floats
        value = np.asarray(plain(a))
        assert value.shape == np.shape(b)
        assert value.dtype == np.asarray(b).dtype or type(a) is int
        np.testing.assert_allclose(value, b, rtol=1e-9, atol=1e-12, equal_nan=True)  # NaN of `g`


def floats(place: tuple[str, ...]) -> list[str]:
    return [x for x in place if ARRAYS[x].dtype.kind in "fc"]


@pytest.mark.parametrize("call", CALLS)
def test_a_function_of_tensors_without_history_gives_what_numpy_does(call: str) -> None:
    expected = computed(call, {})
    for place in placements(call):
        same(computed(call, {x: tg.tensor(ARRAYS[x]) for x in place}), expected, bool(floats(place)))


@pytest.mark.parametrize("recorded", [False, True], ids=["leaf", "computed"])
@pytest.mark.parametrize("call", CALLS)
def test_a_gradient_is_right_or_zero_or_the_function_is_refused(call: str, recorded: bool) -> None:
    expected = computed(call, {})
    for place in filter(floats, placements(call)):
        sources = {x: tg.tensor(ARRAYS[x], requires_grad=x in floats(place)) for x in place}
        given = {x: 1 * t if recorded and t.requires_grad else t for x, t in sources.items()}
        if call in REFUSED:
            with pytest.raises((LostGraphError, TypeError), match=r"requires grad.*: use "):
                computed(call, given)
            continue
        result = computed(call, given)
        same(result, expected)
        check_slopes(call, sources, result)


def check_slopes(call: str, sources: dict[str, tg.Tensor], result: Any, h: float = 1e-6) -> None:
    """Assert that derivatives along a direction are the differences there, and that none is lost."""
    along = directions(sources)
    rng = np.random.default_rng(1)
    ends = [leaves(computed(call, {x: ARRAYS[x] + sign * h * d for x, d in along.items()})) for sign in (1, -1)]
    for y, above, below in zip(leaves(result), *ends, strict=True):
        if not isinstance(above, NUMBERS) or np.asarray(above).dtype.kind not in "fc":
            continue
        wanted = (np.asarray(above) - np.asarray(below)) / (2 * h)
        weights = rng.normal(size=wanted.shape)
        told = (np.nan_to_num(wanted) * weights).sum().real
        slope = 0.0
        if isinstance(y, tg.Tensor) and y.requires_grad:
            total = (y * tg.tensor(weights)).sum()
            gradients = tg.autograd.grad(
                total.real if y.is_complex() else total,
                [sources[x] for x in along],
                allow_unused=True,
                retain_graph=True,
            )
            slope = sum(
                float((np.conj(plain(g)) * d).sum().real)
                for g, d in zip(gradients, along.values(), strict=True)
                if g is not None
            )
        assert np.isfinite(slope)
        np.testing.assert_allclose(slope, told, rtol=1e-4, atol=1e-5, equal_nan=False)


def test_every_public_function_of_numpy_is_tried_or_takes_no_array() -> None:
    tried = {name_of(call) for call in CALLS}
    assert not set(public()) - tried - WITHOUT_ARRAYS - {f"fft.{name}" for name in WITHOUT_ARRAYS}
    assert not {name for name in tried if name in WITHOUT_ARRAYS}


def test_every_rule_stands_for_a_function_of_numpy_and_is_tried() -> None:
    names = {name for module, table in byrule.TABLES for name in table if hasattr(module, name)}
    assert names <= {name_of(call).rpartition(".")[2] for call in CALLS}
    unknown = {name for module, table in byrule.TABLES for name in table if not hasattr(module, name)}
    assert unknown <= NEWER


@pytest.mark.parametrize("name", sorted(valued.INSTEAD))
def test_what_is_refused_says_what_to_do_instead(name: str) -> None:
    x = tg.ones(3, requires_grad=True)
    assert valued.way_out(name).endswith("x.detach() for its values without history")
    with pytest.raises(TypeError, match=re.escape("x.detach()")):
        np.save("never written.npy", x)
    with pytest.raises(TypeError, match=re.escape("x.detach()")):
        np.histogram(x)


def test_what_is_not_followed_of_a_function_is_said() -> None:
    x = tg.ones(2, 3, requires_grad=True)
    with pytest.raises(LostGraphError, match=r"np\.gradient of .* with edge_order: use"):
        np.gradient(x[0], edge_order=2)
    with pytest.raises(LostGraphError, match=r"np\.linalg\.qr of .* with mode: use"):
        np.linalg.qr(x, mode="raw")


def test_results_are_written_to_a_tensor_with_their_gradient_and_to_an_array_without() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = tg.zeros(3)
    assert np.cumsum(x, out=y) is y
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 2, 1]
    kept = np.zeros(3)
    with pytest.raises(LostGraphError, match=r"cumsum cannot write a Tensor that requires grad to an array"):
        np.cumsum(x, out=kept)
    assert not kept.any()
    assert np.cumsum(x.detach(), out=kept) is kept
    assert kept.tolist() == [1, 3, 6]


def test_what_numpy_writes_to_a_tensor_has_a_gradient() -> None:
    x, v = tg.zeros(2, 2), tg.tensor([3.0, 4.0], requires_grad=True)
    np.fill_diagonal(x, v)
    assert x.tolist() == [[3, 0], [0, 4]]
    (x * tg.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert v.grad is not None
    assert v.grad.tolist() == [1, 4]
    np.copyto(y := tg.zeros(2), v)
    assert y.requires_grad
    with pytest.raises(TensorgradError, match="leaf"):
        np.put(v, [0], [1.0])


def test_a_second_derivative_flows_through_numpys_functions() -> None:
    x = tg.tensor([0.3, -0.7, 1.1], dtype=tg.float64, requires_grad=True)
    assert tg.testing.gradgradcheck(lambda x: np.trapezoid(np.convolve(x, x) ** 2), (x,))
    assert tg.testing.gradgradcheck(lambda x: abs(np.fft.rfft(x)) ** 2, (x,))
    assert tg.testing.gradgradcheck(lambda x: np.linalg.norm(np.outer(x, x) + np.eye(3)), (x,))


def test_numpys_functions_run_for_all_examples_of_a_batch_and_in_a_trace() -> None:
    x = tg.randn(5, 4)
    found = tg.vmap(lambda row: np.concatenate([row, np.cumsum(row)]))(x)
    assert found.tolist() == tg.cat([x, x.cumsum(1)], 1).tolist()
    graph = tg.graph.Graph.trace(lambda x: np.linalg.norm(np.stack([x, np.tile(x, 1)])), tg.ones(3, requires_grad=True))
    assert graph.nodes[-1].requires_grad


def test_nothing_is_found_without_a_gradient_where_none_is_asked_for() -> None:
    with tg.no_grad():
        x = tg.ones(3, requires_grad=True)
        assert np.histogram(x, 2)[0].tolist() == [0, 3]
        assert not np.concatenate([x, x]).requires_grad


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, np.complex64])
def test_dtypes_are_numpys(dtype: Any) -> None:
    a = np.array([[1, 0, 2], [3, 1, 0]]).astype(dtype)
    x = tg.tensor(a)
    for name in (
        "sum",
        "mean",
        "std",
        "cumsum",
        "ravel",
        "diff" if dtype is not np.bool_ else "sum",
        "transpose",
        "sort",
    ):
        if name == "sort" and dtype is np.complex64:
            continue
        result, expected = getattr(np, name)(x), getattr(np, name)(a)
        assert result.array.dtype == expected.dtype, name
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6, equal_nan=False)


def test_the_namespace_of_the_array_api_makes_tensors_and_keeps_the_graph() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=tg.float64, requires_grad=True)
    xp = x.__array_namespace__(api_version="2023.12")
    for made in (
        xp.zeros(3),
        xp.arange(4),
        xp.eye(2),
        xp.full((2,), 0.5),
        xp.asarray([1.0, 2.0]),
        xp.linspace(0, 1, 3),
    ):
        assert type(made) is tg.Tensor
    assert xp.asarray(x) is x
    assert xp.asarray(x, copy=True).requires_grad
    assert xp.float32 is tg.float32
    assert xp.isdtype(x.dtype, "real floating")
    assert not xp.isdtype(x.dtype, ("integral", tg.bool))
    y = xp.linalg.det(xp.matrix_transpose(xp.permute_dims(x, (1, 0)))) + xp.sum(xp.concat([x, xp.ones((1, 2))], axis=0))
    (gradient,) = tg.autograd.grad(y, x)
    np.testing.assert_allclose(gradient.numpy(), [[6, -2], [-1, 2]], rtol=1e-12, equal_nan=False)
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = xp.no_such_function
    with pytest.raises(tg.errors.ArgumentError, match=r"1999.*2023\.12"):
        x.__array_namespace__(api_version="1999")
    with pytest.raises(tg.errors.ArgumentError, match="needs a copy"):
        xp.asarray(x, dtype=tg.float32, copy=False)


def test_the_namespace_has_the_standards_own_options() -> None:
    array = np.array([[1.0, 3.0, 1.0], [2.0, 0.0, 2.0]])
    x = tg.tensor(array, requires_grad=True)
    xp = x.__array_namespace__()
    assert xp.argsort(x, descending=True).tolist() == [[1, 0, 2], [0, 2, 1]]
    assert xp.argsort(x, axis=0).tolist() == [[0, 1, 0], [1, 0, 1]]
    assert xp.sort(x, axis=0, descending=True).tolist() == [[2, 3, 2], [1, 0, 1]]
    xp.sort(x, descending=True)[:, 0].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0, 1, 0], [1, 0, 0]]
    np.testing.assert_allclose(plain(xp.vecdot(x, x, axis=0)), (array * array).sum(0))
    assert xp.vecdot(x, x, axis=0).requires_grad
    assert xp.reshape(x, (3, 2), copy=True).requires_grad
    with pytest.raises(tg.errors.ArgumentError, match="copy"):
        xp.reshape(xp.matrix_transpose(x), (6,), copy=False)
    assert xp.finfo(x).bits == 64
    assert xp.iinfo(xp.int16).max == 32767
    assert xp.result_type(xp.float32, xp.int64) is tg.float64
    assert xp.result_type(tg.ones(2), 1.0) is tg.float32
    assert xp.__array_api_version__ in xp.VERSIONS


def test_frequencies_have_the_dtype_that_is_asked_for() -> None:
    xp = tg.ones(2).__array_namespace__()
    for name in ("fftfreq", "rfftfreq"):
        for dtype in (None, xp.float32, xp.float64):
            made = getattr(xp.fft, name)(5, d=0.5, dtype=dtype, device="cpu")
            assert made.dtype == (dtype or tg.float64)
            np.testing.assert_allclose(made.numpy(), getattr(np.fft, name)(5, 0.5), rtol=1e-6)


def test_the_namespace_has_one_device() -> None:
    x = tg.ones(2, requires_grad=True)
    xp = x.__array_namespace__()
    assert x.to_device("cpu") is x.to_device(x.device) is x
    for made in (
        xp.zeros_like(x, device=x.device),
        xp.full_like(x, 2.0, device="cpu"),
        xp.asarray([1.0], device=x.device),
        xp.fft.fftfreq(4, device=x.device),
        xp.fft.fft(x),
    ):
        assert type(made) is tg.Tensor
    for refused in (
        lambda: x.to_device("cuda"),
        lambda: xp.zeros(2, device="cuda"),
        lambda: xp.asarray([1.0], device="cuda"),
    ):
        with pytest.raises(tg.errors.DeviceError, match="CPU"):
            refused()


@pytest.mark.skipif(not hasattr(np, "__array_namespace_info__"), reason="NumPy tells nothing of itself before 2.1")
def test_the_namespace_tells_of_itself_in_dtypes_of_tensors() -> None:
    told = tg.ones(2).__array_namespace__().__array_namespace_info__()
    assert told.dtypes(kind="real floating") == {"float32": tg.float32, "float64": tg.float64}
    assert told.default_dtypes()["integral"] is tg.int64
    assert told.devices() == [told.default_device()] == [tg.ones(2).device]
    assert told.capabilities()["boolean indexing"]
