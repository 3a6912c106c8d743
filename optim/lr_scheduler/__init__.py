"""Learning rate schedules: what changes `lr`, and the momentum, in an optimiser's parameter groups after each epoch.

Most are defined by the step from one epoch to the next, so that several can act on one optimiser at once; the closed
form stands beside it. Warm-up is a LinearLR in front of another schedule in a SequentialLR.

>>> import tensorgrad as tg
>>> optimizer = tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=1.0)
>>> warm = LinearLR(optimizer, start_factor=0.25, total_iters=3)
>>> scheduler = SequentialLR(optimizer, [warm, ExponentialLR(optimizer, gamma=0.5)], milestones=[3])
>>> for _ in range(5):
...     optimizer.step()
...     print(scheduler.get_last_lr())
...     scheduler.step()
[0.25]
[0.5]
[0.75]
[1.0]
[0.5]
"""

from tensorgrad.base.answers import complete as _complete

from .base import LRScheduler
from .composition import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .cycles import CyclicLR, OneCycleLR
from .functions import LambdaLR, MultiplicativeLR
from .multipliers import ConstantLR, ExponentialLR, LinearLR, MultiStepLR, PolynomialLR, StepLR
from .plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

_LRScheduler = LRScheduler  # the name under which older scripts subclass it

for _name in __all__:
    globals()[_name].__module__ = __name__  # by which course code tells a schedule from a function

_complete(__name__)
