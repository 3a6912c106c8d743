"""Distributions beside PyTorch with two orders of slopes, samples beside their moments, slopes beside 40 digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import tensorgrad as tg
from tensorgrad import distributions as ours
from tensorgrad.distributions import constraints, transforms
from tensorgrad.distributions.pathwise import beta_slope, gamma_slope
from tensorgrad.errors import ArgumentError, AutogradError, ShapeError
from tensorgrad.testing import gradcheck
from tests.peer import close, derivatives, scalar, torch_

Args = list[np.ndarray[Any, Any]]

RNG = np.random.default_rng(5)
REAL, OTHER = RNG.normal(size=(2, 2, 4))
POSITIVE, MORE = RNG.uniform(0.3, 3, size=(2, 2, 4))
SHARE = RNG.uniform(0.1, 0.9, size=(2, 4))
WHOLE = RNG.integers(0, 5, size=(3, 2, 4)).astype(float)
LOWER = np.tril(RNG.normal(size=(2, 3, 3))) + 3 * np.eye(3)
COVARIANCE = LOWER @ LOWER.swapaxes(-1, -2)
VECTOR = RNG.normal(size=3)

# By name: the arguments, and values to be asked about.
FAMILIES: dict[str, tuple[Args, np.ndarray[Any, Any]]] = {
    "Normal": ([REAL, POSITIVE], RNG.normal(size=(3, 2, 4))),
    "Laplace": ([REAL, POSITIVE], RNG.normal(size=(3, 2, 4))),
    "LogNormal": ([REAL, POSITIVE], RNG.uniform(0.1, 3, size=(3, 2, 4))),
    "Exponential": ([POSITIVE], RNG.uniform(0.1, 3, size=(3, 2, 4))),
    "Gamma": ([POSITIVE, MORE], RNG.uniform(0.1, 3, size=(3, 2, 4))),
    "Chi2": ([POSITIVE], RNG.uniform(0.1, 3, size=(3, 2, 4))),
    "Beta": ([POSITIVE, MORE], RNG.uniform(0.1, 0.9, size=(3, 2, 4))),
    "Uniform": ([REAL, REAL + POSITIVE], REAL + POSITIVE * RNG.uniform(0.1, 0.9, size=(3, 2, 4))),
    "Poisson": ([POSITIVE], WHOLE),
    "Bernoulli": ([SHARE], (WHOLE > 1).astype(float)),
    "Categorical": ([SHARE], RNG.integers(0, 4, size=(3, 2))),
    "OneHotCategorical": ([SHARE], np.eye(4)[RNG.integers(0, 4, size=(3, 2))]),
    "Dirichlet": ([POSITIVE], RNG.dirichlet([1, 2, 3, 4], size=(3, 2))),
    "MultivariateNormal": ([VECTOR, COVARIANCE], RNG.normal(size=(5, 2, 3))),
}

# What is asked: a name, and a function of the namespace, the class, the tensors and the values.
ASKED: dict[str, Callable[..., Any]] = {
    "log_prob": lambda d, kind, given, values: kind(*given).log_prob(values),
    "cdf": lambda d, kind, given, values: kind(*given).cdf(values),
    "icdf": lambda d, kind, given, values: kind(*given).icdf(values * 0 + 0.3),
    "entropy": lambda d, kind, given, values: kind(*given).entropy(),
    "perplexity": lambda d, kind, given, values: kind(*given).perplexity(),
    "mean": lambda d, kind, given, values: kind(*given).mean,
    "mode": lambda d, kind, given, values: kind(*given).mode * 1.0,
    "variance": lambda d, kind, given, values: kind(*given).variance,
    "stddev": lambda d, kind, given, values: kind(*given).stddev,
    "expanded": lambda d, kind, given, values: kind(*given).expand((3, 2, *kind(*given).batch_shape[1:])).log_prob(
        values[:3]
    ),
    "divergence": lambda d, kind, given, values: d.kl_divergence(kind(*given), kind(*[1.25 * x for x in given])),
}  # fmt: skip

TENSORS_ALONE = {"Categorical", "Dirichlet", "MultivariateNormal", "OneHotCategorical"}  # take no numbers
LEFT_OUT = {("Gamma", "cdf"), ("Chi2", "cdf")}  # of which there is no incomplete gamma function
INFINITE = {("Uniform", "divergence")}  # the wider one holds the other or not, as it comes
STEP = mp.mpf(10) ** -12  # of a difference in 40 digits
ROUGH = {"Gamma", "Chi2", "Beta", "Dirichlet"}  # whose slopes are PyTorch's polygamma, which has eight digits


def beside(compute: Callable[..., Any], given: Args, values: Any = None, *, rough: bool = False) -> None:
    """Assert that `compute` gives the same here and there, with its slopes and the slopes of these."""
    torch = torch_()
    found = []
    for module, space in ((tg, ours), (torch, torch.distributions)):
        tensors = [module.tensor(x, dtype=module.float64, requires_grad=True) for x in given]
        value = compute(space, tensors, None if values is None else module.tensor(values))
        slopes = derivatives(scalar(value, module), tensors, module) if value.requires_grad else []
        found.append((value, slopes))
    (here, ours_), (there, theirs) = found
    close(here, there)
    assert len(ours_) == len(theirs)
    for x, y in zip(ours_, theirs, strict=True):
        close(x, y, *((1e-6, 1e-6) if rough else (1e-9, 1e-10)))


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", FAMILIES)
def test_everything_that_is_asked_is_pytorchs(name: str, asked: str) -> None:
    given, values = FAMILIES[name]
    if (name, asked) in INFINITE:
        pytest.skip("that of uniform variables has a test of its own")
    compute = ASKED[asked]

    def ask(space: Any, tensors: Any, asked_about: Any) -> Any:
        return compute(space, getattr(space, name), tensors, asked_about)

    try:
        ask(torch_().distributions, [torch_().tensor(x) for x in given], torch_().tensor(values))
    except NotImplementedError:
        with pytest.raises(NotImplementedError, match=name if asked != "divergence" else "KL"):
            ask(ours, [tg.tensor(x) for x in given], tg.tensor(values))
        return
    if (name, asked) in LEFT_OUT:
        with pytest.raises(NotImplementedError, match=f"{name}.cdf"):
            ask(ours, [tg.tensor(x) for x in given], tg.tensor(values))
        return
    if asked in {"mean", "variance", "stddev"} and name == "Categorical":
        assert ask(ours, [tg.tensor(x) for x in given], tg.tensor(values)).isnan().all()
        return
    if asked == "mode" and name == "Uniform":
        assert ours.Uniform(0.0, 1.0).mode.isnan()
        return
    if asked == "mode" and name in {"Beta", "Dirichlet"}:  # below 1 PyTorch's is the first of several ends
        given = [x + 1 for x in given]
    beside(ask, given, values, rough=name in ROUGH)


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("name", ["Bernoulli", "Categorical", "OneHotCategorical"])
@pytest.mark.parametrize("asked", ["log_prob", "entropy", "probs", "logits", "divergence"])
def test_probabilities_and_their_logarithms_are_two_ways_to_say_one_thing(name: str, logits: bool, asked: str) -> None:
    values = FAMILIES[name][1]

    def ask(space: Any, tensors: Any, asked_about: Any) -> Any:
        p, q = (getattr(space, name)(**{"logits" if logits else "probs": x}) for x in tensors)
        if asked == "divergence":
            return space.kl_divergence(p, q)
        found = getattr(p, asked)
        return found if asked in {"probs", "logits"} else found(*[asked_about][: asked == "log_prob"])

    beside(ask, [REAL, OTHER] if logits else [SHARE, SHARE[::-1].copy()], values)


@pytest.mark.parametrize("matrix", ["covariance_matrix", "precision_matrix", "scale_tril"])
@pytest.mark.parametrize("asked", ["log_prob", "entropy", "variance", "covariance_matrix", "precision_matrix", "kl"])
def test_a_normal_vector_is_told_by_any_of_three_matrices(matrix: str, asked: str) -> None:
    def ask(space: Any, tensors: Any, values: Any) -> Any:
        given = tensors[1].tril() if matrix == "scale_tril" else tensors[1]
        p = space.MultivariateNormal(tensors[0], **{matrix: given})
        if asked == "kl":
            return space.kl_divergence(p, space.MultivariateNormal(tensors[0] + 1, **{matrix: 2 * given}))
        found = getattr(p, asked)
        return found(*[values][: asked == "log_prob"]) if callable(found) else found

    beside(ask, [VECTOR, LOWER if matrix == "scale_tril" else COVARIANCE], RNG.normal(size=(5, 2, 3)))


COMPOSED: dict[str, tuple[Callable[..., Any], Args]] = {
    "independent": (lambda d, p, v: d.Independent(d.Normal(*p), 1).log_prob(v), [REAL, POSITIVE]),
    "independent entropy": (lambda d, p, v: d.Independent(d.Normal(*p), 2).expand((3,)).entropy(), [REAL, POSITIVE]),
    "independent kl": (
        lambda d, p, v: d.kl_divergence(d.Independent(d.Normal(*p), 1), d.Independent(d.Normal(p[0] * 2, p[1] + 1), 1)),
        [REAL, POSITIVE],
    ),
    "mixture": (
        lambda d, p, v: d.MixtureSameFamily(d.Categorical(p[0]), d.Normal(p[1], p[2])).log_prob(v[:, :, 0]),
        [SHARE, REAL, POSITIVE],
    ),
    "mixture cdf": (
        lambda d, p, v: d.MixtureSameFamily(d.Categorical(p[0]), d.Normal(p[1], p[2])).cdf(v[:, :, 0]),
        [SHARE, REAL, POSITIVE],
    ),
    "mixture of vectors": (
        lambda d, p, v: d.MixtureSameFamily(d.Categorical(p[0]), d.Independent(d.Normal(p[1], p[2]), 1)).variance,
        [SHARE[0, :2], REAL, POSITIVE],
    ),
    "uniform in uniform": (
        lambda d, p, v: d.kl_divergence(d.Uniform(p[0], p[0] + p[1]), d.Uniform(p[0] - 1, p[0] + p[1] + 1)),
        [REAL, POSITIVE],
    ),
    "uniform and normal": (
        lambda d, p, v: d.kl_divergence(d.Uniform(p[0], p[0] + p[1]), d.Normal(*p)), [REAL, POSITIVE]
    ),
    "logarithms": (lambda d, p, v: d.kl_divergence(d.LogNormal(*p), d.LogNormal(p[0] + 1, p[1])), [REAL, POSITIVE]),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
def test_distributions_made_of_others(name: str) -> None:
    compute, given = COMPOSED[name]
    beside(compute, given, RNG.normal(size=(3, 2, 4)))


TRANSFORMS: dict[str, Callable[[Any, Any], Any]] = {
    "affine": lambda t, p: t.AffineTransform(p[0], p[1]),
    "affine of vectors": lambda t, p: t.AffineTransform(p[0], -p[1], event_dim=1),
    "exp": lambda t, p: t.ExpTransform(),
    "power": lambda t, p: t.ComposeTransform([t.ExpTransform(), t.PowerTransform(p[1])]),
    "sigmoid": lambda t, p: t.SigmoidTransform(),
    "softplus": lambda t, p: t.SoftplusTransform(),
    "tanh": lambda t, p: t.TanhTransform(),
    "sticks": lambda t, p: t.StickBreakingTransform(),
    "composed": lambda t, p: t.ComposeTransform(
        [t.AffineTransform(p[0], p[1]), t.TanhTransform(), t.StickBreakingTransform()]
    ),
    "independent": lambda t, p: t.IndependentTransform(t.ExpTransform(), 1),
    "reshaped": lambda t, p: t.ReshapeTransform((4,), (2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("asked", ["image", "volume", "inverse volume", "log_prob"])
def test_transforms_and_what_they_make_of_a_distribution(name: str, asked: str) -> None:
    make = TRANSFORMS[name]
    image = make(transforms, [tg.tensor(REAL), tg.tensor(POSITIVE)])(tg.tensor(OTHER)).numpy()

    def ask(space: Any, tensors: Any, values: Any) -> Any:
        transform = make(space.transforms, tensors)
        if asked == "log_prob":
            return space.TransformedDistribution(space.Normal(*tensors[:2]), [transform]).log_prob(values)
        y = transform(tensors[2])
        if asked == "image":
            return y
        volume = transform.inv.log_abs_det_jacobian if asked == "inverse volume" else transform.log_abs_det_jacobian
        return volume(*((y, tensors[2]) if asked == "inverse volume" else (tensors[2], y)))

    beside(ask, [REAL, POSITIVE, OTHER], image)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_inverse_undoes_and_the_volume_is_the_determinant_of_the_slopes(name: str) -> None:
    given = [tg.tensor(REAL[0]), tg.tensor(POSITIVE[0])]
    transform, x = TRANSFORMS[name](transforms, given), tg.tensor(OTHER[0])
    assert tg.allclose(transform.inv(transform(x)), x, atol=1e-9)
    jacobian = tg.autograd.functional.jacobian(lambda v: transform(v).reshape(-1)[:4], x)
    volume = transform.log_abs_det_jacobian(x, transform(x)).sum()
    assert volume.item() == pytest.approx(np.linalg.slogdet(jacobian.numpy())[1], abs=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_have_the_moments_and_the_shapes(name: str) -> None:
    given, _ = FAMILIES[name]
    known = getattr(ours, name)(*[tg.tensor(x) for x in given])
    tg.manual_seed(3)
    assert tuple(known.sample((2, 5)).shape) == (2, 5, *known.batch_shape, *known.event_shape)
    assert tuple(known.sample().shape) == (*known.batch_shape, *known.event_shape)
    drawn = known.sample((20000,))
    assert not drawn.requires_grad
    assert known.support.check(drawn).all()
    if name == "Categorical":
        shares = tg.stack([(drawn == k).double().mean(0) for k in range(4)], -1)
        assert tg.allclose(shares, known.probs, atol=0.02)
        return
    error = 6 * (known.variance / 20000).sqrt()
    assert ((drawn.mean(0) - known.mean).abs() < error).all()
    if name != "LogNormal":  # whose fourth moment is too large for that
        assert tg.allclose(drawn.var(0), known.variance, rtol=0.25)


@pytest.mark.parametrize("name", [name for name in FAMILIES if getattr(ours, name).has_rsample or name == "LogNormal"])
def test_samples_move_with_the_parameters_as_the_mean_does(name: str) -> None:
    given, _ = FAMILIES[name]
    tails = 4 if name == "LogNormal" else 1  # its mean is that of rare large values
    tensors = [tg.tensor(x / tails, requires_grad=True) for x in given]
    known = getattr(ours, name)(*tensors)
    tg.manual_seed(4)
    drawn = known.rsample((20000,))
    weights = tg.tensor(np.random.default_rng(6).normal(size=known.mean.shape))
    estimated = tg.autograd.grad((drawn.mean(0) * weights).sum(), tensors, retain_graph=True)
    exact = tg.autograd.grad((known.mean * weights).sum(), tensors, allow_unused=True, materialize_grads=True)
    for a, b in zip(estimated, exact, strict=True):
        assert a.isfinite().all()
        assert tg.allclose(a, b, rtol=0.15, atol=0.15)


@pytest.mark.parametrize("a", [1e-3, 0.1, 0.5, 1.0, 2.5, 30.0, 1e4])
@pytest.mark.parametrize("place", [0.01, 0.5, 0.999])
def test_the_slope_of_a_gamma_sample_has_eleven_digits(a: float, place: float) -> None:
    drawn = np.random.default_rng(7).gamma(a, size=1001)
    x = max(float(np.quantile(drawn, place)), 1e-200)
    with mp.workdps(40):
        ends, sign = ((0, x), 1) if x < a + 1 else ((x, mp.inf), -1)
        density = mp.mpf(x) ** (a - 1) * mp.exp(-x) / mp.gamma(a)
        wanted = float(-mp.diff(lambda t: sign * mp.gammainc(t, *ends, regularized=True), a, h=STEP) / density)
    assert gamma_slope(np.array([a]), np.array([x]))[0] == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.5), (1.0, 9.0), (4.0, 4.0), (50.0, 200.0), (1000.0, 1.0)])
@pytest.mark.parametrize("away", [-3.0, 0.0, 2.0])
def test_the_slope_of_a_beta_sample_has_nine_digits(a: float, b: float, away: float) -> None:
    mean = a / (a + b)
    x = min(max(mean + away * math.sqrt(mean * (1 - mean) / (a + b + 1)), 1e-4), 1 - 1e-4)
    with mp.workdps(40):
        left = partial(mp.betainc, b=b, x1=0, x2=x, regularized=True)
        density = mp.mpf(x) ** (a - 1) * (1 - mp.mpf(x)) ** (b - 1) / mp.beta(a, b)
        wanted = float(-mp.diff(left, a, h=STEP) / density / (1 - mp.mpf(x)))
    assert beta_slope(np.array([a]), np.array([b]), np.array([x]))[0] == pytest.approx(wanted, rel=1e-8)


def test_a_gamma_sample_is_not_differentiated_twice() -> None:
    a = tg.tensor([2.0], requires_grad=True)
    (slope,) = tg.autograd.grad(ours.Gamma(a, 1.0).rsample().sum(), a, create_graph=True)
    with pytest.raises(AutogradError, match="differentiate twice"):
        slope.sum().backward()


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda: ours.Normal(0.0, -1.0), ArgumentError, "parameter scale.*Normal.*GreaterThan"),
        (lambda: ours.Normal(float("nan"), 1.0), ArgumentError, "parameter loc"),
        (lambda: ours.Bernoulli(1.5), ArgumentError, "parameter probs"),
        (lambda: ours.Bernoulli(), ArgumentError, "either `probs` or `logits`"),
        (lambda: ours.Categorical(tg.tensor([-1.0, 2.0])), ArgumentError, "parameter probs"),
        (lambda: ours.Categorical(tg.tensor(1.0)), ShapeError, "one-dimensional"),
        (lambda: ours.Uniform(1.0, 1.0), ArgumentError, "low >= high"),
        (lambda: ours.Gamma(0.0, 1.0), ArgumentError, "parameter concentration"),
        (lambda: ours.MultivariateNormal(tg.zeros(2), tg.ones(2, 2)), ArgumentError, "covariance_matrix"),
        (lambda: ours.MultivariateNormal(tg.zeros(2)), ArgumentError, "exactly one"),
        (lambda: ours.MultivariateNormal(tg.zeros(3), tg.eye(2)), ShapeError, "does not fit"),
        (lambda: ours.Independent(ours.Normal(0.0, 1.0), 1), ShapeError, "reinterpreted_batch_ndims"),
        (lambda: ours.Bernoulli(0.5).log_prob(tg.tensor(0.5)), ArgumentError, "value"),
        (lambda: ours.Exponential(1.0).log_prob(tg.tensor(-1.0)), ArgumentError, "value"),
        (lambda: ours.Categorical(tg.ones(3)).log_prob(tg.tensor(3)), ArgumentError, "value"),
        (lambda: ours.Normal(tg.zeros(3), 1.0).log_prob(tg.zeros(2)), ShapeError, "does not broadcast"),
        (lambda: ours.Normal(0.0, 1.0).log_prob(0.5), TypeError, "Tensor"),
        (lambda: ours.kl_divergence(ours.Normal(0.0, 1.0), ours.Beta(1.0, 1.0)), NotImplementedError, "register_kl"),
        (lambda: transforms.ExpTransform(cache_size=2), ArgumentError, "cache_size"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        make()


def test_checks_can_be_left_out() -> None:
    assert ours.Normal(0.0, -1.0, validate_args=False).scale == -1
    assert ours.Uniform(0.0, 1.0, validate_args=False).log_prob(tg.tensor(2.0)) == -math.inf
    ours.Distribution.set_default_validate_args(False)
    try:
        ours.Normal(0.0, -1.0)
    finally:
        ours.Distribution.set_default_validate_args(True)


def test_a_parameter_that_is_computed_keeps_its_graph_after_a_look_without_one() -> None:
    logits = tg.zeros(3, requires_grad=True)
    policy = ours.Categorical(logits=logits)
    with tg.no_grad():
        assert not policy.probs.requires_grad
    assert policy.probs.requires_grad


def test_a_cache_of_one_keeps_the_digits_that_an_inverse_would_lose() -> None:
    x = tg.tensor([5.0])
    for size, exact in ((0, False), (1, True)):
        tanh = transforms.TanhTransform(cache_size=size)
        assert bool(tanh.inv(tanh(x)) == x) is exact


def test_densities_are_right_to_every_order_and_in_both_modes() -> None:
    value = tg.tensor(RNG.normal(size=4))
    loc, scale = (tg.tensor(x[0], requires_grad=True) for x in (REAL, POSITIVE))
    report = gradcheck(lambda m, s: ours.Normal(m, s).log_prob(value), (loc, scale))
    assert report.verdict == "passed"
    assert tg.func.jvp(lambda m: ours.Laplace(m, 1.0).log_prob(value), (loc,), (tg.ones(4),))[1].isfinite().all()


def test_a_distribution_runs_under_vmap_and_compiled() -> None:
    values, means = tg.tensor(OTHER), tg.tensor(REAL)
    alone = tg.stack([ours.Normal(m, 1.0).log_prob(v) for m, v in zip(means, values, strict=True)])
    assert tg.allclose(tg.func.vmap(lambda m, v: ours.Normal(m, 1.0).log_prob(v))(means, values), alone)
    compiled = tg.compile(lambda m, v: ours.Normal(m, 1.0).log_prob(v), backend="numpy")
    for _ in range(3):
        assert tg.equal(compiled(means, values), alone)


def test_constraints_say_yes_and_no() -> None:
    yes_and_no: list[tuple[Any, Any, list[bool]]] = [
        (constraints.boolean, [0.0, 1.0, 0.5], [True, True, False]),
        (constraints.nonnegative_integer, [0.0, 2.0, -1.0, 0.5], [True, True, False, False]),
        (constraints.half_open_interval(0, 1), [0.0, 1.0], [True, False]),
        (constraints.less_than(1), [0.0, 1.0], [True, False]),
        (constraints.real, [0.0, float("nan")], [True, False]),
        (constraints.simplex, [[0.5, 0.5], [0.5, 0.6]], [True, False]),
        (constraints.one_hot, [[0.0, 1.0], [1.0, 1.0]], [True, False]),
        (constraints.lower_cholesky, [[[1.0, 0.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]]], [True, False]),
        (constraints.positive_definite, [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]], [True, False]),
    ]
    for constraint, values, wanted in yes_and_no:
        assert constraint.check(tg.tensor(values)).tolist() == wanted, constraint


def test_where_the_density_is_infinite_at_several_ends_the_mode_is_where_it_is_steepest() -> None:
    assert ours.Beta(0.5, 0.7).mode == 0
    assert ours.Beta(0.7, 0.5).mode == 1
    assert ours.Dirichlet(tg.tensor([0.2, 0.9, 0.5])).mode.tolist() == [0, 1, 0]
    assert ours.Beta(1.0, 1.0).mode.isnan()


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in TENSORS_ALONE])
def test_whole_numbers_are_parameters_as_any_numbers_are(name: str) -> None:
    given: dict[str, list[Any]] = {"Uniform": [0, 2], "Normal": [0, 1], "Laplace": [0, 1], "LogNormal": [0, 1],
                                   "Bernoulli": [1], "Gamma": [1, 2], "Beta": [1, 2]}  # fmt: skip
    known = getattr(ours, name)(*given.get(name, [2]))
    assert known.mean.dtype == tg.get_default_dtype()
    assert known.sample((3,)).dtype == tg.get_default_dtype()


def test_the_parameters_of_a_transform_are_part_of_the_batch() -> None:
    def shapes(module: Any, d: Any) -> list[Any]:
        base = d.Normal(module.zeros(3), module.ones(3))
        found = [
            d.TransformedDistribution(d.Normal(0.0, 1.0), d.AffineTransform(module.zeros(3), 2.0)),
            d.TransformedDistribution(base, d.AffineTransform(module.zeros(4, 1), 2.0)),
            d.TransformedDistribution(d.Normal(0.0, 1.0), [d.ExpTransform(), d.PowerTransform(module.ones(5))]),
            d.TransformedDistribution(base, d.AffineTransform(module.zeros(4, 1), 2.0, event_dim=1)),
        ]
        return [(tuple(x.batch_shape), tuple(x.event_shape), tuple(x.sample((2,)).shape)) for x in found]

    assert shapes(tg, ours) == shapes(torch_(), torch_().distributions)
    drawn = ours.TransformedDistribution(ours.Normal(0.0, 1.0), ours.AffineTransform(tg.zeros(3), 2.0)).sample()
    assert len(set(drawn.tolist())) == 3


def test_every_draw_of_a_mixture_chooses_for_itself() -> None:
    tg.manual_seed(0)
    means = tg.tensor([[0.0, 100.0]] * 3)
    mixture = ours.MixtureSameFamily(ours.Categorical(tg.ones(2)), ours.Normal(means, 1.0))
    drawn = mixture.sample((1000,)) > 50
    assert drawn.shape == (1000, 3)
    shares = (drawn[:, :1] == drawn[:, 1:]).double().mean(0)
    assert ((shares - 0.5).abs() < 0.1).all()
    wide = ours.MixtureSameFamily(ours.Categorical(tg.ones(2)), ours.Normal(tg.zeros(2), 1.0)).expand((4,))
    assert (wide.batch_shape, wide.sample().shape, wide.log_prob(tg.zeros(4)).shape) == ((4,), (4,), (4,))


def test_a_subclass_is_expanded_by_itself_or_not_at_all() -> None:
    class Own(ours.Distribution):
        def __init__(self, loc: Any) -> None:
            self.loc = loc
            super().__init__(loc.shape, validate_args=False)

    class Squashed(ours.TransformedDistribution):
        def __init__(self, loc: Any) -> None:
            super().__init__(ours.Normal(loc, 1.0), transforms.TanhTransform())

    class Written(ours.Normal):
        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Written, _instance)
            new.loc, new.scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
            super(ours.Normal, new).__init__(batch_shape, validate_args=False)
            return new

    for made in (Own(tg.zeros(())), Squashed(tg.zeros(()))):
        with pytest.raises(NotImplementedError, match="expand"):
            made.expand((3,))
    assert Written(0.0, 1.0).expand((3,)).sample().shape == (3,)


def test_what_neither_rises_nor_falls_throughout_has_no_distribution_function() -> None:
    folded = ours.TransformedDistribution(ours.Normal(0.0, 1.0), [transforms.AbsTransform()])
    for asked in (folded.cdf, folded.icdf):
        with pytest.raises(NotImplementedError, match="cdf"):
            asked(tg.tensor(0.5))


def test_transforms_are_equal_where_their_parameters_are() -> None:
    t = transforms
    assert t.ExpTransform() == t.ExpTransform().with_cache()
    assert t.AffineTransform(tg.ones(2), 2.0) == t.AffineTransform(tg.ones(2), 2.0)
    assert t.AffineTransform(tg.ones(2), 2.0) != t.AffineTransform(tg.zeros(2), 2.0)
    assert t.ComposeTransform([t.ExpTransform()]).inv == t.ComposeTransform([t.ExpTransform().inv])

    def moved(loc: Any) -> Any:
        return ours.TransformedDistribution(ours.Normal(loc, 1.0), [t.AffineTransform(tg.tensor([1.0, 2.0]), 2.0)])

    assert tg.allclose(ours.kl_divergence(moved(tg.zeros(2)), moved(tg.ones(2))), tg.full((2,), 0.5))
    with pytest.raises(NotImplementedError, match="different ways"):
        ours.kl_divergence(moved(tg.zeros(2)), ours.LogNormal(0.0, 1.0))


def test_the_parts_that_subclasses_are_written_with() -> None:
    from tensorgrad.distributions.utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits

    class Own:
        asked = 0

        @lazy_property
        def twice(self) -> Any:
            self.asked += 1
            return 2 * tg.ones(1, requires_grad=True)

    own = Own()
    with tg.no_grad():
        assert own.twice.requires_grad
    assert own.twice is own.twice
    assert own.asked == 1
    assert [x.shape for x in broadcast_all(1, tg.zeros(2))] == [(2,), (2,)]
    p = tg.tensor([0.25, 0.75])
    assert tg.allclose(logits_to_probs(probs_to_logits(p)), p)
    assert tg.allclose(logits_to_probs(probs_to_logits(p, True), True), p)
