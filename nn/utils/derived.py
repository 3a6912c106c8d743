"""Weights that hooks compute from others before each call: PyTorch's older way, whose names stand in many files.

The parameters that a weight is computed from are the module's own, with names of their own. The newer way, by
`parametrize`, computes a weight whenever it is read.
"""

from __future__ import annotations

from typing import Any, TypeVar

from tensorgrad.autograd import no_grad
from tensorgrad.create.sampling import randn
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter, is_lazy

from .parametrizations import (
    _WeightNorm,
    as_matrix,
    axis_of_outputs,
    check_iterations,
    iterate,
    over_norm,
    unit,
)
from .parametrize import is_parametrized

M = TypeVar("M", bound=Module)


class _Own(dict[str, Any]):
    """The parameters of a module; a weight that is computed is no item, but is read as one."""

    def __init__(self, own: dict[str, Any], derived: dict[str, Any]) -> None:
        super().__init__(own)
        self.derived = derived

    def __missing__(self, name: str) -> Any:
        return self.derived[name]

    def __contains__(self, name: object) -> bool:  # so that the attribute is found
        return super().__contains__(name) or name in self.derived

    def copy(self) -> _Own:
        return _Own(self, self.derived.copy())

    def __reduce__(self) -> Any:  # for deepcopy: values without the graph that they came from, until the next call
        return _Own, (dict(self), {name: value.detach() for name, value in self.derived.items()})


class Derived:
    """A hook that computes the tensor `name` of a module before each call; subclasses say how."""

    name: str

    def compute(self, module: Any) -> Tensor:
        """Return the tensor."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:  # noqa: ARG002 - a hook's second argument
        """Let the module have the tensor, computed anew."""
        own: Any = module._parameters  # which `attach` made
        own.derived[self.name] = self.compute(module)

    def parameter(self, module: Module) -> Parameter:
        """Take the parameter `name` off `module`, and return it; ValueError where there is none to compute."""
        found = module._parameters.get(self.name)
        if found is None or is_lazy(found):
            why = "is None" if found is None else "has no shape yet: call the module once before"
            raise ArgumentError(f"`{type(self).__name__}` cannot be applied as parameter `{self.name}` {why}")
        if is_parametrized(module):
            raise ArgumentError(f"{type(module).__name__} is parametrized: take nn.utils.parametrizations for it, too")
        del module._parameters[self.name]
        return found

    def attach(self, module: Module) -> None:
        """Compute the tensor now, and before each call."""
        if not isinstance(module._parameters, _Own):
            module.__dict__["_parameters"] = _Own(module._parameters, {})
        self(module, ())
        module.register_forward_pre_hook(self)

    def detach(self, module: Module) -> None:
        """Leave `module` without the tensor and without this hook."""
        hooks = module._own_hooks().before
        for key in [key for key, (hook, _) in hooks.items() if hook is self]:
            del hooks[key]
        module.forget_hooks_if_none()
        own: Any = module._parameters
        del own.derived[self.name]
        if not own.derived:
            module.__dict__["_parameters"] = dict(own)


def derived_by(module: Module, kind: type[Derived], name: str | None = None) -> list[Any]:
    """Return the hooks of `kind` that compute tensors of `module`, or the one of that name."""
    hooks = [] if module._hooks is None else [hook for hook, _ in module._hooks.before.values()]
    return [hook for hook in hooks if isinstance(hook, kind) and name in (None, hook.name)]


def _only(module: Module, kind: type[Derived], name: str, what: str) -> Any:
    found = derived_by(module, kind, name)
    if not found:
        raise ArgumentError(f"{what} of '{name}' not found in {module}")
    return found[0]


def _check_first(module: Module, kind: type[Derived], name: str, what: str) -> None:
    if derived_by(module, kind, name):
        raise ArgumentError(f"Cannot register two {what} hooks on the same parameter {name}")


class _Normed(Derived):
    """``g * v / |v|``."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.formula = _WeightNorm(dim)

    def compute(self, module: Any) -> Tensor:
        return self.formula(getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v"))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Let the weight be ``g * v / |v|``, the parameters `weight_g` and `weight_v`; return `module`.

    `parametrizations.weight_norm` is the newer form, with other names; the equation is the same.

    Raises:
        ArgumentError: the module has no such parameter.

    >>> from tensorgrad import nn
    >>> [(n, tuple(p.shape)) for n, p in weight_norm(nn.Linear(20, 40, bias=False)).named_parameters()]
    [('weight_g', (40, 1)), ('weight_v', (40, 20))]
    """
    _check_first(module, _Normed, name, "weight_norm")
    hook = _Normed(name, dim)
    weight = hook.parameter(module)
    with no_grad():
        length, _ = hook.formula.right_inverse(weight)
    module.register_parameter(f"{name}_g", Parameter(length))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    hook.attach(module)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Let the weight be a plain parameter again, with the value that it has; return `module`."""
    hook = _only(module, _Normed, name, "weight_norm")
    with no_grad():
        value = hook.compute(module)
    hook.detach(module)
    del module._parameters[f"{name}_g"], module._parameters[f"{name}_v"]
    module.register_parameter(name, Parameter(value))
    return module


class _Spectral(Derived):
    """The weight divided by ``u @ W @ v``; in training the two vectors come nearer to the singular ones first."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        check_iterations(n_power_iterations)
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def compute(self, module: Any) -> Tensor:
        return self.divided(module, self.n_power_iterations if module.training else 0)

    def divided(self, module: Any, times: int) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = (getattr(module, f"{self.name}_{letter}") for letter in "uv")
        matrix = as_matrix(weight, self.dim)
        iterate(matrix.array.T, v, u, times, self.eps)
        return over_norm(weight, matrix, u, v)


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Let the weight, as a matrix with the axis `dim` (0) as its rows, have the largest singular value 1.

    The parameter is `weight_orig`; the buffers `weight_u` and `weight_v` come nearer to the singular vectors by
    `n_power_iterations` at each call in training. `parametrizations.spectral_norm` is the newer form. `module` is
    returned.

    Raises:
        ArgumentError: the module has no such parameter.
    """
    _check_first(module, _Spectral, name, "spectral_norm")
    if dim is None:
        dim = axis_of_outputs(module)
    hook = _Spectral(name, n_power_iterations, dim, eps)
    weight = hook.parameter(module)
    shape, dtype = as_matrix(weight, dim).array.shape, weight.array.dtype
    module.register_parameter(f"{name}_orig", weight)
    for letter, length in zip("uv", shape, strict=True):
        module.register_buffer(f"{name}_{letter}", wrap(unit(randn(length, dtype=dtype).array, eps)))
    hook.attach(module)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Let the weight be a plain parameter again, with the value that it has; return `module`."""
    hook = _only(module, _Spectral, name, "spectral_norm")
    with no_grad():
        value = hook.divided(module, 0)
    hook.detach(module)
    for own in (f"{name}_orig", f"{name}_u", f"{name}_v"):
        delattr(module, own)
    module.register_parameter(name, Parameter(value))
    return module
