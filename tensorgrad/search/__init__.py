"""Hyper-parameter search (chapter 6.5): at random in rounds that narrow the space, by TPE, by Bayesian optimisation.

Optuna prunes trials, and keeps and shares them among processes and machines; TPE is Optuna's, too. Without these a
search needs nothing but this library. Written here is what Optuna has not: data that are split so that the test set
stays out of it, the rounds, a Gaussian process that this library's own engine differentiates, and gradients of the
validation loss with respect to hyper-parameters.
"""

from tensorgrad.base.answers import complete as _complete

from .bayesian import GPSampler
from .gaussian import GaussianProcess
from .hypergradients import Hypergradient, hypergradient, sgd
from .running import Outcome, Trial
from .searching import Search
from .space import Choice, Range, choice, integers, log_uniform, narrow, uniform
from .storage import open_storage

__all__ = [
    "Choice",
    "GPSampler",
    "GaussianProcess",
    "Hypergradient",
    "Outcome",
    "Range",
    "Search",
    "Trial",
    "choice",
    "hypergradient",
    "integers",
    "log_uniform",
    "narrow",
    "open_storage",
    "sgd",
    "uniform",
]

_complete(__name__)
