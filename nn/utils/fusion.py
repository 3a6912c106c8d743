"""Batch normalisation of an evaluated network, folded into the layer before it; and layers without initial values."""

from __future__ import annotations

import copy
import inspect
from typing import Any, TypeVar

from tensorgrad.create.creation import ones_like, zeros_like
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.elementwise import rsqrt
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter

M = TypeVar("M", bound=Module)


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of the convolution that does what one followed by batch normalisation does.

    ``w' = w * s``, ``b' = (b - mean) s + shift`` with ``s = scale / sqrt(var + eps)``. `transpose`: the channels that
    come out are the second axis of the weight.
    """
    bias = zeros_like(bn_rm) if conv_b is None else conv_b
    scale = (ones_like(bn_rm) if bn_w is None else bn_w) * rsqrt(bn_rv + bn_eps)
    lead = (1, -1) if transpose else (-1, 1)
    weight = conv_w * scale.reshape(*lead, *(1,) * (conv_w.array.ndim - 2))
    shift = zeros_like(bn_rm) if bn_b is None else bn_b
    fused = (bias - bn_rm) * scale + shift
    return Parameter(weight.detach(), conv_w.requires_grad), Parameter(fused.detach(), bias.requires_grad)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of the affine map that does what one followed by batch normalisation does."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _fused(layer: M, bn: Any, transpose: bool) -> M:
    if layer.training or bn.training:
        raise ArgumentError("Fusion only for eval!: in training a batch has statistics of its own; call .eval() first")
    if bn.running_mean is None or bn.running_var is None:
        raise ArgumentError("bn.running_mean and bn.running_var must not be None: they are what is folded in")
    twin: Any = copy.deepcopy(layer)
    statistics = bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    weight, bias = fuse_conv_bn_weights(twin.weight, twin.bias, *statistics, transpose)
    twin.weight, twin.bias = weight, bias
    fused: M = twin
    return fused


def fuse_conv_bn_eval(conv: M, bn: Module, transpose: bool = False) -> M:
    """Return a convolution that does what `conv` and the batch normalisation `bn` behind it do, both evaluated.

    Raises:
        ArgumentError: one of the two is in training.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> conv, bn = nn.Conv2d(2, 3, 3).eval(), nn.BatchNorm2d(3).eval()
    >>> x = tg.ones(1, 2, 4, 4)
    >>> tg.allclose(fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    return _fused(conv, bn, transpose)


def fuse_linear_bn_eval(linear: M, bn: Module) -> M:
    """Return an affine layer that does what `linear` and the batch normalisation `bn` behind it do, both evaluated.

    Raises:
        ShapeError: `linear` and `bn` have different numbers of features.
    """
    of: Any = linear
    known: Any = bn
    if known.num_features not in (of.out_features, 1):
        raise ShapeError(
            f"To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={of.out_features} and bn.num_features={known.num_features}"
        )
    return _fused(linear, bn, transpose=False)


def skip_init(module_cls: type[M], *args: Any, **kwargs: Any) -> M:
    """Return ``module_cls(*args, **kwargs)``, whose initial values nobody may count on: they are about to be loaded.

    They are drawn here all the same.

    Raises:
        ArgumentError: a class that is no module, or takes no `device`.
    """
    if not issubclass(module_cls, Module):
        raise ArgumentError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise ArgumentError("Module must support a 'device' arg to skip initialization")
    return module_cls(*args, **kwargs)
