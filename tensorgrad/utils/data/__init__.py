"""`tensorgrad.data` under PyTorch's path."""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.data import *  # noqa: F403 - the list of names is tensorgrad.data.__all__
from tensorgrad.data import __all__ as __all__

from . import dataloader, dataset, distributed, sampler  # noqa: F401 - reached as attributes, too

_complete(__name__)
