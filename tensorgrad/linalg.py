"""Linear algebra under the names of ``torch.linalg``; everything but ranks is differentiable, to any order.

>>> import tensorgrad as tg
>>> a = tg.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
>>> tg.linalg.det(a).backward()
>>> a.grad.round().tolist()
[[3.0, -1.0], [-1.0, 2.0]]
"""

from tensorgrad.base.unknown import answer_unknown_names
from tensorgrad.functions.linalg import *  # noqa: F403 - the list of names is that of the module
from tensorgrad.functions.linalg import __all__  # noqa: F401 - the same list

answer_unknown_names(__name__)
