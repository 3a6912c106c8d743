"""Functions of each element under the names of ``torch.special``, differentiable to any order in both modes.

>>> import tensorgrad as tg
>>> x = tg.tensor([0.5, 3.0], requires_grad=True)
>>> tg.special.gammaln(x).sum().backward()
>>> x.grad  # digamma
tensor([-1.9635,  0.9228])
"""

from tensorgrad import ops as _ops
from tensorgrad.base.answers import complete as _complete
from tensorgrad.functions.common import unary as _unary
from tensorgrad.functions.elementwise import xlog1py as _xlog1py
from tensorgrad.tensor.attach import FUNCTIONS as _FUNCTIONS

_SHARED = {
    "digamma": "digamma", "erf": "erf", "erfc": "erfc", "erfinv": "erfinv", "exp2": "exp2", "expit": "sigmoid",
    "expm1": "expm1", "gammaln": "lgamma", "i0": "i0", "log1p": "log1p", "log_softmax": "log_softmax",
    "logit": "logit", "logsumexp": "logsumexp", "multigammaln": "mvlgamma", "polygamma": "polygamma",
    "psi": "digamma", "round": "round", "sinc": "sinc", "softmax": "softmax", "xlogy": "xlogy",
}  # fmt: skip
_OWN = ("entr", "erfcx", "i0e", "i1", "i1e", "log_ndtr", "ndtr", "ndtri")

__all__ = sorted((*_SHARED, *_OWN, "xlog1py"))  # noqa: PLE0605

globals().update({name: _FUNCTIONS[shared] for name, shared in _SHARED.items()})
globals().update(xlog1py=_xlog1py)
globals().update({name: _unary(getattr(_ops, name), __name__) for name in _OWN})
_complete(__name__)
