"""The Kullback-Leibler divergence: how much longer a code made for q is, on values of p, than one made for p."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from tensorgrad import where
from tensorgrad.base.answers import complete as _complete
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.linalg import solve_triangular
from tensorgrad.nn.functional import softplus

from .arguments import summed
from .bernoulli import Bernoulli
from .beta import Beta
from .categorical import Categorical
from .dirichlet import Dirichlet
from .distribution import Distribution
from .exponential import Exponential
from .gamma import Gamma
from .independent import Independent
from .laplace import Laplace
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform

__all__ = ["kl_divergence", "register_kl"]

Divergence = TypeVar("Divergence", bound=Callable[..., Tensor])

_FORMULAS: dict[tuple[type, type], Callable[..., Tensor]] = {}


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[Divergence], Divergence]:
    """Return a decorator of the function that `kl_divergence` calls for a pair of these classes, or of subclasses.

    Args:
        type_p: the class of p.
        type_q: the class of q.

    Raises:
        TypeError: one is no class of distributions.

    >>> import tensorgrad as tg
    >>> class Tight(tg.distributions.Normal): ...
    >>> @tg.distributions.register_kl(Tight, Tight)
    ... def tight_tight(p, q):
    ...     return p.loc - q.loc
    >>> tg.distributions.kl_divergence(Tight(2.0, 1.0), Tight(0.0, 1.0))
    tensor(2.)
    """
    for kind in (type_p, type_q):
        if not issubclass(kind, Distribution):
            raise TypeError(f"register_kl: expected a subclass of Distribution, found {kind!r}")

    def register(function: Divergence) -> Divergence:
        _FORMULAS[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return ``E_p[log p(x) - log q(x)]``, in nats, of the batch shape of both, by the formula for the two classes.

    Raises:
        NotImplementedError: there is none.

    >>> import tensorgrad as tg
    >>> d = tg.distributions
    >>> d.kl_divergence(d.Normal(1.0, 1.0), d.Normal(0.0, 1.0))
    tensor(0.5000)
    """
    pairs = [(a, b) for a in type(p).__mro__ for b in type(q).__mro__ if (a, b) in _FORMULAS]
    if not pairs:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}: estimate it by "
            "the mean of p.log_prob(x) - q.log_prob(x) over samples of p, or register a formula by register_kl"
        )
    return _FORMULAS[pairs[0]](p, q)


@register_kl(Normal, Normal)
def _normals(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log()) / 2


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normals(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ArgumentError(f"KL-divergence of vectors of different lengths: {p.event_shape} and {q.event_shape}")
    ours, theirs = p.scale_tril, q.scale_tril
    volumes = theirs.diagonal(dim1=-2, dim2=-1).log().sum(-1) - ours.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    spread = (solve_triangular(theirs, ours, upper=False) ** 2).sum((-2, -1))
    away = (solve_triangular(theirs, (p.loc - q.loc).unsqueeze(-1), upper=False) ** 2).sum((-2, -1))
    n: int = p.event_shape[0]
    return volumes + (spread + away - n) / 2


@register_kl(Bernoulli, Bernoulli)
def _bernoullis(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    one = where((q.probs == 0) & (p.probs > 0), math.inf, where(p.probs == 0, 0.0, one))
    return one + where((q.probs == 1) & (p.probs < 1), math.inf, where(p.probs == 1, 0.0, zero))


@register_kl(Categorical, Categorical)
def _categoricals(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    terms = where((q.probs == 0).expand(terms.shape), math.inf, terms)
    return where((p.probs == 0).expand(terms.shape), 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hots(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return _categoricals(p._categorical, q._categorical)


@register_kl(Dirichlet, Dirichlet)
def _dirichlets(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    first = a.sum(-1).lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return first + ((a - b) * (a.digamma() - a.sum(-1, keepdim=True).digamma())).sum(-1)


@register_kl(Beta, Beta)
def _betas(p: Beta, q: Beta) -> Tensor:
    return _dirichlets(p._pair(), q._pair())


@register_kl(Gamma, Gamma)
def _gammas(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    rates = b * (p.rate / q.rate).log() + a * (q.rate / p.rate - 1)
    return rates + b.lgamma() - a.lgamma() + (a - b) * a.digamma()


@register_kl(Exponential, Exponential)
def _exponentials(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    return _gammas(Gamma(p.rate.detach() * 0 + 1, p.rate), q)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Gamma, q: Exponential) -> Tensor:
    return _gammas(p, Gamma(q.rate.detach() * 0 + 1, q.rate))


@register_kl(Laplace, Laplace)
def _laplaces(p: Laplace, q: Laplace) -> Tensor:
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return away / q.scale + ratio * (-away / p.scale).exp() - 1 - ratio.log()


@register_kl(Poisson, Poisson)
def _poissons(p: Poisson, q: Poisson) -> Tensor:
    return p.rate.xlogy(p.rate) - p.rate.xlogy(q.rate) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniforms(p: Uniform, q: Uniform) -> Tensor:
    return where((q.low > p.low) | (q.high < p.high), math.inf, ((q.high - q.low) / (p.high - p.low)).log())


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> Tensor:
    away = ((p.variance + (p.mean - q.loc) ** 2) / q.scale**2) / 2
    return away + (q.scale * math.sqrt(2 * math.pi)).log() - (p.high - p.low).log()


@register_kl(Independent, Independent)
def _independents(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL of Independent of different numbers of axes")
    return summed(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms:
        raise NotImplementedError("KL of distributions transformed in different ways")
    return kl_divergence(p.base_dist, q.base_dist)


_complete(__name__)
