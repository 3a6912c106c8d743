"""Optimisers. They know tensors and gradients, and nothing of modules; `swa_utils` averages the weights of these."""

from typing import TYPE_CHECKING

from tensorgrad.base.answers import guard as _guard
from tensorgrad.base.unknown import load_later as _load_later

from . import lr_scheduler, regularizers
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

if TYPE_CHECKING:
    from . import swa_utils

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Objective", "Optimizer",
    "RAdam", "RMSprop", "Rprop", "lr_scheduler", "regularizers", "swa_utils",
]  # fmt: skip

_guard(__name__, exact=True)
_load_later(__name__, {"swa_utils": f"{__name__}.swa_utils"})  # which needs modules
