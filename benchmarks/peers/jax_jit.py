"""JAX: the whole training step as one compiled function, waited for in every step."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.problems import (
    ADAGRAD_EPSILON,
    ADAM_BETAS,
    ADAM_EPSILON,
    EPSILON,
    MOMENTUM,
    VELOCITY,
    Chain,
    Network,
    Problem,
    Run,
)

# imported by name, for JAX need not be installed for the types here to be checked
jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")

State = dict[str, Any]
seeds = count()  # every run has dropout masks of its own


def prepare(problem: Problem) -> Run | None:
    """The problem at its start, compiled at the first step of the first run."""
    if isinstance(problem, Chain):
        return _chain(problem)
    return _network(problem) if isinstance(problem, Network) else None


@cache
def _compiled_chain(repeats: int) -> Callable[..., Any]:
    def total(a: Any, b: Any) -> Any:
        h = a
        for _ in range(repeats):
            h = h * b + a
        return h.sum()

    compiled: Callable[..., Any] = jax.jit(jax.value_and_grad(total, argnums=(0, 1)))
    return compiled


def _chain(problem: Chain) -> Run:
    a, b = (jnp.asarray(vector) for vector in problem.vectors)
    compiled = _compiled_chain(problem.repeats)
    gradients: list[Any] = []

    def step() -> Any:
        total, gradients[:] = jax.block_until_ready(compiled(a, b))
        return total

    return Run(step, lambda: [np.asarray(gradient) for gradient in gradients])


def _network(problem: Network) -> Run:
    compiled = _compiled_network(problem)
    state = _initial(problem)
    inputs, labels = jnp.asarray(problem.inputs), jnp.asarray(problem.labels)

    def step() -> Any:
        nonlocal state
        state, loss = jax.block_until_ready(compiled(state, inputs, labels))
        return loss

    def arrays() -> list[npt.NDArray[Any]]:
        # by name: the compiled function returns its dictionaries in alphabetical order
        named = state["parameters"] | state["statistics"]
        return [
            np.asarray(array) for name in ("weight", "bias", "gamma", "beta", "mean", "var") for array in named[name]
        ]

    return Run(step, arrays)


def _initial(problem: Network) -> State:
    widths = problem.hidden if problem.batchnorm else ()
    parameters = {
        "weight": [jnp.array(weight) for weight in problem.weights],
        "bias": [jnp.zeros(width) for width in problem.sizes[1:]],
        "gamma": [jnp.ones(width) for width in widths],
        "beta": [jnp.zeros(width) for width in widths],
    }
    statistics = {"mean": [jnp.zeros(width) for width in widths], "var": [jnp.ones(width) for width in widths]}
    state = {"parameters": parameters, "statistics": statistics, "key": jax.random.key(next(seeds))}
    zeros = {"adam": ("first", "second"), "sgd": ()}.get(problem.optimizer, ("sum",))
    state |= {name: jax.tree.map(jnp.zeros_like, parameters) for name in zeros}
    if problem.optimizer == "adam":
        state["count"] = jnp.zeros(())
    return state


@cache
def _compiled_network(problem: Network) -> Callable[..., Any]:
    gradient = jax.value_and_grad(_loss, has_aux=True)
    update = {"sgd": _sgd, "momentum": _momentum, "adagrad": _adagrad, "adam": _adam}[problem.optimizer]

    def train(state: State, inputs: Any, labels: Any) -> tuple[State, Any]:
        key, subkey = jax.random.split(state["key"])
        (loss, statistics), gradients = gradient(
            state["parameters"], state["statistics"], subkey, inputs, labels, problem
        )
        return state | {"key": key, "statistics": statistics} | update(state, gradients, problem.rate), loss

    compiled: Callable[..., Any] = jax.jit(train, donate_argnums=0)  # the old state's memory is used again
    return compiled


def _loss(parameters: State, statistics: State, key: Any, h: Any, labels: Any, problem: Network) -> tuple[Any, State]:
    after: State = {"mean": [], "var": []}
    weights, biases = parameters["weight"], parameters["bias"]
    for layer in range(len(problem.hidden)):
        h = h @ weights[layer] + biases[layer]
        if problem.batchnorm:
            mean, var = h.mean(0), h.var(0)
            unbiased = var * (problem.batch / (problem.batch - 1))
            for name, value in (("mean", mean), ("var", unbiased)):
                after[name].append((1 - MOMENTUM) * statistics[name][layer] + MOMENTUM * value)
            h = (h - mean) * jax.lax.rsqrt(var + EPSILON) * parameters["gamma"][layer] + parameters["beta"][layer]
        h = jax.nn.relu(h)
        if problem.dropout:
            key, subkey = jax.random.split(key)
            keep = 1 - problem.dropout
            h = jnp.where(jax.random.bernoulli(subkey, keep, h.shape), h / keep, 0)
    scores = jax.nn.log_softmax(h @ weights[-1] + biases[-1])
    return -jnp.take_along_axis(scores, labels[:, None], 1).mean(), after


def _sgd(state: State, gradients: State, rate: float) -> State:
    return {"parameters": jax.tree.map(lambda p, g: p - rate * g, state["parameters"], gradients)}


def _momentum(state: State, gradients: State, rate: float) -> State:
    velocity = jax.tree.map(lambda v, g: VELOCITY * v + g, state["sum"], gradients)
    return {"parameters": jax.tree.map(lambda p, v: p - rate * v, state["parameters"], velocity), "sum": velocity}


def _adagrad(state: State, gradients: State, rate: float) -> State:
    total = jax.tree.map(lambda s, g: s + g * g, state["sum"], gradients)
    parameters = jax.tree.map(
        lambda p, g, s: p - rate * g / (jnp.sqrt(s) + ADAGRAD_EPSILON), state["parameters"], gradients, total
    )
    return {"parameters": parameters, "sum": total}


def _adam(state: State, gradients: State, rate: float) -> State:
    beta1, beta2 = ADAM_BETAS
    count = state["count"] + 1
    first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state["first"], gradients)
    second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state["second"], gradients)
    scale, correction = rate / (1 - beta1**count), jnp.sqrt(1 - beta2**count)
    parameters = jax.tree.map(
        lambda p, m, v: p - scale * m / (jnp.sqrt(v) / correction + ADAM_EPSILON), state["parameters"], first, second
    )
    return {"parameters": parameters, "count": count, "first": first, "second": second}
