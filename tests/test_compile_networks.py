"""Networks trained compiled are trained as they are without: every bit that a step leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tests import compile_networks as nets
from tests.compile_networks import Run, batches, classifier, compare, planned

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"lr": 0.05, "lr_decay": 0.1}),
    ("RMSprop", {"lr": 1e-2, "momentum": 0.5, "centered": True}),
    ("Adam", {"lr": 1e-2}),
    ("Adam", {"lr": 1e-2, "amsgrad": True, "weight_decay": 1e-2}),
    ("AdamW", {"lr": 1e-2}),
    ("Adadelta", {}),
    ("NAdam", {"lr": 1e-2}),
    ("RAdam", {"lr": 1e-2}),
    ("Adamax", {"lr": 1e-2}),
    ("ASGD", {"lr": 1e-2, "t0": 5}),
    ("Rprop", {"lr": 1e-2}),
]


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)
def test_every_optimiser(backend: str, name: str, settings: dict[str, Any]) -> None:
    planned(compare(backend, lambda: nets.of_optimizer(name, **settings)), 20)


NETWORKS: dict[str, Callable[[], Run]] = {
    "plain": lambda: classifier(
        nets.mlp(normal=False, drop=0, activation=nn.Sigmoid),
        batches(16, 12, classes=4),
        lambda p: optim.SGD(p, lr=0.5),
    ),
    "clipped": lambda: classifier(nets.mlp(), batches(16, 12, classes=4), lambda p: optim.Adam(p, lr=1e-2), clip=0.05),
    "convolutional": nets.convolutional,
    "lstm": lambda: classifier(nets.Recurrent("LSTM"), batches(5, 4, 6, classes=4), lambda p: optim.Adam(p, lr=1e-2)),
    "gru": lambda: classifier(nets.Recurrent("GRU"), batches(5, 4, 6, classes=4), lambda p: optim.Adam(p, lr=1e-2)),
    "cells": lambda: classifier(nets.Cells(), batches(5, 4, 6, classes=4), lambda p: optim.Adam(p, lr=1e-2)),
    "attention": lambda: classifier(nets.Attentive(), batches(5, 4, 8, classes=4), lambda p: optim.Adam(p, lr=1e-2)),
    "transformer": lambda: classifier(
        nets.transformer(), batches(5, 5, 8, classes=4), lambda p: optim.Adam(p, lr=1e-2)
    ),
    "embedding": lambda: classifier(
        nets.embedding(), batches(6, 5, high=20, classes=4), lambda p: optim.Adam(p, lr=1e-2)
    ),
    "parametrized": lambda: classifier(
        nets.parametrized(), batches(16, 12, classes=4), lambda p: optim.SGD(p, lr=0.1, momentum=0.9)
    ),
    "averaged": lambda: classifier(nets.averaged(), batches(16, 12, classes=4), lambda p: optim.SGD(p, lr=0.1)),
    "adversarial": nets.adversarial,
    "penalised": nets.penalised,
    "autoencoder": nets.autoencoder,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network(backend: str, name: str) -> None:
    kinds = 2 if name == "embedding" else 1  # with padding, and without
    planned(compare(backend, NETWORKS[name]), 20, kinds)


@pytest.mark.parametrize("name", ["plain", "convolutional", "autoencoder", "embedding", "parametrized", "averaged"])
def test_networks_of_float32(monkeypatch: pytest.MonkeyPatch, backend: str, name: str) -> None:
    if backend == "c":
        monkeypatch.setitem(nets.LIMITS, "float32", 1e-3)  # over twenty steps
    planned(compare(backend, NETWORKS[name], dtype=tg.float32), 20, 2 if name == "embedding" else 1)


SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: optim.lr_scheduler.StepLR(o, 5),
    "CosineAnnealingLR": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 10),
    "OneCycleLR": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.2, total_steps=30),
    "LambdaLR": lambda o: optim.lr_scheduler.LambdaLR(o, lambda k: 1 / (1 + k)),
}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(backend: str, name: str, inside: bool) -> None:
    def after(run: Run, k: int) -> None:
        if k and not inside:
            run.schedules[0].step()

    planned(compare(backend, lambda: nets.scheduled(SCHEDULES[name], inside), meddle=after), 20)
