"""TorchScript under PyTorch's names: functions and modules run as they are.

>>> import tensorgrad as tg
>>> net = tg.nn.Linear(2, 1)
>>> tg.jit.trace(net, tg.ones(1, 2)) is net
True
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.idle.scripting import (
    annotate,
    is_scripting,
    is_scripting as is_tracing,
    marked as export,
    marked as script_method,
    script,
    trace,
    unused_or_ignored as ignore,
    unused_or_ignored as unused,
)

__all__ = [
    "annotate", "export", "ignore", "is_scripting", "is_tracing", "script", "script_method", "trace", "unused",
]  # fmt: skip

_complete(__name__)
