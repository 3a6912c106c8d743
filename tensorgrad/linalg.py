"""Linear algebra under the names of ``torch.linalg``; everything but ranks is differentiable, to any order.

>>> import tensorgrad as tg
>>> a = tg.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
>>> tg.linalg.det(a).backward()
>>> a.grad.round().tolist()
[[3.0, -1.0], [-1.0, 2.0]]
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.functions import linalg as _linalg
from tensorgrad.functions.common import published as _published

__all__ = list(_linalg.__all__)

globals().update({name: _published(getattr(_linalg, name), __name__) for name in __all__})
_complete(__name__)
