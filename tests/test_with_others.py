"""Tensors in the hands of other libraries: SciPy's optimisers, einops, pandas, scikit-learn, matplotlib."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.errors import AutogradError, TensorgradError


def rosenbrock(x: tg.Tensor) -> tg.Tensor:
    return ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()


def test_an_objective_is_a_value_with_its_gradient() -> None:
    objective = optim.Objective(rosenbrock)
    x = np.array([0.3, -0.2, 0.9])
    value, gradient = objective(x)
    assert gradient.shape == x.shape
    steps = [(objective(x + h)[0] - objective(x - h)[0]) / 2e-6 for h in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(gradient, steps, rtol=1e-5, equal_nan=False)
    products = [(objective(x + h)[1] - objective(x - h)[1]) / 2e-6 for h in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(
        [objective.hessp(x, p) for p in np.eye(3)], products, rtol=1e-5, atol=1e-5, equal_nan=False
    )
    assert value == pytest.approx(rosenbrock(tg.from_numpy(x)).item())


def test_an_objective_of_parameters_starts_with_them_and_leaves_them_at_what_was_asked_last() -> None:
    tg.manual_seed(0)
    model = nn.Linear(2, 1)
    x = tg.randn(8, 2)
    objective = optim.Objective(lambda: (model(x) ** 2).mean(), model.parameters())
    assert objective.x0.shape == (3,)
    value, gradient = objective(objective.x0)
    assert value == pytest.approx((model(x) ** 2).mean().item())
    assert np.isfinite(gradient).all()
    assert gradient.any()
    assert objective(np.zeros(3))[0] == 0
    assert not any(p.any() for p in model.parameters())
    assert all(p.grad is None for p in model.parameters())
    assert objective.hessp(np.zeros(3), np.ones(3)).shape == (3,)


def test_an_objective_says_what_it_cannot_take() -> None:
    with pytest.raises(TensorgradError, match="one element, not shape"):
        optim.Objective(lambda x: x)(np.ones(2))
    with pytest.raises(TensorgradError, match="one element, not float"):
        optim.Objective(lambda x: 1.0)(np.ones(2))
    with pytest.raises(AutogradError, match="does not depend on the vector"):
        optim.Objective(lambda x: tg.ones(()))(np.ones(2))
    with pytest.raises(TensorgradError, match="params is empty"):
        optim.Objective(lambda: tg.ones(()), [])
    with pytest.raises(TensorgradError, match="leaves that require grad"):
        optim.Objective(lambda: tg.ones(()), [tg.ones(2)])
    with pytest.raises(TensorgradError, match="5 numbers for parameters of 2"):
        optim.Objective(lambda: tg.ones(()), [tg.ones(2, requires_grad=True)])(np.ones(5))
    with pytest.raises(TensorgradError, match="begin with a vector"):
        _ = optim.Objective(rosenbrock).x0
    assert not optim.Objective(lambda x: x.sum()).hessp(np.ones(2), np.ones(2)).any()


def test_scipy_minimizes_an_objective() -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")
    objective = optim.Objective(rosenbrock)
    found = optimize.minimize(objective, np.zeros(4), jac=True, method="BFGS")
    np.testing.assert_allclose(found.x, np.ones(4), rtol=1e-4, equal_nan=False)
    exact = optimize.minimize(objective, np.zeros(4), jac=True, hessp=objective.hessp, method="trust-ncg")
    np.testing.assert_allclose(exact.x, np.ones(4), rtol=1e-5, equal_nan=False)


PATTERNS = [
    ("rearrange", "b c h w -> b (h w) c", {}), ("rearrange", "b (c r) h w -> (b r) c h w", {"r": 2}),
    ("reduce", "b c h w -> b c", {"reduction": "mean"}),
    ("reduce", "b c (h k) w -> b h w", {"reduction": "max", "k": 2}),
    ("reduce", "b c h w -> c 1", {"reduction": "sum"}), ("reduce", "b c h w -> b", {"reduction": "prod"}),
    ("repeat", "b c h w -> b c (h 2) (w k)", {"k": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "pattern", "options"), PATTERNS)
def test_einops_keeps_the_graph(name: str, pattern: str, options: dict[str, Any]) -> None:
    einops = pytest.importorskip("einops", reason="einops is not installed")
    tg.utils.einops.register()
    a = np.random.default_rng(0).normal(size=(2, 4, 4, 3))
    function = getattr(einops, name)
    reduction = {k: v for k, v in options.items() if k != "reduction"}
    how = [options["reduction"]] if "reduction" in options else []
    x = tg.tensor(a, requires_grad=True)
    y = function(x, pattern, *how, **reduction)
    np.testing.assert_allclose(y.detach().numpy(), function(a, pattern, *how, **reduction), rtol=1e-12, equal_nan=False)
    assert tg.testing.gradcheck(lambda x: function(x, pattern, *how, **reduction), (x,))


def test_einops_packs_and_sums_tensors() -> None:
    einops = pytest.importorskip("einops", reason="einops is not installed")
    tg.utils.einops.register()
    x, y = tg.randn(2, 3, requires_grad=True), tg.randn(2, 4, 3)
    packed, shapes = einops.pack([x, y], "b * c")
    assert packed.requires_grad
    back, _ = einops.unpack(packed, shapes, "b * c")
    assert back.tolist() == x.tolist()
    assert einops.einsum(x, y, "b c, b n c -> b n").shape == (2, 4)


def test_what_is_missing_is_named() -> None:
    trial = "import sys; sys.modules['einops'] = None; import tensorgrad as tg; tg.utils.einops.register()"
    answer = subprocess.run([sys.executable, "-c", trial], capture_output=True, text=True, check=False)
    assert (
        "MissingDependencyError: utils.einops.register() needs the library einops: pip install einops" in answer.stderr
    )


def test_pandas_takes_a_detached_tensor_and_refuses_one_with_history() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    x = tg.arange(6.0).reshape(3, 2).requires_grad_()
    assert pandas.DataFrame(x.detach().numpy(), columns=["a", "b"])["b"].tolist() == [1, 3, 5]
    assert pandas.DataFrame({"a": x.detach()[:, 0]})["a"].tolist() == [0, 2, 4]
    assert pandas.Series(x.detach()[:, 1]).tolist() == [1, 3, 5]
    for refused in (
        lambda: pandas.DataFrame(x),
        lambda: pandas.Series(x[:, 0]),
        lambda: pandas.DataFrame({"a": x[:, 0]}),
    ):
        with pytest.raises((TypeError, RuntimeError, ValueError), match=r"detach\(\)"):
            refused()


def test_scikit_learn_takes_a_detached_tensor_and_refuses_one_with_history() -> None:
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.normal(size=(20, 3)), requires_grad=True)
    y = x.detach() @ tg.tensor([1.0, -2.0, 0.5], dtype=tg.float64) + 1
    model = linear.LinearRegression().fit(x.detach(), y)
    np.testing.assert_allclose(model.coef_, [1, -2, 0.5], rtol=1e-9, equal_nan=False)
    assert model.predict(x.detach()).shape == (20,)
    with pytest.raises((TypeError, RuntimeError), match=r"detach\(\)"):
        model.fit(x, y)


def test_matplotlib_takes_a_detached_tensor_and_refuses_one_with_history() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    x = tg.linspace(0, 1, 5, requires_grad=True)
    figure, axes = pyplot.subplots()
    try:
        (line,) = axes.plot(x.detach(), (x**2).detach())
        np.testing.assert_allclose(line.get_ydata(), (x.detach() ** 2).numpy(), equal_nan=False)
        axes.hist(x.detach())
        axes.imshow(x.detach().reshape(5, 1))
        axes.scatter(x.detach(), x.detach())
        for refused in (lambda: axes.plot(x), lambda: axes.imshow(x.reshape(5, 1)), lambda: axes.scatter(x, x)):
            with pytest.raises((TypeError, RuntimeError, ValueError), match=r"detach\(\)"):
                refused()
    finally:
        pyplot.close(figure)
