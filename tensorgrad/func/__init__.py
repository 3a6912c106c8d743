"""Functions of functions, with PyTorch's names: what ``torch.func`` is to PyTorch.

A transform takes a function of Tensors (or of tuples, lists and dicts of them) and gives one. They nest in any order
and to any depth, leave `.grad` alone, and their results are differentiable by whatever stands around them.
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.func.batching import vmap
from tensorgrad.func.forward import jvp, linearize
from tensorgrad.func.jacobians import hessian, hvp, jacfwd, jacrev
from tensorgrad.func.modules import functional_call, stack_module_state
from tensorgrad.func.reverse import grad, grad_and_value, value_and_grad, vjp

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]

_complete(__name__, kept=True)
