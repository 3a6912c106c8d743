"""Optimisers. They know tensors and gradients, and nothing of modules; `swa_utils` averages the weights of these."""

from tensorgrad.base.answers import complete as _complete

from . import lr_scheduler, regularizers, swa_utils
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .lbfgs import LBFGS
from .nadam import NAdam
from .objective import Objective
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Objective", "Optimizer",
    "RAdam", "RMSprop", "Rprop", "lr_scheduler", "regularizers", "swa_utils",
]  # fmt: skip

_complete(__name__)
