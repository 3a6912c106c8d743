"""Gradients of the validation loss with respect to hyper-parameters, through the whole of the training.

What a search tries out, an engine whose gradients are differentiable can compute: every step of the training is
recorded, and one sweep back through all of them says how the loss on the validation data changes with the learning
rate, the weight decay and the momentum.

Source: Maclaurin, Duvenaud and Adams 2015, "Gradient-based hyperparameter optimization through reversible learning".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tensorgrad import autograd
from tensorgrad.create.creation import tensor, zeros_like
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, AutogradError
from tensorgrad.optim.regularizers import is_weight

Tensors = dict[str, Tensor]
Update = Callable[[Tensors, Tensors, Tensors, Tensors], tuple[Tensors, Tensors]]


class Hypergradient(NamedTuple):
    """What `hypergradient` returns.

    Attributes:
        loss: the validation loss after training.
        gradient: its derivative by each hyper-parameter, of that one's shape.
        params: the trained parameters.
    """

    loss: float
    gradient: Tensors
    params: Tensors


def sgd(params: Tensors, grads: Tensors, hyper: Tensors, state: Tensors) -> tuple[Tensors, Tensors]:
    """Return parameters and velocities after a step of ``v = momentum * v + g; w = w - lr * v``.

    `hyper` holds "lr" and, if wanted, "weight_decay", whose multiple of a weight (not of a bias) is added to its
    gradient, and "momentum": numbers, or tensors that each broadcast to the parameters. What is returned has the shapes
    of `params`.
    """
    decay, momentum = hyper.get("weight_decay"), hyper.get("momentum")
    moved: Tensors = {}
    velocities: Tensors = {}
    for name, w in params.items():
        v = grads[name]
        if decay is not None and is_weight(w):
            v = v + decay * w
        if momentum is not None:
            v = velocities[name] = momentum * state[name] + v if name in state else v
        moved[name] = w - hyper["lr"] * v
    return moved, velocities


def hypergradient(
    train_loss: Callable[[Tensors, int], Tensor],
    valid_loss: Callable[[Tensors], Tensor],
    params: Mapping[str, Tensor],
    hyper: Mapping[str, Any],
    steps: int,
    *,
    update: Update = sgd,
) -> Hypergradient:
    """Train for `steps` steps, and return the validation loss and its gradient by the hyper-parameters.

    Every step is kept until the end: memory grows with `steps`, and the time is about three times that of training.

    Args:
        train_loss: called as ``train_loss(params, step)`` with steps from 0; `func.functional_call` runs a module on
            such parameters.
        valid_loss: called as ``valid_loss(params)`` after the last step.
        params: where the training starts, as ``dict(net.named_parameters())``; they stay as they are.
        hyper: numbers or tensors by name, those that `update` knows; numbers take the parameters' dtype.
        steps: how many, at least 1.
        update: called as ``update(params, grads, hyper, state)``, returns the parameters and the state after a step;
            the first state is empty. `sgd` unless given.

    Raises:
        ArgumentError: `steps` below 1, or no parameters or hyper-parameters.
        AutogradError: the validation loss does not depend on a hyper-parameter.

    >>> loss = lambda params: (params["w"] - 3) ** 2
    >>> start = {"w": tensor(0.0)}
    >>> found = hypergradient(lambda params, step: loss(params), loss, start, {"lr": 0.25}, steps=1)
    >>> found.params["w"], found.gradient["lr"]  # w = 6 lr, so that the loss is (6 lr - 3)**2
    (tensor(1.5000), tensor(-18.))
    """
    if steps < 1:
        raise ArgumentError(f"hypergradient: steps={steps}: expected at least 1")
    if not params or not hyper:
        raise ArgumentError("hypergradient: expected at least one parameter and one hyper-parameter")
    with autograd.enable_grad():
        w: Tensors = {name: value.detach().requires_grad_() for name, value in params.items()}
        like = next(iter(w.values())).dtype
        leaves = {name: _leaf(value, like) for name, value in hyper.items()}
        state: Tensors = {}
        for step in range(steps):
            grads = _gradients(train_loss(w, step), w, create_graph=True)
            w, state = update(
                w, {name: zeros_like(w[name]) if g is None else g for name, g in grads.items()}, leaves, state
            )
        loss = valid_loss(w)
        slopes = _gradients(loss, leaves)
    found = {name: slope for name, slope in slopes.items() if slope is not None}
    for name in slopes.keys() - found.keys():
        raise AutogradError(f"hypergradient: the validation loss does not depend on {name!r}: see what `update` uses")
    return Hypergradient(float(loss), found, {name: value.detach() for name, value in w.items()})


def _gradients(loss: Tensor, by: Tensors, *, create_graph: bool = False) -> dict[str, Tensor | None]:
    found = autograd.grad(loss, list(by.values()), create_graph=create_graph, allow_unused=True)
    return dict(zip(by, found, strict=True))


def _leaf(value: Any, dtype: Any) -> Tensor:
    made: Tensor = value.detach().clone() if isinstance(value, Tensor) else tensor(value, dtype=dtype)
    return made.requires_grad_()
